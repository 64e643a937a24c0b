"""What any code that trains or evaluates must do, shown on networks and images whose right answers are known.

Networks, loaders and optimizers are ours, see `probe_networks.py`; what the student's functions did to them is judged
here, by the weights that were sent and those that came back. What doing nothing satisfies, such as leaving weights
where they are, counts only beside what shows the work.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from grader.checking.compare import expect, number, numbers, summarise
from grader.errors import Failure
from grader.records import Array
from grader.sandbox.calls import Recipe, make
from grader.sandbox.student import Handle, Implementation
from grader.vision.probe_networks import (
    CLASSES,
    Shape,
    band_images,
    band_network,
    linear_network,
    loader,
    network,
    pixels_of,
    random_bands,
    random_weight,
    sgd,
    weights_of,
)

EXACT = 1e-4  # how far an accuracy may be off: a float's rounding
UNMOVED = 1e-6  # what rounding may move a weight by
FAR = 0.3  # further no weight is moved by the few small steps here, and each start is further from any other
# Least cosine of two steps that are the same. Of 150 starts and batches: smoothed labels (0.2) gave 0.987 or more, the
# hinge loss 0.914 or less.
SAME_STEP = 0.95
KEPT = 0.1  # of the first step: what is left of its gradient is as long as that step, a penalty on weights far shorter


@dataclass(frozen=True)
class Course:
    """How the training code of one assignment is called.

    Attributes:
        who: Whose it is.
        shape: Of the images, (C, H, W).
        train: `(batches, net, optimizer)` -> anything; trains for one epoch.
        evaluate: `(batches, net)` -> anything; measures a network.
        accuracy: What `evaluate` returns -> the accuracy in it, a fraction.
    """

    who: Implementation
    shape: Shape
    train: Callable[[Recipe, Handle, Handle], Any]
    evaluate: Callable[[Recipe, Handle], Any]
    accuracy: Callable[[Any], float] = number


def one_step(course: Course, start: Tensor, images: Tensor, labels: Tensor) -> Array:
    """How far one epoch of a single batch moves the weight (10, C*H*W) of a linear network, at a learning rate of 1.

    What goes along the weight itself is left out: a penalty on weights may add to it.
    """
    net = linear_network(course.who, course.shape, start)
    batches = loader(0.1 * images, labels, len(labels))  # small inputs: gradients that no sensible clipping would cut
    course.train(batches, net, sgd(course.who, net, lr=1.0))
    moved, along = weights_of(net) - start.numpy(), start.numpy() / float(start.norm())
    step: Array = moved - (moved * along).sum() * along
    return step


def expect_step(student: Course, oracle: Course, images: Tensor, labels: Tensor, rng: Generator) -> None:
    """One batch must move the weights as the oracle's does, roughly; images that equal their mirror images hide flips.

    The network is sure of itself and mostly wrong: there, other losses than the cross-entropy point elsewhere.

    Raises:
        Failure: If it moves them elsewhere, or by another amount.
    """
    start = torch.from_numpy(rng.normal(0, 2, (CLASSES, pixels_of(student.shape))).astype(np.float32))
    right = one_step(oracle, start, images, labels)
    step = one_step(student, start, images, labels)
    length, right_length = float(np.linalg.norm(step)), float(np.linalg.norm(right))
    expect(length > 0, "The weights did not move at all.", expected=f"a step of length {right_length:.3g}", got="0")
    cosine = float((step * right).sum() / (length * right_length))
    expect(
        cosine > SAME_STEP and 0.5 < length / right_length < 2,
        "The step is not the one that the cross-entropy of the logits asks for.",
        expected=f"a step of length {right_length:.3g}",
        got=f"length {length:.3g}, cosine to the right direction {cosine:.2f}",
    )


def expect_moved(sent: Array, after: Array) -> float:
    """Expect a few small steps to have moved weights; returns how far one of them went at most.

    Raises:
        Failure: If they did not move, or are not those that were sent.
    """
    moved = float(np.abs(after - sent).max())
    expect(moved > 0, "The weights did not move at all.", expected="weights that training has moved", got="0")
    expect(
        moved < FAR,
        "The weights are nowhere near those that the network had before.",
        expected=f"weights that small steps have moved, by less than {FAR:g}",
        got=f"moved by up to {moved:.3g}",
    )
    return moved


def expect_gradients_cleared(course: Course, rng: Generator) -> None:
    """The second batch must not move weights that only the first one uses: those of the images' upper halves.

    Raises:
        Failure: If it does, or if the first batch moves none.
    """
    channels, height, width = course.shape
    half, halves = height // 2, (8, channels, height // 2, width)
    images = torch.zeros(16, *course.shape)
    images[:8, :, :half] = torch.from_numpy(rng.uniform(-1, 1, halves).astype(np.float32))
    images[8:, :, half:] = torch.from_numpy(rng.uniform(-1, 1, halves).astype(np.float32))
    labels = torch.arange(16) % CLASSES
    of_first = np.zeros(course.shape, bool)
    of_first[:, :half] = True
    start, after = random_weight(rng, course.shape), []
    for count in (8, 16):
        net = linear_network(course.who, course.shape, start)
        course.train(loader(images[:count], labels[:count], 8), net, sgd(course.who, net, lr=0.01))
        after.append(weights_of(net)[:, of_first.reshape(-1)])
    first = expect_moved(start.numpy()[:, of_first.reshape(-1)], after[0])
    moved = float(np.abs(after[1] - after[0]).max())
    expect(
        moved < max(KEPT * first, UNMOVED),
        "Weights that only the first batch uses are different after a second batch.",
        expected="weights of pixels that are 0 in the second batch stay where the first step put them",
        got=f"they moved by up to {moved:.3g}, after {first:.3g} in the first step",
    )


def _network_with_norm(course: Course, rng: Generator) -> tuple[Handle, dict[str, Tensor]]:
    """A linear network behind a batch norm whose statistics are no fresh ones, and what it holds."""
    pixels = pixels_of(course.shape)
    norm = make("torch.nn.BatchNorm1d", pixels)
    net = network(course.who, make("torch.nn.Flatten"), norm, make("torch.nn.Linear", pixels, CLASSES))
    drawn = {
        "1.weight": rng.uniform(0.5, 1.5, pixels),
        "1.bias": rng.uniform(-0.5, 0.5, pixels),
        "1.running_mean": rng.uniform(-0.5, 0.5, pixels),
        "1.running_var": rng.uniform(0.5, 1.5, pixels),
        "2.bias": rng.uniform(-0.5, 0.5, CLASSES),
    }
    held = {name: torch.from_numpy(values.astype(np.float32)) for name, values in drawn.items()}
    held |= {
        "1.num_batches_tracked": torch.tensor(int(rng.integers(1000))),
        "2.weight": random_weight(rng, course.shape),
    }
    net.load_state_dict(held)
    return net, held


def expect_training_mode(course: Course, rng: Generator) -> None:
    """A network that arrives in evaluation mode must be trained in training mode.

    Raises:
        Failure: If its batch norm saw no batch, or if its weights were not trained.
    """
    net, held = _network_with_norm(course, rng)
    images = torch.from_numpy(rng.uniform(-1, 1, (24, *course.shape)).astype(np.float32))
    net.eval()
    course.train(loader(images, torch.arange(24) % CLASSES, 8), net, sgd(course.who, net, lr=0.001))
    state = net.state_dict()
    tracked = number(state["1.num_batches_tracked"]) - float(held["1.num_batches_tracked"])
    norm = "The batch norm saw no batch in training mode."
    expect(tracked > 0, norm, expected="3 batches of statistics", got="none")
    expect_moved(held["2.weight"].numpy(), numbers(state["2.weight"]))


def expect_whole_epoch(course: Course, rng: Generator) -> None:
    """Each of 10 images, in batches of 4, 4 and 2, must leave a trace in the weights of its lit pixels.

    Raises:
        Failure: If one leaves none.
    """
    images, labels = band_images(range(CLASSES), course.shape, random_bands(rng))
    start = random_weight(rng, course.shape)
    net = linear_network(course.who, course.shape, start)
    course.train(loader(images + 1, labels, 4), net, sgd(course.who, net, lr=0.01))  # dark pixels are 0
    after = weights_of(net)
    expect_moved(start.numpy(), after)
    moved = np.abs(after - start.numpy()).max(axis=0)  # (C*H*W,)
    lit = (images + 1).flatten(1).numpy() > 0  # (10, C*H*W)
    unused = [i for i in range(CLASSES) if moved[lit[i]].max() < 0.1 * UNMOVED]
    expect(
        not unused,
        f"{len(unused)} of 10 images left no trace in the weights.",
        expected="3 batches of 4, 4 and 2 images, each used",
        got=f"images without a trace: {', '.join(map(str, unused))}",
    )


def expect_given_optimizer(course: Course, rng: Generator) -> None:
    """The given optimizer must move the weights, and leave them where they are when its learning rate is 0.

    Raises:
        Failure: If they stay in spite of a learning rate, or move without one.
    """
    images, labels = band_images(range(CLASSES), course.shape, random_bands(rng))
    start = random_weight(rng, course.shape)
    for lr in (0.0, float(rng.uniform(0.005, 0.01))):
        net = linear_network(course.who, course.shape, start)
        optimizer = sgd(course.who, net, lr=lr)
        course.train(loader(images, labels, 5), net, optimizer)
        after = weights_of(net)
        moved = float(np.abs(after - start.numpy()).max())
        if lr:
            expect_moved(start.numpy(), after)
        elif moved > 0:
            rates = [group["lr"] for group in optimizer.state_dict()["param_groups"]]
            raise Failure(
                "The weights moved, although the given optimizer's learning rate is 0."
                if rates == [0]
                else "The learning rate of the given optimizer was changed.",
                expected="a learning rate of 0, and no change of the weights",
                got=f"a learning rate of {', '.join(map(summarise, rates))}, and a change of up to {moved:.3g}",
            )


def expect_evaluation_mode(course: Course, rng: Generator) -> None:
    """A network that drops everything in training mode, in which it arrives, must be evaluated in evaluation mode.

    Raises:
        Failure: If it is not.
    """
    batch, bands = 4, random_bands(rng)
    for _ in range(2):
        size = batch * int(rng.integers(5, 10))  # whole batches: their mean is right as well
        images, labels = band_images(rng.integers(1, CLASSES, size), course.shape, bands)  # none of class 0:
        right = int(rng.integers(size // 2, size))
        wrong = torch.from_numpy(rng.permutation(size)[right:])
        labels[wrong] = 1 + labels[wrong] % (CLASSES - 1)  # that is what an image counts as when all of it is dropped
        net = band_network(course.who, course.shape, make("torch.nn.Dropout", 1.0), bands=bands)
        net.train()
        accuracy = course.accuracy(course.evaluate(loader(images, labels, batch), net))
        expect(
            abs(accuracy - right / size) < EXACT,
            f"In evaluation mode, the network classifies {right} of these {size} images right.",
            expected=f"{right / size:.4g}",
            got=f"{accuracy:.4g}",
        )


def expect_untouched(course: Course, rng: Generator) -> None:
    """Evaluation must leave weights and the batch norm's statistics as they were, whichever mode a network arrives in.

    Raises:
        Failure: If something changed, or if the accuracy is wrong.
    """
    for mode in ("eval", "train"):
        net, held = _network_with_norm(course, rng)
        getattr(net, mode)()
        images, predicted = _clear_cases(held, course.shape, rng)
        is_right = torch.from_numpy(rng.random(len(images)) < rng.uniform(0.2, 0.8))
        labels = torch.where(is_right, predicted, predicted - 1)
        right = float((labels == predicted).float().mean())
        answer = course.evaluate(loader(images, labels % CLASSES, 4), net)
        after = net.state_dict()
        changed = [name for name in held if not np.array_equal(held[name].numpy(), numbers(after[name]))]
        arrived = f"a network that arrived in {'evaluation' if mode == 'eval' else 'training'} mode"
        expect(
            not changed,
            f"Evaluating changed {arrived}.",
            expected="the same weights and buffers before and after",
            got=f"changed: {', '.join(changed)}",
        )
        accuracy = course.accuracy(answer)
        expect(
            abs(accuracy - right) < EXACT,
            f"The accuracy of {arrived} is wrong.",
            expected=f"{right:.4g}",
            got=f"{accuracy:.4g}",
        )


def _clear_cases(held: dict[str, Tensor], shape: Shape, rng: Generator) -> tuple[Tensor, Tensor]:
    """The 32 of 64 random images that a network with a batch norm is surest of, and what it classifies them as."""
    images = torch.from_numpy(rng.uniform(-1, 1, (64, *shape)).astype(np.float32))
    state = {name: tensor.double() for name, tensor in held.items()}
    normal = (images.flatten(1) - state["1.running_mean"]) / (state["1.running_var"] + 1e-5).sqrt()
    logits = (normal * state["1.weight"] + state["1.bias"]) @ state["2.weight"].T + state["2.bias"]
    two = logits.topk(2, dim=1).values
    surest = (two[:, 0] - two[:, 1]).argsort(descending=True)[:32]
    return images[surest], logits[surest].argmax(dim=1)
