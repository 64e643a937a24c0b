"""Public checks of `fashion.py`: tasks 4a and 4b, on networks and images whose right answers are known by construction.

What any training code must do is in `grader/vision/training_probes.py`.
"""

from __future__ import annotations

from numpy.random import Generator

from grader.author import (
    Implementation,
    check,
    expect,
    expect_shape,
    numbers,
    summarise,
)
from grader.vision.probe_networks import (
    CLASSES,
    band_images,
    band_network,
    random_bands,
)
from grader.vision.training_probes import (
    expect_evaluation_mode,
    expect_given_optimizer,
    expect_gradients_cleared,
    expect_training_mode,
    expect_untouched,
    expect_whole_epoch,
)
from solutions.miniplaces.checks.training import SHAPE, course_of


@check("4a", help="Is optimizer.zero_grad() called in every step, before backward()?")
def check_gradients_cleared(student: Implementation, rng: Generator) -> None:
    """The gradient of one batch is gone when the next one is used."""
    expect_gradients_cleared(course_of(student), rng)


@check("4a")
def check_training_mode(student: Implementation, rng: Generator) -> None:
    """The model is put into training mode, even when it arrives in evaluation mode."""
    expect_training_mode(course_of(student), rng)


@check("4a")
def check_whole_epoch(student: Implementation, rng: Generator) -> None:
    """Every batch of the loader is used, the smaller last one too."""
    expect_whole_epoch(course_of(student), rng)


@check("4a")
def check_given_optimizer(student: Implementation, rng: Generator) -> None:
    """The weights move only as the given optimizer moves them: not at all with a learning rate of 0."""
    expect_given_optimizer(course_of(student), rng)


@check("4b", weight=2)
def check_prediction(student: Implementation, rng: Generator) -> None:
    """get_prediction gives the class with the largest logit for each image."""
    bands = random_bands(rng)
    net = band_network(student, SHAPE, bands=bands)
    net.eval()
    for count in (int(rng.integers(12, 20)), 1):
        images, labels = band_images(rng.integers(0, CLASSES, count), SHAPE, bands)
        answer = numbers(student.fashion.get_prediction(images, net))
        expect_shape(answer, (count,))
        got = answer.reshape(-1)
        wrong = int((got != labels.numpy()).sum())
        expect(
            [float(item) for item in got.tolist()] == labels.tolist(),
            "The one image got the wrong class." if count == 1 else f"{wrong} of {count} images got the wrong class.",
            expected=summarise(labels.numpy()),
            got=summarise(got),
        )


@check("4b", after=("check_prediction",))
def check_prediction_type(student: Implementation, rng: Generator) -> None:
    """Predictions are whole numbers, so that they can be used as indices."""
    images, _ = band_images(rng.integers(0, CLASSES, 3), SHAPE)
    net = band_network(student, SHAPE)
    net.eval()
    answer = numbers(student.fashion.get_prediction(images, net))
    expect(
        answer.dtype.kind in "iu", "The predictions have the wrong type.", expected="integers", got=str(answer.dtype)
    )


@check("4b", help="Is net.eval() called before the loop?")
def check_evaluation_mode(student: Implementation, rng: Generator) -> None:
    """evaluate puts the network into evaluation mode: dropout does not spoil the result."""
    expect_evaluation_mode(course_of(student), rng)


@check("4b")
def check_untouched(student: Implementation, rng: Generator) -> None:
    """evaluate leaves the weights and the batch norm's statistics as they were."""
    expect_untouched(course_of(student), rng)
