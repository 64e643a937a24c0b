"""Addresses an implementation as `who.module.function(arguments)`, wherever it runs.

The student's runs in a worker, the oracle's and the known mistakes' in this process; all are reached through the same
requests, get copies of the same arguments and are recorded in the same way. What is not plain data stays where it was
made and is a `Handle` here, which runs no code on this side.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, cast

from grader.errors import CheckStopped, Missing, StudentCrashed
from grader.sandbox.calls import REPLY_BYTES, Recipe, Terms, Transport, describe_call, pack_request
from grader.sandbox.hints import student_error
from grader.sandbox.missing import explain_missing, missing_answer
from grader.sandbox.protocol import Array, Header, ProtocolError
from grader.sandbox.record import Exchange, Makers, OwnCalls, ignore, no_answer
from grader.sandbox.values import unpack

MOST_TEXTS = 8  # of one kind, about a model file
KEPT_BYTES = 1 << 20  # larger arguments are not kept in the record: a check may send a whole data set


@dataclass(frozen=True)
class LoadedModel:
    """What became of a model file; all texts are the other side's and untrusted.

    Attributes:
        model: The network, in place or as it was saved; None where there is none that can be used.
        form: In which accepted form it was.
        taken_off: What wrappers had added to the weights' names, or the types of the wrappers.
        left_out: Names of what was in the file beside the weights.
        problem: Why it can't be used: "class", "converted", "form", "key", "layers", "optimizer" or "several".
        found: What was saved instead, in words.
        differences: How it differs from the network, in clauses.
    """

    model: Handle | None
    form: str = ""
    taken_off: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    problem: str = ""
    found: str = ""
    differences: tuple[str, ...] = ()


class Implementation:
    """One implementation of an assignment's modules.

    Args:
        modules: Names that can be reached as attributes.
        transport: How to reach it.
        files: The files it holds, by name; read here, never run here.
        absent: What to say where a file or a name is missed; as of a `Submission`.
        packages: What there is to import, for messages; without any, what is always there.

    Attributes:
        record: What it was asked since `reset`, and what it answered.
        charged_s: What its answers have taken of the submission's seconds; 0 for what has no such budget.
        remarks: Sentences about how its files were read, which the report shows at the check that is running.
    """

    def __init__(
        self,
        modules: tuple[str, ...],
        transport: Transport,
        files: Mapping[str, bytes] | None = None,
        absent: Mapping[str, str] | None = None,
        packages: tuple[str, ...] = (),
    ) -> None:
        self.modules, self.files = modules, files or {}
        self._absent, self._packages = absent or {}, packages
        self.record: list[Exchange] = []
        self.remarks: list[str] = []
        self.watch: Callable[[Exchange], None] = ignore
        self._transport, self._own, self._makers, self.charged_s = transport, OwnCalls(), Makers(), 0.0

    def __getattr__(self, name: str) -> ModuleProxy:
        if name in self.__dict__.get("modules", ()):
            return ModuleProxy(self, name)
        raise AttributeError(name)

    def make(self, recipe: Recipe) -> Handle:
        """Make something there and keep it."""
        return cast(Handle, self.ask({"op": "make", "recipe": recipe, "keep": True}, recipe.path, recorded=False))

    def load_model(self, file: str, module: str, model: Handle, timeout_s: float | None = None) -> LoadedModel:
        """Load a model file into `model`, in any of the accepted forms.

        Args:
            file: Name of the file.
            module: Module whose names a pickled model may refer to.
            model: A freshly built model.
            timeout_s: Seconds that it may take; None takes the limit of a call.

        Raises:
            StudentRaised: If the file can't be read, or if its own code, or the network's, raised.
        """
        request = {"op": "load", "file": file, "module": module, "model": model.id}
        answer = self.ask(request, f"torch.load({file!r})", timeout_s=timeout_s, recorded=False)
        match answer:
            case {"form": str(form), "model": Handle() as filled}:
                self._own.note_filled(filled.id, model.id, filled.kind)
                return LoadedModel(filled, form, _texts(answer, "taken_off"), _texts(answer, "left_out"))
            case {"problem": str(problem), "found": str(found)}:
                return LoadedModel(None, problem=problem, found=found, differences=_texts(answer, "differences"))
        raise StudentCrashed("The process answered something else than a loaded model.")

    def lacks(self, file: str, message: str = "", *, help: str = "") -> Missing:
        """What to raise where one of its files is not there, with the file that may be meant for it."""
        message = message or f"Your zip has no `{file}` at its root."
        return Missing(" ".join(filter(None, [message, self._absent.get(file)])), help=help)

    def open(self, file: str) -> Handle:
        """Open one of its files there, in binary mode; raises Missing when there is none."""
        return cast(Handle, self.ask({"op": "open", "file": file, "keep": True}, f"open({file!r})", recorded=False))

    def reset(self, seed: int) -> None:
        """Forget every handle, the record and the remarks, and seed the generators."""
        self.record, self.remarks, self._own, self._makers = [], [], OwnCalls(), Makers()
        self.ask({"op": "reset", "seed": seed}, "reset", recorded=False)

    def twin(self) -> Implementation:
        """The same implementation with a record of its own."""
        return Implementation(self.modules, self._transport, self.files, self._absent, self._packages)

    def last_asked(self, module: str = "") -> str:
        """Return the last call of its own code since the reset in words, preferably into `module`; empty if none."""
        return self._own.last(module)

    def ask(
        self,
        request: Header,
        called: str,
        *,
        timeout_s: float | None = None,
        max_body: int = REPLY_BYTES,
        recorded: bool = True,
        canonical: Callable[[Any], Any] | None = None,
        charged_to: str = "",
    ) -> Any:
        """Send a request whose values are Python values and return the answer's.

        `canonical` gives the form in which the answer is compared with those of known mistakes: without what is free.
        `charged_to` names the module whose seconds the call takes, as later ones of its result do; else all it runs.

        Raises:
            StudentRaised: If the implementation raised.
            Missing: If it has no such module, name or file.
            StudentCrashed: If it died or broke the protocol.
            StudentTimeout: If there was no answer in time.
        """
        modules = {charged_to} if charged_to else self._makers.named(request)
        header, arrays = pack_request(
            request, lambda value: self._makers.collect(value.id, modules) if isinstance(value, Handle) else None
        )
        given = tuple(array for array in arrays if array.nbytes <= KEPT_BYTES) if recorded else ()
        own = self._own.words(request, called)
        if own and (recorded or "file" in request):
            self._own.note(own)
        terms = Terms(own or called, frozenset(modules), timeout_s, max_body, bool(own))
        try:
            reply, results = self._transport.exchange(header, arrays, terms)
            self.charged_s += reply.get("charged_s", 0.0)
            value = self._read(reply, results, terms.modules, is_own=bool(own))
            if request.get("keep") and not isinstance(value, Handle):
                raise StudentCrashed("The process answered with something that it was asked to keep.")
        except CheckStopped as stopped:
            stopped = explain_missing(stopped, request, self._absent) if isinstance(stopped, Missing) else stopped
            stopped.called = stopped.called or own or self.last_asked()
            if recorded:
                self._note(Exchange(own or called, no_answer(stopped), given))
            raise stopped from stopped.__cause__
        if own and isinstance(value, Handle):
            self._own.note_object(value.id, own)
        if recorded:
            self._note(Exchange(own or called, canonical(value) if canonical else value, given))
        return value

    def _note(self, exchange: Exchange) -> None:
        self.record.append(exchange)
        self.watch(exchange)

    def _read(self, reply: Header, results: list[Array], modules: frozenset[str], *, is_own: bool) -> Any:
        if isinstance(missing := reply.get("missing"), str):
            raise missing_answer(missing, reply, self.files, self._packages)
        if isinstance(error := reply.get("error"), dict):
            hint = reply.get("hint", "")
            raise student_error(error, hint, self.files, self._absent, self._packages, is_own=is_own)
        if "value" not in reply:
            raise StudentCrashed("The process answered with nothing that can be read.")
        try:
            return unpack(reply["value"], results, lambda node: self._fetch(node, modules), tensors=False)
        except ProtocolError as error:
            raise StudentCrashed(f"The process answered with {error}.") from error

    def _fetch(self, node: Header, modules: frozenset[str]) -> Handle:
        number, kind, dtype = node.get("id"), node.get("type"), node.get("dtype", "")
        if node.get("$") == "object" and type(number) is int and isinstance(kind, str) and isinstance(dtype, str):
            self._makers.note(number, modules)
            return Handle(self, number, kind[:80], dtype[:40].removeprefix("torch."))
        raise ProtocolError("a value of an unknown kind")


def _texts(answer: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """The texts that an answer lists under a key, the first few."""
    listed = answer.get(key)
    return tuple(each for each in listed if isinstance(each, str))[:MOST_TEXTS] if isinstance(listed, list) else ()


class ModuleProxy:
    """One module of an implementation; its attributes are functions that can be called."""

    def __init__(self, owner: Implementation, name: str) -> None:
        self._owner, self._name = owner, name

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
        self.owner, self.label, self._target = owner, label, target

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it; plain results come back as values, others as handles."""
        return self.with_options()(*args, **kwargs)

    def with_options(
        self,
        *,
        timeout_s: float | None = None,
        keep: bool = False,
        no_grad: bool = False,
        forbid: Collection[str] = (),
        canonical: Callable[[Any], Any] | None = None,
        charged_to: str = "",
    ) -> Callable[..., Any]:
        """The same function with other options.

        Args:
            timeout_s: Seconds that it may take; None takes the limit of a call.
            keep: Whether the result is kept there, as a handle.
            no_grad: Whether to record no gradients.
            forbid: Names of functions of torch that raise ForbiddenCall while it runs.
            canonical: As in `ask`.
            charged_to: As in `ask`.
        """

        def call(*args: Any, **kwargs: Any) -> Any:
            request: Header = {"op": "call", "target": self._target, "args": args, "kwargs": kwargs}
            request |= {"keep": keep, "no_grad": no_grad, "forbid": sorted(forbid)}
            called = describe_call(self.label, args, kwargs)
            return self.owner.ask(request, called, timeout_s=timeout_s, canonical=canonical, charged_to=charged_to)

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
        dtype: Of an array or tensor, of what type its numbers are; untrusted.
    """

    owner: Implementation
    id: int
    kind: str
    dtype: str = ""

    def __repr__(self) -> str:
        return self.kind

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it, without recording gradients."""
        return Function(self.owner, {"object": self.id}, self.kind).with_options(no_grad=True)(*args, **kwargs)

    def __getattr__(self, name: str) -> Function:
        if name.startswith("__"):
            raise AttributeError(name)
        return Function(self.owner, {"object": self.id, "name": name}, f"{self.kind}.{name}")
