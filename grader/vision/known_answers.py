"""A network whose answers about some images are known, for code that reports an accuracy and a loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.random import Generator
from torch import Tensor

from grader.sandbox.calls import Recipe
from grader.sandbox.student import Handle, Implementation
from grader.vision.probe_networks import (
    CLASSES,
    MOST_DRAWS,
    Shape,
    band_images,
    band_network,
    loader,
    pixels_of_band,
    random_bands,
)

APART = 0.03  # at least so far from the whole epoch's share of right answers is what a wrong rule makes of it


@dataclass(frozen=True)
class KnownAnswers:
    """Images in several batches, the last one smaller, of which a network is known to classify some right.

    Attributes:
        images: (N, C, H, W).
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
        """Whether each image is classified right, (N,), float64."""
        return (self.logits.argmax(dim=1) == self.labels).double()

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return float(self.right.mean())

    def loader(self) -> Recipe:
        """The images and labels in batches."""
        return loader(self.images, self.labels, self.batch_size)

    def losses(self, smoothed: float = 0.0) -> Tensor:
        """The cross-entropy of each image, (N,), where labels are smoothed by so much."""
        return F.cross_entropy(self.logits, self.labels, reduction="none", label_smoothing=smoothed)

    def by_batch(self, values: Tensor) -> Tensor:
        """The mean of each batch: (N, ...) -> (batches, ...)."""
        return torch.stack([batch.mean(dim=0) for batch in torch.split(values, self.batch_size)])


def known_answers(who: Implementation, shape: Shape, rng: Generator) -> KnownAnswers:
    """Draw images and a network so that the right share of the epoch is told from what wrong rules make of it.

    Of the last batch, all come out right, and of the first a larger share than of the whole.

    Args:
        who: On whose side the network is made; in training mode.
        shape: Of the images.
        rng: Random numbers.
    """
    batch_size, counts, sizes = _counts(rng)
    bands, predicted = random_bands(rng), rng.integers(0, CLASSES, sum(sizes))
    images, labels = band_images(predicted, shape, bands)
    is_right = np.concatenate([rng.permutation(size) < count for count, size in zip(counts, sizes, strict=True)])
    labels = torch.where(torch.from_numpy(is_right), labels, (labels + int(rng.integers(1, CLASSES))) % CLASSES)
    sure = float(rng.uniform(0.7, 1.3))
    net = band_network(who, shape, weight=sure / pixels_of_band(shape), bands=bands)
    logits = sure * (2 * F.one_hot(torch.from_numpy(predicted), CLASSES).double() - 1)
    return KnownAnswers(images, labels, batch_size, net, logits)


def _counts(rng: Generator) -> tuple[int, list[int], list[int]]:
    """How large batches are, how many images of each are classified right, and how many there are."""
    for _ in range(MOST_DRAWS):  # anew each time: for some sizes of batches there are no such counts
        batch_size = int(rng.integers(5, 9))
        last = int(rng.integers(2, batch_size))
        sizes = [batch_size] * int(rng.integers(3, 5)) + [last]
        counts = [int(rng.integers(1, size)) for size in sizes[:-1]] + [last]
        shares, mean = [count / size for count, size in zip(counts, sizes, strict=True)], sum(counts) / sum(sizes)
        by_batch = float(np.mean(shares))
        wrong = (by_batch, 1 - mean, float(np.mean(shares[:-1])))
        is_apart = all(abs(mean - value) > APART for value in wrong)
        if is_apart and 0.4 < mean < 0.75 and shares[0] > max(mean, by_batch) + APART:
            return batch_size, counts, sizes
    raise AssertionError("no counts met the condition")
