"""What an instructor is told of a class as a whole: files that are not read, and lines of the roster without use."""

from __future__ import annotations

from collections.abc import Sequence

from grader.course.handed_in import Found
from grader.course.people import People
from grader.course.records import GRADED, MISSING, Row
from grader.course.roster import Roster
from grader.text import clean_name

_MOST_NAMED = 10
NO_TIMES = (
    "no time of hand-in is known, so every submission counts as on time: to count late days, add a column "
    "`submitted_at` to the roster, or grade an export of Gradescope with its `submission_metadata.yml`"
)


def class_remarks(found: Found, roster: Roster, rows: Sequence[Row]) -> list[str]:
    """Sentences on what nobody's row tells.

    Args:
        found: What lies in the class's folder.
        roster: The class; empty where there is none.
        rows: Of all students.
    """
    remarks = [*(each.sentence for each in found.unread), *roster.remarks]
    return remarks + (_on_roster(found, roster, rows) if roster else []) + _on_times(rows)


def _on_times(rows: Sequence[Row]) -> list[str]:
    known = {row.submitted_at is not None for row in rows if row.outcome == GRADED}
    return [NO_TIMES] if known == {False} else []


def _on_roster(found: Found, roster: Roster, rows: Sequence[Row]) -> list[str]:
    remarks = []
    known = {row.student for row in rows if row.outcome != MISSING}
    unused = [f"{student} (line {line})" for student, line in roster.lines.items() if student not in known]
    strangers = [
        f"{clean_name(each.person.student)} ({clean_name(each.names)})"
        for each in (*found.hand_ins, *found.namings)
        if each.person.student not in roster
    ]
    people = People(roster)
    for row in rows:
        unknown = [name for name in row.group if people.named(name) is None]
        if unknown and not row.graded_as:
            remarks.append(
                f"{row.student}'s group names {_few(unknown)}; {roster.name} has nobody of that name, or several people"
            )
    if unused:
        remarks.append(f"{roster.name}: nothing that was handed in belongs to {_few(unused)}")
    if strangers:
        remarks.append(f"{roster.name} has no line for {_few(strangers)}")
    return remarks


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
