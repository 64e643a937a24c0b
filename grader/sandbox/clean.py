"""Asks a worker that holds no submission which modules are there: a student's own process could say anything."""

from __future__ import annotations

import time
from types import ModuleType

from grader.errors import SandboxUnavailable
from grader.rubric import Limits
from grader.sandbox.protocol import DeadlinePassed, ProtocolError, until
from grader.sandbox.worker import Worker

ANSWER_S = 120  # importing a large package on a busy machine
_ANSWER_BYTES = 1 << 16


class CleanWorker:
    """A worker as a submission gets it, without the submission; started when it is first asked.

    Args:
        backend: The sandbox, as `worker_pool.py` has it.
        limits: What a submission's workers may use.
    """

    def __init__(self, backend: ModuleType, limits: Limits) -> None:
        self._backend, self._limits = backend, limits
        self._worker: Worker | None = None
        self._lacks: dict[tuple[str, str], bool] = {}

    def lacks(self, module: str, package: str = "") -> bool:
        """Whether a module is not there for student code, or a package can't be imported.

        Args:
            module: Dotted name.
            package: Name of a package to be imported as well; none if empty.

        Returns:
            False as well where no worker can be had, or it does not answer: a submission may keep the machine from it.
        """
        if (module, package) not in self._lacks:
            try:
                request = {"op": "find", "module": module, "package": package}
                reply, _ = self._started().exchange(request, [], until(time.monotonic() + ANSWER_S), _ANSWER_BYTES)
                self._lacks[module, package] = reply.get("value") is not True
            except (SandboxUnavailable, ProtocolError, DeadlinePassed):
                self.stop()
                self._lacks[module, package] = False
        return self._lacks[module, package]

    def _started(self) -> Worker:
        if self._worker is None:
            self._worker = self._backend.start(self._limits, self._limits.scratch_mib)
            self._worker.confine(self._limits, self._limits.scratch_mib, {}, self._backend.system_calls())
        return self._worker

    def stop(self) -> None:
        """End it."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.stop()
