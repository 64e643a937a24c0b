"""Finds the person of a roster whose name, e-mail address or id something is; what two people share is nobody's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from grader.course.records import Person
from grader.identity import id_key, person_key
from grader.intake.opening import student_name


class People:
    """The people of a roster, by all that they may be called; `roster` is by student."""

    def __init__(self, roster: Mapping[str, Person]) -> None:
        self._roster = roster
        everybody = roster.values()
        self._ids = _index((_id(person.canvas_id), person) for person in everybody)
        self._emails = _index((person_key(person.email), person) for person in everybody)
        self._names = _index((person_key(person.name), person) for person in everybody)
        self._students = _index((_id(person.student), person) for person in everybody)
        self._sortable = _index((name, person) for person in everybody for name in _sortable(person.name))

    def with_id(self, canvas_id: str) -> Person | None:
        """Who has this id in Canvas."""
        return _only(self._ids, _id(canvas_id))

    def with_email(self, email: str) -> Person | None:
        """Who has this e-mail address."""
        return _only(self._emails, person_key(email))

    def like(self, user: Person) -> Person | None:
        """Who has a user's e-mail address or, where the roster has no address of that person, the name."""
        person = _only(self._names, person_key(user.name))
        return self.with_email(user.email) or (person if person is not None and not person.email else None)

    def named(self, text: str) -> Person | None:
        """Who is called so: by student, name or e-mail address, as in `group.txt` or as the name of a file."""
        if person := self._roster.get(student_name(Path(text))):
            return person
        spaced = text.replace("_", " ")
        found = {
            person.student: person
            for index, key in (
                (self._students, _id(student_name(Path(text)))),
                (self._emails, person_key(text)),
                (self._names, person_key(text)),
                (self._names, person_key(spaced)),
            )
            for person in index.get(key, ())
        }
        return next(iter(found.values())) if len(found) == 1 else None

    def called(self, who: str) -> Person | None:
        """Whom Canvas calls so in the name of a file, where the roster has no id of that person."""
        person = self._roster.get(student_name(Path(who))) or _only(self._students, _id(student_name(Path(who))))
        person = person or _only(self._sortable, squeezed(who))
        return person if person is not None and not person.canvas_id else None

    def has(self, who: str, canvas_id: str) -> bool:
        """Whether Canvas would call the person of this id so."""
        person = self.with_id(canvas_id)
        return person is not None and squeezed(who) in {*_sortable(person.name), squeezed(person.student)}


def squeezed(name: str) -> str:
    """A name as Canvas puts it into the name of a file: small letters, and only characters of words."""
    return re.sub(r"\W", "", person_key(name))


def _sortable(name: str) -> set[str]:
    """A name with its surname first, for every word that the surname may begin with."""
    words = re.split(r"[\s,]+", person_key(name).strip(" ,"))
    return {squeezed("".join(words[at:] + words[:at])) for at in range(len(words))}


def _id(text: str) -> str:
    try:
        return id_key(text)
    except ValueError:
        return person_key(text)


def _index(named: Iterable[tuple[str, Person]]) -> dict[str, list[Person]]:
    index: dict[str, list[Person]] = {}
    for key, person in named:
        if key and person not in index.setdefault(key, []):
            index[key].append(person)
    return index


def _only(index: Mapping[str, list[Person]], key: str) -> Person | None:
    found = index.get(key, [])
    return found[0] if len(found) == 1 else None
