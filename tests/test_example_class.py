"""A made-up class: deterministic, of all kinds, and graded as it says."""

from __future__ import annotations

import csv
import io
import random
from datetime import datetime
from pathlib import Path

import pytest
from sample_session import run_grader

from grader.authoring.examples.classes import Built, build_class, summary_line
from grader.authoring.examples.expected import ExampleWork, expect_grade
from grader.authoring.examples.people import make_people
from grader.authoring.examples.plans import PATTERN, ExamplePlan, hand_in, make_plans
from grader.authoring.examples.refused import BAD_ZIPS
from grader.course.roster import read_roster
from grader.errors import SubmissionRefused, UsageError
from grader.intake.opening import open_submission, student_name
from grader.rubric import get_assignment
from grader.runner import run_submission
from grader.scoring import grade_submission
from grader.solutions import load_accepted, load_mistakes

MINIPLACES = get_assignment("miniplaces")
TASKS = ("1a", "3a")  # cheap ones; the others stay without a score
SIZE = 8  # a student of each of the first kinds, and one without a zip


def table(path: Path) -> list[dict[str, str]]:
    """The lines of a CSV file."""
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))


def contents(folder: Path) -> dict[str, bytes]:
    """Everything in a folder, by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A small class."""
    return build_class(SIZE, tmp_path_factory.mktemp("class"), MINIPLACES, jobs=1, tasks=TASKS)


@pytest.mark.slow
def test_same_again(built: Built, tmp_path: Path) -> None:
    """The same arguments give the same bytes, another seed another class; every zip is another."""
    again = build_class(SIZE, tmp_path / "again", MINIPLACES, jobs=1, tasks=TASKS)
    assert contents(built.roster.parent) == contents(again.roster.parent)
    other = build_class(SIZE, tmp_path / "other", MINIPLACES, seed=1, jobs=1, tasks=())
    zips = [path.read_bytes() for path in (*built.zips, *other.zips)]
    assert len(set(zips)) == len(zips) == 2 * (SIZE - 1)


def test_roster(built: Built) -> None:
    """The roster is one that we read; both variants are there, someone is late, and one student has no zip."""
    people = read_roster(built.roster)
    assert len(people) == SIZE
    assert {person.variant for person in people.values()} == set(MINIPLACES.variants)
    handed_in = [person.submitted_at for person in people.values() if person.submitted_at is not None]
    assert min(handed_in) < MINIPLACES.due_at < max(handed_in)
    without = people.keys() - {student_name(path) for path in built.zips}
    assert [people[student].submitted_at for student in without] == [None]
    assert [row["student"] for row in table(built.expected) if row["outcome"] == "missing"] == sorted(without)


def test_expected_is_what_the_grader_says(built: Built) -> None:
    """Opened, run behind the walls and scored, every submission gets the grade that the table names."""
    people = read_roster(built.roster)
    rows = {row["student"]: row for row in table(built.expected)}
    assert sorted(rows) == list(rows) == sorted(people)
    for path in built.zips:
        row, person = rows[student_name(path)], people[student_name(path)]
        try:
            submission = open_submission(path, submitted_at=person.submitted_at)
        except SubmissionRefused:
            assert (row["outcome"], row["score"]) == ("refused", "0")
            continue
        checks = run_submission(submission, submission.sha256, tasks=TASKS, weakest="cold").checks
        grade = grade_submission(submission, checks, person.variant)
        scores = {task.id: task.score for task in grade.tasks if task.id in TASKS}
        assert {task: float(row[task]) for task in TASKS} == scores, path.name
        assert (float(row["score"]), float(row["max_score"])) == (grade.score, grade.max_score)
        assert set(row["named"].split()) == {mistake for check in checks for mistake in check.mistakes}
    assert {row["outcome"] for row in rows.values()} == {"graded", "refused", "missing"}


def test_summary(built: Built) -> None:
    """One line tells where the class is and how its students are to end."""
    assert summary_line(built) == (
        f"{built.roster.parent}: 7 zips; expected.csv has 8 students: 6 graded, 1 missing, 1 refused"
    )


@pytest.mark.parametrize("kind", BAD_ZIPS)
def test_bad_zips(kind: str, tmp_path: Path) -> None:
    """Each is small, refused with a sentence of its own, and for the reason that it is named after."""
    told = {
        "not a zip": "is not a zip",
        "cut off": "damaged or only a part",
        "wrong checksum": "checksum",
        "leaves its folder": "leads out of the zip",
        "no module": "No module of the assignment",
        "encrypted": "encrypted",
    }
    modules = {f"{name}.py": f"# {name}\nx = 1\n".encode() for name in MINIPLACES.modules}
    path = tmp_path / "bad.zip"
    path.write_bytes(BAD_ZIPS[kind](modules))
    assert path.stat().st_size < 4096
    with pytest.raises(SubmissionRefused, match=told[kind]):
        open_submission(path)


