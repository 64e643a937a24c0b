"""Whose networks are alike: the numbers in two model files, read without unpickling anything.

A model file is a zip with a pickle, which says what the numbers are, and a file of raw numbers for each storage; in an
older form these parts stand one after the other; `pickle.dump` writes a file of that older form for each storage. The
pickle's instructions are listed here, not obeyed; numbers are numbers. Of each storage digests and some numbers are
kept, so that a class of large files fits into memory.
"""

from __future__ import annotations

import hashlib
import warnings
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from grader.intake.pickles import read_storages, unpack
from grader.records import Array

SAMPLE = 256  # numbers kept of a storage, evenly spaced
LEAST_FILE = 1024  # bytes: two empty files are no evidence
LEAST_NUMBERS = 64  # of a storage that is compared: biases begin at 0 and hardly differ
MOST_NUMBERS = 16 << 20  # of a storage; the largest of a ResNet-50 has 2.4 million
MOST_STORAGES = 256  # of a file, the largest; a residual network of this course has 60
SHOWN = 4  # numbers of a storage
LARGEST = 1e6  # a weight beyond is taken for this, so that one number can't hide the others

Numbers = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Blob:
    """What is kept of one storage.

    Attributes:
        count: How many numbers it has.
        exact: A digest of them as they stand, as float32.
        sorted: A digest of them sorted and rounded to half precision.
        first: The first of them, to be shown.
        sample: Some of them, (min(count, SAMPLE),), shifted and scaled to mean 0 and length 1.
    """

    count: int
    exact: bytes
    sorted: bytes
    first: tuple[float, ...]
    sample: Numbers


@dataclass(frozen=True, eq=False)
class Model:
    """What is kept of one model file: digest and number of its bytes, and its storages, the largest first."""

    sha256: bytes
    size: int
    blobs: tuple[Blob, ...]

    @cached_property
    def numbers(self) -> int:
        """How many numbers are compared."""
        return sum(blob.count for blob in self.blobs)

    @cached_property
    def samples(self) -> dict[int, Numbers]:
        """The samples of the storages of each size, (storages, numbers)."""
        found: dict[int, list[Numbers]] = defaultdict(list)
        for blob in self.blobs:
            found[blob.count].append(blob.sample)
        return {count: np.stack(samples) for count, samples in found.items()}

    @cached_property
    def exact(self) -> frozenset[bytes]:
        """The digests of the storages as they stand."""
        return frozenset(blob.exact for blob in self.blobs)

    @cached_property
    def sorted(self) -> frozenset[bytes]:
        """The digests of the storages sorted."""
        return frozenset(blob.sorted for blob in self.blobs)


@dataclass(frozen=True)
class Likeness:
    """How alike two models are.

    Attributes:
        share: 1 for identical; else the correlation of the numbers of the smaller, storage by storage, 0 for those that
            the larger lacks.
        same_bytes: The files are the same.
        same: Share of the smaller's numbers whose storages the larger has exactly.
        reordered: The same in another order within a storage, or rounded to half precision.
    """

    share: float
    same_bytes: bool
    same: float
    reordered: float


def read_model(data: bytes) -> Model:
    """What is kept of a model file; no storages where it is of another form, or damaged."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of an odd escape in a text of the pickle's
        numbers = (storage.numbers(parts) for parts in unpack(data) for storage in read_storages(parts))
        return make_model(hashlib.sha256(data).digest(), len(data), numbers)


def make_model(digest: bytes, size: int, storages: Iterable[Array]) -> Model:
    """What is kept of some storages, each (count,)."""
    blobs = [blob for storage in storages if (blob := _blob(storage)) is not None]
    return Model(digest, size, tuple(sorted(blobs, key=lambda blob: -blob.count)[:MOST_STORAGES]))


def _blob(storage: Array) -> Blob | None:
    """What is kept of one storage; None where it says nothing (few numbers, or all the same) or takes too long."""
    if not LEAST_NUMBERS <= len(storage) <= MOST_NUMBERS:
        return None
    with np.errstate(over="ignore", invalid="ignore"):  # any numbers at all may stand there
        single = np.nan_to_num(storage.astype(np.float32), posinf=LARGEST, neginf=-LARGEST)
        single = np.clip(single, -LARGEST, LARGEST) + np.float32(0)  # -0 becomes 0
        half = (single.astype(np.float16) + np.float16(0)).view(np.uint16)  # whole numbers are sorted much faster
    places = np.linspace(0, len(single) - 1, min(len(single), SAMPLE)).astype(np.int64)
    sample = single[places].astype(np.float64)
    sample -= sample.mean()
    length = float(np.linalg.norm(sample))
    if length <= 1e-6 * max(1.0, float(np.abs(single).max())):
        return None
    return Blob(
        len(single),
        _digest(single),
        _digest(np.sort(half, kind="stable")),
        tuple(map(float, single[:SHOWN])),
        (sample / length).astype(np.float32),
    )


def _digest(values: Array) -> bytes:
    return hashlib.sha256(values.tobytes()).digest()


def compare_models(first: Model, second: Model) -> Likeness:
    """How alike two models are; which is which does not matter."""
    small, large = sorted((first, second), key=lambda model: (model.numbers, model.sha256))
    if first.sha256 == second.sha256 and first.size >= LEAST_FILE:
        return Likeness(1.0, True, 1.0, 1.0)
    if not small.blobs or not _may_be_alike(small, large):
        return Likeness(0.0, False, 0.0, 0.0)
    same = sum(blob.count for blob in small.blobs if blob.exact in large.exact) / small.numbers
    reordered = sum(blob.count for blob in small.blobs if blob.sorted in large.sorted) / small.numbers
    return Likeness(max(same, reordered, _correlation(small, large)), False, same, reordered)


def _may_be_alike(small: Model, large: Model) -> bool:
    """Whether half of the smaller's numbers stand in storages of sizes that the larger has."""
    return 2 * sum(blob.count for blob in small.blobs if blob.count in large.samples) >= small.numbers


def _correlation(small: Model, large: Model) -> float:
    """The mean correlation of storages of the same size, the most alike matched first, weighted by their sizes."""
    total = 0.0
    for count, samples in small.samples.items():
        if count in large.samples:
            total += count * _matched(samples @ large.samples[count].T)
    return min(1.0, max(0.0, total / small.numbers))


def _matched(correlations: Numbers) -> float:
    """The sum of the largest entries of which no two share a row or a column."""
    best = correlations.argmax(axis=1)
    if len(set(best.tolist())) == len(best):
        return float(correlations.max(axis=1).sum())
    rest, total = correlations.copy(), 0.0
    for _ in range(min(rest.shape)):
        row, column = np.unravel_index(int(rest.argmax()), rest.shape)
        total += float(rest[row, column])
        rest[row, :] = rest[:, column] = -np.inf
    return total
