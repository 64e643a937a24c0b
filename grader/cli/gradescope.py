"""The command `gradescope`: makes autograders for Gradescope, and is what they grade with there."""

from __future__ import annotations

from pathlib import Path

import click

from grader.cli.options import out_option, shown_path
from grader.process_pool import wait_asleep
from grader.rubric import chosen_assignments


@click.command()
@click.option("--assignment", help="Only this assignment.")
@click.option("--grade", "root", type=click.Path(path_type=Path), help="On Gradescope: grade what lies there instead.")
@out_option
def gradescope(assignment: str | None, root: Path | None, out: Path) -> int:
    """Write dist/<id>-autograder.zip for Gradescope."""
    if root is not None:
        wait_asleep()
        from grader.gradescope.grading import grade_there  # torch takes seconds: not for --help

        grade_there(root, lambda line: print(line, flush=True))
        return 0
    from grader.course_secret import course_secret
    from grader.gradescope.autograder import pack_autograder

    for each in chosen_assignments(assignment):
        print(shown_path(pack_autograder(each, course_secret(out))))
    return 0
