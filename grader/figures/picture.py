"""A drawn figure, and the two ways to make its bytes; the same figure gives the same bytes."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from PIL import Image

MM_PER_INCH = 25.4
PRINT_DPI = 240  # pixels of a picture stay sharp on paper; more only makes the file larger

JPEG_QUALITY = 90  # with color at full resolution, so that words beside the photographs stay clean


class FigureError(ValueError):
    """An exhibit lacks what its kind needs; the text says what, in a sentence without an end stop."""


@dataclass(frozen=True)
class Picture:
    """One figure, ready for a page.

    Attributes:
        media: "image/svg+xml" where it is lines, "image/png" or "image/jpeg" where it is pixels.
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
    _pixels(figure, dpi).save(out, "PNG", dpi=(dpi, dpi))
    return _picture("image/png", out.getvalue(), figure, alt, caption)


def as_jpeg(figure: Figure, *, alt: str, caption: str, dpi: int = PRINT_DPI) -> Picture:
    """The figure as pixels, for what is mostly photographs: a third of a PNG's size, and a PDF takes it as it is."""
    out = io.BytesIO()
    _pixels(figure, dpi).save(out, "JPEG", quality=JPEG_QUALITY, subsampling=0, dpi=(dpi, dpi))
    return _picture("image/jpeg", out.getvalue(), figure, alt, caption)


def _pixels(figure: Figure, dpi: int) -> Image.Image:
    """Without transparency: a PDF would hold a second picture for it."""
    canvas = FigureCanvasAgg(figure)
    figure.set_dpi(dpi)
    canvas.draw()  # type: ignore[no-untyped-call]
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")  # type: ignore[no-untyped-call]


def _picture(media: str, data: bytes, figure: Figure, alt: str, caption: str) -> Picture:
    width, height = figure.get_size_inches() * MM_PER_INCH
    return Picture(media, data, alt, caption, round(float(width), 2), round(float(height), 2))
