"""Reading `roster.csv`."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.classroom.roster import read_roster
from grader.errors import UsageError


def roster(folder: Path, text: str | bytes) -> Path:
    """A roster file with this content."""
    path = folder / "roster.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_everything_is_read(tmp_path: Path) -> None:
    """All columns, in any order, with further ones, a byte order mark and the line ends of a spreadsheet."""
    text = (
        "\ufeffname,student,extra,email,canvas_id,submitted_at,variant\r\n"
        '"Zoë, the second",zoë m.zip,x,z@x.org,55,2022-03-30T18:00-04:00,6.819\r\n\r\n'
    )
    (person,) = read_roster(roster(tmp_path, text)).values()
    assert (person.student, person.name, person.email) == ("zoë_m", "Zoë, the second", "z@x.org")
    assert (person.canvas_id, person.variant) == ("55", "6.819")
    assert person.submitted_at is not None
    assert person.submitted_at.isoformat() == "2022-03-30T18:00:00-04:00"


def test_student_alone(tmp_path: Path) -> None:
    """Only the column `student` is needed, and a folder's name can't leave the folder."""
    people = read_roster(roster(tmp_path, "student\nalice\n../../etc/passwd\n"))
    assert list(people) == ["alice", ".._.._etc_passwd"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name\nAlice\n", "no column `student`"),
        ("", "no column `student`"),
        ("student,name\n,Alice\n", "line 2: `student` is empty"),
        ("student\nalice\nbob\nalice\n", "line 4: 'alice' is there twice"),
        ("student,submitted_at\nalice,2022-03-30T18:00\n", "line 2: '2022-03-30T18:00' names no time zone"),
        ("student,submitted_at\nalice,tomorrow\n", "line 2: 'tomorrow' is no time like"),
        (b"PK\x03\x04 a workbook", "can't be read as a roster: it is a zip or an Office document"),
        ('student\n"alice\n', "can't be read as a roster"),
    ],
)
def test_wrong_rosters(tmp_path: Path, text: str | bytes, told: str) -> None:
    """What is wrong is told with the line where it is."""
    with pytest.raises(UsageError, match=told.replace("(", r"\(").replace("`", "`")):
        read_roster(roster(tmp_path, text))


def test_no_roster(tmp_path: Path) -> None:
    """A path that leads nowhere is wrong usage."""
    with pytest.raises(UsageError, match="can't be read"):
        read_roster(tmp_path / "none.csv")
