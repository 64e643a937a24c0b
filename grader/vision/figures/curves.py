"""Training curves: loss and accuracy over the epochs, the chosen epoch, and where a student's network stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from grader.figures import style
from grader.figures.picture import FigureError, Picture, as_svg, new_figure
from grader.figures.style import REFERENCE, STUDENT, Owner
from grader.figures.thumbnail import Accuracy
from grader.records import Array, Exhibit

HEIGHT_MM = 64.0
MOST_EPOCHS = 2000
MOST_SERIES = 3
NAMES_MM = 26.0  # room for the names of lines in the right margin
PARTS = (("val", "validation"), ("train", "training"))


@dataclass(frozen=True)
class Marker:
    """A horizontal line with its name in the right margin."""

    name: str
    height: float
    color: str
    dashes: Any
    width: float
    ink: str  # of its name


def draw(exhibit: Exhibit) -> Picture:
    """Draw `facts`: `series` [{label, epochs, train_loss, ...}], and optionally `best_epoch`, `lines`, `threshold`.

    `best_epoch` is a number on the epochs' axis; `lines` are [{label, accuracy}] with accuracies in [0, 1]. A series
    may lack any of its four lists; what is labeled "Reference" is drawn as the reference, the rest as the student's.
    Numbers that are not finite are gaps in a curve.

    Raises:
        FigureError: If there is no series, or one that is no list of numbers.
    """
    series = list(exhibit.facts.get("series", ()))[:MOST_SERIES]
    if not series:
        raise FigureError("there are no curves to show")
    marks = _marks(exhibit.facts)
    figure = new_figure(style.TEXT_WIDTH_MM, HEIGHT_MM)
    loss = figure.add_axes((0.055, 0.145, 0.345, 0.64))
    accuracy = figure.add_axes((0.475, 0.145, 0.335, 0.64))
    _panel(loss, series, "loss", "Loss")
    _panel(accuracy, series, "accuracy", "Accuracy")
    accuracy.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.4g}%"))
    _draw_marks(accuracy, marks)
    if (best := exhibit.facts.get("best_epoch")) is not None:
        words = f"{'your ' * any(_owner(one) is STUDENT for one in series)}best epoch: {style.label(best, 12)}"
        has_accuracy = any(len(_numbers(one, f"{part}_accuracy")) for one in series for part, _ in PARTS)
        _mark_epoch(loss, float(best), "" if has_accuracy else words)
        _mark_epoch(accuracy, float(best), words if has_accuracy else "")
    keys = [key for one in series for key in _keys(one)]
    figure.legend(handles=keys, loc="upper left", bbox_to_anchor=(0.043, 1.015), ncols=max(len(keys), 1), frameon=False)
    return as_svg(figure, alt=_alt(series, marks, best), caption=exhibit.caption)


def _numbers(series: Mapping[str, Any], name: str) -> Array:
    """One list of a series, (epochs,); a list that is missing is empty."""
    values = np.asarray(series.get(name) or (), dtype=float)
    if values.ndim != 1 or len(values) > MOST_EPOCHS:
        raise FigureError(f"{name} is not a list of at most {MOST_EPOCHS:,} numbers")
    return np.where(np.isfinite(values), values, np.nan)


def _owner(series: Mapping[str, Any]) -> Owner:
    """Whose a series or a line is."""
    return REFERENCE if str(series.get("label", "")).lower().startswith("reference") else STUDENT


def _line_style(owner: Owner, part: str) -> dict[str, Any]:
    if part == "val":
        return {"color": owner.color, "linestyle": owner.dashes, "linewidth": 1.5, "marker": owner.marker, "ms": 3.4}
    return {"color": owner.color, "linestyle": owner.dashes, "linewidth": 0.8, "alpha": 0.75}


def _keys(series: Mapping[str, Any]) -> list[Line2D]:
    name = style.label(series.get("label", "Yours"))
    shown = [(part, word) for part, word in PARTS if series.get(f"{part}_loss") or series.get(f"{part}_accuracy")]
    return [Line2D([], [], label=f"{name}, {word}", **_line_style(_owner(series), part)) for part, word in shown]


def _panel(axes: Axes, series: list[Mapping[str, Any]], what: str, title: str) -> None:
    """One panel; training lies below validation."""
    drawn = False
    for one in series:
        epochs = _numbers(one, "epochs")
        for part, _ in reversed(PARTS):
            values = _numbers(one, f"{part}_{what}")
            shown = min(len(values), len(epochs) or len(values))
            x = epochs[:shown] if len(epochs) else np.arange(1, shown + 1)
            axes.plot(x, values[:shown], markevery=max(1, shown // 12), **_line_style(_owner(one), part))
            drawn = drawn or shown > 0
    axes.set_title(title)
    axes.set_xlabel("Epoch", loc="left")
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.margins(x=0.03, y=0.1)
    style.rule_grid(axes)
    if not drawn:
        axes.text(0.5, 0.5, "not recorded", ha="center", color=style.MUTED, transform=axes.transAxes)


def _marks(facts: Mapping[str, Any]) -> list[Marker]:
    marks = []
    for line in facts.get("lines", ()):
        owner, name = _owner(line), style.fit(line["label"], NAMES_MM, 7.2)
        marks.append(Marker(name, float(line["accuracy"]), owner.color, owner.dashes, 1.8, owner.text))
    if (threshold := facts.get("threshold")) is not None:
        marks.append(Marker("to earn the credit", float(threshold), style.INK, (0, (1, 1.6)), 0.9, style.INK))
    return marks


def _draw_marks(axes: Axes, marks: list[Marker]) -> None:
    """Lines across the panel, named at its right edge; names that would touch are moved apart."""
    for mark in marks:
        axes.axhline(mark.height, color=mark.color, linestyle=mark.dashes, linewidth=mark.width)
    low, high = axes.get_ylim()
    gap = (high - low) * 0.21
    places = style.spread([mark.height for mark in marks], gap, low + gap / 3, high)
    for mark, place in zip(marks, places, strict=True):
        text = f"{style.percent(mark.height)}\n{mark.name}"
        y = (place - low) / (high - low)
        axes.annotate(
            text, (1.0, mark.height), (1.05, y), "data", "axes fraction", color=mark.ink, va="center",
            linespacing=1.25, annotation_clip=False, fontsize=7.2,
        )  # fmt: skip
        end = axes.transAxes.inverted().transform(axes.transData.transform((0, mark.height)))[1]
        axes.plot([1.0, 1.035], [end, y], transform=axes.transAxes, clip_on=False, color=mark.color, linewidth=0.6)


def _mark_epoch(axes: Axes, epoch: float, text: str = "") -> None:
    axes.axvline(epoch, color=style.MUTED, linewidth=0.6, zorder=1)
    if text:
        left, right = axes.get_xlim()
        before = epoch > (left + right) / 2
        axes.annotate(
            text, (epoch, 0.0), (-3 if before else 3, 4), ("data", "axes fraction"), "offset points",
            ha="right" if before else "left", color=style.MUTED, fontsize=7.0,
        )  # fmt: skip


def _alt(series: list[Mapping[str, Any]], marks: list[Marker], best: object) -> str:
    names = ", ".join(style.label(one.get("label", "Yours")) for one in series)
    parts = [f"Loss and accuracy over the epochs of: {names}."]
    for one in series:
        name = style.label(one.get("label", "Yours"))
        accuracy, loss = (values[np.isfinite(values)] for part in ("val_accuracy", "train_loss")
                          for values in [_numbers(one, part)])  # fmt: skip
        if len(accuracy):
            parts.append(f"Validation accuracy of {name} at the end: {style.percent(float(accuracy[-1]))}.")
        elif len(loss):
            parts.append(f"Training loss of {name}: from {loss[0]:.3g} to {loss[-1]:.3g}.")
    if best is not None:
        parts.append(f"Best epoch: {best}.")
    parts += [f"{mark.name}: {style.percent(mark.height)}." for mark in marks]
    return " ".join(parts)


def thumbnail(exhibit: Exhibit) -> list[Accuracy]:
    """The accuracy of the student's line, beside the reference's and what earns the credit; nothing without one."""
    lines = [(_owner(line), _fraction(line.get("accuracy"))) for line in exhibit.facts.get("lines") or ()]
    own, reference = (next((value for owner, value in lines if owner is who and value is not None), None)
                      for who in (STUDENT, REFERENCE))  # fmt: skip
    return [] if own is None else [Accuracy(own, reference, _fraction(exhibit.facts.get("threshold")))]


def _fraction(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= float(value) <= 1 else None  # type: ignore[arg-type]
