"""The checks are proved: solutions earn everything, stubs nothing, a variation what it should.

Here a mistake for each check and an accepted way for each function, under nine other secrets in turn than the one of
`make validate`, which tries all of them; a few of each kind in the fast tier. A case of A Tale of Two Networks takes
up to 10 seconds, because most of its checks run whole networks. So that they take no longer, solutions are judged on
few images, and variations by fewer tasks; `make validate` does neither.
"""

from __future__ import annotations

import dataclasses
import gc
import io
import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from grader import process_pool
from grader.authoring.validation import proving
from grader.authoring.validation.cases import SECRETS, Case, CaseFinding, CaseKind, list_cases
from grader.authoring.validation.proving import examine, validate_assignment, validate_folder
from grader.authoring.validation.table import show_validation
from grader.checking.declare import ATTRIBUTE, spec_of, specs_in
from grader.cli.main import AT_FAULT, GRADED, WRONG_USAGE, main
from grader.errors import MachineError, UsageError
from grader.packages import checks_folder, import_checks
from grader.records import CheckResult, Outcome
from grader.rubric import PROJECT, find_assignments, get_assignment
from grader.runner import context_of
from grader.solutions import load_accepted, load_mistakes
from solutions.miniplaces.checks import public_filters

MINIPLACES = get_assignment("miniplaces")
ASSIGNMENTS = [each for each in find_assignments() if checks_folder(get_assignment(each)).is_dir()]


def sample_of(assignment_id: str) -> Iterator[Case]:
    """The solutions, the stubs, the first mistake of each check and the first accepted way of each function."""
    variations = {
        each.id: each
        for each in [*load_mistakes(get_assignment(assignment_id)), *load_accepted(get_assignment(assignment_id))]
    }
    seen = set[tuple[CaseKind, str]]()
    for case in list_cases(get_assignment(assignment_id)):
        variation = variations.get(case.name)
        proves = (case.kind, variation.check or variation.target if variation else "")
        if proves not in seen:
            seen.add(proves)
            yield case


CASES = [case for assignment_id in ASSIGNMENTS for case in sample_of(assignment_id)]


def tasks_of_variations(assignment_id: str) -> dict[str, tuple[str, ...]]:
    """Which tasks are enough: that of the check that must catch a mistake, those of the module of an accepted file."""
    specs = specs_in(import_checks(get_assignment(assignment_id)))
    caught = {each.id: (specs[each.check].task,) for each in load_mistakes(get_assignment(assignment_id))}
    files = [each for each in load_accepted(get_assignment(assignment_id)) if each.is_file]
    tasks = get_assignment(assignment_id).tasks
    return caught | {each.id: tuple(task.id for task in tasks if task.module == each.module) for each in files}


TASKS = {assignment_id: tasks_of_variations(assignment_id) for assignment_id in ASSIGNMENTS}
LONG = (CaseKind.SOLUTIONS, CaseKind.RECORDED)  # of every assignment


def tiers() -> Iterator[Any]:
    """The cases; all slow but, of the quicker assignment, the first of each kind and module.

    Each module has a secret of its own: a t-SNE layout that several of its cases need is computed once a process.
    """
    seen = set[tuple[CaseKind, str]]()
    secrets: dict[str, str] = {}
    others = itertools.cycle(SECRETS[1:])
    for case in CASES:
        kind = (case.kind, case.name.partition(".")[0])
        if kind[1] not in secrets:
            secrets[kind[1]] = next(others)
        is_quick = case.assignment.id == "miniplaces" and case.kind not in LONG and kind not in seen
        seen.add(kind)
        name = f"{case.assignment.id}-{case.kind}-{case.name}"
        tasks = TASKS[case.assignment.id].get(case.name, ())
        tried = dataclasses.replace(case, secret=secrets[kind[1]], tasks=tasks)
        yield pytest.param(tried, id=name, marks=() if is_quick else pytest.mark.slow)


