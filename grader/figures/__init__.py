"""Step 4, draw: an exhibit's arrays -> a picture.

A kind of picture is a module named after the kind, with `draw(exhibit) -> Picture` and, where a class page shows
something of it, `thumbnail(exhibit)`: in `figures/` of an assignment's solutions where it is the assignment's own, else
in the library. Adding a file adds a kind. Arrays that start with
`student_` come from a submission: finite and of sane size, otherwise anything. Whatever goes wrong while drawing, the
reader gets a box with a sentence and everybody else's figures.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import matplotlib as mpl
import numpy as np

from grader.errors import MachineError
from grader.figures import style
from grader.figures.picture import FigureError, Picture, as_svg, new_figure
from grader.figures.thumbnail import Accuracy, Thumbnail
from grader.packages import import_part
from grader.records import Exhibit

__all__ = ["FigureError", "Picture", "draw", "fault_of", "import_kinds", "thumbnails"]

LOG = logging.getLogger(__name__)
LIBRARY = "grader.vision.figures"
LARGEST_THUMBNAIL = 1200  # pixels of a side


def draw(exhibit: Exhibit, own: Path | None = None) -> Picture:
    """Draw one exhibit in the house style; never raises for what is in it.

    Args:
        exhibit: What is drawn.
        own: Folder of the assignment's own kinds; None: there are only the library's.

    Returns:
        The picture; a plain box with a sentence when it can't be drawn. The same exhibit gives the same bytes.
    """
    with _house_style():
        try:
            return _drawn(exhibit, own)
        except Exception as error:
            LOG.warning("figure %r: %s: %s", exhibit.key, type(error).__name__, error)
            return plain_box(f"This figure could not be drawn: {_reason(error)}.", exhibit.caption)


def fault_of(exhibit: Exhibit, own: Path | None = None) -> str:
    """Why an exhibit can't be drawn, for its author: the exception in words; empty when it can."""
    with _house_style():
        try:
            _drawn(exhibit, own)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    return ""


@contextmanager
def _house_style() -> Iterator[None]:
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class name in a script that our fonts lack
        mpl.rcdefaults()
        mpl.rcParams.update(style.settings())
        yield


def thumbnails(exhibit: Exhibit, own: Path | None = None) -> tuple[Thumbnail | Accuracy, ...]:
    """Ask the exhibit's kind what a class page shows of it; never raises for what is in it.

    Args:
        exhibit: What the page may show.
        own: Folder of the assignment's own kinds; None: there are only the library's.

    Returns:
        What the kind's `thumbnail` returns; nothing where it defines none, or where it fails.
    """
    try:
        make = getattr(_find_kind(exhibit.kind, own), "thumbnail", None)
        shown = tuple(make(exhibit)) if make else ()
        for one in shown:
            if not isinstance(one, Accuracy):
                _expect_pixels(one.student, one.reference)
    except Exception as error:
        LOG.warning("thumbnail of %r: %s: %s", exhibit.key, type(error).__name__, error)
        return ()
    return shown


def _expect_pixels(*sides: object) -> None:
    for side in sides:
        shape = () if side is None else np.shape(np.asarray(side))
        fits = len(shape) == 3 and shape[-1] == 3 and min(shape) > 0 and max(shape) <= LARGEST_THUMBNAIL
        if side is not None and not (fits and np.asarray(side).dtype == np.uint8):
            raise TypeError("a side of a thumbnail must be (h, w, 3), uint8, and small")


def import_kinds(own: Path) -> None:
    """Import an assignment's own kinds now, for a process that may not read the folder of its solutions later."""
    for path in sorted(own.glob("*.py")):
        try:
            import_part(path)
        except MachineError as error:  # told in the place of each picture of that kind
            LOG.warning("%s", error)


def _reason(error: Exception) -> str:
    if isinstance(error, FigureError):
        return str(error)
    if isinstance(error, MachineError):
        return "the fault is ours, and no points depend on it"
    return "its data don't have the form that it needs"


def _drawn(exhibit: Exhibit, own: Path | None) -> Picture:
    picture = _find_kind(exhibit.kind, own).draw(exhibit)
    if not isinstance(picture, Picture):
        raise TypeError(f"{exhibit.kind}.draw returned {type(picture).__name__}")
    return picture


def _find_kind(kind: str, own: Path | None) -> ModuleType:
    if kind.isidentifier():
        if own is not None and (path := own / f"{kind}.py").is_file():
            return import_part(path)
        if find_spec(f"{LIBRARY}.{kind}") is not None:
            return import_module(f"{LIBRARY}.{kind}")
    raise FigureError(f"there is no kind of figure called {style.label(kind)!r}")


def plain_box(sentence: str, caption: str) -> Picture:
    """A framed sentence in the place of a figure; the caption says it too."""
    figure = new_figure(style.TEXT_WIDTH_MM, 16)
    axes = figure.add_axes((0.002, 0.02, 0.996, 0.96))
    style.no_axes(axes)
    axes.text(0.02, 0.5, style.label(sentence, 110), va="center", color=style.MUTED, transform=axes.transAxes)
    return as_svg(figure, alt=sentence, caption=f"{sentence} {caption}".strip())
