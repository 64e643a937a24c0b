"""Tells which modules can be imported where student code runs, by looking for their files: nothing is imported.

One answer for the grader, for a notebook's notes and for a worker, where `sandbox/transport.py` asks for it too.
"""

from __future__ import annotations

import os
import re
import sys
from importlib.machinery import PathFinder

PROVIDED = ("IPython",)  # packages that `sandbox/headless.py` stands in for
# Parts of the standard library that Debian packs apart: one Python has them and another of the same version does not.
_APART = {"distutils", "ensurepip", "idlelib", "lib2to3", "test", "tkinter", "_tkinter", "turtle", "turtledemo"}
_NAME = re.compile(r"[A-Za-z_]\w{0,99}(?:\.[A-Za-z_]\w{0,99}){0,9}")
_LIBRARY = os.path.dirname(os.__file__)


def is_installed(name: str) -> bool:
    """Whether the standard library or an installed package holds a module.

    Args:
        name: Dotted, as an import names it; anything else is not installed.
    """
    first, *rest = name.split(".")
    if not _NAME.fullmatch(name) or first in _APART:
        return False
    if first in PROVIDED or name in sys.builtin_module_names:
        return True
    # Neither the grader's own folder nor a student's: those are on the path as well.
    places: list[str] | None = [place for place in sys.path if "-packages" in place or place.startswith(_LIBRARY)]
    for depth in range(1 + len(rest)):
        spec = PathFinder.find_spec(".".join([first, *rest[:depth]]), places)
        if spec is None:
            return False
        if spec.submodule_search_locations is None:
            return True  # a module that may make its own, such as `os.path`
        places = list(spec.submodule_search_locations)
    return True
