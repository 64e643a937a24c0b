"""A realistic grade of Miniplaces, for the tests of the report: builders, no state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from grader.records import CheckResult, Grade, LedgerLine, Outcome, RunFacts, State, TaskGrade
from grader.rubric import Assignment, get_assignment

SHA256 = "9f2c1e7ab04d5c3386e1f0a97d24bb6508c7715e2f9ad3104c6be8527f13d0aa"

RESHAPED = "cam.reshape_without_transpose"
RESHAPED_HELP = (
    "The activations were reshaped straight from (c, h, w) to (h*w, c). That mixes channels and places: move the "
    "channels to the end first, then flatten."
)

SCORES: Mapping[str, float] = {
    "1a": 0.67, "1b": 1, "2a": 1, "2c": 1.5, "2d": 0.75, "3a": 0, "3b": 1, "3c": 0.33, "4a": 1, "4b": 1, "4c": 1,
}  # fmt: skip


def assignment() -> Assignment:
    """The real rubric."""
    return get_assignment("miniplaces")


def run_facts() -> RunFacts:
    """What a run with a strong sandbox says about itself."""
    return RunFacts(
        sandbox="bubblewrap",
        seconds={"open": 0.04, "run": 11.8, "score": 0.0},
        versions={"grader": "1.0.0", "python": "3.11.2", "torch": "2.14.1", "torchvision": "0.29.1"},
        datasets={"FashionMNIST": "Debian package dataset-fashion-mnist 0.0~git20200523", "Places365": "not here"},
        reference={"model": "MyNet, 40 epochs, seed 0", "test_accuracy": 0.9216, "settings": "8c41f0"},
    )


def passed(task: str, name: str, title: str) -> CheckResult:
    """A check that passed."""
    return CheckResult(task=task, name=name, title=title, outcome=Outcome.PASSED, seconds=0.02)


def _filter_checks() -> list[CheckResult]:
    return [
        passed("1a", "check_range", "Normalised filters span 0 to 255."),
        passed("1a", "check_shape", "The shape is kept and the type is uint8."),
        CheckResult(
            task="1a", name="check_constant", title="A constant kernel gives a constant image.",
            outcome=Outcome.FAILED, message="The result holds values that are not numbers.",
            called="normalize_tensor(float32 tensor (7, 7), every value 0.25)",
            expected="uint8 array (7, 7), one value everywhere", got="float32 array (7, 7), 49 of 49 values NaN",
            help="When the smallest and the largest value are equal, the division is 0/0. Decide what such a kernel "
            "should look like before dividing.",
        ),
        passed("1b", "check_other_layer", "OTHER_LAYER names a convolution of ResNet-50."),
    ]  # fmt: skip


def _unit_checks() -> list[CheckResult]:
    return [
        passed("2a", "check_children", "The network without its last two children ends in feature maps."),
        passed("2a", "check_red_unit", "The map of a unit that sees red is high where the image is red."),
        CheckResult(
            task="2b", name="check_sky", title="The sky unit fires on the sky of a photograph.",
            outcome=Outcome.INTERNAL, message="The Places365 weights are not on this machine.",
        ),
        passed("2c", "check_zeroed", "Deactivating a unit takes its share from the logits."),
        passed("2c", "check_model_kept", "The model is as it was afterwards."),
        passed("2d", "check_count", "The count is right for a network built by hand."),
        CheckResult(
            task="2d", name="check_none", title="None when no unit changes the prediction.",
            outcome=Outcome.TIMEOUT, message="The call did not return within 30 seconds.",
            called="lowest_dropped_units(ResNet, float32 tensor (3, 64, 64))", expected="None",
            help="The loop has to end when every unit has been dropped.",
        ),
    ]  # fmt: skip


def _cam_checks() -> list[CheckResult]:
    return [
        CheckResult(
            task="3a", name="check_order", title="Row i*w + j holds the channels at place (i, j).",
            outcome=Outcome.FAILED, message="The values are all there, in another order.",
            called="flatten_activations(float32 tensor (1, 3, 2, 4))",
            expected="float32 array (8, 3), first row 0, 8, 16", got="float32 array (8, 3), first row 0, 1, 2",
            mistake=RESHAPED, help=RESHAPED_HELP,
        ),
        passed("3b", "check_scores", "Scores equal a matrix product written out."),
        passed("3c", "check_shape", "The map has the feature map's height and width."),
        CheckResult(
            task="3c", name="check_red_corner", title="The map is high where the class's colour is.",
            outcome=Outcome.FAILED, message="The map is high in the wrong corner.",
            called="generate_featuremap_CAM(ResNet, 3, float32 tensor (3, 224, 224))",
            expected="largest value in the upper left quarter", got="largest value in the lower right quarter",
            mistake=RESHAPED, help=RESHAPED_HELP,
        ),
        CheckResult(
            task="3c", name="check_class_row", title="Each class has a map of its own.",
            outcome=Outcome.FAILED, message="The map of class 5 is high in the wrong place.",
            called="generate_featuremap_CAM(ResNet, 5, float32 tensor (3, 224, 224))",
            expected="largest value at (1, 5) of (7, 7)", got="largest value at (4, 0) of (7, 7)",
            mistake=RESHAPED, help=RESHAPED_HELP,
        ),
        CheckResult(
            task="3c", name="check_mean_is_logit", title="The mean of the map plus the bias is the logit.",
            outcome=Outcome.SKIPPED, message="Skipped, because check_red_corner did not pass.",
        ),
    ]  # fmt: skip


def _fashion_checks() -> list[CheckResult]:
    return [
        passed("4a", "check_learns", "One epoch lowers the loss on a data set that can be learnt."),
        passed("4a", "check_mode", "Training happens in training mode."),
        passed("4b", "check_prediction", "Predictions are the classes with the largest logits."),
        passed("4b", "check_evaluate", "The accuracy equals a count by hand, and weights stay as they are."),
        passed("4c", "check_accuracy", "model.pth is right on more than 90% of FashionMNIST's test images."),
    ]


def answers() -> dict[str, str]:
    """What the student wrote in answers.md."""
    return {
        "2b": "Unit 300 fires on the sky: its map follows the horizon in all three photographs, and stays dark on "
        "the indoor scene.\n\nFor buildings I chose unit 117 (windows, mostly).",
        "3c": 'The map for "palace" covers the roof, not the sky, which is what I expected.\nIt is coarse because '
        "the last feature map is only 7 x 7; after bilinear resizing the peak is about a roof tile off.\n\n"
        "    cam = (fc.weight[class_id, :, None, None] * activations[0]).sum(0)",
        "4d": "I compared weight decay (0, 1e-4, 5e-4) and random crops (with, without).\nCrops help by 0.8 points of "
        "validation accuracy; weight decay hardly matters at 20 epochs.",
    }


def task_grades() -> tuple[TaskGrade, ...]:
    """One line per task: partial credit, withheld, manual and full ones."""
    states = {"2b": State.WITHHELD, "3d": State.MANUAL, "4d": State.MANUAL}
    return tuple(
        TaskGrade(
            id=task.id, title=task.title, score=SCORES.get(task.id, 0), max_score=task.points, bonus=task.bonus,
            state=states.get(task.id, State.SCORED), module=task.module,
        )
        for task in assignment().tasks
    )  # fmt: skip


def grade(**changes: Any) -> Grade:
    """A graded submission with one known mistake, two days late; `changes` replace fields."""
    tasks = task_grades()
    earned = sum(task.score for task in tasks)
    late = round(earned * (1 - 2 * 0.5 / 7), 2)
    fields: dict[str, Any] = dict(
        student="grace_hopper", assignment="miniplaces", variant="6.869", submission_sha256=SHA256, outcome="graded",
        score=late, max_score=15, days_late=2, tasks=tasks,
        checks=(*_filter_checks(), *_unit_checks(), *_cam_checks(), *_fashion_checks()), answers=answers(),
        ledger=(LedgerLine(label="Tasks", points=earned),
                LedgerLine(label="2 days late: times 0.857", points=round(late - earned, 2))),
        notes=("Taken from the notebook miniplaces.ipynb: 14 functions, 3 constants.",
               "Ignored: __MACOSX/ (6 files), .DS_Store."),
    )  # fmt: skip
    return Grade(**{**fields, **changes})


def unasked_grade() -> Grade:
    """The same work under 6.819, which does not ask for 2c, 2d and 4d."""
    tasks = tuple(
        task.model_copy(update={"state": State.UNASKED, "max_score": 0.0, "score": 0.0})
        if task.id in ("2c", "2d", "4d") else task
        for task in task_grades()
    )  # fmt: skip
    earned = sum(task.score for task in tasks)
    return grade(variant="6.819", max_score=10, days_late=0, tasks=tasks, score=earned,
                 ledger=(LedgerLine(label="Tasks", points=earned),))  # fmt: skip


def refused_grade(reason: str = "The zip holds a path that leaves its folder: ../../etc/passwd.") -> Grade:
    """A submission that was refused as a whole."""
    return Grade(student="grace_hopper", assignment="miniplaces", variant="6.869", submission_sha256=SHA256,
                 outcome="refused", score=0, max_score=15, reason=reason)  # fmt: skip
