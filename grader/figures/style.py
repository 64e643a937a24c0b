"""The house style of every figure: one type family, two inks for two owners, nothing that carries no information.

The student is always dark blue, solid, round; the reference always amber, dashed, square. Both come from
Okabe & Ito's palette (2008, Color Universal Design), darkened until each stands out on white paper and the two differ
in lightness as well, so that they stay apart for color-blind readers and on a black-and-white printer.
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

if TYPE_CHECKING:
    from matplotlib.typing import RcKeyType

TEXT_WIDTH_MM = 156.0  # the column of a task's section in the report; no figure is wider

PAPER = "#ffffff"
INK = "#2b2723"
MUTED = "#6f675f"
RULE = "#cfc7bd"
FAMILIES = ("Inter", "DejaVu Sans")  # the report's family, then one that ships with matplotlib and knows most letters


@dataclass(frozen=True)
class Owner:
    """How lines and headings that belong to one side look.

    Attributes:
        name: What the reader calls it.
        color: Its ink.
        dashes: matplotlib's line style.
        marker: matplotlib's marker.
        width: Line width, points; the reference is broader and lies below, so that equal lines both stay visible.
        text: Its ink for words, dark enough for small letters.
    """

    name: str
    color: str
    dashes: Any
    marker: str
    width: float
    text: str


STUDENT = Owner("Yours", "#1a4a7a", "solid", "o", 1.5, "#1a4a7a")
REFERENCE = Owner("Reference", "#cf7a1c", (0, (3.2, 1.2)), "s", 2.2, "#94560f")

STUDENT_SHADES = LinearSegmentedColormap.from_list("student", ["#ffffff", "#9fb6cd", STUDENT.color, "#0e2a47"])
REFERENCE_SHADES = LinearSegmentedColormap.from_list("reference", ["#ffffff", "#eec08e", REFERENCE.color, "#5f340a"])


@cache
def settings() -> dict[RcKeyType, Any]:
    """Settings of matplotlib for our figures. Text becomes outlines: it looks the same wherever the report is read."""
    installed = set(font_manager.get_font_names())
    return {
        "font.family": [family for family in FAMILIES if family in installed],
        "font.size": 7.5,
        "text.color": INK,
        "text.parse_math": False,  # a "$" in a label is a dollar
        "axes.facecolor": PAPER,
        "axes.edgecolor": MUTED,
        "axes.labelcolor": MUTED,
        "axes.labelsize": 7.5,
        "axes.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlesize": 8.5,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.titlepad": 7.0,
        "axes.unicode_minus": False,
        "axes.axisbelow": True,
        "axes.grid": False,
        "grid.color": "#e9e4dd",
        "grid.linewidth": 0.5,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.labelsize": 7.0,
        "ytick.labelsize": 7.0,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "xtick.major.size": 2.5,
        "ytick.major.size": 2.5,
        "lines.solid_capstyle": "round",
        "lines.dash_capstyle": "butt",
        "lines.scale_dashes": True,
        "figure.facecolor": PAPER,
        "savefig.facecolor": PAPER,
        "svg.fonttype": "path",
        "svg.hashsalt": "autograder",
        "image.interpolation": "nearest",
        "image.resample": False,
    }


def label(text: object, limit: int = 32) -> str:
    """Any text as one short, printable line."""
    line = unicodedata.normalize("NFC", " ".join(str(text).split()))
    line = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def fit(text: object, width_mm: float, points: float = 7.5, weight: str = "regular") -> str:
    """Any text as one printable line that is not wider than `width_mm`, cut with an ellipsis where it must be.

    Args:
        text: What to write.
        width_mm: Room for it.
        points: Size of the letters.
        weight: "regular" or "bold".
    """
    line = label(text, 400)
    font = FontProperties(size=points, weight=weight)

    def fits(part: str) -> bool:
        return text_to_path.get_text_width_height_descent(part, font, False)[0] <= width_mm / 25.4 * 72

    if fits(line):
        return line
    shown, cut = 0, len(line)  # the longest beginning that fits, by bisection
    while shown < cut - 1:
        middle = (shown + cut) // 2
        shown, cut = (middle, cut) if fits(line[:middle] + "…") else (shown, middle)
    return line[:shown].rstrip() + "…"


def wrap(text: object, width_mm: float, lines: int, letter_mm: float = 1.5) -> list[str]:
    """At most so many lines of about that width; names of classes such as "church/outdoor" may break at the slash.

    Args:
        text: What to write.
        width_mm: Room for a line.
        lines: How many there may be; what is longer ends in an ellipsis.
        letter_mm: Width of a letter, on average.
    """
    spaced = label(text, 400).replace("/", "/ ")
    letters = max(6, int(width_mm / letter_mm))
    wrapped = textwrap.wrap(spaced, letters, max_lines=lines, placeholder=" …", break_on_hyphens=False)
    return [line.replace("/ ", "/") for line in wrapped]


def percent(fraction: float, digits: int = 1) -> str:
    """A fraction in [0, 1] as a reader writes it: 0.913 -> "91.3%"."""
    return f"{100 * fraction:.{digits}f}%"


def rule_grid(axes: Axes) -> None:
    """Hairlines for reading values off the vertical axis."""
    axes.grid(True, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def no_axes(axes: Axes) -> None:
    """Only the picture: no ticks, a hairline frame."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(visible=True, color=RULE, linewidth=0.5)


def spread(heights: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move labels apart: heights at least `gap` apart and in [low, high] where they fit, order and places kept.

    Args:
        heights: Where each label would like to stand, axis units.
        gap: Least distance between two, axis units.
        low: Lowest place.
        high: Highest place.
    """
    order = np.argsort(np.asarray(heights, dtype=float), kind="stable")
    placed = np.asarray(heights, dtype=float)[order]
    for i in range(1, len(placed)):
        placed[i] = max(placed[i], placed[i - 1] + gap)
    if len(placed):
        placed[-1] = min(placed[-1], high)
    for i in range(len(placed) - 2, -1, -1):
        placed[i] = min(placed[i], placed[i + 1] - gap)
    placed = placed + max(0.0, low - placed[0]) if len(placed) else placed
    result = np.empty(len(placed))
    result[order] = placed
    return [float(height) for height in result]
