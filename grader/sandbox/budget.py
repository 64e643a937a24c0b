"""Divide a submission's seconds among its modules, so that one that is slow costs only the tasks that use it.

Whose code was slow can't be seen when a call runs code of several modules: a function of one that calls a network of
another. Such calls have an account of their own, that of these modules together, and are charged to neither alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from grader.errors import StudentTimeout
from grader.sandbox.stopwatch import seconds_in_words

Modules = frozenset[str]  # whose code a call may run

RESERVED = 0.6  # of the seconds: for the calls that run one module's code alone, the same for each module
NOBODYS = 0.1  # of the seconds: for the checks' own preparations, which run no module's code
LEAST_S = 1e-3  # what is left of an account that is used up, give or take a rounding
TOLD, TOLD_S = 3, 0.05  # calls that a message names: so many, each of so many seconds


@dataclass
class Account:
    """What the calls of the same modules have taken: seconds, and by what was called how often and how long."""

    used_s: float = 0.0
    calls: dict[str, tuple[int, float]] = field(default_factory=dict)


class Budget:
    """The seconds of one submission.

    Each module has a reserve, and what is not reserved is common. An account may take as much of the common seconds as
    it leaves there, so that there is something left for each that comes later, and the sum is never exceeded.

    Args:
        modules: The assignment's.
        submission_s: Seconds for all of them together.
    """

    def __init__(self, modules: tuple[str, ...], submission_s: float) -> None:
        self._reserves = {frozenset({name}): submission_s * RESERVED / len(modules) for name in modules}
        self._reserves[frozenset()] = submission_s * NOBODYS
        self._common_s = submission_s * (1 - RESERVED - NOBODYS)
        self._accounts: dict[Modules, Account] = {}

    def left_s(self, modules: Modules) -> float:
        """Seconds that a call which runs these modules' code may take; 0 when they, or some of them, have none left."""
        return 0 if self._ended(modules) is not None else self._rest_s(modules)

    def charge(self, modules: Modules, called: str, seconds: float) -> None:
        """Count a call.

        Args:
            modules: Whose code it ran.
            called: What was called, without arguments.
            seconds: How long it took.
        """
        account = self._accounts.setdefault(modules, Account())
        account.used_s += seconds
        times, took_s = account.calls.get(called, (0, 0.0))
        account.calls[called] = times + 1, took_s + seconds

    def used_up(self, modules: Modules, what: str) -> StudentTimeout:
        """Why a call of these modules does not go on: who has used up which seconds, and in which calls.

        Args:
            modules: Whose code it would run; their seconds, or those of some of them, are used up.
            what: What became of the call, e.g. "this call was stopped".
        """
        ended = self._ended(modules)
        assert ended is not None
        if (used_s := self._used_s(ended)) >= LEAST_S:
            accounts, whose = [self._accounts[ended]], _whose(ended)
        else:  # others have left it nothing
            accounts, whose = list(self._accounts.values()), "Your modules had used up their common"
            used_s = sum(account.used_s for account in accounts)
        calls = [call for account in accounts for call in account.calls.items() if call[1][1] >= TOLD_S]
        most = sorted(calls, key=lambda call: (-call[1][1], call[0]))[:TOLD]
        told = [f"{called} ({_times(times)}, {seconds_in_words(took_s)})" for called, (times, took_s) in most]
        return StudentTimeout(
            f"{whose} {seconds_in_words(used_s)} of computing and waiting; {what}.",
            got=f"Most went to {', '.join(told)}.",
            help="This says nothing about the function that was called last: see which calls took the time.",
        )

    def _ended(self, modules: Modules) -> Modules | None:
        """The account that has nothing left: that of these modules, or of some of them, which are known to be slow."""
        parts = [part for part in self._accounts if part and part < modules]
        return next((part for part in (*parts, modules) if self._rest_s(part) < LEAST_S), None)

    def _rest_s(self, modules: Modules) -> float:
        own_s = max(0.0, self._reserves.get(modules, 0) - self._used_s(modules))
        left_s = self._common_s - sum(map(self._taken_s, self._accounts))
        return own_s + max(0.0, left_s - self._taken_s(modules)) / 2  # until it has taken what it leaves

    def _taken_s(self, modules: Modules) -> float:
        """Of the common seconds."""
        return max(0.0, self._used_s(modules) - self._reserves.get(modules, 0))

    def _used_s(self, modules: Modules) -> float:
        return self._accounts[modules].used_s if modules in self._accounts else 0.0


def _whose(modules: Modules) -> str:
    names = [f"`{name}`" for name in sorted(modules)]
    if len(names) == 1:
        return f"{names[0]} had used up its"
    if names:
        return f"{', '.join(names[:-1])} and {names[-1]} had used up their common"
    return "What is made for the checks, before a module of yours is imported, had used up its"


def _times(times: int) -> str:
    return "once" if times == 1 else f"{times} times"
