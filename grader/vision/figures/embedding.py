"""A network's features of some images laid out in the plane: a panel each, points by class, one legend."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grader.figures import style
from grader.figures.picture import FigureError, Picture, as_svg, new_figure
from grader.figures.sides import Side, class_name, numbers_of, problem_of, side_of
from grader.figures.style import REFERENCE, STUDENT, Owner
from grader.records import Array, Exhibit

MOST = 400  # points
NETWORKS = (("supervised", "Supervised network"), ("rotation", "Rotation network"))
PANEL_MM, TALL_MM, GAP_MM, STRIP_MM, HEAD_MM, NOTICE_MM = 60.0, 45.0, 3.0, 5.5, 6.0, 8.0
NEAREST = 5  # neighbors in the plane by which the alt text tells how well the classes hold together
# Okabe and Ito's colors with a gray and a wine red after Paul Tol; beside the color each class has its own marker.
LOOKS = (
    ("#0072b2", "o"), ("#e69f00", "s"), ("#009e73", "^"), ("#cc79a7", "D"), ("#d55e00", "P"),
    ("#56b4e9", "v"), ("#2b2723", "X"), ("#f0e442", "*"), ("#8a8a8a", "<"), ("#882255", "p"),
)  # fmt: skip
LARGER = {"*": 1.5, "P": 1.15, "X": 1.1, "p": 1.15, "D": 0.88}  # so that all look equally large


def draw(exhibit: Exhibit) -> Picture:
    """Draw `student_` and `reference_`, `supervised` and `rotation`: (n, 2) each; `labels` (n,) int.

    Facts: `classes`, names; `problem`.

    Raises:
        FigureError: If the labels or all points are missing.
    """
    labels = _labels(exhibit)
    has_student = any(f"student_{network}" in exhibit.arrays for network, _ in NETWORKS)
    owners = (STUDENT, REFERENCE) if has_student else (REFERENCE,)
    problem = "" if has_student else problem_of(exhibit)
    rows = [(owner, _row(exhibit, owner, labels)) for owner in owners]
    if all(side is None or side.data is None for _, row in rows for side in row):
        raise FigureError("the points are missing")
    top = HEAD_MM + (NOTICE_MM if problem else 0)
    height = top + len(rows) * (TALL_MM + GAP_MM) - GAP_MM + 0.3
    figure = new_figure(style.TEXT_WIDTH_MM, height)
    _write_heads(figure, problem, top, height)
    for i, (owner, row) in enumerate(rows):
        for column, side in enumerate(row):
            axes = _panel(figure, _left(column), top + i * (TALL_MM + GAP_MM), height)
            _fill(axes, side, labels)
            if column == 0:
                axes.text(-2 / PANEL_MM, 0.5, owner.name, color=owner.text, fontweight="bold", rotation=90, ha="right",
                          va="center", transform=axes.transAxes)  # fmt: skip
    _legend(figure, exhibit, labels, 1 - top / height, 0.75 if len(rows) > 1 else 0.4)
    return as_svg(figure, alt=_alt(exhibit, rows, labels, problem), caption=exhibit.caption)


def _left(column: int) -> float:
    """Left edge of a column of panels, mm."""
    return STRIP_MM + column * (PANEL_MM + GAP_MM)


def _write_heads(figure: Figure, problem: str, top: float, height: float) -> None:
    """The networks' names above their columns, and above them why there is nothing of the student's."""
    for i, line in enumerate(textwrap.wrap(problem, 112, max_lines=2, placeholder=" …")):
        figure.text(0, 1 - (1 + i * 3.4) / height, line, va="top", color=style.MUTED, fontsize=7)
    for column, (_, name) in enumerate(NETWORKS):
        x = _left(column) / style.TEXT_WIDTH_MM
        figure.text(x, 1 - (top - 1.6) / height, name, fontsize=8.5, fontweight="bold", va="bottom")


def _labels(exhibit: Exhibit) -> Array:
    labels = np.asarray(exhibit.arrays.get("labels", ()))
    if labels.ndim != 1 or len(labels) < 2:
        raise FigureError("the classes of the points are missing")
    return labels[:MOST].astype(int)


def _row(exhibit: Exhibit, owner: Owner, labels: Array) -> list[Side[Array] | None]:
    """One owner's points by each network, (n, 2), brought to a size that can be drawn."""
    shape = (len(labels), 2)
    return [side_of(exhibit, owner, name, lambda points: _centred(numbers_of({"": points}, "", shape, "the points")))
            for name, _ in NETWORKS]  # fmt: skip


