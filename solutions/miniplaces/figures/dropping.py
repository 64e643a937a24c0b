"""Probability of the top class against the number of dropped units, and where each side says that the class changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from grader.figures import style
from grader.figures.picture import FigureError, Picture, as_svg, new_figure
from grader.figures.style import REFERENCE, STUDENT, Owner
from grader.records import Array, Exhibit

HEIGHT_MM = 66.0
LEFT, RIGHT, BOTTOM, TOP = 0.075, 0.79, 0.15, 0.81
LETTER = 1.42 / (style.TEXT_WIDTH_MM * (RIGHT - LEFT))  # of a label, in parts of the axes' width
MOST_DOTS = 40  # units; with more of them, a dot on each would be a thick line
RUNNER_UP: dict[str, Any] = {"color": style.MUTED, "linestyle": (0, (1, 1.4)), "linewidth": 1.4, "marker": "^"}


@dataclass(frozen=True)
class Count:
    """What one side says: after how many dropped units the top class changes first; None: it never does."""

    owner: Owner
    units: int | None
    shown: float | None  # where its line stands; a count beyond the curve stands at its end

    @property
    def words(self) -> str:
        """The label of its line."""
        if self.units is None:
            return f"{self.owner.name}: never changes"
        beyond = self.shown is not None and self.shown != self.units
        number = str(self.units) if abs(self.units) < 1_000_000 else f"{self.units:.1e}"
        return f"{self.owner.name}: {number} unit{'s' * (self.units != 1)}{', beyond the curve' * beyond}"


def draw(exhibit: Exhibit) -> Picture:
    """Draw `reference_probability` and `reference_runner_up`: (n + 1,) each, after dropping 0..n units.

    Facts: `student_count` and `reference_count`, or one of them, ints or None for "never changes"; `label`, name of
    the top class.

    Raises:
        FigureError: If a curve is missing, the two differ in length, or hold no fractions.
    """
    top, other = (_curve(exhibit, name) for name in ("reference_probability", "reference_runner_up"))
    if len(top) != len(other):
        raise FigureError("the two curves are not equally long")
    last = len(top) - 1
    counts = [_count(owner, exhibit.facts.get(name), last)
              for owner, name in ((STUDENT, "student_count"), (REFERENCE, "reference_count"))
              if name in exhibit.facts]  # fmt: skip
    label = style.fit(exhibit.facts.get("label", "top class"), 24)
    figure = new_figure(style.TEXT_WIDTH_MM, HEIGHT_MM)
    axes = figure.add_axes((LEFT, BOTTOM, RIGHT - LEFT, TOP - BOTTOM))
    every = 1 if last <= MOST_DOTS else last + 1
    dots: dict[str, Any] = {"ms": 3.2, "markevery": every}
    axes.plot(other, **RUNNER_UP, **dots)
    axes.plot(top, color=REFERENCE.color, linewidth=1.8, marker=REFERENCE.marker, **dots)
    _scales(axes, last, max(float(top.max()), float(other.max())))
    for i, (count, height) in enumerate(zip(counts, (1.17, 1.065), strict=False)):
        _mark(axes, count, height, leftwards=i == 1 and (counts[0].shown or 0) > (count.shown or 0))
    _names(axes, (float(top[-1]), float(other[-1])), (f"{label}\n(top class)", "best of\nthe others"))
    return as_svg(figure, alt=_alt(top, other, counts, label), caption=exhibit.caption)


def _curve(exhibit: Exhibit, name: str) -> Array:
    curve = np.asarray(exhibit.arrays.get(name, ()), dtype=float)
    if curve.ndim != 1 or not len(curve):
        raise FigureError("a curve of probabilities is missing")
    if not ((curve >= -1e-6) & (curve <= 1 + 1e-6)).all():
        raise FigureError("a probability is not between 0 and 1")
    return curve


def _count(owner: Owner, units: object, last: int) -> Count:
    if units is None:
        return Count(owner, None, None)
    if isinstance(units, bool) or not isinstance(units, int):
        raise FigureError("a count of units is not a whole number")
    return Count(owner, units, float(min(max(units, 0), last)))


def _scales(axes: Axes, last: int, highest: float) -> None:
    margin = max(last, 1) * 0.02
    axes.set(xlim=(-margin, max(last, 1) + margin), ylim=(0, max(highest, 1e-9) * 1.08))
    axes.set_xlabel("Units dropped, largest weight first", loc="left")
    axes.set_ylabel("Probability", loc="top")
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.4g}%"))
    style.rule_grid(axes)


def _mark(axes: Axes, count: Count, height: float, *, leftwards: bool) -> None:
    """A line up to the owner's own row above the axes: two labels never meet, even where the counts coincide.

    Args:
        axes: Where to draw.
        count: What to mark.
        height: The owner's row, in parts of the axes' height.
        leftwards: Whether the label stands at the left of its line where there is room, out of the way of the other.
    """
    behind = {"facecolor": style.PAPER, "edgecolor": "none", "pad": 1.2}  # the other's line may cross the label
    beside: dict[str, Any] = {
        "va": "center",
        "color": count.owner.text,
        "fontweight": "bold",
        "bbox": behind,
        "transform": axes.transAxes,
    }
    if count.shown is None:
        axes.text(1, height, count.words, ha="right", **beside)
        return
    low, high = axes.get_xlim()
    x = (count.shown - low) / (high - low)
    # The reference's line is the broad one below: where they coincide, both show.
    width, size, order = (3.6, 6.5, 2.1) if count.owner is REFERENCE else (1.3, 4.0, 2.2)
    axes.plot([x, x, x], [0, 0, height], color=count.owner.color, linestyle=count.owner.dashes, linewidth=width,
              zorder=order, transform=axes.transAxes, clip_on=False)  # fmt: skip
    axes.plot([x], [height], color=count.owner.color, marker=count.owner.marker, ms=size, zorder=order,
              transform=axes.transAxes, clip_on=False)  # fmt: skip
    long = len(count.words) * LETTER + 0.03
    left = (leftwards and x - long > 0) or x + long > 1.2
    axes.text(x + (-0.018 if left else 0.018), height, count.words, ha="right" if left else "left", **beside)


def _names(axes: Axes, ends: Sequence[float], names: Sequence[str]) -> None:
    """Each line's name in the right margin, beside its end."""
    top = axes.get_ylim()[1]
    places = style.spread([end / top for end in ends], 0.19, 0.05, 0.97)
    for end, place, name, color in zip(ends, places, names, (REFERENCE.text, style.MUTED), strict=True):
        axes.text(1.045, place, name, color=color, va="center", linespacing=1.25, transform=axes.transAxes)
        axes.plot([0.985, 1.035], [end / top, place], color=color, linewidth=0.6, transform=axes.transAxes,
                  clip_on=False)  # fmt: skip


def _alt(top: Array, other: Array, counts: Sequence[Count], label: str) -> str:
    said = "; ".join(count.words for count in counts)
    return (
        f"Probability of {label}, the top class, while 0 to {len(top) - 1} units are dropped: from "
        f"{style.percent(top[0])} to {style.percent(top[-1])}; the best other class from {style.percent(other[0])} to "
        f"{style.percent(other[-1])}. First change of the top class: {said}."
    )