@pytest.mark.parametrize("assignment_id", ASSIGNMENTS)
def test_sample_has_every_check(assignment_id: str) -> None:
    """Each check that a mistake names is tried with one, and each kind of case is there."""
    tried = {case.name for case in sample_of(assignment_id)}
    mistakes = load_mistakes(get_assignment(assignment_id))
    assert {each.check for each in mistakes} == {each.check for each in mistakes if each.id in tried}
    assert {case.kind for case in sample_of(assignment_id)} == set(CaseKind)


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    """As in the processes of `make validate`: one thread each, and less garbage to look through for each run."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
    torch.set_num_threads(before)


@pytest.fixture
def few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Solutions too are judged on a sample of a data set's images."""
    monkeypatch.setattr(
        proving, "context_of", lambda *given, **more: context_of(*given, **more | {"most_images": proving.SAMPLE})
    )


@pytest.mark.parametrize("case", list(tiers()))
@pytest.mark.usefixtures("few_images")
def test_checks_are_sound(case: Case) -> None:
    """Solutions and accepted ways pass everything, stubs nothing; a mistake is caught, named, and costs one task."""
    finding = examine(case)
    assert finding.complaint == ""
    assert finding.results


def test_every_task_of_the_module_is_run() -> None:
    """A mistake is put through the checks of all tasks of its module, so that what else it costs is seen."""
    case = Case(MINIPLACES, CaseKind.MISTAKE, "filters.layer_is_first")
    assert {result.task for result in examine(case).results} == {"1a", "1b"}


@pytest.fixture
def broken_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """`check_range` lets everything through; only the mistakes that it should catch are examined, in this process."""
    cases = tuple(
        Case(MINIPLACES, CaseKind.MISTAKE, m.id) for m in load_mistakes(MINIPLACES) if m.check == "check_range"
    )

    def let_through(student: Any) -> None:
        """Nothing is wrong."""

    setattr(let_through, ATTRIBUTE, spec_of(public_filters.check_range))
    monkeypatch.setattr(public_filters, "check_range", let_through)
    monkeypatch.setattr(proving, "list_cases", lambda *_arguments: cases)


@pytest.mark.usefixtures("broken_check")
def test_broken_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """When a check is broken, validation ends with 1 and names every mistake that got through."""
    through = [mistake.id for mistake in load_mistakes(MINIPLACES) if mistake.check == "check_range"]
    options = ["--assignment", "miniplaces", "--jobs", "1", "--out", str(tmp_path)]
    monkeypatch.setattr("sys.argv", ["grader", "validate", *options])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as caught:
        main()
    printed = capsys.readouterr().out
    assert caught.value.code == AT_FAULT == 1
    assert len(through) > 3
    assert all(f"mistake {each}: check_range lets it through" in printed for each in through)
    assert f"0/{len(through)}" in printed


@pytest.mark.slow
def test_in_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cases are examined in several processes, and findings come back in the order of the cases.

    Each new process imports torch.
    """
    names = ("filters.layer_is_first", "filters.stays_float", "filters.layer_in_brackets")
    cases = tuple(Case(MINIPLACES, CaseKind.MISTAKE, name) for name in names)
    monkeypatch.setattr(proving, "list_cases", lambda *_arguments: cases)
    findings = validate_assignment(MINIPLACES, Console(file=io.StringIO()), jobs=2)
    assert [finding.case for finding in findings] == list(cases)
    assert not any(finding.complaint for finding in findings)


def test_unknown_assignment() -> None:
    """An assignment that does not exist is wrong usage."""
    with pytest.raises(UsageError):
        list_cases(get_assignment("cat"))


RUBRIC = """
id = "toy"
title = "Toy"
course = "c"
due_at = 2022-03-30T00:00:00Z
modules = ["a", "b"]
[[task]]
id = "1"
title = "t"
points = 1
module = "a"
[[task]]
id = "2"
title = "t"
points = 1
module = "b"
"""


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A project with an assignment of two modules, and one mistake and one accepted way for `a`."""
    files = {
        "assignment/toy/assignment.toml": RUBRIC,
        "assignment/toy/a.py": "def f(x): raise NotImplementedError",
        "assignment/toy/b.py": "def g(x): raise NotImplementedError",
        "solutions/toy/a.py": "def f(x): return x + 1",
        "solutions/toy/b.py": "def g(x):\n    return 2 * x\ndef h():\n    import a",
        "solutions/toy/mistakes/a.py": "from grader.solutions import mistake\n"
        'wrong = mistake("a.f", "wrong", check="check_f", help="Wrong.")(lambda x: x - 1)',
        "solutions/toy/accepted/a.py": "from grader.solutions import accepted\n"
        'other = accepted("a.f", "other", "another")(lambda x: 1 + x)',
    }
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path


