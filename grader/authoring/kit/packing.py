"""Packs what a student hands in, out of the folder of the kit, and refuses what the grader would refuse."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from grader.authoring.kit.rubric import KitAssignment
from grader.errors import SubmissionRefused, UsageError
from grader.intake.answers import read_answers
from grader.intake.zipgate import MAX_UNPACKED, MIB, read_zip
from grader.intake.zippaths import is_ignored
from grader.notebooks.submitted import notebooks_in, with_modules
from grader.text import clean_name
from grader.zip_writer import EPOCH, FILE_MODE, UNIX

KIT = "kit"
OURS = "ours.json"  # in the kit's folder: files that are not the student's, with digests; what the handout asks for
ARCHIVES = (".zip", ".gz", ".tar", ".tgz", ".bz2", ".xz", ".7z", ".rar")  # data sets, and what was packed before


@dataclass(frozen=True)
class Work:
    """What a folder holds of a student's.

    Attributes:
        files: What to hand in, by path.
        untouched: Modules that are still as they were handed out.
        left_out: Sentences about what stays behind.
        missing: Sentences about what is not there yet.
    """

    files: dict[str, bytes]
    untouched: tuple[str, ...]
    left_out: tuple[str, ...]
    missing: tuple[str, ...]


def find_work(folder: Path, assignment: KitAssignment) -> Work:
    """What to hand in of a folder: the student's files beside the kit's, and helper modules in folders."""
    ours = json.loads((folder / KIT / OURS).read_bytes())
    left_out: list[str] = []
    files = {path.relative_to(folder).as_posix(): path for path in _found(folder, ours["files"], left_out)}
    contents = {name: path.read_bytes() for name, path in files.items()}
    stubs = folder / KIT / "assignment" / assignment.id
    same = {name for name, data in contents.items() if (path := stubs / name).is_file() and path.read_bytes() == data}
    untouched = tuple(module for module in assignment.modules if f"{module}.py" in same)
    books = notebooks_in(name for name in contents if "/" not in name and name not in same)
    todo = [module for module in assignment.modules if module in untouched or f"{module}.py" not in contents]
    for book in notebooks_in(contents):
        if book not in books or not todo:
            del contents[book]
            if book in books:
                left_out.append(f"{book}: your modules are complete, and they are what is graded.")
    if books and todo:
        for module in untouched:  # what is not written here is in the notebook
            del contents[f"{module}.py"]
    missing = _missing(contents, assignment, untouched if not books else (), ours["expected"])
    return Work(contents, untouched, tuple(left_out), tuple(missing))


def _found(folder: Path, ours: dict[str, str], left_out: list[str]) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        name = path.name
        if digest := ours.get(name):
            if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
                left_out.append(f"{name}: a file of the kit that you changed; under another name it comes along.")
            continue
        if name in ours or name.startswith(".") or is_ignored(name):
            continue
        if path.is_dir():
            sources = [] if (path / "pyvenv.cfg").exists() else sorted(path.rglob("*.py"))
            yield from sources
            if not sources:
                left_out.append(f"{clean_name(name)}: a folder without modules of yours.")
        elif name.lower().endswith(ARCHIVES):
            left_out.append(f"{clean_name(name)}: an archive.")
        elif path.stat().st_size > MAX_UNPACKED:
            left_out.append(f"{clean_name(name)}: larger than {MAX_UNPACKED // MIB} MiB, all that a zip may hold.")
        else:
            yield path


def _missing(
    files: dict[str, bytes], assignment: KitAssignment, untouched: tuple[str, ...], expected: dict[str, str]
) -> Iterator[str]:
    has_book = bool(notebooks_in(files))
    for module in assignment.modules:
        if module in untouched:
            yield f"{module}.py is as you got it."
        elif f"{module}.py" not in files and not has_book:
            yield f"{module}.py is not there."
    written = {task.id: task.title for task in assignment.tasks if task.written}
    answers = read_answers(files.get("answers.md"), written, written)
    if lacking := [task for task in written if task not in answers]:
        yield f"answers.md has no answer yet to {', '.join(lacking)}."
    for name, what in expected.items():
        if name not in files and not name.endswith(".py") and name != "answers.md":
            yield f"{name} is not there ({what})." if what else f"{name} is not there."


def pack_work(work: Work, assignment: KitAssignment) -> tuple[bytes, tuple[str, ...]]:
    """The zip to hand in, and what the grader would note about a notebook.

    Raises:
        SubmissionRefused: If the grader would refuse it; the text says why.
    """
    if not notebooks_in(work.files) and not any(f"{module}.py" in work.files for module in assignment.modules):
        expected = ", ".join(f"{module}.py" for module in assignment.modules)
        raise SubmissionRefused(f"No module of the assignment is here: hand in {expected}, with exactly these names.")
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(work.files):
            member = zipfile.ZipInfo(name, EPOCH)
            member.create_system, member.external_attr = UNIX, FILE_MODE << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, work.files[name])
    members = read_zip(raw.getvalue())
    made = with_modules(members, cast(Any, assignment))
    return raw.getvalue(), made.first + made.notes


def zip_name(name: str) -> str:
    """The file's name for a student's.

    Raises:
        UsageError: If it would be a path or hidden.
    """
    stem = name[:-4] if name.lower().endswith(".zip") else name
    if not stem or stem.startswith(".") or any(char in stem for char in "/\\:\0"):
        raise UsageError(f"{clean_name(name)!r} is no name for a zip: give yours, such as ada_lovelace")
    return f"{stem}.zip"
