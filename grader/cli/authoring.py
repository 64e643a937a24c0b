"""`new` and `release`: what an assignment begins with, and what its students receive."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from grader.cli.options import shown_path
from grader.rubric import PROJECT, chosen_assignments


@click.command()
@click.option("--assignment", required=True, metavar="ID", help="Id of the new assignment.")
@click.option("--out", "root", type=click.Path(path_type=Path, file_okay=False), default=PROJECT,
              help="Folder of a course's own assignments.")  # fmt: skip
def new(assignment: str, root: Path) -> int:
    """Write a new assignment to start from: the guide's worked example, under an id of your own."""
    from grader.authoring.new import new_assignment

    for path in new_assignment(assignment, root):
        print(shown_path(path))
    beside = "" if root.resolve() == PROJECT else f"ASSIGNMENTS={shlex.quote(str(root))} "
    print(f"Next: {beside}make validate ASSIGNMENT={assignment}")
    return 0


@click.command()
@click.option("--assignment", help="Only this assignment.")
def release(assignment: str | None) -> int:
    """Write stubs and dist/<id>.zip for students from the solutions."""
    from grader.authoring.release import release as write_release

    for each in chosen_assignments(assignment):
        for path in write_release(each):
            print(shown_path(path))
    return 0
