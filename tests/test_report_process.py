"""However rendering fails, it fails in a process of its own, and the score is in both files all the same."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import sample_exhibits
import sample_grade as sample
import sample_networks
import sample_networks_grade
from pypdf import PdfReader
from pypdf.generic import DictionaryObject
from sample_report import render

from grader import bounded_process, preloading
from grader.bounded_process import Bounds
from grader.errors import MachineError
from grader.packages import figures_folder
from grader.pipeline import grade_zip
from grader.records import CheckResult, Exhibit, Outcome
from grader.report import rendering
from grader.report.job import PAGE, PDF, RenderJob
from grader.report.rendering import render_report
from grader.rubric import PROJECT, get_assignment
from grader.sandbox import landlock

WORKER = """\
import os, signal, sys
sys.path.insert(0, {project!r})
from grader import bounded_process_main
from grader.report import page
{change}
sys.exit(bounded_process_main.main(*sys.argv[1:]))
"""
LAYOUT = """\
honest = page.write_pdf
def write_pdf(page, pictures):
    return honest(page, pictures) if "could not be laid out" in page else hostile()
page.write_pdf = write_pdf
"""
Change = Callable[[str], None]


@pytest.fixture
def change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Change]:
    """Has the process that renders do something else first, within limits that are quickly met."""
    monkeypatch.setattr(rendering, "BOUNDS", Bounds(cpu_s=6, wall_s=300, memory_mib=1024, file_mib=16))

    def written(source: str) -> None:
        script = tmp_path / "worker" / "worker.py"
        script.parent.mkdir()
        script.write_text(WORKER.format(project=str(PROJECT), change=source))
        monkeypatch.setattr(bounded_process, "COMMAND", (sys.executable, str(script)))
        preloading.stop_all()

    yield written
    preloading.stop_all()


def rendered_text(folder: Path) -> str:
    """Render the sample without figures; the text of its PDF, on one line."""
    render_report(RenderJob(sample.grade(), (), sample.assignment(), sample.run_facts()), folder)
    pages = PdfReader(folder / PDF).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def test_process_changes_nothing(tmp_path: Path) -> None:
    """The process writes the bytes that the same code writes here."""
    grade = sample.refused_grade()
    shown = (Exhibit("1b", "filters", "conv1", "The filters."),)
    render_report(RenderJob(grade, tuple(shown), sample.assignment(), sample.run_facts()), tmp_path / "there")
    (tmp_path / "here").mkdir()
    here = render(tmp_path / "here", grade, shown)
    assert (tmp_path / "there" / PDF).read_bytes() == here.pdf
    assert (tmp_path / "there" / PAGE).read_text(encoding="utf-8") == here.html


@pytest.mark.parametrize(
    ("of_grade", "of_exhibits"), [(sample, sample_exhibits), (sample_networks_grade, sample_networks)]
)
def test_own_kinds_are_drawn(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, of_grade: ModuleType, of_exhibits: ModuleType
) -> None:
    """The process, which may not read the solutions' folder, draws the kinds that stand in it."""
    exhibits, assignment = tuple(of_exhibits.exhibits()), of_grade.assignment()
    own = {path.stem for path in figures_folder(get_assignment(assignment.id)).glob("*.py")}
    assert own <= {each.kind for each in exhibits}
    render_report(RenderJob(of_grade.grade(), exhibits, assignment, sample.run_facts()), tmp_path)
    assert "could not be drawn" not in (tmp_path / PAGE).read_text(encoding="utf-8")
    assert caplog.text == ""


ODD = (
    "word " * 3000, "x" * 9000, "x\n" * 4000, "\n" * 9000, " " * 9000, "\u3000" * 9000, "\t" * 9000, "a-" * 5000,
    "e\u0301\u0302\u0303" * 3000, "\u0627\u0628 " * 3000, "\u05d0x" * 4000, "\u4e00\u4e8c" * 4000, "\U0001f600" * 3000,
    "\0\x1b[31m\u202e\ud800" * 2000, "&<>\"'" * 2000, "<div>" * 2000, "</style><svg><use href='#a'/>" * 300,
    "<a href=file:///etc/passwd>http://evil.test/</a><img src=http://evil.test/>" * 100, "{{ view }}{% raw %}" * 400,
    "".join(map(chr, range(0xA1, 0x2FFF))), "\u1fb7" * 5000, "a\u00ad" * 5000, "/" * 9000, "\ufdfa" * 3000,
)  # fmt: skip


@pytest.mark.slow
def test_hostile_text_in_bounds(tmp_path: Path) -> None:
    """With odd text in every field, as much of it as there may be, the full report is made, small and without links.

    It lays out dozens of pages of odd text.
    """
    checks = tuple(
        CheckResult(task=task.id, name=f"check_{n}", title=ODD[n], outcome=Outcome.ERROR, mistake=ODD[-n],
                    message=ODD[n - 1], called=ODD[n - 2], expected=ODD[n - 3], got=ODD[n - 4], help=ODD[n - 5])
        for task in sample.assignment().tasks[:10] for n in range(len(ODD))
    )  # fmt: skip
    answers = {task.id: ODD[n] for n, task in enumerate(sample.assignment().tasks)}
    grade = sample.grade(student="\u202e" * 255, checks=checks, answers=answers, notes=ODD * 5)
    shown = [Exhibit("1b", "filters", f"{n}", text) for n, text in enumerate(ODD)]
    render_report(RenderJob(grade, tuple(shown), sample.assignment(), sample.run_facts()), tmp_path)
    reader = PdfReader(tmp_path / PDF)
    assert "could not be laid out" not in reader.pages[0].extract_text()
    assert "7.93" in reader.pages[0].extract_text()
    assert len(reader.pages) < 80
    assert (tmp_path / PDF).stat().st_size < 2 << 20
    assert (tmp_path / PAGE).stat().st_size < 2 << 20
    size: Any = reader.trailer["/Size"]
    objects = [found for n in range(1, size) if isinstance(found := reader.get_object(n), DictionaryObject)]
    assert not any({"/URI", "/EmbeddedFiles", "/JavaScript", "/JS", "/Launch"} & set(found) for found in objects)


