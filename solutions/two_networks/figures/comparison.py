"""The two networks beside each other: a row per measure and network, yours and the reference's as dots and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes

from grader.figures import style
from grader.figures.picture import FigureError, Picture, as_svg, new_figure
from grader.figures.sides import problem_of
from grader.figures.style import REFERENCE, STUDENT, Owner
from grader.records import Exhibit

MOST = 8  # measures
NETWORKS = (("supervised", "supervised network"), ("rotation", "rotation network"))
LEFT_MM, COLUMN_MM, HEAD_MM, TITLE_MM, ROW_MM, APART_MM, FOOT_MM = 37.0, 20.0, 7.0, 5.6, 6.4, 3.0, 3.5
PIXELS = "raw pixels"
NOT_ASKED = "not asked of this network"


@dataclass(frozen=True)
class Row:
    """One line: a network (or the pixels alone), and what it reaches, in [0, 1]; None where it has no such number."""

    name: str
    values: Mapping[str, float | None]  # by owner's name


@dataclass(frozen=True)
class Measure:
    """One thing that is measured."""

    name: str
    rows: tuple[Row, ...]
    chance: float | None


def draw(exhibit: Exhibit) -> Picture:
    """Draw the fact `rows`: [{measure, student_supervised, ..., reference_rotation, pixels, chance}].

    Values are fractions or None; those of an owner that has none at all are left out.

    Raises:
        FigureError: If there is no row, or a value is no fraction.
    """
    rows = [dict(row) for row in list(exhibit.facts.get("rows", ()))[:MOST]]
    owners = [owner for owner, prefix in ((STUDENT, "student_"), (REFERENCE, "reference_"))
              if any(name.startswith(prefix) for row in rows for name in row)]  # fmt: skip
    measures = [_measure(row, owners) for row in rows]
    if not measures or not owners:
        raise FigureError("there is nothing to compare")
    lines = sum(len(measure.rows) for measure in measures)
    height = HEAD_MM + len(measures) * (TITLE_MM + APART_MM) + lines * ROW_MM + FOOT_MM
    wide = style.TEXT_WIDTH_MM - LEFT_MM - len(owners) * COLUMN_MM - 3
    figure = new_figure(style.TEXT_WIDTH_MM, height)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, style.TEXT_WIDTH_MM), ylim=(height, 0))  # millimetres, from the upper left corner
    axes.set_axis_off()
    _write_heads(axes, owners, wide)
    top = HEAD_MM
    for measure in measures:
        top = _draw_measure(axes, measure, owners, top, wide)
    _write_scale(axes, top, wide)
    return as_svg(figure, alt=_alt(measures, owners, problem_of(exhibit)), caption=exhibit.caption)


def _measure(row: Mapping[str, Any], owners: Sequence[Owner]) -> Measure:
    prefixes = {STUDENT.name: "student_", REFERENCE.name: "reference_"}
    rows = [Row(words, {owner.name: _fraction(row.get(prefixes[owner.name] + network)) for owner in owners})
            for network, words in NETWORKS]  # fmt: skip
    if (pixels := _fraction(row.get("pixels"))) is not None:
        rows.append(Row(PIXELS, {owners[-1].name: pixels}))
    return Measure(style.label(row.get("measure", ""), 60), tuple(rows), _fraction(row.get("chance")))


def _fraction(value: object) -> float | None:
    if value is None:
        return None
    number = float(value)  # type: ignore[arg-type]  # raises for anything that is no number, and is caught above
    if not -1e-6 <= number <= 1 + 1e-6:  # also true of NaN
        raise FigureError("a share is not between 0 and 1")
    return min(max(number, 0.0), 1.0)


def _column(owners: Sequence[Owner], i: int) -> float:
    """Right edge of an owner's column of numbers."""
    return style.TEXT_WIDTH_MM - (len(owners) - 1 - i) * COLUMN_MM


def _write_heads(axes: Axes, owners: Sequence[Owner], wide: float) -> None:
    for i, owner in enumerate(owners):
        right = _column(owners, i)
        axes.text(right, 2.4, owner.name, color=owner.text, fontweight="bold", ha="right", va="center")
        mark = right - (15.4 if owner is REFERENCE else 10.2)  # before the word
        axes.plot([mark], [2.4], color=owner.color, marker=owner.marker, ms=4.5)
    axes.text(LEFT_MM + wide, 2.4, "better →", color=style.MUTED, fontsize=7, ha="right", va="center")


