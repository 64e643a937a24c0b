"""What is said to a student is true: the real checks, put through right and wrong functions that mistakes resemble."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from sample_mistaken import run_with
from torch import Tensor, nn

from grader.records import CheckResult, Outcome

Function = Callable[..., Any]

NO_DRIVER = RuntimeError(
    "Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU and installed a driver from "
    "http://www.nvidia.com/Download/index.aspx"
)
NO_CUDA = AssertionError("Torch not compiled with CUDA enabled")


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def failing(results: dict[str, CheckResult]) -> list[CheckResult]:
    """Those that did not pass, for reasons of the student's."""
    return [each for each in results.values() if each.outcome in (Outcome.FAILED, Outcome.ERROR)]


# --- Exceptions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("assignment_id", "target", "task", "error"),
    [
        ("miniplaces", "cam.class_scores", "3b", NO_DRIVER),
        ("miniplaces", "cam.flatten_activations", "3a", NO_CUDA),
        ("miniplaces", "fashion.get_prediction", "4b", NO_DRIVER),
        ("two_networks", "rotation.rotate_images", "3", NO_CUDA),
        ("two_networks", "supervised.cross_entropy", "2.1", NO_CUDA),
    ],
)
def test_missing_gpu_is_no_mistake(assignment_id: str, target: str, task: str, error: Exception) -> None:
    """Code that asks for a GPU made no known mistake: it is told that there is none, and what to write."""

    def on_gpu(*_args: Any) -> Any:
        raise error

    found = failing(run_with(assignment_id, target, on_gpu, task))
    assert found
    assert [each.mistakes for each in found] == [()] * len(found)
    assert all("no GPU" in each.help and "x.device" in each.help for each in found)


@pytest.mark.skipif(torch.cuda.is_available(), reason="has a GPU")
def test_cuda_call() -> None:
    """`.cuda()` on a machine without a GPU is not "multiply by its transpose"."""
    found = failing(run_with("miniplaces", "cam.class_scores", lambda flat, fc: fc(flat.cuda()), "3b"))
    assert [(each.mistake, "no GPU" in each.help) for each in found] == [(None, True)] * 2


@pytest.mark.parametrize(
    ("target", "task", "function"),
    [
        ("cam.class_scores", "3b", lambda flat, fc: fc(flat.T)),  # the layer raises what flat @ fc.weight would
        ("cam.flatten_activations", "3a", lambda a: a[0].permute(1, 2, 0).reshape(a.shape[2] ** 2, a.shape[1])),
        ("cam.flatten_activations", "3a", lambda a: a.permute(0, 2, 3, 1).reshape(-1, 512)),  # never wrote 2048
    ],
    ids=["fc(flat.T)", "h*h", "512"],
)
def test_exception_of_the_same_type(target: str, task: str, function: Function) -> None:
    """An exception of a mistake's type, from another place or with other numbers, is not explained by the mistake."""
    found = failing(run_with("miniplaces", target, function, task))
    assert {each.outcome for each in found} >= {Outcome.ERROR}
    assert [each.mistake for each in found] == [None] * len(found)


@pytest.mark.parametrize(
    ("target", "task", "function", "named"),
    [
        ("cam.class_scores", "3b", lambda flat, fc: torch.matmul(flat, fc.weight), "weight_not_transposed"),
        ("cam.class_scores", "3b", lambda flat, fc: flat.mm(fc.weight) + fc.bias, "weight_not_transposed"),
        ("cam.class_scores", "3b", lambda flat, fc: fc.weight @ flat, "weight_not_transposed"),
        ("cam.flatten_activations", "3a", lambda a: a.permute(0, 2, 3, 1).reshape(49, 2048), "assumes_2048_units"),
    ],
    ids=["matmul", "mm", "other order", "49x2048"],
)
def test_same_exception_written_otherwise(target: str, task: str, function: Function, named: str) -> None:
    """A mistake that raises is recognised however the line is written."""
    found = failing(run_with("miniplaces", target, function, task))
    assert [each.mistake for each in found] == [f"cam.{named}"] * len(found) != []


# --- Right but for something else -------------------------------------------------------------------------------------


def train(
    loader: Any, model: nn.Module, optimizer: Any, *, result: Any = ([], 10 / 14), lr: float | None = None
) -> Any:
    """A right epoch; may set the learning rate, and returns what it is told."""
    model.train()
    for group in optimizer.param_groups:
        group["lr"] = group["lr"] if lr is None else lr
    for images, labels in loader:
        optimizer.zero_grad()
        loss: Any = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
    return result


@pytest.mark.parametrize("result", [(0.0, 0.0), (1.5, 0.0)])
def test_right_training_that_returns_nothing(result: Any) -> None:
    """A `train` that trains right and returns the wrong numbers is not told to go through the loader once."""
    results = run_with("miniplaces", "fashion.train", lambda d, m, o, e: train(d, m, o, result=result), "4a")
    assert [(each.name, each.mistake) for each in failing(results)] == [("check_report", None)]


@pytest.mark.slow
@pytest.mark.parametrize("result", [None, (0.0, 0.0)])
def test_no_training_at_all(result: Any) -> None:
    """A `train` that does nothing is not told that `epoch` is no number of epochs."""
    found = failing(run_with("miniplaces", "fashion.train", lambda *_args: result, "4a"))
    assert len(found) > 3
    assert not [each for each in found if "fashion.counts_epochs_itself" in each.mistakes]
    assert all(len(each.mistakes) <= 2 for each in found)


