"""Whether a network knows what it is asked, or knows the test images by heart: both give a high accuracy.

The test images and their labels are public, so a zip may hold a table of them. Once a network has earned its points, it
is asked again about some of the test images, as they are, a little altered, and shifted by a pixel, and about training
images, in one random order. An honest network hardly minds; a table that looks for the very image finds nothing. One
that looks for the nearest image finds it: see `lookup_tables.py` for what it holds, and `training_images.py`.

A few images by heart are enough for a network just below the threshold. Where the accuracy is close to it, all test
images are asked again, altered so faintly that honest networks change hardly an answer; the loss is judged beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from grader.checking.integrity_flags import IntegrityFlags
from grader.records import Array
from grader.sandbox.student import Handle, Implementation
from grader.vision.model_files import share_right
from grader.vision.training_images import Labelled, compare_with_training

IMAGES = 500  # asked again, equally many of each class: three times as many answers, 15% of those to the test images
SLOW_S = 100.0  # a network that took longer for the test images is asked about fewer: these seconds are the student's
TRAINING_S = 50.0  # the same for training images
FEWEST = 100

# An eye hardly sees either.
NOISE = 2.0  # standard deviation, gray levels of 256
BRIGHTER = 0.08  # or darker, as a share

# The limits stand well away from honest networks. Measured on 4,000 test images, in percent: as they are, altered,
# shifted by one pixel and altered.
#   FashionMNIST: convolutional 92.4 92.2 91.3, after four epochs 91.2 91.2 86.0; perceptrons, which mind shifts most,
#   89.4 89.5 80.9 and 87.3 87.2 77.6; linear 84.3 83.9 74.6; 3,000 training images learned by heart 85.7 85.9 80.2 and
#   83.8 83.5 74.1; a perceptron that sees only what is not black 85.6 85.6 57.6.
#   CIFAR-10: residual 87.2 87.1 87.2 and 76.5 76.3 76.7, without augmentation 73.1 73.0 71.7; turns 85.4 85.0 84.3.
# By two pixels the perceptrons fall to 66 and 61: too near to what a table with a weak network behind it would show.
MOST_LOST = 0.05  # of the accuracy, on altered images
LEAST_KEPT = 0.5  # of what the accuracy is above guessing, on shifted images

# Beside the margin above the threshold. Measured on FashionMNIST's 10,000 test images, six times each, in points: the
# reference network loses 0.00 to 0.13, perceptrons up to 0.15, convolutional networks after one to six epochs up to
# 0.05, a linear one up to 0.07, a perceptron that sees only what is not black up to 0.06. Of these 54, with a threshold
# at their very accuracy, none is told: the most that one of them lost for certain is below 0.
#   CIFAR-10, 66 askings of 25 networks: the reference (0.09), its weights with 20% noise, in 4 bits or pruned (0.20),
# the turns (0.08), nearest neighbors (0.06), and linear, perceptrons and small convolutional networks after 100 to 500
# steps, by heart, on gray, edges, four gray levels or signs (0.30). None lost anything for certain.
FAINT_NOISE, FAINT_BRIGHTER = 1.0, 0.02
LIT, LIGHT = 4, 3  # pixels of an image that change in any case, black ones too, and by how many gray levels
NEAR = MOST_LOST  # a larger margin could only be made up by more than is told above
MOST_SECONDS = 10.0  # that a network may have taken to be asked about all of them: they are the student's
SURE = 3.5  # standard deviations
ALLOWED = 0.001  # of the images: what an honest network may lose

SAME_ANSWER = 0.02  # of the span of an image's logits: rounding, also of half precision, stays below
MOST_DIFFERENT = 0.01  # of the images asked again


@dataclass(frozen=True)
class AskedAgain:
    """What an accuracy check has asked a network, and how.

    Attributes:
        who: Whose network.
        file: The model file that it was loaded from.
        net: The network, in evaluation mode.
        images: (N, C, H, W), uint8, in random order.
        labels: Right answers, (N,), from 0 to K - 1.
        logits: What it answered, (N, K).
        answer: Asks about more images, in batches as large as the check's.
        seconds: What the answers have taken of the submission's seconds.
    """

    who: Implementation
    file: str
    net: Handle
    images: Tensor
    labels: Array
    logits: Array
    answer: Callable[[Tensor], Array]
    seconds: float

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return share_right(self.logits, self.labels)


def ask_network(
    who: Implementation,
    file: str,
    net: Handle,
    images: Tensor,
    labels: Array,
    answer: Callable[[Tensor], Array],
) -> AskedAgain:
    """Ask a network about the test images; arguments as in `AskedAgain`.

    Raises:
        CheckStopped: If it does not answer.
    """
    before = who.charged_s
    logits = answer(images)
    return AskedAgain(who, file, net, images, labels, logits, answer, who.charged_s - before)


def compare_altered(
    looks: IntegrityFlags, asked: AskedAgain, rng: Generator, threshold: float, training: Labelled | None = None
) -> None:
    """Ask again about images, as they were, altered and shifted; remark on what an honest network would not say.

    Args:
        looks: Takes the remarks.
        asked: The network, and what it was asked.
        rng: Random numbers.
        threshold: The accuracy above which it has earned its points.
        training: Training images, at least `FEWEST` of which are asked about; None where there are none.

    Raises:
        CheckStopped: If the network does not answer.
    """
    rows = _balanced(asked.labels, affordable(IMAGES, asked.seconds, SLOW_S))
    images, labels = asked.images[torch.from_numpy(rows)], asked.labels[rows]
    altered_images = light(alter(images, rng, spare_black=True), rng)
    parts = [images, altered_images, alter(shift(images, rng), rng, spare_black=False)]
    others, right = training or (images[:0], labels[:0])
    count = affordable(len(right), asked.seconds, TRAINING_S)
    others, right = others[:count], right[:count]
    order = rng.permutation(3 * len(rows) + len(others))
    answers = np.empty((len(order), asked.logits.shape[1]))
    answers[order] = asked.answer(torch.cat([*parts, others])[torch.from_numpy(order)])
    again, altered, shifted, learned = np.split(answers, [len(rows), 2 * len(rows), 3 * len(rows)])
    _compare_answers(looks, asked.logits[rows], again)
    as_it_is = share_right(asked.logits[rows], labels)
    _compare_shares(looks, len(rows), as_it_is, share_right(altered, labels), share_right(shifted, labels), labels)
    if len(learned):
        compare_with_training(looks, asked.accuracy, len(asked.labels), share_right(learned, right), len(learned))
    if asked.accuracy - threshold <= NEAR:
        _compare_with_margin(looks, asked, rng, threshold)


def _compare_with_margin(looks: IntegrityFlags, asked: AskedAgain, rng: Generator, threshold: float) -> None:
    """Ask about all test images, faintly altered and in another order: would what is lost have cost the points?"""
    rows = rng.permutation(len(asked.labels))[: affordable(len(asked.labels), asked.seconds, MOST_SECONDS)]
    images, labels = alter_faintly(asked.images[torch.from_numpy(rows)], rng), asked.labels[rows]
    before = asked.logits[rows].argmax(axis=1) == labels
    after = asked.answer(images).argmax(axis=1) == labels
    lost, least = lost_share(before, after)
    margin = asked.accuracy - threshold
    if least > margin + ALLOWED:
        looks.note(
            "lost_margin",
            f"The network is right on {asked.accuracy:.2%} of the test images, {100 * margin:.2f} points above the "
            f"threshold. On {len(rows):,} of them, in another order and so faintly altered that nobody sees it, it "
            f"loses {100 * lost:.2f} points, certainly more than {100 * least:.2f}: without these it would be below "
            "the threshold. Honest networks lose at most a third of a point. Does it know some test images by heart?",
            margin=margin,
            lost=lost,
            certainly_lost=least,
            images=len(rows),
        )


def lost_share(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> tuple[float, float]:
    """The share of right answers that is lost between two askings about the same images, and what it is at least.

    Answers that become right make up for others that become wrong, as they do by chance. The bound is `SURE` standard
    deviations of the difference of the two counts below it.

    Args:
        before: Which answers were right, (N,).
        after: The same for the second asking.
    """
    worse, better = int((before & ~after).sum()), int((~before & after).sum())
    return (worse - better) / len(before), (worse - better - SURE * (worse + better + 1) ** 0.5) / len(before)


def affordable(count: int, seconds: float, most: float) -> int:
    """How many images to ask about again: `count`, halved until a network takes no longer than it may.

    In halves, so that the same network is nearly always asked the same: its seconds vary a little from run to run.

    Args:
        count: How many there are.
        seconds: What the network has taken of the submission's seconds for its answers about all test images.
        most: Seconds that a network may have taken to be asked about `count` images again.
    """
    while seconds > most and count > FEWEST:
        count, seconds = count // 2, seconds / 2
    return max(count, FEWEST)


def _balanced(labels: Array, count: int) -> NDArray[np.int64]:
    """Which of the images to ask about again: the first of each class."""
    classes = np.unique(labels)
    return np.concatenate([np.flatnonzero(labels == label)[: max(1, count // len(classes))] for label in classes])


def alter(
    images: Tensor, rng: Generator, *, spare_black: bool, brighter: float = BRIGHTER, noise: float = NOISE
) -> Tensor:
    """Each image a little brighter or darker, with faint noise.

    Args:
        images: (N, C, H, W), uint8.
        rng: Random numbers.
        spare_black: Whether black stays black, and nothing else becomes it: some networks see only that.
        brighter: By how much at most, as a share.
        noise: Standard deviation, gray levels.

    Returns:
        The same shape, uint8.
    """
    factors = 1 + rng.uniform(-brighter, brighter, (len(images), 1, 1, 1))
    pixels = np.clip(np.rint(images.numpy() * factors + rng.normal(0, noise, images.shape)), 0, 255)
    if spare_black:
        pixels = np.where(images.numpy() > 0, np.maximum(pixels, 1), 0)
    return torch.from_numpy(pixels.astype(np.uint8))


def light(images: Tensor, rng: Generator) -> Tensor:
    """A few pixels of each image by `LIGHT` gray levels brighter, or darker where they are bright; the same shape.

    Which pixels are black is a mark of an image, too.
    """
    flat = images.numpy().reshape(len(images), -1).astype(np.int16)
    places = (np.arange(len(flat))[:, None], rng.integers(0, flat.shape[1], (len(flat), LIT)))
    flat[places] += np.where(flat[places] < 128, LIGHT, -LIGHT).astype(np.int16)
    return torch.from_numpy(flat.astype(np.uint8).reshape(images.shape))


def alter_faintly(images: Tensor, rng: Generator) -> Tensor:
    """Each image so that nobody sees the difference; the same shape, uint8."""
    return light(alter(images, rng, spare_black=True, brighter=FAINT_BRIGHTER, noise=FAINT_NOISE), rng)


def shift(images: Tensor, rng: Generator) -> Tensor:
    """Each image moved by one pixel, in one of eight directions; what comes in at the edge repeats it.

    Args:
        images: (N, C, H, W), uint8.
        rng: Random numbers.

    Returns:
        The same shape, uint8.
    """
    height, width = images.shape[2:]
    padded = F.pad(images.float(), [1] * 4, mode="replicate").to(torch.uint8)
    moved = []
    for image, place in zip(padded, rng.choice([0, 1, 2, 3, 5, 6, 7, 8], len(images)), strict=True):  # 4 stays in place
        top, left = divmod(int(place), 3)
        moved.append(image[:, top : top + height, left : left + width])
    return torch.stack(moved)


def _compare_answers(looks: IntegrityFlags, first: Array, again: Array) -> None:
    scale = np.maximum(np.abs(first).max(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    with np.errstate(over="ignore", under="ignore"):  # a student's logits may be as large as numbers get
        first, again = first / scale, again / scale
        same = np.abs(again - first).max(axis=1) <= SAME_ANSWER * (first.max(axis=1) - first.min(axis=1))
    different = 1 - float(same.mean())
    if different > MOST_DIFFERENT:
        looks.note(
            "answers_vary",
            f"Asked again about the same {len(first)} images, at other places and in other batches, the network gives "
            f"other logits for {different:.0%} of them: they depend on more than the image. Batch statistics or "
            "dropout that eval() does not switch off do that, and so does code that counts what it is asked.",
            different=different,
            images=len(first),
        )


def _compare_shares(
    looks: IntegrityFlags, count: int, as_it_is: float, altered: float, shifted: float, labels: Array
) -> None:
    guessing = 1 / len(np.unique(labels))
    told = f"The network is right on {as_it_is:.1%} of {count} test images"
    numbers = {"as_it_is": as_it_is, "altered": altered, "shifted": shifted, "images": count}
    if as_it_is - altered > MOST_LOST:
        looks.note(
            "altered_images",
            f"{told}, but on {altered:.1%} of the same images made a little brighter or darker, with faint noise. "
            "Honest networks lose about one point. Does it look test images up?",
            **numbers,
        )
    elif shifted - guessing < LEAST_KEPT * (as_it_is - guessing):
        looks.note(
            "shifted_images",
            f"{told}, but on {shifted:.1%} of the same images shifted by one pixel. Honest networks lose up to ten "
            "points. Does it look test images up?",
            **numbers,
        )
