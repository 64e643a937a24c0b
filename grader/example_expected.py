"""The grade that a made-up submission is to get, found out without the sandbox and without the zip reader.

The checks run in this process, on the files that went into the zip, with the seed that the zip's digest gives them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from grader.checks.context import Context
from grader.class_records import Person
from grader.importing import Siblings
from grader.intake import student_name
from grader.records import CheckResult, Grade, Submission
from grader.rubric import PROJECT, get_assignment
from grader.runner import run_checks
from grader.sandbox.student import Implementation
from grader.sandbox.transport import LocalTransport
from grader.scoring import grade_submission
from grader.solutions import implementation, load_mistakes


@dataclass(frozen=True)
class Work:
    """What one student of an example class handed in; it travels to another process.

    Attributes:
        assignment: Id of the assignment.
        person: Who, under which variant, and when.
        files: Contents by path below the zip's root.
        sha256: Digest of the zip, hex: what the checks' random inputs derive from.
        mistakes: Ids of the known mistakes that were put in.
        tasks: Ids of the tasks to check; None checks all.
        project: The project's folder.
    """

    assignment: str
    person: Person
    files: Mapping[str, bytes]
    sha256: str
    mistakes: tuple[str, ...] = ()
    tasks: tuple[str, ...] | None = None
    project: Path = PROJECT


def expect_grade(work: Work) -> Grade:
    """The grade of work of ours; never of a student's, whose code would run here without walls."""
    assignment = get_assignment(work.assignment, work.project)
    student, moment = student_name(Path(f"{work.person.student}.zip")), work.person.submitted_at
    submission = Submission(student, assignment.id, work.sha256, work.files, submitted_at=moment)
    return grade_submission(submission, assignment, _run(work), work.person.variant)


def _run(work: Work) -> tuple[CheckResult, ...]:
    assignment = get_assignment(work.assignment, work.project)
    with tempfile.TemporaryDirectory(prefix="example-") as scratch:
        modules = _Modules(Path(scratch), assignment.modules, work.files)
        context = Context(
            assignment=assignment,
            student=Implementation(assignment.modules, LocalTransport(modules, work.files), work.files),
            oracle=implementation(assignment.id, project=work.project),
            mistakes=load_mistakes(assignment.id, work.project),
            implement=lambda variation: implementation(assignment.id, variation, work.project),
            seed=work.sha256,
            begin_task=lambda _last: modules.renew(),
        )
        run_checks(context, work.tasks)
    return tuple(context.results)


class _Modules(Mapping[str, ModuleType]):
    """The modules of a submission, each imported when it is asked for; what it raises then comes through.

    Args:
        folder: Where they may be written.
        names: Those that can be asked for.
        files: The submission's files.
    """

    def __init__(self, folder: Path, names: tuple[str, ...], files: Mapping[str, bytes]) -> None:
        for path, data in files.items():
            if path.endswith(".py") and "/" not in path:
                (folder / path).write_bytes(data)
        self._folder, self._names = folder, [name for name in names if f"{name}.py" in files]
        self.renew()

    def renew(self) -> None:
        """Import them anew, as each task does in the sandbox."""
        self._siblings = Siblings(self._folder)

    def __getitem__(self, name: str) -> ModuleType:
        if name not in self._names:
            raise KeyError(name)
        return self._siblings.load(name)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
