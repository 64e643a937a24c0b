"""The class report says what the students' folders hold, shows nobody's markup, and comes whatever a class is like."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sample_class_page as sample
from pypdf import PdfReader
from sample_class_page import HOSTILE, row
from sample_tiers import tiered

from grader.course.class_report.page import write_class
from grader.course.class_report.reading import read_class
from grader.course.class_report.rendering import render_class
from grader.course.class_report.seen import PAGE, PDF, ClassJob
from grader.course.records import Pair, Person, Row
from grader.rubric import find_assignments


@dataclass
class Made:
    """A rendered class: the page, its text without tags, and the PDF's."""

    page: str
    words: str
    printed: str
    reader: PdfReader


def make(rows: Sequence[Row], out: Path, pairs: Sequence[Pair] = (), title: str = "Class", **further: Any) -> Made:
    """Render a class in this process."""
    seen = read_class(rows, out)
    kept = tuple(sorted(rows, key=lambda one: one.student))
    rubrics = {id: one for id, one in find_assignments().items() if id in {row.assignment for row in rows}}
    write_class(ClassJob(title, kept, seen, tuple(pairs), rubrics, **further), out)
    return read(out)


def read(out: Path) -> Made:
    """What was written into `out`."""
    page = (out / PAGE).read_text(encoding="utf-8")
    body = re.sub(r"<(style|script)>.*?</\1>", "", page, flags=re.DOTALL)
    words = " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())
    reader = PdfReader(out / PDF)
    return Made(page, words, " ".join(" ".join(one.extract_text() for one in reader.pages).split()), reader)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the sample class, rendered through the process with bounds."""
    folder = tmp_path_factory.mktemp("class") / "out"
    render_class(sample.write_class(folder), folder, "Spring & Summer", sample.pairs())
    return folder


@pytest.fixture(scope="module")
def made(out: Path) -> Made:
    """What was rendered there."""
    return read(out)


def test_headlines(made: Made) -> None:
    """The first lines say how many there are of each outcome, the median, and for whom the page is."""
    assert "7 students 4 graded 1 refused 1 handed in nothing 1 could not be graded" in made.words
    assert "9 of 15 points Median" in made.words
    for words in (made.words, made.printed):
        assert "For instructors only." in words
        assert "Spring & Summer" in words


def test_mistakes_are_told(made: Made) -> None:
    """A known mistake has its help, its tasks, how many made it of those graded, a group once, and who."""
    told = made.words[made.words.index("What to explain again") :]
    assert "2 of 3 Move the channels to the end first. Task 3a, 3c · cam.reshape_without_transpose" in told
    assert re.search(r"reshape_without_transpose +ada , bob ", told)
    assert "Failed checks without a known mistake 1" in told


def test_reasons_are_told(made: Made) -> None:
    """Who needs a look stands there with the reason: failures of ours, remarks, refusals, missing ones."""
    told = made.words[made.words.index("Who needs a look") :]
    reasons = (
        "1 pair of submissions",
        "The grader failed",
        "gil : The grader stopped.",
        "bob : Task 4c: Worth a look:",
        "Refused as a whole",
        "Nothing handed in frank",
        "3d Class activation maps of your own scene (4)",
    )
    for words in reasons:
        assert words in told


def test_networks_are_told(made: Made) -> None:
    """Accuracies stand beside the reference's and the threshold, and who is not above it is named."""
    told = made.words[made.words.index("Everyone’s networks") :]
    assert "3 networks; median 91%; 2 above the 90% that earns credit; 1 above the reference’s 92%" in told
    assert "best 93%, by dana." in told
    assert "No credit: bob 40%" in told


def test_markup_is_text(made: Made) -> None:
    """What students wrote is text: no element, attribute or script of theirs gets into the page."""
    assert HOSTILE not in made.page
    assert made.page.count("<script>") == made.page.count("</script>") == 1
    assert made.words.count(HOSTILE) >= 5  # a name, a reason, a remark, a check's title, evidence
    assert "sha256-" in made.page


@pytest.mark.slow
def test_links_exist(tmp_path: Path) -> None:
    """The page links to the reports that are there, a group's to the one that was graded, and to no other file."""
    out = tmp_path / "out"
    rows = sample.write_class(out)
    (out / "bob" / "report.pdf").unlink()
    page = make(rows, out).page
    links = set(re.findall(r'href="([^"#]+)"', page))
    students = ("ada", "bob", "dana", "eve")
    assert links == {f"{student}/report.{end}" for student in students for end in ("html", "pdf")} - {"bob/report.pdf"}
    assert all((out / link).is_file() for link in links)


