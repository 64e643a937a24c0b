"""What was asked of an implementation and how it answered: for diagnosis, and for messages that say what was called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from grader.errors import CheckStopped, StudentRaised
from grader.sandbox.protocol import Array, Header

OF_TORCH = (nn.Module, Tensor)  # methods that an object has from these are called by the grader, to look at it


@dataclass(frozen=True)
class NoAnswer:
    """How a question ended that got no answer.

    Attributes:
        outcome: As the check would end: "error", "timeout", ...
        kind: Type of the exception that was raised; empty if none was, like the rest.
        text: Its message.
        library: The library function that raised it; empty if the implementation's own line did.
    """

    outcome: str
    kind: str = ""
    text: str = ""
    library: str = ""


@dataclass(frozen=True)
class Exchange:
    """One recorded question and its answer.

    Attributes:
        called: The call in words.
        value: What it returned, or a `NoAnswer`.
        given: The arrays among its arguments, large ones left out.
    """

    called: str
    value: Any
    given: tuple[Array, ...] = ()

    @property
    def name(self) -> str:
        """What was called, without its arguments: "fashion.train"."""
        return self.called.partition("(")[0]


def no_answer(stopped: CheckStopped) -> NoAnswer:
    """The record of a question that ended so."""
    if isinstance(stopped, StudentRaised):
        return NoAnswer(stopped.outcome, stopped.kind, stopped.text, stopped.library)
    return NoAnswer(stopped.outcome)


def ignore(_exchange: Exchange) -> None:
    """What watches an implementation that nobody watches."""


class OwnCalls:
    """Tells calls of an implementation's own code from those by which the grader looks at what the code did.

    Own are the names of its modules, its files, and what a call of these returned: calling that in turn, or a method of
    it that torch does not bring along. `train(loader, net, optimizer)` is own; `net.state_dict()` afterwards is not.
    """

    def __init__(self) -> None:
        self._calls: list[str] = []
        self._returned: dict[int, str] = {}  # numbers of objects that own calls returned, and the call in words

    def words(self, request: Header, called: str) -> str:
        """Put an own call into words; empty for any other request.

        Args:
            request: What is asked; values still as they are.
            called: The same in words, as the asker puts it.
        """
        target = request.get("target", {})
        if "module" in target or request["op"] in ("load", "open"):
            return called
        returned, name = self._returned.get(target.get("object"), ""), target.get("name", "")
        if request["op"] != "call" or not returned or any(hasattr(kind, name) for kind in OF_TORCH if name):
            return ""
        arguments = called[called.find("(") :] if "(" in called else "()"
        return f"{returned}{f'.{name}' if name else ''}{arguments}"

    def note(self, words: str) -> None:
        """Note an own call."""
        self._calls.append(words)

    def note_object(self, number: int, words: str) -> None:
        """Note that an own call returned the object of this number."""
        self._returned[number] = words

    def note_filled(self, number: int, model: int, kind: str) -> None:
        """Note that a model file gave the object `number`, of type `kind`: loaded into `model`, or pickled whole."""
        made = self._returned.get(model, "")
        self._returned[number] = made if made.partition("(")[0].endswith(f".{kind}") else kind

    def last(self, module: str = "") -> str:
        """The last own call in words, into `module` if there was one; empty if nothing was called."""
        of_module = [words for words in self._calls if words.startswith(f"{module}.")]
        return (of_module or self._calls or [""])[-1]


class Makers:
    """Knows the modules whose code an object runs: those that were called when it was made, and its parts' makers."""

    def __init__(self) -> None:
        self._modules: dict[int, frozenset[str]] = {}  # by number of an object

    def note(self, number: int, modules: frozenset[str]) -> None:
        """Note whose code the object of this number runs."""
        self._modules[number] = modules

    def collect(self, number: int, modules: set[str]) -> int:
        """Add to `modules` those whose code an object runs; returns its number."""
        modules |= self.of(number)
        return number

    def of(self, number: int) -> frozenset[str]:
        """The modules whose code an object runs; none where they are not known."""
        return self._modules.get(number, frozenset())

    def named(self, request: Header) -> set[str]:
        """The modules whose code a request runs, its arguments aside."""
        target = request.get("target", {})
        named = {name for name in (request.get("module"), target.get("module")) if name}
        numbers = (number for number in (target.get("object"), request.get("model")) if number is not None)
        return named.union(*map(self.of, numbers))
