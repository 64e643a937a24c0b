"""A drawn figure, and the two ways to make its bytes; the same figure gives the same bytes."""

from __future__ import annotations

import io
from dataclasses import dataclass

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

MM_PER_INCH = 25.4
PRINT_DPI = 240  # pixels of a picture stay sharp on paper; more only makes the file larger


class FigureError(ValueError):
    """An exhibit lacks what its kind needs; the text says what, in a sentence without an end stop."""


@dataclass(frozen=True)
class Picture:
    """One figure, ready for a page.

    Attributes:
        media: "image/svg+xml" where it is lines, "image/png" where it is pixels.
        data: The file's bytes.
        alt: What the figure shows, for those who can't see it.
        caption: One sentence below the figure.
        width_mm: Width in print.
        height_mm: Height in print.
    """

    media: str
    data: bytes
    alt: str
    caption: str
    width_mm: float
    height_mm: float


def new_figure(width_mm: float, height_mm: float) -> Figure:
    """An empty figure of that printed size, outside pyplot's state."""
    return Figure(figsize=(width_mm / MM_PER_INCH, height_mm / MM_PER_INCH))


def as_svg(figure: Figure, *, alt: str, caption: str) -> Picture:
    """The figure as lines."""
    out = io.BytesIO()
    FigureCanvasSVG(figure)
    metadata = {"Date": None, "Creator": None, "Format": None, "Type": None}  # none of them is the reader's business
    figure.savefig(out, format="svg", metadata=metadata)
    return _picture("image/svg+xml", out.getvalue(), figure, alt, caption)


def as_png(figure: Figure, *, alt: str, caption: str, dpi: int = PRINT_DPI) -> Picture:
    """The figure as pixels, at print resolution."""
    out = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(out, format="png", dpi=dpi, metadata={"Software": None})
    return _picture("image/png", out.getvalue(), figure, alt, caption)


def _picture(media: str, data: bytes, figure: Figure, alt: str, caption: str) -> Picture:
    width, height = figure.get_size_inches() * MM_PER_INCH
    return Picture(media, data, alt, caption, round(float(width), 2), round(float(height), 2))
