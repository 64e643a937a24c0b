"""What was handed in, as the rest of a class's grading sees it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from grader.course.joining import join_zips
from grader.course.lms_names import CanvasName
from grader.course.records import Person
from grader.errors import UsageError
from grader.intake.opening import file_digest
from grader.text import clean_name


@dataclass(frozen=True)
class HandIn:
    """One zip, or several that are one, and what their names and what lies beside them tell.

    Attributes:
        path: The zip; the last attachment of several.
        person: Whose: from the roster, or made of what is known.
        group: All who handed it in together, by e-mail or name, where Gradescope tells it.
        submitted_at: When, with a time zone.
        attempt: Grows with each hand-in of one person, where the file's name tells it.
        is_late: Whether Canvas marks it as late; it does not tell by how much.
        note: Sentences on what was made of several zips; empty where there is one.
        canvas: What the name that Canvas gave it tells; None for others.
        naming: Whom a zip names that holds nothing but `group.txt`; empty for others.
        parts: All attachments of one hand-in in Canvas, the first one first; empty where there is one.
    """

    path: Path
    person: Person
    group: tuple[str, ...] = ()
    submitted_at: datetime | None = None
    attempt: int = 0
    is_late: bool = False
    note: str = ""
    canvas: CanvasName | None = None
    naming: tuple[str, ...] = ()
    parts: tuple[Path, ...] = ()

    @property
    def names(self) -> str:
        """Names of its files, for people."""
        return " + ".join(path.name for path in self.parts or (self.path,))

    def read(self) -> bytes:
        """The bytes of the zip; of one that holds what all parts hold, where there are several.

        Raises:
            UsageError: If a file can't be read.
        """
        contents = self.contents()
        return join_zips(contents)[0] if self.parts else contents[0][1]

    def contents(self) -> list[tuple[str, bytes]]:
        """Name and bytes of each of its files.

        Raises:
            UsageError: If a file can't be read.
        """
        try:
            return [(path.name, path.read_bytes()) for path in self.parts or (self.path,)]
        except OSError as error:
            raise UsageError(f"{clean_name(str(error.filename))}: {error.strerror}") from error

    def digest(self) -> str:
        """SHA-256 of the zip's bytes, hex.

        Raises:
            UsageError: If a file can't be read.
        """
        return hashlib.sha256(self.read()).hexdigest() if self.parts else file_digest(self.path)
