"""Students' names and words on their way into the class report: cleaned, linked to their reports, and not too many."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from grader.course.class_report.seen import ClassJob
from grader.report.text import StudentText
from grader.text import clean_name, clean_text

PAGE_TEXT = 128 * 1024  # bytes of students' words in all; more makes the layout slow
SENTENCE = 300  # characters of a message
NOT_PLAIN = re.compile(r"[^A-Za-z0-9._+\-]")


@dataclass(frozen=True)
class Who:
    """One student where the page names them.

    Attributes:
        name: Of the folder.
        page: Address of the report, relative to the class page; empty where there is none.
        pdf: The same of the report on paper.
        anchor: The student's line in the table.
    """

    name: str
    page: str
    pdf: str
    anchor: str


class DisplayNames:
    """What the page calls each student, and how much of what they wrote it still holds.

    Args:
        job: Whose students; a plain one shows plain letters and no sentence of a student's.
    """

    def __init__(self, job: ClassJob) -> None:
        self._is_plain = bool(job.plain)
        self._text = StudentText(PAGE_TEXT)
        self._said: dict[tuple[str, int], str] = {}
        self._who = {row.student: self._make(job, i) for i, row in enumerate(job.rows)}

    def _make(self, job: ClassJob, i: int) -> Who:
        row = job.rows[i]
        student, seen, folder = row.student, job.seen[row.student], quote(row.graded_as or row.student, safe="")
        page, pdf = (f"{folder}/report.{end}" if there else "" for end, there in
                     (("html", seen.has_page), ("pdf", seen.has_pdf)))  # fmt: skip
        return Who(self.name(student), page, pdf, f"student-{i}")

    def name(self, text: str) -> str:
        """A short text of one line that may be a student's."""
        return NOT_PLAIN.sub("_", text[:80]) if self._is_plain else clean_name(text)

    def who(self, student: str) -> Who:
        """A student; one who is not in the class has no link."""
        return self._who.get(student) or Who(self.name(student), "", "", "")

    def all(self, students: Iterable[str]) -> tuple[Who, ...]:
        """Several students."""
        return tuple(self.who(student) for student in students)

    def sentence(self, text: str, limit: int = SENTENCE) -> str:
        """A sentence that may quote a student, on one line; said again, it takes no more of the page's room."""
        if self._is_plain:
            return ""
        key = (text, limit)
        if key not in self._said:
            self._said[key] = self._text.brief(text, limit)
        return self._said[key]

    def known(self, text: str) -> str:
        """A sentence of ours."""
        return clean_text(text, columns=600, limit=600)

    def block(self, text: str, lines: int, limit: int) -> str:
        """A piece of code or prose by a student, lines kept."""
        return "" if self._is_plain else self._text.take(text, lines=lines, columns=160, limit=limit)

    @property
    def was_cut(self) -> bool:
        """Whether something was left out because the page is full."""
        return self._text.cut