def _draw_measure(axes: Axes, measure: Measure, owners: Sequence[Owner], top: float, wide: float) -> float:
    """One measure's heading and rows; returns where the next begins."""
    axes.plot([0, style.TEXT_WIDTH_MM], [top, top], color=style.RULE, linewidth=0.5)
    title = measure.name[:1].upper() + measure.name[1:]
    middle = top + TITLE_MM / 2 + 0.6
    axes.text(0, middle, title, fontweight="bold", fontsize=8.5, va="center")
    first = top + TITLE_MM
    last = first + len(measure.rows) * ROW_MM
    for tick in (0, 0.25, 0.5, 0.75, 1):
        axes.plot([LEFT_MM + tick * wide] * 2, [first, last], color="#e9e4dd", linewidth=0.5, zorder=0)
    if measure.chance is not None:
        x = LEFT_MM + measure.chance * wide
        axes.plot([x, x], [first - 0.6, last], color=style.INK, linestyle=(0, (1, 1.6)), linewidth=0.9, zorder=1)
        axes.text(LEFT_MM + wide, middle, f"dotted: chance, {style.percent(measure.chance, 0)}", color=style.MUTED,
                  fontsize=7, ha="right", va="center")  # fmt: skip
    for i, row in enumerate(measure.rows):
        _draw_row(axes, row, owners, first + (i + 0.5) * ROW_MM, wide)
    return last + APART_MM


def _draw_row(axes: Axes, row: Row, owners: Sequence[Owner], y: float, wide: float) -> None:
    """The reference's bar is the broad pale one below: where the two are equal, both show."""
    axes.text(2.6, y, row.name, va="center", color=style.INK)
    known = [(owner, value) for owner in owners if (value := row.values.get(owner.name)) is not None]
    if not known:
        axes.text(LEFT_MM + 1.2, y, NOT_ASKED, va="center", color=style.MUTED, fontsize=7,
                  bbox={"facecolor": style.PAPER, "edgecolor": "none", "pad": 1})  # fmt: skip
    for owner, value in reversed(known):
        is_pixels = row.name == PIXELS
        color = style.MUTED if is_pixels else owner.color
        offset = 0.0 if len(known) == 1 else -1.1 if owner is STUDENT else 1.1
        axes.plot([LEFT_MM, LEFT_MM + value * wide], [y + offset] * 2, color=color, linewidth=1.1,
                  linestyle="solid" if is_pixels else owner.dashes, solid_capstyle="butt")  # fmt: skip
        axes.plot([LEFT_MM + value * wide], [y + offset], color=color, marker="D" if is_pixels else owner.marker, ms=5)
    for i, owner in enumerate(owners):
        if owner.name in row.values and known:
            value = row.values[owner.name]
            text = "–" if value is None else style.percent(value)
            axes.text(_column(owners, i), y, text, ha="right", va="center", fontsize=8.5,
                      color=style.MUTED if value is None or row.name == PIXELS else owner.text)  # fmt: skip


def _write_scale(axes: Axes, top: float, wide: float) -> None:
    for tick in (0, 0.25, 0.5, 0.75, 1):
        axes.text(LEFT_MM + tick * wide, top - APART_MM + 1, style.percent(tick, 0), ha="center", va="top",
                  color=style.MUTED, fontsize=7)  # fmt: skip


def _alt(measures: Sequence[Measure], owners: Sequence[Owner], problem: str) -> str:
    parts = ["The two networks beside each other."]
    for measure in measures:
        told = [words for row in measure.rows if (words := _told(row, owners))]
        told += [f"chance {style.percent(measure.chance)}"] if measure.chance is not None else []
        parts.append(f"{measure.name[:1].upper()}{measure.name[1:]}: {'; '.join(told) or 'not known'}.")
    return " ".join([*parts, *([f"Yours: {problem}"] if problem else [])])


def _told(row: Row, owners: Sequence[Owner]) -> str:
    values = [(owner, value) for owner in owners if (value := row.values.get(owner.name)) is not None]
    whose = ["" if row.name == PIXELS else f"{owner.name.lower()} " for owner, _ in values]
    listed = ", ".join(name + style.percent(value) for name, (_, value) in zip(whose, values, strict=True))
    return f"{row.name} {listed}" if values else ""
