"""Writes down what the solutions answer the public checks: run once, when the students' kit is made, in a folder of it.

The solutions stand in the student's place and in the oracle's; every public check must pass. In a process of its own:
functions are wrapped before a check imports them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import numpy as np

from grader.authoring.kit.recorded import FILE, SEED, Recording, asked_of, packed, question_of
from grader.authoring.kit.rubric import read_rubric
from grader.authoring.kit.student import HomeTransport
from grader.checking.context import Context
from grader.checking.running import run_checks
from grader.errors import MachineError
from grader.records import Outcome
from grader.sandbox.calls import Terms
from grader.sandbox.protocol import Array, Frame, Header
from grader.sandbox.student import Implementation


class _Recorder:
    """Passes requests on to the solutions, and writes down what they answer."""

    def __init__(self, folder: Path, recording: Recording) -> None:
        self._inner = HomeTransport(folder)
        self._recording = recording

    def exchange(self, header: Header, arrays: list[Array], terms: Terms) -> Frame:
        reply, results = self._inner.exchange(header, arrays, terms)
        if "value" not in reply:
            raise MachineError(f"the solution can't be recorded: {question_of(header)}: {reply}")
        if header["op"] != "reset":
            place = self._recording.place(question_of(header))
            self._recording.frames[place] = reply, [np.array(array) for array in results]
        return reply, results


def main(folder: Path, truths: list[str]) -> None:
    """Record the answers to the public checks into `kit/recorded.npz` below a folder that holds the solutions.

    Args:
        folder: A kit, the solutions in the student's place.
        truths: Full names of functions of the checks whose results are recorded as well.

    Raises:
        MachineError: If a public check does not pass.
    """
    recording = Recording()
    for truth in truths:
        _wrap(truth, recording)
    assignment = read_rubric(folder / "assignment.toml")
    sys.path.insert(1, str(folder))
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    student = HomeTransport(folder)
    context = Context(
        assignment=cast(Any, assignment),
        student=Implementation(assignment.modules, student, files),
        oracle=Implementation(assignment.modules, _Recorder(folder, recording)),
        mistakes=(),
        implement=_implement,
        seed=SEED,
        is_practice=True,
        begin_task=lambda _last: student.renew(),
    )
    run_checks(context)
    for result in context.results:
        if result.outcome is not Outcome.PASSED:
            told = f"{result.outcome.value} for the solution. {result.message} {result.got}"
            raise MachineError(f"{result.name} of task {result.task} can't be public: {told}")
    recording.write(folder / "kit" / FILE)


def _wrap(truth: str, recording: Recording) -> None:
    module, _, name = truth.rpartition(".")
    function: Callable[..., Any] = getattr(import_module(module), name)

    def recorded(*args: Any) -> Any:
        value = function(*args)
        recording.frames[recording.place(asked_of(name, args))] = packed(value)
        return value

    setattr(import_module(module), name, recorded)


def _implement(_variation: object) -> Implementation:
    raise MachineError("no mistake is tried here")
