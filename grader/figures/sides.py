"""Whose data a figure shows: the student's beside the reference's, or a sentence where the student's would be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

import numpy as np

from grader.figures import style
from grader.figures.picture import FigureError
from grader.figures.style import REFERENCE, STUDENT, Owner
from grader.records import Array, Exhibit

T = TypeVar("T")

PREFIXES = {STUDENT.name: "student_", REFERENCE.name: "reference_"}


@dataclass(frozen=True)
class Side(Generic[T]):
    """What one owner has to show.

    Attributes:
        owner: Whose it is.
        data: What is drawn; None when there is nothing that could be.
        problem: Then a sentence that says why.
    """

    owner: Owner
    data: T | None
    problem: str = ""


def sides_of(exhibit: Exhibit, read: Callable[[str], T]) -> list[Side[T]]:
    """What the student and the reference have to show, the student first; an owner without any array is left out.

    A student's arrays that are of a wrong form become a sentence, and so does the fact `problem` where there are none:
    the reference's are drawn all the same.

    Args:
        exhibit: What to draw.
        read: Takes the prefix of an owner's arrays, "student_" or "reference_"; returns what is drawn.

    Raises:
        FigureError: If there is nothing of either, or if the reference's is of a wrong form.
    """
    found: list[Side[T]] = []
    for owner in (STUDENT, REFERENCE):
        prefix = PREFIXES[owner.name]
        if any(name.startswith(prefix) for name in exhibit.arrays):
            found.append(_read(owner, partial(read, prefix)))
        elif owner is STUDENT and (problem := problem_of(exhibit)):
            found.append(Side(owner, None, problem))
    if all(side.data is None for side in found):
        raise FigureError(found[0].problem.rstrip(".") if found else "its data are missing")
    return found


def side_of(exhibit: Exhibit, owner: Owner, name: str, read: Callable[[Array], T]) -> Side[T] | None:
    """The same for one array of one owner; None when the owner has no part in this figure.

    Args:
        exhibit: What to draw.
        owner: Whose array.
        name: Its name without the prefix.
        read: Takes the array; returns what is drawn.
    """
    prefix = PREFIXES[owner.name]
    if prefix + name in exhibit.arrays:
        return _read(owner, lambda: read(np.asarray(exhibit.arrays[prefix + name])))
    problem = problem_of(exhibit)
    if owner is STUDENT and (problem or any(each.startswith(prefix) for each in exhibit.arrays)):
        return Side(owner, None, problem or "There is nothing of yours to show.")
    return None


def _read(owner: Owner, read: Callable[[], T]) -> Side[T]:
    try:
        return Side(owner, read())
    except (ValueError, LookupError, TypeError, OverflowError) as error:
        if owner is REFERENCE:
            raise
        reason = str(error) if isinstance(error, FigureError) else "it does not have the form that is needed"
        return Side(owner, None, f"Yours can't be shown: {reason}.")


def problem_of(exhibit: Exhibit) -> str:
    """Why there is nothing of the student's, in a sentence; empty when nothing is known to be wrong."""
    return style.label(exhibit.facts.get("problem") or "", 300)


def images_of(arrays: Mapping[str, Array], name: str, most: int) -> Array:
    """Colour images, at most so many.

    Returns:
        (n, h, w, 3), uint8; what is not finite is black.

    Raises:
        FigureError: If they are missing, none, or no color images.
    """
    images = np.asarray(arrays.get(name, ()))
    if images.ndim != 4 or images.shape[-1] != 3 or 0 in images.shape:
        raise FigureError("the images are missing or no color images")
    return as_pixels(images[:most])


def as_pixels(values: Array) -> Array:
    """Any numbers as uint8: cut at 0 and 255; what is not finite is black."""
    if values.dtype == np.uint8:
        return values
    finite = np.nan_to_num(values.astype(float), nan=0.0, posinf=255.0, neginf=0.0)
    pixels: Array = np.clip(finite, 0, 255).astype(np.uint8)
    return pixels


def numbers_of(arrays: Mapping[str, Array], name: str, shape: tuple[int, ...], words: str) -> Array:
    """Finite numbers of that shape, float; extra dimensions of size 1 are dropped, what is too many is left out.

    Args:
        arrays: Of the exhibit.
        name: Which.
        shape: What is needed.
        words: What to call them in a sentence.

    Raises:
        FigureError: If they are missing, of another shape, or not finite.
    """
    values = np.asarray(arrays.get(name, ()))
    if values.ndim != len(shape):
        values = values.squeeze()
    if values.ndim != len(shape) or any(got < need for got, need in zip(values.shape, shape, strict=True)):
        raise FigureError(f"{words} are missing or not {' x '.join(map(str, shape))}")
    cut = values[tuple(slice(need) for need in shape)].astype(float)
    if not np.isfinite(cut).all():
        raise FigureError(f"{words} hold values that are not finite numbers")
    return cut


def class_name(classes: Sequence[object], index: float, limit: int = 24) -> str:
    """The name of a class; of one that there is not, its number."""
    whole = int(index)
    return style.label(classes[whole], limit) if 0 <= whole < len(classes) else f"class {whole}"
