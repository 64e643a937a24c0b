"""The five most probable classes before and after units are switched off: small bars, one panel per list."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from grader.figures import style
from grader.figures.picture import FigureError, Picture, as_svg, new_figure
from grader.figures.style import REFERENCE, STUDENT
from grader.records import Exhibit

MOST = 5
HEAD_MM, ROW_MM, FOOT_MM, LINE_MM, GAP_MM = 7.5, 8.2, 2.0, 3.6, 7.5
BAR_MM = 2.6
# A class of the first list keeps its shade; dark to light, so that the five stay apart in grey. Neither owner's ink.
SHADES = ("#16423d", "#34685f", "#588a80", "#84aba2", "#b0cec7")
EDGE = "#16423d"


PANELS = (
    ("Before", style.INK, "before"),
    ("Yours, after", STUDENT.text, "student_after"),
    ("Reference, after", REFERENCE.text, "reference_after"),
)


@dataclass(frozen=True)
class Panel:
    """One list of classes with its heading."""

    title: str
    color: str
    entries: tuple[tuple[str, float], ...]  # (class, probability), most probable first


def draw(exhibit: Exhibit) -> Picture:
    """Draw the facts `before`, `student_after`, `reference_after`: lists of {label, probability}; `dropped`, words.

    Raises:
        FigureError: If `before` is missing, or a probability is no fraction.
    """
    panels = [
        Panel(title, color, _entries(exhibit, name))
        for title, color, name in PANELS
        if name in exhibit.facts or name == "before"
    ]
    if not panels[0].entries:
        raise FigureError("the classes before are missing")
    shades = {label: shade for (label, _), shade in zip(panels[0].entries, SHADES, strict=False)}
    notes = _notes(panels, shades, exhibit.facts.get("dropped", ""))
    rows = max(len(panel.entries) for panel in panels)
    height = HEAD_MM + rows * ROW_MM + FOOT_MM + len(notes) * LINE_MM
    wide = (style.TEXT_WIDTH_MM - (len(panels) - 1) * GAP_MM) / len(panels)
    figure = new_figure(style.TEXT_WIDTH_MM, height)
    most = max(probability for panel in panels for _, probability in panel.entries) or 1.0
    for i, panel in enumerate(panels):
        left = i * (wide + GAP_MM) / style.TEXT_WIDTH_MM
        axes = figure.add_axes((left, 0, wide / style.TEXT_WIDTH_MM, 1))
        axes.set(xlim=(0, wide), ylim=(height, 0))  # millimetres, from the upper left corner
        axes.set_axis_off()
        _bars(axes, panel, shades, most, wide)
    for i, note in enumerate(notes):
        y = (len(notes) - i - 0.25) * LINE_MM / height
        figure.text(0, y, note, color=style.MUTED, fontsize=7, va="center")
    return as_svg(figure, alt=_alt(panels, exhibit.facts.get("dropped", "")), caption=exhibit.caption)


def _entries(exhibit: Exhibit, name: str) -> tuple[tuple[str, float], ...]:
    entries = []
    for entry in list(exhibit.facts.get(name) or ())[:MOST]:
        probability = float(entry["probability"])
        if not -1e-6 <= probability <= 1 + 1e-6:  # also true of NaN
            raise FigureError("a probability is not between 0 and 1")
        entries.append((style.label(entry["label"], 60), float(np.clip(probability, 0, 1))))
    return tuple(entries)


def _bars(axes: Axes, panel: Panel, shades: dict[str, str], most: float, wide: float) -> None:
    """Name and percentage above each bar: names may be long, and all panels share one scale."""
    axes.text(0, 0.6, panel.title, color=panel.color, fontsize=8.5, fontweight="bold", va="top")
    if not panel.entries:
        axes.text(0, HEAD_MM + 1.2, "no result", color=style.MUTED, va="top")
    for i, (label, probability) in enumerate(panel.entries):
        top = HEAD_MM + i * ROW_MM
        value = share(probability)
        axes.text(0, top + 2.9, style.fit(label, wide - 12), va="baseline")
        axes.text(wide, top + 2.9, value, va="baseline", ha="right", color=style.MUTED)
        axes.add_patch(Rectangle((0, top + 4.2), wide, BAR_MM, facecolor="#f5f3ef", linewidth=0))
        shade = shades.get(label)
        bar = Rectangle((0.1, top + 4.2), max(wide * probability / most - 0.2, 0.3), BAR_MM, linewidth=0.8,
                        facecolor=shade or style.PAPER, edgecolor=shade or EDGE)  # fmt: skip
        axes.add_patch(bar)


def share(probability: float) -> str:
    """A probability as a reader writes it; a tiny one does not become nothing."""
    if 0 < probability < 0.0005:
        return "< 0.1%"
    return style.percent(probability)


def _notes(panels: Sequence[Panel], shades: dict[str, str], dropped: object) -> list[str]:
    sentences = []
    if words := style.label(dropped, 200):
        sentences.append(f"After: without {words}.")
    if any(label not in shades for panel in panels for label, _ in panel.entries):
        sentences.append("Hollow bars: classes that were not among the first five before.")
    return textwrap.wrap(" ".join(sentences), 120, max_lines=3, placeholder="…")


def _alt(panels: Sequence[Panel], dropped: object) -> str:
    parts = [f"Most probable classes before and after switching off {style.label(dropped, 200) or 'units'}."]
    for panel in panels:
        listed = ", ".join(f"{label} {share(probability)}" for label, probability in panel.entries)
        parts.append(f"{panel.title}: {listed or 'no result'}.")
    return " ".join(parts)
