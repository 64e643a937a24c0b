"""What is worth a look: collected beside the checks for the instructor, told to no student, worth no point.

An instructor decides what a remark means; most have honest causes. So nothing here may change how a check ends: what a
question to the student's process ends in, and what goes wrong in our own arithmetic, becomes a remark.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable

from grader.errors import CheckStopped, GraderError
from grader.records import WorthALook

LOG = logging.getLogger(__name__)


class IntegrityFlags:
    """Takes remarks on one task.

    Args:
        task: Its id.
        into: Where they are kept.
        is_asking: Whether questions are put; not where many implementations of ours are tried.
    """

    def __init__(self, task: str, into: list[WorthALook], *, is_asking: bool = True) -> None:
        self._task = task
        self._into = into
        self._is_asking = is_asking

    def note(self, name: str, sentence: str, **numbers: float) -> None:
        """Keep a remark.

        Args:
            name: What kind of remark.
            sentence: For the instructor.
            numbers: What it rests on; what is not finite is left out.
        """
        finite = {key: float(value) for key, value in numbers.items() if math.isfinite(value)}
        self._into.append(WorthALook(task=self._task, name=name, sentence=sentence, numbers=finite))

    def ask(self, question: Callable[[], None]) -> None:
        """Put a question that may end in remarks; however it ends, the check goes on.

        Raises:
            MachineError: If something of this machine is missing.
        """
        if not self._is_asking:
            return
        try:
            question()
        except CheckStopped as stopped:
            message = f"The network answered the test images, but not what was asked after them. {stopped.message}"
            self.note("no_answer", message)
        except GraderError:
            raise
        except Exception as error:  # a fault of ours must not cost points either; it is told to us
            LOG.exception("a question of %s could not be put", self._task)
            self.note("not_asked", f"A question could not be put, for a fault of the grader: {type(error).__name__}.")
