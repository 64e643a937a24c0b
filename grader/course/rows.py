"""Makes the rows of a class: of what was graded, of what could not be, and of those who handed nothing in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set

from grader.course.groups import unshared
from grader.course.hand_in import HandIn
from grader.course.job import Graded
from grader.course.records import FAILED, MISSING, REFUSED, UNREAD, Person, Row
from grader.course.unread import Unread
from grader.records import Grade, State
from grader.terminal import total_line

NOTHING = "Nothing was handed in."


def graded_row(hand_in: HandIn, result: Graded) -> Row:
    """The row of a submission that was graded or refused."""
    grade = result.grade
    assert grade is not None
    group = hand_in.group or grade.group
    told = grade.reason if grade.outcome == REFUSED else total_line(grade).removeprefix(f"{grade.student}: ")
    remarks = tuple(filter(None, (result.message, unshared(group, grade.assignment), hand_in.note)))
    return Row(
        student=hand_in.person.student,
        person=hand_in.person,
        group=group,
        is_listed=bool(hand_in.group),
        archive=hand_in.names,
        submitted_at=hand_in.submitted_at,
        sha256=grade.submission_sha256,
        assignment=grade.assignment,
        variant=grade.variant,
        outcome=grade.outcome,
        score=grade.score,
        max_score=grade.max_score,
        days_late=grade.days_late,
        tasks={task.id: task.score for task in grade.tasks if task.state is State.SCORED},
        withheld=_in_state(grade, State.WITHHELD),
        waiting=_in_state(grade, State.MANUAL),
        message="; ".join((told, *remarks)),
        remarks=remarks,
        seconds=round(result.seconds, 1),
        machine=result.machine,
    )


def _in_state(grade: Grade, state: State) -> tuple[str, ...]:
    return tuple(task.id for task in grade.tasks if task.state is state)


def failed_row(hand_in: HandIn, machine: str, why: str) -> Row:
    """The row of a submission that our side could not grade: nothing is lost, it is tried again in the next run."""
    return Row(
        student=hand_in.person.student,
        person=hand_in.person,
        group=hand_in.group,
        is_listed=bool(hand_in.group),
        archive=hand_in.names,
        submitted_at=hand_in.submitted_at,
        outcome=FAILED,
        message=f"Not graded, through no fault of the student's: {why}",
        machine=machine,
    )


def unread_rows(there: Set[str], unread: Iterable[Unread]) -> Iterator[Row]:
    """A row for each who is in no other, but whose file or folder lies there and was not read."""
    lying: dict[str, tuple[Person, list[str]]] = {}
    for each in unread:
        for person in each.people:
            if person.student not in there:
                lying.setdefault(person.student, (person, []))[1].append(each.sentence)
    for student, (person, sentences) in lying.items():
        yield Row(student=student, person=person, outcome=UNREAD, message="; ".join(sentences))


def missing_rows(there: Set[str], roster: Mapping[str, Person], claims: Mapping[str, str]) -> Iterator[Row]:
    """A row for each of the roster that nothing is known of, but what others claim: who names them, by student."""
    for student, person in roster.items():
        if student not in there:
            named = f" The group.txt of {claims[student]} names this student." if student in claims else ""
            yield Row(student=student, person=person, outcome=MISSING, message=NOTHING + named)
