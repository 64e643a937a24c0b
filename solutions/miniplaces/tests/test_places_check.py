"""Task 2b is scored where the Places365 network is: shown on a checkpoint whose units are known by construction."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sample_places import write_places
from sample_tiers import tiered
from torchvision.models import ResNet50_Weights

from grader.authoring.validation import proving
from grader.authoring.validation.cases import Case, CaseKind
from grader.cli.main import GRADED, main
from grader.errors import DataMissing, Failure
from grader.folders import data_folder
from grader.records import CheckResult, Outcome, State, Submission, TaskGrade
from grader.rubric import get_assignment
from grader.runner import run_submission
from grader.sandbox.student import Implementation
from grader.sandbox.transport import LocalTransport
from grader.scoring import grade_submission
from grader.solutions import implementation, solution_files
from grader.vision.datasets.places import FILE
from solutions.miniplaces.checks.check_places import check_sky_and_building, masks, share_on
from solutions.miniplaces.checks.scenes import load_places_scene

ASSIGNMENT = get_assignment("miniplaces")
THRESHOLDS = ASSIGNMENT.by_id["2b"].thresholds
SOLUTION = implementation(ASSIGNMENT).units
SKY, BUILDING = SOLUTION.SKY_UNIT.value(), SOLUTION.BUILDING_UNIT.value()
EVERYTHING, NOTHING = 7, 8


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """As in the processes of `make validate`; torch's threads wait for each other where the cores are busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder with the checkpoint beside everything else that this machine has."""
    folder = tmp_path_factory.mktemp("data")
    for path in data_folder().iterdir() if data_folder().is_dir() else ():
        if "places365" not in path.name:
            (folder / path.name).symlink_to(path.resolve())
    write_places(folder, {"sky": SKY, "building": BUILDING, "everything": EVERYTHING, "nothing": NOTHING})
    yield folder
    (folder / FILE).unlink()


