"""Reading `roster.csv`."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.course.roster import read_roster
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
        (
            "student,submitted_at\nalice,2022-03-30T18:00\n",
            "time zone: add its offset, e.g. 2022-03-30T18:00-04:00",
        ),
        ("student,submitted_at\nalice,tomorrow\n", "line 2: 'tomorrow' is no time like"),
        (b"PK\x03\x04 a workbook", "can't be read as a roster: it is a zip or an Office document"),
        ('student\n"alice\n', "can't be read as a roster from line 2 on"),
        ("student,name\nalice,Lee, Ann\n", "line 2 has more cells than the heading"),
        ("student,name,Student\nalice,Ann,a\n", "line 1: there are two columns `student`"),
        ("name;email\nAnn;a@x.org\n", "no column `student`; it has name, email, and a roster has student, name"),
    ],
)
def test_wrong_rosters(tmp_path: Path, text: str | bytes, told: str) -> None:
    """What is wrong is told with the line where it is."""
    with pytest.raises(UsageError, match=told.replace("(", r"\(").replace("`", "`")):
        read_roster(roster(tmp_path, text))


LINES = 'student,name,canvas_id\nzoë,"Müller, Zoë",11\nbo,Bo,12\n'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("head", ["", "sep=DELIMITER\n"])
def test_spreadsheets(tmp_path: Path, encoding: str, delimiter: str, head: str) -> None:
    """A roster is read as spreadsheets of any country save it."""
    lines = (head.replace("DELIMITER", ",") + LINES).replace(",", delimiter)
    lines = lines.replace(f"Müller{delimiter}", "Müller,").replace("\n", "\r\n")
    people = read_roster(roster(tmp_path, lines.encode(encoding)))
    assert [(each.student, each.name, each.canvas_id) for each in people.values()] == [
        ("zoë", "Müller, Zoë", "11"),
        ("bo", "Bo", "12"),
    ]
    assert people.lines == {"zoë": 2 + bool(head), "bo": 3 + bool(head)}


@pytest.mark.parametrize(
    "heading", ["Student,Canvas ID,E-Mail", "STUDENT , canvas-id,email", '"student",CanvasId,"E mail"']
)
def test_headings(tmp_path: Path, heading: str) -> None:
    """Case, spaces and hyphens of a heading don't count."""
    (person,) = read_roster(roster(tmp_path, f"{heading}\nann,11,a@x.org\n")).values()
    assert (person.student, person.canvas_id, person.email) == ("ann", "11", "a@x.org")


@pytest.mark.parametrize("text", ["11.0", "1.1E+1", '"1,1E+01"', "'11", "0011", " 11 ", '"11,0"', '"=""11"""'])
def test_ids_of_spreadsheets(tmp_path: Path, text: str) -> None:
    """An id is a number again, whatever a spreadsheet made of it."""
    people = read_roster(roster(tmp_path, f"student,canvas_id\nann,{text}\n"))
    assert people["ann"].canvas_id == "11"
    assert people.remarks == []


def test_students_of_spreadsheets(tmp_path: Path) -> None:
    """A student who is a number is that number; a name and leading zeros stay."""
    people = read_roster(roster(tmp_path, "student\n1234567.0\n1.234568E+6\n0012\nv1.0\n"))
    assert list(people) == ["1234567", "1234568", "0012", "v1.0"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("student,canvas_id\nann,4.15E+04\n", "line 2: canvas_id '4.15E+04' is not used: a spreadsheet has rounded it"),
        ('student,canvas_id\nann,"11,000"\n', "line 2: canvas_id '11,000' is not used: it may be 11 or 11000"),
        ("student,canvas_id\nann,11\nbo,011\n", "canvas_id 11 stands in line 2 (ann) and line 3 (bo)"),
        ("student,varient\nann,6.819\n", "line 1: the column `varient` is not read; is it `variant`?"),
        ("student,canvas\nann,11\n", "the column `canvas` is not read; is it `canvas_id`?"),
    ],
)
def test_remarks(tmp_path: Path, text: str, told: str) -> None:
    """What can't be used is told with its line, and costs nobody a place in the class."""
    people = read_roster(roster(tmp_path, text))
    assert "ann" in people
    (remark,) = people.remarks
    assert told in remark


def test_no_roster(tmp_path: Path) -> None:
    """A path that leads nowhere is wrong usage."""
    with pytest.raises(UsageError, match="can't be read"):
        read_roster(tmp_path / "none.csv")
