"""The solutions' answers, recorded when the students' kit was made: what its checks compare with.

The kit holds no solution. Its checks ask the solution the same questions in the same order each time, since their
inputs derive from a fixed seed, so the answers alone are enough.
"""

from __future__ import annotations

import functools
import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from grader.errors import MachineError
from grader.sandbox.calls import Terms
from grader.sandbox.protocol import Array, Frame, Header
from grader.sandbox.values import pack, unpack

SEED = "kit"  # of all inputs
FILE = "recorded.npz"  # beside the package; arrays, and what was answered as JSON; no pickle


class Recording:
    """Answers by check, question and number.

    Attributes:
        frames: What was answered.
    """

    def __init__(self, frames: dict[str, Frame] | None = None) -> None:
        self.frames = frames or {}
        self._check = ""
        self._asked: Counter[str] = Counter()

    def place(self, question: str) -> str:
        """The name of the next answer to a question of the check that pytest is running."""
        check = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0].rpartition("/")[2]
        if check != self._check:
            self._check, self._asked = check, Counter()
        self._asked[question] += 1
        return f"{check} {question} {self._asked[question]}"

    def answer(self, question: str) -> Frame:
        """What was answered to the next question of that kind.

        Raises:
            MachineError: If there was none.
        """
        place = self.place(question)
        if place not in self.frames:
            raise MachineError(f"the kit lacks an answer of the solution ({place}): tell your instructor")
        header, arrays = self.frames[place]
        return header, [np.array(array) for array in arrays]

    def write(self, path: Path) -> None:
        """Write all answers into one file."""
        arrays: dict[str, Array] = {}
        told = {}
        for place, (header, found) in self.frames.items():
            names = [f"array{len(arrays) + number}" for number in range(len(found))]
            arrays |= dict(zip(names, found, strict=True))
            told[place] = {"header": header, "arrays": names}
        np.savez_compressed(path, told=np.array(json.dumps(told)), **arrays)  # type: ignore[arg-type]


@functools.cache
def read_recording(path: Path) -> Recording:
    """The answers that a kit holds; none without a file."""
    if not path.is_file():
        return Recording()
    with np.load(path, allow_pickle=False) as file:
        told = json.loads(str(file["told"]))
        return Recording(
            {place: (each["header"], [file[name] for name in each["arrays"]]) for place, each in told.items()}
        )


def own_recording() -> Recording:
    """The answers beside this package."""
    return read_recording(Path(__file__).resolve().parents[3] / FILE)


class RecordedTransport:
    """Answers as the solutions did: what the oracle is in a kit."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    def exchange(self, header: Header, _arrays: list[Array], _terms: Terms) -> Frame:
        """The recorded answer to a request."""
        return ({"value": None}, []) if header["op"] == "reset" else self._recording.answer(question_of(header))


def question_of(header: Header) -> str:
    """What a request asks, in a word; numbers of objects are left out."""
    target = header.get("target", {})
    return ".".join(str(part) for part in (header["op"], target.get("module", ""), target.get("name", "")) if part)


def recorded(name: str) -> Callable[..., Any]:
    """A function of the checks whose source would be a solution: it gives what it gave when the kit was made."""

    def answer(*args: Any) -> Any:
        header, arrays = own_recording().answer(asked_of(name, args))
        return unpack(header["value"], arrays, _refuse, tensors=False)

    return answer


def asked_of(name: str, args: tuple[Any, ...]) -> str:
    """A call of a function in words: its name, and the shapes of what it was given."""
    return f"{name}({', '.join(str(tuple(arg.shape)) if hasattr(arg, 'shape') else repr(arg) for arg in args)})"


def packed(value: Any) -> Frame:
    """A function's result as an answer."""
    arrays: list[Array] = []
    return {"value": pack(value, arrays, lambda _value: None)}, arrays


def _refuse(node: Header) -> Any:
    raise MachineError(f"the kit's recording holds a value of an unknown kind: {node}")
