"""What `make validate` found out, as a page: headline numbers, what is wrong, the kill matrix (mistakes x checks)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.authoring.validation.cases import SECRETS, CaseFinding, CaseKind, SourceForm
from grader.authoring.validation.unearned import MOST_SHARE, read_exemptions
from grader.errors import MachineError
from grader.records import CheckResult, Outcome
from grader.report.page import environment
from grader.rubric import Assignment
from grader.solutions import Variation, load_accepted, load_mistakes
from grader.text import clean_text

NOT_RUN = frozenset({Outcome.SKIPPED, Outcome.INTERNAL})
HEADLINES = ((CaseKind.SOLUTIONS, "solutions earn every point"), (CaseKind.STUBS, "stubs earn none"),
             (CaseKind.MISTAKE, "mistakes caught and named"), (CaseKind.ACCEPTED, "other ways accepted"),
             (CaseKind.LAZY, "lazy ways earn nothing"),
             (CaseKind.RECORDED, "recorded answers earn nothing"))  # fmt: skip
UNEARNED = (
    (CaseKind.LAZY, "Replaced by what takes no work: None, zeros, ones, empty values, the input, random values"),
    (CaseKind.RECORDED, "Answers of the solutions under one secret, played back under another"),
)
CELLS = {"named": ("●", "caught and named"), "caught": ("○", "caught"), "passed": ("·", "passed"), "": ("", "not run")}


@dataclass(frozen=True)
class ResultCell:
    """What one check made of one mistake."""

    kind: str  # a key of CELLS
    declared: bool  # whether this is the check that has to catch and name it

    @property
    def symbol(self) -> str:
        """What stands in the cell."""
        return CELLS[self.kind][0]

    @property
    def words(self) -> str:
        """The same for those who can't see it."""
        return CELLS[self.kind][1] + (", the declared check" if self.declared else "")


@dataclass(frozen=True)
class ResultRow:
    """One mistake or accepted way; `cells` are empty for the latter."""

    anchor: str
    name: str
    help: str
    complaint: str
    cells: tuple[ResultCell, ...] = ()


@dataclass(frozen=True)
class Unearned:
    """What one lazy or recorded implementation earned; `gains` are sentences, empty where it earned nothing."""

    anchor: str
    name: str
    complaint: str
    gains: tuple[str, ...]


@dataclass(frozen=True)
class Matrix:
    """One module's part of the kill matrix: outside it no check is run, so nothing is left out."""

    module: str
    tasks: tuple[tuple[str, int], ...]  # (task, how many of the columns are its)
    checks: tuple[tuple[str, str], ...]  # (name, sentence) of each column
    groups: tuple[tuple[str, tuple[ResultRow, ...]], ...]  # (what the mistakes replace, the mistakes)


def render_validation(assignment: Assignment, findings: Sequence[CaseFinding], folder: Path) -> Path:
    """Write `validation.html`, a page that needs nothing else, into `folder`.

    Args:
        assignment: Whose checks were proved.
        findings: What came out, in the order of the page.
        folder: Where to; it is made.

    Returns:
        The file that was written.

    Raises:
        MachineError: If the file can't be written.
    """
    mistakes = {each.id: each for each in load_mistakes(assignment)}
    accepted = {each.id: each for each in load_accepted(assignment)}
    page = environment().get_template("validation.html.j2").render(
        title=assignment.title,
        headlines=[(_right(findings, kind), len(_of(findings, kind)), words) for kind, words in HEADLINES],
        wrong=[(_anchor(findings, one), one.case.kind.value, one.case.written, _clean(one.complaint))
               for one in findings if one.complaint],
        legend=[(ResultCell(kind, False), words) for kind, (_, words) in CELLS.items() if kind],
        matrices=_matrices(assignment, findings, mistakes),
        ways=[_row(findings, one, accepted.get(one.case.name)) for one in _of(findings, CaseKind.ACCEPTED)],
        unearned=[(title, [_unearned(findings, one) for one in _of(findings, kind)]) for kind, title in UNEARNED],
        most=f"{MOST_SHARE:.0%}",
        exemptions=read_exemptions(assignment),
    )  # fmt: skip
    path = folder / "validation.html"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8", newline="\n")
    except OSError as error:
        raise MachineError(f"the validation page can't be written: {error}") from error
    return path


