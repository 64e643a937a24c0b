"""The report as bytes: templates filled in, laid out by WeasyPrint; runs in the process that renders (step 5).

What a student wrote reaches the templates as cleaned text and is escaped there. WeasyPrint gets a fetcher that knows
the drawn pictures and nothing else: no file, no network.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from weasyprint import HTML
from weasyprint.urls import URLFetcher, URLFetcherResponse

from grader.figures import Picture, draw
from grader.packages import figures_folder
from grader.records import PRACTICE, Grade, RunFacts
from grader.report.job import PAGE, PDF, RenderJob, is_reference
from grader.report.plain import view_plain
from grader.report.reference import LEADS, as_reference, view_reference
from grader.report.view import view_report
from grader.results import write_whole
from grader.rubric import PROJECT
from grader.text import clean_name, clean_text

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


def write_report(job: RenderJob, folder: Path) -> None:
    """Write `report.html`, then `report.pdf`, into `folder`, each whole or not at all; the same job, the same bytes."""
    if job.plain:
        page = environment().get_template("plain.html.j2").render(view=view_plain(job), has_page=job.has_page)
        _write_both(folder, page, page, {})
        return
    reference = is_reference(job.grade)
    own = figures_folder(job.assignment) if job.assignment else None
    drawn = [(one, draw(as_reference(one) if reference else one, own)) for one in job.exhibits]
    lead = [(one.task, picture) for one, picture in drawn if reference and one.kind in LEADS]  # opens the report
    rest = [(one.task, picture) for one, picture in drawn if not (reference and one.kind in LEADS)]
    view = view_report(job.grade, rest, job.assignment)
    solutions = view_reference(job.grade, lead, job.models) if reference else None
    in_memory = {key: picture for task in view.tasks for key, picture in task.pictures}
    in_memory |= dict(keyed for _, keyed in solutions.lead) if solutions else {}
    named = {"view": view, "provenance": _provenance(job.grade, job.facts), "reference": solutions}
    named["practice"] = job.facts.sandbox == PRACTICE
    name = "reference" if reference else "refused" if job.grade.outcome == "refused" else "report"
    template = environment().get_template(f"{name}.html.j2")

    def fill(src: Callable[[str], str]) -> str:
        """The page as HTML; `src` turns a picture's key into what stands in the image's `src`."""
        return template.render(**named, src=src)

    _write_both(folder, fill(lambda key: _inline(in_memory[key])), fill(lambda key: key), in_memory)


def _write_both(folder: Path, page: str, printed: str, pictures: Mapping[str, Picture]) -> None:
    """Write the web page, and the PDF of the same page as it is printed: the first is there if the second fails."""
    write_whole(folder / PAGE, page.encode())
    write_whole(folder / PDF, write_pdf(printed, pictures))


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
