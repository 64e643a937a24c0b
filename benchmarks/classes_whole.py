"""A class of whole submissions: over an hour, and so only when it is asked for."""

from __future__ import annotations

from benchmarks.classes import HOW, compare, grade_class, table
from benchmarks.sections import Section
from grader.rubric import get_assignment
from grader.solutions import solution_files

WHOLE = "perfect ones of Miniplaces"
RUNS = tuple((count, jobs) for count in (10, 40, 160) for jobs in (1, 2))  # submissions, jobs
QUICK = ((3, 2), (6, 2))


def measure(quick: bool) -> Section:
    """Grade classes of perfect submissions."""
    files = solution_files(get_assignment("miniplaces"))
    found = [grade_class(files, count, jobs) for count, jobs in (QUICK if quick else RUNS)]
    return Section(
        "classes_whole", "A class of whole submissions", HOW.format(what=WHOLE), (table(found),), tuple(compare(found))
    )
