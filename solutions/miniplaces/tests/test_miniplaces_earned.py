"""Only the work earns the points of Miniplaces: not recorded answers, not doing nothing, not patched torch."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from grader.checking.declare import spec_of
from grader.checking.integrity_flags import IntegrityFlags
from grader.errors import CheckStopped, Failure
from grader.importing import load_module
from grader.rubric import PROJECT, get_assignment
from grader.sandbox.student import Implementation
from grader.sandbox.transport import LocalTransport
from grader.solutions import Variation, implementation, load_accepted, load_mistakes
from grader.vision.datasets.imageset import ImageSet
from solutions.miniplaces.checks import (
    check_cam,
    check_dropping,
    check_fashion,
    check_filters,
    public_cam,
    public_experiments,
    public_fashion,
    public_filters,
    public_model,
    public_units,
)
from solutions.miniplaces.checks.counted_units import draw_countdowns

ID = "miniplaces"
MISTAKES = {mistake.id: mistake for mistake in load_mistakes(get_assignment(ID))}
ACCEPTED = {way.id: way for way in load_accepted(get_assignment(ID))}
Check = Callable[..., None]

# Each check that a function of one module answers, and the function.
ANSWERED = [
    (public_filters.check_range, "filters.normalize_tensor"),
    (public_filters.check_linear, "filters.normalize_tensor"),
    (check_filters.check_whole_tensor, "filters.normalize_tensor"),
    (public_units.check_unit_map, "units.generate_featuremap_unit"),
    (public_units.check_deactivated, "units.deactivate_unit_activations"),
    (check_dropping.check_dropped_count, "units.lowest_dropped_units"),
    (check_cam.check_rows_are_places, "cam.flatten_activations"),
    (public_cam.check_any_size, "cam.flatten_activations"),
    (public_cam.check_scores, "cam.class_scores"),
    (check_cam.check_many_classes, "cam.class_scores"),
    (public_cam.check_map, "cam.generate_featuremap_CAM"),
    (public_fashion.check_prediction, "fashion.get_prediction"),
    (check_fashion.check_accuracy, "fashion.evaluate"),
    (public_fashion.check_evaluation_mode, "fashion.evaluate"),
    (public_fashion.check_untouched, "fashion.evaluate"),
    (check_fashion.check_report, "fashion.train"),
]
OF_TRAIN = (
    check_fashion.check_step,
    public_fashion.check_gradients_cleared,
    public_fashion.check_training_mode,
    public_fashion.check_whole_epoch,
    public_fashion.check_given_optimizer,
)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def replaced(target: str, function: Any) -> Implementation:
    """The solutions with another function in the place of one."""
    return implementation(get_assignment(ID), Variation(target, target, "", "", function))


@functools.cache
def solutions() -> Implementation:
    """The solutions, for checks that compare with them."""
    return implementation(get_assignment(ID))


@functools.cache
def prototypes() -> ImageSet:
    """400 images of ten kinds that a linear network can tell apart, as FashionMNIST has them."""
    rng = np.random.default_rng(0)
    kinds, labels = rng.integers(0, 256, (10, 1, 28, 28)), rng.integers(0, 10, 400)
    images = np.clip(kinds[labels] + rng.normal(0, 30, (400, 1, 28, 28)), 0, 255).astype(np.uint8)
    return ImageSet("kinds", "train", torch.from_numpy(images), torch.from_numpy(labels), (), "", "")


def run(check: Check, who: Implementation, seed: int) -> None:
    """Run one check, its inputs drawn from a seed."""
    has = {"rng": np.random.default_rng(seed), "oracle": solutions(), "fashion_train": prototypes()}
    has |= {"student": who, "exhibit": lambda *_args, **_facts: None}
    check(**{name: has[name] for name in inspect.signature(check).parameters})


def fails(check: Check, who: Implementation, seed: int) -> bool:
    """Whether a check stops for an implementation; whatever its answers set off in the check counts as well."""
    try:
        run(check, who, seed)
    except CheckStopped:
        return True
    except (ValueError, IndexError, TypeError, RuntimeError):  # the runner calls it an answer it can't work with
        return True
    return False


# --- E1: recorded answers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("check", "target"), ANSWERED, ids=lambda each: getattr(each, "__name__", each))
def test_recorded_answers(check: Check, target: str) -> None:
    """Answers that were right for one submission fail the check of another."""
    module, name = target.split(".")
    right = getattr(load_module(PROJECT / "solutions" / ID / f"{module}.py"), name)
    recorded: list[Any] = []

    def record(*args: Any) -> Any:
        recorded.append(right(*args))
        return recorded[-1]

    run(check, replaced(target, record), seed=1)
    answers = iter(recorded)
    assert fails(check, replaced(target, lambda *_args: next(answers)), seed=2)


def test_counts_differ() -> None:
    """No two submissions are asked for the same five counts, and one network of each never changes its mind."""
    drawn = [[each.count for each in draw_countdowns(np.random.default_rng(seed))] for seed in range(12)]
    assert len(set(map(tuple, drawn))) == len(drawn)
    assert all(None in counts and max(count or 0 for count in counts) > 5 for counts in drawn)


# --- E2, D1, D2: nothing done -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", [*OF_TRAIN, check_fashion.check_learns], ids=lambda each: each.__name__)
@pytest.mark.parametrize("passes", [False, True], ids=["nothing", "forward passes"])
def test_training_nothing(check: Check, passes: bool) -> None:
    """A `train` that trains nothing passes no check, even if it runs the network, tells the right accuracy and no loss.

    The check of what it returns, in which an empty list of losses is right, stands on one of these.
    """

    def train(dataloader: Any, model: nn.Module, optimizer: Any, epoch: int) -> Any:
        model.train()
        right = [model(images).argmax(1) == labels for images, labels in dataloader] if passes else []
        return [], float(torch.cat([*right, torch.zeros(0)]).mean())

    assert fails(check, replaced("fashion.train", train), seed=3)


@pytest.mark.parametrize(
    "check",
    [check_fashion.check_accuracy, public_fashion.check_evaluation_mode, public_fashion.check_untouched],
    ids=lambda each: each.__name__,
)
@pytest.mark.parametrize("constant", [1.0, 0.5, 0.0])
def test_constant_accuracy(check: Check, constant: float) -> None:
    """An `evaluate` that always returns the same number passes no check."""
    assert fails(check, replaced("fashion.evaluate", lambda *_args: constant), seed=3)


@pytest.mark.parametrize(
    ("check", "stands_on"),
    [
        (public_filters.check_constant, "check_linear"),
        (public_units.check_cut_keeps_model, "check_default_ends_with_maps"),
        (public_units.check_model_restored, "check_deactivated"),
        (check_dropping.check_count_keeps_model, "check_dropped_count"),
        (public_cam.check_map_keeps_model, "check_map"),
        (check_fashion.check_report, "check_given_optimizer"),
        (public_fashion.check_prediction_type, "check_prediction"),
        (public_model.check_learning_rate, "check_all_parameters"),
    ],
    ids=lambda each: getattr(each, "__name__", each),
)
def test_inaction_stands_on_work(check: Check, stands_on: str) -> None:
    """What doing nothing satisfies is tried only after a check that shows the work."""
    assert stands_on in spec_of(check).after


# --- D3, D4, D6, D7: wrong code ---------------------------------------------------------------------------------------

TOLD = [
    ("units.drops_from_the_model", check_dropping.check_count_keeps_model),
    ("units.drops_for_top_class_only", check_dropping.check_dropped_count),
    ("cam.divides_by_maximum", public_cam.check_map),
    *((f"fashion.{name}", check_fashion.check_report) for name in (
        "loss_of_last_batch", "loss_is_sum", "loss_is_sum_of_batches", "loss_divided_twice", "loss_halved_each_step",
    )),
]  # fmt: skip


@pytest.mark.parametrize(("name", "check"), TOLD, ids=[name for name, _ in TOLD])
def test_mistake_under_any_seed(name: str, check: Check) -> None:
    """A known mistake is caught whatever the seed, and passes what its check stands on."""
    who = implementation(get_assignment(ID), MISTAKES[name])
    for seed in range(6):
        assert fails(check, who, seed)
    if check is check_dropping.check_count_keeps_model:
        run(check_dropping.check_dropped_count, who, seed=1)


LOSSES = ("lists_losses", "empty_losses", "loss_tensors", "clips_and_smooths", "penalizes_weights")


@pytest.mark.parametrize("name", LOSSES)
def test_right_losses_under_any_seed(name: str) -> None:
    """Means over images or over batches, lists, smoothed labels: each right report of the loss passes at any seed."""
    who = implementation(get_assignment(ID), ACCEPTED[f"fashion.{name}"])
    for seed in range(6):
        run(check_fashion.check_report, who, seed)


@pytest.mark.parametrize(
    "change", [lambda losses: losses[:-1], lambda losses: losses[::-1], lambda losses: [0.0] * len(losses)]
)
def test_list_of_other_losses(change: Callable[[list[float]], list[float]]) -> None:
    """A list must hold the loss of each batch, neither fewer nor others."""

    def train(dataloader: Any, model: nn.Module, optimizer: Any, epoch: int) -> Any:
        found = [(F.cross_entropy(logits := model(x), y).item(), logits.argmax(1) == y) for x, y in dataloader]
        right = float(torch.cat([each for _, each in found]).float().mean())
        return change([loss for loss, _ in found]), right

    with pytest.raises(Failure, match="not the mean cross-entropy"):
        run(check_fashion.check_report, replaced("fashion.train", train), seed=2)


# --- E9: truth that is asked of the student's process -----------------------------------------------------------------


def test_patched_state_dict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Class scores are compared with those of the weights that were sent, whatever the layer says it holds."""
    who = replaced("cam.class_scores", lambda flat, fc: torch.zeros(len(flat), fc.out_features))
    monkeypatch.setattr(nn.Linear, "state_dict", lambda self: {n: p * 0 for n, p in self.named_parameters()})
    assert fails(check_cam.check_many_classes, who, seed=1)


