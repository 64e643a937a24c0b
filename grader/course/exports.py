"""A class's grades in the forms that other programs read: Canvas, Gradescope, and JUnit for each student.

What is final is exported as a number, and nothing else is. A score with tasks that are withheld or wait for a person
will change, so it must not look like a grade:

- `canvas.csv` leaves such a student out, as well as one who handed nothing in: a number would be taken for final, and
  an empty cell deletes what Canvas holds. `left_out.csv` says who is not in it, and why.
- `gradescope.csv` has everybody; such a student is "Ungraded" without a total, who handed nothing in is "Missing".
- A refused zip was graded, with 0: that is exported. Who knows better gives the student another attempt.
- A class with two assignments, or two variants with other points, gets a file for each, named after it.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from grader.course.gradebook import cell
from grader.course.junit import write_junit
from grader.course.records import FAILED, MISSING, UNREAD, Row, student_folder
from grader.results import RESULTS, write_whole
from grader.rubric import Assignment, find_assignments

EXPORTS = "exports"
LEFT_OUT = "left_out.csv"
# Canvas finds a student by ID, then by one of the SIS columns, then by name. The points stand in a row of their own.
# https://github.com/instructure/canvas-lms/blob/master/lib/gradebook_importer.rb
CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
POINTS_POSSIBLE = "    Points Possible"
# As in the file that Gradescope gives for one assignment ("Download Grades"); a column for each question follows.
GRADESCOPE = (
    "Name",
    "SID",
    "Email",
    "Total Score",
    "Max Points",
    "Status",
    "Submission ID",
    "Submission Time",
    "Lateness (H:M:S)",
)
DIGITS = 4  # behind the point


@dataclass(frozen=True)
class _Part:
    """Those of a class who did the same assignment under the same variant.

    Attributes:
        assignment: Which.
        variant: Of it.
        name: What the names of its files end in; empty when there is only one part.
        rows: Sorted by student.
    """

    assignment: Assignment
    variant: str
    name: str
    rows: tuple[Row, ...]

    @property
    def canvas_ids(self) -> Counter[str]:
        """How often each number occurs."""
        return Counter(row.person.canvas_id for row in self.rows if row.person.canvas_id)

    @property
    def points(self) -> float:
        """What can be earned, bonus aside."""
        return self.assignment.max_score(self.variant)


def write_exports(rows: Sequence[Row], out: Path) -> list[Path]:
    """Write `out/exports/`, and `junit.xml` beside each `results.json`; the same rows give the same bytes.

    Files that an earlier run made for a part that is there no longer are removed: somebody would import them.

    Args:
        rows: The class.
        out: Folder of all students.

    Returns:
        What was written.

    Raises:
        UsageError: If a student's `results.json` can't be read.
    """
    rows = sorted(rows, key=lambda row: row.student)
    folder = out / EXPORTS
    folder.mkdir(parents=True, exist_ok=True)
    parts = _parts(rows)
    tables = {folder / f"canvas{part.name}.csv": _canvas(part) for part in parts}
    tables |= {folder / f"gradescope{part.name}.csv": _gradescope(part) for part in parts}
    tables[folder / LEFT_OUT] = _left_out(rows, parts)
    for path, table in tables.items():
        write_whole(path, _csv(table))
    for stale in {*folder.glob("canvas*.csv"), *folder.glob("gradescope*.csv")} - tables.keys():
        stale.unlink()
    folders = dict.fromkeys(student_folder(out, row) for row in rows)  # a group's is one
    return [*tables, *(write_junit(each) for each in folders if (each / RESULTS).is_file())]


def _parts(rows: Sequence[Row]) -> list[_Part]:
    """The class by assignment and variant; who handed nothing in belongs to every assignment that they may owe."""
    known = find_assignments()
    keys = sorted({(row.assignment, _variant(row, known[row.assignment])) for row in rows if row.assignment in known})
    several = Counter(assignment for assignment, _ in keys)
    parts = []
    for id, variant in keys:
        assignment = known[id]
        name = f"-{id}" if len(several) > 1 else ""
        name += f"-{variant}" if several[id] > 1 else ""
        own = tuple(row for row in rows if row.assignment in (id, "") and _variant(row, assignment) == variant)
        chosen = tuple(row for row in own if row.assignment or row.outcome in (MISSING, UNREAD) or len(several) == 1)
        parts.append(_Part(assignment, variant, name, chosen))
    return parts


def _variant(row: Row, assignment: Assignment) -> str:
    """Under which variant a row counts, or would count."""
    wanted = row.variant or row.person.variant
    return wanted if wanted in assignment.variants else assignment.default_variant


def _not_final(row: Row) -> str:
    """Why a row has no final score; empty when it has one."""
    if row.outcome == MISSING:
        return "nothing was handed in"
    if row.outcome == UNREAD:
        return "what was handed in is not understood"
    if row.outcome == FAILED:
        return "the grader failed: every point is withheld"
    told = [("could not be checked", row.withheld), ("wait for a person", row.waiting)]
    return "; ".join(f"{what}: {', '.join(tasks)}" for what, tasks in told if tasks)


def _not_for_canvas(row: Row, ids: Counter[str]) -> str:
    """Why a row is not in Canvas's file; empty when it is."""
    canvas_id = row.person.canvas_id
    if reason := _not_final(row):
        return reason
    if canvas_id and not (canvas_id.isascii() and canvas_id.isdecimal()):
        return "canvas_id is not a number"  # Canvas would take the digits that it begins with for somebody's
    return "somebody else has the same canvas_id" if ids[canvas_id] > 1 else ""


