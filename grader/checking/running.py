"""Runs the checks of an assignment by pytest, in this process, and turns how each ends into a result."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from grader.checking.compare import summarise
from grader.checking.context import CONTEXT, Context
from grader.checking.declare import ATTRIBUTE, CheckSpec, spec_of
from grader.checking.diagnosis import Diagnosis, passes_for_oracle
from grader.errors import CheckStopped, Failure, GraderError, MachineError, Malformed, SandboxUnavailable, Skipped
from grader.packages import checks_folder, import_checks, is_public
from grader.records import CheckResult, Outcome
from grader.sandbox.record import NoAnswer

if TYPE_CHECKING:
    from grader.solutions import Variation

FIXTURES = "grader.checking.fixtures"
SETTINGS = Path(__file__).resolve().parent / "pytest.ini"
EITHER = "Two known mistakes lead to this result. Either: {} Or: {}"
#: What pytest loads for tests of other kinds, or to tell people of them; registering each takes its time.
UNWANTED = (
    "cacheprovider", "debugging", "doctest", "faulthandler", "junitxml", "legacypath", "logging", "pastebin",
    "setuponly", "setupplan", "subtests", "terminal", "threadexception", "unittest", "unraisableexception",
)  # fmt: skip


def run_checks(context: Context, tasks: tuple[str, ...] | None = None) -> None:
    """Run the checks of `context`'s assignment, all tasks or the given ones; fills `context.results` and `.exhibits`.

    Raises:
        MachineError: If pytest could not run them.
    """
    folder = checks_folder(context.assignment)
    if not folder.is_dir():
        return
    import_checks(context.assignment)
    options = ["--confcutdir", str(folder), "--rootdir", str(context.assignment.root), "-c", str(SETTINGS)]
    options += ["-p", FIXTURES]
    options += ["--import-mode=importlib", "-s"]
    options += [word for name in UNWANTED for word in ("-p", f"no:{name}")]
    plugin = _Plugin(context, tasks)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):  # meant for other runs of pytest
            environment.delenv(name, raising=False)
        code = pytest.main([*options, str(folder)], plugins=[plugin])
    if plugin.unavailable is not None:
        raise plugin.unavailable
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise MachineError(f"the checks of {context.assignment.id} could not be run: pytest ended with {code!r}")
    if len(context.results) != plugin.collected:
        raise MachineError(
            f"{plugin.collected - len(context.results)} checks of {context.assignment.id} have no result"
        )
    name_mistakes(context.results, plugin.diagnosis.settle())


def name_mistakes(results: list[CheckResult], named: Mapping[tuple[str, str], Sequence[Variation]]) -> None:
    """Put the known mistakes that were found into the results: their ids, and their help in place of the check's."""
    for place, result in enumerate(results):
        if mistakes := named.get((result.task, result.name)):
            ids, helps = tuple(each.id for each in mistakes), [each.help for each in mistakes]
            help = helps[0] if len(helps) == 1 else EITHER.format(*helps)
            results[place] = result.model_copy(update={"mistake": ids[0], "mistakes": ids, "help": help})