@pytest.mark.parametrize(
    ("result", "named"),
    [
        (None, "rotation.returns_no_model"),
        *(pytest.param(result, None, marks=pytest.mark.slow) for result in (0, (1, 2))),
    ],
)
def test_what_is_returned_instead_of_a_network(result: Any, named: str | None) -> None:
    """A function that returns a number where a network is asked for is not told that it returns nothing.

    It runs a task's checks on whole networks.
    """
    found = failing(run_with("two_networks", "rotation.rotation_model", lambda *_args: result, "3"))
    assert [(each.name, each.mistake) for each in found] == [("check_four_logits", named)]


@pytest.mark.parametrize("lr", [0.01, pytest.param(1e-6, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("assignment_id", "target", "task"),
    [
        ("miniplaces", "fashion.train", "4a"),
        pytest.param("two_networks", "supervised.train_epoch", "2.2", marks=pytest.mark.slow),
    ],
)
def test_small_steps_are_steps(assignment_id: str, target: str, task: str, lr: float) -> None:
    """Weights that a `train` moves by small steps, because it sets the learning rate, are not said never to change."""

    def small_steps(*given: Any) -> Any:
        model = next(each for each in given if isinstance(each, nn.Module))
        loader, optimizer = (each for each in given if each is not model and not isinstance(each, int))
        return train(loader, model, optimizer, lr=lr)

    results = run_with(assignment_id, target, small_steps, task)
    found = [each for each in failing(results) if each.name != "check_report"]
    assert {"check_step", "check_given_optimizer"} <= {each.name for each in found}
    assert [each.mistake for each in found] == [None] * len(found)
    assert "learning rate of the given optimizer was changed" in results["check_given_optimizer"].message


# --- What was called, and what came back ------------------------------------------------------------------------------


@pytest.mark.slow
def test_called_is_the_students_function() -> None:
    """The call in the message is that of the student's function, not the look at what it has done to the network."""
    found = failing(run_with("miniplaces", "fashion.train", lambda *_args: (0.5, 0.7), "4a"))
    assert {each.called for each in found} == {"fashion.train(DataLoader, Sequential, SGD, 0)"}


@pytest.mark.slow
def test_called_is_the_students_network() -> None:
    """Where the student's network itself is called, the message says how it was made.

    It runs a task's checks on whole networks.
    """

    def rotation_model(model: nn.Module) -> nn.Module:
        model.fc = nn.Linear(10, 4)
        return model

    found = failing(run_with("two_networks", "rotation.rotation_model", rotation_model, "3"))
    assert [(each.name, each.called) for each in found] == [
        ("check_four_logits", "rotation.rotation_model(SmallResNet)(float32 (2, 3, 32, 32))")
    ]


@pytest.mark.slow
def test_called_belongs_to_the_task() -> None:
    """The network that a function of another task's module spoils is not what is said to have been called.

    It runs a task's checks on whole networks.
    """

    def penultimate_features(model: nn.Module, images: Tensor) -> Any:
        model.fc = nn.Identity()
        return model.eval()(images)

    results = run_with("two_networks", "embedding.penultimate_features", penultimate_features, "4.3")
    kept = results["check_network_kept"]
    assert kept.called == "embedding.penultimate_features(SmallResNet, float32 (4, 3, 32, 32))"


@pytest.mark.slow
def test_network_that_training_breaks() -> None:
    """A network that has lost its layer is told as that, without advice that is about something else."""

    def breaks(_loader: Any, model: nn.Sequential, _optimizer: Any, _epoch: int) -> Any:
        model[1] = nn.Identity()
        return [], 10 / 14

    cleared = run_with("miniplaces", "fashion.train", breaks, "4a")["check_gradients_cleared"]
    assert (cleared.outcome, cleared.help, cleared.mistake) == (Outcome.FAILED, "", None)
    assert "lost its layer" in cleared.message


@pytest.mark.slow
def test_not_a_number_in_the_weights() -> None:
    """Weights that are not finite are counted, and the check's advice for finite ones is not given."""

    def spoils(_loader: Any, model: nn.Module, _optimizer: Any, _epoch: int) -> Any:
        with torch.no_grad():
            next(model.parameters()).view(-1)[:5] = float("nan")
        return [], 10 / 14

    cleared = run_with("miniplaces", "fashion.train", spoils, "4a")["check_gradients_cleared"]
    assert "of 7,840 numbers, 5 are NaN" in cleared.message
    assert "the others from -" in cleared.got
    assert cleared.help == ""


@pytest.mark.parametrize(
    ("assignment_id", "target", "task", "function", "counted"),
    [
        (
            "miniplaces",
            "cam.generate_featuremap_CAM",
            "3c",
            lambda _, __, image: image[0, ::32, ::32] * math.nan,
            "are NaN",
        ),
        ("miniplaces", "cam.class_scores", "3b", lambda flat, fc: fc(flat) / 0, "48 are infinite"),
        pytest.param(
            "two_networks",
            "visualize.filter_images",
            "4.1",
            lambda w: w[:, :1].repeat(1, 3, 1, 1) * float("nan"),
            "NaN",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "two_networks",
            "supervised.evaluate",
            "2.2",
            lambda *_: (float("nan"), 0.5),
            "not nan",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_not_finite_is_counted(assignment_id: str, target: str, task: str, function: Function, counted: str) -> None:
    """An answer with numbers that are not finite is told as that, with how many."""
    if target == "visualize.filter_images":
        given, function = function, lambda weight: given(weight).permute(0, 2, 3, 1)
    found = failing(run_with(assignment_id, target, function, task))
    assert any(counted in each.message for each in found)
    assert not any("from nan" in each.got or "to inf" in each.got for each in found)


def test_called_is_the_unit_that_is_not_chosen() -> None:
    """Of two constants, the one that is wrong is named as what was asked for."""
    result = run_with("miniplaces", "units.SKY_UNIT", -1, "2b")["check_units_named"]
    assert (result.message, result.called) == ("SKY_UNIT is not chosen yet.", "units.SKY_UNIT")
