"""Addresses an implementation as `who.module.function(arguments)`, wherever it runs.

The student's runs in a cell, the oracle's and the known mistakes' in this process; all are reached through the same
requests, get copies of the same arguments and are recorded in the same way. What is not plain data stays where it was
made and is a `Handle` here, which runs no code on this side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from grader.errors import CheckStopped, Missing, StudentCrashed
from grader.sandbox.calls import REPLY_BYTES, Recipe, Terms, Transport, describe_call
from grader.sandbox.hints import student_error
from grader.sandbox.protocol import Array, Header, ProtocolError
from grader.sandbox.values import pack, unpack


@dataclass(frozen=True)
class Exchange:
    """One recorded question and its answer: a value, or the kind of exception raised."""

    called: str
    value: Any


class Implementation:
    """One implementation of an assignment's modules.

    Args:
        modules: Names that can be reached as attributes.
        transport: How to reach it.
        files: The files it holds, by name; read here, never run here.
    """

    def __init__(
        self, modules: tuple[str, ...], transport: Transport, files: Mapping[str, bytes] | None = None
    ) -> None:
        self.modules = modules
        self.files = files or {}
        self.record: list[Exchange] = []
        self.watch: Callable[[Exchange], None] | None = None
        self._transport = transport
        self._makers: dict[int, frozenset[str]] = {}  # by number of an object: the modules whose code it runs

    def __getattr__(self, name: str) -> ModuleProxy:
        if name in self.__dict__.get("modules", ()):
            return ModuleProxy(self, name)
        raise AttributeError(name)

    def make(self, recipe: Recipe) -> Handle:
        """Make something there and keep it."""
        return cast(Handle, self.ask({"op": "make", "recipe": recipe, "keep": True}, recipe.path, recorded=False))

    def load_model(self, file: str, module: str, model: Handle, timeout_s: float | None = None) -> tuple[str, Handle]:
        """Load a model file into `model`, in any of the accepted forms.

        Args:
            file: Name of the file.
            module: Module whose names a pickled model may refer to.
            model: A freshly built model.
            timeout_s: Seconds that it may take; None takes the limit of a call.

        Returns:
            In which form the file was, and the model, in place or as pickled.
        """
        request = {"op": "load", "file": file, "module": module, "model": model.id}
        loaded = self.ask(request, f"torch.load({file!r})", timeout_s=timeout_s, recorded=False)
        match loaded:
            case {"form": str(form), "model": Handle() as filled}:
                return form, filled
        raise StudentCrashed("The process answered something else than a loaded model.")

    def open(self, file: str) -> Handle:
        """Open one of its files there, in binary mode; raises Missing when there is none."""
        return cast(Handle, self.ask({"op": "open", "file": file, "keep": True}, f"open({file!r})", recorded=False))

    def reset(self, seed: int) -> None:
        """Forget every handle and the record, and seed the generators."""
        self.record, self._makers = [], {}
        self.ask({"op": "reset", "seed": seed}, "reset", recorded=False)

    def ask(
        self,
        request: Header,
        called: str,
        *,
        timeout_s: float | None = None,
        max_body: int = REPLY_BYTES,
        recorded: bool = True,
        canonical: Callable[[Any], Any] | None = None,
    ) -> Any:
        """Send a request whose values are Python values and return the answer's.

        `canonical` gives the form in which the answer is recorded, and so compared with known mistakes: without what is
        free in it.

        Raises:
            StudentRaised: If the implementation raised.
            Missing: If it has no such module, name or file.
            StudentCrashed: If it died or broke the protocol.
            StudentTimeout: If there was no answer in time.
        """
        arrays: list[Array] = []
        modules = self._named(request)
        header = {key: self._pack(key, value, arrays, modules) for key, value in request.items()}
        terms = Terms(called, frozenset(modules), timeout_s, max_body)
        try:
            reply, results = self._transport.exchange(header, arrays, terms)
            value = self._read(reply, results, terms)
            if request.get("keep") and not isinstance(value, Handle):
                raise StudentCrashed("The process answered with something that it was asked to keep.", called=called)
        except CheckStopped as stopped:
            stopped.called = stopped.called or called
            if recorded:
                self._note(Exchange(called, (type(stopped).__name__, getattr(stopped, "kind", ""))))
            raise
        if recorded:
            self._note(Exchange(called, canonical(value) if canonical else value))
        return value

    def _note(self, exchange: Exchange) -> None:
        self.record.append(exchange)
        if self.watch is not None:
            self.watch(exchange)

    def _named(self, request: Header) -> set[str]:
        """The modules whose code a request runs, its arguments aside."""
        target = request.get("target", {})
        named = {name for name in (request.get("module"), target.get("module")) if name}
        numbers = (number for number in (target.get("object"), request.get("model")) if number is not None)
        return named.union(*(self._makers.get(number, ()) for number in numbers))

    def _pack(self, key: str, value: Any, arrays: list[Array], modules: set[str]) -> Any:
        """A request's value as a header's; adds to `modules` those that have made the objects in it."""

        def refer(inner: Any) -> Header | None:
            if isinstance(inner, Handle):
                modules.update(self._makers.get(inner.id, ()))
                return {"$": "object", "id": inner.id}
            if isinstance(inner, Recipe):
                args = [pack(arg, arrays, refer) for arg in inner.args]
                kwargs = {name: pack(arg, arrays, refer) for name, arg in inner.kwargs.items()}
                return {"$": "make", "path": inner.path, "args": args, "kwargs": kwargs}
            return None

        if key == "args":
            return [pack(item, arrays, refer) for item in value]
        if key == "kwargs":
            return {name: pack(item, arrays, refer) for name, item in value.items()}
        return pack(value, arrays, refer) if key == "recipe" else value

    def _read(self, reply: Header, results: list[Array], terms: Terms) -> Any:
        called = terms.called
        if isinstance(missing := reply.get("missing"), str):
            raise Missing(f"Your submission has no `{missing[:100]}`.", called=called)
        if isinstance(error := reply.get("error"), dict):
            raise student_error(error, reply.get("hint", ""), self.files)
        if "value" not in reply:
            raise StudentCrashed("The process answered with nothing that can be read.", called=called)
        try:
            return unpack(reply["value"], results, lambda node: self._fetch(node, terms.modules), tensors=False)
        except ProtocolError as error:
            raise StudentCrashed(f"The process answered with {error}.", called=called) from error

    def _fetch(self, node: Header, modules: frozenset[str]) -> Handle:
        number, kind = node.get("id"), node.get("type")
        if node.get("$") == "object" and type(number) is int and isinstance(kind, str):
            self._makers[number] = modules
            return Handle(self, number, kind[:80])
        raise ProtocolError("a value of an unknown kind")


class ModuleProxy:
    """One module of an implementation; its attributes are functions that can be called."""

    def __init__(self, owner: Implementation, name: str) -> None:
        self._owner = owner
        self._name = name

    def __getattr__(self, name: str) -> Function:
        if name.startswith("__"):
            raise AttributeError(name)
        return Function(self._owner, {"module": self._name, "name": name}, f"{self._name}.{name}")


class Function:
    """Something callable over there.

    Attributes:
        owner: The implementation it belongs to.
        label: How messages name it.
    """

    def __init__(self, owner: Implementation, target: Header, label: str) -> None:
        self.owner = owner
        self.label = label
        self._target = target

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it; plain results come back as values, others as handles."""
        return self.with_options()(*args, **kwargs)

    def with_options(
        self,
        *,
        timeout_s: float | None = None,
        keep: bool = False,
        no_grad: bool = False,
        canonical: Callable[[Any], Any] | None = None,
    ) -> Callable[..., Any]:
        """The same function with another limit of time, its result kept as a handle, no gradients, or as in `ask`."""

        def call(*args: Any, **kwargs: Any) -> Any:
            request = {"op": "call", "target": self._target, "args": args, "kwargs": kwargs}
            options = {"keep": keep, "no_grad": no_grad}
            called = describe_call(self.label, args, kwargs)
            return self.owner.ask(request | options, called, timeout_s=timeout_s, canonical=canonical)

        return call

    def value(self) -> Any:
        """What the name stands for, when it is not a function."""
        return self.owner.ask({"op": "read", "target": self._target}, self.label)


@dataclass(frozen=True)
class Handle:
    """An object that stays where it was made.

    Attributes:
        owner: The implementation that holds it.
        id: Its number there.
        kind: Name of its type, as the other side says; untrusted.
    """

    owner: Implementation
    id: int
    kind: str

    def __repr__(self) -> str:
        return self.kind

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it, without recording gradients."""
        return Function(self.owner, {"object": self.id}, self.kind).with_options(no_grad=True)(*args, **kwargs)

    def __getattr__(self, name: str) -> Function:
        if name.startswith("__"):
            raise AttributeError(name)
        return Function(self.owner, {"object": self.id, "name": name}, f"{self.kind}.{name}")