class _Plugin:
    """Lets pytest find the checks and their fixtures, and turns how each ends into a result."""

    def __init__(self, context: Context, tasks: tuple[str, ...] | None) -> None:
        self._context = context
        self._tasks = tasks
        self._task = self._last_task = ""
        self._remarked: set[str] = set()
        self.unavailable: SandboxUnavailable | None = None  # raised when pytest has come to its end
        self.collected = 0
        self.diagnosis = Diagnosis(context)

    def pytest_configure(self, config: pytest.Config) -> None:
        config.stash[CONTEXT] = self._context

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        order = list(self._context.assignment.by_id)
        found = [item for item in items if isinstance(item, pytest.Function) and hasattr(item.function, ATTRIBUTE)]
        found = [item for item in found if self._tasks is None or spec_of(item.function).task in self._tasks]
        found.sort(key=lambda item: (item.path.stem.partition("_")[2], not is_public(item.path)))  # by module
        specs = [spec_of(item.function) for item in found]
        places = {(spec.task, spec.name): place for place, spec in enumerate(specs)}
        if lost := [spec for spec in specs if spec.listed_before and (spec.task, spec.listed_before) not in places]:
            raise MachineError(f"{lost[0].name} is listed before {lost[0].listed_before}, no check of its task")

        def place_of(item: pytest.Function) -> tuple[int, bool, int, bool]:
            """Checks of one task stand together and share a worker; those that stand on others come last."""
            spec = spec_of(item.function)
            listed = places[spec.task, spec.listed_before or spec.name]
            return order.index(spec.task), bool(spec.after), listed, not spec.listed_before

        found.sort(key=place_of)
        items[:] = found
        self.collected = len(found)
        self._last_task = spec_of(found[-1].function).task if found else ""

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            raise MachineError(f"checks can't be read: {report.longreprtext}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool:
        spec = spec_of(pyfuncitem.function)
        names = pyfuncitem._fixtureinfo.argnames
        arguments = {name: pyfuncitem.funcargs[name] for name in names}
        self._finish(spec, lambda: self._run(spec, pyfuncitem.function, arguments))
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Any:
        try:
            return (yield)
        except (MachineError, pytest.FixtureLookupError) as error:
            assert isinstance(item, pytest.Function)
            reason = str(error)
            if isinstance(error, pytest.FixtureLookupError):
                reason = f"There is no {error.argname}, which it asks for."
            self._finish(spec_of(item.function), lambda: {"outcome": Outcome.INTERNAL, "message": reason})
            pytest.skip(reason)

    def _finish(self, spec: CheckSpec, run: Callable[[], dict[str, Any]]) -> None:
        started = time.monotonic()
        fields = run()
        result = CheckResult(
            task=spec.task,
            name=spec.name,
            title=spec.title,
            weight=spec.weight,
            seconds=time.monotonic() - started,
            **fields,
        )
        self._context.results.append(result)
        self._context.on_result(result)

    def _run(self, spec: CheckSpec, check: Callable[..., None], arguments: dict[str, Any]) -> dict[str, Any]:
        context = self._context
        exhibits = len(context.exhibits)
        try:
            self._begin(spec)
            check(**arguments)
        except CheckStopped as stopped:
            return self._explain(spec, check, arguments, stopped)
        except SandboxUnavailable as error:
            self.unavailable = error
            return {"outcome": Outcome.INTERNAL, "message": str(error)}
        except GraderError as error:
            return {"outcome": Outcome.INTERNAL, "message": str(error)}
        except Exception as error:
            del context.exhibits[exhibits:]
            return self._judge_surprise(spec, check, arguments, error)
        self.diagnosis.note_passed(check, arguments)
        return {"outcome": Outcome.PASSED, "message": self._remarks()}

    def _remarks(self) -> str:
        """What is to be told beside the verdict, each sentence at the first check of the run that it belongs to."""
        new = [remark for remark in self._context.student.remarks if remark not in self._remarked]
        self._remarked.update(new)
        return " ".join(new)

    def _begin(self, spec: CheckSpec) -> None:
        context = self._context
        for name in spec.after:
            if context.outcome_of(spec.task, name) != Outcome.PASSED:
                raise Skipped("Not tried: it stands on a check above that did not pass.")
        if spec.task != self._task:
            self._task = spec.task
            context.begin_task(spec.task == self._last_task)
        context.student.reset(0)
        context.oracle.reset(0)

    def _explain(
        self, spec: CheckSpec, check: Callable[..., None], arguments: dict[str, Any], stopped: CheckStopped
    ) -> dict[str, Any]:
        self.diagnosis.note_stopped(check, arguments, stopped)
        is_unmet = isinstance(stopped, Failure) and not isinstance(stopped, Malformed)
        return {
            "outcome": Outcome(stopped.outcome),
            "message": " ".join(filter(None, (stopped.message, self._remarks()))),
            "called": stopped.called or (self._asked(spec) if stopped.outcome == "failed" else ""),
            "expected": stopped.expected,
            "got": stopped.got,
            "help": stopped.help or (spec.help if is_unmet else ""),
        }

    def _judge_surprise(
        self, spec: CheckSpec, check: Callable[..., None], arguments: dict[str, Any], error: Exception
    ) -> dict[str, Any]:
        """An exception in the check is ours, unless the check is sound and only the student's answer sets it off."""
        if not passes_for_oracle(self._context, check, arguments):
            return {"outcome": Outcome.INTERNAL, "message": f"The check itself failed: {type(error).__name__}: {error}"}
        asked = self._asked(spec)
        answers = [exchange.value for exchange in self._context.student.record if exchange.called == asked]
        got = summarise(answers[-1]) if answers and not isinstance(answers[-1], NoAnswer) else ""
        stopped = Malformed("Your answer is of a kind that the check can't work with.", got=got)
        return self._explain(spec, check, arguments, stopped)

    def _asked(self, spec: CheckSpec) -> str:
        """The last call of the student's own code, of the task's module if there was one."""
        return self._context.student.last_asked(self._context.assignment.by_id[spec.task].module)
