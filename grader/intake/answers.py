"""Reads `answers.md`: the written answers of a student, by task id."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from grader.decoding import NotText, decode_text
from grader.rubric import Assignment

# What a heading begins with: "3c", "Task 4.2.1", "Problem 3 (c)", "Answer to 2b".
_QUESTION = (
    r"(?:(?:answer|to|task|question|problem|exercise|part|q)[\s.:#]*+){0,3}+\(?"
    r"(?P<id>[0-9][0-9a-z.]*+(?:\s?\([a-z]\))?+)"  # possessive, so that a long line costs its length and no more
)
_HEADING = re.compile(rf" {{0,3}}(?P<level>#{{1,6}})\s*(?:\*\*|__)?{_QUESTION}(?P<title>.*)", re.IGNORECASE)
_BOLD = re.compile(rf" {{0,3}}(?P<mark>\*\*|__){_QUESTION}(?P<title>.*?)(?P=mark)(?P<below>.*)", re.IGNORECASE)
_APART = re.compile(r"\s*(?:[:.,)*_–—-]++(?:\s+|$))*")  # after an id; not the point of ".913"
_PLACEHOLDER = "Write your answer here."
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_MAX_BYTES = 256 << 10  # a report shows far less


def answers_of(files: Mapping[str, bytes], assignment: Assignment) -> dict[str, str]:
    """The written answers in a submission's `answers.md`, by task id."""
    titles = {task.id: task.title for task in assignment.tasks if task.written}
    return read_answers(files.get("answers.md"), titles, titles)


def read_answers(
    content: bytes | None, tasks: Collection[str], titles: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Read the written answers by task id, without the prompts, which stand in comments, and without empty answers.

    An answer goes from the heading of its question to the heading of another question; headings of anything else belong
    to the answer. What stands in a heading itself counts where nothing stands below it: "4c: 91.3%".

    Args:
        content: Bytes of `answers.md`, or None when it was not handed in. A file that is not text holds no answers.
        tasks: Ids of the written questions.
        titles: Titles of the questions, which are no answers.
    """
    try:
        text = decode_text(content or b"", _MAX_BYTES)
    except NotText:  # `open_submission` tells the student
        return {}
    answers: dict[str, list[str]] = {}
    headings: dict[str, str] = {}
    current: list[str] | None = None
    fence = ""  # what closes the block of code that we are in
    for line in _without_comments(text).splitlines():
        mark = _FENCE.match(line)
        if mark and (not fence or mark[1].startswith(fence)):
            fence = "" if fence else mark[1]
        if (found := _heading_of(line, tasks, in_code=bool(fence))) is not None:
            task, title, below = found
            current, fence = answers.setdefault(task, []), ""
            if _words(title) != _words((titles or {}).get(task, title)):
                headings.setdefault(task, title)
            if below:
                current.append(below)
        elif current is not None and line.strip() != _PLACEHOLDER:
            current.append(line)
    joined = {task: "\n".join(lines).strip() or headings.get(task, "") for task, lines in answers.items()}
    return {task: answer for task, answer in joined.items() if answer}


def find_headings(text: str, tasks: Collection[str]) -> set[str]:
    """The questions that have a heading in a text."""
    found = (_heading_of(line, tasks, in_code=False) for line in _without_comments(text).splitlines())
    return {heading[0] for heading in found if heading is not None}


def _heading_of(line: str, tasks: Collection[str], *, in_code: bool) -> tuple[str, str, str] | None:
    """Question, title, and what follows in the same line, of a heading that begins with a question's id; else None.

    In a block of code `# 3c` is a comment. `## 3c` is a heading even there: the block was never closed.
    """
    found = _HEADING.match(line) or (None if in_code else _BOLD.match(line))
    if found is None or (in_code and found["level"] == "#"):
        return None
    spelt = re.sub(r"[\s()]", "", found["id"]).lower().rstrip(".")
    task = next((each for each in (spelt, spelt.replace(".", "")) if each in tasks), None)
    if task is None:
        return None
    title, below = (_APART.sub("", found.groupdict().get(part) or "", count=1) for part in ("title", "below"))
    return task, title.rstrip(" \t#"), below


def _words(title: str) -> str:
    return " ".join(re.findall(r"\w+", title.casefold()))


def _without_comments(text: str) -> str:
    """The text without its HTML comments; one that is left open runs to the end, as browsers read it."""
    # Not by a regular expression: of a million comments left open it would look for each one's end to the end.
    first, *commented = text.split("<!--")
    return first + "".join(part.partition("-->")[2] for part in commented)
