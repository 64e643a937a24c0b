"""Answers requests about an implementation: imports its modules, calls its functions, holds its objects.

The same handler runs in the student's process, behind `worker.py`, and in the grader's for the oracle and the known
mistakes: all are addressed in the same way and get copies of the same arguments. Requests are `import`, `call`, `read`,
`make`, `load`, `open`, `find` and `reset`; an answer holds `value`, or `error`, or `missing`.
"""

from __future__ import annotations

import importlib
import random
import re
import sys
import traceback
import types
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from grader.installed import is_installed
from grader.newer_syntax import newer_syntax
from grader.sandbox.describing import quoted
from grader.sandbox.forbidding import without
from grader.sandbox.loading import load_into
from grader.sandbox.protocol import Array, Frame, Header, ProtocolError
from grader.sandbox.standins import StandIn
from grader.sandbox.unpickling import ClassMissing, read_saved
from grader.sandbox.values import Arrays, pack, unpack

_LIBRARY = re.compile(r".*/(?:site-packages|dist-packages|lib/python3\.\d+)/")  # below it lies what others wrote
MOST_LEFT_OUT = 3  # statements of a notebook that an answer tells of
_QUOTED = re.compile(r"['\[\"](\w+)['\]\"]")  # as in "name 'net' is not defined" and "Module [MyNet] is missing ..."


class Absent(Exception):
    """A module, name or file that the implementation does not have."""


