"""Checks of task 4c: the optimizer, and the trained network in `model.pth`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.random import Generator

from grader.author import (
    Array,
    Failure,
    Handle,
    Implementation,
    IntegrityFlags,
    LayOut,
    Reference,
    StudentRaised,
    check,
    expect,
    expect_finite,
    expect_shape,
    make,
    numbers,
    summarise,
)
from grader.vision.artifact_size import look_into, note_files
from grader.vision.datasets.fashion import normalise_fashion
from grader.vision.datasets.imageset import ImageSet
from grader.vision.memorization import ask_network
from grader.vision.model_files import load_weights, logits_in_batches, require_model
from grader.vision.probe_networks import network
from grader.vision.training_images import draw_training

FILE = "model.pth"
BATCH = 200  # images per call: a slow network meets no deadline, and a quick one's maps stay in the processor's cache
SHOWN = 12  # most confident wrong images
BEST = 0.97  # what learns from FashionMNIST's training images alone stays below it, see the benchmark in its repository


@check("4c", public=True)
def check_all_parameters(student: Implementation, rng: Generator) -> None:
    """The optimizer holds every parameter of the network, and a step moves them all."""
    step = _step(student, _small_network(rng), lr=float(rng.uniform(0.01, 0.05)))
    listed = [group.get("params") for group in step.groups]
    held, count = sum(len(each) for each in listed if isinstance(each, list | tuple)), len(step.moved)
    expect(held == count, f"The optimizer holds {held} of {count} parameters.", expected=str(count), got=str(held))
    left = step.moved.count(0)
    expect(
        not left,
        f"A step of the optimizer leaves {left} of {count} parameters as they were.",
        expected="0",
        got=str(left),
    )


@check("4c", after=("check_all_parameters",), public=True)
def check_learning_rate(student: Implementation, rng: Generator) -> None:
    """The optimizer uses the learning rate that it is given."""
    weights, lr = _small_network(rng), float(rng.uniform(0.004, 0.008))
    rates, lengths = (lr, lr * float(rng.uniform(3, 5))), []
    for rate in rates:
        step = _step(student, weights, rate)
        given = [group.get("lr") for group in step.groups]
        given = [each.item() if isinstance(each, np.ndarray) and each.size == 1 else each for each in given]
        found = [float(each) for each in given if isinstance(each, int | float)]
        expect(
            any(abs(each - rate) < 1e-6 * rate for each in found),
            "No group of parameters has the learning rate that was passed in.",
            expected=f"lr = {rate:g}",
            got=", ".join(f"lr = {each:g}" for each in found[:5]) or "no learning rate",
        )
        lengths.append(max(step.moved))
    expect(
        lengths[1] > 1.5 * lengths[0],
        "With a larger learning rate, the first step is not longer.",
        expected=f"a step {rates[1] / rates[0]:.1f} times as long",
        got=f"lengths of {lengths[0]:.3g} and {lengths[1]:.3g}",
    )


@dataclass(frozen=True)
class _Step:
    """What one step of a student's optimizer does.

    Attributes:
        groups: Of parameters, as its `state_dict()` has them.
        moved: How far each parameter was moved at most.
    """

    groups: list[dict[str, Any]]
    moved: list[float]


def _small_network(rng: Generator) -> list[torch.Tensor]:
    """Weight and bias of each layer of a small perceptron, 3 to 5 layers."""
    sizes = rng.integers(4, 10, size=int(rng.integers(4, 7))).tolist()
    shapes = [shape for each in zip(sizes[1:], sizes, strict=False) for shape in (each, each[:1])]
    return [torch.from_numpy(rng.normal(0, 0.5, shape).astype(np.float32)) for shape in shapes]


def _step(student: Implementation, weights: Sequence[torch.Tensor], lr: float) -> _Step:
    """Create the student's optimizer over a small network, and make a step along a gradient."""
    layers = [make("torch.nn.Linear", each.shape[1], each.shape[0]) for each in weights[::2]]
    net = network(student, *(part for layer in layers for part in (layer, make("torch.nn.Tanh"))))
    names = [f"{2 * (place // 2)}.{('weight', 'bias')[place % 2]}" for place in range(len(weights))]
    net.load_state_dict(dict(zip(names, weights, strict=True)))
    optimizer = student.fashion.create_optimizer.with_options(keep=True)(net, lr)
    if optimizer.kind in ("type", "NoneType", "str"):
        raise Failure("create_optimizer did not return an optimizer.", got=summarise(optimizer))
    state = optimizer.state_dict()
    found = state.get("param_groups") if isinstance(state, dict) else None
    groups = list(found) if isinstance(found, list | tuple) else []
    expect(
        bool(groups) and all(isinstance(group, dict) for group in groups),
        "The state_dict() of what create_optimizer returned is not an optimizer's.",
        expected="param_groups, as every optimizer of torch.optim has",
        got=state,
    )
    logits = make("operator.call", net, torch.ones(2, weights[0].shape[1]))
    student.make(make("torch.Tensor.backward", make("torch.sum", logits)))
    make_step = optimizer.step.with_options(keep=True)
    try:
        make_step()
    except StudentRaised:  # LBFGS wants a function that computes the loss again: here it stays as it is
        make_step(make("builtins.getattr", torch.ones(1), "clone"))
    state = net.state_dict()
    return _Step(groups, [_distance(numbers(state[name]), sent) for name, sent in zip(names, weights, strict=True)])


