"""Public checks of `embedding.py`, the features: task 4.3."""

from __future__ import annotations

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from grader.author import Array, Failure, Implementation, check, expect, expect_close, numbers, summarise
from solutions.two_networks.checks.subjects import (
    Subject,
    logits_of_subject,
    make_subject,
    maps_of_subject,
    same,
)


def expect_received(subject: Subject, images: Tensor, answer: Array, received: Array) -> None:
    """Expect the features that `fc` received."""
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
def check_mode_left(student: Implementation, rng: Generator) -> None:
    """When the features are computed, the network is in the mode that it was in before: training or evaluation."""
    for training, name, mistake in ((True, "training", "leaves_evaluation"), (False, "evaluation", "leaves_training")):
        subject, images = make_subject(student, rng), random_images(rng, 3)
        received, trained = subject.received(images), subject.received_in_training(images)
        subject.net.train(training)
        answer = features_by(student, subject, images)
        if not (training and same(answer, trained)):  # of which mode they are, is another check
            expect_received(subject, images, answer, received)
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
)
def check_network_kept(student: Implementation, rng: Generator) -> None:
    """When the features are computed, the network answers as it did before."""
    subject, images = make_subject(student, rng), random_images(rng, 4)
    received = subject.received(images)
    before = logits_of_subject(subject, images)
    expect_received(subject, images, features_by(student, subject, images), received)
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


def features_by(student: Implementation, subject: Subject, images: Tensor) -> Array:
    """The student's features of images, (N, D)."""
    return numbers(student.embedding.penultimate_features(subject.net, images))


def random_images(rng: Generator, count: int) -> Tensor:
    """Images (N, 3, 32, 32) that differ in colour and brightness as well as in their pixels."""
    colours = rng.normal(size=(count, 3, 1, 1))
    return torch.from_numpy((colours + 0.5 * rng.normal(size=(count, 3, 32, 32))).astype(np.float32))
