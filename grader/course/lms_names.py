"""Reads the names that Canvas and Moodle give the files of an export.

Canvas, one file for each attachment (`lib/content_zipper.rb` of instructure/canvas-lms):

    <name>_[LATE_]<user id>_<attachment id>_<file>       <name> is the person's, or the group's
    [LATE_]anon_<anonymous id>_<attachment id>_<file>

The name is in small letters, without anything but characters of words. It may hold underscores and digits (`o_brien`,
`team_12`), but no number between two underscores: Canvas takes these underscores out. So may the file's name, which is
why the ids are looked for from the right.

Moodle (`mod/assign/classes/downloader.php`), as folders or as files: `<full name>_<id>_assignsubmission_file_<file>`;
what comes after the first of these ids is the file's name, which a student chooses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_LATE, _ANONYMOUS = "LATE", "anon"
_LEAST_ID, _LEAST_ATTACHMENT = 2, 3  # digits; a name with small numbers in it (`ps_4_1_alice.zip`) is a name
_MOST_IN_NAME = 4  # digits: `team_12`, `class_2022`; a longer number is an id
_NUMBERED = re.compile(r".*-(?P<number>\d{1,2})")  # Canvas' mark of a file that was handed in again
_MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_(?P<kind>[a-z]+)(?:_(?P<file>.*))?", re.DOTALL)


@dataclass(frozen=True)
class CanvasName:
    """What the name of one attachment tells.

    Attributes:
        who: The name of the person or group, as Canvas writes it; `anon_<id>` where the names are hidden.
        id: The user's number, or the anonymous id.
        attachment: Number of the attachment; grows with time.
        file: The name of the file that was handed in.
        is_late: Whether Canvas marks it as late.
    """

    who: str
    id: str
    attachment: int
    file: str
    is_late: bool

    @property
    def stem(self) -> str:
        """The file's name without its last suffix."""
        return self.file.rpartition(".")[0] or self.file

    @property
    def upload(self) -> int:
        """How often a file of this name was handed in before: Canvas writes `lab.zip`, `lab-1.zip`, `lab-2.zip`."""
        numbered = _NUMBERED.fullmatch(self.stem)
        return int(numbered["number"]) if numbered else 0

    @property
    def base(self) -> str:
        """The file's name without suffix and number."""
        return self.stem.rpartition("-")[0] if self.upload else self.stem


def read_canvas_name(file: str, is_known: Callable[[str, str], bool] = lambda _who, _id: False) -> CanvasName | None:
    """What a file's name tells; None where Canvas did not write it.

    Args:
        file: With or without its suffix.
        is_known: Whether a name and an id are one person's on the roster. It decides where a name can be read in
            several ways; an id alone does not, since `team_12` may hold somebody's.
    """
    pieces = file.split("_")
    readings = list(_ordinary(pieces))

    def likely(reading: CanvasName) -> tuple[bool, bool, bool, int]:
        number = reading.who.rpartition("_")[2]
        is_of_name = not number.isdecimal() or len(number) <= _MOST_IN_NAME
        # Canvas numbers files faster than users. Where that does not decide, the last two numbers are the ids.
        is_ordered = reading.attachment > int(reading.id)
        return is_known(reading.who, reading.id), is_ordered, is_of_name, len(reading.who)

    return _anonymous(pieces) or max(readings, key=likely, default=None)


def _anonymous(pieces: list[str]) -> CanvasName | None:
    is_late = pieces[0] == _LATE
    head, *rest = pieces[is_late:] or [""]
    if head == _ANONYMOUS and len(rest) > 2 and rest[0].isalnum() and _is_number(rest[1], _LEAST_ATTACHMENT):
        return CanvasName(f"{_ANONYMOUS}_{rest[0]}", rest[0], int(rest[1]), "_".join(rest[2:]), is_late)
    return None


def _ordinary(pieces: list[str]) -> Iterator[CanvasName]:
    """Every way in which two numbers side by side can be the ids."""
    for at in range(1, len(pieces) - 2):
        name = [piece for piece in pieces[:at] if piece != _LATE]
        has_ids = _is_number(pieces[at], _LEAST_ID) and _is_number(pieces[at + 1], _LEAST_ATTACHMENT)
        if has_ids and "".join(name) and not any(piece.isdecimal() for piece in name[1:-1]):
            is_late = len(name) < at
            yield CanvasName("_".join(name), pieces[at], int(pieces[at + 1]), "_".join(pieces[at + 2 :]), is_late)


def _is_number(piece: str, digits: int) -> bool:
    return piece.isascii() and piece.isdecimal() and digits <= len(piece) <= 18


def read_moodle_name(name: str) -> str | None:
    """The full name of the person whose file or folder Moodle names so; None where Moodle did not."""
    found = _MOODLE.fullmatch(name)
    return found["name"] if found else None
