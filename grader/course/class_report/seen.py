"""What the class report keeps of each student's folder: little, so that a large class needs not much memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from grader.course.records import Pair, Row
from grader.figures.thumbnail import Accuracy, Thumbnail
from grader.records import CheckResult, WorthALook
from grader.rubric import Assignment

JOB, PAGE, PDF = "job.pickle", "index.html", "class.pdf"  # in the folder that the process that renders is given


Place = tuple[str, str, int, str]  # of a thumbnail: task, kind, number of the exhibit in the task, part of it


@dataclass(frozen=True)
class Seen:
    """What is to be known of one student's folder. Texts may quote the student, untrusted.

    Attributes:
        faults: Checks of asked tasks that were started and did not pass; without the long texts.
        not_started: Ids of the asked tasks with an untouched TODO or a missing file, in the rubric's order.
        reasons: Why a task was withheld or waits, by its id.
        accuracies: Of the trained networks, with the task that each belongs to.
        pictures: What the kinds of figures show on a class page, by place, each with its name.
        looks: Remarks for the instructor.
        has_page: Whether there is a `report.html` to link to.
        has_pdf: Whether there is a `report.pdf`.
        problem: Why the folder could not be read, a sentence; empty when it was.
    """

    faults: tuple[CheckResult, ...] = ()
    not_started: tuple[str, ...] = ()
    reasons: Mapping[str, str] = field(default_factory=dict)
    accuracies: tuple[tuple[str, Accuracy], ...] = ()
    pictures: Mapping[Place, tuple[str, Thumbnail]] = field(default_factory=dict)
    looks: tuple[WorthALook, ...] = ()
    has_page: bool = False
    has_pdf: bool = False
    problem: str = ""


@dataclass(frozen=True)
class ClassJob:
    """What the process that renders the class report is given.

    Attributes:
        title: Of the class.
        rows: The students, sorted, each once.
        seen: What their folders hold, by student; every student is in it.
        pairs: Submissions that resemble each other.
        rubrics: The assignments by id.
        remarks: Sentences on the class as a whole; they quote names of files, untrusted.
        plain: Why only the plain report is asked for, a clause; empty for the full one.
        has_page: For a plain one, whether the full web page is there.
    """

    title: str
    rows: tuple[Row, ...]
    seen: Mapping[str, Seen]
    pairs: tuple[Pair, ...]
    rubrics: Mapping[str, Assignment]
    remarks: tuple[str, ...] = ()
    plain: str = ""
    has_page: bool = False