def _canvas(part: _Part) -> list[Sequence[str]]:
    header = [*CANVAS, cell(part.assignment.title)]
    points = [POINTS_POSSIBLE, *[""] * (len(CANVAS) - 1), _number(part.points)]
    ids = part.canvas_ids
    chosen = [row for row in part.rows if not _not_for_canvas(row, ids)]
    lines = [[_name(row), row.person.canvas_id, "", "", "", _number(row.score)] for row in chosen]
    return [header, points, *lines]


def _gradescope(part: _Part) -> list[Sequence[str]]:
    tasks = [task for task in part.assignment.tasks if task.asked_by(part.variant)]
    titles = [cell(f"{task.id}: {task.title} ({task.points} pts)") for task in tasks]
    lines = []
    for row in part.rows:
        final = not _not_final(row)
        status = "Graded" if final else "Missing" if row.outcome == MISSING else "Ungraded"
        when = row.submitted_at
        told = [
            _name(row),
            cell(row.student),
            cell(row.person.email),
            _number(row.score) if final else "",
            _number(part.points),
            status,
            row.sha256[:16],
            when.strftime("%Y-%m-%d %H:%M:%S %z") if when else "",
            "" if row.outcome in (MISSING, UNREAD) else _lateness(row, part.assignment),
        ]
        lines.append([*told, *(_number(row.tasks[task.id]) if task.id in row.tasks else "" for task in tasks)])
    return [[*GRADESCOPE, *titles], *lines]


def _lateness(row: Row, assignment: Assignment) -> str:
    """Hours, minutes and seconds after the deadline; whole days where the time is not known."""
    late = timedelta(days=row.days_late)
    if row.days_late and row.submitted_at:
        late = min(late, max(timedelta(0), row.submitted_at - assignment.due_at))
    seconds = int(late.total_seconds())
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _left_out(rows: Sequence[Row], parts: Sequence[_Part]) -> list[Sequence[str]]:
    """Who is in no file for Canvas, and why."""
    counted = [(part, part.canvas_ids) for part in parts]
    reasons = {row.student: _not_for_canvas(row, ids) for part, ids in counted for row in part.rows}
    lines = []
    for row in rows:
        if reason := reasons.get(row.student, "the assignment is not known"):
            lines.append([cell(row.student), cell(row.person.name), row.assignment, row.outcome, cell(reason)])
    return [("student", "name", "assignment", "outcome", "reason"), *lines]


def _name(row: Row) -> str:
    return cell(row.person.name or row.student)


def _number(value: float) -> str:
    """A number as every program reads it: no exponent, no zeros at the end."""
    text = f"{value:.{DIGITS}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _csv(table: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(table)  # RFC 4180
    return text.getvalue().encode()
