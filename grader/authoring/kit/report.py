"""Tells on the terminal, in the students' kit, how the public checks of each task went."""

from __future__ import annotations

import sys
import textwrap

from grader.authoring.kit.rubric import KitAssignment
from grader.records import CheckResult, Outcome
from grader.text import clean_text

WIDTH = 100
TODO = "Not started"  # how the message of an untouched TODO begins
NO_FILE = "` at its root."  # how the message of a file that is not there ends
EMPTY: tuple[object, ...] = ("", -1, (), [])  # values of a constant that is not chosen yet
UNKNOWN = "no public check: tried when it is graded"


class Report:
    """Prints a line for each task as soon as its checks have run, and what did not pass below it.

    Args:
        assignment: The rubric.
        tasks: Ids of the tasks to tell of, in the rubric's order.
        sources: The student's modules, where stubs of tasks without a public check are looked for.
    """

    def __init__(self, assignment: KitAssignment, tasks: list[str], sources: list[bytes]) -> None:
        self._assignment = assignment
        self._waiting = tasks
        self._sources = sources
        self._wide = max(len(task.title) for task in assignment.tasks)
        self._results: list[CheckResult] = []
        self._not_started: list[bool] = []  # told at once: the modules are imported anew for the next task
        self.passed = self.tried = 0

    def add(self, result: CheckResult) -> None:
        """Take a result; the task before it is told when another begins."""
        if self._results and self._results[0].task != result.task:
            self.end()
        self._results.append(result)
        if result.outcome not in (Outcome.PASSED, Outcome.SKIPPED):
            self._not_started.append(self._is_not_started(result))

    def end(self) -> None:
        """Tell the task whose results were taken last."""
        results, self._results = self._results, []
        not_started, self._not_started = self._not_started, []
        if not results:
            return
        self._pass_to(results[0].task)
        self.tried += 1
        good = sum(result.outcome is Outcome.PASSED for result in results)
        if not good and not_started and all(not_started):
            self._line(results[0].task, "not started")
            return
        self.passed += good == len(results)
        self._line(results[0].task, f"{good} of {len(results)} public checks pass")
        for result in results:
            if result.outcome is not Outcome.PASSED:
                print("\n".join(explain(result)), flush=True)

    def finish(self) -> None:
        """Tell what is left."""
        self.end()
        self._pass_to("")

    def _pass_to(self, task: str) -> None:
        """Tell of the tasks before one, which no public check belongs to."""
        while self._waiting and (first := self._waiting.pop(0)) != task:
            todo = f'NotImplementedError("{first}: '.encode()  # as stubs have it
            self._line(first, "not started" if any(todo in source for source in self._sources) else UNKNOWN)

    def _line(self, task: str, what: str) -> None:
        print(f"{task:5} {self._assignment.by_id[task].title:{self._wide}}  {what}", flush=True)

    def _is_not_started(self, result: CheckResult) -> bool:
        lacks_file = result.outcome is Outcome.MISSING and result.message.endswith(NO_FILE)
        if lacks_file or result.message.startswith(TODO):
            return True
        module, _, name = result.called.rpartition(".")
        value = getattr(sys.modules.get(module), name, None) if name in self._assignment.constants else None
        return any(type(value) is type(empty) and value == empty for empty in EMPTY)


def explain(result: CheckResult) -> list[str]:
    """What is to be said of a check that did not pass, in lines: the parts that the report has."""
    lines = _wrapped(f"{result.outcome.value}: {clean_text(result.title)}", 4, 4)
    parts = (("called: ", result.called), ("expected: ", result.expected), ("got: ", result.got), ("→ ", result.help))
    for label, value in (("", result.message), *parts):
        for line in clean_text(label + value, columns=1000).splitlines() if value else ():
            lines += _wrapped(line, 6, 8)
    return lines


def _wrapped(text: str, first: int, rest: int) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=" " * first, subsequent_indent=" " * rest)
