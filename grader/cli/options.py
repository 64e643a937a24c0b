"""Options that several commands have, and how their values are read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from grader.errors import UsageError
from grader.rubric import PROJECT
from grader.timestamps import read_moment

Command = TypeVar("Command", bound=Callable[..., Any])
WALLS = ("fork", "cold", "container")  # the strongest first

out_option = click.option(
    "--out", type=click.Path(path_type=Path), default=Path("out"), show_default=True, help="Output folder."
)


def sandbox_option(*weaker: str) -> Callable[[Command], Command]:
    """The option `--min-sandbox`; `weaker` are those beyond the walls that a class may be graded behind."""
    practice = "; process has none, and is for practice with code of your own" if "process" in weaker else ""
    return click.option(
        "--min-sandbox",
        type=click.Choice([*WALLS, *weaker]),
        default="container",
        show_default=True,
        help=f"The weakest wall that will do{practice}.",
    )


def shown_path(path: Path) -> Path:
    """A path as it is printed: below the project's folder without that, elsewhere whole."""
    return path.relative_to(PROJECT) if path.is_relative_to(PROJECT) else path


class Moment(click.ParamType[datetime]):
    """A point in time in ISO 8601, e.g. 2022-03-30T18:00-04:00; with its time zone."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Parse it; a wrong one is wrong usage."""
        if isinstance(value, datetime):
            return value
        try:
            return read_moment(value)
        except UsageError as error:
            self.fail(str(error), param, ctx)
