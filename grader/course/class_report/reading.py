"""Reads the students' folders for the class report, one after the other, and keeps only what its page shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from grader.course.class_report.seen import Place, Seen
from grader.course.records import GRADED, REFUSED, Row, student_folder
from grader.errors import UsageError
from grader.figures import thumbnails
from grader.figures.thumbnail import Accuracy, Thumbnail
from grader.packages import figures_folder
from grader.records import CheckResult, Exhibit, Grade, Outcome, State
from grader.results import read_looks, read_results
from grader.rubric import find_assignments

NO_TEXTS = {"called": "", "expected": "", "got": "", "message": ""}
QUIET = (Outcome.PASSED, Outcome.SKIPPED, Outcome.INTERNAL)  # nothing that the student did wrong
READ = (GRADED, REFUSED)  # whatever else stands in a folder is of an earlier submission
NO_FOLDER = "This name can't be that of a folder, so that nothing was read."
STALE = "The folder holds the results of another zip: grade the class again."
UNREADABLE = "The folder holds no results that can be read: grade the class again."


def read_class(rows: Iterable[Row], out: Path) -> dict[str, Seen]:
    """What there is of each student; a folder that stands for several is read once.

    Args:
        rows: The students.
        out: Where their folders are.
    """
    seen: dict[str, Seen] = {}
    read: dict[tuple[Path, str, str], Seen] = {}
    for row in rows:
        key = (student_folder(out, row), row.outcome, row.sha256)
        seen[row.student] = read[key] = read[key] if key in read else read_student(row, out)
    return seen


def read_student(row: Row, out: Path) -> Seen:
    """What the folder of one student holds; whatever can't be read is told in `problem`, never raised."""
    if row.outcome not in READ:
        return Seen()
    folder = student_folder(out, row)
    if folder.name in ("", "..") or folder != out / folder.name:
        return Seen(problem=NO_FOLDER)
    try:
        grade, exhibits, _ = read_results(folder)
        looks = read_looks(folder)
    except UsageError:
        return Seen(problem=UNREADABLE)
    if row.sha256 and grade.submission_sha256 != row.sha256:
        return Seen(problem=STALE)
    wrong = _wrong(grade)
    assignment = find_assignments().get(grade.assignment)
    accuracies, pictures = _shown(exhibits, figures_folder(assignment) if assignment else None)
    return Seen(
        faults=tuple(check.model_copy(update=NO_TEXTS) for check in wrong if not check.is_not_started),
        not_started=tuple(dict.fromkeys(check.task for check in wrong if check.is_not_started)),
        reasons={task.id: task.comment for task in grade.tasks if task.state in (State.WITHHELD, State.MANUAL)},
        accuracies=tuple(accuracies),
        pictures=pictures,
        looks=looks,
        has_page=(folder / "report.html").is_file(),
        has_pdf=(folder / "report.pdf").is_file(),
    )


def _wrong(grade: Grade) -> list[CheckResult]:
    """The checks that did not pass, of tasks that everybody has to do."""
    unasked = {task.id for task in grade.tasks if task.state is State.UNASKED or task.bonus}
    return [check for check in grade.checks if check.outcome not in QUIET and check.task not in unasked]


def _shown(
    exhibits: Iterable[Exhibit], own: Path | None
) -> tuple[list[tuple[str, Accuracy]], dict[Place, tuple[str, Thumbnail]]]:
    """What the class page shows of a student's exhibits: accuracies with their tasks, pictures with their names.

    A picture's place holds the exhibit's number instead of its name, which a student may have chosen.
    """
    accuracies: list[tuple[str, Accuracy]] = []
    pictures: dict[Place, tuple[str, Thumbnail]] = {}
    counts: Counter[tuple[str, str]] = Counter()
    for exhibit in exhibits:
        counts[exhibit.task, exhibit.kind] += 1
        for one in thumbnails(exhibit, own):
            if isinstance(one, Accuracy):
                accuracies.append((exhibit.task, one))
            else:
                place = (exhibit.task, exhibit.kind, counts[exhibit.task, exhibit.kind], one.part)
                pictures[place] = (one.part or exhibit.name, one)
    return accuracies, pictures
