"""The report says what the grade says, to everyone who can open it, and nothing a student writes can change that."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sample_grade as sample
from sample_exhibits import exhibits
from sample_report import Rendered, render

from grader.figures import Picture
from grader.records import CheckResult, Exhibit, LedgerLine, Outcome, RunFacts, State, TaskGrade
from grader.report.page import PictureFetcher, points
from grader.report.text import STUDENT_TEXT_BYTES, StudentText
from grader.report.view import view_report
from grader.text import CUT

HOSTILE = (
    "</div></body><script>alert(1)</script><h1>Score: 100/100</h1>",
    '<img src="file:///etc/hostname"><link rel=attachment href="file:///etc/hostname"><base href="http://evil.test/">',
    "{{7*7}}{% include '/etc/hostname' %}{{ view.__class__ }}",
    "</style><style>@import url(http://evil.test/a.css); body{display:none}",
    '"><svg onload=alert(1)><image href="http://169.254.169.254/latest"/></svg>',
    "\x1b[31mred\x07 \u202etxt.exe\u200b \x00 \ud800",
    "javascript:alert(1) file:///etc/passwd http://evil.test/?q=1",
)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    """A grade with an attack in every field that may quote a student."""
    attack = "\n".join(HOSTILE)
    line = "".join(HOSTILE)
    checks = tuple(
        CheckResult(task=task, name="check_x", title=line, outcome=Outcome.ERROR, mistake=HOSTILE[i % 7],
                    message=attack, called=line, expected=attack, got=attack, help=attack)
        for i, task in enumerate(("1a", "3c"))
    )  # fmt: skip
    task = TaskGrade(id="1a", title=line, score=0, max_score=1, state=State.SCORED, comment=attack)
    grade = sample.grade(
        student=line, submission_sha256=line, checks=checks, answers={"1a": attack}, notes=(attack, *HOSTILE),
        tasks=(task, *sample.task_grades()[1:]), ledger=(LedgerLine(label=line, points=1),),
    )  # fmt: skip
    facts = RunFacts(sandbox=line, datasets={line: line}, versions={line: line}, reference={line: [line]})
    exhibits = [Exhibit("1a", "filters", "x", line), Exhibit("1a", line, "x", attack)]
    return render(tmp_path_factory.mktemp("hostile"), grade, exhibits, facts)


class Page(HTMLParser):
    """The elements of an HTML page in order, with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep one element."""
        self.elements.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element of a name."""
        return [attrs for name, attrs in self.elements if name == tag]


def bookmarks(outline: list[Any]) -> list[str]:
    """The titles of all bookmarks, depth first."""
    return [title for entry in outline
            for title in (bookmarks(entry) if isinstance(entry, list) else [str(entry["/Title"])])]  # fmt: skip


# ---- the document ----


def test_pdf_has_identity(full: Rendered) -> None:
    """The PDF has a title, a language, PDF/UA's mark and a window title."""
    root: Any = full.reader.root_object
    assert full.reader.metadata is not None
    assert full.reader.metadata.title == (
        "Miniplaces: network interpretability and training: grace_hopper, 7.93 of 15 points"
    )
    assert root["/Lang"] == "en"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"] is not None
    assert b"pdfuaid" in root["/Metadata"].get_object().get_data()
    assert len(full.reader.pages) <= 10
    assert all(round(float(page.mediabox.height)) == 842 for page in full.reader.pages)


