"""Reads `answers.md`: the student's written answers, by task id."""

from __future__ import annotations

import codecs
import re
from collections.abc import Collection

_HEADING = re.compile(r"^#{1,6}\s*(?:task\s+)?(?P<task>[0-9][0-9a-z.]*)", re.IGNORECASE)
_PLACEHOLDER = "Write your answer here."
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_MAX_BYTES = 256 << 10  # a report shows far less


def read_answers(content: bytes | None, tasks: Collection[str]) -> dict[str, str]:
    """Written answers by task id; the prompts, which stand in comments, and empty answers are left out.

    Args:
        content: Bytes of `answers.md`, or None when it was not handed in.
        tasks: Ids of the written questions.
    """
    answers: dict[str, list[str]] = {}
    current: list[str] | None = None
    fence = ""  # what closes the block of code that we are in: a `#` in it is a comment, not a heading
    for line in _without_comments(_decoded((content or b"")[:_MAX_BYTES])).splitlines():
        heading = _HEADING.match(line)
        task = heading["task"].lower().rstrip(".") if heading else ""
        mark = _FENCE.match(line)
        if mark and (not fence or mark[1].startswith(fence)):
            fence = "" if fence else mark[1]
        if task in tasks:  # also where a block was left open: the next question's answer is worth more
            current, fence = answers.setdefault(task, []), ""
        elif re.match(r"^#{1,2}\s", line) and not fence:
            current = None  # a heading that is none of ours ends the answer above it
        elif current is not None and line.strip() != _PLACEHOLDER:
            current.append(line)
    joined = {task: "\n".join(lines).strip() for task, lines in answers.items()}
    return {task: answer for task, answer in joined.items() if answer}


def _decoded(content: bytes) -> str:
    """Text in UTF-8, or in the UTF-16 that Windows' editor writes, which begins with a mark."""
    utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if utf16 else "utf-8-sig", "replace")


def _without_comments(text: str) -> str:
    """The text without its HTML comments; one that is left open runs to the end, as browsers read it."""
    # Not by a regular expression: of a million comments left open it would look for each one's end to the end.
    first, *commented = text.split("<!--")
    return first + "".join(part.partition("-->")[2] for part in commented)
