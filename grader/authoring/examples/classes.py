"""Builds a class to try the grader on: a folder of zips, its roster, and the grade that each student is to get.

    count, seed -> plans -> zips, roster.csv
                         -> expected.csv, from the same plans (expected.py)

The same arguments give the same bytes. A student's work is the solutions with known mistakes and accepted ways in
place, or with a file missing, unfinished or spoilt; some zips are refused as a whole, and one student hands in nothing.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path

from grader.authoring.examples.expected import ExampleWork, expect_grade
from grader.authoring.examples.people import make_people
from grader.authoring.examples.plans import ExamplePlan, hand_in, make_plans
from grader.authoring.examples.refused import BAD_ZIPS
from grader.course.records import MISSING, REFUSED, Person
from grader.errors import MachineError, UsageError
from grader.intake.opening import file_digest, student_name
from grader.process_pool import cores, make_pool
from grader.records import Grade, State
from grader.results import write_whole
from grader.rubric import Assignment
from grader.zip_writer import pack_files

ROSTER, EXPECTED = "roster.csv", "expected.csv"
COLUMNS = ("student", "assignment", "variant", "outcome", "score", "max_score")  # of EXPECTED, before the tasks
TOP_FOLDERS = ("", "homework/")  # students zip their files, or the folder that holds them


@dataclass(frozen=True)
class Built:
    """A class that was built.

    Attributes:
        zips: What was handed in, sorted.
        roster: Path of the roster.
        expected: Path of the table of grades.
        outcomes: How many students are to end how, by outcome.
    """

    zips: tuple[Path, ...]
    roster: Path
    expected: Path
    outcomes: dict[str, int]


def build_class(
    count: int,
    folder: Path,
    assignment: Assignment,
    seed: int = 0,
    *,
    jobs: int | None = None,
    tasks: tuple[str, ...] | None = None,
    on_done: Callable[[str], None] = lambda _student: None,
) -> Built:
    """Write the zips of a class, `roster.csv` and `expected.csv` into a folder.

    `expected.csv` has a line a student: the grade, a column for each task (empty where it has no score), the known
    mistakes that were put in (`mistakes`), and those that the checks name (`named`), ids with spaces between them.

    Args:
        count: How many students the roster has, at least 2.
        folder: Where to; it is made, and must hold no zip yet.
        assignment: Theirs.
        seed: Another seed gives another class.
        jobs: Processes that find out the expected grades, 1 meaning this one; None takes the cores there are.
        tasks: Tasks whose checks are run for them; None means all.
        on_done: Gets each student whose grade is found out.

    Raises:
        UsageError: If the count makes no sense, or the folder holds zips.
        MachineError: If a variation can't be composed, or a process ended.
    """
    if count < 2:
        raise UsageError("a class has at least 2 students")
    folder.mkdir(parents=True, exist_ok=True)
    if strays := sorted(folder.glob("*.zip")):
        raise UsageError(f"{folder} holds {strays[0].name} already: name a folder without zips")
    rng = random.Random(f"{assignment.id} {count} {seed}")  # a text seeds by its digest, the same in every process
    people = make_people(count, assignment, rng)
    plans = [*make_plans(count - 1, assignment, rng), ExamplePlan()]
    works, rows = [], []
    for person, plan in zip(people, plans, strict=True):
        work = _write_zip(folder, person, plan, assignment, rng.choice(TOP_FOLDERS))
        if work is not None:
            works.append(replace(work, tasks=tasks))
        else:
            rows.append(_row(assignment, person, REFUSED if plan.bad_zip else MISSING))
    _write_csv(folder / ROSTER, Person.model_fields, map(_roster_line, sorted(people, key=lambda each: each.student)))
    for work, grade in _expect_all(works, jobs or cores()):
        rows.append(_row(assignment, work.person, grade.outcome, grade, work.mistakes))
        on_done(work.person.name)
    rows.sort()
    _write_csv(folder / EXPECTED, [*COLUMNS, *assignment.by_id, "mistakes", "named"], rows)
    outcomes = [row[COLUMNS.index("outcome")] for row in rows]
    told = {outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))}
    return Built(tuple(sorted(folder.glob("*.zip"))), folder / ROSTER, folder / EXPECTED, told)


def summary_line(built: Built) -> str:
    """One line on what was built, for the terminal."""
    outcomes = ", ".join(f"{number} {outcome}" for outcome, number in built.outcomes.items())
    students = sum(built.outcomes.values())
    return f"{built.roster.parent}: {len(built.zips)} zips; {built.expected.name} has {students} students: {outcomes}"


def _write_zip(folder: Path, person: Person, plan: ExamplePlan, assignment: Assignment, top: str) -> ExampleWork | None:
    """Write what a student hands in, in a folder `top`; None where there is nothing to be checked."""
    if person.submitted_at is None:
        return None
    files = hand_in(plan, person, assignment)
    target = folder / f"{person.student}.zip"
    if plan.bad_zip:
        modules = {name: data for name, data in files.items() if name.endswith(".py")}
        write_whole(target, BAD_ZIPS[plan.bad_zip](modules))
        return None
    pack_files({f"{top}{name}": data for name, data in files.items()}, target)
    return ExampleWork(assignment, person, files, file_digest(target), plan.mistakes(assignment))


def _expect_all(works: Sequence[ExampleWork], jobs: int) -> Iterable[tuple[ExampleWork, Grade]]:
    """The expected grades as they are ready."""
    if jobs == 1:
        yield from ((work, expect_grade(work)) for work in works)
        return
    pool = make_pool(jobs)
    try:
        futures = {pool.submit(expect_grade, work): work for work in works}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool as error:
        raise MachineError("a process that finds out grades ended; was there too little memory?") from error
    finally:
        pool.shutdown(cancel_futures=True)


def _row(
    assignment: Assignment, person: Person, outcome: str, grade: Grade | None = None, mistakes: Sequence[str] = ()
) -> list[str]:
    """A line of `expected.csv`; a task without a score has an empty cell."""
    scores = {task.id: f"{task.score:g}" for task in grade.tasks if task.state is State.SCORED} if grade else {}
    named = sorted({mistake for check in grade.checks for mistake in check.mistakes}) if grade else []
    return [
        student_name(Path(f"{person.student}.zip")),
        assignment.id,
        person.variant,
        outcome,
        f"{grade.score if grade else 0:g}",
        f"{assignment.max_score(person.variant):g}",
        *(scores.get(task, "") for task in assignment.by_id),
        " ".join(mistakes),
        " ".join(named),
    ]


def _roster_line(person: Person) -> list[str]:
    moment = person.submitted_at.isoformat() if person.submitted_at else ""
    return [person.student, person.name, person.email, person.variant, moment, person.canvas_id]


def _write_csv(path: Path, heading: Iterable[str], rows: Iterable[Sequence[str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([list(heading), *rows])
    write_whole(path, text.getvalue().encode())
