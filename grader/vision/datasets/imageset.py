"""What the data sets have in common: the form of a split, the folders, and whether downloads are allowed."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from grader.errors import DataMissing

Split = Literal["train", "test"]

DOWNLOAD_TIMEOUT_S = 30  # of silence; our choice

_downloads_allowed = ContextVar("downloads_allowed", default=True)


@dataclass(frozen=True)
class ImageSet:
    """One split of a data set.

    Attributes:
        name: The data set, e.g. "FashionMNIST".
        split: "train" or "test".
        images: (N, C, H, W), uint8.
        labels: (N,), int64.
        classes: Name of each label.
        source: Where it was found, in words for a report; never a path.
        digest: First 16 hex digits of the SHA-256 of the pixels followed by the labels.
    """

    name: str
    split: str
    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    source: str
    digest: str


def digest_of(pixels: NDArray[np.uint8], labels: NDArray[np.uint8]) -> str:
    """The digest of an `ImageSet`: 16 hex digits.

    Args:
        pixels: (N, C, H, W) or (N, H, W), C-contiguous.
        labels: (N,).
    """
    digest = hashlib.sha256(np.ascontiguousarray(pixels).data)
    digest.update(np.ascontiguousarray(labels).data)
    return digest.hexdigest()[:16]


@contextmanager
def without_downloads() -> Iterator[None]:
    """Within it, a data set that is not on this machine is missing at once: nothing waits for a network."""
    token = _downloads_allowed.set(False)
    try:
        yield
    finally:
        _downloads_allowed.reset(token)


@contextmanager
def downloading(otherwise: str) -> Iterator[None]:
    """Wrap a download: it gets a timeout, and whatever goes wrong is one sentence.

    Args:
        otherwise: What to say when it fails, a whole sentence.

    Raises:
        DataMissing: If downloads are not allowed now, or if the wrapped code raises OSError or RuntimeError.
    """
    if not _downloads_allowed.get():
        raise DataMissing(otherwise)
    before = socket.getdefaulttimeout()
    # torchvision and urllib set none: a network that swallows packets would keep us waiting for minutes
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT_S)
    try:
        yield
    except (OSError, RuntimeError) as error:
        raise DataMissing(otherwise) from error
    finally:
        socket.setdefaulttimeout(before)
