"""Writes a new assignment to start from: the worked example of the instructor's guide, under an id of your own.

The guide's page is the only source, so that what it explains and what is written can't differ.
"""

from __future__ import annotations

import re
from pathlib import Path

from grader.authoring.release import release
from grader.errors import UsageError
from grader.rubric import PROJECT, find_assignments, read_assignment

GUIDE = PROJECT / "docs" / "guide.md"
EXAMPLE = "toy"  # the id of the guide's example
ID = re.compile(r"[a-z][a-z0-9_]*")
_FILE = re.compile(r"`([\w./]+)`:\n\n```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def page_files(page: Path = GUIDE) -> dict[str, str]:
    """Contents by path of the files that a page has its reader write."""
    return dict(_FILE.findall(page.read_text(encoding="utf-8")))


def new_assignment(assignment_id: str, root: Path = PROJECT) -> list[Path]:
    """Write `assignment/<id>/` and `solutions/<id>/`, and release the stubs.

    Args:
        assignment_id: Lower-case letters, digits and underscores.
        root: The folder that holds `assignment/` and `solutions/`; made where there is none.

    Returns:
        The paths written, those of the release last.

    Raises:
        UsageError: If the id is no name, or is taken; if a file would be overwritten.
        MachineError: If the release fails.
    """
    if not ID.fullmatch(assignment_id):
        raise UsageError(f"{assignment_id!r} can't be an id: begin with a letter, then a-z, 0-9 and _")
    if (known := find_assignments().get(assignment_id)) is not None:
        raise UsageError(f"there is an assignment {assignment_id!r} already, in {known.handout_folder}")
    files = {root / _own(name, assignment_id): _own(text, assignment_id) for name, text in page_files().items()}
    if taken := [path for path in files if path.exists()]:
        raise UsageError(f"{taken[0]} exists: nothing is overwritten")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assignment = read_assignment(root / "assignment" / assignment_id / "assignment.toml")
    return [*files, *release(assignment)]


def _own(text: str, assignment_id: str) -> str:
    return re.sub(rf"\b{EXAMPLE}\b", assignment_id, text)
