"""Proves the checks of an assignment: solutions earn everything, stubs nothing, every variation what it should.

Implementations are put through the checks in parallel, in processes that are told names (`Case`): what stands behind a
name, a function of ours, can't travel.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from grader.authoring.validation.cases import FIRST, SECRETS, Case, CaseFinding, CaseKind, SourceForm, list_cases
from grader.authoring.validation.choosing import choose_cases
from grader.authoring.validation.forms import handed_in
from grader.authoring.validation.layouts import remembered_layouts
from grader.authoring.validation.unearned import Judged as Unearned
from grader.authoring.validation.unearned import examine_lazy, examine_recorded
from grader.checking.running import run_checks
from grader.errors import MachineError, UsageError
from grader.figures import fault_of
from grader.importing import load_modules
from grader.packages import figures_folder
from grader.process_pool import cores, make_pool
from grader.records import CheckResult, Exhibit, Outcome
from grader.rubric import Assignment, Task
from grader.runner import context_of
from grader.sandbox.student import Implementation
from grader.sandbox.transport import LocalTransport
from grader.solutions import Variation, implementation, importers, load_accepted, load_mistakes

SAMPLE = 400  # images of a data set on which a mistake or an accepted way is tried: what it does shows on few


def validate_assignment(
    assignment: Assignment,
    console: Console,
    jobs: int | None = None,
    forms: tuple[SourceForm, ...] = FIRST,
    secrets: int = 1,
    only: str = "",
) -> list[CaseFinding]:
    """Put every case of an assignment through the checks, with a progress bar; complaints are printed as they come.

    Args:
        assignment: Whose.
        console: Where to.
        jobs: Processes at a time, 1 meaning this one; None takes the cores there are.
        forms: What the cases are written as.
        secrets: Under how many secrets they are tried.
        only: What `choose_cases` chooses by; empty: all cases.

    Returns:
        The findings in the order of `list_cases`.

    Raises:
        MachineError: If a check can't be run at all.
    """
    cases = list_cases(assignment, forms, secrets)
    if only:
        cases = choose_cases(assignment, cases, only)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    findings = {}
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task(assignment.id, total=len(cases))
        for finding in _examine_all(cases, jobs or cores()):
            findings[finding.case] = finding
            progress.advance(bar)
            if finding.complaint:
                title = (f"{finding.case.kind} {finding.case.written}: ", "bold red")
                progress.console.print(Text.assemble(title, finding.complaint))
    return [findings[case] for case in cases]


def _examine_all(cases: Sequence[Case], jobs: int) -> Iterator[CaseFinding]:
    """The findings as they are ready."""
    if jobs == 1:
        yield from map(examine, cases)
        return
    pool = make_pool(jobs)
    try:
        for future in as_completed([pool.submit(examine, case) for case in cases]):
            yield future.result()
    except BrokenProcessPool as error:
        raise MachineError("a process of the validation ended; was there too little memory?") from error
    finally:
        pool.shutdown(cancel_futures=True)


def examine(case: Case) -> CaseFinding:
    """Put one case through the checks and judge what comes out."""
    assignment = case.assignment
    if case.kind in (CaseKind.LAZY, CaseKind.RECORDED):
        return CaseFinding(case, *_examine_unearned(assignment, case))
    judges = {
        CaseKind.SOLUTIONS: _examine_solutions,
        CaseKind.STUBS: _examine_stubs,
        CaseKind.MISTAKE: _examine_mistake,
        CaseKind.ACCEPTED: _examine_accepted,
    }
    with remembered_layouts():
        return CaseFinding(case, *judges[case.kind](assignment, case))


def validate_folder(assignment: Assignment, folder: Path) -> CaseFinding:
    """Put an instructor's own solutions, modules and files in a folder, through the checks, in this process.

    Raises:
        UsageError: If the folder holds no module of the assignment, or one that can't be imported; with file and line.
    """
    modules = load_modules(folder, assignment.modules, UsageError)
    if not modules:
        raise UsageError(f"{folder} holds none of {', '.join(f'{name}.py' for name in assignment.modules)}")
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    case = Case(assignment, CaseKind.SOLUTIONS, folder.name)
    results = _run(assignment, case, Implementation(assignment.modules, LocalTransport(modules, files), files))
    return CaseFinding(case, results, _not_passed(assignment, results))


Judged = tuple[tuple[CheckResult, ...], str]  # how the checks ended, and the complaint


def _examine_solutions(assignment: Assignment, case: Case) -> Judged:
    """Every check must pass, and ask only its task's module and what that imports: `_run_variation` counts on it."""
    strays: list[str] = []

    def note_names(result: CheckResult) -> None:
        task = assignment.by_id[result.task]
        called = {exchange.called.split("(")[0] for exchange in who.record}
        asked = {name for name in called if name.split(".")[0] in assignment.modules}
        stray = [name for name in sorted(asked) if task not in _reached(assignment, name)]
        strays.extend(f"{result.name} of {task.id} ({task.module}) asks {name}" for name in stray)

    with ExitStack() as until:
        who = _implement(assignment, case, None, until)
        exhibits: list[Exhibit] = []
        results = _run(assignment, case, who, on_result=note_names, exhibits=exhibits)
    return results, _not_passed(assignment, results) or "; ".join([*strays, *_not_drawn(assignment, case, exhibits)])


