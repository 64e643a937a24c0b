"""Every exception the grader raises on purpose.

GraderError
├── UsageError              the command was used wrongly                        exit 2
│   ├── UnknownVariant      the assignment has no such variant
│   └── MarksRefused        a form of manual scores can't be merged
├── SubmissionRefused       the zip is at fault as a whole                      exit 1
├── MachineError            the grader's or the machine's fault                 exit 3
│   ├── DataMissing         a data set or a model is not on this machine
│   ├── SandboxUnavailable  no wall of the required strength can be built
│   └── AssignmentInvalid   assignment.toml does not describe an assignment
└── CheckStopped            a check ended in another way than passing
    ├── Failure             an expectation was not met                          "failed"
    │   └── Malformed       an answer has another form than what is asked for   "failed"
    ├── StudentRaised       the student's code raised                           "error"
    ├── StudentTimeout      a limit of time was reached                         "timeout"
    ├── StudentCrashed      the student's process died or broke the protocol    "crashed"
    ├── Missing             no such module, function or file                    "missing"
    └── Skipped             a check that this one stands on did not pass        "skipped"

Only `grader.cli.main` turns them into exit codes; only `grader.checking.running` turns a `CheckStopped` into a result.
"""

from __future__ import annotations


class GraderError(Exception):
    """Root of the tree; `exit_code` is what `python -m grader` ends with."""

    exit_code = 3


class UsageError(GraderError):
    """The command line, a path or an option makes no sense."""

    exit_code = 2


class UnknownVariant(UsageError):
    """The assignment has no variant of that name."""


class MarksRefused(UsageError):
    """A person's form of manual scores can't be merged; the text names file and line, and the file is left alone."""


class SubmissionRefused(GraderError):
    """The submission as a whole can't be graded; the text is one sentence for the student."""

    exit_code = 1


class MachineError(GraderError):
    """Something on our side is missing or broken; never the student's fault."""


class TookTooLong(MachineError):
    """Work of ours was not done by its deadline, and was ended."""


class DataMissing(MachineError):
    """A data set or model file is not on this machine; the text says how to get it."""


class SandboxUnavailable(MachineError):
    """No sandbox of the required strength works here."""


class AssignmentInvalid(MachineError):
    """An `assignment.toml` can't be read as a rubric."""


class CheckStopped(GraderError):
    """A check ended in another way than passing.

    Args:
        message: What happened, in a sentence for the student.
        called: The call that was made, shapes instead of contents.
        expected: What would have been right.
        got: What came back.
        help: What to do about it.
        mistake: Id of the known mistake, where the check recognized it by itself.
    """

    outcome = "failed"

    def __init__(
        self,
        message: str,
        *,
        called: str = "",
        expected: str = "",
        got: str = "",
        help: str = "",
        mistake: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.called = called
        self.expected = expected
        self.got = got
        self.help = help
        self.mistake = mistake


class Failure(CheckStopped):
    """An expectation was not met."""


class Malformed(Failure):
    """An answer is not of the form that is asked for: no numbers, of another shape, or not finite.

    What a check advises where its expectation is not met does not apply.
    """


class StudentRaised(CheckStopped):
    """The student's code raised an exception.

    Attributes:
        kind: Type of the exception.
        text: Its own message.
        library: The library function that raised it, e.g. "torch/nn/functional.py: linear"; empty where a line of the
            student's own did.
        not_started: Whether it is an untouched TODO.
    """

    outcome = "error"

    def __init__(
        self, message: str, *, kind: str = "", text: str = "", library: str = "", not_started: bool = False,
        **anatomy: str,
    ) -> None:  # fmt: skip
        super().__init__(message, **anatomy)
        self.kind = kind
        self.text = text
        self.library = library
        self.not_started = not_started


class StudentTimeout(CheckStopped):
    """A call, an import or the modules that it uses have used up their seconds."""

    outcome = "timeout"


class StudentCrashed(CheckStopped):
    """The student's process died, or what it sent is not what was asked for."""

    outcome = "crashed"


class Missing(CheckStopped):
    """The submission has no such module, function, constant or file."""

    outcome = "missing"


class Skipped(CheckStopped):
    """A check that this one stands on did not pass."""

    outcome = "skipped"
