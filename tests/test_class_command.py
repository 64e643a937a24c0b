"""What `grade-all` shows, and what concerns the whole class, for real: a class of zips that are refused at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from sample_class import fill
from sample_session import run_grader

from grader.cli.grade_all import _line
from grader.course.records import Person, Row


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"outcome": "graded", "score": 13.5, "max_score": 15}, "13.5 of 15"),
        (
            {"outcome": "graded", "max_score": 15, "days_late": 2, "withheld": ("1a",), "waiting": ("2b", "3d")},
            "0 of 15, 2 days late, 1 withheld, 2 wait for a person",
        ),
        ({"outcome": "refused", "message": "No.\nReally \x1b[2J"}, "refused: No. Really"),
    ],
)
def test_lines(fields: dict[str, object], told: str) -> None:
    """A finished student is one line, whatever the message holds."""
    row = Row.model_validate({"student": "zoë", "person": Person(student="zoë"), **fields})
    line = _line(row).plain
    assert line.startswith("zoë")
    assert told in line
    assert "\n" not in line
    assert "\x1b" not in line


def test_a_class(tmp_path: Path) -> None:
    """From a folder of zips to gradebook, class report and exports; a second run has nothing to do.

    It runs the whole command twice.
    """
    folder = fill(tmp_path / "in")
    (folder / "alice.zip").write_bytes(b"nothing")
    (folder / "zoë.zip").write_bytes(b"PK")
    (tmp_path / "roster.csv").write_text("student,name\nzoë,Zoë\nbob,Bob\n", encoding="utf-8")
    arguments = ("grade-all", folder, "--roster", tmp_path / "roster.csv", "--out", tmp_path / "out", "--jobs", "1")
    first = run_grader(*arguments, out=tmp_path / "out")
    assert first.code == 0, first.noted
    assert "2 submissions, 0 of them graded before" in first.shown
    assert "1 missing, 2 refused" in first.shown
    written = {
        path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()
    }
    assert {"gradebook.csv", "index.html", "class.pdf", "alice/report.pdf", "zoë/results.json"} <= written
    before = (tmp_path / "out" / "gradebook.csv").read_bytes()
    again = run_grader(*arguments, out=tmp_path / "out")
    assert (again.code, "2 of them graded before" in again.shown) == (0, True)
    assert (tmp_path / "out" / "gradebook.csv").read_bytes() == before


@pytest.mark.slow
def test_what_is_told(tmp_path: Path) -> None:
    """What is not understood in the folder and the roster is told on the terminal and the class's page, each time.

    It runs the whole command twice.
    """
    folder = fill(tmp_path / "in")
    (folder / "alice.zip").write_bytes(b"nothing")
    (folder / "smithbob_12_202_lab.7z").write_bytes(b"7z\xbc\xaf")
    (folder / "leeann_LATE_11_205_lab.zip").write_bytes(b"nothing")
    roster = "student;name;canvas_id\r\nalice;Alice;\r\nbob;Bob Smith;12,0\r\ncarol;Carol;\r\n"
    (folder / "roster.csv").write_bytes(roster.encode("utf-16"))
    arguments = ("grade-all", folder, "--roster", folder / "roster.csv", "--out", tmp_path / "out", "--jobs", "1")
    for _ in range(2):
        ended = run_grader(*arguments, out=tmp_path / "out")
        assert ended.code == 0, ended.noted
        page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
        for told in (
            "smithbob_12_202_lab.7z is not read: it is a 7-Zip archive; hand-ins must be zips",
            "roster.csv: nothing that was handed in belongs to carol (line 4)",
            "roster.csv has no line for leeann (leeann_LATE_11_205_lab.zip)",
            "Canvas marks it as late",
        ):
            assert told in ended.shown
            assert told in page
        assert "1 missing, 2 refused, 1 unread" in ended.shown


@pytest.mark.slow
def test_wrong_usage(tmp_path: Path) -> None:
    """A folder that is not there is wrong usage."""
    ended = run_grader("grade-all", tmp_path / "none", "--out", tmp_path / "out", out=tmp_path / "out")
    assert (ended.code, "no such folder" in ended.noted) == (2, True)
