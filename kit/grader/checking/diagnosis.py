"""In the students' kit: nothing looks for known mistakes, which only the grader knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


class Diagnosis:
    """Names no mistake."""

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
