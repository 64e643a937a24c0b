"""Made-up people for an example class, as a roster has them."""

from __future__ import annotations

import random
import unicodedata
from datetime import datetime, timedelta
from itertools import cycle

from grader.course.records import Person
from grader.errors import UsageError
from grader.rubric import Assignment

FIRST = (
    "Amara", "Zoë", "Mateo", "Siobhán", "Wei", "Priya", "Łukasz", "Noor", "Jonas", "Chiamaka", "Yuki", "Óscar",
    "Fatima", "Björn", "Ana", "Dmitri", "Leila", "Tomás", "Grace", "Ngọc", "Émile", "Sana", "Ibrahim", "Hannah",
    "李娜", "Ravi", "Marta", "Kwame", "Ingrid", "Samuel",
)  # fmt: skip
LAST = (
    "Okafor", "Müller", "García-López", "O'Neill", "Chen", "Nair", "Wójcik", "Haddad", "Andersen", "Eze", "Tanaka",
    "Núñez", "Rahman", "Sjöberg", "de Souza", "Ivanova", "Karimi", "Novák", "Kim", "Trần", "Lefèvre", "Malik",
    "Diallo", "Weiß", "Park", "Iyer", "Ferrari", "Mensah", "Dahl", "Cohen",
)  # fmt: skip
FIRST_ID = 104_211  # of Canvas
EARLY = (timedelta(minutes=4), timedelta(hours=3), timedelta(days=1, hours=2), timedelta(days=4))
# After the deadline: one day, two, four, the last day that counts, and too late for any point.
LATE = (timedelta(hours=2), timedelta(days=1, hours=5), timedelta(days=3.5), timedelta(days=6.9), timedelta(days=8))
LATE_EVERY = 4  # one in so many hands in late


def make_people(count: int, assignment: Assignment, rng: random.Random) -> list[Person]:
    """People of different names, variants and times; no two are alike, and the last has handed in nothing.

    Args:
        count: How many.
        assignment: Whose variants and deadline.
        rng: Random numbers.

    Raises:
        UsageError: If there are not so many names.
    """
    if count > len(FIRST) * len(LAST):
        raise UsageError(f"an example class has at most {len(FIRST) * len(LAST)} students")
    names = rng.sample([f"{first} {last}" for first in FIRST for last in LAST], count)
    late = rng.sample(range(count - 1), min(count - 1, max(1, count // LATE_EVERY)))
    moved = [-rng.choice(EARLY) for _ in range(count - 1)]
    for number, behind in zip(late, cycle(LATE), strict=False):
        moved[number] = behind
    moments = [*(assignment.due_at + each for each in moved), None]
    return [_person(number, name, assignment, moments[number]) for number, name in enumerate(names)]


def _person(number: int, name: str, assignment: Assignment, moment: datetime | None) -> Person:
    canvas_id = str(FIRST_ID + 37 * number)
    return Person(
        student=".".join(name.lower().split()),
        name=name,
        email=f"{_ascii(name) or canvas_id}@example.edu",
        variant=assignment.variants[number % len(assignment.variants)],
        submitted_at=moment,
        canvas_id=canvas_id,
    )


def _ascii(name: str) -> str:
    """A name as it stands in an address; empty where nothing is left of a part of it."""
    parts = [unicodedata.normalize("NFKD", part).encode("ascii", "ignore").decode() for part in name.lower().split()]
    letters = ["".join(char for char in part if char.isalpha()) for part in parts]
    return ".".join(letters) if all(letters) else ""
