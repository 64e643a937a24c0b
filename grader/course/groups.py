"""Decides who shares whose grade. A group stands only where somebody other than the student who names it says so.

That is the roster (`group`), the platform (Gradescope's list), or the partner, in a zip that holds nothing but a
`group.txt` with the name of the one who handed in for both. What only one side says is told, and shares nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from grader.course.hand_in import HandIn
from grader.course.people import People
from grader.course.records import UNREAD, Person, Row
from grader.errors import SubmissionRefused, UsageError
from grader.identity import person_key
from grader.intake.opening import read_group
from grader.intake.zipgate import read_zip
from grader.rubric import find_assignments
from grader.text import clean_name

GROUP = "group.txt"
ALONE = f"{GROUP} names somebody else, but this assignment is done alone: the grade is shared with nobody"
_MOST_BYTES = 64 << 10  # of a zip that holds nothing but names


def as_naming(hand_in: HandIn) -> HandIn | None:
    """The same with the names in it, where a zip holds nothing but `group.txt`; None for any other."""
    try:
        if hand_in.path.stat().st_size > _MOST_BYTES:
            return None
        files = read_zip(hand_in.read())
    except (OSError, SubmissionRefused, UsageError):  # what can't be read is told when it is its turn
        return None
    if len(files) != 1 or next(iter(files)).rpartition("/")[2].lower() != GROUP:
        return None
    return replace(hand_in, naming=read_group({GROUP: next(iter(files.values()))}))


def with_groups(rows: Mapping[str, Row], roster: Mapping[str, Person], namings: Sequence[HandIn]) -> list[Row]:
    """The rows of a class, claims told in them, and a row for each who shares another's grade or only named somebody.

    Names are compared with students, names and e-mail addresses, as `People` does; one that two people have is
    nobody's. Whoever handed in a zip of their own has its grade and no other.

    Args:
        rows: Of those who handed in, by student.
        roster: The class; may be empty.
        namings: What `as_naming` found, of others than those.
    """
    groups = _Groups(rows, roster, namings)
    found: dict[str, Row] = {}
    for student, row in sorted(rows.items()):
        partners, told = groups.partners_of(row)
        found[student] = _with_remarks(row, told)
        for partner in partners:
            if partner.student not in rows and partner.student not in found:
                update = {"student": partner.student, "person": partner, "graded_as": student}
                found[partner.student] = row.model_copy(update=update)
    return [*found.values(), *(groups.alone(each) for each in namings if each.person.student not in found)]


def claims_on(rows: Iterable[Row], roster: Mapping[str, Person]) -> dict[str, str]:
    """For each of the roster, by student, the first who names them in `group.txt` without sharing a grade."""
    people, claims = People(roster), dict[str, str]()
    for row in rows:
        for name in () if row.is_listed or row.graded_as else row.group:
            person = people.named(name)
            if person is not None and person.student != row.student:
                claims.setdefault(person.student, row.student)
    return claims


def unshared(group: tuple[str, ...], assignment: str) -> str:
    """What is said of a group larger than the assignment allows, with which no grade is shared."""
    allowed = _allowed(assignment)
    if len(group) <= allowed:
        return ""
    limit = "this assignment is done alone" if allowed == 1 else f"at most {allowed} may hand in together"
    return f"the group has {len(group)} people, but {limit}: the grade is shared with nobody"


class _Groups:
    """Who says of whom that they work together."""

    def __init__(self, rows: Mapping[str, Row], roster: Mapping[str, Person], namings: Sequence[HandIn]) -> None:
        handed_in = [*(row.person for row in rows.values()), *(each.person for each in namings)]
        self._roster = roster
        assignments = {row.assignment for row in rows.values()} - {""}
        self._are_alone = bool(assignments) and all(_allowed(each) == 1 for each in assignments)
        self._people = (People(roster), People({person.student: person for person in handed_in}))
        self._named = {each.person.student: self._others(each.person, each.naming) for each in namings}

    def partners_of(self, row: Row) -> tuple[list[Person], str]:
        """Who shares a row's grade, and what is told of those whom it only claims."""
        if unshared(row.group, row.assignment):
            return [], ""  # it is told already
        claimed = self._others(row.person, row.group)
        listed = self._beside(row) or (claimed if row.is_listed else {})
        allowed, together = _allowed(row.assignment), listed or claimed
        if len(together) >= allowed:
            if allowed == 1:
                return [], ALONE if claimed else ""
            return [], unshared((row.student, *together), row.assignment)
        both = {student: who for student, who in claimed.items() if row.student in self._named.get(student, ())}
        partners = listed or both
        only = sorted(claimed.keys() - partners.keys())
        return list(partners.values()), _claim(row.student, only) if only else ""

    def alone(self, naming: HandIn) -> Row:
        """The row of one who named others, and whose naming shares no grade."""
        named = " and ".join(clean_name(name) for name in naming.naming) or "nobody"
        known = self._named[naming.person.student]
        told = f"it holds only a {GROUP}, which names {named}"
        if self._are_alone:
            told += "; this assignment is done alone, so no grade is shared"
        elif not known:
            told += "; nobody in this class has that name, so no grade is shared"
        else:
            told += ": no grade is shared until the zip of whoever handed in for both names this student as well"
        return Row(
            student=naming.person.student,
            person=naming.person,
            archive=naming.names,
            submitted_at=naming.submitted_at,
            outcome=UNREAD,
            message=f"{clean_name(naming.names)} is no submission: {told}",
        )

    def _others(self, person: Person, names: Iterable[str]) -> dict[str, Person]:
        """Whom names stand for, beside a person, by student."""
        found = (next((who for people in self._people if (who := people.named(name))), None) for name in names)
        return {who.student: who for who in found if who is not None and who.student != person.student}

    def _beside(self, row: Row) -> dict[str, Person]:
        """Who is in a row's group by the roster."""
        own = self._roster.get(row.student)
        if own is None or not (key := person_key(own.group)):
            return {}
        mates: Iterator[Person] = (person for person in self._roster.values() if person_key(person.group) == key)
        return {person.student: person for person in mates if person.student != row.student}


def _allowed(assignment: str) -> int:
    return find_assignments()[assignment].group_size if assignment else 1


def _claim(student: str, others: Sequence[str]) -> str:
    named, each, all_of_them = " and ".join(others), "each of them", "all of them"
    if len(others) == 1:
        each, all_of_them = named, "both"
    return (
        f"{GROUP} names {named}, and nobody else says so: no grade is shared. It will be shared as soon as {each} "
        f"hands in a zip that holds only a {GROUP} with the name of {student}, or the roster has the same `group` for "
        f"{all_of_them}"
    )


def _with_remarks(row: Row, told: str) -> Row:
    if not told:
        return row
    return row.model_copy(update={"remarks": (*row.remarks, told), "message": f"{row.message}; {told}"})
