"""Reads `answers.md`: the student's written answers, by task id."""

from __future__ import annotations

import re
from collections.abc import Collection

_HEADING = re.compile(r"^#{1,6}\s*(?:task\s+)?(?P<task>[0-9][0-9a-z.]*)", re.IGNORECASE)
_PLACEHOLDER = "Write your answer here."
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


def read_answers(content: bytes | None, tasks: Collection[str]) -> dict[str, str]:
    """Written answers by task id; the prompts, which stand in comments, and empty answers are left out.

    Args:
        content: Bytes of `answers.md`, or None when it was not handed in.
        tasks: Ids of the written questions.
    """
    answers: dict[str, list[str]] = {}
    current: list[str] | None = None
    # Comments end somewhere or run to the end of the file, as browsers read them.
    text = _COMMENT.sub("", (content or b"").decode("utf-8-sig", "replace")).split("<!--")[0]
    for line in text.splitlines():
        heading = _HEADING.match(line)
        task = heading["task"].lower().rstrip(".") if heading else ""
        if task in tasks:
            current = answers.setdefault(task, [])
        elif re.match(r"^#{1,2}\s", line):
            current = None  # a heading that is none of ours ends the answer above it
        elif current is not None and line.strip() != _PLACEHOLDER:
            current.append(line)
    joined = {task: "\n".join(lines).strip() for task, lines in answers.items()}
    return {task: answer for task, answer in joined.items() if answer}
