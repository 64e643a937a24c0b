"""However rendering the class report fails, it fails in a process of its own, and the numbers come all the same."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest
import sample_class_page as sample
from test_class_report import read

from grader import bounded_process
from grader.course.class_report.rendering import render_class
from grader.errors import MachineError
from grader.rubric import PROJECT

WORKER = """\
import sys
sys.path.insert(0, {project!r})
from grader import bounded_process_main
from grader.course.class_report import page
honest = page.write_pdf
def write_pdf(page, pictures):
    if not (pictures or {always}):
        return honest(page, pictures)
    raise MemoryError
page.write_pdf = write_pdf
sys.exit(bounded_process_main.main(*sys.argv[1:]))
"""


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the process that renders fail at the PDF as long as there are pictures."""
    script = tmp_path / "worker.py"
    script.write_text(WORKER.format(project=str(PROJECT), always=False))
    monkeypatch.setattr(bounded_process, "COMMAND", (sys.executable, str(script)))


@pytest.mark.slow
@pytest.mark.usefixtures("broken")
def test_plain_report(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where the full PDF can't be made a plain one has the same numbers and says why; the full web page stays."""
    out = tmp_path / "out"
    with caplog.at_level(logging.ERROR):
        render_class(sample.write_class(out), out, "Class", sample.pairs())
    found = read(out)
    assert "the class report became a plain one: it needed too much memory" in caplog.text
    assert "because it needed too much memory" in found.printed
    assert "2 of 3" in found.printed
    assert "alert(1)" not in found.printed
    assert "data:image/png" in found.page
    assert "A plain report" not in found.words


@pytest.mark.slow
def test_no_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where not even the plain report can be made, or nothing can be written, it is an error of the machine's."""
    (tmp_path / "file").write_text("")
    with pytest.raises(MachineError, match="can't be written"):
        render_class([], tmp_path / "file" / "out", "Class")
    script = tmp_path / "worker.py"
    script.write_text(WORKER.format(project=str(PROJECT), always=True))
    monkeypatch.setattr(bounded_process, "COMMAND", (sys.executable, str(script)))
    with pytest.raises(
        MachineError, match="no class report can be rendered on this machine: it needed too much memory"
    ):
        render_class([], tmp_path / "out", "Class")
