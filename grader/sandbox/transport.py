"""The two ways to an implementation: a cell of the jail, or a servant in this process."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import BinaryIO

from grader.environment import ALWAYS, all_import_names
from grader.errors import CheckStopped, MachineError, Missing, StudentCrashed, StudentTimeout
from grader.installed import is_installed
from grader.rubric import Limits
from grader.sandbox.cell import Cell
from grader.sandbox.hints import limit_hint
from grader.sandbox.jail import Jail
from grader.sandbox.protocol import Array, DeadlinePassed, Frame, Header, ProtocolError
from grader.sandbox.servant import Absent, Servant

RESERVED = 0.1  # of a submission's seconds for each other module: what a single one may not use up
TAIL_LINES = 8  # of the process's output, quoted when it dies


class CellTransport:
    """Reaches the student's code in cells, replacing a cell that died, hung or broke the protocol.

    Keeps the submission's time: a module that hangs or dies at import is not tried again, nor one that has used up its
    share of the seconds. Each module has a share of its own, so that one that hangs costs only the tasks that use it.
    """

    def __init__(self, jail: Jail, limits: Limits, packages: Iterable[str] = tuple(ALWAYS)) -> None:
        self._jail = jail
        self._limits = limits
        self._promised = all_import_names(packages)
        self._cell: Cell | None = None
        self._is_last = False
        self._imported: dict[str, bool] = {}  # modules asked for in this cell, and whether they came
        self._module = ""  # the one asked for last: what happens in the cell is counted against its share
        self._stuck: dict[str, Callable[[], CheckStopped]] = {}  # why a module is not imported again
        self._share_s = limits.submission_s * (1 - RESERVED * max(0, len(jail.modules) - 1))
        self._left_s: dict[str, float] = {}

    def renew(self, *, last: bool = False) -> None:
        """Take a new cell for what comes next; `last` when nothing comes after it."""
        self._is_last = last
        cell = self._forget()
        if cell is not None:
            self._jail.retire(cell)
        self._cell = self._jail.take(last=last)

    def drop(self) -> str:
        """Stop the cell, if there is one, and return the end of its output."""
        cell = self._forget()
        return cell.stop() if cell else ""

    def _forget(self) -> Cell | None:
        cell, self._cell, self._imported, self._module = self._cell, None, {}, ""
        return cell

    def exchange(self, header: Header, arrays: list[Array], timeout_s: float | None, max_body: int) -> Frame:
        """Send a request; import the module it needs first, under the import's own deadline."""
        module = header.get("module") or header.get("target", {}).get("module")
        if module:
            self._module = module
            if not self._imported.get(module):
                self._import(module)
        reply, results = self._ask(header, arrays, timeout_s or self._limits.call_s, max_body, "The call")
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
        if self._jail.clean.lacks(module, top if top in self._promised else ""):
            raise MachineError(f"`{module}` is installed here, and can't be imported in the sandbox")

    def _import(self, module: str) -> None:
        if module in self._stuck:
            raise self._stuck[module]()
        alone = self._imported.keys() <= {module}  # nobody else's code in this cell could be to blame
        self._imported[module] = False
        request = {"op": "import", "module": module}
        try:
            reply, _ = self._ask(request, [], self._limits.import_s, 1 << 20, f"Importing `{module}.py`")
        except (StudentTimeout, StudentCrashed) as stopped:
            stopped.help = "Put what trains, downloads or loops under `if __name__ == '__main__':`."
            if alone:
                kind, message, got, help = type(stopped), stopped.message, stopped.got, stopped.help
                self._stuck[module] = lambda: kind(message, got=got, help=help)
            raise
        if reply.get("missing"):
            raise Missing(f"Your zip has no `{module}.py`.")
        self._imported[module] = "value" in reply
        # An import that raised is asked for again by the call itself, which then reports the exception.

    def _ask(self, header: Header, arrays: list[Array], timeout_s: float, max_body: int, what: str) -> Frame:
        module = self._module
        left_s = self._left_s.get(module, self._share_s)
        if left_s <= 0:
            raise StudentTimeout(f"`{module}.py` has used up its {self._share_s:g} seconds.")
        if self._cell is None:
            self.renew(last=self._is_last)
            self._module = module
        assert self._cell is not None
        allowed_s = min(timeout_s, left_s)
        started = time.monotonic()
        try:
            reply, results = self._cell.exchange(header, arrays, allowed_s, max_body)
            error = reply.get("error")
            return {**reply, "hint": limit_hint(error, self._limits) if isinstance(error, dict) else ""}, results
        except DeadlinePassed:
            self.drop()
            raise StudentTimeout(f"{what} was stopped after {allowed_s:.3g} seconds.") from None
        except ProtocolError as error:
            limit = self._cell.verdict()
            output = self.drop()
            message = limit or f"The process that ran your code ended: {error}."
            raise StudentCrashed(message, got=_tail(output)) from error
        except BaseException:  # whatever it was, what the cell sends next would be the answer to this
            self.drop()
            raise
        finally:
            self._left_s[module] = left_s - (time.monotonic() - started)


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
        self._servant = Servant(self._import, self._open, caught=(Exception, SystemExit))

    def exchange(self, header: Header, arrays: list[Array], _timeout_s: float | None, _max_body: int) -> Frame:
        """Answer a request at once."""
        return self._servant.answer(header, arrays)

    def _import(self, name: str) -> ModuleType:
        if name not in self._modules:
            raise Absent(f"{name}.py")
        return self._modules[name]

    def _open(self, name: str) -> BinaryIO:
        if name not in self._files:
            raise Absent(name)
        return io.BytesIO(self._files[name])
