"""Implementations that play back: the solutions' answers, recorded under one secret and replayed under another.

Two of them: one replays what the student's functions answered, beside honest objects of torch; one replays all that the
process answered, as code does that has patched torch as well. What they earn is earned without the work.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from enum import StrEnum

from grader.sandbox.calls import Terms, Transport
from grader.sandbox.protocol import Array, Frame, Header


class Replayed(StrEnum):
    """Whose answers are played back."""

    FUNCTIONS = "functions"
    PROCESS = "process"


PLAIN = frozenset(("NoneType", "bool", "int", "float", "str", "list", "tuple", "dict", "ndarray", "Tensor"))


@dataclass(frozen=True)
class _Answer:
    """One answer.

    Attributes:
        request: Digest of the request.
        called: The call in words, with shapes.
        reply: What it was.
        kept: The value that it left where it was made; None where there is none, or none that can travel.
    """

    request: str
    called: str
    reply: Frame
    kept: Frame | None

    @property
    def name(self) -> str:
        """What was called, without its arguments."""
        return _without_arguments(self.called)


@dataclass
class AnswerRecording:
    """All answers of a run of the checks, those of each check together."""

    checks: list[list[_Answer]] = field(default_factory=lambda: [[]])


class Recorder:
    """Carries requests to the solutions and keeps the answers.

    Args:
        solutions: The way to them.
        recording: Grows by the answers.
    """

    def __init__(self, solutions: Transport, recording: AnswerRecording) -> None:
        self._solutions = solutions
        self._recording = recording

    def exchange(self, header: Header, arrays: list[Array], terms: Terms) -> Frame:
        """Pass a request on."""
        if header["op"] == "reset":
            self._recording.checks.append([])
        request = _digest(header, arrays)
        reply, results = self._solutions.exchange(header, arrays, terms)
        answer = _Answer(request, terms.called, (reply, list(results)), self._read_kept(reply, terms))
        self._recording.checks[-1].append(answer)
        return reply, results  # the reader takes the arrays out of this list

    def _read_kept(self, reply: Header, terms: Terms) -> Frame | None:
        node = _kept(reply)
        if node is None or node["type"] not in PLAIN:
            return None
        return self._solutions.exchange({"op": "read", "target": {"object": node["id"]}}, [], terms)


class Replayer:
    """Answers requests with what was recorded.

    The answer to the same request is played back if there is one; else the next to a request of the same words (the
    call with its shapes) in the same check, the next of the same function there, the last of that function anywhere.

    Args:
        recording: Of a run of the same checks.
        replayed: Whose answers are played back.
        solutions: Answer the rest.
    """

    def __init__(self, recording: AnswerRecording, replayed: Replayed, solutions: Transport) -> None:
        self._recording = recording
        self._replayed = replayed
        self._solutions = solutions
        self._check = 0
        self._used: set[int] = set()  # places of this check's answers that were played back
        self._last: dict[str, _Answer] = {}
        for answers in recording.checks:
            self._last |= {answer.name: answer for answer in answers}

    def exchange(self, header: Header, arrays: list[Array], terms: Terms) -> Frame:
        """Answer a request."""
        if header["op"] == "reset":
            self._check += 1
            self._used = set()
            return self._solutions.exchange(header, arrays, terms)
        if self._replayed is Replayed.FUNCTIONS and not terms.is_own:
            return self._solutions.exchange(header, arrays, terms)
        answer = self._find(_digest(header, arrays), terms.called)
        if answer is None:
            return {"error": {"type": "RuntimeError", "text": "nothing was recorded", "where": [], "library": ""}}, []
        if self._replayed is Replayed.FUNCTIONS and _kept(answer.reply[0]):
            if answer.kept is None:  # a network, for example: how it answers is played back, not what it is
                return self._solutions.exchange(header, arrays, terms)
            value, results = answer.kept
            recipe = {"$": "make", "path": "copy.copy", "args": [value["value"]], "kwargs": {}}
            return self._solutions.exchange({"op": "make", "recipe": recipe, "keep": True}, list(results), terms)
        reply, results = answer.reply
        return dict(reply), list(results)

    def _find(self, request: str, called: str) -> _Answer | None:
        answers = self._recording.checks[self._check] if self._check < len(self._recording.checks) else []
        name = _without_arguments(called)
        places = [place for place, answer in enumerate(answers) if answer.name == name]
        same = [place for place in places if answers[place].request == request]
        unused = [place for place in places if place not in self._used]
        alike = [place for place in unused if answers[place].called == called]
        if best := [place for place in same if place in unused] or same or alike or unused:
            self._used.add(best[0])
            return answers[best[0]]
        return self._last.get(name)


def _without_arguments(called: str) -> str:
    """A call in words whose arguments were left out: "resnet.SmallResNet()()" for a call of what that returned."""
    depth, kept = 0, []
    for character in called:
        depth -= character == ")"
        if depth == 0:
            kept.append(character)
        depth += character == "("
    return "".join(kept)


def _digest(header: Header, arrays: list[Array]) -> str:
    """What is the same for the same request, its numbers of objects aside."""
    digest = hashlib.sha256(json.dumps(header, sort_keys=True, default=str).encode())
    for array in arrays:
        digest.update(repr((array.dtype, array.shape)).encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _kept(reply: Header) -> Header | None:
    """The node of an object that an answer left where it was made; None for any other answer."""
    node = reply.get("value")
    return node if isinstance(node, dict) and node.get("$") == "object" else None
