"""The commands: parse, call one function, exit. The only place that exits."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from grader.cli.authoring import new, release
from grader.cli.gradescope import gradescope
from grader.cli.options import Moment, out_option, sandbox_option, shown_path
from grader.errors import GraderError, MachineError, UsageError
from grader.process_pool import wait_asleep
from grader.rubric import PROJECT, chosen_assignments, get_assignment

GRADED, AT_FAULT, WRONG_USAGE, OURS = 0, 1, 2, 3


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def commands() -> None:
    """Grade vision problem sets; the student's code runs in a sandbox."""


@commands.command()
@click.argument("submission", type=click.Path(path_type=Path))
@click.option("--assignment", help="Assignment id, when the zip's modules do not tell.")
@click.option("--variant", help="Which variant counts, e.g. 6.819.")
@click.option("--submitted", type=Moment(), help="When it was handed in, e.g. 2022-03-30T18:00-04:00.")
@click.option("--manual", type=click.Path(path_type=Path), help="Form with the scores that a person gave.")
@out_option
@sandbox_option("process")
def grade(
    submission: Path,
    assignment: str | None,
    variant: str | None,
    submitted: datetime | None,
    manual: Path | None,
    out: Path,
    min_sandbox: str,
) -> int:
    """Grade one zip: a table here, everything else in OUT/<student>/."""
    wait_asleep()
    from grader.sandbox import fork

    fork.begin()  # it imports torch on another core, while this process does
    from grader.pipeline import grade_zip  # torch takes seconds: not for --help
    from grader.results import read_looks
    from grader.terminal import WIDTH, show_grade, show_looks

    _build_example(submission)
    # A pipe has no width of its own: it gets what feedback.txt gets.
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    notes = Console(stderr=True)
    result = grade_zip(
        submission,
        out,
        assignment=get_assignment(assignment) if assignment else None,
        variant=variant,
        submitted_at=submitted,
        manual=manual,
        weakest=min_sandbox,
        log=_sayer(notes, "dim"),
        tell=_sayer(notes, "bold red"),
    )
    show_grade(console, result, get_assignment(result.assignment).title if result.assignment else "")
    console.print(f"Report: {out / result.student / 'report.pdf'}", markup=False, highlight=False)
    show_looks(notes, read_looks(out / result.student))  # not on standard output, which may become a student's file
    return GRADED if result.outcome == "graded" else AT_FAULT


@commands.command("grade-all")
@click.argument("submissions", type=click.Path(path_type=Path))
@click.option("--roster", type=click.Path(path_type=Path), help="Who is in the class, a CSV file.")
@click.option("--assignment", help="Assignment id, when the zips' modules do not tell.")
@click.option("--variant", help="Which variant counts for those whose roster line names none.")
@click.option(
    "--jobs", type=click.IntRange(min=1), help="Submissions at a time; as many as there are cores by default."
)
@click.option("--cluster", help="Address of a Dask scheduler, e.g. tcp://host:8786.")
@out_option
@sandbox_option()
def grade_all(submissions: Path, jobs: int | None, cluster: str | None, out: Path, **options: Any) -> int:
    """Grade every zip of the folder SUBMISSIONS that is new or changed; gradebook and class report go to OUT."""
    from grader.cli.grade_all import grade_folder
    from grader.course.plan import Options

    weakest = options.pop("min_sandbox")
    grade_folder(submissions, out, Options(**options, weakest=weakest), jobs, cluster)
    return GRADED


@commands.command()
@click.argument("submission", type=click.Path(path_type=Path), required=False)
@click.option("--assignment", help="Only this assignment's reference report.")
@click.option("--manual", type=click.Path(path_type=Path), help="Form with the scores that a person gave.")
@out_option
def report(submission: Path | None, assignment: str | None, manual: Path | None, out: Path) -> int:
    """Render the reference reports, or a graded SUBMISSION's report again."""
    wait_asleep()
    from grader.intake.opening import student_name
    from grader.pipeline import render_again, report_reference

    notes = Console(stderr=True)
    log = _sayer(notes, "dim")
    if manual is not None and submission is None:
        raise UsageError("a form of manual scores needs the submission that it is of")
    names = [student_name(submission)] if submission else []
    if submission:
        render_again(out, names[0], manual=manual, log=log, tell=_sayer(notes, "bold red"))
    else:
        names = [report_reference(each, out, log).student for each in chosen_assignments(assignment)]
    for name in names:
        print(out / name / "report.pdf")
    return GRADED


@commands.command()
@click.option("--assignment", help="Only this assignment's models.")
@click.option("--preset", default="quick", show_default=True, help="quick or full.")
@click.option("--force", is_flag=True, help="Train anew, whatever the cache holds.")
@click.option("--ship", is_flag=True, help="Write the models to solutions/<id>/reference/.")
def reference(assignment: str | None, preset: str, force: bool, ship: bool) -> int:
    """Train the reference models, or find them in the cache."""
    from grader.manifest import load_manifest
    from grader.reference import load_shipped, ship_reference, train_reference

    for each in [each for each in chosen_assignments(assignment) if assignment or load_manifest(each).models]:
        trained, shipped = train_reference(each, preset, Console(), force), load_shipped(each)
        for model, metrics in trained.metrics.items():
            told = shipped.get(model)
            beside = f"; the one that ships: {told['test_accuracy']:.2%} ({told['preset']})" if told else ""
            print(f"{each.id} {model}: {metrics['test_accuracy']:.2%} of the test images ({preset}){beside}")
        if ship:
            print(shown_path(ship_reference(each, trained)))
    return GRADED


