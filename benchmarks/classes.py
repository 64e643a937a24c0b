"""A class: what a submission costs when there are more of them, and whether memory grows."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.accounts import account
from benchmarks.memory import memory_watched
from benchmarks.sections import Section, Table
from grader.rubric import PROJECT, get_assignment
from grader.solutions import solution_files
from grader.zip_writer import pack_files

HOW = (
    "`python -m grader grade-all` on so many zips, {what}, each with its owner's name in it, so that no two are the "
    "same. *A submission*: from the report that ends the first round of jobs to the last one, by the number of reports "
    "after it, since jobs that begin together report together; *before* and *after* are what comes once for a class "
    "(starting its processes, and the class report). *CPU* is computing of all processes, the class's share included, "
    "by submission. Memory of all processes, shared pages counted once: its median while the first third of the "
    "reports was made, and while the last."
)
LIGHT = "of which one module of four was handed in (1a and 1b of Miniplaces: all checks run, most find nothing)"
RUNS = ((10, 1), (10, 2), (40, 2), (160, 2))  # submissions, jobs
QUICK = ((4, 2), (12, 2))
HEADINGS = (
    "submissions, jobs", "a submission, s", "CPU s", "before, s", "after, s", "first third, MiB", "last third, MiB",
    "peak, MiB",
)  # fmt: skip
GOAL = 0.10  # of what a submission costs: how much more it may be in a class of 160 than in one of 10


@dataclass(frozen=True)
class Graded:
    """A class that was graded.

    Attributes:
        count: How many submissions.
        jobs: How many at a time.
        each_s: Seconds on the clock from one report to the next.
        cpu_s: Seconds of computing for each.
        before_s: Seconds until the first report was there.
        after_s: Seconds after the last one.
        memory: MiB while the first third of the reports was made, while the last third was, and the most.
    """

    count: int
    jobs: int
    each_s: float
    cpu_s: float
    before_s: float
    after_s: float
    memory: tuple[float, float, float]


def measure(quick: bool) -> Section:
    """Grade classes of light submissions."""
    files = {"filters.py": solution_files(get_assignment("miniplaces"))["filters.py"]}
    found = [grade_class(files, count, jobs) for count, jobs in (QUICK if quick else RUNS)]
    whole = (
        "Whole submissions, and larger classes with one job, take over an hour: `make bench SECTIONS=classes_whole`."
    )
    return Section("classes", "A class", HOW.format(what=LIGHT), (table(found),), (*compare(found), whole))


def grade_class(files: Mapping[str, bytes], count: int, jobs: int) -> Graded:
    """Grade a class all of whose students hand in these files.

    Args:
        files: Contents by path; modules get the student's name as a comment.
        count: How many students.
        jobs: How many submissions at a time.

    Raises:
        RuntimeError: If the command fails.
    """
    with TemporaryDirectory(prefix="benchmark-") as made, account() as spent, memory_watched() as seen:
        zips, out = Path(made, "zips"), Path(made, "out")
        for number in range(count):
            head = f"# student {number}\n".encode()
            own = {name: head + data if name.endswith(".py") else data for name, data in files.items()}
            pack_files(own, zips / f"student{number:03}.zip")
        started = time.time()
        spent.run([sys.executable, "-m", "grader", "grade-all", zips, "--out", out, "--jobs", str(jobs)], PROJECT)
        ended = time.time()
        done = sorted(path.stat().st_mtime for path in out.glob("student*/results.json"))
    if len(done) != count:
        raise RuntimeError(f"{count - len(done)} of {count} submissions have no results")
    first, last = done[0], done[-1]
    third = (last - first) / 3
    early = [mib for moment, mib in seen if first <= moment <= first + third]
    late = [mib for moment, mib in seen if last - third <= moment <= last]
    memory = (_median(early), _median(late), max((mib for _, mib in seen), default=0.0))
    each_s = (last - done[jobs - 1]) / (count - jobs)
    return Graded(count, jobs, each_s, spent.cost.cpu_s / count, first - started, ended - last, memory)


def _median(values: Sequence[float]) -> float:
    return statistics.median(values) if values else 0.0


def table(found: Sequence[Graded]) -> Table:
    """A row for each class."""
    rows = (
        (
            f"{each.count}, {each.jobs}",
            *(f"{value:.2f}" for value in (each.each_s, each.cpu_s, each.before_s, each.after_s)),
            *(f"{value:.0f}" for value in each.memory),
        )
        for each in found
    )
    return Table(HEADINGS, tuple(rows))


def compare(found: Sequence[Graded]) -> list[str]:
    """The largest class beside the smallest, for each number of jobs that has both; and the memory of the largest."""
    told = []
    for jobs in sorted({each.jobs for each in found}):
        some = sorted((each for each in found if each.jobs == jobs), key=lambda each: each.count)
        small, large = some[0], some[-1]
        if small is large:
            continue
        more = [100 * (large.each_s / small.each_s - 1), 100 * (large.cpu_s / small.cpu_s - 1)]
        early, late, _ = large.memory
        grown = 100 * (late / early - 1) if early else 0.0
        told.append(
            f"{jobs} job{'s' * (jobs > 1)}: in a class of {large.count} a submission takes {more[0]:+.0f}% of the time "
            f"and {more[1]:+.0f}% of the computing that it takes in one of {small.count} (goal for 160 beside 10: at "
            f"most {100 * GOAL:+.0f}%); memory {grown:+.0f}% from first to last third."
        )
    return told