def _not_drawn(assignment: Assignment, case: Case, exhibits: Iterable[Exhibit]) -> Iterator[str]:
    """A clause for each exhibit of the solutions that can't be drawn; tried once, whatever forms and secrets."""
    if (case.form, case.secret) == (FIRST[0], SECRETS[0]):
        for exhibit in exhibits:
            if fault := fault_of(exhibit, figures_folder(assignment)):
                yield f"the exhibit {exhibit.name!r} of task {exhibit.task} can't be drawn as {exhibit.kind!r}: {fault}"


def _examine_stubs(assignment: Assignment, case: Case) -> Judged:
    """No check may pass for the untouched stubs."""
    stubs = load_modules(assignment.handout_folder, assignment.modules, MachineError)
    results = _run(assignment, case, Implementation(assignment.modules, LocalTransport(stubs, {})))
    passed = [result.name for result in results if result.outcome is Outcome.PASSED]
    return results, f"passed by untouched stubs: {', '.join(passed)}" if passed else ""


def _examine_mistake(assignment: Assignment, case: Case) -> Judged:
    """The check that the mistake declares must catch and name it, and it may cost no other task."""
    mistake = next(each for each in load_mistakes(assignment) if each.id == case.name)
    results = _run_variation(assignment, case, mistake)
    return results, _judge_mistake(assignment, mistake, results)


def _judge_mistake(assignment: Assignment, mistake: Variation, results: tuple[CheckResult, ...]) -> str:
    catching = next((result for result in results if result.name == mistake.check), None)
    if catching is None:
        return f"there is no check {mistake.check}"
    if catching.outcome is Outcome.PASSED:
        return f"{mistake.check} lets it through"
    if mistake.id not in catching.mistakes:
        return f"{mistake.check} fails but names {catching.mistake}: {catching.message}"
    scored = {task.id for task in assignment.tasks if task.scoring == "automatic"} - {catching.task}
    elsewhere = {r.task for r in results if r.outcome not in (Outcome.PASSED, Outcome.INTERNAL)} & scored
    return f"it also costs {', '.join(sorted(elsewhere))}" if elsewhere else ""


def _examine_accepted(assignment: Assignment, case: Case) -> Judged:
    """Every check must pass for another right way."""
    accepted = next(each for each in load_accepted(assignment) if each.id == case.name)
    results = _run_variation(assignment, case, accepted)
    return results, _not_passed(assignment, results)


def _examine_unearned(assignment: Assignment, case: Case) -> Unearned:
    """What does no work may earn next to nothing; which mistake it comes close to is of no interest."""
    run = functools.partial(_run, assignment, case, mistakes=())
    if case.kind is CaseKind.RECORDED:
        return examine_recorded(assignment, case, run)
    reached = assignment.tasks if case.name in assignment.files else _reached(assignment, case.name)
    return examine_lazy(assignment, case, run, tuple(task.id for task in reached))


def _run_variation(assignment: Assignment, case: Case, variation: Variation) -> tuple[CheckResult, ...]:
    """Run the checks that a variation can change: for a file, which any check may read, all of them."""
    reached = assignment.tasks if variation.is_file else _reached(assignment, variation.target)
    tasks = tuple(task.id for task in reached)
    with ExitStack() as until:
        return _run(assignment, case, _implement(assignment, case, variation, until), tasks)


def _implement(assignment: Assignment, case: Case, variation: Variation | None, until: ExitStack) -> Implementation:
    """The solutions with a variation in its place, in the case's form."""
    if case.form is SourceForm.FUNCTIONS:
        return implementation(assignment, variation)
    return handed_in(assignment, variation, case.form, until)


def _reached(assignment: Assignment, name: str) -> Sequence[Task]:
    """The tasks whose checks ask for `module.name`, for the whole of that module, or for one that imports it."""
    module = name.split(".")[0]
    others = importers(assignment, module) - {module}

    def leads_there(asked: str) -> bool:
        return asked in (name, module) or asked.split(".")[0] in others

    return [task for task in assignment.tasks if any(map(leads_there, task.asks))]


def _not_passed(assignment: Assignment, results: tuple[CheckResult, ...]) -> str:
    """Complaint about checks that did not pass; where a person steps in for missing data, not running is no fault."""
    by_person = {task.id for task in assignment.tasks if task.without_data == "manual"}
    excused = [r for r in results if r.outcome is Outcome.INTERNAL and r.task in by_person]
    wrong = [result for result in results if result.outcome is not Outcome.PASSED and result not in excused]
    told = "; ".join(f"{result.name} ({result.outcome}: {result.message})" for result in wrong)
    return f"not passed: {told}" if wrong else "" if results else "no check was run"


def _run(
    assignment: Assignment,
    case: Case,
    who: Implementation,
    tasks: tuple[str, ...] | None = None,
    *,
    mistakes: tuple[Variation, ...] | None = None,
    seed: str | None = None,
    on_result: Callable[[CheckResult], None] = lambda _result: None,
    exhibits: list[Exhibit] | None = None,
) -> tuple[CheckResult, ...]:
    """Run the checks against an implementation of ours, in this process; None stands for the case's own.

    What they lay out is added to `exhibits`.
    """
    most_images = None if case.kind is CaseKind.SOLUTIONS else SAMPLE
    known = {} if mistakes is None else {"mistakes": mistakes}
    context = context_of(assignment, who, seed or case.secret, most_images=most_images, on_result=on_result, **known)
    run_checks(context, case.tasks or tasks)
    if exhibits is not None:
        exhibits += context.exhibits
    return tuple(context.results)