@commands.command()
def data() -> int:
    """Fetch the data sets where there is a network, verifying checksums."""
    from grader.fetching import fetch_data

    fetch_data(print)
    return GRADED


@commands.command()
@click.option("--class", "count", type=click.IntRange(min=2), help="Build a class of so many students instead.")
@click.option("--out", type=click.Path(path_type=Path), help="The class's folder.")
@click.option("--assignment", help="The class's assignment; the first where none is named.")
@click.option("--jobs", type=click.IntRange(min=1), help="Processes at a time; as many as there are cores by default.")
def examples(count: int | None, out: Path | None, assignment: str | None, jobs: int | None) -> int:
    """Build examples/*.zip from the folders beside them, or a class of different submissions with their grades."""
    if count is not None and out is not None:
        from grader.authoring.examples.classes import build_class, summary_line

        notes = Console(stderr=True)
        built = build_class(
            count,
            out,
            chosen_assignments(assignment)[0],
            jobs=jobs,
            on_done=lambda name: notes.print(name, style="dim", highlight=False),
        )
        print(summary_line(built))
        return GRADED
    if count is not None or out is not None:
        raise UsageError("a class needs both its number of students and a folder, e.g. CLASS=40 OUT=class")
    from grader.authoring.examples.submissions import build_examples

    for path in build_examples():
        print(shown_path(path))
    return GRADED


@commands.command()
@click.option("--assignment", help="Only this assignment.")
@click.option("--solutions", type=click.Path(path_type=Path), help="Your own solutions: only they are checked.")
@click.option("--jobs", type=click.IntRange(min=1), help="Processes at a time; as many as there are cores by default.")
@click.option(
    "--forms", type=click.Choice(["first", "all"]), default="first", help="all: also as modules and notebooks."
)
@click.option(
    "--secrets",
    type=click.IntRange(1, 10),
    default=1,
    help="Under how many secrets each case is tried.",
)
@click.option("--only", default="", help="Only this task, module, function, file, known mistake or accepted way.")
@out_option
def validate(
    assignment: str | None, solutions: Path | None, jobs: int | None, forms: str, secrets: int, only: str, out: Path
) -> int:
    """Prove the checks: solutions earn everything, what does no work nothing, every known mistake is caught."""
    from grader.authoring.linting import lint_assignment
    from grader.authoring.validation.cases import FIRST, SourceForm, list_cases
    from grader.authoring.validation.choosing import choose_cases, refuse_unknown
    from grader.authoring.validation.page import render_validation
    from grader.authoring.validation.proving import validate_assignment, validate_folder
    from grader.authoring.validation.table import show_validation

    console = Console()
    sound = True
    chosen = chosen_assignments(assignment)
    if solutions is not None and assignment is None:
        held = {path.stem for path in solutions.glob("*.py")}
        chosen = [each for each in chosen if held & set(each.modules)]
        if not chosen:
            raise UsageError(f"{solutions} holds no module of an assignment")
    if only and solutions is not None:
        raise UsageError("SOLUTIONS= are checked as a whole: leave out ONLY=")
    if only:
        cases = {each.id: list_cases(each) for each in chosen}
        meant = [each for each in chosen if choose_cases(each, cases[each.id], only)]
        chosen = meant or refuse_unknown(chosen, [case for listed in cases.values() for case in listed], only)
    for each in chosen:
        if slips := lint_assignment(each):  # before anything is run: what comes of them would be hard to read
            for slip in slips:
                console.print(str(slip), style="red", soft_wrap=True, markup=False, highlight=False)
            sound = False
            continue
        if solutions is not None:
            findings = [validate_folder(each, solutions)]
        else:
            tried = tuple(SourceForm) if forms == "all" else FIRST
            findings = validate_assignment(each, console, jobs, forms=tried, secrets=secrets, only=only)
            if not only:  # the page is of a whole proof
                print(render_validation(each, findings, out))
        sound &= show_validation(console, each, findings)
    return GRADED if sound else AT_FAULT


commands.add_command(gradescope)
commands.add_command(new)
commands.add_command(release)


def _require_project() -> None:
    """Raise MachineError where the package was copied out of the project's folder, as `pip install .` does."""
    if not (PROJECT / "report_templates").is_dir():
        raise MachineError(
            f"{PROJECT} holds a copy of the grader without its assignments, solutions and templates. Remove it with "
            "`pip uninstall vision-autograder`, then install the grader where it stands: `pip install -e .` in the "
            "project's folder"
        )


def _sayer(console: Console, style: str) -> Callable[[str], None]:
    """What shows a line as it is."""
    return lambda line: console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)


def _build_example(submission: Path) -> None:
    """Build an example's zip when it is asked for and is missing or older than what it is made of."""
    if submission.resolve().parent != PROJECT / "examples":
        return
    from grader.authoring.examples.submissions import build_example, is_outdated

    if is_outdated(submission):
        build_example(submission)


def main() -> None:
    """Run a command and exit with its code."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that knows no "→" must not cost the grade
    try:
        _require_project()
        code = commands.main(standalone_mode=False)
    except click.exceptions.Abort:
        code = 130
    except click.ClickException as error:
        error.show()
        code = WRONG_USAGE
    except GraderError as error:
        print(f"error: {error}", file=sys.stderr)
        code = error.exit_code
    except Exception:  # Python's own exit code for it, 1, would blame the submission
        logging.getLogger(__name__).exception("error: this is a fault of the grader or of the machine")
        code = OURS
    sys.exit(code)