class RequestHandler:
    """Holds one implementation.

    Args:
        import_module: Gives a module of the implementation by name; raises Absent when it has none.
        open_file: Opens a file of the implementation; raises Absent when it has none.
        root: Folder whose frames belong to the student, for tracebacks.
        caught: What may become an answer. In the student's process everything does, in ours Ctrl-C does not.
    """

    def __init__(
        self,
        import_module: Callable[[str], types.ModuleType],
        open_file: Callable[[str], BinaryIO],
        root: str = "",
        caught: tuple[type[BaseException], ...] = (BaseException,),
    ) -> None:
        self._import_module = import_module
        self._open_file = open_file
        self._root = root
        self._caught = caught
        self._importing = ""  # the module that is being imported: what is raised meanwhile is told as its failure
        self._objects: dict[int, Any] = {}
        self._counter = 0

    def answer(self, header: Header, arrays: Arrays) -> Frame:
        """Do what a request asks for; whatever the implementation raises becomes an answer."""
        results: list[Array] = []
        self._importing = ""
        try:
            value = getattr(self, f"_do_{header['op']}")(header, arrays)
            node = self._keep(value) if header.get("keep") else pack(value, results, self._keep)
            return {"value": node}, results
        except Absent as absent:
            return {"missing": str(absent), "left_out": self._left_out(str(absent).rpartition(".")[2], whole=True)}, []
        except self._caught as error:
            return {"error": self._describe(error) | {"importing": self._importing}}, []

    # Requests, one method each.

    def _do_import(self, header: Header, _arrays: Arrays) -> None:
        self._module(header["module"])

    def _do_call(self, header: Header, arrays: Arrays) -> Any:
        function = self._target(header["target"])
        args = [self._unpack(node, arrays) for node in header["args"]]
        kwargs = {name: self._unpack(node, arrays) for name, node in header["kwargs"].items()}
        with _no_grad() if header.get("no_grad") else nullcontext(), without(header.get("forbid", ())):
            return function(*args, **kwargs)

    def _do_read(self, header: Header, _arrays: Arrays) -> Any:
        return self._target(header["target"])

    def _do_make(self, header: Header, arrays: Arrays) -> Any:
        return self._unpack(header["recipe"], arrays)

    def _do_load(self, header: Header, _arrays: Arrays) -> dict[str, Any]:
        """Load a model file into a model, in whichever of the accepted forms it is, or say why it is in none."""
        model, module = self._objects[header["model"]], self._module(header["module"])
        try:
            with self._open_file(header["file"]) as file:
                saved = read_saved(file, module)
        except ClassMissing as missing:
            return {"problem": "class", "found": quoted(missing.name), "differences": [missing.reason]}
        return load_into(model, saved)

    def _do_open(self, header: Header, _arrays: Arrays) -> BinaryIO:
        return self._open_file(header["file"])

    def _do_find(self, header: Header, _arrays: Arrays) -> bool:
        """Whether a module is there; raises ImportError where `package` can't be imported."""
        if header["package"]:
            importlib.import_module(header["package"])
        return is_installed(header["module"])

    def _do_reset(self, header: Header, _arrays: Arrays) -> None:
        self._objects.clear()
        seed = header["seed"]
        random.seed(seed)
        np.random.seed(seed)  # students' code draws from the global generator
        if (torch := sys.modules.get("torch")) is not None:
            torch.default_generator.manual_seed(seed)  # torch.manual_seed keeps a traceback for each absent device

    # What nodes stand for.

    def _module(self, name: str) -> types.ModuleType:
        self._importing = name
        module = self._import_module(name)
        self._importing = ""
        return module

    def _target(self, target: Header) -> Any:
        if "path" in target:
            return _resolve(target["path"])
        if "object" in target:
            held = self._objects[target["object"]]
            return getattr(held, target["name"]) if target.get("name") else held
        module = self._module(target["module"])
        try:
            return getattr(module, target["name"])
        except AttributeError:
            raise Absent(f"{target['module']}.{target['name']}") from None

    def _unpack(self, node: Any, arrays: Arrays) -> Any:
        return unpack(node, arrays, lambda inner: self._fetch(inner, arrays), tensors=True)

    def _fetch(self, node: Header, arrays: Arrays) -> Any:
        if node.get("$") == "object":
            return self._objects[node["id"]]
        if node.get("$") == "make":
            args = [self._unpack(inner, arrays) for inner in node["args"]]
            kwargs = {name: self._unpack(inner, arrays) for name, inner in node["kwargs"].items()}
            return _resolve(node["path"])(*args, **kwargs)
        raise ProtocolError("a value of an unknown kind")

    def _keep(self, value: Any) -> Header:
        if type(value) is StandIn:
            value.tell_why()  # no answer
        self._counter += 1
        self._objects[self._counter] = value
        # Of an array that can't travel, a complex one for example, at least the dtype is told.
        dtype = str(value.dtype) if type(value).__module__ in ("torch", "numpy") and hasattr(value, "dtype") else ""
        return {"$": "object", "id": self._counter, "type": type(value).__name__[:80], "dtype": dtype[:40]}

    def _describe(self, error: BaseException) -> Header:
        """Describe an exception in plain words: type, text, the student's own frames (innermost last), and `library`.

        `library` is the library function that raised it, e.g. "torch/nn/functional.py: linear", or empty.
        """
        frames = traceback.extract_tb(error.__traceback__)
        library = _library_function(frames[-1]) if frames else ""
        if isinstance(error, SyntaxError) and error.filename:
            frames.append(traceback.FrameSummary(error.filename, error.lineno or 0, "<module>"))
        own = [f for f in frames if self._root and f.filename.startswith(self._root)]
        # torch raises NotImplementedError as well; a TODO is a line of the student's.
        at_raise = bool(frames) and frames[-1].filename.startswith(self._root) and "raise" in (frames[-1].line or "")
        where = [f"{f.filename[len(self._root) :].lstrip('/')}, line {f.lineno}, in {f.name}" for f in own[-3:]]
        try:
            text = str(error.msg if isinstance(error, SyntaxError) else error)  # its own words name file and line again
        except Exception:
            text = "(its message can't be shown)"
        return {
            "type": type(error).__name__[:80],
            "text": text[:2000].encode("utf-8", "backslashreplace").decode(),
            "where": [line[:200] for line in where],
            "library": library[:200],
            "not_started": isinstance(error, NotImplementedError) and at_raise,
            "left_out": self._left_out(text),
            "module": str(error.name)[:200] if isinstance(error, ImportError) else "",
            "newer": _newer_syntax(error) if isinstance(error, SyntaxError) and own else None,
        }

    def _left_out(self, text: str, *, whole: bool = False) -> list[Header]:
        """Why names that an error quotes mean nothing: statements of a notebook that failed and were left out.

        Args:
            text: What the error says, or the one name that is missed.
            whole: Whether it is a name.
        """
        told: dict[str, Header] = {}
        waiting = [f"'{text}'" if whole else text[:2000]]
        while waiting:
            quoted = set(_QUOTED.findall(waiting.pop()))
            for module in list(sys.modules.values()):
                path = self._own_path(str(getattr(module, "__file__", "")))
                if not path or not isinstance(module, types.ModuleType):
                    continue
                why = getattr(vars(module).get("_cell_"), "why", {})  # grader/notebooks/guards.py
                for name in [name for name in why if name in quoted and name not in told]:
                    kind, said, line = why[name]
                    where = f"{path}, line {line}, in <module>"
                    told[name] = {"name": name, "type": kind, "text": said[:500], "where": where}
                    waiting.append(said[:2000])
        return list(told.values())[:MOST_LEFT_OUT]

    def _own_path(self, file: str) -> str:
        """A file of the student's as a path below the root; empty for any other."""
        return file[len(self._root) :].lstrip("/") if self._root and file.startswith(self._root) else ""


def _library_function(frame: traceback.FrameSummary) -> str:
    """Name the function of a frame if it is a library's; empty if it is the implementation's own."""
    below = _LIBRARY.match(frame.filename.replace("\\", "/"))
    return f"{frame.filename[below.end() :]}: {frame.name}" if below else ""


def _newer_syntax(error: SyntaxError) -> str | None:
    """The version of Python whose syntax a student's file has."""
    try:
        return newer_syntax(Path(str(error.filename)).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _resolve(path: str) -> Any:
    """The object that a dotted path such as `torch.optim.SGD` names."""
    parts = path.split(".")
    for end in range(len(parts) - 1, 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            found = getattr(found, part)
        return found
    raise ModuleNotFoundError(path)


def _no_grad() -> Any:
    import torch

    return torch.no_grad()
