"""What is said where an implementation lacks a module, a name or a file: which other one may be meant, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from grader.environment import ALWAYS
from grader.errors import CheckStopped, Missing, StudentRaised
from grader.sandbox.hints import left_out, star_hint
from grader.sandbox.protocol import Header


def missing_answer(name: str, reply: Header, files: Mapping[str, bytes], packages: Iterable[str]) -> CheckStopped:
    """The exception of ours for an answer that something is missing.

    Args:
        name: What is missing, `module.py`, `module.name` or a file, as the student's process says; untrusted.
        reply: The whole answer: `left_out` tells of a notebook's statement that failed.
        files: The submission's.
        packages: What there is to import; none: what is always there.
    """
    if why := left_out(reply, files):
        return StudentRaised(f"Your notebook's code failed where it is checked: {why}")
    name = name[:100]
    hint = star_hint(f"{name.partition('.')[0]}.py", files, packages or ALWAYS)
    return Missing(f"Your submission has no `{name}`.", help=hint)


def explain_missing(missing: Missing, request: Mapping[str, Any], absent: Mapping[str, str]) -> Missing:
    """The same exception with what is known about the name that was asked for, or about its module's file.

    Args:
        missing: As raised.
        request: What was asked.
        absent: As of a `Submission`.
    """
    target = request.get("target", {})
    module = request.get("module") or target.get("module")
    if told := absent.get(f"{module}.{target.get('name')}"):
        return Missing(told, help=missing.help)
    like = absent.get(f"{module}.py")
    return Missing(f"{missing.message} {like}", help=missing.help) if like else missing
