"""Hidden checks of `embedding.py`, the features: task 4.3."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from grader.author import Failure, Implementation, check, expect_close, expect_shape, summarise
from solutions.two_networks.checks.public_embedding import expect_received, features_by, random_images
from solutions.two_networks.checks.subjects import (
    CLASSES,
    NEAR,
    TURNS,
    make_subject,
    same,
)


@check("4.3", weight=2, listed_before="check_mode_left")
def check_what_fc_receives(student: Implementation, rng: Generator) -> None:
    """The features are what the last layer `fc` receives, of networks with ten and with four classes."""
    for classes, count in ((CLASSES, 6), (TURNS, 3)):
        subject, images = make_subject(student, rng, classes), random_images(rng, count)
        received = subject.received(images)
        expect_received(subject, images, features_by(student, subject, images), received)


@check("4.3", listed_before="check_mode_left")
def check_evaluation_mode(student: Implementation, rng: Generator) -> None:
    """An image's features do not depend on the other images, even if the network comes in training mode."""
    subject, images = make_subject(student, rng), random_images(rng, 5)
    received, trained = subject.received(images), subject.received_in_training(images)
    subject.net.train(True)
    answer = features_by(student, subject, images)
    if same(answer, received):
        return
    raise Failure(
        "The features of a network that arrives in training mode are not those of evaluation mode.",
        expected="the features of evaluation mode",
        got=summarise(answer),
        mistake="embedding.stays_in_training" if same(answer, trained) else None,
    )


@check("4.3")
def check_any_number(student: Implementation, rng: Generator) -> None:
    """There is a row for each image, of one image and of a hundred."""
    subject = make_subject(student, rng)
    asked = [(images, subject.received(images)) for images in (random_images(rng, count) for count in (1, 7, 100))]
    for images, received in asked:
        count, answer = len(images), features_by(student, subject, images)
        expect_shape(answer, received.shape)
        scale = float(np.abs(received).max(initial=0))
        what = f"features of {count} image{'s' if count > 1 else ''}"
        expect_close(answer, received, within=NEAR * scale + 1e-7, what=what)
