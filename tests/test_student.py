"""Addressing an implementation: copies, handles, recipes, errors, model files, and answers that lie."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sample_modules import local

from grader.checking.compare import summarise
from grader.errors import CheckStopped, Missing, StudentCrashed, StudentRaised, StudentTimeout
from grader.sandbox.calls import Terms, describe_call, make
from grader.sandbox.protocol import Array, Frame, Header
from grader.sandbox.record import Exchange, NoAnswer
from grader.sandbox.student import Handle, Implementation

MODULE = """
import random
import sys
import numpy as np
import torch

NAME = "layer1"

def double(x):
    x *= 2
    return x

def kind(x):
    return type(x).__module__ + "." + type(x).__name__

def todo():
    raise NotImplementedError("1a: todo is not written yet")

def bad():
    raise ValueError("no \\ud800 good")

def unspeakable():
    class Silent(Exception):
        def __str__(self):
            raise RuntimeError
    raise Silent

def leave():
    sys.exit(0)

def interrupt():
    raise KeyboardInterrupt

def needs_grad(net):
    return net(torch.zeros(1, 2)).requires_grad

def draw():
    return [random.random(), float(np.random.rand()), float(torch.rand(()))]

class Net(torch.nn.Module):
    def __init__(self, size=2):
        super().__init__()
        self.fc = torch.nn.Linear(size, 1)

    def forward(self, x):
        return self.fc(x)
"""


@pytest.fixture
def who(tmp_path: Path) -> Implementation:
    """An implementation of the module above."""
    return local(tmp_path, work=MODULE)


class Answers:
    """A transport that answers with what it was given."""

    def __init__(self, reply: Header, *arrays: Array) -> None:
        self.reply, self.arrays = reply, list(arrays)

    def exchange(self, _header: Header, _arrays: list[Array], _terms: Terms) -> Frame:
        """Answer the same to everything."""
        return self.reply, self.arrays


def lying(reply: Header, *arrays: Array) -> Implementation:
    """An implementation whose process answers `reply` to everything."""
    return Implementation(("work",), Answers(reply, *arrays))


@pytest.mark.parametrize("given", [np.ones(3), torch.ones(3)])
def test_arguments_are_copied(who: Implementation, given: Any) -> None:
    """A function that changes its argument in place changes a copy."""
    assert who.work.double(given).tolist() == [2, 2, 2]
    assert given.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (torch.ones(2), "torch.Tensor"),
        (np.ones(2), "numpy.ndarray"),
        ((1, 2), "builtins.tuple"),
        ([0.5] * 99, "builtins.list"),
        ({"a": torch.ones(1)}, "builtins.dict"),
        (make("torch.nn.Linear", 2, 3), "torch.nn.modules.linear.Linear"),
        (make("torch.utils.data.TensorDataset", torch.ones(2)), "torch.utils.data.dataset.TensorDataset"),
    ],
)
def test_kinds_of_arguments(who: Implementation, given: Any, kind: str) -> None:
    """Arguments arrive as what they are here, recipes as what they make."""
    assert who.work.kind(given) == kind


def test_keyword_arguments_and_nested_recipes(who: Implementation) -> None:
    """Recipes take recipes, handles and keyword arguments."""
    layer = who.make(make("torch.nn.Linear", in_features=2, out_features=2, bias=False))
    net = who.make(make("torch.nn.Sequential", layer, make("torch.nn.ReLU")))
    layer.load_state_dict({"weight": torch.eye(2)})
    assert net(torch.tensor([[3.0, -1.0]])).tolist() == [[3.0, 0.0]]
    assert who.work.double(x=torch.ones(1)).tolist() == [2]


def test_handles(who: Implementation) -> None:
    """What is not plain stays there; calling it records no gradients, its methods and attributes can be reached."""
    net = who.work.Net()
    assert isinstance(net, Handle)
    assert repr(net) == "Net"
    assert net(torch.zeros(1, 2)).shape == (1, 1)
    assert sorted(net.state_dict()) == ["fc.bias", "fc.weight"]
    assert net.training.value() is True
    assert who.work.needs_grad(net) is True
    assert who.work.needs_grad.with_options(no_grad=True)(net) is False


def test_keep(who: Implementation) -> None:
    """A plain result stays there as well when it is to be kept."""
    kept = who.work.double.with_options(keep=True)(torch.ones(2))
    assert isinstance(kept, Handle)
    assert kept.tolist() == [2, 2]


def test_constants_and_missing_names(who: Implementation) -> None:
    """A constant is read; a missing name or module is named in a sentence."""
    assert who.work.NAME.value() == "layer1"
    with pytest.raises(Missing, match=r"no `work\.nothing`"):
        who.work.nothing(1)
    with pytest.raises(Missing, match=r"no `work\.NOTHING`"):
        who.work.NOTHING.value()
    with pytest.raises(Missing, match=r"`gone\.py`"):
        who.gone.anything()
    with pytest.raises(AttributeError):
        _ = who.elsewhere


def test_todo(who: Implementation) -> None:
    """An untouched TODO says that it is one."""
    with pytest.raises(StudentRaised, match="Not started") as todo:
        who.work.todo()
    assert todo.value.not_started


def test_exceptions(who: Implementation) -> None:
    """Whatever a function raises becomes a sentence that can be printed, and the kind of the exception."""
    with pytest.raises(StudentRaised, match=r"Your code raised ValueError: no \\ud800 good") as raised:
        who.work.bad()
    assert raised.value.kind == "ValueError"
    assert raised.value.called == "work.bad()"
    with pytest.raises(StudentRaised, match="can't be shown"):
        who.work.unspeakable()
    with pytest.raises(StudentRaised, match="SystemExit"):
        who.work.leave()


def test_ctrl_c_is_ours(who: Implementation) -> None:
    """Ctrl-C while our own code runs in this process ends the run instead of becoming an answer."""
    with pytest.raises(KeyboardInterrupt):
        who.work.interrupt()


def test_reset(who: Implementation) -> None:
    """A reset forgets handles and the record, and seeds all three generators."""
    net = who.work.Net()
    who.reset(3)
    assert who.record == []
    first = who.work.draw()
    with pytest.raises(StudentRaised):
        net(torch.zeros(1, 2))
    who.reset(3)
    assert who.work.draw() == first


def stops(who: Implementation, ask: Callable[[], Any]) -> str:
    """What is said to have been called, when a question ends in an exception."""
    with pytest.raises(CheckStopped) as stopped:
        ask()
    return stopped.value.called


def test_called_is_their_own_code(who: Implementation) -> None:
    """Whatever a question ends in, what is told is the last call of the implementation's own code, not of ours."""
    layer = who.make(make("torch.nn.Linear", 2, 1))
    assert stops(who, lambda: layer(torch.ones(3, 3))) == ""  # nothing of theirs was called so far
    who.work.double(2)
    asked = "work.double(2)"
    assert who.last_asked() == asked
    assert stops(who, lambda: layer(torch.ones(3, 3))) == asked
    assert stops(who, lambda: layer.nothing()) == asked
    assert stops(who, lambda: who.make(make("torch.nn.Linear", "many"))) == asked
    assert stops(who, lambda: who.work.bad()) == "work.bad()"
    assert who.last_asked("work") == who.last_asked("elsewhere") == "work.bad()"
    who.reset(0)
    assert who.last_asked() == ""