def _centred(points: Array) -> Array:
    """Points around 0 in a square of side 2: neither place nor size of a t-SNE means anything."""
    largest = float(np.abs(points).max()) or 1.0
    scaled = points / largest  # first, so that a difference of huge values does not overflow
    middle = (scaled.min(axis=0) + scaled.max(axis=0)) / 2
    half = float((scaled.max(axis=0) - scaled.min(axis=0)).max()) / 2
    centred: Array = (scaled - middle) / (half or 1.0)
    return centred


def _panel(figure: Figure, left: float, top: float, height: float) -> Axes:
    width = style.TEXT_WIDTH_MM
    axes = figure.add_axes((left / width, 1 - (top + TALL_MM) / height, PANEL_MM / width, TALL_MM / height))
    style.no_axes(axes)
    return axes


def _fill(axes: Axes, side: Side[Array] | None, labels: Array) -> None:
    """The points, as wide as the panel in one direction, distances the same in both; or why there are none."""
    if side is None or side.data is None:
        lines = style.wrap(side.problem if side else "There is nothing to show.", PANEL_MM - 8, 6, letter_mm=1.32)
        axes.text(0.5, 0.5, "\n".join(lines), ha="center", va="center", color=style.MUTED, fontsize=7,
                  transform=axes.transAxes)  # fmt: skip
        return
    points = side.data
    if np.ptp(points[:, 0]) < np.ptp(points[:, 1]):
        points = np.stack([points[:, 1], -points[:, 0]], axis=1)  # turned: the panel is wider than it is high
    wide, tall = (float(np.ptp(points[:, i])) or 1.0 for i in range(2))
    scale = max(wide / (PANEL_MM - 5), tall / (TALL_MM - 5))  # units per millimetre
    axes.set(xlim=(-PANEL_MM / 2 * scale, PANEL_MM / 2 * scale), ylim=(-TALL_MM / 2 * scale, TALL_MM / 2 * scale))
    for label in np.unique(labels):
        own = labels == label
        axes.plot(points[own, 0], points[own, 1], **_look(int(label)))


def _look(label: int) -> dict[str, Any]:
    color, marker = LOOKS[label % len(LOOKS)]
    return {"linestyle": "none", "marker": marker, "ms": 4.6 * LARGER.get(marker, 1.0), "mfc": color, "mec": style.INK,
            "mew": 0.4}  # fmt: skip


def _legend(figure: Figure, exhibit: Exhibit, labels: Array, top: float, spacing: float) -> None:
    classes = list(exhibit.facts.get("classes", ()))
    room = style.TEXT_WIDTH_MM - _left(2) - 6
    shown = [int(label) for label in np.unique(labels)][:20]
    keys = [Line2D([], [], label=style.fit(class_name(classes, label), room), **_look(label)) for label in shown]
    x = (_left(2) - 0.5) / style.TEXT_WIDTH_MM
    figure.legend(handles=keys, loc="upper left", bbox_to_anchor=(x, top), frameon=False, borderpad=0,
                  borderaxespad=0, handlelength=1.2, handletextpad=0.5, labelspacing=spacing)  # fmt: skip


def _alt(
    exhibit: Exhibit, rows: Sequence[tuple[Owner, Sequence[Side[Array] | None]]], labels: Array, problem: str
) -> str:
    names = ", ".join(class_name(list(exhibit.facts.get("classes", ())), label) for label in np.unique(labels)[:20])
    parts = [f"{len(labels)} images as points in the plane, by class ({names})."]
    parts += [f"Yours: {problem}"] if problem else []
    for owner, row in rows:
        for (name, _), side in zip(NETWORKS, row, strict=True):
            if side is None or side.data is None:
                parts += [f"{owner.name}, {name}: {side.problem}"] if side else []
                continue
            share = style.percent(together(side.data, labels), 0)
            parts.append(
                f"{owner.name}, {name} network: {share} of the points' {NEAREST} nearest are of the same class."
            )
    return " ".join(parts)


def together(points: Array, labels: Array) -> float:
    """How well classes hold together: the share of each point's nearest points that are of its class.

    Args:
        points: (n, 2).
        labels: (n,).
    """
    distances = np.square(points[:, None] - points[None]).sum(axis=-1)
    np.fill_diagonal(distances, np.inf)
    nearest = np.argsort(distances, axis=1, kind="stable")[:, : min(NEAREST, len(points) - 1)]
    return float((labels[nearest] == labels[:, None]).mean())
