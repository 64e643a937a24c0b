"""Where a statement of a module that was made of a notebook's cells comes from: written above it, read for messages."""

from __future__ import annotations

import re
from collections.abc import Mapping

_MADE = "# Made by the grader of the cells of "
_PLACE = re.compile(r"(?P<file>\w+\.py), line (?P<line>[0-9]{1,7}), in (?P<name>.*)", re.DOTALL)
_CELL = re.compile(r'# (?P<cell>".*", cell [0-9]{1,7}), line (?P<line>[0-9]{1,7})')


def first_line(books: str) -> str:
    """The first line of a module that was made of these notebooks' cells."""
    return f"{_MADE}{books}."


def place_line(book: str, cell: int, line: int) -> str:
    """The line above a statement."""
    return f'# "{book}", cell {cell}, line {line}'


def cell_place(place: str, files: Mapping[str, bytes]) -> str:
    """A place such as `fashion.py, line 57, in train` as one in a notebook; as it is where the module is a student's.

    Args:
        place: As the student's process says; untrusted.
        files: The submission's.
    """
    match = _PLACE.fullmatch(place)
    lines = files.get(match["file"], b"").decode(errors="replace").split("\n") if match else []
    if match is None or not lines[0].startswith(_MADE):
        return place
    for number in range(min(int(match["line"]), len(lines)), 0, -1):
        if cell := _CELL.fullmatch(lines[number - 1].strip()):
            line = int(cell["line"]) + int(match["line"]) - number - 1
            return f"{cell['cell']}, line {line}, in {match['name']}"
    return place