@pytest.fixture
def data(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, in use."""
    monkeypatch.setenv("GRADER_DATA", str(made))
    return made


@pytest.mark.slow
@pytest.mark.usefixtures("data")
def test_solutions_earn_every_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the Places365 network, `make validate` prints all points for the solutions, and none waits for a person.

    It runs every check of Miniplaces on a network of ResNet-18's size.
    """
    monkeypatch.setattr(proving, "list_cases", lambda *_: (Case(ASSIGNMENT, CaseKind.SOLUTIONS, "solutions"),))
    options = ["--assignment", "miniplaces", "--jobs", "1", "--out", str(tmp_path)]
    monkeypatch.setattr("sys.argv", ["grader", "validate", *options])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr().out
    assert ended.value.code == GRADED == 0
    assert "10/10 (6.819)" in printed
    assert "15/15 (6.869)" in printed


def hand_in(sky: int, building: int, *tasks: str) -> tuple[CheckResult, TaskGrade]:
    """Grade solutions with these units in the sandbox: what came of the picture, and of task 2b."""
    files = solution_files(ASSIGNMENT)
    source = files["units.py"].decode()
    for name, right, chosen in (("SKY_UNIT", SKY, sky), ("BUILDING_UNIT", BUILDING, building)):
        assert f"{name} = {right}" in source
        source = source.replace(f"{name} = {right}", f"{name} = {chosen}")
    submission = Submission("sam", ASSIGNMENT, "ab" * 32, files | {"units.py": source.encode()})
    checks = run_submission(submission, submission.sha256, tasks=tasks).checks
    grade = grade_submission(submission, checks, "6.869")
    last = next(check for check in checks if check.name == "check_sky_and_building")
    assert all(check.outcome is Outcome.PASSED for check in checks if check is not last)
    return last, next(task for task in grade.tasks if task.id == "2b")


@pytest.mark.slow
@pytest.mark.usefixtures("data")
def test_in_the_sandbox() -> None:
    """A submission with the right units is scored in the sandbox, which the whole network goes into for task 2a."""
    check, task = hand_in(SKY, BUILDING, "2a", "2b")
    assert (check.outcome, check.message) == (Outcome.PASSED, "")
    assert (task.state, task.score, task.comment) == (State.SCORED, 1.0, "")


@pytest.mark.slow
@pytest.mark.usefixtures("data")
def test_swapped_in_the_sandbox() -> None:
    """A swapped pair costs the points, since naming units is no work, and the report says that it is swapped."""
    check, task = hand_in(BUILDING, SKY, "2b")
    assert check.outcome is Outcome.FAILED
    assert check.help == "Your two units are the other way round: swap them."
    assert (task.state, task.score) == (State.SCORED, 0.0)


def look(sky: int, building: int) -> dict[str, Any]:
    """Run the check for these two units; what it laid out for the report, also when it fails."""
    units = ModuleType("units")
    vars(units).update(SKY_UNIT=sky, BUILDING_UNIT=building)
    student = Implementation(("units",), LocalTransport({"units": units}, {}))
    laid_out: dict[str, Any] = {}

    def exhibit(_kind: str, _name: str, _caption: str, arrays: Any, facts: Any) -> None:
        laid_out.update(arrays=arrays, facts=facts)

    check_sky_and_building(student, implementation(ASSIGNMENT), THRESHOLDS, exhibit)
    return laid_out


@pytest.mark.usefixtures("data")
def test_what_is_shown() -> None:
    """The report shows both maps with their shares, which are well above the thresholds."""
    laid_out = look(SKY, BUILDING)
    assert laid_out["arrays"]["student_maps"].shape == (2, 8, 8)
    assert laid_out["facts"]["labels"] == [f"sky unit {SKY}", f"building unit {BUILDING}"]
    shares = [float(score.rstrip("%")) / 100 for score in laid_out["facts"]["scores"]]
    assert shares == pytest.approx([0.78, 0.77], abs=0.03)


CHOOSE = "Look at the maps of your units on china.jpg"


WRONG = {
    "sky_even": (
        EVERYTHING,
        BUILDING,
        "Only 35% of the activation of SKY_UNIT, 7, falls on the sky.",
        "more than 60% on the sky",
        CHOOSE,
    ),
    "building_even": (
        SKY,
        EVERYTHING,
        "Only 28% of the activation of BUILDING_UNIT, 7, falls on the building.",
        "more than 50% on the building",
        CHOOSE,
    ),
    "sky_silent": (
        NOTHING,
        BUILDING,
        "SKY_UNIT, 8, does not fire anywhere on china.jpg.",
        "more than 60% on the sky",
        CHOOSE,
    ),
    "even_and_silent": (
        EVERYTHING,
        NOTHING,
        "Only 35% of the activation of SKY_UNIT, 7, falls on the sky. "
        "BUILDING_UNIT, 8, does not fire anywhere on china.jpg.",
        "more than 60% on the sky, more than 50% on the building",
        CHOOSE,
    ),
    "building_as_sky": (
        BUILDING,
        EVERYTHING,
        f"Only 2% of the activation of SKY_UNIT, {BUILDING}, falls on the sky. "
        "Only 28% of the activation of BUILDING_UNIT, 7, falls on the building.",
        "more than 60% on the sky, more than 50% on the building",
        CHOOSE,
    ),
    "swapped": (
        BUILDING,
        SKY,
        f"Only 2% of the activation of SKY_UNIT, {BUILDING}, falls on the sky. "
        f"Only 7% of the activation of BUILDING_UNIT, {SKY}, falls on the building.",
        "more than 60% on the sky, more than 50% on the building",
        "Your two units are the other way round",
    ),
}


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize("case", tiered(WRONG, slow=WRONG.keys() - {"sky_silent", "swapped"}))
def test_wrong_units(case: tuple[int, int, str, str, str]) -> None:
    """A wrong unit is told with its number, what it misses and by how much; a swapped pair is recognised."""
    sky, building, told, expected, help = case
    with pytest.raises(Failure) as caught:
        look(sky, building)
    assert caught.value.message == told
    assert caught.value.expected == expected
    assert caught.value.help.startswith(help)


@pytest.mark.parametrize(("name", "even", "sharp", "smeared"), [("sky", 35, 91, 78), ("building", 28, 85, 66)])
def test_thresholds(name: str, even: int, sharp: int, smeared: int) -> None:
    """They lie between a unit that fires evenly and one that fires on its thing, smeared by one place to every side."""
    mask = masks()[name]
    area = F.adaptive_avg_pool2d(torch.from_numpy(mask)[None], 8)[0]  # (8, 8): how much of each place is the thing
    exact = (area > 0.5).double()
    spread = F.avg_pool2d(exact[None], 3, stride=1, padding=1)[0]
    shares = [share_on(each.numpy(), mask) for each in (torch.ones(8, 8), exact, spread)]
    assert [round(100 * share) for share in shares] == [even, sharp, smeared]
    assert shares[0] < THRESHOLDS[name] < shares[2]


def test_share_of_nothing() -> None:
    """A unit that does not fire, or only below 0, has no share of anything."""
    assert share_on(-np.ones((8, 8), np.float32), np.ones((427, 640))) == 0


@pytest.mark.usefixtures("data")
def test_normalisation() -> None:
    """The network gets china.jpg as torchvision's own preparation for ImageNet normalises it."""
    scene = load_places_scene()
    prepared = ResNet50_Weights.IMAGENET1K_V1.transforms(crop_size=256, resize_size=256)
    pixels = torch.from_numpy(scene.pixels).permute(2, 0, 1)  # (3, 256, 256)
    assert torch.allclose(scene.image, prepared(pixels), atol=1e-6)


def test_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A file that can't be used leaves the task to a person like a missing one, and the log says what is wrong."""
    monkeypatch.setenv("GRADER_DATA", str(tmp_path))
    with caplog.at_level(logging.WARNING):
        for content in (None, b"cut off"):
            if content is not None:
                (tmp_path / FILE).write_bytes(content)
            with pytest.raises(DataMissing, match=r"^A person marks this: .* not on the grading machine\.$"):
                look(SKY, BUILDING)
    assert [record.getMessage().partition(" (")[0] for record in caplog.records] == [f"{FILE} can't be used"]
