"""A class for the tests of its report: rows and the folders of their students, small and without running anything."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import sample_grade as sample
from sample_exhibits import filter_images

from grader.course.records import Pair, Person, Row
from grader.records import CheckResult, Exhibit, Grade, Outcome, WorthALook
from grader.results import write_looks, write_results

HOSTILE = "<script>alert(1)</script>"
FLATTENED = "cam.reshape_without_transpose"


def row(student: str, **changes: Any) -> Row:
    """One graded student of Miniplaces."""
    fields: dict[str, Any] = dict(
        student=student, person=Person(student=student), sha256=sample.SHA256, assignment="miniplaces", variant="6.869",
        outcome="graded", score=9.0, max_score=15.0, tasks={"1a": 1.0, "2c": 0.75, "3a": 0.0}, waiting=("3d",),
        message="", seconds=12.0, machine="lab",
    )  # fmt: skip
    return Row(**{**fields, **changes})


def fault(mistake: str | None = FLATTENED, **changes: Any) -> CheckResult:
    """A check that did not pass."""
    fields: dict[str, Any] = dict(
        task="3a", name="check_rows_are_places", title="Each row is a place.", outcome=Outcome.FAILED, mistake=mistake,
        help="Move the channels to the end first." if mistake else "",
    )  # fmt: skip
    return CheckResult(**{**fields, **changes})


def exhibits(accuracy: float = 0.91, shade: int = 0) -> tuple[Exhibit, ...]:
    """Filters, a map and an accuracy; students of another `shade` have other pictures than the reference."""
    filters = filter_images(9, colour=False)
    image = np.linspace(0, 255, 48 * 64 * 3).reshape(48, 64, 3).astype(np.uint8)
    right = np.add.outer(np.arange(6.0), np.arange(8.0))[None]
    lines = [{"label": "Your model.pth", "accuracy": accuracy}, {"label": "Reference", "accuracy": 0.92}]
    own = np.roll(filters, shade, axis=0)
    return (
        Exhibit("1a", "filters", "conv1", "", {"student_images": own, "reference_images": filters}),
        Exhibit("3c", "overlays", "cams", "", {"image": image, "student_maps": right * 3 + shade * np.eye(6, 8),
                                               "reference_maps": right}),
        Exhibit("4c", "curves", "accuracy", "", {}, {"series": [], "lines": lines, "threshold": 0.9}),
    )  # fmt: skip


def write_student(
    out: Path,
    student: str,
    checks: Sequence[CheckResult] = (),
    shown: Sequence[Exhibit] = (),
    looks: Sequence[WorthALook] = (),
    **changes: Any,
) -> Grade:
    """Write what grading leaves in a student's folder; reports are stubs."""
    folder = out / student
    folder.mkdir(parents=True)
    grade = sample.grade(student=student, checks=tuple(checks), **changes)
    write_results(folder, grade, shown, sample.run_facts(), "")
    write_looks(folder, looks)
    for name in ("report.html", "report.pdf"):
        (folder / name).write_text("")
    return grade


def write_class(out: Path) -> list[Row]:
    """A class with everything that can happen, and somebody who tries to break its page."""
    names = {"ada": "Ada Lovelace", "bob": "Bob Müller", "dana": "דנה כהן"}
    rows = [row(student, person=Person(student=student, name=name)) for student, name in names.items()]
    look = WorthALook(task="4c", name="odd", sentence=f"Worth a look: {HOSTILE}")
    write_student(out, "ada", [fault(), fault(task="3c", name="check_map")], exhibits())
    write_student(out, "bob", [fault(), fault(None, title=HOSTILE)], exhibits(0.4, shade=2), [look])
    write_student(out, "dana", [], exhibits(0.93))
    write_student(out, "eve", outcome="refused", reason=HOSTILE, tasks=())
    rows[1] = rows[1].model_copy(update={"score": 3.0, "days_late": 2, "seconds": 61.0})
    rows[2] = rows[2].model_copy(update={"score": 15.0, "tasks": {"1a": 1.0, "2c": 1.5, "3a": 1.0}})
    rows += [
        row("eve", outcome="refused", tasks={}, waiting=(), score=0.0, message=HOSTILE),
        row("frank", outcome="missing", assignment="", tasks={}, waiting=(), score=0.0, sha256="", seconds=0.0,
            person=Person(student="frank", name=HOSTILE)),
        row("gil", outcome="failed", tasks={}, waiting=(), score=0.0, message="The grader stopped."),
        row("ada_friend", graded_as="ada", group=("ada", "ada_friend")),
    ]  # fmt: skip
    return rows


def pairs() -> list[Pair]:
    """Two submissions that resemble each other, with hostile evidence."""
    evidence = (("cam.py, lines 1 to 2", f"{HOSTILE}\nx = 1", "y = 1"),)
    return [Pair(kind="code", first="ada", second="bob", share=0.875, sentence="Much is alike.", evidence=evidence)]
