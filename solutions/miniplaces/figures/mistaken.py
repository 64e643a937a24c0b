"""The images that a network gets wrong with the greatest confidence, the student's or the reference's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from grader.figures import style
from grader.figures.picture import FigureError, Picture, as_png, new_figure
from grader.figures.style import REFERENCE, STUDENT, Owner
from grader.records import Array, Exhibit

MOST = 20
COLUMNS = 5
GAP_MM = 5.0
LINE_MM = 3.6
NAMES = ("images", "predicted", "labels", "confidence")


@dataclass(frozen=True)
class Mistake:
    """One image with its lines: what was said, what it is, and where it comes from, if known."""

    image: Array
    said: str
    sure: str
    truth: str
    source: str


def draw(exhibit: Exhibit) -> Picture:
    """Draw `student_images`, (n, H, W) or (n, H, W, 3) uint8, with what was said and what they are.

    Arrays `student_predicted` and `student_labels`, (n,) int, index the fact `classes`; `student_confidence`, (n,), is
    in [0, 1]. The optional fact `shown_as` holds one more line for each image. All may start with `reference_` instead.

    Raises:
        FigureError: If an array is missing or they don't go together.
    """
    owner = REFERENCE if "reference_images" in exhibit.arrays else STUDENT
    mistakes = _read(exhibit, "reference_" if owner is REFERENCE else "student_")
    columns = min(COLUMNS, len(mistakes))
    rows = math.ceil(len(mistakes) / columns)
    side = (style.TEXT_WIDTH_MM - (COLUMNS - 1) * GAP_MM) / COLUMNS
    tall = side * mistakes[0].image.shape[0] / mistakes[0].image.shape[1]
    text = LINE_MM * (3.4 if any(mistake.source for mistake in mistakes) else 2.4) + 2
    width, height = columns * side + (columns - 1) * GAP_MM, rows * (tall + text)
    figure = new_figure(width, height)
    for i, mistake in enumerate(mistakes):
        left, top = (i % columns) * (side + GAP_MM), (i // columns) * (tall + text)
        axes = figure.add_axes((left / width, 1 - (top + tall) / height, side / width, tall / height))
        axes.imshow(mistake.image, cmap="gray", vmin=0, vmax=255, interpolation="nearest", aspect="auto")
        style.no_axes(axes)
        _write_below(axes, mistake, owner, LINE_MM / tall)
    return as_png(figure, alt=_alt(mistakes, owner), caption=exhibit.caption)


def _read(exhibit: Exhibit, prefix: str) -> list[Mistake]:
    if missing := [name for name in NAMES if prefix + name not in exhibit.arrays]:
        raise FigureError(f"{missing[0]} are missing")
    images, predicted, labels, confidence = (np.asarray(exhibit.arrays[prefix + name])[:MOST] for name in NAMES)
    if images.ndim not in (3, 4) or 0 in images.shape:
        raise FigureError("there are no images to show")
    if not len(images) == len(predicted) == len(labels) == len(confidence):
        raise FigureError("images, predictions and labels are not equally many")
    classes = [style.label(name, 16) for name in exhibit.facts["classes"]]
    sources = [style.label(text, 24) for text in exhibit.facts.get("shown_as", ())]
    sources += [""] * (len(images) - len(sources))
    return [
        Mistake(image, _name(classes, said), style.percent(float(sure)), _name(classes, truth), source)
        for image, said, truth, sure, source in zip(images, predicted, labels, confidence, sources, strict=False)
    ]


def _name(classes: Sequence[str], index: Array) -> str:
    return classes[int(index)] if 0 <= int(index) < len(classes) else f"class {int(index)}"


def _write_below(axes: Axes, mistake: Mistake, owner: Owner, line: float) -> None:
    """Three lines at most; `line` is their distance in parts of the image's height."""
    lines = (
        (mistake.said, owner.text, "bold"),
        (f"is {mistake.truth}", style.INK, "regular"),
        (mistake.source, style.MUTED, "regular"),
    )
    for i, (text, color, weight) in enumerate(lines):
        axes.text(0, -line * (i + 0.35), text, color=color, fontweight=weight, va="top", transform=axes.transAxes)
    axes.text(1, -line * 0.35, mistake.sure, color=style.MUTED, ha="right", va="top", transform=axes.transAxes)


def _alt(mistakes: Sequence[Mistake], owner: Owner) -> str:
    whose = "reference" if owner is REFERENCE else "student's"
    listed = "; ".join(f"{mistake.said} ({mistake.sure} sure), is {mistake.truth}" for mistake in mistakes)
    return f"{len(mistakes)} images that the {whose} network gets wrong: {listed}."
