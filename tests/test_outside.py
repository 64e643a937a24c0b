"""An assignment that lies outside the project, in a folder that ASSIGNMENTS names, is one like the others."""

from __future__ import annotations

import io
import pickle
import shutil
import zipfile
from pathlib import Path

import pytest
from rich.console import Console
from sample_guide import write_guide, write_submission
from test_guide import WRONG

from grader.authoring.release import is_current, release
from grader.authoring.validation.proving import validate_assignment
from grader.course.digests import take_digests
from grader.course.similarity.pairs import find_pairs
from grader.errors import SubmissionRefused
from grader.gradescope.autograder import pack_autograder
from grader.intake.opening import open_submission
from grader.packages import import_checks
from grader.pipeline import grade_zip, render_again, report_reference
from grader.records import Outcome
from grader.reference import load_reference
from grader.rubric import PROJECT, Assignment, find_assignments, get_assignment

FIGURE = '''"""An image in grey."""

from grader.figures.picture import as_svg, new_figure


def draw(exhibit):
    from solutions.toy.figures.lines import LINE  # another module of the same folder, when it draws

    figure = new_figure(40, 20)
    figure.add_axes((0, 0, 1, 1)).plot(exhibit.arrays["student_grey"][0], color=LINE)
    return as_svg(figure, alt="Drawn outside.", caption=exhibit.caption)
'''
SHOWN = """

@check("1")
def check_drawn(student, rng, exhibit):
    \"\"\"It is drawn.\"\"\"
    grey = numbers(student.pixels.to_grey(torch.from_numpy(rng.random((3, 6, 8), dtype="float32"))))
    exhibit("patch", "grey", "Grey.", {"student_grey": grey})
"""


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course's folder with the guide's assignment, named by ASSIGNMENTS; its checks draw a kind of its own."""
    folder = write_guide(tmp_path / "course")
    own = folder / "solutions" / "toy"
    checks = own / "checks" / "public_pixels.py"
    checks.write_text(checks.read_text(encoding="utf-8") + SHOWN, encoding="utf-8")
    (own / "figures").mkdir()
    (own / "figures" / "patch.py").write_text(FIGURE, encoding="utf-8")
    (own / "figures" / "lines.py").write_text('LINE = "black"\n', encoding="utf-8")
    monkeypatch.setenv("ASSIGNMENTS", str(folder))
    return folder


@pytest.fixture
def toy(course: Path) -> Assignment:
    """That assignment."""
    return get_assignment("toy")


def test_graded(course: Path, tmp_path: Path) -> None:
    """It is recognised and graded, a known mistake is named, its own figure is drawn, and the report made again."""
    out = tmp_path / "out"
    grade = grade_zip(write_submission(tmp_path / "bob.zip", changed=WRONG), out)
    assert (grade.assignment, grade.outcome) == ("toy", "graded")
    assert "pixels.plain_mean" in {check.mistake for check in grade.checks}
    assert {check.outcome for check in grade.checks} == {Outcome.PASSED, Outcome.FAILED}
    page = (out / "bob" / "report.html").read_text(encoding="utf-8")
    assert "Drawn outside." in page
    assert str(course) not in page + (out / "bob" / "results.json").read_text(encoding="utf-8")
    assert render_again(out, "bob").ledger == grade.ledger
    assert "Drawn outside." in (out / "bob" / "report.html").read_text(encoding="utf-8")


def test_reference_report(toy: Assignment, tmp_path: Path) -> None:
    """Its solutions earn every point in the reference report; it has no reference models."""
    grade = report_reference(toy, tmp_path / "out")
    assert grade.score == grade.max_score == 3
    assert load_reference(toy).source == "none"


def test_released(toy: Assignment, course: Path) -> None:
    """Its stubs, and the kit with its own checks and figures, are written beside it and not into the project."""
    paths = release(toy)
    assert all(path.is_relative_to(course) for path in paths)
    assert is_current(toy) == []
    with zipfile.ZipFile(paths[-1]) as kit:
        names = {name.removeprefix("toy/kit/") for name in kit.namelist()}
    ours = {"solutions/toy/checks/public_pixels.py", "solutions/toy/figures/patch.py", "grader/figures/style.py"}
    assert ours <= names


def test_autograder(toy: Assignment, course: Path) -> None:
    """Its autograder for Gradescope has it in the place of the project's own assignments."""
    with zipfile.ZipFile(pack_autograder(toy, "secret")) as packed:
        names = set(packed.namelist())
    assert {f"project/{part}/toy/{name}" for part, name in TOGETHER} <= names
    assert not any("miniplaces" in name for name in names)
    assert (course / "dist" / "toy-autograder.zip").is_file()


TOGETHER = [("assignment", "assignment.toml"), ("solutions", "pixels.py"), ("solutions", "checks/check_pixels.py")]


def test_one_mistake_is_proved(toy: Assignment) -> None:
    """`make validate ONLY=` tries its mistakes; a case that comes back from another process is the same case."""
    (found,) = validate_assignment(toy, Console(file=io.StringIO()), 1, only="pixels.plain_mean")
    assert (found.case.name, found.complaint) == ("pixels.plain_mean", "")
    assert pickle.loads(pickle.dumps(found.case)) in {found.case}


def test_class_is_compared(toy: Assignment, tmp_path: Path) -> None:
    """What two students have of its stubs makes them no pair."""
    opened = [(name, open_submission(write_submission(tmp_path / f"{name}.zip"))) for name in ("ann", "bob")]
    assert {submission.assignment for _, submission in opened} == {toy}
    assert len(find_pairs(opened, toy)) == 1
    shutil.copy(toy.solutions_folder / "pixels.py", toy.handout_folder)
    assert find_pairs(opened, toy) == ()


def test_digests(toy: Assignment, course: Path, tmp_path: Path) -> None:
    """A change of its checks has its own submissions graded again, no other's; where it lies does not count."""
    before = take_digests("container", find_assignments().values())
    moved = course.rename(tmp_path / "moved")
    assert take_digests("container", [toy.at(moved)]).run["toy"] == before.run["toy"]
    with (moved / "solutions" / "toy" / "checks" / "check_pixels.py").open("a", encoding="utf-8") as checks:
        checks.write("# changed\n")
    after = take_digests("container", find_assignments(PROJECT, moved).values())
    assert {id for id in after.run if after.run[id] != before.run[id]} == {"toy"}
    assert after.score == before.score


def test_not_named(course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ASSIGNMENTS its submissions are none of ours."""
    monkeypatch.delenv("ASSIGNMENTS")
    with pytest.raises(SubmissionRefused, match="No module of the assignment"):
        open_submission(write_submission(tmp_path / "ann.zip"))


def test_same_id_elsewhere(toy: Assignment, course: Path, tmp_path: Path) -> None:
    """Of two folders with an assignment of one id, the modules are those of the folder that is asked for."""
    copy = Path(shutil.copytree(course, tmp_path / "copy"))
    for root in (course, copy, course):
        for module in import_checks(toy.at(root)):
            assert Path(str(module.__file__)).is_relative_to(root)
