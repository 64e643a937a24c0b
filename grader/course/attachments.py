"""Takes the attachments of one hand-in in Canvas for one zip, and tells them from another attempt.

Canvas exports the attachments of a student's last hand-in as a file each. A folder may hold two exports: a file that
was handed in again under its old name is `lab-1.zip` then, and attempts differ in that number or in being late. A zip
that holds no module is no attempt of its own, but belongs to the last one that does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from grader.course.hand_in import HandIn
from grader.course.joining import join_zips
from grader.errors import SubmissionRefused, UsageError
from grader.intake.zipgate import read_zip
from grader.rubric import Assignment
from grader.text import clean_name

Opened = tuple[HandIn, Assignment | None]  # the assignment that it holds modules of
Attempts = dict[tuple[bool, int], list[Opened]]  # by lateness and Canvas' number


def join_attachments(opened: Sequence[Opened], recognise: Callable[[HandIn], Assignment | None]) -> list[Opened]:
    """One hand-in for all attachments of an attempt; what Canvas did not name stays as it is.

    Args:
        opened: What there is of one student.
        recognise: Finds the assignment of a hand-in; None where it would be refused.
    """
    attempts: Attempts = {}
    for each in sorted(opened, key=lambda each: each[0].attempt):
        if canvas := each[0].canvas:
            attempts.setdefault((canvas.is_late, canvas.upload), []).append(each)
    _move_pieces(attempts)
    others = [each for each in opened if each[0].canvas is None]
    return others + [each for attempt in attempts.values() for each in _join(attempt, recognise)]


def _move_pieces(attempts: Attempts) -> None:
    """Move zips without a module to the last attempt that has one, but for those that it replaces."""
    for is_late in (False, True):
        whole = [key for key, attempt in attempts.items() if key[0] is is_late and any(rubric for _, rubric in attempt)]
        if not whole:
            continue
        last = attempts[max(whole)]
        named = {canvas.base: canvas.upload for hand_in, _ in last if (canvas := hand_in.canvas)}
        for key in [key for key in attempts if key[0] is is_late and key not in whole]:
            for piece in list(attempts[key]):
                canvas = piece[0].canvas
                if canvas is not None and canvas.upload >= named.get(canvas.base, 0):
                    last.append(piece)
                    attempts[key].remove(piece)
        last.sort(key=lambda each: each[0].attempt)


def _join(attempt: Sequence[Opened], recognise: Callable[[HandIn], Assignment | None]) -> list[Opened]:
    """The attachments of one attempt as one; as they are, where they don't belong together."""
    known = {rubric.id for _, rubric in attempt if rubric}
    if len(attempt) < 2 or len(known) > 1:
        return list(attempt)
    readable, notes = [], []
    for each in attempt:
        try:
            read_zip(each[0].read())
            readable.append(each)
        except (SubmissionRefused, UsageError) as error:
            notes.append(f"{clean_name(each[0].path.name)} is left out: {error}")
    if not readable:
        return list(attempt)
    first, rubric = readable[0]
    if len(readable) == 1:
        return [(_with(first, notes), rubric)]
    one = replace(readable[-1][0], parts=tuple(hand_in.path for hand_in, _ in readable), note=first.note)
    names = " and ".join(clean_name(path.name) for path in one.parts)
    notes.append(f"{names} are attachments of one hand-in, and graded as one zip")
    one = _with(one, [*notes, *join_zips(one.contents())[1]])
    recognised = recognise(one)
    return list(attempt) if known and recognised is None else [(one, recognised)]


def _with(hand_in: HandIn, notes: Sequence[str]) -> HandIn:
    return replace(hand_in, note="; ".join(filter(None, (hand_in.note, *notes))))
