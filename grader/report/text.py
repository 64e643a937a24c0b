"""Text that a student may have written, on its way into the report: cleaned, and not more of it than a report holds."""

from __future__ import annotations

import re

from grader.text import CUT, clean_text

STUDENT_TEXT_BYTES = 32 * 1024  # more makes the layout slow, and nobody reads it
LINE_BYTES = 40  # what a further line costs beyond its letters: empty lines alone could fill five hundred pages
SOFT_BREAK = re.compile(r"(?<=\S)\n(?!\d{1,9}[.)]\s)(?=[^\s\-*+>#|`])")  # before no list, quote, heading, table, code
LONG_WORD = re.compile(r"\S{80}(?=\S)")  # broken up: laying out a line takes time quadratic in its longest word


class StudentText:
    """Cleans text that may come from a student, until the report holds as much of it as it may.

    Attributes:
        cut: Whether something was left out because the report is full.
    """

    def __init__(self, limit: int = STUDENT_TEXT_BYTES) -> None:
        self._left = limit
        self.cut = False

    def take(self, text: str, **bounds: int) -> str:
        """The text with every character visible, within `clean_text`'s bounds and what is left of the report's."""
        shown = LONG_WORD.sub("\\g<0>\n", clean_text(text, **bounds))
        rows: list[bytes] = []
        for row in shown.encode().split(b"\n"):
            room = self._left - (LINE_BYTES if rows else 0)
            self._left = room - len(row)
            if self._left < 0:
                self.cut, self._left = True, 0
                return b"\n".join([*rows, row[:room]] if room > 0 else rows).decode("utf-8", "ignore") + CUT
            rows.append(row)
        return shown

    def prose(self, text: str) -> str:
        """Sentences: a paragraph may stand on one long line."""
        return self.take(text, columns=4096)

    def brief(self, text: str, limit: int) -> str:
        """A sentence or two on one line, of at most so many characters."""
        return self.take(" ".join(text.split()), limit=limit, columns=limit)

    def answer(self, text: str) -> str:
        """A written answer: as `prose`, and longer; lines that Markdown would join are joined."""
        flowing = SOFT_BREAK.sub(" ", text.strip("\n"))
        return self.take(flowing, lines=120, columns=8192, limit=8192)
