"""How `fashion.py`'s training code is called, for what `grader/checks/training.py` expects of any."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from grader.checks.known_networks import CLASSES, MOST_DRAWS, band_images, band_network, random_bands
from grader.checks.training import Course
from grader.sandbox.calls import Recipe
from grader.sandbox.student import Handle, Implementation

SHAPE = (1, 28, 28)  # of FashionMNIST's images
BAND_PIXELS = 2 * 28  # two rows
APART = 0.03  # at least so far from the whole epoch's share of right answers is that of a batch alone


def course_of(who: Implementation) -> Course:
    """The functions `train`, whose result is judged elsewhere, and `evaluate`."""
    return Course(
        who,
        SHAPE,
        lambda batches, net, optimizer: train_quietly(who, batches, net, optimizer, 0),
        lambda batches, net: who.fashion.evaluate(batches, net),
    )


def train_quietly(who: Implementation, batches: Recipe, net: Handle, optimizer: Handle, epoch: int) -> None:
    """Train for an epoch; what it returns is judged elsewhere."""
    who.fashion.train.with_options(keep=True)(batches, net, optimizer, epoch)


@dataclass(frozen=True)
class Marked:
    """Images in several batches, the last one smaller, of which a network is known to classify some right.

    Attributes:
        images: (N, 1, 28, 28).
        labels: (N,).
        batch_size: Of all batches but the last.
        net: A band network that is no surer of itself than it should be.
        logits: Its own, (N, 10).
    """

    images: Tensor
    labels: Tensor
    batch_size: int
    net: Handle
    logits: Tensor

    @property
    def right(self) -> Tensor:
        """Whether each image is classified right, (N,)."""
        return self.logits.argmax(dim=1) == self.labels

    def shares(self) -> list[float]:
        """The share of right answers in each batch."""
        return [float(batch.double().mean()) for batch in torch.split(self.right, self.batch_size)]


def marked_images(who: Implementation, rng: Generator) -> Marked:
    """Images and a network drawn so that the right share of the epoch is told from that of its parts.

    Of the last batch, all come out right, and of the first a larger share than of the whole.
    """
    for _ in range(MOST_DRAWS):  # anew each time: for some sizes of batches there are no such counts
        batch_size = int(rng.integers(5, 9))
        last = int(rng.integers(2, batch_size))
        sizes = [batch_size] * int(rng.integers(3, 5)) + [last]
        counts = [int(rng.integers(1, size)) for size in sizes[:-1]] + [last]
        shares, mean = [count / size for count, size in zip(counts, sizes, strict=True)], sum(counts) / sum(sizes)
        by_batch = float(np.mean(shares))
        if 0.4 < mean < 0.75 and abs(by_batch - mean) > APART and shares[0] > max(mean, by_batch) + APART:
            break
    else:
        raise AssertionError("no counts met the condition")
    bands, predicted = random_bands(rng), rng.integers(0, CLASSES, sum(sizes))
    images, labels = band_images(predicted, SHAPE, bands)
    is_right = np.concatenate([rng.permutation(size) < count for count, size in zip(counts, sizes, strict=True)])
    labels = torch.where(torch.from_numpy(is_right), labels, (labels + int(rng.integers(1, CLASSES))) % CLASSES)
    sure = float(rng.uniform(0.7, 1.3))
    net = band_network(who, SHAPE, weight=sure / BAND_PIXELS, bands=bands)
    logits = sure * (2 * torch.nn.functional.one_hot(torch.from_numpy(predicted), CLASSES).double() - 1)
    return Marked(images, labels, batch_size, net, logits)
