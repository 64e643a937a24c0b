"""How a submission's seconds are divided among its modules."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.rubric import PROJECT, Assignment, find_assignments
from grader.sandbox.budget import Budget, Modules

MODULES = ("net", "loss", "maps", "text")
ALL: list[Modules] = [frozenset(some) for size in range(5) for some in combinations(MODULES, size)]


def modules(*names: str) -> Modules:
    """A set of them."""
    return frozenset(names)


def spend(budget: Budget, who: Modules) -> float:
    """Use up all that calls of these modules may take, in calls of a second; how much that is."""
    spent = 0.0
    while (left := budget.left_s(who)) > 0:
        budget.charge(who, "net.f", min(left, 1))
        spent += min(left, 1)
    return spent


@pytest.mark.parametrize(("count", "most"), [(1, 75), (2, 45), (4, 30), (6, 25), (20, 18)])
def test_most_of_one_module(count: int, most: float) -> None:
    """One module may take its reserve and half of what is common, however many modules there are."""
    names = tuple(f"m{number}" for number in range(count))
    assert spend(Budget(names, 100), modules("m0")) == pytest.approx(most, abs=0.01)


@pytest.mark.parametrize("assignment", find_assignments().values(), ids=lambda assignment: assignment.id)
def test_handout_tells_the_limits(assignment: Assignment) -> None:
    """What a handout says of the seconds is what holds."""
    limits = assignment.limits
    share = spend(Budget(assignment.modules, limits.submission_s), modules(assignment.modules[0]))
    told = (
        f"{limits.import_s:g} seconds for an import, {limits.call_s:g} for a call, {limits.submission_s:,.0f} for "
        f"everything (of which one module may use {share:.0f})"
    )
    assert told in " ".join((PROJECT / "assignment" / assignment.id / "README.md").read_text("utf-8").split())


@given(st.lists(st.sampled_from(ALL), min_size=20, max_size=40))
def test_sum_is_bounded(order: list[Modules]) -> None:
    """Whoever uses up what it may, all of them together take no more than the submission has."""
    budget = Budget(MODULES, 100)
    assert sum(spend(budget, who) for who in order) <= 100 + 1e-6


@pytest.mark.parametrize(("who", "reserve"), [(modules("text"), 15), (modules(), 10)])
@given(order=st.permutations(ALL))
def test_reserve(order: list[Modules], who: Modules, reserve: float) -> None:
    """Whatever others use up, alone and together, each module's own calls and the checks' own have their reserve."""
    budget = Budget(MODULES, 100)
    for other in order:
        if other != who:
            spend(budget, other)
    assert spend(budget, who) >= reserve


def test_something_is_left_for_several() -> None:
    """What a module takes alone leaves something for the calls that run the code of others together."""
    budget = Budget(MODULES, 100)
    for name in ("maps", "text"):
        spend(budget, modules(name))
    assert spend(budget, modules("net", "loss")) == pytest.approx(3.75, abs=0.01)


def test_who_is_known_to_be_slow() -> None:
    """Where a module alone is used up, calls that run its code with another's are too, and others are not."""
    budget = Budget(MODULES, 100)
    spend(budget, modules("net"))
    assert [who for who in ALL if budget.left_s(who) <= 0] == [who for who in ALL if "net" in who]


def test_who_may_be_slow() -> None:
    """Where two modules together are used up, neither is alone, nor with a third."""
    budget = Budget(MODULES, 100)
    spend(budget, modules("net", "loss"))
    assert [who for who in ALL if budget.left_s(who) <= 0] == [who for who in ALL if {"net", "loss"} <= who]


def test_what_belongs_to_no_module() -> None:
    """Where calls of nobody's code are used up, no module is."""
    budget = Budget(MODULES, 100)
    spend(budget, modules())
    assert [who for who in ALL if budget.left_s(who) <= 0] == [modules()]
    told = budget.used_up(modules(), "this call was stopped")
    assert told.message.startswith(
        "What is made for the checks, before a module of yours is imported, had used up its 25"
    )


def test_where_the_seconds_went() -> None:
    """A message names who has used up how much in which calls, the longest first, and not the call that it stops."""
    budget = Budget(MODULES, 1000)
    for called, seconds in (("net.a", 1), ("net.b", 40.5), ("net.c", 200), ("net.c", 58), ("net.d", 0.5)):
        budget.charge(modules("net"), called, seconds)
    told = budget.used_up(modules("net", "maps"), "this call was not made")
    assert told.message == "`net` had used up its 300 seconds of computing and waiting; this call was not made."
    assert told.got == "Most went to net.c (2 times, 258 seconds), net.b (once, 40 seconds), net.a (once, 1 seconds)."


def test_nothing_is_left_by_others() -> None:
    """Who has taken nothing and finds nothing left is told so, and who has taken it."""
    budget = Budget(MODULES, 100)
    budget.charge(modules("net", "loss"), "loss.train", 30)
    told = budget.used_up(modules("maps", "loss"), "this call was not made")
    assert told.message.startswith("Your modules had used up their common 30 seconds")
    assert "loss.train" in told.got
