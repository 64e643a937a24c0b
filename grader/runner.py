"""Step 2, run: the checks run in this process (`checking/running.py`), the student's code in workers of the pool."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from typing import Any

from grader.checking.context import Context
from grader.checking.running import run_checks
from grader.environment import listed, not_installed
from grader.errors import MachineError
from grader.provenance import run_facts
from grader.records import CheckResult, Run, Submission
from grader.rubric import Assignment
from grader.sandbox.student import Implementation
from grader.sandbox.transport import WorkerTransport
from grader.sandbox.worker_pool import WEAKEST, WorkerPool
from grader.solutions import implementation, load_mistakes

LOG = logging.getLogger(__name__)


def run_submission(
    submission: Submission,
    seed: str,
    on_result: Callable[[CheckResult], None] = lambda _result: None,
    tasks: tuple[str, ...] | None = None,
    weakest: str = WEAKEST,
) -> Run:
    """Run the checks of its assignment against a submission, its code in the sandbox.

    Args:
        submission: Opened by step 1.
        seed: What the checks' inputs derive from; the sandbox never sees it.
        on_result: Called after each check.
        tasks: Ids of the tasks to check; None checks all.
        weakest: Name of the weakest sandbox that will do.

    Raises:
        MachineError: If a package is not installed that the assignment promises.
        SandboxUnavailable: If no sandbox so strong works on this machine.
    """
    started, assignment = time.monotonic(), submission.assignment
    packages = assignment.environment.packages
    if absent := not_installed(packages):
        promised = f"{assignment.id} promises students {listed(absent)}"
        raise MachineError(f"{promised}, and that is not installed: make setup installs what assignment.toml names")
    pool = WorkerPool(assignment.limits, assignment.modules, submission.files, weakest)
    transport = WorkerTransport(pool, assignment.limits, packages)
    try:
        pool.warm()
        context = context_of(
            assignment,
            Implementation(assignment.modules, transport, submission.files, submission.absent, packages),
            seed,
            is_practice=pool.is_open,
            begin_task=lambda last: transport.renew(last=last),
            on_result=on_result,
        )
        run_checks(context, tasks)
    finally:
        transport.drop()
        pool.close()
    facts = run_facts(assignment, pool.backend.TITLE, {"checks": time.monotonic() - started})
    return Run(tuple(context.results), tuple(context.exhibits), facts, tuple(context.looks))


def context_of(assignment: Assignment, student: Implementation, seed: str, **more: Any) -> Context:
    """A run of the checks against the assignment's own solutions and known mistakes; `more` as `Context` has it."""
    ours: dict[str, Any] = {
        "oracle": implementation(assignment),
        "mistakes": load_mistakes(assignment),
        "implement": functools.partial(implementation, assignment),
    }
    return Context(assignment, student, seed=seed, **(ours | more))
