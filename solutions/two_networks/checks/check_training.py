"""Hidden checks of task 2.2: `train_epoch` and `evaluate`, on networks and images whose answers are known.

Where the student's own cross-entropy is wrong, which is judged by task 2.1, a right one is lent to these functions.
"""

from __future__ import annotations

from numpy.random import Generator

from grader.author import Implementation, check, expect
from grader.vision.known_answers import KnownAnswers, known_answers
from grader.vision.probe_networks import (
    loader,
    loss_of,
    sgd,
    weights_of,
)
from grader.vision.training_probes import (
    expect_given_optimizer,
    expect_step,
)
from solutions.two_networks.checks.losses import lend_loss
from solutions.two_networks.checks.public_training import (
    MEASURED,
    SHAPE,
    as_pair,
    course_of,
    noise_network,
    noisy_prototypes,
)

UNSEEN = 100  # images that are kept back
ROUNDED = 0.01  # how far a loss may be off: logits in half precision, and a penalty on weights as a part of it
TRAINED = "train_epoch must return two numbers: (mean loss, accuracy)."


@check("2.2", weight=2, listed_before="check_step_per_batch")
def check_learns(student: Implementation, rng: Generator) -> None:
    """After two epochs on 200 images that can be told apart, the loss on others like them has halved."""
    course = course_of(student)
    images, labels = noisy_prototypes(rng, 200 + UNSEEN)
    net, start = noise_network(student, rng)
    optimizer = sgd(student, net, lr=0.3, momentum=0.9)
    for _ in range(2):
        course.train(loader(images[UNSEEN:], labels[UNSEEN:], 20), net, optimizer)
    before, after = (loss_of(weight, images[:UNSEEN], labels[:UNSEEN]) for weight in (start, weights_of(net)))
    expect(
        after < 0.5 * before,
        "After two calls of train_epoch the loss on images that were not trained on is still too high.",
        expected=f"a loss that has fallen from {before:.2f} to below {0.5 * before:.2f}",
        got=f"{after:.3g}",
    )


@check("2.2", listed_before="check_step_per_batch")
def check_step(student: Implementation, oracle: Implementation, rng: Generator) -> None:
    """One batch moves the weights against the gradient of the mean cross-entropy, by about the right amount."""
    images, labels = noisy_prototypes(rng, 64)
    images = 10 * (images + images.flip(-1)) / 2  # a student's random flip changes nothing
    expect_step(course_of(student), course_of(oracle), images, labels, rng)


@check("2.2", listed_before="check_measuring_mode")
def check_given_optimizer(student: Implementation, rng: Generator) -> None:
    """The weights move only as the given optimizer moves them: not at all with a learning rate of 0."""
    expect_given_optimizer(course_of(student), rng)


@check("2.2", weight=2, after=("check_learns",))
def check_report(student: Implementation, rng: Generator) -> None:
    """train_epoch returns the mean loss and the fraction of images classified right."""
    lend_loss(student)
    known = known_answers(student, SHAPE, rng)
    answer = student.supervised.train_epoch(known.net, known.loader(), sgd(student, known.net, lr=0.0))
    loss, accuracy = as_pair(answer, TRAINED)
    expect(
        min(abs(accuracy - known.accuracy), abs(accuracy - float(known.by_batch(known.right).mean()))) < 0.005,
        "This is not the accuracy of these images, which is known at a learning rate of 0.",
        expected=f"{known.right.sum():.0f} of {len(known.labels)} right: {known.accuracy:.3f}",
        got=f"{accuracy:.4g}",
    )
    _expect_mean(loss, known)


@check("2.2", weight=2, listed_before="check_measuring_mode")
def check_measured_accuracy(student: Implementation, rng: Generator) -> None:
    """evaluate gives the fraction of images classified right, over all batches."""
    course = course_of(student)
    for _ in range(2):
        known = known_answers(student, SHAPE, rng)
        known.net.eval()
        accuracy = course.accuracy(course.evaluate(known.loader(), known.net))
        expect(
            abs(accuracy - known.accuracy) < 1e-4,
            f"The network classifies {known.right.sum():.0f} of these {len(known.labels)} images right.",
            expected=f"{known.accuracy:.4f}",
            got=f"{accuracy:.4g}",
        )


@check("2.2", listed_before="check_measuring_mode")
def check_measured_loss(student: Implementation, rng: Generator) -> None:
    """evaluate gives the mean loss, over all batches."""
    known = known_answers(student, SHAPE, rng)
    known.net.eval()
    loss, _ = as_pair(course_of(student).evaluate(known.loader(), known.net), MEASURED)
    _expect_mean(loss, known)


def _expect_mean(loss: float, known: KnownAnswers) -> None:
    """Expect the mean of the losses of a mild network, over the images or over batches."""
    losses = known.losses()
    by_image, by_batch = float(losses.mean()), float(known.by_batch(losses).mean())
    expect(
        min(abs(loss - by_image), abs(loss - by_batch)) < ROUNDED,
        "The loss is not the mean cross-entropy of these images.",
        expected=f"{by_image:.4f} (over images) or {by_batch:.4f} (over batches)",
        got=f"{loss:.4f}",
    )
