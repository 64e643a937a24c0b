"""Whether what a submission holds is a table of images or labels rather than a network: told by structure alone.

Model files are read as `intake/pickles.py` reads them, and modules as text: nothing of a student's runs, so nothing
can hide what is there. What a table is used for is not known; a remark on it is for an instructor.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from grader.intake.pickles import read_numbers
from grader.records import Array

LEAST = 150  # labels: fewer would move an accuracy on 10,000 images by a point and a half at most
LEAST_IMAGES = 20
DIFFERENT = 4  # classes among labels: two are a mask
FAR = 2**31  # what no index, place or step comes to, but a digest does
ALIKE = 0.999  # correlation of a stored image with a test image; that of two test images of FashionMNIST stays below
SMOOTH = 0.4  # correlation of neighbouring pixels, above which a row of numbers may be an image
MOST_ROWS = 512  # of a model file that are compared with the test images
AT_ONCE = 1000  # test images
MOST_DIGEST = 128  # characters
LONG_TEXT = 1500  # characters of encoded data
_LITERAL = re.compile(
    r"""
      (?P<skip>\s+ | \#[^\n]* | [\[\](){},:+-] | \\\n)
    | (?P<text>[rbfuRBFU]{0,2}(?:
          \"{3}(?:[^"\\]|\\.|\"(?!\"\"))*+(?:\"{3}|\\?\Z)
        | '{3}(?:[^'\\]|\\.|'(?!\'\'))*+(?:'{3}|\\?\Z)
        | "(?:[^"\\\n]|\\.)*+"?
        | '(?:[^'\\\n]|\\.)*+'?
      ))
    | (?P<whole>0[xX][0-9a-fA-F_]+ | \d[\d_]*(?:\.0*)?(?![\w.]))
    | (?P<number>\.?\d(?:[eE][+-]\d|[\w.])*)
    | (?P<name>[^\W\d]\w*)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_DIGEST = re.compile(r"(?=[^\d]*\d)[0-9a-fA-F]{8,}")
_ENCODED = re.compile(r"(?:[A-Za-z0-9+/=_-]|\\x[0-9a-fA-F]{2}){16,}")


def tables_in_file(data: bytes, images: Tensor, classes: int) -> Iterator[str]:
    """What in a model file may be a table, in words.

    Args:
        data: The file's bytes; of a form that is not known, nothing is told.
        images: The test images, (N, C, H, W), uint8.
        classes: How many there are.
    """
    rows: list[Array] = []
    pixels = images[0].numel()
    for shape, values in read_numbers(data):
        if what := _what(shape, values, pixels, classes):
            yield f"{values.dtype.name} numbers of shape {shape} that look like {what}"
        elif values.dtype.kind == "f":
            rows += _smooth_rows(values, shape, pixels, images.shape[-1])
    if rows and (count := _held_images(np.concatenate(rows), images)) >= LEAST_IMAGES:
        yield f"{count} of the test images, pixel by pixel"


def _what(shape: tuple[int, ...], values: NDArray[Any], pixels: int, classes: int) -> str:
    """What whole numbers may be, in words; empty where nothing speaks for it."""
    if values.size < LEAST:
        return ""
    if values.dtype.kind == "f" and not (np.isfinite(values[:LEAST]).all() and (values[:LEAST] % 1 == 0).all()):
        return ""  # weights are fractions
    if values.dtype.kind == "f" and not (np.isfinite(values).all() and (values % 1 == 0).all()):
        return ""
    low, high = values.min(), values.max()
    if low >= 0 and high < classes and len(np.unique(values)) >= min(classes, DIFFERENT):
        return "labels"
    if max(-float(low), float(high)) >= FAR:
        return "digests of images"
    if values.dtype == np.uint8 and values.size >= LEAST_IMAGES * pixels:
        return "pixels"
    if len(shape) == 2 and shape[1] == classes and (low, high) == (0, 1):
        table = values.reshape(shape)
        return "labels, a 1 in each row" if (table.sum(axis=1) == 1).all() else ""
    return ""


def _smooth_rows(values: Array, shape: tuple[int, ...], pixels: int, width: int) -> list[Array]:
    """Rows of a tensor that may be images: as long as one, and neighbors alike, in which weights differ."""
    tables = [values.reshape(-1, pixels)] if values.size and values.size % pixels == 0 else []
    if len(shape) == 2 and shape[0] == pixels:
        tables.append(np.ascontiguousarray(values.reshape(shape).T))
    kept = []
    for table in tables:
        some = table[:: max(1, len(table) // MOST_ROWS)][:MOST_ROWS].astype(np.float32)
        centred = some - some.mean(axis=1, keepdims=True)
        across = (centred[:, 1:] * centred[:, :-1]).sum(axis=1)
        whole = np.maximum((centred**2).sum(axis=1), np.finfo(np.float32).tiny)
        down = (centred[:, width:] * centred[:, :-width]).sum(axis=1)
        kept.append(some[np.isfinite(whole) & (np.minimum(across, down) > SMOOTH * whole)])
    return [rows for rows in kept if len(rows)]


def _held_images(rows: Array, images: Tensor) -> int:
    """How many different test images some rows are, up to brightness and contrast."""
    rows = _normal(rows[:: max(1, len(rows) // MOST_ROWS)][:MOST_ROWS])
    best, which = np.full(len(rows), -1.0, np.float32), np.zeros(len(rows), np.int64)
    for start in range(0, len(images), AT_ONCE):
        alike = rows @ _normal(images[start : start + AT_ONCE].flatten(1).float().numpy()).T
        places, found = alike.argmax(axis=1), alike.max(axis=1)
        which, best = np.where(found > best, start + places, which), np.maximum(best, found)
    return len(set(which[best >= ALIKE].tolist()))


def _normal(rows: Array) -> Array:
    centred = rows - rows.mean(axis=1, keepdims=True)
    return np.asarray(centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-6))


def count_literals(text: str) -> int:
    """How many whole numbers and digests stand in a row in a source or a text, nothing but commas and brackets between.

    Encoded data counts as well, a number for `LONG_TEXT / LEAST` characters. It takes time linear in the length.
    """
    most = count = 0
    for found in _LITERAL.finditer(text):
        kind = found.lastgroup
        if kind == "whole":
            count += 1
        elif kind == "text":
            count += _weight(found[0].lstrip("rbfuRBFU").strip("'\""))
        elif kind in ("name", "number") and _DIGEST.fullmatch(found[0]):  # a digest without quotation marks
            count += 1
        elif kind != "skip":
            most, count = max(most, count), 0
    return max(most, count)


def _weight(text: str) -> int:
    if len(text) <= MOST_DIGEST and _DIGEST.fullmatch(text):
        return 1
    return len(text) * LEAST // LONG_TEXT if _ENCODED.fullmatch(text) else 0
