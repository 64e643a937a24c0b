"""What is the reason of many checks is told once."""

from __future__ import annotations

from typing import Any

from grader.records import CheckResult, Outcome
from grader.report.repeats import tell_once

BROKEN = "`fashion.py` can't be imported: SyntaxError: invalid syntax (fashion.py, line 1, in <module>)"
SLOW = "Importing `cam.py` was stopped after 30 seconds."


def check(message: str, outcome: Outcome = Outcome.ERROR, **fields: Any) -> CheckResult:
    """A check that ended with this message."""
    told = {"called": "fashion.train()", "expected": "e", "got": "g", "help": "Help."} | fields
    return CheckResult(task="4a", name="check_x", title="Title.", outcome=outcome, message=message, **told)


def test_a_failed_import_is_told_once() -> None:
    """The first check tells it in full, the others in a few words; their titles and outcomes stay."""
    checks = (check(BROKEN), check(BROKEN), check(SLOW, Outcome.TIMEOUT), check(SLOW, Outcome.TIMEOUT), check(BROKEN))
    told = tell_once(checks)
    assert (told[0], told[2]) == (checks[0], checks[2])
    assert [each.message for each in told[1::2]] == [
        "As above: `fashion.py` can't be imported.",
        "As above: `cam.py` can't be imported.",
    ]
    assert told[4] == told[1]
    assert (told[1].called, told[1].expected, told[1].got, told[1].help) == ("", "", "", "")
    assert [(each.title, each.outcome) for each in told] == [(each.title, each.outcome) for each in checks]


def test_everything_else_is_told() -> None:
    """Another reason for the same module, and messages of any other kind, are told each time."""
    messages = (BROKEN, BROKEN.replace("line 1", "line 2"), "Your code raised KeyError", "Your code raised KeyError")
    checks = (*map(check, messages), check("", Outcome.PASSED), check("", Outcome.PASSED))
    assert tell_once(checks) == checks
