"""Confusion matrix: true classes down, predicted classes across, a count in each cell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.patches import Rectangle

from grader.figures import style
from grader.figures.picture import FigureError, Picture, as_svg, new_figure
from grader.figures.style import REFERENCE, STUDENT, Owner
from grader.records import Array, Exhibit

MOST = 20  # classes; more cells could not be read in print
LABELS_MM = 24.0
FOOT_MM = 18.5
NAMES = ((STUDENT, "student_counts"), (REFERENCE, "reference_counts"))
SHADES: dict[str, Colormap] = {STUDENT.name: style.STUDENT_SHADES, REFERENCE.name: style.REFERENCE_SHADES}


def draw(exhibit: Exhibit) -> Picture:
    """Draw `student_counts` and `reference_counts`, or one of them: (K, K) int, rows true; facts: `classes`, K names.

    Raises:
        FigureError: If the counts are missing, not square or don't fit the class names.
    """
    panels = [(owner, exhibit.arrays[name]) for owner, name in NAMES if name in exhibit.arrays]
    if not panels:
        raise FigureError("the counts are missing")
    classes = [style.label(name, 14) for name in exhibit.facts.get("classes", range(len(panels[0][1])))]
    side = 55.0 if len(panels) > 1 else 80.0
    width = LABELS_MM + len(panels) * side + (len(panels) - 1) * 5 + 1
    height = side + 7 + FOOT_MM
    figure = new_figure(width, height)
    for i, (owner, counts) in enumerate(panels):
        _check(counts, classes)
        left = LABELS_MM + i * (side + 5)
        axes = figure.add_axes((left / width, FOOT_MM / height, side / width, side / height))
        _matrix(axes, counts, owner, classes, rows=i == 0)
    return as_svg(figure, alt=_alt(panels, classes), caption=exhibit.caption)


def _check(counts: Array, classes: Sequence[str]) -> None:
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise FigureError("the counts are not a square table")
    if len(counts) != len(classes):
        raise FigureError(f"there are {len(counts)} rows of counts for {len(classes)} classes")
    if not 1 <= len(counts) <= MOST:
        raise FigureError(f"a table of {len(counts)} classes can't be read")


def _matrix(axes: Axes, counts: Array, owner: Owner, classes: Sequence[str], *, rows: bool) -> None:
    """Shade is the share of the true class, so a rare class is as visible as a common one; zeros stay empty."""
    k = len(counts)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    for i, j in np.ndindex(k, k):
        face = SHADES[owner.name](float(np.clip(shares[i, j], 0, 1)) ** 0.6)
        axes.add_patch(Rectangle((j, i), 1, 1, facecolor=face, edgecolor="#eae5de", linewidth=0.4))
        if counts[i, j]:
            color = style.PAPER if shares[i, j] > 0.25 else style.INK
            weight = "bold" if i == j else "regular"
            size = 6.2 if k <= 10 else 5.0
            axes.text(j + 0.5, i + 0.5, str(int(counts[i, j])), ha="center", va="center_baseline", color=color,
                      fontsize=size, fontweight=weight)  # fmt: skip
    axes.set(xlim=(0, k), ylim=(k, 0))
    style.no_axes(axes)
    axes.tick_params(length=0, labelsize=6.8)
    axes.set_xticks(np.arange(k) + 0.5, classes, rotation=90)
    axes.set_yticks(np.arange(k) + 0.5, classes if rows else [""] * k)
    axes.set_title(f"{owner.name}: {style.percent(np.trace(counts) / max(counts.sum(), 1))} right", color=owner.text)
    axes.set_xlabel("What the network said", loc="left")
    if rows:
        axes.set_ylabel("What it is", loc="top")


def _alt(panels: Sequence[tuple[Owner, Array]], classes: Sequence[str]) -> str:
    parts = ["Confusion matrix, true classes down and predicted classes across."]
    for owner, counts in panels:
        wrong = counts * (1 - np.eye(len(counts), dtype=int))
        i, j = divmod(int(wrong.argmax()), len(classes))
        right = style.percent(np.trace(counts) / max(counts.sum(), 1))
        parts.append(f"{owner.name}: {right} right; most often confused: {classes[i]} taken for {classes[j]}, "
                     f"{int(wrong[i, j])} times.")  # fmt: skip
    return " ".join(parts)
