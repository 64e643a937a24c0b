"""Reads `roster.csv`: who is in the class."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from grader.classroom.records import Person
from grader.decoding import NotText, decode_text
from grader.errors import UsageError
from grader.intake.opening import student_name
from grader.moments import read_moment

COLUMNS = tuple(Person.model_fields)


def read_roster(path: Path) -> dict[str, Person]:
    """The people of a roster by the name of their folder.

    Args:
        path: A CSV file with a heading; of the columns `student, name, email, variant, submitted_at, canvas_id` only
            `student` is needed, further ones are not read. UTF-8, with or without a byte order mark.

    Returns:
        A person for each line, their `student` as `student_name` writes it.

    Raises:
        UsageError: If the file can't be read as that, naming the line.
    """
    try:
        text = decode_text(path.read_bytes())
        lines = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        heading = [name.strip() for name in lines.fieldnames or ()]
        lines.fieldnames = heading
        if "student" not in heading:
            raise UsageError(f"{path} has no column `student`; a roster has {', '.join(COLUMNS)}")
        people: dict[str, Person] = {}
        for line in lines:
            fields = {name: (line.get(name) or "").strip() for name in COLUMNS}
            if not any(fields.values()):
                continue
            person = _person(fields, f"{path}, line {lines.line_num}")
            if person.student in people:
                raise UsageError(f"{path}, line {lines.line_num}: {fields['student']!r} is there twice")
            people[person.student] = person
    except (OSError, NotText, csv.Error) as error:
        raise UsageError(f"{path} can't be read as a roster: {error}") from error
    return people


def _person(fields: Mapping[str, str], where: str) -> Person:
    if not fields["student"]:
        raise UsageError(f"{where}: `student` is empty")
    handed_in = _moment(fields["submitted_at"], where)
    student = student_name(Path(fields["student"].replace("/", "_")))
    return Person.model_validate({**fields, "student": student, "submitted_at": handed_in})


def _moment(text: str, where: str) -> datetime | None:
    try:
        return read_moment(text) if text else None
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from error