def test_called_network_of_theirs(who: Implementation) -> None:
    """A network that their function made, and a method of it that is not torch's, are told with how it was made."""
    net = who.work.Net(size=2)
    assert stops(who, lambda: net(torch.ones(3, 3))) == "work.Net(size=2)(float32 (3, 3))"
    assert stops(who, lambda: net.explain(1)) == "work.Net(size=2).explain(1)"
    net(torch.ones(1, 2))
    assert who.last_asked() == "work.Net(size=2)(float32 (1, 2))"
    assert stops(who, lambda: net.load_state_dict({})) == "work.Net(size=2)(float32 (1, 2))"


@pytest.mark.parametrize("ended", [StudentTimeout("Too slow."), StudentCrashed("It died.")])
def test_called_when_the_process_ends(ended: CheckStopped) -> None:
    """A process that hangs or dies while we look at what a call did is told with that call."""

    class Ends(Answers):
        def exchange(self, header: Header, *_rest: Any) -> Frame:
            if "object" in header.get("target", {}):
                raise ended
            return self.reply, []

    who = Implementation(("work",), Ends({"value": {"$": "object", "id": 1, "type": "Net"}}))
    net = who.work.fit.with_options(keep=True)(3)
    assert stops(who, lambda: net.state_dict()) == "work.fit(3)"
    assert who.record[-1].value == NoAnswer(ended.outcome)


def test_what_they_left_is_not_their_exception(who: Implementation) -> None:
    """An exception of ours about what a call returned is not said to be raised by their code."""
    kept = who.work.double.with_options(keep=True)(2)
    with pytest.raises(StudentRaised, match="What the call returned or changed can't be used: AttributeError"):
        kept.state_dict()