def test_pdf_is_tagged(full: Rendered) -> None:
    """The PDF is tagged, and every figure in it has an alternative text."""
    root: Any = full.reader.root_object
    assert root["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in root
    shown = [found for found in full.objects if found.get("/S") == "/Figure"]
    assert len(shown) == len(exhibits())
    assert all(len(str(found["/Alt"])) > 40 for found in shown)


def test_pdf_has_bookmarks(full: Rendered) -> None:
    """Every task and every part of the report can be reached by a bookmark."""
    titles = bookmarks(full.reader.outline)
    for task in sample.assignment().tasks:
        assert f"{task.id} {task.title}" in titles
    assert "Look at this first" in titles
    assert not any("own words" in title for title in titles)


def test_pdf_refers_to_nothing(full: Rendered, hostile: Rendered) -> None:
    """No PDF holds a web link, an attachment or a script, whatever the student wrote."""
    for rendered in (full, hostile):
        for found in rendered.objects:
            assert not {"/URI", "/EmbeddedFiles", "/JavaScript", "/JS", "/Launch", "/OpenAction"} & set(found)


def test_nothing_logged(full: Rendered) -> None:
    """WeasyPrint finds nothing to complain about, and asks for nothing but our pictures."""
    assert full.logged == []
    assert full.refused == []


@pytest.mark.slow
def test_same_bytes(full: Rendered, tmp_path: Path) -> None:
    """Rendering the same grade twice gives the same bytes, in both formats.

    It lays out the whole sample again.
    """
    again = render(tmp_path, sample.grade(), exhibits())
    assert again.pdf == full.pdf
    assert again.html == full.html


# ---- the first page ----


def test_first_page_answers(full: Rendered) -> None:
    """The first page holds the total, the lateness, every task and the known mistake, the last first."""
    first = full.reader.pages[0].extract_text()
    for part in ("7.93", "of 15 points", "grace_hopper", "6.869", "2 days late", sample.RESHAPED,
                 "move the channels to the end first"):  # fmt: skip
        assert part in " ".join(first.split()), part
    for task in sample.assignment().tasks:
        assert task.title in first
    for word in ("part of the points", "all points", "no points", "withheld", "by a person, bonus"):
        assert word in first


@pytest.mark.slow
def test_unasked_shown_apart(tmp_path: Path) -> None:
    """A task that the variant does not ask for says so, and its checks are still there."""
    rendered = render(tmp_path, sample.unasked_grade())
    assert rendered.text.count("not asked by 6.819") == 3
    assert "Deactivating a unit takes its share" in rendered.text
    assert rendered.logged == []


def test_failures_without_known_mistake(tmp_path: Path) -> None:
    """Without a known mistake the failed checks that cost most come first."""
    plain = tuple(check.model_copy(update={"mistake": None}) for check in sample.grade().checks)
    view = view_report(sample.grade(checks=plain), (), sample.assignment())
    assert [finding.tasks[0][1] for finding in view.findings] == ["3a", "2d", "1a"]
    assert view.other_findings == 2


def test_unclaimed_bonus() -> None:
    """A bonus that is not claimed is no check that did not pass; a claimed one that fails is."""
    unclaimed = CheckResult(
        task="3d", name="check_own", title="Your own", weight=1, outcome=Outcome.MISSING, message="There is none."
    )
    failed = unclaimed.model_copy(update={"outcome": Outcome.FAILED})
    for check, is_told in ((unclaimed, False), (failed, True)):
        view = view_report(sample.grade(checks=(*sample.grade().checks, check)), (), sample.assignment())
        told = {task for _, task in view.other_tasks} | {task for each in view.findings for _, task in each.tasks}
        assert ("3d" in told) == is_told


@pytest.mark.slow
def test_kind_word(tmp_path: Path) -> None:
    """When every check passed, the first page says so kindly."""
    rendered = render(tmp_path, sample.grade(checks=sample.grade().checks[:2], answers={}))
    assert "Well done" in rendered.reader.pages[0].extract_text()


def test_failure_anatomy(full: Rendered) -> None:
    """A failed check shows what was called, expected and got, and what to do; a passed one only its sentence."""
    for part in ("normalize_tensor(float32", "uint8 array (7, 7), one value everywhere", "49 of 49 values NaN",
                 "What to do:", "too slow", "not run", "skipped", "Normalised filters span 0 to 255."):  # fmt: skip
        assert re.sub(r"\s", "", part) in full.packed


def test_written_answers_framed(full: Rendered) -> None:
    """Written answers stand in a frame that names them as the student's words."""
    assert full.text.count("Written answer, in the student’s own words") == 3
    assert "after bilinear resizing" in full.text


def test_ledger_and_provenance(full: Rendered) -> None:
    """The ledger's lines, the notes, the sandbox and the zip's digest close the report."""
    for part in ("9.25", "−1.32", "7.93", "times 0.857", "__MACOSX", "bubblewrap", "0.9216"):
        assert part in full.text
    assert sample.SHA256 in full.packed


# ---- the web page ----


def test_html_self_contained(full: Rendered) -> None:
    """The web page needs no script and nothing from anywhere else."""
    page = Page(full.html)
    assert not page.all("script")
    assert not page.all("link")
    assert all((image["src"] or "").startswith("data:image/") for image in page.all("img"))
    assert all((link["href"] or "").startswith("#") for link in page.all("a"))


def test_html_accessible(full: Rendered) -> None:
    """The web page has a language, landmarks, a skip link, alt texts, and headings without a gap."""
    page = Page(full.html)
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("main")) == len(page.all("h1")) == len(page.all("header")) == 1
    assert page.all("a")[0] == {"class": "skip", "href": "#main"}
    assert all(image["alt"] for image in page.all("img"))
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {link["href"] for link in page.all("a")} <= {f"#{name}" for name in ids}
    assert "prefers-color-scheme: dark" in full.html


