"""Training and validation accuracy of a student's own experiments, grouped by technique."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from grader.figures import style
from grader.figures.picture import FigureError, Picture, as_svg, new_figure
from grader.figures.style import STUDENT
from grader.records import Exhibit

MOST = 40  # experiments
HEAD_MM, FOOT_MM = 7.0, 9.0
HIGHEST_MM = 130.0  # of all rows: what can't be split must fit on a page below other things
ROW_MM = 5.4
NAME_MM, SETTING_MM, VALUE_MM = 33.0, 37.0, 19.0  # columns: technique, setting; accuracy at the right
PALE = "#5d83aa"


@dataclass(frozen=True)
class Experiment:
    """One experiment with its accuracies in [0, 1]."""

    technique: str
    setting: str
    train: float
    val: float


def draw(exhibit: Exhibit) -> Picture:
    """Draw the fact `experiments`: 1 to 40 of {technique, setting, train_accuracy, val_accuracy}, in [0, 1].

    Raises:
        FigureError: If there is none, or an accuracy is no fraction.
    """
    groups = _groups(exhibit)
    rows = [experiment for group in groups for experiment in group]
    step = min(ROW_MM, HIGHEST_MM / len(rows))
    size = min(7.5, step * 2.05)
    height = HEAD_MM + len(rows) * step + FOOT_MM
    figure = new_figure(style.TEXT_WIDTH_MM, height)
    left = (NAME_MM + SETTING_MM) / style.TEXT_WIDTH_MM
    wide = 1 - left - VALUE_MM / style.TEXT_WIDTH_MM
    axes = figure.add_axes((left, FOOT_MM / height, wide, len(rows) * step / height))
    _scale(axes, rows)
    row = 0
    for group in groups:
        best = max(experiment.val for experiment in group)
        _write(axes, row, group[0].technique, -NAME_MM - SETTING_MM, NAME_MM - 2, size, "bold")
        for experiment in group:
            _row(axes, row, experiment, experiment.val == best, size)
            row += 1
        if row < len(rows):
            _separate(axes, row)
    _legend(figure, height)
    return as_svg(figure, alt=_alt(groups), caption=exhibit.caption)


def _groups(exhibit: Exhibit) -> list[list[Experiment]]:
    """The experiments by technique, in the order in which each technique comes first."""
    given = list(exhibit.facts.get("experiments") or ())
    if not given:
        raise FigureError("there are no experiments to show")
    groups: dict[str, list[Experiment]] = {}
    for one in given[:MOST]:
        technique = style.label(one["technique"], 60) or "(no name)"
        made = Experiment(technique, style.label(one["setting"], 60), _fraction(one["train_accuracy"]),
                          _fraction(one["val_accuracy"]))  # fmt: skip
        groups.setdefault(technique.casefold(), []).append(made)
    return list(groups.values())


def _fraction(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise FigureError("an accuracy is not a fraction between 0 and 1")
    return float(value)


def _scale(axes: Axes, rows: Sequence[Experiment]) -> None:
    values = [value for row in rows for value in (row.train, row.val)]
    margin = max((max(values) - min(values)) * 0.06, 0.01)
    axes.set(xlim=(min(values) - margin, min(max(values) + margin, 1.0)), ylim=(len(rows) - 0.5, -0.5))
    axes.set_yticks([])
    axes.set_xlabel("Accuracy", loc="left", labelpad=2)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.4g}%"))
    axes.grid(True, axis="x")
    axes.tick_params(axis="x", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _row(axes: Axes, row: int, experiment: Experiment, best: bool, size: float) -> None:
    """Setting, the two accuracies joined by a line, the validation accuracy in figures; the best one is in bold."""
    _write(axes, row, experiment.setting, -SETTING_MM, SETTING_MM - 4, size)
    axes.plot([experiment.train, experiment.val], [row, row], color=style.RULE, linewidth=1.2, zorder=1)
    axes.plot([experiment.train], [row], zorder=2, **_dot("train"))
    axes.plot([experiment.val], [row], zorder=3, **_dot("best" if best else "val"))
    value = style.percent(experiment.val) + (" best" if best else "")
    weight = "bold" if best else "regular"
    color = STUDENT.text if best else style.MUTED
    axes.annotate(value, (1, row), (2 / 25.4 * 72, 0), axes.get_yaxis_transform(), "offset points",
                  va="center_baseline", color=color, fontsize=size, fontweight=weight)  # fmt: skip


def _dot(which: str) -> dict[str, Any]:
    """Hollow and large for training, filled for validation, a diamond for the best: apart in gray, and if they meet."""
    common: dict[str, Any] = {"linestyle": "none", "clip_on": False, "markeredgewidth": 1.0}
    if which == "train":
        return {**common, "marker": "o", "ms": 6.2, "markerfacecolor": style.PAPER, "markeredgecolor": PALE}
    marker, size = ("D", 4.2) if which == "best" else ("o", 3.2)
    return {**common, "marker": marker, "ms": size, "color": STUDENT.color}


def _write(axes: Axes, row: int, text: str, left: float, room: float, size: float, weight: str = "regular") -> None:
    """A label `left` mm beside the axes' left edge, at most `room` mm wide."""
    axes.annotate(style.fit(text, room, size, weight), (0, row), (left / 25.4 * 72, 0), axes.get_yaxis_transform(),
                  "offset points", va="center_baseline", fontsize=size, fontweight=weight,
                  annotation_clip=False)  # fmt: skip


def _separate(axes: Axes, row: int) -> None:
    wide = axes.get_position().width * style.TEXT_WIDTH_MM
    ends = [-(NAME_MM + SETTING_MM) / wide, 1 + VALUE_MM / wide]
    axes.plot(ends, [row - 0.5] * 2, color=style.RULE, linewidth=0.5, transform=axes.get_yaxis_transform(),
              clip_on=False)  # fmt: skip


def _legend(figure: Figure, height: float) -> None:
    words = (("train", "training"), ("val", "validation"), ("best", "best validation of its technique"))
    handles = [Line2D([], [], label=text, **_dot(which)) for which, text in words]
    x = (NAME_MM + SETTING_MM - 2.5) / style.TEXT_WIDTH_MM
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(x, 1 + 0.8 / height), ncols=3, frameon=False,
                  handletextpad=0.2, columnspacing=1.4)  # fmt: skip


def _alt(groups: Sequence[Sequence[Experiment]]) -> str:
    total = sum(len(group) for group in groups)
    parts = [f"Training and validation accuracy of {total} experiment{'s' * (total > 1)}, by technique."]
    for group in groups:
        best = max(group, key=lambda experiment: experiment.val)
        mean = style.percent(float(np.mean([one.train for one in group])))
        settings = f"{len(group)} setting{'s' * (len(group) > 1)}"
        parts.append(f"{best.technique}, {settings}: best validation {style.percent(best.val)} "
                     f"({best.setting or 'no setting'}), training {mean} on average.")  # fmt: skip
    return " ".join(parts)
