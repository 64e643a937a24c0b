"""Renders reports for the tests and keeps what was written, asked for and logged."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import sample_grade as sample
from pypdf import PdfReader
from pypdf.generic import DictionaryObject

from grader.figures import Picture
from grader.records import Exhibit, Grade, RunFacts
from grader.report import page
from grader.report.job import RenderJob
from grader.report.page import PictureFetcher, write_report
from grader.rubric import Assignment


@dataclass
class Rendered:
    """What one rendering wrote, asked for and logged."""

    html: str
    pdf: bytes
    path: Path
    refused: list[str]
    logged: list[str]
    reader: PdfReader = field(init=False)
    text: str = field(init=False)

    def __post_init__(self) -> None:
        """Read the PDF."""
        self.reader = PdfReader(self.path)
        self.text = "\n".join(page.extract_text() for page in self.reader.pages)

    @cached_property
    def objects(self) -> list[DictionaryObject]:
        """Every dictionary of the PDF."""
        size: Any = self.reader.trailer["/Size"]
        found = (self.reader.get_object(number) for number in range(1, size))
        return [one for one in found if isinstance(one, DictionaryObject)]

    @property
    def packed(self) -> str:
        """The PDF's text without white space, which line breaks change."""
        return re.sub(r"\s", "", self.text)


class Listener(logging.Handler):
    """Keeps what is logged from warnings upwards."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line."""
        self.lines.append(record.getMessage())


def render(
    folder: Path,
    grade: Grade,
    exhibits: Sequence[Exhibit] = (),
    facts: RunFacts | None = None,
    assignment: Assignment | None = None,
    **options: Any,
) -> Rendered:
    """Render a grade in this process, and listen to WeasyPrint and its fetcher meanwhile; `options` are the job's."""
    fetchers: list[PictureFetcher] = []

    class Spy(PictureFetcher):
        def __init__(self, pictures: Mapping[str, Picture]) -> None:
            super().__init__(pictures)
            fetchers.append(self)

    listener = Listener()
    loggers = [logging.getLogger(name) for name in ("weasyprint", "fontTools", "grader")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "PictureFetcher", Spy)
        for logger in loggers:
            logger.addHandler(listener)
        try:
            chosen = assignment or sample.assignment()
            write_report(RenderJob(grade, tuple(exhibits), chosen, facts or sample.run_facts(), **options), folder)
        finally:
            for logger in loggers:
                logger.removeHandler(listener)
    path = folder / "report.pdf"
    refused = [url for fetcher in fetchers for url in fetcher.refused]
    return Rendered(
        (folder / "report.html").read_text(encoding="utf-8"), path.read_bytes(), path, refused, listener.lines
    )