@pytest.mark.parametrize("assignment_id", ["miniplaces", "two_networks"])
def test_forty(assignment_id: str) -> None:
    """A class of forty has every kind of work, one to four mistakes at most, and nothing that can't stand together."""
    assignment = get_assignment(assignment_id)
    known = {each.id: each for each in (*load_mistakes(assignment), *load_accepted(assignment))}
    plans = make_plans(39, assignment, random.Random(0))
    assert {plan.spoilt for plan in plans} == {spoilt for _, _, spoilt in PATTERN}
    assert {plan.bad_zip for plan in plans} == {"", *BAD_ZIPS}
    wrong = [plan.mistakes(assignment) for plan in plans]
    assert {len(mistakes) for mistakes in wrong} == {0, 1, 2, 3, 4}
    assert all(len({known[name].module for name in mistakes}) == len(mistakes) for mistakes in wrong)
    made = [name for mistakes in wrong for name in mistakes]
    assert len(set(made)) == len(made), "a mistake comes up again before all have"
    for plan in plans:
        targets = {known[name].target for name in plan.variations}
        assert len(targets) == len(plan.variations)
        assert not plan.part or plan.part not in {each for target in targets for each in (target, target.split(".")[0])}
    assert any(name.endswith("model_pickled_whole") for plan in plans for name in plan.variations)


def test_people() -> None:
    """People have different names and addresses; some names are not ASCII, and more than there are is refused."""
    people = make_people(40, MINIPLACES, random.Random(0))
    for field in ("student", "name", "email", "canvas_id"):
        assert len({getattr(person, field) for person in people}) == 40
    assert all(person.email.isascii() for person in people)
    assert any(not person.student.isascii() for person in people)
    assert len({student_name(Path(f"{person.student}.zip")) for person in people}) == 40
    late = [person.variant for person in people if person.submitted_at and person.submitted_at > MINIPLACES.due_at]
    assert len(late) == 10
    assert set(late) == set(MINIPLACES.variants)
    with pytest.raises(UsageError, match="at most 900"):
        make_people(901, MINIPLACES, random.Random(0))


@pytest.mark.parametrize(
    ("spoilt", "part", "changed"),
    [
        ("syntax error", "cam", "cam.py"),
        ("module missing", "units", "units.py"),
        ("module untouched", "filters", "filters.py"),
        ("no model", "model.pth", "model.pth"),
        ("weaker model", "model.pth", "model.pth"),
    ],
)
def test_spoilt(spoilt: str, part: str, changed: str) -> None:
    """What else became of a student's work concerns one file, and no other."""
    person = make_people(1, MINIPLACES, random.Random(0))[0]
    whole = hand_in(ExamplePlan(), person, MINIPLACES)
    files = hand_in(ExamplePlan((), spoilt, part), person, MINIPLACES)
    assert {name for name in whole if whole[name] != files.get(name)} == {changed}
    assert files.keys() <= whole.keys()


def test_late_counts() -> None:
    """The expected grade knows the deadline: what is a week late earns nothing."""
    person = make_people(1, MINIPLACES, random.Random(0))[0]
    files = hand_in(ExamplePlan(), person, MINIPLACES)

    def score(moment: str) -> float:
        handed_in = person.model_copy(update={"submitted_at": datetime.fromisoformat(moment)})
        return expect_grade(ExampleWork(MINIPLACES, handed_in, files, "0" * 64, tasks=("3a",))).score

    assert [score(f"2022-{day}T12:00-04:00") for day in ("03-29", "03-30", "04-05", "04-06")] == [1.0, 0.93, 0.5, 0.0]


def test_broken_modules_count() -> None:
    """A module that can't be imported, or is not there, costs its own tasks and no others."""
    person = make_people(1, MINIPLACES, random.Random(0))[0]
    for spoilt in ("syntax error", "module missing", "module untouched"):
        files = hand_in(ExamplePlan((), spoilt, "cam"), person, MINIPLACES)
        grade = expect_grade(ExampleWork(MINIPLACES, person, files, "0" * 64, tasks=("1a", "3a")))
        assert {task.id: task.score for task in grade.tasks if task.id in TASKS} == {"1a": 1.0, "3a": 0.0}


def test_a_folder_with_zips_is_left_alone(tmp_path: Path) -> None:
    """Zips that are there would be graded with the class: the folder is refused, as is a class of one."""
    (tmp_path / "real.zip").write_bytes(b"")
    with pytest.raises(UsageError, match=r"real\.zip"):
        build_class(4, tmp_path, MINIPLACES)
    with pytest.raises(UsageError, match="at least 2"):
        build_class(1, tmp_path / "new", MINIPLACES)


def test_command(tmp_path: Path) -> None:
    """`examples --class` without a folder, and a folder without `--class`, are wrong usage."""
    run = run_grader("examples", "--class", "4", out=tmp_path)
    assert run.code == 2
    assert "CLASS=40 OUT=class" in run.noted
    assert run_grader("examples", "--out", tmp_path / "x", out=tmp_path).code == 2
