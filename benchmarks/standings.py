"""What each grader took for the same submissions: a table, and what became of the goals."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.accounts import Account
from benchmarks.measuring import spread
from benchmarks.sections import Table

OURS, TWO_JOBS = "this grader, all walls up, a task each", "the same, 2 jobs"
ONE_TASK, FORK = "this grader, all walls up, one task", "bare fork server, no walls"
GRADESCOPE, NBGRADER, OTTER = "gradescope-utils, subprocess", "nbgrader autograde", "otter run"
GOALS = ((GRADESCOPE, 15), (OTTER, 80))  # how many times less than these ours should take
GOAL_FORK = 3  # how many times the bare fork server's it may take


@dataclass
class Found:
    """What one grader took for a submission: a number a round, and its memory."""

    wall_s: list[float] = field(default_factory=list)
    beyond_s: list[float] = field(default_factory=list)  # beyond the one-time start; without one the same
    start_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    peak_mib: float = 0.0

    def add(self, spent: Account, number: int, *, start_s: float | None = None, each_s: float | None = None) -> None:
        """Take down a round of `number` submissions."""
        self.wall_s.append(spent.cost.wall_s / number)
        self.cpu_s.append(spent.cost.cpu_s / number)
        self.beyond_s.append(self.wall_s[-1] if each_s is None else each_s)
        self.start_s += [] if start_s is None else [start_s]


def standings(found: Mapping[str, Found]) -> Table:
    """A row for each grader."""
    headings = (
        "grader",
        "seconds",
        "beyond the start",
        "start",
        "computing",
        "peak MiB",
        "times ours beyond the start",
    )
    ours = statistics.median(found[OURS].beyond_s)
    rows = [
        (
            name,
            spread(each.wall_s),
            spread(each.beyond_s, 3),
            spread(each.start_s) if each.start_s else "-",
            spread(each.cpu_s),
            f"{each.peak_mib:.0f}",
            f"{statistics.median(each.beyond_s) / ours:.1f}",
        )
        for name, each in found.items()
    ]
    return Table(headings, tuple(rows))


def verdicts(found: Mapping[str, Found]) -> list[str]:
    """What became of the goals: ratios within each round, of what comes beyond the start and of all."""
    lines = []
    for layout in (OURS, ONE_TASK):
        ours = found[layout]
        for name, goal in GOALS:
            if name in found:
                beyond, whole = _ratios(found[name].wall_s, ours.beyond_s), _ratios(found[name].wall_s, ours.wall_s)
                lines.append(
                    f"{name} takes {spread(beyond, 1)} times as long as {layout}, beyond the start (goal: at least "
                    f"{goal}: {_word(statistics.median(beyond) >= goal)}), {spread(whole, 1)} times with our start, "
                    f"shared by ten submissions ({_word(statistics.median(whole) >= goal)})."
                )
        times = _ratios(ours.beyond_s, found[FORK].beyond_s)
        lines.append(
            f"{layout.capitalize()} takes {spread(times, 1)} times as long as the bare fork server, both beyond the "
            f"start (goal: at most {GOAL_FORK}: {_word(statistics.median(times) <= GOAL_FORK)})."
        )
    if GRADESCOPE in found:
        least = _ratios(found[GRADESCOPE].wall_s, [start / 10 for start in found[FORK].start_s])
        lines.append(
            "Among ten submissions one import of torch alone, shared by all, is "
            f"1/{statistics.median(least):.0f} of what a gradescope-utils subprocess takes for each."
        )
    return lines


def _ratios(more: list[float], less: list[float]) -> list[float]:
    return [one / other for one, other in zip(more, less, strict=True)]


def _word(is_reached: bool) -> str:
    return "reached" if is_reached else "not reached"