Ending = tuple[str, str, Outcome, tuple[str, ...]]  # task, check, outcome, mistakes


@pytest.fixture
def examine_toy(toy: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Examines a case of the toy whose checks end as told, asking `calls` of who is checked: gives the complaint."""

    def examine_case(kind: CaseKind, name: str, *endings: Ending, calls: str = "a.f") -> str:
        def run(context: Any, tasks: tuple[str, ...] | None = None) -> None:
            assert kind in (CaseKind.SOLUTIONS, CaseKind.STUBS) or tasks == ("1", "2")  # b imports a
            for task, check, outcome, mistakes in endings:
                module, function = calls.split(".")
                getattr(getattr(context.student, module), function)(1)
                result = CheckResult(
                    task=task, name=check, title="t", outcome=outcome, message="Why.", mistakes=mistakes,
                    mistake=mistakes[0] if mistakes else None,
                )  # fmt: skip
                context.on_result(result)
                context.results.append(result)

        monkeypatch.setattr(proving, "run_checks", run)
        return examine(Case(get_assignment("toy", toy), kind, name)).complaint

    return examine_case


PASSED, FAILED, INTERNAL = Outcome.PASSED, Outcome.FAILED, Outcome.INTERNAL


@pytest.mark.parametrize(
    ("kind", "name", "endings", "complaint"),
    [
        (CaseKind.SOLUTIONS, "solutions", [("1", "check_f", PASSED, ())], ""),
        (CaseKind.SOLUTIONS, "solutions", [], "no check was run"),
        (CaseKind.SOLUTIONS, "solutions", [("1", "check_f", FAILED, ())], "not passed: check_f (failed: Why.)"),
        (CaseKind.SOLUTIONS, "solutions", [("2", "check_g", PASSED, ())], ""),
        (CaseKind.ACCEPTED, "a.other", [("1", "check_f", INTERNAL, ())], "not passed: check_f (internal: Why.)"),
        (CaseKind.MISTAKE, "a.wrong", [("1", "check_f", FAILED, ("a.wrong",)), ("2", "check_g", PASSED, ())], ""),
        (CaseKind.MISTAKE, "a.wrong", [("1", "check_f", FAILED, ("a.else", "a.wrong"))], ""),
        (CaseKind.MISTAKE, "a.wrong", [("1", "check_f", FAILED, ("a.wrong",)), ("1", "check_h", FAILED, ())], ""),
        (CaseKind.MISTAKE, "a.wrong", [("1", "check_f", PASSED, ())], "check_f lets it through"),
        (CaseKind.MISTAKE, "a.wrong", [("1", "check_h", FAILED, ())], "there is no check check_f"),
        (CaseKind.MISTAKE, "a.wrong", [("1", "check_f", FAILED, ("a.else",))], "check_f fails but names a.else: Why."),
        (CaseKind.MISTAKE, "a.wrong", [("1", "check_f", FAILED, ("a.wrong",)), ("2", "check_g", FAILED, ())],
         "it also costs 2"),
    ],
)  # fmt: skip
def test_complaints(
    examine_toy: Callable[..., str], kind: CaseKind, name: str, endings: list[Ending], complaint: str
) -> None:
    """Whatever is not as it should be is told in a sentence."""
    assert examine_toy(kind, name, *endings) == complaint


def test_check_that_asks_another_module(examine_toy: Callable[..., str]) -> None:
    """A check may ask its task's module and what that imports, no other: else variations would not reach it."""
    complaint = examine_toy(CaseKind.SOLUTIONS, "solutions", ("1", "check_f", PASSED, ()), calls="b.g")
    assert complaint == "check_f of 1 (a) asks b.g"


def test_points_for_stubs(examine_toy: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that an untouched stub passes is named."""

    def run(context: Any, tasks: Any = None) -> None:
        for check, outcome in (("check_f", FAILED), ("check_g", PASSED)):
            context.results.append(CheckResult(task="1", name=check, title="t", outcome=outcome))

    examine_toy(CaseKind.ACCEPTED, "a.other", ("1", "check_f", PASSED, ()))
    monkeypatch.setattr(proving, "run_checks", run)
    stubs = next(case for case in CASES if case.kind is CaseKind.STUBS)
    assert examine(stubs).complaint == "passed by untouched stubs: check_g"


@pytest.mark.slow
def test_lost_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is killed, by a lack of memory for example, is the machine's fault.

    Each new process imports torch.
    """
    cases = [Case(MINIPLACES, CaseKind.MISTAKE, "filters.layer_is_first")] * 2
    monkeypatch.setattr(process_pool, "_begin", _die)
    with pytest.raises(MachineError, match="memory"):
        list(proving._examine_all(cases, 2))


def _die(_parent: int) -> None:
    raise SystemExit


def test_table() -> None:
    """The table counts what is as it should be."""
    console = Console(file=io.StringIO(), record=True, width=80)
    assignment = MINIPLACES
    good, bad = (
        Case(MINIPLACES, CaseKind.MISTAKE, "a"),
        Case(MINIPLACES, CaseKind.MISTAKE, "b"),
    )
    findings = [CaseFinding(good, (), ""), CaseFinding(bad, (), "it is not")]
    assert not show_validation(console, assignment, findings)
    assert show_validation(console, assignment, findings[:1])
    assert "1/2" in console.export_text()


def test_own_solutions(tmp_path: Path) -> None:
    """An instructor's own folder of solutions is checked as it is; an empty one is wrong usage."""
    assignment = MINIPLACES
    with pytest.raises(UsageError, match="holds none of"):
        validate_folder(assignment, tmp_path)
    shutil.copy(PROJECT / "solutions" / "miniplaces" / "filters.py", tmp_path)
    finding = validate_folder(assignment, tmp_path)
    passed = {result.task for result in finding.results if result.outcome is Outcome.PASSED}
    assert passed == {"1a", "1b"}
    assert "check_step" in finding.complaint


def validate(folder: Path, monkeypatch: pytest.MonkeyPatch, *options: str) -> int | str | None:
    """`make validate SOLUTIONS=folder`: the exit code."""
    monkeypatch.setattr("sys.argv", ["grader", "validate", "--solutions", str(folder), *options])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def test_own_solutions_that_break(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An instructor's module that can't be imported is told with its file and line; it is wrong usage, no traceback."""
    (tmp_path / "helper.py").write_text("WIDTH = 3")
    (tmp_path / "filters.py").write_text("from helper import WIDTH\nfrom units import SKY_UNIT")
    (tmp_path / "units.py").write_text("x = [\n  1,\n")
    assert validate(tmp_path, monkeypatch) == WRONG_USAGE
    printed = capsys.readouterr().err
    assert (
        printed
        == f"error: {tmp_path}/units.py, line 1: the module can't be imported: SyntaxError: '[' was never closed\n"
    )


def test_own_solutions_of_no_assignment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder is checked against the assignments whose modules it holds; one that holds none is wrong usage."""
    assert validate(tmp_path, monkeypatch) == WRONG_USAGE
    assert capsys.readouterr().err == f"error: {tmp_path} holds no module of an assignment\n"
    tried = []
    monkeypatch.setattr(proving, "validate_folder", lambda assignment, _folder: tried.append(assignment.id))
    monkeypatch.setattr("grader.authoring.validation.table.show_validation", lambda *_: True)
    (tmp_path / "units.py").write_text("SKY_UNIT = 1")
    assert validate(tmp_path, monkeypatch) == GRADED
    assert tried == ["miniplaces"]
