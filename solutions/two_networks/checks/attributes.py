"""Names of libraries, handed to the student's side as arguments."""

from __future__ import annotations

from grader.author import Recipe, make


def attribute(module: str, name: str) -> Recipe:
    """A function or class of a library, as an argument."""
    return make("builtins.getattr", make("importlib.import_module", module), name)
