"""Grades what Gradescope has put down: runs there, as root, in a container of one submission.

    submission/                 the student's files, which Gradescope has unpacked
    submission_metadata.json    who handed in, and when
    results/results.json        what Gradescope shows; written last, whole, and only where grading came to its end

`gradescope/run_autograder` closes these folders before, and writes a results.json that says so where this fails.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from grader.course.gradescope_lists import METADATA, read_metadata
from grader.course_secret import secret_of, submission_seed
from grader.decoding import parse_json
from grader.errors import MachineError
from grader.gradescope.autograder import SECRET
from grader.intake.opening import file_digest
from grader.intake.zipgate import MAX_MEMBERS, MAX_UNPACKED
from grader.intake.zippaths import is_ignored
from grader.pipeline import grade_zip
from grader.records import Grade
from grader.results import RESULTS, read_looks, write_whole
from grader.rubric import Assignment, find_assignments
from grader.terminal import show_looks
from grader.zip_writer import pack_files

WALL = "container"  # the weakest that will do; a stronger one is taken where it works


def grade_there(root: Path, log: Callable[[str], None]) -> Grade:
    """Grade the submission below `root` and write `results/results.json`.

    When that file is written every process of the student's code has ended, and it holds what this process recorded.

    Args:
        root: Gradescope's `/autograder`.
        log: Gets a line per step; for instructors.

    Raises:
        MachineError: If there is not exactly one assignment here, Gradescope has put nothing down or no time of
            submission, or no sandbox works.
    """
    assignments = list(find_assignments().values())
    if len(assignments) != 1:
        raise MachineError(f"an autograder grades one assignment, and here are {len(assignments)}")
    if not (root / "submission").is_dir():
        raise MachineError(f"there is no folder {root / 'submission'}")
    try:
        users, submitted_at = read_metadata(root / METADATA)  # not what the student's folder may hold under this name
    except ValueError as error:  # without the time, nobody would ask for the late days here
        raise MachineError(f"{root / METADATA} does not tell who handed in, and when: {error}") from error
    with TemporaryDirectory(prefix="gradescope-") as scratch:
        student = users[0].student if users else "submission"
        archive = hand_in_zip(root / "submission", Path(scratch, f"{student}.zip"))
        for line in _deadlines(root / METADATA, assignments[0]):
            log(line)
        out = Path(scratch, "out")
        grade = grade_zip(
            archive,
            out,
            assignment=assignments[0],
            submitted_at=submitted_at,
            weakest=WALL,
            seed=submission_seed(secret_of(root / "source" / SECRET), file_digest(archive)),
            log=log,
        )
        show_looks(Console(stderr=True), read_looks(out / grade.student))
        record = (out / grade.student / RESULTS).read_bytes()
    write_whole(root / "results" / RESULTS, record)
    return grade


def hand_in_zip(folder: Path, target: Path) -> Path:
    """The zip that was handed in, made again of what Gradescope has unpacked; a zip that lies there alone is it.

    The zip gate judges it as any other: links are packed as links, which it refuses. No more is read than it allows.

    Args:
        folder: The student's files.
        target: Where to write the zip.

    Returns:
        `target`.
    """
    found = [entry for entry in _walk(folder) if not is_ignored(_name(entry, folder))]
    if len(found) == 1 and found[0].name.lower().endswith(".zip") and found[0].is_file(follow_symlinks=False):
        shutil.copyfile(found[0].path, target)
        return target
    files, modes, left = {}, {}, MAX_UNPACKED + 1
    for entry in found:
        name = _name(entry, folder)
        mode = entry.stat(follow_symlinks=False).st_mode
        files[name] = b""
        if stat.S_ISREG(mode):
            with open(entry.path, "rb") as file:
                files[name] = file.read(left)
            left -= len(files[name])
        else:
            modes[name] = mode
    return pack_files(files, target, modes)


def _walk(folder: Path) -> Iterator[os.DirEntry[str]]:
    """What lies below a folder and is no folder itself, links not followed; one more than a zip may hold at most."""
    count, folders = 0, [str(folder)]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif count <= MAX_MEMBERS:
                    count += 1
                    yield entry


def _name(entry: os.DirEntry[str], folder: Path) -> str:
    """Its path below `folder` as a zip can hold it: bytes that are not UTF-8 as `%FF`."""
    path = os.path.relpath(entry.path, folder)
    return "".join(f"%{ord(char) - 0xDC00:02X}" if "\udc80" <= char <= "\udcff" else char for char in path)


def _deadlines(metadata: Path, assignment: Assignment) -> Iterator[str]:
    """A line for the instructor where Gradescope has another deadline than the rubric."""
    told = parse_json(metadata.read_bytes()).get("assignment")
    due = told.get("due_date") if isinstance(told, dict) else None
    try:
        is_other = due is not None and datetime.fromisoformat(due) != assignment.due_at
    except (TypeError, ValueError):  # not a time, but then not ours either
        is_other = True
    if is_other:
        yield f"Gradescope's deadline is {due}; days late are counted from assignment.toml's, {assignment.due_at}"