def _of(findings: Sequence[CaseFinding], kind: CaseKind) -> list[CaseFinding]:
    """Those of a kind that the page shows, one of each; what is wrong in others is listed with the rest."""
    return [finding for finding in findings if finding.case.kind == kind and _is_shown(finding)]


def _is_shown(finding: CaseFinding) -> bool:
    """Whether it is in the first form, under the first secret."""
    return finding.case.form is SourceForm.FUNCTIONS and finding.case.secret == SECRETS[0]


def _right(findings: Sequence[CaseFinding], kind: CaseKind) -> int:
    return sum(not finding.complaint for finding in _of(findings, kind))


def _anchor(findings: Sequence[CaseFinding], finding: CaseFinding) -> str:
    """Of its row in the page; empty where it has none."""
    return f"finding-{findings.index(finding)}" if _is_shown(finding) else ""


def _unearned(findings: Sequence[CaseFinding], finding: CaseFinding) -> Unearned:
    gains = tuple(
        f"{earned.share:.0%} of {earned.task}: {', '.join(earned.checks)} ({', '.join(earned.by)})"
        for earned in finding.earned
    )
    return Unearned(_anchor(findings, finding), finding.case.name, _clean(finding.complaint), gains)


def _clean(text: str) -> str:
    """Complaints may quote what an implementation printed."""
    return clean_text(text, columns=2000, limit=2000)


def _matrices(assignment: Assignment, findings: Sequence[CaseFinding], mistakes: dict[str, Variation]) -> list[Matrix]:
    """The kill matrix in parts, one for the mistakes of each module, in the rubric's order."""
    order = {task.id: i for i, task in enumerate(assignment.tasks)}
    by_module: dict[str, list[CaseFinding]] = {module: [] for module in assignment.modules}
    for finding in _of(findings, CaseKind.MISTAKE):
        by_module.setdefault(finding.case.name.split(".")[0], []).append(finding)
    matrices = []
    for module, of_module in by_module.items():
        if not of_module:
            continue
        columns: dict[tuple[str, str], str] = {}
        for result in (result for finding in of_module for result in finding.results):
            columns.setdefault((result.task, result.name), result.title)
        checks = sorted(columns, key=lambda column: order.get(column[0], len(order)))  # stable: checks keep their order
        groups: dict[str, list[ResultRow]] = {}
        for finding in of_module:
            mistake = mistakes.get(finding.case.name)
            row = _row(findings, finding, mistake, checks)
            groups.setdefault(mistake.target if mistake else module, []).append(row)
        tasks = dict.fromkeys(task for task, _ in checks)
        matrices.append(Matrix(
            module, tuple((task, sum(one == task for one, _ in checks)) for task in tasks),
            tuple((check[1], columns[check]) for check in checks),
            tuple((target, tuple(rows)) for target, rows in groups.items()),
        ))  # fmt: skip
    return matrices


def _row(
    findings: Sequence[CaseFinding], finding: CaseFinding, variation: Variation | None,
    checks: Sequence[tuple[str, str]] = (),
) -> ResultRow:  # fmt: skip
    results = {(result.task, result.name): result for result in finding.results}
    declared = variation.check if variation else ""
    cells = tuple(ResultCell(_judge(results.get(check), finding.case.name), check[1] == declared) for check in checks)
    return ResultRow(_anchor(findings, finding), finding.case.name, variation.help if variation else "",
               _clean(finding.complaint), cells)  # fmt: skip


def _judge(result: CheckResult | None, mistake: str) -> str:
    if result is None or result.outcome in NOT_RUN:
        return ""
    if result.outcome is Outcome.PASSED:
        return "passed"
    return "named" if mistake in (result.mistake, *result.mistakes) else "caught"
