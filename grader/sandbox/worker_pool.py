"""Chooses the strongest wall that works here, and hands out workers behind it.

A backend is a module with `NAME` (as `--min-sandbox` takes it), `TITLE` (as reports tell it), `unavailable() -> str |
None`, `start(limits, folder_mib) -> Worker` and `system_calls() -> bytes`, the filter of its workers.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from types import ModuleType

from grader.errors import SandboxUnavailable
from grader.rubric import Limits
from grader.sandbox import cold, container, fork, process
from grader.sandbox.clean import CleanWorker
from grader.sandbox.worker import Worker

LOG = logging.getLogger(__name__)
BACKENDS: tuple[ModuleType, ...] = (fork, cold, container, process)  # the strongest first
WEAKEST = container.NAME  # that student code runs behind unless the grader is told otherwise


def choose_backend(weakest: str = WEAKEST) -> ModuleType:
    """The first backend that works, probed once.

    Args:
        weakest: Name of the last backend that will do.

    Raises:
        SandboxUnavailable: If none does, with the reasons.
        ValueError: If there is no backend `weakest`.
    """
    return _choose(weakest)


@functools.cache
def _choose(weakest: str) -> ModuleType:
    if weakest not in (names := [backend.NAME for backend in BACKENDS]):
        raise ValueError(f"{weakest!r} is none of the sandboxes {', '.join(names)}")
    reasons = []
    for backend in BACKENDS:
        reason = backend.unavailable()
        if reason is None:
            return backend
        reasons.append(f"{backend.NAME}: {reason}")
        if weakest == backend.NAME:
            break
    raise SandboxUnavailable("no sandbox that is strong enough works here.\n" + "\n".join(dict.fromkeys(reasons)))


class WorkerPool:
    """Hands out confined workers for one submission, with the next one always being made in the background.

    Args:
        limits: What a worker may use.
        modules: The assignment's modules; they share the submission's time.
        files: The submission's files.
        weakest: Name of the weakest backend that will do.

    Attributes:
        clean: A worker without the submission, to ask what is there.
    """

    def __init__(
        self, limits: Limits, modules: tuple[str, ...], files: Mapping[str, bytes], weakest: str = WEAKEST
    ) -> None:
        self.backend = choose_backend(weakest)
        self.clean = CleanWorker(self.backend, limits)
        self.modules = modules
        self._limits, self._files = limits, files
        self._box_mib = (sum(map(len, files.values())) >> 20) + limits.scratch_mib
        self._spare: Future[Worker] | None = None
        self._making: Worker | None = None  # what `_starter` is at
        self._is_closed = False
        self._starter = ThreadPoolExecutor(1, "cell-starter")
        self._reaper = ThreadPoolExecutor(1, "cell-reaper")
        self._retired: list[Future[str]] = []

    @property
    def is_open(self) -> bool:
        """Whether the student's code could read what lies on this machine."""
        return self.backend is process

    def warm(self) -> None:
        """Begin to make the next worker in the background."""
        if self._spare is None:
            self._spare = self._starter.submit(self._make)

    def take(self, *, last: bool = False) -> Worker:
        """A confined worker that holds the submission.

        Args:
            last: Whether no further worker will be wanted, so that none needs to be made.

        Raises:
            SandboxUnavailable: If it can't be made.
        """
        self.warm()
        assert self._spare is not None
        if self._spare.exception() or not self._spare.result().is_alive():
            # It was made, or waited, beside a worker whose code may have kept the machine from it.
            self._discard(self._spare)
            self._spare = self._starter.submit(self._make)
        worker = self._spare.result()
        self._spare = None if last else self._starter.submit(self._make)  # until here an interrupt leaves it to `close`
        return worker

    def _make(self) -> Worker:
        """A confined worker that holds the submission; none of its code has run."""
        worker: Worker = self.backend.start(self._limits, self._box_mib)
        self._making = worker
        try:
            if self._is_closed:
                raise SandboxUnavailable("nobody wants it any more")
            worker.confine(self._limits, self._box_mib, self._files, self.backend.system_calls())
        except BaseException:
            worker.stop()
            raise
        finally:
            self._making = None
        return worker

    def _discard(self, spare: Future[Worker]) -> None:
        """Stop a worker that nobody has taken; one that could not be made is missed by nobody."""
        error = spare.exception()
        if error is None:
            self.retire(spare.result())
        elif not isinstance(error, SandboxUnavailable):
            LOG.error("something is left of a worker: %s", error)

    def retire(self, worker: Worker) -> None:
        """Kill a worker that is of no more use, and wait in the background until nothing is left of it."""
        worker.kill()
        self._retired.append(self._reaper.submit(worker.stop))

    def close(self) -> None:
        """Stop the worker that was made in vain, and wait until nothing is left of those that were retired.

        What can't be removed after a worker's end, a control group for example, is logged: it costs nobody a grade.
        """
        self._is_closed = True
        self.clean.stop()
        if (making := self._making) is not None:
            making.kill()  # its confinement fails then
        self._starter.shutdown()
        spare, self._spare = self._spare, None
        if spare is not None:
            self._discard(spare)
        self._reaper.shutdown()
        for stopped in self._retired:
            if error := stopped.exception():
                LOG.error("something is left of a worker: %s", error)
