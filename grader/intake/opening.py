"""Step 1: opens a zip, recognizes the assignment and finds the folder that is the submission.

    alice.zip -> Submission, or SubmissionRefused with a sentence for the student

`zipgate.py` decides what a zip may be; here is what it may contain. Everything stays in memory.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path

from grader.decoding import NotText, decode_text
from grader.errors import UsageError
from grader.intake.answers import answers_of
from grader.intake.missed import explain_missed
from grader.intake.recognising import NAMES_QUOTED, module_files, quote_paths, recognise
from grader.intake.zipgate import MAX_PACKED, read_zip
from grader.intake.zippaths import path_key
from grader.notebooks.submitted import with_modules
from grader.records import Submission
from grader.rubric import Assignment, find_assignments
from grader.text import clean_name

# File systems end at 255 bytes a name; results of a student have names of their own beside this one.
MAX_STUDENT = 200  # bytes
_GROUP_BYTES = 4096  # of group.txt: a few names
ARCHIVES = frozenset(".7z .bz2 .gz .rar .tar .tgz .xz .zipx".split())  # that a zip is sometimes called
_TEXTS = ("answers.md", "group.txt")  # read as plain text


def student_name(path: Path) -> str:
    """The student a zip belongs to, as a folder's name below `out/`.

    Returns:
        The file's name without `.zip`, NFC; characters other than letters, decimal digits, `.`, `_`, `+`, `-` are `_`.
        Never empty, never dots alone; a name above 200 bytes is cut and ends in a digest, so that two stay two.
    """
    whole = unicodedata.normalize("NFC", path.name)
    stem = whole[:-4] if whole[-4:].lower() == ".zip" else whole
    name = "".join(char if char.isalpha() or char.isdecimal() or char in "._+-" else "_" for char in stem)
    if not name.strip("."):  # "", "." and ".." are folders already
        name = "_" * max(1, len(name))
    if len(name.encode()) > MAX_STUDENT:
        digest = hashlib.sha256(name.encode()).hexdigest()[:12]
        name = f"{name.encode()[: MAX_STUDENT - 13].decode(errors='ignore')}-{digest}"
    return name


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, hex.

    Raises:
        UsageError: If there is no such file, or it can't be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def open_submission(
    path: Path,
    *,
    choices: Collection[Assignment] = (),
    submitted_at: datetime | None = None,
) -> Submission:
    """Read one handed-in zip.

    The submission's root is the shallowest folder that holds a module of the assignment or, where there is none, a
    notebook that defines what a module should. Files that lie directly in the folders above it come along (students
    zip `answers.md` beside their `code/`); the rest of the zip does not.

    Args:
        path: The zip.
        choices: The assignments it may be for, among which its modules or notebooks tell; empty: all there are.
        submitted_at: When it was handed in, with a time zone; None counts as on time.

    Raises:
        SubmissionRefused: If the zip is at fault; its text is one sentence for the student.
        UsageError: If there is no such file, or `submitted_at` has no time zone.
    """
    if submitted_at is not None and submitted_at.tzinfo is None:
        raise UsageError("the time of submission needs a time zone, e.g. 2022-03-30T18:00-04:00")
    raw = _read(path)
    if proper := misnamed_zip(path, raw):
        raise UsageError(f"{clean_name(path.name)} is a zip under another name: rename it to {clean_name(proper)}")
    return open_archive(raw, student_name(path), choices=choices, submitted_at=submitted_at)


def misnamed_zip(path: Path, start: bytes) -> str:
    """The name that a zip called like another archive should have; empty for any other file.

    Args:
        path: The file.
        start: Its first bytes.
    """
    return f"{path.stem}.zip" if path.suffix.lower() in ARCHIVES and start.startswith(b"PK") else ""


def open_archive(
    raw: bytes,
    student: str,
    *,
    choices: Collection[Assignment] = (),
    submitted_at: datetime | None = None,
) -> Submission:
    """Read the bytes of one handed-in zip. Arguments and errors as for `open_submission`."""
    members = read_zip(raw)
    chosen, root, of_others = recognise(members, list(choices or find_assignments().values()))
    gathered, left, of_folders = _gather(members, root, chosen)
    taken = with_modules(gathered, chosen)
    missed = explain_missed(taken, left, chosen)
    group = read_group(taken.files)
    told = _group_note(group, chosen.group_size) + _not_text(taken.files)
    return Submission(
        student=student,
        assignment=chosen,
        sha256=hashlib.sha256(raw).hexdigest(),
        files=taken.files,
        notes=missed.first + told + of_others + of_folders + taken.notes + missed.notes,
        submitted_at=submitted_at,
        group=group,
        first=missed.first,
        absent=missed.absent,
        answers=answers_of(taken.files, chosen),
    )


def _read(path: Path) -> bytes:
    """The file's bytes; one more than allowed when it is too large, which the gate refuses."""
    try:
        if not path.is_file():
            raise UsageError(f"no such file: {clean_name(str(path))}")
        with path.open("rb") as file:
            return file.read(MAX_PACKED + 1)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> UsageError:
    """What to raise for a file that the machine does not let us read."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else "unreadable"
    return UsageError(f"{clean_name(str(path))}: {reason}")


def _gather(
    members: Mapping[str, bytes], root: str, assignment: Assignment
) -> tuple[dict[str, bytes], list[str], tuple[str, ...]]:
    """The files of the submission by their path below the root, those that were left, and notes about both."""
    files = {path.removeprefix(root): data for path, data in members.items() if path.startswith(root)}
    missing = set(module_files(assignment)) - files.keys()
    strays = [path for path in files if path.rpartition("/")[2] in missing]
    taken, left = [], []
    occupied = {path_key(path.partition("/")[0]) for path in files}
    # From the nearest folder upwards: what lies closer to the modules wins.
    for path in sorted(members.keys() - {root + name for name in files}, key=lambda path: (-path.count("/"), path)):
        folder, slash, name = path.rpartition("/")
        if root.startswith(folder + slash) and path_key(name) not in occupied:
            files[name] = members[path]
            occupied.add(path_key(name))
            taken.append(path)
        else:
            left.append(path)
    notes = {
        f"{quote_paths(strays)}: below the folder of your other modules, so not graded; move it up to them.": strays,
        f"{quote_paths(taken)}: taken from above the folder of your modules.": taken,
        f"{quote_paths(left)}: outside the folder of your modules ({clean_name(root)}), so not read.": left,
    }
    return files, left, tuple(note for note, paths in notes.items() if paths)


def read_group(files: Mapping[str, bytes]) -> tuple[str, ...]:
    """Names of those who hand in together, as `group.txt` has them, a name a line; empty where it is not text."""
    try:
        lines = decode_text(files.get("group.txt", b""), _GROUP_BYTES).splitlines()
    except NotText:
        return ()
    return tuple(clean_name(line.strip()) for line in lines if line.strip())


def _not_text(files: Mapping[str, bytes]) -> tuple[str, ...]:
    """A note for each file that should be plain text and is not."""
    notes = []
    for name in _TEXTS:
        try:
            decode_text(files.get(name, b""), _GROUP_BYTES)
        except NotText as error:
            notes.append(f"{name} could not be read: {error}. Save it as plain text in UTF-8 and hand it in again.")
    return tuple(notes)


def _group_note(names: tuple[str, ...], allowed: int) -> tuple[str, ...]:
    more = f" and {len(names) - NAMES_QUOTED} more" if len(names) > NAMES_QUOTED else ""
    told = f"group.txt names {', '.join(names[:NAMES_QUOTED])}{more}. "
    if allowed == 1:
        told += "This assignment is done alone, so nobody shares this grade."
    else:
        told += (
            "A partner shares this grade if the course has you as a group, or if the partner hands in a zip that holds "
            "only a group.txt with your name."
        )
    return (told,) if names else ()
