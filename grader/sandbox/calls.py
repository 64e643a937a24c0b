"""What is asked of an implementation, and on what terms: recipes, requests that can travel, and calls in words."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Mapping, Sized
from dataclasses import dataclass, field
from typing import Any, Protocol

from grader.sandbox.protocol import Array, Frame, Header
from grader.sandbox.values import pack

REPLY_BYTES = 64 << 20  # of an answer, unless a request says otherwise
_SHORT = reprlib.Repr()  # a hostile answer's whole repr may take minutes
_SHORT.maxlevel, _SHORT.maxlist, _SHORT.maxtuple, _SHORT.maxdict = 4, 8, 8, 8
_SHORT.maxstring = _SHORT.maxlong = _SHORT.maxother = 100


@dataclass(frozen=True)
class Terms:
    """What a request may take, and who is charged for it.

    Attributes:
        called: What is called, in words, for messages.
        modules: Whose code it runs, as far as can be seen from here: the module that is called, and those that have
            made the objects it gets; or the one module that pays for it.
        timeout_s: Seconds that it may take; None takes the limit of a call.
        max_body: Most bytes of arrays in the answer.
        is_own: Whether what is called is the implementation's own, or something that its own code returned.
    """

    called: str
    modules: frozenset[str] = frozenset()
    timeout_s: float | None = None
    max_body: int = REPLY_BYTES
    is_own: bool = False


class Transport(Protocol):
    """Carries one request to an implementation and its reply back."""

    def exchange(self, header: Header, arrays: list[Array], terms: Terms) -> Frame:
        """Send a request, wait for the reply; raises CheckStopped when there is none."""


@dataclass(frozen=True)
class Recipe:
    """Something of ours to be made on whichever side it is used, e.g. `Recipe("torch.nn.Linear", (784, 10))`."""

    path: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Its name, as messages show it."""
        return self.path.rsplit(".", 1)[-1]


def make(path: str, *args: Any, **kwargs: Any) -> Recipe:
    """A recipe, written like the call it stands for."""
    return Recipe(path, args, kwargs)


def pack_request(request: Header, number_of: Callable[[Any], int | None]) -> tuple[Header, list[Array]]:
    """Turn a request whose values are Python values into what travels: a header, and the arrays among the values.

    Args:
        request: Recipes, and objects of the other side, may be among the values.
        number_of: Gives the number of an object of the other side; None for anything else.
    """
    arrays: list[Array] = []

    def refer(value: Any) -> Header | None:
        if (number := number_of(value)) is not None:
            return {"$": "object", "id": number}
        if isinstance(value, Recipe):
            args = [pack(arg, arrays, refer) for arg in value.args]
            kwargs = {name: pack(arg, arrays, refer) for name, arg in value.kwargs.items()}
            return {"$": "make", "path": value.path, "args": args, "kwargs": kwargs}
        return None

    packed = dict(request)
    if "args" in request:
        packed["args"] = [pack(item, arrays, refer) for item in request["args"]]
    if "kwargs" in request:
        packed["kwargs"] = {name: pack(item, arrays, refer) for name, item in request["kwargs"].items()}
    if "recipe" in request:
        packed["recipe"] = pack(request["recipe"], arrays, refer)
    return packed, arrays


def describe_call(label: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """A call as a reader would write it, with shapes instead of contents."""
    parts = [describe_value(arg) for arg in args]
    parts += [f"{name}={describe_value(value)}" for name, value in kwargs.items()]
    return f"{label}({', '.join(parts)})"


def describe_value(value: Any) -> str:
    """A value in a few words: its shape and dtype, its type, or itself when it is short."""
    if type(value).__module__ in ("torch", "numpy") and hasattr(value, "shape"):
        dtype = str(value.dtype).removeprefix("torch.")
        return f"{dtype} {tuple(value.shape)}" if len(value.shape) else f"{dtype} {value}"
    if isinstance(value, list | tuple) and len(value) > 6:
        return f"{type(value).__name__} of {len(value)}"
    text = _SHORT.repr(value)
    if len(text) <= 80:
        return text
    return f"{type(value).__name__} of length {len(value)}" if isinstance(value, Sized) else type(value).__name__
