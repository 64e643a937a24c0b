"""Checks of `embedding.py`, the features: task 4.3."""

from __future__ import annotations

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from grader.author import Array, Failure, Implementation, check, expect, expect_close, expect_shape, numbers, summarise
from solutions.two_networks.checks.subjects import (
    CLASSES,
    NEAR,
    TURNS,
    Subject,
    logits_of_subject,
    make_subject,
    maps_of_subject,
    same,
)


@check("4.3", weight=2)
def check_what_fc_receives(student: Implementation, rng: Generator) -> None:
    """The features are what the last layer `fc` receives, of networks with ten and with four classes."""
    for classes, count in ((CLASSES, 6), (TURNS, 3)):
        subject, images = make_subject(student, rng, classes), _images(rng, count)
        received = subject.received(images)
        _expect_received(subject, images, _features(student, subject, images), received)


def _expect_received(subject: Subject, images: Tensor, answer: Array, received: Array) -> None:
    if not same(answer, received):
        raise Failure(
            "The features are not what `fc` receives.",
            expected=f"features of shape {received.shape}",
            got=summarise(answer),
            mistake=_known_features(subject, images, answer, received),
        )


def _known_features(subject: Subject, images: Tensor, answer: Array, received: Array) -> str | None:
    """The known mistake that such an answer comes from: computed here, for each student's network is another one."""
    logits, maps = subject.logits_of(received), maps_of_subject(subject, images)
    probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
    length = np.linalg.norm(received, axis=1, keepdims=True)
    known = {
        "gives_logits": logits,
        "gives_probabilities": probabilities / probabilities.sum(axis=1, keepdims=True),
        "gives_unit_length": received / np.maximum(length, 1e-12),
        "transposes_features": received.T,
        "subtracts_mean": received - received.mean(axis=0),
        "first_image_only": received[:1],
    }
    if maps.ndim == 4:
        known |= {
            "gives_maps": maps.reshape(len(images), -1),
            "gives_largest": maps.max(axis=(2, 3)),
            "averages_channels": maps.mean(axis=1).reshape(len(images), -1),
        }
        answer = answer.reshape(len(images), -1) if answer.size == maps.size else answer
    return next((f"embedding.{name}" for name, value in known.items() if same(answer, value)), None)


@check("4.3")
def check_evaluation_mode(student: Implementation, rng: Generator) -> None:
    """An image's features do not depend on the other images, even if the network comes in training mode."""
    subject, images = make_subject(student, rng), _images(rng, 5)
    received, trained = subject.received(images), subject.received_in_training(images)
    subject.net.train(True)
    answer = _features(student, subject, images)
    if same(answer, received):
        return
    raise Failure(
        "The features of a network that arrives in training mode are not those of evaluation mode.",
        expected="the features of evaluation mode",
        got=summarise(answer),
        mistake="embedding.stays_in_training" if same(answer, trained) else None,
    )


@check("4.3", public=True)
def check_mode_left(student: Implementation, rng: Generator) -> None:
    """When the features are computed, the network is in the mode that it was in before: training or evaluation."""
    for training, name, mistake in ((True, "training", "leaves_evaluation"), (False, "evaluation", "leaves_training")):
        subject, images = make_subject(student, rng), _images(rng, 3)
        received, trained = subject.received(images), subject.received_in_training(images)
        subject.net.train(training)
        answer = _features(student, subject, images)
        if not (training and same(answer, trained)):  # of which mode they are, is another check
            _expect_received(subject, images, answer, received)
        after = subject.net.training.value()
        expect(
            after is training,
            f"The network was in {name} mode before the call and no longer is.",
            expected=f"model.training is {training}",
            got=after,
            mistake=f"embedding.{mistake}",
        )


@check(
    "4.3",
    help="Compute the features without changing anything in the network: no layer, no weight, no statistic.",
    public=True,
)
def check_network_kept(student: Implementation, rng: Generator) -> None:
    """When the features are computed, the network answers as it did before."""
    subject, images = make_subject(student, rng), _images(rng, 4)
    received = subject.received(images)
    before = logits_of_subject(subject, images)
    _expect_received(subject, images, _features(student, subject, images), received)
    subject.net.eval()
    after = logits_of_subject(subject, images)
    if after.shape != before.shape:
        raise Failure(
            "Afterwards the network gives an answer of another shape.",
            expected=f"logits of shape {before.shape}",
            got=f"shape {after.shape}",
            mistake="embedding.removes_fc",
        )
    scale = float(np.abs(before).max(initial=0))
    expect_close(after, before, within=1e-5 * max(scale, 1e-3), what="logits after the call")


@check("4.3")
def check_any_number(student: Implementation, rng: Generator) -> None:
    """There is a row for each image, of one image and of a hundred."""
    subject = make_subject(student, rng)
    asked = [(images, subject.received(images)) for images in (_images(rng, count) for count in (1, 7, 100))]
    for images, received in asked:
        count, answer = len(images), _features(student, subject, images)
        expect_shape(answer, received.shape)
        scale = float(np.abs(received).max(initial=0))
        what = f"features of {count} image{'s' if count > 1 else ''}"
        expect_close(answer, received, within=NEAR * scale + 1e-7, what=what)


def _features(student: Implementation, subject: Subject, images: Tensor) -> Array:
    return numbers(student.embedding.penultimate_features(subject.net, images))


def _images(rng: Generator, count: int) -> Tensor:
    """Images (N, 3, 32, 32) that differ in colour and brightness as well as in their pixels."""
    colours = rng.normal(size=(count, 3, 1, 1))
    return torch.from_numpy((colours + 0.5 * rng.normal(size=(count, 3, 32, 32))).astype(np.float32))
