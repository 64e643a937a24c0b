"""What a normalising function makes of a range of values: input against grey value, and the greys themselves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from grader.figures import style
from grader.figures.picture import FigureError, Picture, as_svg, new_figure
from grader.figures.sides import PREFIXES
from grader.figures.style import REFERENCE, STUDENT, Owner
from grader.records import Array, Exhibit

WIDTH_MM, HEIGHT_MM = 75.5, 56.0  # half a page: it stands beside the filters
MOST = 64  # steps of the strip
LEFT, RIGHT = 0.185, 0.965


def draw(exhibit: Exhibit) -> Picture:
    """Draw `student_input`, `student_output` and `reference_output`: (k,) each, output in grey values 0..255.

    Of the reference alone: `reference_input` and `reference_output`.

    Raises:
        FigureError: If one is missing or they are not equally long vectors.
    """
    alone = "reference_input" in exhibit.arrays
    owners = [REFERENCE] if alone else [STUDENT, REFERENCE]
    names = ["reference_input" if alone else "student_input", *(f"{PREFIXES[owner.name]}output" for owner in owners)]
    if missing := [name for name in names if name not in exhibit.arrays]:
        raise FigureError(f"{missing[0]} is missing")
    values, *outputs = (np.asarray(exhibit.arrays[name], dtype=float).ravel() for name in names)
    if not len(values) or any(len(output) != len(values) for output in outputs):
        raise FigureError("input and output are not equally long")
    order = np.argsort(values, kind="stable")
    values, lines = values[order], [(owner, output[order]) for owner, output in zip(owners, outputs, strict=True)]
    figure = new_figure(WIDTH_MM, HEIGHT_MM)
    _lines(figure, values, lines)
    for i, (owner, output) in enumerate(reversed(lines)):
        _strip(figure, owner, values, output, 0.005 + 0.075 * i)
    return as_svg(figure, alt=_alt(lines), caption=exhibit.caption)


def _lines(figure: Figure, values: Array, lines: Sequence[tuple[Owner, Array]]) -> None:
    """The reference is the broad line below, the student's the thin one on top: both show when they are equal."""
    axes = figure.add_axes((LEFT, 0.335, RIGHT - LEFT, 0.52))
    every = max(1, len(values) // 16)
    for owner, output in reversed(lines):
        size = 3.2 if owner is STUDENT else 4.2
        axes.plot(values, output, color=owner.color, linestyle=owner.dashes, linewidth=owner.width,
                  marker=owner.marker, ms=size, markevery=every, label=owner.name)  # fmt: skip
    low = min(0.0, *(float(output.min()) for _, output in lines))
    high = max(255.0, *(float(output.max()) for _, output in lines))
    margin = (high - low) * 0.05
    axes.set_ylim(low - margin, high + margin)
    if low == 0 and high == 255:
        axes.set_yticks([0, 64, 128, 192, 255])
    _match_strip(axes, values)
    axes.set_ylabel("Grey value")
    axes.set_xlabel("Input value", loc="right", labelpad=1)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    style.rule_grid(axes)
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles[::-1], names[::-1], loc="upper left", bbox_to_anchor=(LEFT - 0.02, 1.01), ncols=2,
                  frameon=False, handlelength=3.2)  # fmt: skip


def _match_strip(axes: Axes, values: Array) -> None:
    """Each step of the strip stands below its input value when the values are evenly spaced."""
    low, high = float(values[0]), float(values[-1])
    half = (high - low) / max(2 * (len(values) - 1), 1) or 0.5
    axes.set_xlim(low - half, high + half)


def _strip(figure: Figure, owner: Owner, values: Array, output: Array, bottom: float) -> None:
    axes: Axes = figure.add_axes((LEFT, bottom, RIGHT - LEFT, 0.06))
    chosen = np.linspace(0, len(values) - 1, min(MOST, len(values))).round().astype(int)
    for i, grey in enumerate(np.clip(output[chosen], 0, 255) / 255):
        shade = (grey, grey, grey)
        axes.add_patch(Rectangle((i, 0), 1, 1, facecolor=shade, edgecolor=shade, linewidth=0.2))
    axes.set(xlim=(0, len(chosen)), ylim=(0, 1))
    style.no_axes(axes)
    axes.text(-0.018, 0.5, owner.name, ha="right", va="center", color=owner.text, transform=axes.transAxes)


def _alt(lines: Sequence[tuple[Owner, Array]]) -> str:
    whose = {STUDENT.name: "The student's", REFERENCE.name: "The reference's"}
    told = [f"{whose[owner.name]} output runs from {output.min():g} to {output.max():g}." for owner, output in lines]
    far = float(np.abs(lines[0][1] - lines[-1][1]).max())
    told += [f"They differ by at most {far:g}."] if len(lines) > 1 else []
    return " ".join(["Grey value against input value.", *told])
