"""The handler: which requests it answers, and what it says about what went wrong."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
from sample_modules import write_module

from grader.importing import load_module
from grader.sandbox.protocol import Header, ProtocolError
from grader.sandbox.request_handler import Absent, RequestHandler

SOURCE = """
import torch

def outer(x):
    return inner(x)

def inner(x):
    if x == 1:
        raise KeyError(x)
    if x == 2:
        raise SystemExit
    if x == 3:
        raise NotImplementedError
    if x == 4:
        torch.nn.Module()(x)
    return {"value": x}
"""


@pytest.fixture
def handler(tmp_path: Path) -> RequestHandler:
    """A handler of one module, which stands where a student's would."""
    module = load_module(write_module(tmp_path, "work", SOURCE))

    def find(name: str) -> types.ModuleType:
        if name == "broken":
            compile("def f(:", str(tmp_path / "broken.py"), "exec")
        if name != "work":
            raise Absent(f"{name}.py")
        return module

    def open_file(name: str) -> BinaryIO:
        raise Absent(name)

    return RequestHandler(find, open_file, str(tmp_path))


def call(handler: RequestHandler, *args: Any) -> Header:
    """The answer to calling `work.outer` with plain arguments."""
    target = {"module": "work", "name": "outer"}
    reply, _ = handler.answer({"op": "call", "target": target, "args": list(args), "kwargs": {}}, [])
    return reply


def test_value(handler: RequestHandler) -> None:
    """A value is answered as a node."""
    assert call(handler, 5) == {"value": {"$": "dict", "items": [["value", 5]]}}


def test_error_names_the_students_lines(handler: RequestHandler) -> None:
    """An exception is told with the lines of the student's files on the way to it, and no line of ours."""
    error = call(handler, 1)["error"]
    assert error["type"] == "KeyError"
    assert error["where"] == ["work.py, line 5, in outer", "work.py, line 9, in inner"]
    assert error["not_started"] is False


def test_error_of_the_call_itself(handler: RequestHandler) -> None:
    """Too few arguments are an error without a line of the student's."""
    error = call(handler)["error"]
    assert (error["type"], error["where"]) == ("TypeError", [])


@pytest.mark.parametrize(("argument", "library"), [(1, ""), (4, "torch/nn/modules/module.py: _forward_unimplemented")])
def test_place_of_an_error(handler: RequestHandler, argument: int, library: str) -> None:
    """An exception that a library raised is told with the library's function, one of the student's line without."""
    assert call(handler, argument)["error"]["library"] == library


def test_exit_is_an_answer(handler: RequestHandler) -> None:
    """A student's `sys.exit()` is an exception like any other."""
    assert call(handler, 2)["error"]["type"] == "SystemExit"


def test_not_started(handler: RequestHandler) -> None:
    """A NotImplementedError that the student's own line raises is a TODO, one that torch raises is an error."""
    assert call(handler, 3)["error"]["not_started"] is True
    error = call(handler, 4)["error"]
    assert (error["type"], error["not_started"]) == ("NotImplementedError", False)


def test_syntax_error_has_its_line(handler: RequestHandler) -> None:
    """A syntax error names the file and the line where it stands."""
    error = handler.answer({"op": "import", "module": "broken"}, [])[0]["error"]
    assert (error["type"], error["text"]) == ("SyntaxError", "invalid syntax")
    assert error["where"][-1] == "broken.py, line 1, in <module>"


def test_failed_import_is_told_as_such(handler: RequestHandler) -> None:
    """What is raised while a module is imported names the module; what a call raises does not."""
    target = {"module": "broken", "name": "f"}
    for request in ({"op": "import", "module": "broken"}, {"op": "read", "target": target}):
        assert handler.answer(request, [])[0]["error"]["importing"] == "broken"
    assert call(handler, 4)["error"]["importing"] == ""


@pytest.mark.parametrize(
    "request_",
    [
        {"op": "import", "module": "other"},
        {"op": "read", "target": {"module": "other", "name": "x"}},
        {"op": "read", "target": {"module": "work", "name": "x"}},
    ],
)
def test_missing(handler: RequestHandler, request_: Header) -> None:
    """A missing module or name is missing, not an error."""
    answer = handler.answer(request_, [])[0]
    assert answer.keys() & {"missing", "error", "value"} == {"missing"}


@pytest.mark.parametrize(
    "path", ["torch.nn.Linear", "torch.utils.data.DataLoader", "torch.manual_seed", "numpy.linalg.norm"]
)
def test_paths(handler: RequestHandler, path: str) -> None:
    """A dotted path finds what it names, through packages and their attributes."""
    reply, _ = handler.answer({"op": "read", "target": {"path": path}}, [])
    assert reply["value"]["$"] == "object"


@pytest.mark.parametrize("path", ["nothing", "nothing.at.all", "torch.nothing"])
def test_wrong_paths(handler: RequestHandler, path: str) -> None:
    """A path that names nothing is an error."""
    reply, _ = handler.answer({"op": "read", "target": {"path": path}}, [])
    assert reply["error"]["type"] in ("ModuleNotFoundError", "AttributeError")


def test_arrays_of_a_failed_answer_are_dropped(handler: RequestHandler) -> None:
    """Where packing an answer fails half-way, no arrays are sent along."""

    class Trap(dict[str, Any]):
        def items(self) -> Any:
            yield "array", np.ones(3)
            raise ProtocolError("half-way")

    kept = handler._keep(Trap(a=1))
    reply, arrays = handler.answer({"op": "read", "target": {"object": kept["id"]}}, [])
    assert reply["error"]["text"] == "half-way"
    assert arrays == []


def test_class_that_raises(handler: RequestHandler) -> None:
    """An object whose `__class__` raises is an error of whoever made it."""

    class Shy:
        @property
        def __class__(self) -> Any:
            raise RuntimeError("no class")

        @__class__.setter
        def __class__(self, _value: Any) -> None:
            raise RuntimeError("no class")

    kept = handler._keep(Shy())
    reply, _ = handler.answer({"op": "read", "target": {"object": kept["id"]}}, [])
    assert reply["error"]["text"] == "no class"
