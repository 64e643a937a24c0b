"""The two ways to an implementation: a worker of the pool, or a handler in this process."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from types import ModuleType
from typing import BinaryIO

from grader.environment import ALWAYS, all_import_names
from grader.errors import (
    CheckStopped,
    MachineError,
    Missing,
    SandboxUnavailable,
    StudentCrashed,
    StudentTimeout,
)
from grader.installed import is_installed
from grader.rubric import Limits
from grader.sandbox.budget import Budget, Modules
from grader.sandbox.calls import Terms
from grader.sandbox.hints import limit_hint
from grader.sandbox.protocol import Array, ChannelClosed, DeadlinePassed, Frame, Header, ProtocolError, until
from grader.sandbox.request_handler import Absent, RequestHandler
from grader.sandbox.worker import START_S, Worker
from grader.sandbox.worker_pool import WorkerPool

TAIL_LINES = 8  # of the process's output, quoted when it dies
RESET_S = 5  # to forget what a check has left behind; beyond that a new worker is quicker
IMPORT_BYTES = 1 << 20  # of an answer that holds nothing
ENDED = (
    "The Python process that ran your code ended before it answered. os._exit(), a crash in a library, or too much "
    "memory can cause this."
)
UNREADABLE = "The answer from the process that ran your code could not be read: it is too large or malformed."
WAITING = "Seconds count while your code computes or waits, not while the machine is busy with others."


class WorkerTransport:
    """Reaches the student's code in workers, replacing a worker that died, hung or broke the protocol.

    Keeps the submission's budget: a module that hangs or dies at import is not tried again, nor is a call made whose
    modules have used up their seconds.
    """

    def __init__(self, pool: WorkerPool, limits: Limits, packages: Iterable[str] = tuple(ALWAYS)) -> None:
        self._pool = pool
        self._limits = limits
        self._promised = all_import_names(packages)
        self._worker: Worker | None = None
        self._is_last = False
        self._imported: dict[str, bool] = {}  # modules asked for in this worker, and whether they came
        self._is_used = False  # whether code of the student may have run in this worker
        self._stuck: dict[str, Callable[[], CheckStopped]] = {}  # why a module is not imported again
        self._budget = Budget(pool.modules, limits.submission_s)

    def renew(self, *, last: bool = False) -> None:
        """Take a new worker for what comes next; `last` when nothing comes after it."""
        self._is_last = last
        worker = self._forget()
        if worker is not None:
            self._pool.retire(worker)
        self._worker = self._pool.take(last=last)

    def drop(self) -> str:
        """Stop the worker, if there is one, and return the end of its output."""
        worker = self._forget()
        return worker.stop() if worker else ""

    def _forget(self) -> Worker | None:
        worker, self._worker, self._imported, self._is_used = self._worker, None, {}, False
        return worker

    def exchange(self, header: Header, arrays: list[Array], terms: Terms) -> Frame:
        """Send a request; import the module it needs first, under the import's own limit."""
        if header["op"] == "reset":
            return self._reset(header, terms)
        module = header.get("module") or header.get("target", {}).get("module")
        if module and not self._imported.get(module):
            self._import(module, frozenset({module}) & terms.modules or terms.modules)
        # What runs none of their code by name may run what any of them has put in its place.
        modules = terms.modules or frozenset(self._imported)
        timeout_s = terms.timeout_s or self._limits.call_s
        reply, results = self._ask(header, arrays, replace(terms, modules=modules, timeout_s=timeout_s), "The call")
        self._acquit(reply.get("error"))
        return reply, results

    def _acquit(self, error: object) -> None:
        """Take the blame for an import that failed because the sandbox lacks what is installed.

        Raises:
            MachineError: If a worker without the submission lacks the module as well.
        """
        module = error.get("module") if isinstance(error, dict) else None
        if not isinstance(module, str) or not is_installed(module):
            return
        top = module.partition(".")[0]
        if self._pool.clean.lacks(module, top if top in self._promised else ""):
            raise MachineError(f"`{module}` is installed here, and can't be imported in the sandbox")

    def _import(self, module: str, charged: Modules) -> None:
        if module in self._stuck:
            raise self._stuck[module]()
        terms = Terms(f"import {module}", charged, self._limits.import_s, IMPORT_BYTES)
        self._left_s(terms.modules)
        alone = self._imported.keys() <= {module}  # nobody else's code in this worker could be to blame
        self._imported[module] = False
        try:
            reply, _ = self._ask({"op": "import", "module": module}, [], terms, f"Importing `{module}.py`")
        except (StudentTimeout, StudentCrashed) as stopped:
            if self._budget.left_s(terms.modules) <= 0:
                raise
            stopped.help = "Put what trains, downloads or loops under `if __name__ == '__main__':`."
            if alone:
                kind, message, got, help = type(stopped), stopped.message, stopped.got, stopped.help
                self._stuck[module] = lambda: kind(message, got=got, help=help)
            raise
        if reply.get("missing"):
            raise Missing(f"Your zip has no `{module}.py`.")
        self._imported[module] = "value" in reply
        # An import that raised is asked for again by the call itself, which then reports the exception.

    def _reset(self, header: Header, terms: Terms) -> Frame:
        """Have the worker forget what a check has made; if it does not, take a new one, which costs no check anything.

        Raises:
            SandboxUnavailable: If a new worker, in which no code of the student has run, does not answer.
        """
        if self._is_used:
            with suppress(StudentTimeout, StudentCrashed):
                costs = Terms("clearing up after a check", frozenset(self._imported), RESET_S)
                answer = self._ask(header, [], costs, "Clearing up")
                if "value" in answer[0]:
                    return answer
            self.drop()
        if self._worker is None:
            self.renew(last=self._is_last)
        assert self._worker is not None
        try:
            return self._worker.exchange(header, [], until(time.monotonic() + START_S), terms.max_body)
        except (DeadlinePassed, ProtocolError) as error:
            raise SandboxUnavailable(f"a new sandboxed process does not answer: {error}\n{self.drop()}") from error

    def _ask(self, header: Header, arrays: list[Array], terms: Terms, what: str) -> Frame:
        """Send a request to the worker, or to a new one, at the expense of `terms.modules`."""
        left_s, timeout_s = self._left_s(terms.modules), terms.timeout_s or self._limits.call_s
        if self._worker is None:
            self.renew(last=self._is_last)
        assert self._worker is not None
        self._is_used = True
        stopwatch = self._worker.stopwatch(min(timeout_s, left_s))
        try:
            try:
                reply, results = self._worker.exchange(header, arrays, stopwatch, terms.max_body)
            finally:
                charged_s = stopwatch.seconds()
                self._budget.charge(terms.modules, terms.called.partition("(")[0], charged_s)
            error = reply.get("error")
            hint = limit_hint(error, self._limits) if isinstance(error, dict) else ""
            return {**reply, "hint": hint, "charged_s": charged_s}, results
        except DeadlinePassed:
            reached = stopwatch.limit_in_words()
            self.drop()
            if left_s <= timeout_s:
                raise self._budget.used_up(terms.modules, "this call was stopped") from None
            raise StudentTimeout(f"{what} was stopped after {reached}.", help=WAITING) from None
        except ProtocolError as error:
            verdict = self._worker.verdict()
            output = self.drop()
            message = verdict or (ENDED if isinstance(error, ChannelClosed) else UNREADABLE)
            raise StudentCrashed(message, got=_tail(output)) from error
        except BaseException:  # whatever it was, what the worker sends next would be the answer to this
            self.drop()
            raise

    def _left_s(self, modules: frozenset[str]) -> float:
        """Seconds that a call of these modules may take; raises StudentTimeout when there are none."""
        if (left_s := self._budget.left_s(modules)) <= 0:
            raise self._budget.used_up(modules, "this call was not made")
        return left_s


def _tail(output: str) -> str:
    lines = output.strip().splitlines()[-TAIL_LINES:]
    return "It last printed:\n" + "\n".join(line[:200] for line in lines) if lines else ""


class LocalTransport:
    """Reaches modules in this process: ours, never a student's.

    Args:
        modules: By name.
        files: Contents by name.
    """

    def __init__(self, modules: Mapping[str, ModuleType], files: Mapping[str, bytes]) -> None:
        self._modules = modules
        self._files = files
        self._handler = RequestHandler(self._import, self._open, caught=(Exception, SystemExit))

    def exchange(self, header: Header, arrays: list[Array], _terms: Terms) -> Frame:
        """Answer a request at once."""
        return self._handler.answer(header, arrays)

    def _import(self, name: str) -> ModuleType:
        if name not in self._modules:
            raise Absent(f"{name}.py")
        return self._modules[name]

    def _open(self, name: str) -> BinaryIO:
        if name not in self._files:
            raise Absent(name)
        return io.BytesIO(self._files[name])
