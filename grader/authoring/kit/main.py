"""`python check.py`, in the students' kit: the public checks on the student's own modules, and packing.

The checks, what compares and what words the messages are the grader's own files. There is no sandbox: it is the
student's own code on the student's own machine.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from grader.authoring.kit.imports import environment_notes
from grader.authoring.kit.packing import Work, find_work, pack_work, zip_name
from grader.authoring.kit.recorded import SEED, RecordedTransport, own_recording
from grader.authoring.kit.report import Report
from grader.authoring.kit.rubric import KitAssignment, read_rubric
from grader.authoring.kit.student import HomeTransport, as_graded
from grader.checking.context import Context
from grader.checking.running import run_checks
from grader.errors import GraderError, MachineError, SubmissionRefused, UsageError
from grader.notebooks.submitted import WithModules, notebooks_in, with_modules
from grader.records import CheckResult, Exhibit
from grader.sandbox.student import Implementation
from grader.text import clean_name

DEFAULT_NAME = "handin"
GRADED = "Where it is graded:"


def main(folder: Path, words: list[str]) -> int:
    """Do what the command line asks for.

    Args:
        folder: The kit's, with the student's files.
        words: Arguments of the command.

    Returns:
        The exit code: 0 when all went well, 1 when a check did not pass or the zip is refused, 2 for wrong usage.
    """
    parser = argparse.ArgumentParser("check.py", description="Try your work, or pack it to hand it in.")
    parser.add_argument("tasks", nargs="*", metavar="TASK", help="ids of tasks, e.g. 2c; all without any")
    parser.add_argument("--pack", nargs="?", const=DEFAULT_NAME, metavar="NAME", help="write NAME.zip to hand in")
    parser.add_argument("--plots", action="store_true", help="draw what the report draws into plots/")
    asked = parser.parse_args(words)
    try:
        assignment = read_rubric(folder / "assignment.toml")
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"assignment.toml can't be read ({error}): take it out of the kit's zip again", file=sys.stderr)
        return 3
    try:
        if unknown := [task for task in asked.tasks if task not in assignment.by_id]:
            raise UsageError(f"there is no task {clean_name(unknown[0])}; there are {', '.join(assignment.by_id)}")
        if asked.pack is not None:
            return _pack(folder, assignment, asked.pack)
        return _check(folder, assignment, tuple(asked.tasks) or None, draws=asked.plots)
    except GraderError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"{clean_name(str(error.filename))}: {error.strerror}", file=sys.stderr)
        return 3


def _pack(folder: Path, assignment: KitAssignment, name: str) -> int:
    target = folder / zip_name(name)
    work = find_work(folder, assignment)
    try:
        raw, notes = pack_work(work, assignment)
    except SubmissionRefused as refused:
        print(f"Nothing was packed, because the grader would refuse it. {refused}")
        return refused.exit_code
    target.write_bytes(raw)
    print(f"{target.name} ({len(raw):,} bytes) holds:")
    for path in sorted(work.files):
        print(f"  {clean_name(path)}")
    graded = environment_notes(with_made(work, assignment).files, assignment.packages)
    parts = (("Left out:", work.left_out), ("Not there yet:", work.missing), ("Notes:", notes), (GRADED, graded))
    for title, sentences in parts:
        if sentences:
            print("\n".join([title, *(f"  {sentence}" for sentence in sentences)]))
    if name == DEFAULT_NAME:
        print("The grader takes your name from the zip's: `python check.py --pack ada_lovelace` gives it one.")
    return 0


def with_made(work: Work, assignment: KitAssignment) -> WithModules:
    """A student's files, modules made of notebooks among them.

    Raises:
        SubmissionRefused: If the notebooks can't be read.
    """
    return with_modules(work.files, cast(Any, assignment))


def run_public(
    folder: Path,
    assignment: KitAssignment,
    files: dict[str, bytes],
    on_result: Callable[[CheckResult], None],
    tasks: tuple[str, ...] | None = None,
    absent: Mapping[str, str] | None = None,
) -> Context:
    """Run the public checks on a student's files.

    Args:
        folder: Where they are; those that are not there as they are, because a notebook gave them, lie elsewhere.
        assignment: The rubric.
        files: By path.
        on_result: Called after each check.
        tasks: Ids of the tasks to check; None checks all.
        absent: What to say of a name that a notebook does not define.

    Raises:
        MachineError: If pytest could not run them.
        KeyboardInterrupt: If somebody stopped it.
    """
    with TemporaryDirectory(prefix="kit-") as scratch:
        home = folder
        if notebooks_in(files):
            home = Path(scratch).resolve()
            _write(home, files)
        sys.path.insert(1, str(home))
        transport = HomeTransport(home)
        leave = as_graded(home)
        context = Context(
            assignment=cast(Any, assignment),
            student=Implementation(assignment.modules, transport, files, absent, assignment.packages),
            oracle=Implementation(assignment.modules, RecordedTransport(own_recording())),
            mistakes=(),
            implement=_implement,
            seed=SEED,
            is_practice=True,
            begin_task=lambda _last: transport.renew(),
            on_result=on_result,
        )
        try:
            run_checks(context, tasks)
        except MachineError:
            if transport.is_interrupted:
                raise KeyboardInterrupt from None
            raise
        finally:
            leave()
            transport.renew()
            sys.path.remove(str(home))
    return context


def _write(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _implement(_variation: object) -> Implementation:
    raise MachineError("no mistake is known here")


def _check(folder: Path, assignment: KitAssignment, tasks: tuple[str, ...] | None, *, draws: bool) -> int:
    work = find_work(folder, assignment)
    made = with_made(work, assignment)
    files = made.files
    asked = [task for task in assignment.by_id if tasks is None or task in tasks]
    report = Report(assignment, asked, [data for name, data in files.items() if name.endswith(".py")])
    try:
        context = run_public(folder, assignment, files, report.add, tasks, made.absent)
    except KeyboardInterrupt:
        report.end()
        print("Stopped.")
        return 130
    report.finish()
    if notes := environment_notes(files, assignment.packages):
        print("\n".join([GRADED, *(f"  {note}" for note in notes)]))
    print(f"{report.passed} of {report.tried} tasks pass their public checks. Others are tried when it is graded.")
    if draws:
        _draw(folder, context.exhibits, assignment.solutions_folder / "figures")
    return 0 if report.passed == report.tried else 1


def _draw(folder: Path, exhibits: list[Exhibit], own: Path) -> None:
    from grader.figures import draw  # takes a second: only when asked for

    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # the report's fonts need not be here
    target = folder / "plots"
    target.mkdir(exist_ok=True)
    for exhibit in exhibits:
        picture = draw(exhibit, own)
        path = target / f"{exhibit.task}-{exhibit.name}.{'svg' if 'svg' in picture.media else 'png'}"
        path.write_bytes(picture.data)
        print(f"plots/{path.name}: {picture.caption}")
    for path in import_module("plots").from_history():  # beside check.py
        print(f"plots/{path.name}: the curves of history.json")
