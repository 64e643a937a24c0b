"""Reads the students' folders for the class report, one after the other, and keeps only what its page shows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from grader.course.class_report.seen import Accuracy, Seen
from grader.course.records import GRADED, REFUSED, Row, student_folder
from grader.errors import UsageError
from grader.records import Array, CheckResult, Exhibit, Grade, Outcome, State
from grader.results import read_looks, read_results

QUIET = (Outcome.PASSED, Outcome.SKIPPED, Outcome.INTERNAL)  # nothing that the student did wrong
READ = (GRADED, REFUSED)  # whatever else stands in a folder is of an earlier submission
NO_FOLDER = "This name can't be that of a folder, so that nothing was read."
STALE = "The folder holds the results of another zip: grade the class again."
UNREADABLE = "The folder holds no results that can be read: grade the class again."
FILTERS = 64  # that a thumbnail shows
FILTER_SIDE, SIDE = 16, 192  # most pixels of a filter's side, and of an image's, that a thumbnail is made of
NETWORKS = ("supervised", "rotation")  # of the kind `cam_grid`
UNITS = ("units", "dropped")  # maps of units, which all look alike: no wall


def read_class(rows: Iterable[Row], out: Path) -> dict[str, Seen]:
    """What there is of each student; a folder that stands for several is read once.

    Args:
        rows: The students.
        out: Where their folders are.
    """
    seen: dict[str, Seen] = {}
    read: dict[tuple[Path, str, str], Seen] = {}
    for row in rows:
        key = (student_folder(out, row), row.outcome, row.sha256)
        seen[row.student] = read[key] = read[key] if key in read else read_student(row, out)
    return seen


def read_student(row: Row, out: Path) -> Seen:
    """What the folder of one student holds; whatever can't be read is told in `problem`, never raised."""
    if row.outcome not in READ:
        return Seen()
    folder = student_folder(out, row)
    if folder.name in ("", "..") or folder != out / folder.name:
        return Seen(problem=NO_FOLDER)
    try:
        grade, exhibits, _ = read_results(folder)
        looks = read_looks(folder)
    except UsageError:
        return Seen(problem=UNREADABLE)
    if row.sha256 and grade.submission_sha256 != row.sha256:
        return Seen(problem=STALE)
    return Seen(
        faults=_faults(grade),
        reasons={task.id: task.comment for task in grade.tasks if task.state in (State.WITHHELD, State.MANUAL)},
        accuracies=tuple(one for exhibit in exhibits if (one := _accuracy(exhibit)) is not None),
        pictures=tuple(small for exhibit in exhibits for small in _small(exhibit)),
        looks=looks,
        has_page=(folder / "report.html").is_file(),
        has_pdf=(folder / "report.pdf").is_file(),
    )


def _faults(grade: Grade) -> tuple[CheckResult, ...]:
    unasked = {task.id for task in grade.tasks if task.state is State.UNASKED or task.bonus}  # nobody has to do these
    wrong = [check for check in grade.checks if check.outcome not in QUIET and check.task not in unasked]
    return tuple(check.model_copy(update={"called": "", "expected": "", "got": "", "message": ""}) for check in wrong)


def _accuracy(exhibit: Exhibit) -> Accuracy | None:
    """What the lines of a figure of training curves say; None where there is no line of the student's."""
    if exhibit.kind != "curves":
        return None
    lines: list[Mapping[str, Any]] = list(exhibit.facts.get("lines") or ())
    known = [(line.get("label"), value) for line in lines if (value := _fraction(line.get("accuracy"))) is not None]
    own = next((value for label, value in known if label != "Reference"), None)
    reference = next((value for label, value in known if label == "Reference"), None)
    if own is None:
        return None
    return Accuracy(exhibit.task, own, reference, _fraction(exhibit.facts.get("threshold")))


def _fraction(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number and 0 <= float(value) <= 1 else None  # type: ignore[arg-type]


def _small(exhibit: Exhibit) -> list[Exhibit]:
    """The exhibit with just so much of its arrays as a thumbnail needs; nothing of other kinds.

    The maps of several networks become an exhibit each: each has a wall of its own.
    """
    if exhibit.kind == "filters":
        sides = ("student_images", "reference_images")
        return [_with(exhibit, {name: _few(exhibit, name, FILTERS, FILTER_SIDE) for name in sides})]
    if exhibit.kind == "overlays" and exhibit.name not in UNITS:
        arrays = {name: _few(exhibit, name, 1, SIDE) for name in ("student_maps", "reference_maps")}
        return [_with(exhibit, {"image": _thin(exhibit.arrays.get("image"), SIDE), **arrays})]
    if exhibit.kind == "cam_grid":
        return [_of_network(exhibit, network) for network in NETWORKS]
    return []


def _of_network(exhibit: Exhibit, network: str) -> Exhibit:
    images = _few(exhibit, "images", 1, SIDE)
    arrays = {f"{owner}_maps": _few(exhibit, f"{owner}_{network}", 1, SIDE) for owner in ("student", "reference")}
    return replace(_with(exhibit, {"image": None if images is None else images[0], **arrays}), name=network)


def _few(exhibit: Exhibit, name: str, most: int, side: int) -> Array | None:
    """The first few of a stack of images, each thinned out; None where there is no stack."""
    stack = exhibit.arrays.get(name)
    if stack is None or stack.ndim not in (3, 4) or 0 in stack.shape:
        return None
    return np.stack([thin for one in stack[:most] if (thin := _thin(one, side)) is not None])


def _thin(image: Array | None, side: int) -> Array | None:
    """An image (H, W) or (H, W, 3) of which rows and columns are left out until neither is longer than `side`."""
    if image is None or image.ndim not in (2, 3) or 0 in image.shape:
        return None
    step = -(-max(image.shape[:2]) // side)
    return image[::step, ::step].copy()  # a copy, so that the whole one can go


def _with(exhibit: Exhibit, arrays: Mapping[str, Array | None]) -> Exhibit:
    kept = {name: array for name, array in arrays.items() if array is not None}
    return Exhibit(exhibit.task, exhibit.kind, exhibit.name, "", kept)
