"""What implementations earn that do no work: lazy ones, and recorded ones, which play back old answers.

They may earn 2% of a task's points. What can't be otherwise, since a student hands in what is judged, is listed in
`solutions/<id>/exceptions.toml`, each check with the reason.
"""

from __future__ import annotations

import functools
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from pydantic import Field, ValidationError

from grader.authoring.validation.cases import Case, CaseKind, Earned
from grader.authoring.validation.lazy import lazy_files, lazy_functions, missing_file
from grader.authoring.validation.recorded import AnswerRecording, Recorder, Replayed, Replayer
from grader.decoding import decode_text
from grader.errors import MachineError
from grader.frozen_record import Record
from grader.importing import load_modules
from grader.records import CheckResult, Outcome
from grader.rubric import Assignment
from grader.sandbox.calls import Transport
from grader.sandbox.student import Implementation
from grader.sandbox.transport import LocalTransport
from grader.solutions import EXCEPTIONS, Variation, implementation, solution_files

MOST_SHARE = 0.02  # of a task's points that may be earned without the work
MISSING = "missing"
OTHER_SECRET = "validation, recorded on another day"
Judged = tuple[tuple[CheckResult, ...], str, tuple[Earned, ...]]  # results, complaint, what was earned
Check = tuple[str, str]  # a check's task and name
Passed = Mapping[Check, Sequence[str]]  # checks that were passed without the work, and how


class RunChecks(Protocol):
    """Runs an assignment's checks against an implementation of ours."""

    def __call__(
        self,
        who: Implementation,
        tasks: tuple[str, ...] | None,
        *,
        seed: str | None = None,
        on_result: Callable[[CheckResult], None] = ...,
    ) -> tuple[CheckResult, ...]:
        """Run the checks of `tasks`, all when None, with inputs that derive from `seed`."""


class Exemption(Record):
    """Checks that may be passed without the work.

    Attributes:
        kind: By which implementations.
        checks: Their names.
        replaces: What a lazy implementation replaces, `module.name` or a file; empty for anything.
        reason: Why it can't be otherwise, one sentence.
    """

    kind: str = Field(pattern=f"^({CaseKind.LAZY}|{CaseKind.RECORDED})$")
    checks: tuple[str, ...] = Field(min_length=1)
    replaces: str = ""
    reason: str = Field(min_length=10)


class _Exemptions(Record):
    exception: tuple[Exemption, ...] = ()


def read_exemptions(assignment: Assignment) -> tuple[Exemption, ...]:
    """The checks of an assignment that may be passed without the work.

    Raises:
        MachineError: If the file can't be read.
    """
    path = assignment.solutions_folder / EXCEPTIONS
    if not path.is_file():
        return ()
    try:
        return _Exemptions.model_validate(tomllib.loads(decode_text(path.read_bytes()))).exception
    except (OSError, ValueError, ValidationError) as error:
        raise MachineError(f"{path}: {error}") from error


def examine_lazy(assignment: Assignment, case: Case, run: RunChecks, tasks: tuple[str, ...]) -> Judged:
    """Replace one function or file by lazy ones; no check that asks for it may pass.

    Args:
        assignment: Whose checks are run.
        case: Names the function or the file.
        run: Runs them.
        tasks: Those that may ask for it.
    """
    passed: dict[Check, list[str]] = defaultdict(list)
    results: dict[Check, CheckResult] = {}
    asking: set[Check] = set()
    for how, variation in _lazy_variations(assignment, case):
        who = implementation(assignment, variation)
        if how == MISSING:
            asking = {_check(one) for one in run(who, tasks) if one.outcome is not Outcome.PASSED}
        else:
            note = functools.partial(_note_asking, who, case.name, asking)
            found = run(who, tasks, on_result=note)
            results |= {_check(one): one for one in found}
            for one in found:
                if one.outcome is Outcome.PASSED and _check(one) in asking:
                    passed[_check(one)].append(how)
        if not (tasks := tuple(task for task in tasks if any(task == asked for asked, _ in asking))):
            break
    return tuple(results.values()), *_judge(assignment, case, tuple(results.values()), passed)


def _note_asking(who: Implementation, name: str, asking: set[Check], result: CheckResult) -> None:
    """Note a check that has just asked an implementation for `name`."""
    if any(exchange.name == name for exchange in who.record):
        asking.add(_check(result))


def _check(result: CheckResult) -> Check:
    return result.task, result.name


def examine_recorded(assignment: Assignment, case: Case, run: RunChecks, seed: str | None = None) -> Judged:
    """Record the solutions' answers under another secret and play them back; no check may pass.

    Args:
        assignment: Whose checks are run.
        case: Names whose answers are played back.
        run: Runs them.
        seed: Of the recording; None takes another than the replay's.
    """
    recording, files = AnswerRecording(), solution_files(assignment)

    def implement(wrap: Callable[[Transport], Transport]) -> Implementation:
        modules = load_modules(assignment.solutions_folder, assignment.modules, MachineError)
        return Implementation(assignment.modules, wrap(LocalTransport(modules, files)), files)

    run(implement(lambda solutions: Recorder(solutions, recording)), None, seed=seed or OTHER_SECRET)
    replayed = Replayed(case.name)
    results = run(implement(lambda solutions: Replayer(recording, replayed, solutions)), None)
    passed = {_check(one): [case.name] for one in results if one.outcome is Outcome.PASSED}
    return results, *_judge(assignment, case, results, passed)


def _lazy_variations(assignment: Assignment, case: Case) -> Iterator[tuple[str, Variation]]:
    if case.name in assignment.files:
        yield MISSING, missing_file(case.name)
        yield from lazy_files(case.name, solution_files(assignment)[case.name])
        return
    module, name = case.name.split(".", 1)
    modules = load_modules(assignment.solutions_folder, [module], MachineError)
    yield from lazy_functions(case.name, getattr(modules[module], name))


def _judge(
    assignment: Assignment, case: Case, results: Sequence[CheckResult], passed: Passed
) -> tuple[str, tuple[Earned, ...]]:
    """What was earned in each task, and a complaint about what no exception allows."""
    exemptions = read_exemptions(assignment)
    applying = [each for each in exemptions if each.kind == case.kind and each.replaces in ("", case.name)]
    allowed = {check for each in applying for check in each.checks}
    earned, complaints = [], []
    for task in assignment.tasks:
        of_task = [one for one in results if one.task == task.id]
        found = [one for one in of_task if _check(one) in passed]
        if not found or task.scoring != "automatic":
            continue
        weight = sum(one.weight for one in of_task) or 1.0
        unexplained = [one for one in found if one.name not in allowed]
        how = tuple(dict.fromkeys(way for one in found for way in passed[_check(one)]))
        share = sum(one.weight for one in found) / weight
        earned.append(Earned(task.id, share, tuple(one.name for one in found), how))
        if (share := sum(one.weight for one in unexplained) / weight) > MOST_SHARE:
            told = ", ".join(f"{one.name} ({', '.join(passed[_check(one)])})" for one in unexplained)
            complaints.append(f"it earns {share:.0%} of {task.id} without the work: {told}")
    return "; ".join(complaints), tuple(earned)