def test_pdf_is_accessible(made: Made) -> None:
    """The PDF is tagged, says what it is, and has no links that a file elsewhere would have to answer."""
    root: Any = made.reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "en"
    addresses = [
        note.get_object().get("/A", {}).get("/URI") for page in made.reader.pages for note in page.get("/Annots", [])
    ]
    assert [address for address in addresses if address] == []


@pytest.mark.slow
def test_same_bytes(out: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The same class gives the same bytes, here and in the process with bounds, and nothing to complain about."""
    again = tmp_path / "out"
    make(sample.write_class(again)[::-1], again, sample.pairs(), "Spring & Summer")
    assert [(again / name).read_bytes() for name in (PAGE, PDF)] == [(out / name).read_bytes() for name in (PAGE, PDF)]
    assert caplog.text == ""
    assert not list(out.glob(".*"))


CLASSES = {
    "nobody": [],
    "one": [row("one")],
    "missing": [row("one", assignment="", outcome="missing", tasks={}, sha256="")],
    "same": [row(str(i), score=15.0) for i in range(5)],
    "pointless": [row("a", max_score=0.0, score=0.0, tasks={}), row("b", variant="6.819", max_score=10.0)],
    "unknown": [row("a", assignment="gone")],
    "two": [row("a", assignment="two_networks", variant="default", max_score=33.0, tasks={"1": 2.0}), row("b"),
            row("c", outcome="missing", assignment="")],
    "refused": [row("refused", outcome="refused", assignment="", max_score=0.0, tasks={}, message="Not a zip.")],
    "odd": [row("over", score=15.5), row("late", days_late=400, score=0.0)],
}  # fmt: skip


@pytest.mark.parametrize("rows", tiered(CLASSES, slow=CLASSES.keys() - {"nobody", "two", "refused"}))
def test_any_class(tmp_path: Path, rows: list[Row]) -> None:
    """Whatever a class is like, even empty, without folders or of two assignments, everyone is on both pages."""
    found = make(rows, tmp_path)
    for one in rows:
        assert (
            f'id="student-{[each.student for each in sorted(rows, key=lambda r: r.student)].index(one.student)}"'
            in found.page
        )
        assert one.student in found.printed
    assert "nan" not in found.words.casefold().split()


@pytest.mark.slow
def test_two_assignments(tmp_path: Path) -> None:
    """Two assignments have numbers, tasks and tables of their own, and who has none stands in a third table."""
    rows = [row("a", assignment="two_networks", variant="default", max_score=33.0, tasks={"1": 2.0}), row("b"),
            row("c", outcome="missing", assignment="")]  # fmt: skip
    words = make(rows, tmp_path).words
    assert "Median, A Tale of Two Networks" in words
    assert "4.2.1 Why a ResNet makes these maps easy" in words
    assert "4d Two training techniques compared" in words
    assert "Assignment not known" in words


@pytest.mark.slow
def test_names(tmp_path: Path) -> None:
    """Long names, names from right to left and names with signs stay whole, isolated, and harmless in an address."""
    names = ["x" * 79, "שרה", "a+b.c", "a&b\"'<b>", "../ada", "javascript:alert(1)"]
    rows = [row(name, person=Person(student=name, name="\u202eevil" + "n" * 500)) for name in names]
    for name in names[:4]:
        sample.write_student(tmp_path, name.replace("<b>", ""))
    page = make(rows, tmp_path).page
    assert "\u202e" not in page
    assert "\\u{202e}evil" in page
    assert f"<bdi>{'x' * 79}</bdi>" in page
    assert all(
        re.fullmatch(r"[A-Za-z0-9%._~-]+/report\.(html|pdf)|#[\w:-]+", link)
        for link in re.findall(r'href="([^"]+)"', page)
    )


@pytest.mark.slow
def test_unread_is_told(tmp_path: Path) -> None:
    """Where nobody's results can be read, the page does not say that nobody made a mistake."""
    words = make([row("gone"), row("lost")], tmp_path).words
    assert "2 Results can’t be read" in words
    assert "Nobody’s results can be read, so their mistakes are not known." in words


UNREAD = "bob.7z is not read: it is a 7-Zip archive; hand-ins must be zips"


@pytest.mark.parametrize("plain", ["", "a test asked for it"])
def test_what_was_told(tmp_path: Path, plain: str) -> None:
    """What lies there unread, what was told of single students and of the roster stands on the page, as text."""
    out = tmp_path / "out"
    sample.write_student(out, "ada")
    slip = "ada/manual.toml, line 12: `score = 0,5`: write a decimal point"
    rows = [
        row("ada", remarks=(slip,)),
        row("bob", outcome="unread", message=UNREAD, assignment="", tasks={}, waiting=()),
        row("zoe", outcome="missing", message="Nothing was handed in.", assignment="", tasks={}, waiting=()),
    ]
    made = make(rows, out, remarks=(UNREAD, f"{HOSTILE} is not read: it is no zip"), plain=plain)
    assert "1 handed in nothing 1 handed in what is not read" in made.words
    assert re.search(r"Nothing handed in\s+zoe", made.words)
    if not plain:
        assert re.search(rf"bob\s*: {re.escape(UNREAD)}", made.words)
        assert re.search(rf"ada\s*: {re.escape(slip)}", made.words)
        assert f"{HOSTILE} is not read: it is no zip" in made.words
        assert HOSTILE not in made.page


@pytest.mark.slow
def test_huge_texts(tmp_path: Path) -> None:
    """Megabytes of evidence, messages and pairs make neither page nor PDF large, and what is left out is told.

    It writes and lays out megabytes.
    """
    evidence = tuple((f"place {i}", "x = 1\n" * 50_000, "y" * 300_000) for i in range(40))
    many = [
        Pair(kind="code", first="a", second=f"b{i}", share=0.5, sentence="s" * 99_999, evidence=evidence)
        for i in range(35)
    ]
    rows = [row(f"r{i}", outcome="refused", tasks={}, message="word " * 99_999) for i in range(30)]
    found = make(rows, tmp_path, many)
    assert len(found.page) < 500_000
    assert len(found.reader.pages) < 100
    assert "5 more pairs, less alike than these." in found.words
    assert "37 more such places." in found.words


def test_not_started_is_no_mistake(tmp_path: Path) -> None:
    """An untouched TODO and a missing file are told as not started, once for each task, and as no failed check."""
    out = tmp_path / "out"
    todo = sample.fault(None, task="2c", outcome="error", message="Not started: the TODO is still in place.")
    absent = sample.fault(None, task="4d", outcome="missing", message="There is no experiments.json.")
    bonus = sample.fault(None, task="3d", outcome="missing", message="There is no my_scene.jpg.")
    sample.write_student(out, "ada", [todo, todo, absent, bonus])
    words = make([row("ada")], out).words
    assert "Failed checks" not in words
    assert "Not started 1 2c Deactivate units ada 1 4d Two training techniques compared ada Who needs" in words


def test_one_file_of_many_students(tmp_path: Path) -> None:
    """Several students with one file are one entry that names them all."""
    pair = Pair(kind="weights", first="a", second="b", others=("c", "d"), share=1.0, sentence="The same file.")
    words = make([row(name) for name in "abcd"], tmp_path, [pair]).words
    assert "a , b , c and d weights, 100% alike" in words
    assert words.count("similar") >= 4


def test_no_time_is_no_punctuality(tmp_path: Path) -> None:
    """Without any time of hand-in the page does not say that all were on time."""
    words = make([row("a"), row("b")], tmp_path).words
    assert "No time of hand-in is known, so every submission was counted as on time." in words


def test_names_in_other_scripts(tmp_path: Path) -> None:
    """Chinese, Japanese and Korean names have letters on paper, not boxes: no font embedded lacks one of them."""
    found = make([row("王小明"), row("田中さくら"), row("김민준")], tmp_path)
    fonts = {str(font) for page in found.reader.pages for font in _fonts(page)}
    assert any("WenQuanYi" in font or "CJK" in font for font in fonts)
    assert all(name in found.printed for name in ("王小明", "田中さくら", "김민준"))


def _fonts(page: Any) -> list[Any]:
    return [font.get_object()["/BaseFont"] for font in page["/Resources"]["/Font"].values()]
