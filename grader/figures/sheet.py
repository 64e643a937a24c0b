"""A figure of many small images: each source pixel is a whole number of dots, so that nothing is blurred.

All places are counted in dots from the upper left corner.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import to_rgb

from grader.figures import style
from grader.figures.picture import MM_PER_INCH, PRINT_DPI, Picture, as_png, new_figure
from grader.records import Array

LETTERS = 7.0  # points, of the words below an image
NOTICE_MM = 9.6  # height of a sentence of two lines in the place of what is not there, with the room below it


class Sheet:
    """White paper for images, frames and words.

    Args:
        width: Dots.
        height: Dots.
        dpi: Dots per inch of paper.
    """

    def __init__(self, width: int, height: int, dpi: int = PRINT_DPI) -> None:
        """An empty sheet."""
        self._canvas = np.full((height, width, 3), 255, np.uint8)
        self._dpi = dpi
        self._figure = new_figure(width / dpi * MM_PER_INCH, height / dpi * MM_PER_INCH)
        self.axes = self._figure.add_axes((0, 0, 1, 1))
        self.axes.set(xlim=(0, width), ylim=(height, 0))
        self.axes.set_axis_off()

    def dots(self, millimetres: float) -> int:
        """How many dots that length has."""
        return dots(millimetres, self._dpi)

    def millimetres(self, length: float) -> float:
        """How long so many dots are."""
        return length / self._dpi * MM_PER_INCH

    def paste(self, image: Array, left: int, top: int, side: int) -> None:
        """Put an image, (h, w, 3) uint8, into a square; its pixels are enlarged, never mixed."""
        rows = np.arange(side) * image.shape[0] // side
        columns = np.arange(side) * image.shape[1] // side
        self._canvas[top : top + side, left : left + side] = image[rows][:, columns]

    def fill(self, left: int, top: int, wide: int, tall: int, color: str | tuple[float, float, float]) -> None:
        """Paint a rectangle in one of matplotlib's colors."""
        self._canvas[max(top, 0) : top + tall, max(left, 0) : left + wide] = np.round(np.multiply(to_rgb(color), 255))

    def frame(self, left: int, top: int, side: int, color: str, width: int, gap: int = 0) -> None:
        """Paint a frame around a square, `gap` dots away from it; call it before what stands within is pasted."""
        out = width + gap
        self.fill(left - out, top - out, side + 2 * out, side + 2 * out, color)
        self.fill(left - gap, top - gap, side + 2 * gap, side + 2 * gap, style.PAPER)

    def write(self, text: str, left: float, top: float, **options: Any) -> None:
        """Words; they hang from their place unless `va` says otherwise."""
        looks: dict[str, Any] = {"va": "top", "fontsize": LETTERS, **options}
        self.axes.text(left, top, text, **looks)

    def say(self, sentence: str, left: int, top: int, wide: int, tall: int) -> None:
        """A framed sentence in the place of images that are not there."""
        self.fill(left, top, wide, tall, style.RULE)
        self.fill(left + 2, top + 2, wide - 4, tall - 4, style.PAPER)
        line = self.dots(3.2)
        margin = self.dots(1.5)
        most = max(1, (tall - 2 * margin) // line)
        lines = style.wrap(sentence, self.millimetres(wide - 2 * margin), most, letter_mm=1.32)
        for i, text in enumerate(lines):
            self.write(text, left + margin, top + margin + i * line, color=style.MUTED)

    def notice(self, sentence: str) -> int:
        """A framed sentence across the top of the sheet; returns how much of the height it takes, 0 without one."""
        if sentence:
            self.say(sentence, 0, 0, self._canvas.shape[1], self.dots(NOTICE_MM - 2))
        return self.dots(NOTICE_MM) if sentence else 0

    def finish(self, alt: str, caption: str) -> Picture:
        """The picture."""
        self._figure.figimage(self._canvas, 0, 0, origin="upper", zorder=-1)
        return as_png(self._figure, alt=alt, caption=caption, dpi=self._dpi)


def dots(millimetres: float, dpi: int = PRINT_DPI) -> int:
    """How many dots that length has."""
    return round(millimetres / MM_PER_INCH * dpi)