def test_memory_in_place_of_learning() -> None:
    """A network whose forward pass was replaced by a memory of the images has learned nothing."""

    def train(dataloader: Any, model: nn.Module, optimizer: Any, epoch: int) -> Any:
        known = {image.sum().item(): label for x, y in dataloader for image, label in zip(x, y, strict=True)}

        def forward(x: torch.Tensor) -> torch.Tensor:
            answers = [known.get(image.sum().item(), torch.tensor(0)) for image in x]
            return 20.0 * F.one_hot(torch.stack(answers), 10)

        model.forward = forward
        return 0.0, 1.0

    assert fails(check_fashion.check_learns, replaced("fashion.train", train), seed=1)


class Pretender:
    """What says that it is an optimizer."""

    def __init__(self, net: nn.Module, lr: float) -> None:
        self._groups = [{"lr": lr, "params": list(range(len(list(net.parameters()))))}]

    def state_dict(self) -> Any:
        """Like an optimizer's."""
        return {"state": {}, "param_groups": self._groups}


class Idle(Pretender):
    """What steps nowhere."""

    def step(self) -> None:
        """Do nothing."""


class Stiff(Pretender):
    """What steps equally far at any learning rate."""

    def __init__(self, net: nn.Module, lr: float) -> None:
        super().__init__(net, lr)
        self._net = net

    @torch.no_grad()
    def step(self) -> None:
        """Move each parameter along its gradient."""
        for parameter in self._net.parameters():
            if parameter.grad is not None:
                parameter.sub_(0.01 * parameter.grad.sign())


