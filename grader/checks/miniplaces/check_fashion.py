"""Checks of `fashion.py`: tasks 4a and 4b, on networks and images whose right answers are known by construction.

Networks, loaders and optimizers are ours, made beside the student's code from recipes; what the student's functions did
to them is judged here.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.random import Generator

from grader.checks.compare import expect, expect_shape, number, numbers, summarise
from grader.checks.declare import check
from grader.checks.miniplaces.training import (
    band_images,
    band_network,
    linear_network,
    loader,
    mean_loss,
    network,
    one_step,
    sgd,
    weights_of,
)
from grader.datasets import ImageSet, normalise_fashion
from grader.sandbox.calls import Recipe, make
from grader.sandbox.student import Handle, Implementation


@check("4a", weight=3)
def check_learns(student: Implementation, rng: Generator, fashion_train: ImageSet) -> None:
    """After two epochs on 1,000 real images, the loss has fallen well below guessing."""
    chosen = torch.from_numpy(rng.choice(len(fashion_train.labels), size=1000, replace=False))
    images, labels = normalise_fashion(fashion_train.images[chosen]), fashion_train.labels[chosen]
    net = linear_network(student)
    optimizer = sgd(student, net, lr=0.01, momentum=0.9)
    before = mean_loss(net, images, labels)
    for epoch, enough in ((0, 0.9), (1, 0.6)):
        train_quietly(student, loader(images, labels, 50), net, optimizer, epoch)
        after = mean_loss(net, images, labels)
        expect(
            after < enough * before,
            f"After train(..., epoch={epoch}) the network has hardly learned anything.",
            expected=f"a loss that has fallen from {before:.2f} to below {enough * before:.2f}",
            got=f"{after:.3g}",
        )


@check("4a")
def check_step(student: Implementation, oracle: Implementation, rng: Generator, fashion_train: ImageSet) -> None:
    """One batch moves the weights along the gradient of the mean cross-entropy, by about the right amount."""
    chosen = torch.from_numpy(rng.choice(len(fashion_train.labels), size=64, replace=False))
    images, labels = normalise_fashion(fashion_train.images[chosen]), fashion_train.labels[chosen]
    images = (images + images.flip(-1)) / 2  # a student's random flip changes nothing
    right = one_step(oracle, images, labels)
    step = one_step(student, images, labels)
    length, right_length = float(np.linalg.norm(step)), float(np.linalg.norm(right))
    expect(length > 0, "The weights did not move at all.", expected=f"a step of length {right_length:.3g}", got="0")
    cosine = float((step * right).sum() / (length * right_length))
    expect(
        cosine > 0.9 and 0.5 < length / right_length < 2,
        "The step is not the one that the cross-entropy of the logits asks for.",
        expected=f"a step of length {right_length:.3g}",
        got=f"length {length:.3g}, cosine to the right direction {cosine:.2f}",
    )


@check("4a", help="Call optimizer.zero_grad() in every step, before backward().")
def check_gradients_cleared(student: Implementation, rng: Generator) -> None:
    """The gradient of one batch is gone when the next one is used."""
    images = torch.zeros(16, 1, 28, 28)
    images[:8, :, :14] = torch.from_numpy(rng.uniform(-1, 1, (8, 1, 14, 28)).astype(np.float32))
    images[8:, :, 14:] = torch.from_numpy(rng.uniform(-1, 1, (8, 1, 14, 28)).astype(np.float32))
    labels = torch.arange(16) % 10
    after = []
    for count in (8, 16):
        net = linear_network(student)
        train_quietly(student, loader(images[:count], labels[:count], 8), net, sgd(student, net, lr=0.1), 0)
        after.append(weights_of(net)[:, : 14 * 28])
    moved = float(np.abs(after[1] - after[0]).max())
    expect(
        moved < 1e-6,
        "The first batch's gradient was still there in the second step: it moved weights that only the "
        "first batch uses.",
        expected="weights of pixels that are 0 in the second batch stay where the first step put them",
        got=f"they moved by up to {moved:.3g}",
    )


@check("4a")
def check_training_mode(student: Implementation, rng: Generator) -> None:
    """The model is put into training mode, even when it arrives in evaluation mode."""
    norm = make("torch.nn.BatchNorm1d", 784)
    net = network(student, make("torch.nn.Flatten"), norm, make("torch.nn.Linear", 784, 10))
    images = torch.from_numpy(rng.uniform(-1, 1, (24, 1, 28, 28)).astype(np.float32))
    net.eval()
    train_quietly(student, loader(images, torch.arange(24) % 10, 8), net, sgd(student, net, lr=0.01), 0)
    tracked = number(net.state_dict()["1.num_batches_tracked"])
    expect(
        tracked > 0,
        "The batch norm saw no batch in training mode.",
        expected="3 batches of statistics",
        got="none",
    )


@check("4a")
def check_whole_epoch(student: Implementation) -> None:
    """Every batch of the loader is used, the smaller last one too."""
    images, labels = band_images(range(10))
    net = linear_network(student)
    start = weights_of(net)
    train_quietly(student, loader(images + 1, labels, 4), net, sgd(student, net, lr=0.1), 0)  # dark pixels are 0
    moved = np.abs(weights_of(net) - start).max(axis=0)  # (784,)
    lit = (images + 1).flatten(1).numpy() > 0  # (10, 784)
    unused = [i for i in range(10) if moved[lit[i]].max() < 1e-7]
    expect(
        not unused,
        f"{len(unused)} of 10 images left no trace in the weights.",
        expected="3 batches of 4, 4 and 2 images, each used",
        got=f"images without a trace: {', '.join(map(str, unused))}",
    )


@check("4a")
def check_given_optimizer(student: Implementation) -> None:
    """The weights move only as the given optimizer moves them: not at all with a learning rate of 0."""
    images, labels = band_images(range(10))
    net = linear_network(student)
    start = weights_of(net)
    train_quietly(student, loader(images, labels, 5), net, sgd(student, net, lr=0.0), 0)
    moved = float(np.abs(weights_of(net) - start).max())
    expect(moved == 0, "The weights moved by other means.", expected="no change", got=f"a change of up to {moved:.3g}")


@check("4a")
def check_report(student: Implementation) -> None:
    """train returns the loss and the fraction of images classified right."""
    predicted = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3]
    images, labels = band_images(predicted)
    labels[[1, 5, 6, 12]] = torch.tensor([0, 0, 0, 0])  # 10 of 14 right, in batches of 4, 4, 4, 2
    net = band_network(student)
    answer = student.fashion.train(loader(images, labels, 4), net, sgd(student, net, lr=0.0), 0)
    expect(
        isinstance(answer, list | tuple) and len(answer) == 2,
        "train must return two things: (train_loss, accuracy).",
        expected="a tuple of two",
        got=answer,
    )
    losses = answer[0]
    if not (isinstance(losses, list | tuple) and not losses):  # an empty list of losses is fine
        values = numbers(losses)
        expect(bool(np.isfinite(values).all()), "The loss must be finite.", got=values)
        expect(bool((values >= 0).all()), "A cross-entropy is never negative.", expected="0 or more", got=values)
    accuracy = number(answer[1])
    batches = (3 / 4 + 2 / 4 + 4 / 4 + 1 / 2) / 4  # the mean over batches is accepted too
    expect(
        min(abs(accuracy - 10 / 14), abs(accuracy - batches)) < 0.005,
        "With a learning rate of 0, the accuracy of these 14 images is known.",
        expected="10 of 14 right: 0.714",
        got=f"{accuracy:.4g}",
    )


@check("4b", weight=2)
def check_prediction(student: Implementation) -> None:
    """get_prediction gives the class with the largest logit for each image."""
    net = band_network(student)
    net.eval()
    for classes in ([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8], [7]):
        images, _ = band_images(classes)
        answer = numbers(student.fashion.get_prediction(images, net))
        expect_shape(answer, (len(classes),))
        got = answer.reshape(-1)
        expect(
            [float(item) for item in got.tolist()] == classes,
            f"Of {len(classes)} images, {int((got != classes).sum())} got a wrong class.",
            expected=str(classes),
            got=summarise(got),
        )


@check("4b", after=("check_prediction",))
def check_prediction_type(student: Implementation) -> None:
    """Predictions are whole numbers, so that they can be used as indices."""
    images, _ = band_images([2, 0, 9])
    net = band_network(student)
    net.eval()
    answer = numbers(student.fashion.get_prediction(images, net))
    expect(
        answer.dtype.kind in "iu", "The predictions have the wrong type.", expected="integers", got=str(answer.dtype)
    )


@check("4b", weight=2)
def check_accuracy(student: Implementation) -> None:
    """evaluate gives the fraction of images classified right, over all batches."""
    images, labels = band_images([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0])
    labels[[0, 1, 2, 10]] = torch.tensor([5, 5, 5, 5])  # 7 of 11 right, in batches of 4, 4, 3
    net = band_network(student)
    net.eval()
    accuracy = number(student.fashion.evaluate(loader(images, labels, 4), net))
    expect(
        abs(accuracy - 7 / 11) < 1e-4,
        "The network classifies 7 of these 11 images right.",
        expected="7 / 11 = 0.6364",
        got=f"{accuracy:.4g}",
    )


@check("4b", help="Call net.eval() before you predict.")
def check_evaluation_mode(student: Implementation) -> None:
    """evaluate puts the network into evaluation mode: dropout does not spoil the result."""
    images, labels = band_images([1, 2, 3, 4, 5, 6, 7, 8, 9])
    net = band_network(student, make("torch.nn.Dropout", 1.0))  # in training mode it drops everything
    net.train()
    accuracy = number(student.fashion.evaluate(loader(images, labels, 4), net))
    expect(
        accuracy > 0.5,
        "A network with dropout that classifies all images right in evaluation mode was not evaluated in it.",
        expected="1.0",
        got=f"{accuracy:.4g}",
    )


@check("4b")
def check_untouched(student: Implementation, rng: Generator) -> None:
    """evaluate leaves the weights and the batch norm's statistics as they were."""
    norm = make("torch.nn.BatchNorm1d", 784)
    net = network(student, make("torch.nn.Flatten"), norm, make("torch.nn.Linear", 784, 10))
    images = torch.from_numpy(rng.uniform(-1, 1, (12, 1, 28, 28)).astype(np.float32))
    for mode in ("eval", "train"):
        getattr(net, mode)()
        before = net.state_dict()
        student.fashion.evaluate(loader(images, torch.arange(12) % 10, 4), net)
        after = net.state_dict()
        changed = [name for name in before if not np.array_equal(before[name], after[name])]
        expect(
            not changed,
            f"Evaluating changed a network that arrived in {mode} mode.",
            expected="the same weights and buffers before and after",
            got=f"changed: {', '.join(changed)}",
        )


def train_quietly(student: Implementation, batches: Recipe, net: Handle, optimizer: Handle, epoch: int) -> None:
    """Train for an epoch; what it returns is judged elsewhere."""
    student.fashion.train.with_options(keep=True)(batches, net, optimizer, epoch)
