"""Reads `roster.csv`: who is in the class."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path

from grader.course.records import Person
from grader.decoding import NotText, decode_text
from grader.errors import UsageError
from grader.identity import id_key, person_key
from grader.intake.opening import student_name
from grader.timestamps import read_moment

COLUMNS = tuple(Person.model_fields)
DELIMITERS = (",", ";", "\t", "|")
_SEPARATOR = re.compile(r"sep=(?P<delimiter>.)")  # Excel's first line, where it is not a comma
_LIKE = 0.75  # how like a known column another must be to be taken for a slip


class Roster(dict[str, Person]):
    """The people of a roster by the name of their folder.

    Attributes:
        lines: Line of the file that each stands on, by student.
        remarks: Sentences on what could not be understood, and costs nobody a line.
    """

    def __init__(self, name: str = "roster.csv") -> None:
        super().__init__()
        self.name = name
        self.lines: dict[str, int] = {}
        self.remarks: list[str] = []


def read_roster(path: Path) -> Roster:
    """The people of a roster by the name of their folder.

    Args:
        path: A CSV file with a heading, its cells separated by commas, semicolons, tabs or bars. Of the columns
            `student, name, email, variant, submitted_at, canvas_id`, in any case and order, only `student` is needed;
            further ones are not read.

    Returns:
        A person for each line, their `student` as `student_name` writes it, and ids as Canvas has them, whatever a
        spreadsheet made of them.

    Raises:
        UsageError: If the file can't be read as that, naming the line.
    """
    roster, number = Roster(path.name), 0
    try:
        lines = _lines(decode_text(path.read_bytes()))
        number, heading = next(lines, (1, []))
        columns = _columns(heading, f"{path}, line {number}", roster)
        for number, cells in lines:
            if any(cells):
                _add(roster, _fields(cells, columns, len(heading), f"{path}, line {number}"), path, number)
    except (OSError, NotText) as error:
        raise UsageError(f"{path} can't be read as a roster: {error}") from error
    except csv.Error as error:
        raise UsageError(f"{path} can't be read as a roster from line {number + 1} on: {error}") from error
    _tell_shared_ids(roster)
    return roster


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of each line, the heading first."""
    rows = text.split("\n")
    separator = _SEPARATOR.fullmatch(rows[0])
    first = 1 if separator else 0
    heading = rows[first] if first < len(rows) else ""
    delimiter = separator["delimiter"] if separator else max(DELIMITERS, key=lambda each: _known_in(heading, each))
    reader = csv.reader((f"{row}\n" for row in rows[first:]), delimiter=delimiter, strict=True)
    for cells in reader:
        yield reader.line_num + first, [" ".join(cell.split()) for cell in cells]


def _known_in(heading: str, delimiter: str) -> int:
    return sum(_plain(cell) in _PLAIN for cell in heading.split(delimiter))


def _plain(heading: str) -> str:
    """A column's name without what people write differently: `Canvas ID`, `canvas_id`, `E-Mail`."""
    return re.sub(r"[\W_]", "", person_key(heading))


_PLAIN = {_plain(column): column for column in COLUMNS}


def _columns(heading: Sequence[str], where: str, roster: Roster) -> dict[str, int]:
    """Where each known column stands."""
    columns: dict[str, int] = {}
    for place, cell in enumerate(heading):
        column = _PLAIN.get(_plain(cell))
        if column in columns:
            raise UsageError(f"{where}: there are two columns `{column}`")
        if column:
            columns[column] = place
    if "student" not in columns:
        there = f"it has {', '.join(filter(None, heading))}, and " if any(heading) else ""
        raise UsageError(f"{where}: no column `student`; {there}a roster has {', '.join(COLUMNS)}")
    for cell in heading:
        like = get_close_matches(_plain(cell), sorted(_PLAIN.keys() - {_plain(name) for name in columns}), 1, _LIKE)
        if like and _plain(cell) not in _PLAIN:
            roster.remarks.append(f"{where}: the column `{cell}` is not read; is it `{_PLAIN[like[0]]}`?")
    return columns


def _fields(cells: Sequence[str], columns: Mapping[str, int], width: int, where: str) -> dict[str, str]:
    if any(cells[width:]):
        raise UsageError(f"{where} has more cells than the heading: put a cell that holds the separator in quotes")
    return {name: cells[columns[name]] if columns.get(name, len(cells)) < len(cells) else "" for name in COLUMNS}


def _add(roster: Roster, fields: Mapping[str, str], path: Path, line: int) -> None:
    where = f"{path}, line {line}"
    if not any(fields.values()):
        return
    if not fields["student"]:
        raise UsageError(f"{where}: `student` is empty")
    canvas_id = _id(fields["canvas_id"], f"{where}: canvas_id", roster)
    student = fields["student"]
    if not student.isdecimal():  # `0012` is a name as it stands; `12.0` is not
        student = _id(student, f"{where}: student", roster) or student
    student = student_name(Path(student.replace("/", "_")))
    moment = _moment(fields["submitted_at"], where)
    person = Person.model_validate({**fields, "student": student, "canvas_id": canvas_id, "submitted_at": moment})
    if student in roster:
        raise UsageError(f"{where}: {fields['student']!r} is there twice")
    roster[student], roster.lines[student] = person, line


def _id(text: str, where: str, roster: Roster) -> str:
    """A number without what a spreadsheet made of it, or the text as it is; "" and a remark where digits are lost."""
    try:
        return key if (key := id_key(text)).isdecimal() else text
    except ValueError as error:
        roster.remarks.append(f"{where} {text!r} is not used: {error}")
        return ""


def _tell_shared_ids(roster: Roster) -> None:
    students: dict[str, list[str]] = {}
    for person in roster.values():
        students.setdefault(person.canvas_id, []).append(person.student)
    for canvas_id, several in students.items():
        if canvas_id and len(several) > 1:
            lines = " and ".join(f"line {roster.lines[student]} ({student})" for student in several)
            roster.remarks.append(f"{roster.name}: canvas_id {canvas_id} stands in {lines}: nobody is found by it")


def _moment(text: str, where: str) -> datetime | None:
    try:
        return read_moment(text) if text else None
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from error