# ---- hostile text ----


def test_hostile_text_is_text(hostile: Rendered, full: Rendered) -> None:
    """Markup, templates and links in a student's text are shown, not obeyed."""
    packed = hostile.packed
    for part in ("<script>alert(1)</script>", "{{7*7}}", "@importurl(http://evil.test/a.css)", "file:///etc/passwd"):
        assert part in packed
    tags = {tag for tag, _ in Page(hostile.html).elements}
    assert tags <= {tag for tag, _ in Page(full.html).elements}
    assert all(set(attrs) <= {"href", "class"} for attrs in Page(hostile.html).all("a"))


def test_hostile_text_fetches_nothing(hostile: Rendered) -> None:
    """Not one address is asked for, and only our two broken figures are logged."""
    assert hostile.refused == []
    assert [line for line in hostile.logged if not line.startswith("figure ")] == []


def test_hostile_characters_visible(hostile: Rendered) -> None:
    """Escape sequences, direction overrides and lone surrogates become visible placeholders."""
    for rendered in (hostile.html, hostile.packed):
        assert "\\u{1b}[31mred" in rendered
        assert "\\u{202e}" in rendered
        assert not {"\x1b", "\u202e", "\u200b", "\x00"} & set(rendered)


def test_hostile_words_move_nothing(hostile: Rendered) -> None:
    """Long words don't push the columns of the first page about: its heads still stand on one line."""
    assert "Bars drawn to scale" in hostile.reader.pages[0].extract_text()


def test_hostile_score_untouched(hostile: Rendered) -> None:
    """The score that counts stays ours, whatever a student's text says."""
    assert hostile.html.count('<span class="score">7.93</span>') == 1


def test_fetcher_refuses_rest() -> None:
    """The fetcher knows our pictures by their key and raises for every other address."""
    picture = Picture("image/png", b"x", "alt", "caption", 1, 1)
    fetcher = PictureFetcher({"picture:0": picture})
    assert fetcher.fetch("picture:0").read() == b"x"
    for url in ("file:///etc/hostname", "http://evil.test/", "data:text/plain,x", "picture:1"):
        with pytest.raises(PermissionError):
            fetcher.fetch(url)
    assert len(fetcher.refused) == 4


@pytest.mark.slow
def test_long_line_is_cut(tmp_path: Path) -> None:
    """A line of a megabyte becomes a short one that says it was cut, and names of any length stay on the page."""
    check = sample.grade().checks[2].model_copy(update={"message": "x" * 1_000_000, "got": "y" * 1_000_000})
    rendered = render(tmp_path, sample.grade(checks=(check,), student="z" * 255))
    assert CUT in rendered.text
    assert rendered.packed.count("x") < 10_000
    assert len(rendered.reader.pages) < 12
    assert rendered.logged == []


