"""A student's own modules, in this process: how the students' kit reaches what the grader reaches in a sandbox."""

from __future__ import annotations

import builtins
import importlib
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import BinaryIO

import torch

from grader.errors import Missing
from grader.sandbox import standins
from grader.sandbox.calls import Terms
from grader.sandbox.headless import NOTEBOOK_NAMES
from grader.sandbox.protocol import Array, Frame, Header
from grader.sandbox.request_handler import Absent, RequestHandler

NOT_THEIRS = ("site-packages", "dist-packages")  # folders below a student's that hold what others wrote
KIT = "kit"  # the folder of the grader's code beside the student's modules


class HomeHandler(RequestHandler):
    """Answers for modules in a folder that may also hold a virtual environment and the kit itself."""

    def __init__(self, folder: Path) -> None:
        super().__init__(self._load, self._open_here, caught=(Exception, SystemExit))
        self._folder = folder

    def _load(self, name: str) -> ModuleType:
        if not (self._folder / f"{name}.py").is_file():
            raise Absent(f"{name}.py")
        return importlib.import_module(name)

    def _open_here(self, name: str) -> BinaryIO:
        try:
            return (self._folder / name).open("rb")
        except FileNotFoundError:
            raise Absent(name) from None

    def _own_path(self, file: str) -> str:
        path = own_path(self._folder, file)
        return path.as_posix() if path else ""

    def _describe(self, error: BaseException) -> Header:
        """As the grader tells it: places in the student's own files only."""
        told = super()._describe(error)
        frames = traceback.extract_tb(error.__traceback__)
        if isinstance(error, SyntaxError) and error.filename:
            frames.append(traceback.FrameSummary(error.filename, error.lineno or 0, "<module>"))
        own = [(path, frame) for frame in frames if (path := own_path(self._folder, frame.filename)) is not None]
        at_raise = bool(own) and own[-1][1] is frames[-1] and "raise" in (frames[-1].line or "")
        not_started = isinstance(error, NotImplementedError) and at_raise
        where = [f"{path.as_posix()}, line {frame.lineno}, in {frame.name}"[:200] for path, frame in own[-3:]]
        return {**told, "where": where, "not_started": not_started}


def own_path(folder: Path, filename: str) -> Path | None:
    """A student's own file below the folder, as a path from there; None for what others wrote."""
    path = Path(filename)
    if not path.is_relative_to(folder):
        return None
    own = path.relative_to(folder)
    return None if own.parts[0] == KIT or set(NOT_THEIRS) & set(own.parts) else own


def as_graded(folder: Path) -> Callable[[], None]:
    """Have failing imports and a notebook's `display` do what they do in the grader; returns what ends that."""
    remove = standins.install(lambda file: own_path(folder, file) is not None)
    given = {name: value for name, value in NOTEBOOK_NAMES.items() if not hasattr(builtins, name)}
    vars(builtins).update(given)

    def leave() -> None:
        remove()
        for name in given:
            delattr(builtins, name)

    return leave


class HomeTransport:
    """Reaches a student's modules in this process, imported anew for each task, as in the grader's sandbox.

    Args:
        folder: Where the modules are; `sys.path` holds it.

    Attributes:
        is_interrupted: Whether somebody pressed Ctrl-C while the student's code ran.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._handler = HomeHandler(folder)
        self._imported: set[str] = set()
        self.is_interrupted = False

    def renew(self) -> None:
        """Forget the student's modules and all that they made."""
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            if name != "__main__" and file and own_path(self._folder, file) is not None:
                del sys.modules[name]
        importlib.invalidate_caches()
        torch.set_default_device(None)  # what a module may have set for all
        torch.set_default_dtype(torch.float32)
        torch.set_grad_enabled(True)
        self._handler, self._imported = HomeHandler(self._folder), set()

    def exchange(self, header: Header, arrays: list[Array], _terms: Terms) -> Frame:
        """Answer a request; the module that it needs is imported first, as in the sandbox."""
        module = header.get("module") or header.get("target", {}).get("module")
        try:
            if module and module not in self._imported:
                reply, _ = self._handler.answer({"op": "import", "module": module}, [])
                if reply.get("missing"):
                    raise Missing(f"Your zip has no `{module}.py`.")
                self._imported |= {module} if "value" in reply else set()
            return self._handler.answer(header, arrays)
        except KeyboardInterrupt:
            self.is_interrupted = True
            raise
