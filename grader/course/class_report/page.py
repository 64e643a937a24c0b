"""The class report as bytes: one template, filled in for the screen and for paper; runs in the process that renders."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path

from markupsafe import Markup

from grader.course.class_report.seen import PAGE, PDF, ClassJob
from grader.course.class_report.statistics import mistake_anchor
from grader.course.class_report.view import ClassView, view_class
from grader.figures import Picture
from grader.report.page import TEMPLATES, environment, write_pdf
from grader.results import write_whole


def write_class(job: ClassJob, folder: Path) -> None:
    """Write `index.html`, then `class.pdf`, into `folder`, each whole or not at all; the same job, the same bytes."""
    view = view_class(job)
    pictures = _pictures(view)
    write_whole(folder / PAGE, _fill(job, view, pictures, paper=False).encode())
    write_whole(folder / PDF, write_pdf(_fill(job, view, pictures, paper=True), pictures))


def _fill(job: ClassJob, view: ClassView, pictures: Mapping[str, Picture], *, paper: bool) -> str:
    """The page; on paper pictures have their keys as addresses, names are no links, and there is no script."""
    script = (TEMPLATES / "class.js").read_text(encoding="utf-8")

    def src(key: str) -> str:
        picture = pictures[key]
        return key if paper else f"data:{picture.media};base64,{base64.b64encode(picture.data).decode()}"

    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()  # no other script may run
    pages = environment()
    pages.globals["mistake_anchor"] = mistake_anchor
    return pages.get_template("class.html.j2").render(
        view=view, names=view.names, src=src, paper=paper, has_page=job.has_page, script=Markup(script), digest=digest
    )


def _pictures(view: ClassView) -> dict[str, Picture]:
    return {tile.key: tile.picture for part in view.parts for wall in part.walls for tile in wall.tiles}
