"""Step 4, draw: an exhibit's arrays -> a picture.

A kind of picture is a module of this package, named after the kind, with `draw(exhibit) -> Picture`; adding a file adds
a kind. Arrays that start with `student_` come from a submission: finite and of sane size, otherwise anything. Whatever
goes wrong while drawing, the reader gets a box with a sentence and everybody else's figures.
"""

from __future__ import annotations

import logging
import pkgutil
import warnings
from importlib import import_module

import matplotlib as mpl

from grader.figures import style
from grader.figures.picture import FigureError, Picture, as_svg, new_figure
from grader.records import Exhibit

__all__ = ["KINDS", "FigureError", "Picture", "draw"]

LOG = logging.getLogger(__name__)
NO_KINDS = {"heat", "picture", "sheet", "sides", "style"}
KINDS = frozenset(module.name for module in pkgutil.iter_modules(__path__)) - NO_KINDS


def draw(exhibit: Exhibit) -> Picture:
    """Draw one exhibit in the house style; never raises for what is in it.

    Returns:
        The picture; a plain box with a sentence when it can't be drawn. The same exhibit gives the same bytes.
    """
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class name in a script that our fonts lack
        mpl.rcdefaults()
        mpl.rcParams.update(style.settings())
        try:
            return _drawn(exhibit)
        except Exception as error:
            LOG.warning("figure %r: %s: %s", exhibit.key, type(error).__name__, error)
            reason = str(error) if isinstance(error, FigureError) else "its data don't have the form that it needs"
            return plain_box(f"This figure could not be drawn: {reason}.", exhibit.caption)


def _drawn(exhibit: Exhibit) -> Picture:
    if exhibit.kind not in KINDS:
        raise FigureError(f"there is no kind of figure called {style.label(exhibit.kind)!r}")
    picture = import_module(f"{__name__}.{exhibit.kind}").draw(exhibit)
    if not isinstance(picture, Picture):
        raise TypeError(f"{exhibit.kind}.draw returned {type(picture).__name__}")
    return picture


def plain_box(sentence: str, caption: str) -> Picture:
    """A framed sentence in the place of a figure; the caption says it too."""
    figure = new_figure(style.TEXT_WIDTH_MM, 16)
    axes = figure.add_axes((0.002, 0.02, 0.996, 0.96))
    style.no_axes(axes)
    axes.text(0.02, 0.5, style.label(sentence, 110), va="center", color=style.MUTED, transform=axes.transAxes)
    return as_svg(figure, alt=sentence, caption=f"{sentence} {caption}".strip())