def test_dtype_of_what_stays_there(who: Implementation) -> None:
    """Of an array that can't travel at least the type of its numbers is told, unless the other side makes it up."""
    assert summarise(who.make(make("torch.complex", torch.ones(2), torch.ones(2)))) == (
        "an object of type Tensor, complex64"
    )
    with pytest.raises(StudentCrashed):
        lying({"value": {"$": "object", "id": 1, "type": "Tensor", "dtype": 3}}).work.function()


def test_given_arrays_are_recorded(who: Implementation) -> None:
    """Small arrays among the arguments are recorded with the answer; large ones are not."""
    who.work.double(torch.ones(2))
    who.work.double(torch.ones(1 << 19))
    assert [[array.size for array in each.given] for each in who.record] == [[2], []]


def test_record(who: Implementation) -> None:
    """Calls are recorded with their answers, exceptions by kind; making and resetting are not."""
    seen: list[Exchange] = []
    who.watch = seen.append
    who.make(make("torch.nn.ReLU"))
    who.work.double(2)
    with pytest.raises(StudentRaised):
        who.work.bad()
    assert [(each.called, each.value) for each in who.record] == [
        ("work.double(2)", 4),
        ("work.bad()", NoAnswer("error", "ValueError", "no \\ud800 good")),
    ]
    assert seen == who.record


def test_missing_model_file(who: Implementation) -> None:
    """A model file that is not there is missing."""
    with pytest.raises(Missing, match=r"no `model\.pth`"):
        who.load_model("model.pth", "work", who.work.Net())


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"value": {"$": "unheard"}},
        {"value": {"$": "object", "id": "1", "type": "int"}},
        {"value": {"$": "object", "id": 1, "type": 1}},
        {"value": {"$": "make", "path": "os.system", "args": ["true"], "kwargs": {}}},
        {"value": {"$": "array", "index": 0}},
        {"error": "text"},
        {"missing": 3},
    ],
)
def test_answers_that_are_none(reply: Header) -> None:
    """An answer that no honest process gives is a crash of that process, and runs nothing here."""
    with pytest.raises(StudentCrashed):
        lying(reply).work.function()


@pytest.mark.parametrize("error", [{}, {"type": 3, "text": [[[]]] * 9, "where": "x"}, {"where": [{}, None, 3, 4]}])
def test_errors_that_lie(error: Header) -> None:
    """An exception described in a strange way is still an exception, in a sentence."""
    with pytest.raises(StudentRaised, match="Your code raised an exception"):
        lying({"error": error}).work.function()


def test_kept_values_that_lie() -> None:
    """A process that answers with a value where it was asked to keep one has crashed."""
    who = lying({"value": 3})
    for ask in (
        lambda: who.make(make("torch.nn.ReLU")),
        lambda: who.open("a.txt"),
        lambda: who.work.f.with_options(keep=True)(),
    ):
        with pytest.raises(StudentCrashed, match="asked to keep"):
            ask()


def test_opened_files(tmp_path: Path) -> None:
    """A file is opened there, and read through a handle."""
    file = local(tmp_path, {"scene.txt": b"text"}).open("scene.txt")
    assert file.seekable() is True
    with pytest.raises(Missing):
        local(tmp_path).open("scene.txt")


def test_loaded_model_that_lies() -> None:
    """A process that answers something else than a loaded model has crashed."""
    who = lying({"value": 3})
    with pytest.raises(StudentCrashed, match="something else"):
        who.load_model("model.pth", "work", Handle(who, 1, "Net"))


def test_handles_run_nothing_here(who: Implementation) -> None:
    """Python's own protocols find nothing on a handle, a module or an implementation."""
    net = who.work.Net()
    for thing in (net, who.work, who):
        assert not hasattr(thing, "__len__")
        assert not hasattr(thing, "__array__")
        assert not hasattr(thing, "__deepcopy__")


def test_calls_in_words(who: Implementation) -> None:
    """A call is described by shapes, short values and the names of what is made."""
    args = (torch.ones(2, 3), np.zeros(4, np.uint8), "text", who.work.Net(), make("torch.nn.Linear", 2, 3), np.int64(3))
    assert describe_call("work.f", args, {"k": [0] * 9}) == (
        "work.f(float32 (2, 3), uint8 (4,), 'text', Net, Linear, int64 3, k=list of 9)"
    )
