"""What a person is told once, though it is the reason of many checks: that a module can't be imported."""

from __future__ import annotations

import re
from collections.abc import Sequence

from grader.records import CheckResult

# How the messages of such checks begin, the module's file in backquotes: it raised, or was too slow.
REASON = re.compile(r"(?P<raised>`[^`]+`) can't be imported|Importing (?P<slow>`[^`]+`)")


def tell_once(checks: Sequence[CheckResult]) -> tuple[CheckResult, ...]:
    """The checks as a person should read them; where they are recorded each keeps its whole message.

    A check that failed because a module can't be imported says so in a few words, and nothing else, when one before it
    has told the same in full.

    Args:
        checks: In the order in which they are read.
    """
    told: set[str] = set()
    read = []
    for check in checks:
        reason = REASON.match(check.message)
        if reason and check.message in told:
            short = f"As above: {reason['raised'] or reason['slow']} can't be imported."
            check = check.model_copy(update={"message": short, "called": "", "expected": "", "got": "", "help": ""})
        elif reason:
            told.add(check.message)
        read.append(check)
    return tuple(read)
