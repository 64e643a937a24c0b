"""Step 5, render: a grade and its exhibits -> report.html and report.pdf, from the same templates.

What a student wrote reaches the templates as cleaned text and is escaped there. WeasyPrint gets a fetcher that knows
the drawn pictures and nothing else: no file, no network.
"""

from __future__ import annotations

import base64
import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from weasyprint import HTML
from weasyprint.urls import URLFetcher, URLFetcherResponse

from grader.errors import MachineError
from grader.figures import Picture, draw
from grader.records import Exhibit, Grade, RunFacts
from grader.report_reference import LEADS, as_reference, is_reference, view_reference
from grader.report_view import view_report
from grader.rubric import PROJECT, Assignment
from grader.text import clean_name, clean_text

LOG = logging.getLogger(__name__)
TEMPLATES = PROJECT / "report_templates"
MINUS = "\N{MINUS SIGN}"


class PictureFetcher(URLFetcher):  # type: ignore[misc]  # weasyprint ships no types
    """Answers for pictures in memory and raises for every other address.

    Attributes:
        refused: The addresses that were asked for and are none of ours.
    """

    def __init__(self, pictures: Mapping[str, Picture]) -> None:
        super().__init__(allowed_protocols=(), allow_redirects=False)
        self._pictures = pictures
        self.refused: list[str] = []

    def fetch(self, url: str, headers: Mapping[str, str] | None = None) -> URLFetcherResponse:
        """The picture of that address.

        Raises:
            PermissionError: If the address is not one of our pictures.
        """
        if url not in self._pictures:
            self.refused.append(url)
            raise PermissionError("a report fetches nothing")
        picture = self._pictures[url]
        return URLFetcherResponse(url, picture.data, {"Content-Type": picture.media})


def render_report(
    grade: Grade, exhibits: Sequence[Exhibit], assignment: Assignment | None, facts: RunFacts, folder: Path
) -> None:
    """Write `report.html` and `report.pdf` into `folder`; the same input gives the same bytes.

    When the full report can't be made, both files become a plain one with the score that says so.

    Raises:
        MachineError: If not even the plain report can be made or written.
    """
    try:
        page, pdf = _full_report(grade, exhibits, assignment, facts)
    except Exception:
        LOG.exception("the report of %s could not be rendered; writing a plain one", grade.submission_sha256)
        page, pdf = _plain_report(grade, assignment)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.html").write_text(page, encoding="utf-8", newline="\n")
        (folder / "report.pdf").write_bytes(pdf)
    except OSError as error:
        raise MachineError(f"the report can't be written: {error}") from error


def _full_report(
    grade: Grade, exhibits: Sequence[Exhibit], assignment: Assignment | None, facts: RunFacts
) -> tuple[str, bytes]:
    """The report as (HTML, PDF)."""
    reference = is_reference(grade)
    drawn = [(exhibit, draw(as_reference(exhibit) if reference else exhibit)) for exhibit in exhibits]
    first = [reference and exhibit.kind in LEADS for exhibit in exhibits]  # whose pictures open the report
    lead = [(one.task, picture) for (one, picture), leads in zip(drawn, first, strict=True) if leads]
    rest = [(one.task, picture) for (one, picture), leads in zip(drawn, first, strict=True) if not leads]
    view = view_report(grade, rest, assignment)
    solutions = view_reference(grade, lead) if reference else None
    in_memory = {key: picture for task in view.tasks for key, picture in task.pictures}
    in_memory |= dict(keyed for _, keyed in solutions.lead) if solutions else {}
    named = {"view": view, "provenance": _provenance(grade, facts), "reference": solutions}
    name = "reference" if reference else "refused" if grade.outcome == "refused" else "report"
    template = environment().get_template(f"{name}.html.j2")

    def fill(src: Callable[[str], str]) -> str:
        """The page as HTML; `src` turns a picture's key into what stands in the image's `src`."""
        return template.render(**named, src=src)

    return fill(lambda key: _inline(in_memory[key])), write_pdf(fill(lambda key: key), in_memory)


def _provenance(grade: Grade, facts: RunFacts) -> tuple[tuple[str, str], ...]:
    def listed(pairs: dict[str, Any]) -> str:
        texts = ((name, value if isinstance(value, str) else json.dumps(value)) for name, value in pairs.items())
        return clean_text("; ".join(f"{name} {value}" for name, value in texts), columns=2000)

    seconds = {name: f"{value:.1f} s" for name, value in facts.seconds.items()}
    rows = (
        ("Submission", "" if is_reference(grade) else f"SHA-256 {clean_name(grade.submission_sha256)}"),
        ("Sandbox", clean_name(facts.sandbox)),
        ("Data", listed(facts.datasets)),
        ("Reference", listed(facts.reference)),
        ("Versions", listed(facts.versions)),
        ("Time", listed(seconds)),
    )
    return tuple((name, value) for name, value in rows if value)


def points(value: float, *, signed: bool = False) -> str:
    """Points as a reader writes them: 1.5, 10.29; with `signed` +0.5; a real minus below zero."""
    text = f"{abs(value):.2f}".rstrip("0").rstrip(".")
    sign = MINUS if value < 0 and text != "0" else "+" if signed and value > 0 else ""
    return sign + text


def environment() -> Environment:
    """Where every page of the project is filled in: everything is escaped, a misspelt name is an error.

    `css`, a global, is the text of `report.css`; `points` is a filter.
    """
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["points"] = points
    made.globals["css"] = Markup((TEMPLATES / "report.css").read_text(encoding="utf-8"))
    return made


def _inline(picture: Picture) -> str:
    return f"data:{picture.media};base64,{base64.b64encode(picture.data).decode()}"


def write_pdf(page: str, pictures: Mapping[str, Picture]) -> bytes:
    """A page as tagged PDF/UA-1; images have keys of `pictures` as `src`, and nothing else can be fetched."""
    pdf: bytes = HTML(string=page, url_fetcher=PictureFetcher(pictures)).write_pdf(pdf_variant="pdf/ua-1")
    return pdf


def _plain_report(grade: Grade, assignment: Assignment | None) -> tuple[str, bytes]:
    """The score without anything that could have been in the way: no figures, no text of the student's."""
    try:
        page = environment().get_template("plain.html.j2").render(
            title=assignment.title if assignment else "Submission",
            student=re.sub(r"[^A-Za-z0-9._+-]", "_", grade.student)[:60],
            sha256=re.sub(r"[^0-9a-f]", "", grade.submission_sha256)[:64],
            score=grade.score,
            max_score=grade.max_score,
            refused=grade.outcome == "refused",
        )  # fmt: skip
        return page, write_pdf(page, {})
    except Exception as error:
        raise MachineError(f"no report can be rendered on this machine: {error}") from error
