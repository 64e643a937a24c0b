"""Finds what lies in a class's folder and is not understood, so that it is told, by name, and with whose it may be."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from grader.course.gradescope_lists import EXPORT, METADATA, read_export, read_metadata
from grader.course.lms_names import read_canvas_name, read_moodle_name
from grader.course.people import People
from grader.course.records import Person
from grader.decoding import name_format
from grader.intake.opening import misnamed_zip, student_name
from grader.intake.zippaths import is_ignored
from grader.text import clean_name

_MOST_FILES = 1000  # of a folder that are looked at
_MOST_NAMED = 3
_HIDDEN = (".", "~$")  # the second are locks of Office
_WHAT = {
    ".ipynb": "a notebook that is not in a zip",
    ".py": "a module that is not in a zip",
    ".pth": "weights that are not in a zip",
    ".pt": "weights that are not in a zip",
    ".csv": "a table; if it is the roster, give it as ROSTER=",
    ".crdownload": "an unfinished download",
    ".part": "an unfinished download",
    ".download": "an unfinished download",
}


@dataclass(frozen=True)
class Unread:
    """One file or folder that is not graded.

    Attributes:
        name: Of it, from the class's folder.
        what: What it looks like.
        people: Whose it may be, as names tell.
    """

    name: str
    what: str
    people: tuple[Person, ...] = ()

    @property
    def sentence(self) -> str:
        """What is told of it."""
        return f"{self.name} is not read: it is {self.what}"


def find_unread(folder: Path, read: Collection[Path], people: People, others: Iterable[Path]) -> list[Unread]:
    """Whatever lies in a class's folder beside what is graded; what operating systems leave there aside.

    Args:
        folder: The class's.
        read: Files that are graded, and files that tell about them.
        people: The roster.
        others: Files and folders that are no hand-ins: the roster, and where the grades go.
    """
    skipped = {path.resolve() for path in (*read, *others)}
    folders = {path.parent for path in read} - {folder}  # of each student: what else is in it?
    exported = read_export(folder / EXPORT)
    found = []
    for path in (*_entries(folder), *(path for inner in sorted(folders) for path in _entries(inner))):
        if path.resolve() in skipped or path in folders:
            continue
        files = list(islice(_walk(path), _MOST_FILES)) if path.is_dir() else []
        name = clean_name(path.relative_to(folder).as_posix())
        users = exported[path.name].users if path.name in exported else []
        owners = [people.like(user) or user for user in users] or _owners(path, files, people)
        found.append(Unread(name, _folder(path, files) if path.is_dir() else _file(path), tuple(owners)))
    return found


def _entries(folder: Path) -> Iterator[Path]:
    found = sorted(folder.iterdir())
    return (path for path in found if not is_ignored(path.name) and not path.name.startswith(_HIDDEN))


def _walk(folder: Path) -> Iterator[Path]:
    """The files below a folder, those near its top first."""
    folders = [folder]
    while folders:
        entries = [path for path in _entries(folders.pop(0)) if not path.is_symlink()]
        yield from (path for path in entries if path.is_file())
        folders += [path for path in entries if path.is_dir()]


def _file(path: Path) -> str:
    if path.is_symlink() and not path.exists():
        return "a link that leads nowhere"
    if not path.is_file():
        return "no file"
    if path.name == EXPORT:
        return "the list of what Gradescope exported; of its folders only zips are graded: zip each one's files in it"
    try:
        with path.open("rb") as file:
            start = file.read(512)
    except OSError as error:
        return f"a file that can't be opened ({error.strerror})"
    known = name_format(start)
    if proper := misnamed_zip(path, start):
        return f"a zip under another name: rename it to {clean_name(proper)}"
    if known.startswith("a zip"):
        return f"{known} whose name does not end in .zip"
    what = _WHAT.get(path.suffix.lower()) or known
    if what.endswith(("archive", "file")):
        return f"{what}; hand-ins must be zips"
    return what or ("an empty file" if not path.stat().st_size else "no zip")


def _folder(path: Path, files: list[Path]) -> str:
    held = ", ".join(clean_name(file.relative_to(path).as_posix()) for file in files[:_MOST_NAMED])
    held += f" and {len(files) - _MOST_NAMED} more" if len(files) > _MOST_NAMED else ""
    if not files:
        return "an empty folder"
    if any(file.name == EXPORT for file in files):
        return f"a folder of Gradescope's export with {held}; give that as SUBMISSIONS=, each submission's files zipped"
    if read_moodle_name(path.name):
        return f"a folder of Moodle's export with {held}; put the zip itself into the class's folder"
    if any(file.suffix.lower() in (".py", ".ipynb") for file in files):
        return f"a folder that is not zipped, with {held}"
    zips = any(file.suffix.lower() == ".zip" for file in files)
    told = f"a folder with {held}" + ("; zips must lie in the class's folder itself" if zips else "")
    return told + _claim(path)


def _claim(folder: Path) -> str:
    """What a list in a folder says of it, which only an instructor can judge: students can write it."""
    try:
        users, moment = read_metadata(folder / METADATA)
    except ValueError:
        return ""
    names = ", ".join(clean_name(user.email or user.name or user.student) for user in users[:_MOST_NAMED])
    told = f"{METADATA} in it names {names or 'nobody'} and {moment.isoformat()}"
    return f". {told}, and anybody can write that: only {EXPORT} beside the folders counts"


def _owners(path: Path, files: Iterable[Path], people: People) -> list[Person]:
    """Whose a file or folder is: by its own name, by a list of Gradescope's in it, or by the names of what it holds."""
    if (owner := _owner(path.name, people)) is not None:
        return [owner]
    told = list(_listed(path, people)) or [
        owner
        for name in dict.fromkeys(file.relative_to(path).parts[0] for file in files)
        if (owner := _owner(name, people)) is not None
    ]
    return list({person.student: person for person in told}.values())


def _listed(path: Path, people: People) -> Iterator[Person]:
    """Whom Gradescope's lists in a folder, or a list itself, name."""
    lists = [path] if path.name == EXPORT else [path / EXPORT]
    users = [user for each in lists for listed in read_export(each).values() for user in listed.users]
    yield from (people.like(user) or user for user in users)


def _owner(name: str, people: People) -> Person | None:
    """Whose a file of this name is: by Canvas' or Moodle's way of naming, or because the roster has such a person."""
    if canvas := read_canvas_name(name, people.has):
        known = people.with_id(canvas.id) or people.called(canvas.who)
        return known or Person(student=student_name(Path(canvas.who)), name=canvas.who, canvas_id=canvas.id)
    if full := read_moodle_name(name):
        return people.named(full) or Person(student=student_name(Path(full)), name=full)
    stems = (name, os.path.splitext(name)[0], name.split(".")[0])
    return next((person for stem in stems if stem and (person := people.named(stem)) is not None), None)
