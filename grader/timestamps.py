"""Reads points in time as people write them, on the command line and in a roster."""

from __future__ import annotations

from datetime import datetime

from grader.errors import UsageError


def read_moment(text: str) -> datetime:
    """A point in time in ISO 8601, with its time zone, e.g. 2022-03-30T18:00-04:00.

    Raises:
        UsageError: If it is none, or names no time zone.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no time like 2022-03-30T18:00-04:00") from error
    if moment.tzinfo is None:
        raise UsageError(
            f"{text!r} has no time zone: add its offset, e.g. {text.strip()}-04:00 for Eastern Daylight Time"
        )
    return moment
