"""Made-up findings of a validation of Miniplaces, about its real mistakes and accepted ways: a builder, no state."""

from __future__ import annotations

from collections.abc import Sequence

from grader.authoring.validation.cases import Case, CaseFinding, CaseKind
from grader.records import CheckResult, Outcome
from grader.rubric import get_assignment
from grader.solutions import Variation, load_accepted, load_mistakes

ID = "miniplaces"


def result(task: str, name: str, mistake: Variation | None = None, **changes: object) -> CheckResult:
    """A check that passed, or that names a mistake."""
    caught = {"outcome": Outcome.FAILED, "mistake": mistake.id, "mistakes": (mistake.id,)} if mistake else {}
    fields = {"task": task, "name": name, "title": f"What {name} says.", "outcome": Outcome.PASSED, **caught, **changes}
    return CheckResult.model_validate(fields)


def checks_of(mistakes: Sequence[Variation]) -> dict[str, list[tuple[str, str]]]:
    """(task, check) of every module, spread over the module's tasks."""
    tasks = {module: [task.id for task in get_assignment(ID).tasks if task.module == module]
             for module in get_assignment(ID).modules}  # fmt: skip
    names = {module: list(dict.fromkeys(each.check for each in mistakes if each.module == module)) for module in tasks}
    return {module: sorted((tasks[module][i * len(tasks[module]) // len(names[module])], name)
                           for i, name in enumerate(names[module])) for module in tasks}  # fmt: skip


def findings(*, faults: bool = False) -> list[CaseFinding]:
    """Everything as it should be; with `faults`, a mistake that gets through and a right way that does not."""
    mistakes = load_mistakes(get_assignment(ID))
    checks = checks_of(mistakes)
    everything = tuple(result(*check) for module in checks.values() for check in module)
    found = [
        CaseFinding(Case(get_assignment(ID), CaseKind.SOLUTIONS, "solutions"), everything, ""),
        CaseFinding(Case(get_assignment(ID), CaseKind.STUBS, "stubs"), (), ""),
    ]
    for i, mistake in enumerate(mistakes):
        through = faults and i == 2
        results = tuple(
            result(task, name, mistake) if name == mistake.check and not through
            else result(task, name, outcome=Outcome.FAILED) if (i + j) % 11 == 0 and not through
            else result(task, name, outcome=Outcome.SKIPPED) if (i + j) % 13 == 0
            else result(task, name)
            for j, (task, name) in enumerate(checks[mistake.module])
        )  # fmt: skip
        complaint = f"{mistake.check} lets it through" if through else ""
        found.append(CaseFinding(Case(get_assignment(ID), CaseKind.MISTAKE, mistake.id), results, complaint))
    for i, way in enumerate(load_accepted(get_assignment(ID))):
        complaint = "not passed: check_range (failed: <b>\x1b[31mtoo sharp</b>)" if faults and i == 1 else ""
        found.append(CaseFinding(Case(get_assignment(ID), CaseKind.ACCEPTED, way.id), everything[:1], complaint))
    return found
