"""Chooses the strongest wall that works here.

A backend is a module with `NAME`, `unavailable() -> str | None` and `start(limits, box_mib) -> Cell`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import ModuleType

from grader.errors import SandboxUnavailable
from grader.rubric import Limits
from grader.sandbox import bubblewrap
from grader.sandbox.cell import Cell
from grader.sandbox.seccomp import build_filter

BACKENDS: tuple[ModuleType, ...] = (bubblewrap,)


@functools.cache
def choose_backend() -> ModuleType:
    """The first backend that works, probed once.

    Raises:
        SandboxUnavailable: If none does, with the reasons.
    """
    reasons = []
    for backend in BACKENDS:
        reason = backend.unavailable()
        if reason is None:
            return backend
        reasons.append(reason)
    raise SandboxUnavailable("no sandbox works here: " + "; ".join(reasons))


class Jail:
    """Hands out confined cells for one submission, with the next one always warming up.

    Args:
        limits: What a cell may use.
        modules: The assignment's modules; they share the submission's time.
        files: The submission's files.
    """

    def __init__(self, limits: Limits, modules: tuple[str, ...], files: Mapping[str, bytes]) -> None:
        self.backend = choose_backend()
        self.modules = modules
        self._limits, self._files = limits, files
        self._box_mib = (sum(map(len, files.values())) >> 20) + limits.scratch_mib
        self._spare: Cell | None = None

    def warm(self) -> None:
        """Start the next cell's process in the background."""
        if self._spare is None:
            self._spare = self.backend.start(self._limits, self._box_mib)

    def take(self, *, last: bool = False) -> Cell:
        """A confined cell that holds the submission.

        Args:
            last: Whether no further cell will be wanted, so that none needs to warm up.

        Raises:
            SandboxUnavailable: If it can't be made.
        """
        self.warm()
        cell, self._spare = self._spare, None
        assert cell is not None
        try:
            if not last:
                self.warm()
            cell.confine(self._limits, self._box_mib, self._files, build_filter())
        except BaseException:
            cell.stop()
            raise
        return cell

    def close(self) -> None:
        """Stop the cell that warms up."""
        spare, self._spare = self._spare, None
        if spare is not None:
            spare.stop()
