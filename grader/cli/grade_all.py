"""What `grade-all` does on a terminal: a progress bar, a line per finished student, then what concerns all of them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from grader.course.class_report.rendering import render_class
from grader.course.digests import code_digest, digest
from grader.course.executors import Cluster, Machine, Place
from grader.course.exports import write_exports
from grader.course.grading import grade_class
from grader.course.hand_in import HandIn
from grader.course.handed_in import Found
from grader.course.plan import Options
from grader.course.records import FAILED, GRADEBOOK, GRADED, REFUSED, Pair, Row
from grader.course.remarks import class_remarks
from grader.course.roster import Roster
from grader.course.similarity.pairs import find_pairs
from grader.errors import SubmissionRefused, UsageError
from grader.intake.opening import open_archive
from grader.process_pool import cores
from grader.records import Submission
from grader.results import INSTRUCTOR_ONLY, write_whole
from grader.rubric import Assignment, find_assignments
from grader.text import clean_name, clean_text

LOG = logging.getLogger(__name__)
PAGES = ("index.html", "class.pdf")
STYLES = {REFUSED: "red", FAILED: "bold red"}
_REMARK = 1000  # characters of a remark that are shown


def grade_folder(folder: Path, out: Path, options: Options, jobs: int | None, cluster: str | None) -> list[Row]:
    """Grade a folder of zips, telling how it goes, and write what concerns the whole class.

    Args:
        folder: The zips.
        out: Where everything goes.
        options: How to grade.
        jobs: Submissions at a time on this machine; None takes the cores there are.
        cluster: Address of a Dask scheduler to work there instead.

    Raises:
        UsageError: If something of it makes no sense.
        MachineError: If the cluster or the sandbox can't be had, or something can't be written.
    """
    console = Console()
    place: Place = Cluster(cluster) if cluster else Machine(jobs or cores())
    with _progress(console) as progress:
        bar = progress.add_task("grading", total=None, failed=0, rate="")

        def begin(everybody: int, left: int) -> None:
            told = f"{everybody} submissions, {everybody - left} of them graded before and unchanged"
            progress.console.print(told, highlight=False)
            progress.update(bar, total=left)

        def show(row: Row) -> None:
            progress.update(bar, advance=1, failed=progress.tasks[0].fields["failed"] + (row.outcome == FAILED))
            progress.console.print(_line(row))

        there: list[tuple[Found, Roster]] = []
        rows = grade_class(folder, out, options, place, begin, show, lambda *found: there.append(found))
    console.print(_summary(rows), highlight=False)
    found, roster = there[0]
    remarks = class_remarks(found, roster, rows)
    _tell(console, rows, remarks)
    if told := _conclude(found, out, rows, remarks):
        console.print(told, style="red")
    console.print(f"{out / GRADEBOOK}\n{out / 'index.html'}\n{out / 'class.pdf'}", markup=False, highlight=False)
    return rows


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failed]} failed"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
    )


def _line(row: Row) -> Text:
    """One line about a finished student; what does not fit into the terminal is cut."""
    if row.outcome == GRADED:
        late = f", {row.days_late} day{'s' * (row.days_late > 1)} late" if row.days_late else ""
        waiting = f", {len(row.waiting)} wait for a person" if row.waiting else ""
        withheld = f", {len(row.withheld)} withheld" if row.withheld else ""
        told = f"{row.score:g} of {row.max_score:g}{late}{withheld}{waiting}"
    else:
        told = f"{row.outcome}: {' '.join(clean_text(row.message).split())}"
    parts = (
        (f"{clean_name(row.student):24} ", "bold"),
        (f"{row.seconds:5.1f} s  ", "dim"),
        (told, STYLES.get(row.outcome, "")),
    )
    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")


def _summary(rows: Sequence[Row]) -> str:
    counts = Counter(row.outcome for row in rows)
    return ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))


def _tell(console: Console, rows: Sequence[Row], remarks: Sequence[str]) -> None:
    """What an instructor should know of single students, then of the class; a line each, whoever was graded now."""
    of_students = [f"{row.student}: {remark}" for row in rows if not row.graded_as for remark in row.remarks]
    for remark in (*of_students, *remarks):
        line = " ".join(clean_text(remark, columns=_REMARK).split())
        console.print(line, style="yellow", markup=False, highlight=False, soft_wrap=True)


def _conclude(found: Found, out: Path, rows: Sequence[Row], remarks: Sequence[str]) -> str:
    """Write the exports, look for pairs worth a look, and render the class report, unless they are there already.

    Returns:
        What is to be said of it, a sentence; empty where all is well.
    """
    state = out / INSTRUCTOR_ONLY / "class.txt"
    current = digest([row.model_dump(mode="json") for row in rows], list(remarks), code_digest())
    if state.exists() and state.read_text() == current and all((out / page).exists() for page in PAGES):
        return ""
    write_exports(rows, out)
    assignments = find_assignments()
    there = [assignments[id] for id in sorted({row.assignment for row in rows} & assignments.keys())]
    told, pairs = "", list[Pair]()
    try:
        hand_ins = {each.person.student: each for each in found.hand_ins}
        names = {row.student: row.person.name for row in rows}
        pairs = [pair for each in there for pair in find_pairs(_opened(hand_ins, rows, each), each, names)]
    except Exception:  # of ours: who resembles whom must cost nobody the class report
        LOG.exception("submissions could not be compared")
        told = "Submissions could not be compared with each other: the class report has no pairs."
    render_class(rows, out, there[0].title if len(there) == 1 else "All assignments", pairs, remarks)
    state.parent.mkdir(exist_ok=True)
    write_whole(state, b"" if told else current.encode())
    return told


def _opened(
    hand_ins: Mapping[str, HandIn], rows: Sequence[Row], assignment: Assignment
) -> Iterator[tuple[str, Submission]]:
    """The graded submissions of an assignment, opened one after the other."""
    for row in rows:
        if row.assignment != assignment.id or row.outcome != GRADED or row.graded_as:
            continue
        try:
            raw = hand_ins[row.student].read()
            yield row.student, open_archive(raw, row.student, choices=[assignment])
        except (KeyError, UsageError, SubmissionRefused) as error:  # it went or changed since it was graded
            LOG.warning("%s is not compared with others: %s", clean_name(row.student), error)
