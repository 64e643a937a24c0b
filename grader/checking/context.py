"""What one run of the checks shares: who is checked, against whom, and what was found out so far."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from grader.records import CheckResult, Exhibit, WorthALook
from grader.sandbox.student import Implementation

if TYPE_CHECKING:
    from grader.rubric import Assignment
    from grader.solutions import Variation

LayOut = Callable[..., Any]  # the fixture `exhibit`


@dataclass
class Context:
    """One run.

    Attributes:
        assignment: The rubric.
        student: Whose work is checked.
        oracle: The solutions.
        mistakes: The known mistakes to recognize.
        implement: Builds the implementation of one mistake.
        seed: What the checks' random inputs derive from; the student's process never sees it.
        is_practice: Whether the student's code could read this machine's files: then no data set is used.
        begin_task: Called before the first check of each task, with whether it is the last task.
        on_result: Called after each check.
        most_images: Images of a data set to make do with, where many implementations are tried; None means all.
        measured: Numbers that one check found out and another shows, by name.
        results: In the order they were run.
        exhibits: What the checks laid out for figures.
        looks: What an instructor should look at; no student is told.
    """

    assignment: Assignment
    student: Implementation
    oracle: Implementation
    mistakes: tuple[Variation, ...]
    implement: Callable[[Variation], Implementation]
    seed: str
    is_practice: bool = False
    begin_task: Callable[[bool], None] = lambda _last: None
    on_result: Callable[[CheckResult], None] = lambda _result: None
    most_images: int | None = None
    measured: dict[str, float] = field(default_factory=dict)
    results: list[CheckResult] = field(default_factory=list)
    exhibits: list[Exhibit] = field(default_factory=list)
    looks: list[WorthALook] = field(default_factory=list)

    def generator(self, name: str) -> np.random.Generator:
        """The random numbers of one check, the same at each call."""
        digest = hashlib.sha256(f"{self.seed}/{name}".encode()).digest()
        return np.random.default_rng(int.from_bytes(digest[:8], "big"))

    def outcome_of(self, task: str, name: str) -> str | None:
        """How a check of this run ended, or None when it has not run."""
        return next((r.outcome.value for r in self.results if r.task == task and r.name == name), None)


CONTEXT = pytest.StashKey[Context]()
