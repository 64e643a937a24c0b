"""What is said of files and names that a submission lacks, where others are like them (part of step 1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from grader.intake.lookalikes import find_lookalikes
from grader.intake.misplaced import find_misplaced
from grader.notebooks.submitted import WithModules, asked_names
from grader.rubric import Assignment

_MOST = 5  # files that may be meant for others, or are there twice: a longer list is not read


@dataclass(frozen=True)
class Missed:
    """Sentences for the student.

    Attributes:
        first: What comes before all other notes.
        notes: Others.
        absent: As of a `Submission`.
    """

    first: tuple[str, ...]
    notes: tuple[str, ...]
    absent: Mapping[str, str]


def explain_missed(taken: WithModules, left: Iterable[str], assignment: Assignment) -> Missed:
    """What is said of a submission's missing files and names.

    Args:
        taken: The submission's files, and what its notebooks lack.
        left: Paths of the zip that are no part of it.
        assignment: Which.
    """
    modules = {f"{module}.py" for module in assignment.modules}
    likes = find_lookalikes(assignment, taken.files, left, taken.made)
    # Where a module is missing, each of its checks says so.
    told = [each for each in likes if each.instead or each.expected not in modules]
    sure = [each for each in told if each.is_sure and not each.instead]
    others = [each for each in told if each.instead or not (each.is_sure or "/" in each.path)][:_MOST]
    absent = {each.expected: each.sentence() for each in likes if not each.instead}
    for name, sentence in find_misplaced(taken.files, asked_names(assignment).modules, taken.made).items():
        module, _, bare = name.partition(".")
        is_there = f"{module}.py" in taken.files
        lacks = f"`{module}.py` has no `{bare}`." if is_there else f"Your zip has no `{module}.py`."
        absent[name] = " ".join(filter(None, [lacks, absent.get(f"{module}.py"), sentence]))
    first = (*taken.first, *(each.sentence() for each in sure))
    return Missed(first, tuple(each.sentence() for each in others), {**absent, **taken.absent})