@pytest.mark.parametrize(("kind", "stopped"), [(Pretender, 0), (Idle, 0), (Stiff, 1)])
def test_pretended_optimizer(kind: type[Pretender], stopped: int) -> None:
    """An optimizer is known by its steps: they move every parameter, and further with a larger learning rate."""
    who = replaced("fashion.create_optimizer", kind)
    checks = (public_model.check_all_parameters, public_model.check_learning_rate)
    assert [fails(check, who, seed=1) for check in checks].index(True) == stopped


OPTIMIZERS = (
    "SGD", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop", "Rprop", "Adagrad", "Adadelta", "ASGD", "Adafactor",
    "LBFGS",
)  # fmt: skip


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_of_torch(name: str) -> None:
    """Each optimizer of torch for parameters of any shape is one."""
    who = replaced("fashion.create_optimizer", lambda net, lr: getattr(torch.optim, name)(net.parameters(), lr=lr))
    for check in (public_model.check_all_parameters, public_model.check_learning_rate):
        for seed in range(3):
            run(check, who, seed)


def test_runs_without_names() -> None:
    """A run of experiments whose technique has no name is none."""
    run_of_nothing = [{"technique": "", "setting": "", "train_accuracy": 0, "val_accuracy": 0}]
    who = Implementation((), LocalTransport({}, {}), {"experiments.json": json.dumps(run_of_nothing).encode()})
    with pytest.raises(Failure, match="technique of entry 1 is empty"):
        public_experiments.check_entries(
            who, lambda *_args, **_facts: None, {}, IntegrityFlags("4d", [], is_asking=False)
        )
