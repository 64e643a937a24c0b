"""Who needs a person's look, and why; and the pairs of submissions that resemble each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grader.course.class_report.names import DisplayNames, Who
from grader.course.class_report.seen import ClassJob
from grader.course.records import FAILED, GRADED, MISSING, REFUSED, UNREAD, Pair, Row

MOST_REMARKS = 6  # of one student
MOST_PAIRS, MOST_EVIDENCE = 30, 3  # shown with what is alike
EVIDENCE_LINES, EVIDENCE_LETTERS = 10, 600
KINDS = {"code": "Code", "weights": "Weights"}


@dataclass(frozen=True)
class Reason:
    """Why people look at some students.

    Attributes:
        kind: One word: failed, lying, withheld, unread, remark, told, refused, missing, waiting.
        title: What it is.
        advice: What to do.
        lines: Sentences with the students that each is about; none where it is about the class.
        n: How many students, or sentences on the class.
    """

    kind: str
    title: str
    advice: str
    lines: tuple[tuple[str, tuple[Who, ...]], ...]
    n: int


@dataclass(frozen=True)
class PairView:
    """One pair, and what to compare: (what, the first's text, the second's text)."""

    anchor: str
    kind: str
    first: Who
    second: Who
    others: tuple[Who, ...]
    share: str
    sentence: str
    evidence: tuple[tuple[str, str, str], ...]
    unshown: int


def view_reasons(job: ClassJob, names: DisplayNames) -> tuple[Reason, ...]:
    """Everything that asks for a person, what is urgent first; what nobody has is left out."""
    of = {
        outcome: [row for row in job.rows if row.outcome == outcome] for outcome in (FAILED, UNREAD, REFUSED, MISSING)
    }
    unread = [row for row in job.rows if job.seen[row.student].problem]
    remarks = [(f"Task {look.task}: {names.sentence(look.sentence)}", row.student)
               for row in job.rows for look in job.seen[row.student].looks[:MOST_REMARKS]]  # fmt: skip
    told = [(names.sentence(remark), row.student) for row in job.rows if not row.graded_as for remark in row.remarks]
    found = (
        ("failed", "The grader failed", "Our fault or the machine’s, not theirs: no points are lost. Grade them again.",
         [(names.sentence(row.message), row.student) for row in of[FAILED]]),
        ("lying", "Not read", "Something of theirs lies in the folder that the grader does not understand.",
         [(names.sentence(row.message), row.student) for row in of[UNREAD]]),
        ("class", "Not understood in the folder or the roster", "Nothing of it is in anybody’s grade.",
         [] if job.plain else [(names.sentence(remark), "") for remark in job.remarks]),
        ("told", "Marks, several zips, lateness, groups", "Told while grading.",
         [] if job.plain else told),
        ("unread", "Results can’t be read", "Their figures are missing from this page.",
         [(job.seen[row.student].problem, row.student) for row in unread]),
        ("withheld", "Tasks that could not be checked", "These points are neither given nor lost.",
         _by_task(job, names, "withheld")),
        ("remark", "Worth a look", "Most have honest causes, no score depends on them, and no student is told.",
         [] if job.plain else remarks),
        ("refused", "Refused as a whole", "The zip is at fault: they may want to hand in again.",
         [(names.sentence(row.message), row.student) for row in of[REFUSED]]),
        ("missing", "Nothing handed in", "", [("", row.student) for row in of[MISSING]]),
        ("waiting", "Waits for a person’s score", "Fill in each student’s manual.toml, then grade again.",
         _by_task(job, names, "waiting")),
    )  # fmt: skip
    return tuple(_reason(kind, title, advice, lines, names) for kind, title, advice, lines in found if lines)


def _by_task(job: ClassJob, names: DisplayNames, what: str) -> list[tuple[str, str]]:
    """A sentence for each task of each student that is withheld or waits."""
    lines: list[tuple[str, int, str, str]] = []
    for row in job.rows:
        if row.outcome != GRADED:
            continue
        rubric = job.rubrics.get(row.assignment)
        for task in row.withheld if what == "withheld" else row.waiting:
            known = rubric.by_id.get(task) if rubric else None
            place = rubric.tasks.index(known) if rubric and known else 0
            title = f"{names.name(task)} {known.title}" if known else names.name(task)
            why = names.sentence(job.seen[row.student].reasons.get(task, ""))
            lines.append((row.assignment, place, f"{title}. {why}".strip(" ."), row.student))
    return [(sentence, student) for _, _, sentence, student in sorted(lines)]


def _reason(kind: str, title: str, advice: str, lines: Sequence[tuple[str, str]], names: DisplayNames) -> Reason:
    grouped: dict[str, list[str]] = {}
    for sentence, student in lines:
        grouped.setdefault(sentence, []).extend([student] if student else [])
    shown = tuple((sentence, names.all(dict.fromkeys(students))) for sentence, students in grouped.items())
    return Reason(kind, title, advice, shown, len({student for _, student in lines if student}) or len(grouped))


def flags(row: Row, job: ClassJob, paired: frozenset[str]) -> tuple[str, ...]:
    """One word for each reason to look at this student, waiting tasks aside: these are in nearly every line."""
    seen = job.seen[row.student]
    found = (
        (row.outcome == FAILED, "grader failed"),
        (row.outcome == UNREAD, "file not read"),
        (bool(seen.problem), "not read"),
        (bool(row.withheld), "withheld"),
        (bool(seen.looks), "remark"),
        (row.student in paired, "similar"),
        (row.outcome == REFUSED, "refused"),
        (row.outcome == MISSING, "missing"),
    )
    return tuple(word for is_so, word in found if is_so)


def view_pairs(pairs: Sequence[Pair], names: DisplayNames) -> tuple[tuple[PairView, ...], int]:
    """The pairs, the most alike first, and how many more there are than the page shows."""
    ranked = sorted(pairs, key=lambda pair: (-pair.share, pair.kind, pair.first, pair.second))
    views = []
    for i, pair in enumerate(ranked[:MOST_PAIRS]):
        evidence = tuple(
            (names.sentence(what, 120), *(names.block(text, EVIDENCE_LINES, EVIDENCE_LETTERS) for text in texts))
            for what, *texts in pair.evidence[:MOST_EVIDENCE]
        )
        views.append(
            PairView(
                anchor=f"pair-{i}", kind=KINDS.get(pair.kind, names.name(pair.kind)),
                first=names.who(pair.first), second=names.who(pair.second), others=names.all(pair.others),
                share=f"{100 * pair.share:.0f}%",
                sentence=names.sentence(pair.sentence, 400),
                evidence=tuple((what, first, second) for what, first, second in evidence),
                unshown=len(pair.evidence) - len(evidence),
            )
        )  # fmt: skip
    return tuple(views), len(ranked) - len(views)
