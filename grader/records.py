"""What the six steps hand to each other: plain, frozen data (step 6 writes it down).

Nothing here computes a grade; `results.py` turns a `Grade` into `results.json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from numpy.typing import NDArray

from grader.frozen_record import Record
from grader.rubric import Assignment

Array = NDArray[Any]


class Outcome(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    TIMEOUT = "timeout"
    CRASHED = "crashed"
    MISSING = "missing"
    SKIPPED = "skipped"
    INTERNAL = "internal"


NOT_STARTED = "Not started:"  # how the message on an untouched TODO begins


class State(StrEnum):
    """What a task's score stands for."""

    SCORED = "scored"
    WITHHELD = "withheld"  # a check could not be run for a reason of ours: no points lost
    MANUAL = "manual"  # waits for a person
    UNASKED = "unasked"  # this variant does not ask for it


@dataclass(frozen=True)
class Submission:
    """One handed-in zip, opened (step 1). File names are POSIX paths below the submission's root.

    Attributes:
        student: Safe name made of the zip's file name.
        assignment: Which it is for.
        sha256: Digest of the zip's bytes, hex.
        files: Contents by path.
        notes: Sentences about what was ignored or taken; shown in the report.
        first: Those of `notes` that are shown before anything else, because they change what the rest means.
        absent: What to say where something is missed: by `file`, which other may be meant; by `module.name`, and by
            `name` alone for what functions need, where it stands.
        submitted_at: When it was handed in, with a time zone; None counts as on time.
        group: Names of all who handed it in together, as `group.txt` has them.
        answers: The student's written answers by task id.
    """

    student: str
    assignment: Assignment
    sha256: str
    files: Mapping[str, bytes]
    notes: tuple[str, ...] = ()
    submitted_at: datetime | None = None
    group: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    absent: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)


class CheckResult(Record):
    """How one check ended (step 2). Text fields may quote the student and are untrusted.

    Attributes:
        task: Id of the task the check belongs to.
        name: The check's function name, its id.
        title: The check's docstring, the sentence the student reads.
        weight: Share of the task's points, relative to the task's other checks.
        outcome: How it ended.
        mistake: Id of the known mistake that the student's answers match, or None.
        mistakes: All known mistakes that they match, where they can't be told apart; `mistake` is the first.
        message: What happened; of a passed check, what is to be told beside it, mostly nothing.
        called: The call that was made.
        expected: What would have been right.
        got: What came back.
        help: What to do about it: the known mistake's sentence, or the check's own.
        seconds: Wall time.
    """

    task: str
    name: str
    title: str
    weight: float = 1.0
    outcome: Outcome
    mistake: str | None = None
    mistakes: tuple[str, ...] = ()
    message: str = ""
    called: str = ""
    expected: str = ""
    got: str = ""
    help: str = ""
    seconds: float = 0.0

    @property
    def is_not_started(self) -> bool:
        """Whether the student has not begun: the TODO of the handout is in place, or the file is not in the zip."""
        return self.outcome is Outcome.MISSING or self.message.startswith(NOT_STARTED)


@dataclass(frozen=True)
class Exhibit:
    """What one figure is drawn from (steps 2 to 4).

    Attributes:
        task: Id of the task in whose section the figure stands.
        kind: Name of the module that draws it: the assignment's own, or the library's.
        name: Unique within the task, e.g. "conv1".
        caption: One sentence below the figure.
        arrays: What to draw, by name; names that start with `student_` or `reference_` say whose it is.
        facts: Scalars and labels the figure needs (class names, accuracies, an epoch); JSON values.
    """

    task: str
    kind: str
    name: str
    caption: str
    arrays: Mapping[str, Array] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Prefix of this exhibit's arrays in `arrays.safetensors`."""
        return f"{self.task}/{self.kind}/{self.name}"


PRACTICE = "none: practice only"  # the sandbox of a run without one


class RunFacts(Record):
    """What a run of the checks (step 2) says about itself, for provenance."""

    sandbox: str
    seconds: dict[str, float] = {}
    versions: dict[str, str] = {}
    datasets: dict[str, str] = {}
    reference: dict[str, Any] = {}


class WorthALook(Record):
    """A remark for the instructor about a network or a zip (step 2); it costs nothing and reaches no student.

    It is kept out of `Grade`, from which everything is made that a student gets.

    Attributes:
        task: Id of the task it is about.
        name: What kind of remark.
        sentence: What is odd; may quote the student, untrusted.
        numbers: What it rests on.
    """

    task: str
    name: str
    sentence: str
    numbers: dict[str, float] = {}


@dataclass(frozen=True)
class Run:
    """Everything step 2 found out."""

    checks: tuple[CheckResult, ...]
    exhibits: tuple[Exhibit, ...]
    facts: RunFacts
    looks: tuple[WorthALook, ...] = ()


class TaskGrade(Record):
    """One task's line of the grade.

    `score` is 0 unless `state` is scored; `max_score` is 0 for tasks the variant does not ask for.
    """

    id: str
    title: str
    score: float
    max_score: float
    state: State
    bonus: bool = False
    module: str = ""
    comment: str = ""
    by_person: bool = False  # a person gave the score


class LedgerLine(Record):
    """One line of the sum that makes the total; the lines add up to the score exactly."""

    label: str
    points: float


class Grade(Record):
    """The grade of one submission (step 3)."""

    student: str
    assignment: str
    variant: str
    submission_sha256: str
    outcome: str  # "graded" or "refused"
    score: float
    max_score: float
    days_late: int = 0
    is_time_known: bool = True  # when it was handed in; otherwise it counts as on time
    tasks: tuple[TaskGrade, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    ledger: tuple[LedgerLine, ...] = ()
    answers: dict[str, str] = {}  # the student's written answers by task id
    notes: tuple[str, ...] = ()
    first: tuple[str, ...] = ()  # those of the notes that are shown before anything else
    group: tuple[str, ...] = ()  # names of all who handed it in together
    reason: str = ""  # why it was refused