@pytest.mark.parametrize(
    ("hostile", "why"),
    [
        pytest.param("while True: pass", "it took longer than 6 seconds of computing", marks=pytest.mark.slow),
        pytest.param(
            "return honest('<pre>' + 'word <b>' * 200_000, {})", "it took longer than 6 seconds of computing",
            marks=pytest.mark.slow,
        ),
        ("return b''.join(bytes(1 << 20) for _ in range(1 << 14))", "it needed too much memory"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "the program that does it stopped"),
        pytest.param("os._exit(0)", "the program that does it stopped", marks=pytest.mark.slow),
        pytest.param("raise RecursionError('layout')", "the program that does it stopped", marks=pytest.mark.slow),
        pytest.param("return bytes(100 << 20)", "the program that does it stopped", marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_layout_fails(tmp_path: Path, change: Change, caplog: pytest.LogCaptureFixture, hostile: str, why: str) -> None:
    """However the layout fails, the PDF becomes a plain one that says why, with the same score; the page is whole.

    It waits for limits of computing, or fills memory up to one.
    """
    change(f"{LAYOUT}def hostile():\n    {hostile}\n")
    text = rendered_text(tmp_path / "out")
    assert "7.93 of 15 points" in text
    assert f"could not be laid out: {why}" in text
    assert "report.html beside this file is the whole report" in text
    assert "bilinear" not in text
    assert "bilinear" in (tmp_path / "out" / PAGE).read_text(encoding="utf-8")
    assert why in caplog.text
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [PAGE, PDF]


def test_page_fails(tmp_path: Path, change: Change) -> None:
    """When not even the web page can be filled in, both files are the plain report."""
    change("def fail(*_): raise ValueError('\\x1b[31m view')\npage.view_report = fail")
    text = rendered_text(tmp_path / "out")
    page = (tmp_path / "out" / PAGE).read_text(encoding="utf-8")
    assert "7.93 of 15 points" in text
    assert "7.93 of 15 points" in page
    assert "whole report" not in text
    assert "bilinear" not in page


@pytest.mark.slow
def test_grading_goes_on(tmp_path: Path, change: Change) -> None:
    """A submission whose report can't be laid out is graded like any other, with all its files."""
    (tmp_path / "bob.zip").write_bytes(b"no zip")
    change(f"{LAYOUT}def hostile():\n    os.abort()\n")
    assert grade_zip(tmp_path / "bob.zip", tmp_path / "out").outcome == "refused"
    written = {path.name for path in (tmp_path / "out" / "bob").iterdir()}
    assert written == {PAGE, PDF, "results.json", "arrays.safetensors", "feedback.txt"}


@pytest.mark.slow
def test_no_report_possible(tmp_path: Path, change: Change) -> None:
    """When not even the plain report can be made, the error says that it is the machine's."""
    change("def write_pdf(*_): raise OSError('no pango')\npage.write_pdf = write_pdf")
    with pytest.raises(MachineError, match="no report can be rendered on this machine"):
        rendered_text(tmp_path / "out")


@pytest.mark.slow
def test_folder_not_writable(tmp_path: Path) -> None:
    """A folder that can't be made is an error of the machine's."""
    (tmp_path / "file").write_text("")
    with pytest.raises(MachineError, match="can't be written"):
        render_report(
            RenderJob(sample.refused_grade(), (), sample.assignment(), sample.run_facts()), tmp_path / "file" / "x"
        )


def test_fence(tmp_path: Path, change: Change, caplog: pytest.LogCaptureFixture) -> None:
    """The process that renders can't read what lies beside the project, write elsewhere, or reach a server."""
    if landlock.version() < 4:
        pytest.skip("this kernel's Landlock knows no TCP")
    secret = tmp_path / "secret"
    secret.write_text("secret")
    with socket.create_server(("127.0.0.1", 0)) as server:
        change(
            "import socket\n"
            "def attempt(*_):\n"
            f"    for reach in (lambda: open({str(secret)!r}), lambda: open({str(tmp_path / 'new')!r}, 'w'),\n"
            f"                  lambda: open({str(PROJECT / 'pyproject.toml')!r}), lambda: open('/etc/passwd'),\n"
            f"                  lambda: socket.create_connection({server.getsockname()!r})):\n"
            "        try:\n"
            "            print('reached', reach())\n"
            "        except PermissionError:\n"
            "            print('refused')\n"
            "    raise RuntimeError\n"
            "page.view_report = attempt\n"
        )
        rendered_text(tmp_path / "out")
    assert caplog.text.count("refused\n") == 5
    assert "reached" not in caplog.text