def _distance(after: Array, sent: torch.Tensor) -> float:
    """How far the furthest number of a parameter was moved."""
    expect_shape(after, tuple(sent.shape))
    expect_finite(after, what="parameters after a step")
    return float(np.abs(after.reshape(sent.shape) - sent.numpy()).max())


@check("4c", weight=4)
def check_model_accuracy(
    student: Implementation,
    rng: Generator,
    thresholds: Mapping[str, float],
    fashion_test: ImageSet,
    training_images: ImageSet | None,
    reference: Reference,
    measured: dict[str, float],
    exhibit: LayOut,
    looks: IntegrityFlags,
) -> None:
    """The network in model.pth classifies more than 90% of FashionMNIST's 10,000 test images right."""
    threshold = thresholds["accuracy"]
    net = _load(student)
    order = rng.permutation(len(fashion_test.labels))
    asked = ask_network(
        student,
        FILE,
        net,
        fashion_test.images[torch.from_numpy(order)],
        fashion_test.labels.numpy()[order],
        lambda images: logits_in_batches(net, images, 10, BATCH, normalise_fashion),
    )
    accuracy = measured["fashion_accuracy"] = asked.accuracy
    _lay_out(exhibit, fashion_test, order, asked.logits, threshold, reference)
    looks.ask(lambda: note_files(looks, student, FILE))
    mistake = None
    if accuracy <= threshold and _expects_other_range(net, fashion_test, order[:1000], accuracy):
        mistake = "fashion.model_without_normalisation"
    elif accuracy < 0.2:
        mistake = "fashion.model_untrained"
    expect(
        accuracy > threshold,
        f"The network classifies {accuracy:.2%} of the test images right.",
        expected=f"more than {threshold:.0%}",
        got=f"{accuracy:.2%}",
        mistake=mistake,
    )
    look_into(looks, asked, rng, threshold, BEST, draw_training(training_images, rng))


def _load(student: Implementation) -> Handle:
    require_model(student, FILE)
    net = student.fashion.MyNet.with_options(keep=True)()
    return load_weights(student, FILE, "fashion", net, maker="MyNet()", mistakes="fashion")


def _expects_other_range(net: Handle, data: ImageSet, order: Array, accuracy: float) -> bool:
    """Whether the network does far better on images in [0, 1], as ToTensor() alone gives them."""
    images = data.images[torch.from_numpy(order)].float() / 255
    predicted = numbers(net(images)).reshape(len(order), 10).argmax(axis=1)
    return float((predicted == data.labels.numpy()[order]).mean()) > accuracy + 0.1


def _lay_out(
    exhibit: LayOut, data: ImageSet, order: Array, logits: Array, threshold: float, reference: Reference
) -> None:
    """Curves, confusion matrix and the most confident mistakes, for the report."""
    labels, predicted = data.labels.numpy()[order], logits.argmax(axis=1)
    accuracy = float((predicted == labels).mean())
    metrics = reference.metrics["fashion"]
    epochs = list(range(1, len(metrics["curves"]["val_loss"]) + 1))
    exhibit(
        "curves",
        "accuracy",
        "Training of the reference network, and the accuracy of your model.pth on the test images.",
        facts={
            "series": [{"label": "Reference", "epochs": epochs, **metrics["curves"]}],
            "best_epoch": epochs[metrics["best_epoch"]],
            "lines": [
                {"label": "Your model.pth", "accuracy": accuracy},
                {"label": "Reference", "accuracy": metrics["test_accuracy"]},
            ],
            "threshold": threshold,
        },
    )
    counts = np.zeros((10, 10), np.int64)
    np.add.at(counts, (labels, predicted), 1)
    arrays = {"student_counts": counts, "reference_counts": np.array(metrics["confusion"], np.int64)}
    caption = "Test images by true class (rows) and by the class that the network gave (columns)."
    exhibit("confusion", "confusion", caption, arrays, {"classes": list(data.classes)})
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    confidence = (shifted / shifted.sum(axis=1, keepdims=True)).max(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    if not len(wrong):
        return
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:SHOWN]
    exhibit(
        "mistaken",
        "mistaken",
        "The wrong answers that your network was most certain of: what it said, and what it is.",
        {
            "student_images": data.images.numpy()[order[worst], 0],
            "student_predicted": predicted[worst].astype(np.int64),
            "student_labels": labels[worst],
            "student_confidence": confidence[worst],
        },
        {"classes": list(data.classes)},
    )
