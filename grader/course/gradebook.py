"""The class's records on disk, and `gradebook.csv` made of them.

A record is written last, when all the files of a submission are in their place: where there is none, or one with other
digests, the work is done again.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from grader.course.records import GRADEBOOK, Row
from grader.frozen_record import Record
from grader.results import INSTRUCTOR_ONLY, write_whole
from grader.rubric import find_assignments
from grader.text import clean_text

COLUMNS = ("student", "name", "score", "max_score", "late_days", "outcome", "withheld")
FORMULA = ("=", "+", "-", "−", "@", "|", "%", "\t", "\r")  # what makes a spreadsheet take a text for a formula
_UNSEEN = "\u1160\u115f\u2800"  # letters and symbols that can't be seen, in NFKC
# Where a spreadsheet separates cells by semicolons, one may begin here.
_NEXT_CELL = re.compile(r"([;；]\s*)(?=[=+@|%−＝＋＠－-])")


class ClassRecord(Record):
    """What is kept of one graded submission.

    Attributes:
        run: What the checks' results were made of (`digests.py`).
        score: What the score was made of beside them.
        results: Digest of the student's `results.json`, which another command may have replaced.
        row: The gradebook's line.
    """

    run: str
    score: str
    results: str
    row: Row


def record_path(out: Path, student: str) -> Path:
    """Where a student's record is: not in the student's folder, which may be handed out as it is."""
    return out / INSTRUCTOR_ONLY / "records" / f"{student}.json"


def write_record(out: Path, record: ClassRecord) -> None:
    """Write it, whole or not at all."""
    path = record_path(out, record.row.student)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, (json.dumps(record.model_dump(mode="json"), indent=1) + "\n").encode())


def read_record(out: Path, student: str) -> ClassRecord | None:
    """What is recorded; None where nothing is that this version of the grader understands."""
    try:
        return ClassRecord.model_validate_json(record_path(out, student).read_bytes())
    except (OSError, ValueError):  # missing, or written by another version: to be graded again
        return None


def write_gradebook(out: Path, rows: Iterable[Row]) -> Path:
    """Write `gradebook.csv`: a row a student, sorted by the student's name; the same rows give the same bytes."""
    rows = sorted(rows, key=lambda row: row.student)
    tasks = _tasks(rows)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, *tasks, "message"])
    for row in rows:
        writer.writerow(_line(row, tasks))
    path = out / GRADEBOOK
    write_whole(path, text.getvalue().encode())
    return path


def _tasks(rows: Sequence[Row]) -> list[str]:
    """The task ids of the rows' assignments, in the rubric's order."""
    there = {row.assignment for row in rows}
    chosen = [assignment for assignment in find_assignments().values() if assignment.id in there]
    return list(dict.fromkeys(task.id for assignment in chosen for task in assignment.tasks))


def _line(row: Row, tasks: Sequence[str]) -> list[Any]:
    has_score = row.outcome not in ("missing", "failed", "unread")
    numbers = (row.score, row.max_score, row.days_late) if has_score else ("", "", "")
    points = [_number(row.tasks[task]) if task in row.tasks else "" for task in tasks]
    told = [cell(row.student), cell(row.person.name), *map(_number, numbers), row.outcome, " ".join(row.withheld)]
    return [*told, *points, cell(row.message)]


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def cell(text: str) -> str:
    """A text for one cell of a spreadsheet: one line, visible, and never taken for a formula."""
    line = _NEXT_CELL.sub(r"\1'", " ".join(clean_text(text, columns=1000).split()))
    # Spreadsheets read full-width signs as the plain ones, and may pass over what can't be seen.
    plain = unicodedata.normalize("NFKC", line)
    seen = next((char for char in plain if unicodedata.category(char)[0] not in "CZM" and char not in _UNSEEN), "")
    return f"'{line}" if seen.startswith(FORMULA) else line