@pytest.mark.slow
def test_student_text_is_capped(tmp_path: Path) -> None:
    """A report quotes at most 32 KiB of a submission, and says so when there was more."""
    words = "A sentence of about fifty characters, then another.\n" * 100
    answers = {task.id: words for task in sample.assignment().tasks}
    rendered = render(tmp_path, sample.grade(answers=answers))
    assert "at most 32 KiB" in rendered.text
    assert 500 < rendered.packed.count("Asentenceofabout") < STUDENT_TEXT_BYTES / 50


def test_student_text_budget() -> None:
    """The budget counts UTF-8 bytes, never splits a character, and remembers that it was used up."""
    text = StudentText(limit=10)
    assert text.take("äöü") == "äöü"
    assert not text.cut
    assert text.take("äöü") == "äö" + CUT
    assert text.cut
    assert text.take("more") == CUT
    assert text.take("") == ""


def test_lines_cost_their_place() -> None:
    """Lines without letters use up the budget too: they would fill page after page."""
    text = StudentText()
    lines = sum(text.take("\n" * 50).count("\n") for _ in range(400))
    assert text.cut
    assert lines < STUDENT_TEXT_BYTES / 40
    few = StudentText(limit=100)
    assert few.take("äö\nü") == "äö\nü"
    assert few.take("x" * 20 + "\n" + "y" * 20) == "x" * 20 + CUT


@pytest.mark.slow
def test_check_rows_are_capped(tmp_path: Path) -> None:
    """A report shows at most 200 checks and says how many more there are."""
    checks = tuple(sample.passed("1a", f"check_{i}", "It works.") for i in range(230))
    rendered = render(tmp_path, sample.grade(checks=checks, answers={}))
    assert rendered.text.count("It works.") == 200
    assert "30 more checks of this task are not shown" in rendered.text


def test_notes_are_capped() -> None:
    """Of very many notes the first twenty are shown, and the rest counted."""
    view = view_report(sample.grade(notes=("n",) * 50), (), sample.assignment())
    assert (len(view.notes), view.more_notes) == (20, 30)


@pytest.mark.slow
def test_what_comes_first(tmp_path: Path) -> None:
    """What changes the meaning of all the rest is the first thing to look at, and no note at the end as well."""
    grade = sample.grade(first=("Read me.",), notes=("Read me.", "A note."))
    view = view_report(grade, (), sample.assignment())
    assert [(finding.text, finding.tasks) for finding in view.findings[:1]] == [("Read me.", ())]
    assert (len(view.findings), view.notes) == (3, ("A note.",))
    assert render(tmp_path, grade).text.count("Read me.") == 1


# ---- when something is wrong ----


def test_refused_is_one_page(tmp_path: Path) -> None:
    """A refused submission gets one page with the reason and what to do."""
    rendered = render(tmp_path, sample.refused_grade("x" * 500 + " <b>evil</b>"))
    assert len(rendered.reader.pages) == 1
    for part in ("could not be graded", "What to do", "filters.py", "<b>evil</b>"):
        assert part in rendered.text
    assert rendered.logged == []


def test_failed_figure_becomes_sentence(tmp_path: Path) -> None:
    """A figure that can't be drawn leaves a sentence in its place, and the rest of the report as it is."""
    grade = sample.grade(checks=(), answers={})
    rendered = render(tmp_path, grade, [Exhibit("1b", "filters", "conv1", "The filters of conv1.")])
    assert "This figure could not be drawn: the filters are missing. The filters of conv1." in rendered.text
    assert "7.93" in rendered.text


@pytest.mark.parametrize(
    ("value", "signed", "text"),
    [(1.0, False, "1"), (10, False, "10"), (0.6667, False, "0.67"), (-1.321, True, "−1.32"), (0.5, True, "+0.5"),
     (-0.001, True, "0"), (0, True, "0"), (100, False, "100")],
)  # fmt: skip
def test_points(value: float, signed: bool, text: str) -> None:
    """Points have at most two digits, no trailing zeros and a real minus."""
    assert points(value, signed=signed) == text
