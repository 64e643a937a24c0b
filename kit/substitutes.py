"""What stands in the kit in the place of definitions of the grader's that students' machines could not run.

`grader/authoring/kit/making.py` says which. Each is copied without this file's imports where the grader's module has
them already.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from grader.bounded_process import Ended


class Record:
    """A frozen record; the grader's own also checks the types."""

    def __init_subclass__(cls) -> None:
        """Make it a dataclass; a dictionary given as a default is copied for each record."""
        for name, value in list(vars(cls).items()):
            if isinstance(value, dict) and not name.startswith("__"):
                setattr(cls, name, field(default_factory=value.copy))
        dataclass(frozen=True, kw_only=True)(cls)


class Diagnosis:
    """No mistake is known here; the grader names those that it recognises."""

    def __init__(self, context: Any) -> None:
        """Take nothing of the run."""

    def note_passed(self, check: Callable[..., None], arguments: Mapping[str, Any]) -> None:
        """Note nothing."""

    def note_stopped(self, check: Callable[..., None], arguments: Mapping[str, Any], stopped: Exception) -> None:
        """Look for nothing."""

    def settle(self) -> dict[Any, list[Any]]:
        """Name nothing."""
        return {}


def passes_for_oracle(context: Any, check: Callable[..., None], arguments: Mapping[str, Any]) -> bool:
    """The checks pass with the solutions: that was tried when the kit was made."""
    return True


def run_limited(module: str, given: Mapping[str, bytes], wanted: Sequence[str], bounds: Any) -> Ended:
    """Call `main(folder)` of a module here: the student's own files keep nobody else waiting."""
    from importlib import import_module

    with TemporaryDirectory(prefix="kit-") as made:
        folder = Path(made)
        for name, content in given.items():
            (folder / name).write_bytes(content)
        import_module(module).main(folder)
        return Ended({name: (folder / name).read_bytes() for name in wanted}, "")
