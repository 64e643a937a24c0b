"""The turned images on which a network's loss is lowest, and those on which it is highest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from grader.figures import style
from grader.figures.picture import FigureError, Picture
from grader.figures.sheet import NOTICE_MM, Sheet, dots
from grader.figures.sides import Side, images_of, numbers_of, sides_of
from grader.figures.style import Owner
from grader.records import Array, Exhibit

MOST = 8  # images a row
SIDE = 128  # dots: four for each pixel of CIFAR-10
STRIP, HEAD, LINE, GAP, FOOT = dots(5.5), dots(5.2), dots(3.2), dots(1.9), dots(3.8)
WIDTH = dots(style.TEXT_WIDTH_MM)
WORDS_MM = 17.5  # room for what stands below an image; it is a little wider than the image
PARTS = (("lowest", "Lowest loss"), ("highest", "Highest loss"))
ARROWS = "↑←↓→"  # where an image's own top is after so many quarter turns counter-clockwise
WORDS = ("upright", "a quarter turn left", "a half turn", "a quarter turn right")
KEY = "Arrows point to where the image's own top is: “is” the true turn, “said” the network's answer (bold: wrong)."


@dataclass(frozen=True)
class Extreme:
    """One image as the network saw it, and what it made of it."""

    image: Array
    loss: float
    turn: int
    said: int


Row = list[Extreme]


def draw(exhibit: Exhibit) -> Picture:
    """Draw `student_` and `reference_` `lowest_images`, `..._losses`, `..._turns`, `..._predicted`, and `highest_...`.

    Images are (k, H, W, 3) uint8, the rest (k,); turns count quarter turns counter-clockwise. The student's may be
    missing; the fact `problem` says why.

    Raises:
        FigureError: If there is nothing to show.
    """
    sides = sides_of(exhibit, lambda prefix: {part: _row(exhibit, f"{prefix}{part}") for part, _ in PARTS})
    shown = [(side.owner, side.data) for side in sides if side.data]
    problem = next((side.problem for side in sides if side.problem), "")
    row = SIDE + 2 * LINE + GAP
    block = HEAD + len(shown) * row + GAP // 2
    sheet = Sheet(WIDTH, len(PARTS) * block + FOOT + (dots(NOTICE_MM) if problem else 0))
    start = sheet.notice(problem)
    for i, (part, title) in enumerate(PARTS):
        top = start + i * block
        sheet.write(title, 0, top, fontsize=8.5, fontweight="bold")
        for j, (owner, rows) in enumerate(shown):
            _draw_row(sheet, owner, rows[part], top + HEAD + j * row)
    sheet.write(KEY, 0, start + len(PARTS) * block, color=style.MUTED)
    return sheet.finish(_alt(sides), exhibit.caption)


def _row(exhibit: Exhibit, prefix: str) -> Row:
    images = images_of(exhibit.arrays, f"{prefix}_images", MOST)
    shape = (len(images),)
    losses, turns, said = (
        numbers_of(exhibit.arrays, f"{prefix}_{name}", shape, f"the {words}")
        for name, words in (("losses", "losses"), ("turns", "turns"), ("predicted", "predicted turns"))
    )
    if not all(turn in range(4) for turn in turns):
        raise FigureError("a turn is none of the four")
    return [Extreme(images[i], float(losses[i]), int(turns[i]), int(said[i])) for i in range(len(images))]


def _draw_row(sheet: Sheet, owner: Owner, row: Row, top: int) -> None:
    """One owner's images."""
    sheet.write(owner.name, STRIP - dots(2), top + SIDE / 2, color=owner.text, fontweight="bold", fontsize=7.5,
                rotation=90, ha="right", va="center")  # fmt: skip
    pitch = (WIDTH - STRIP - dots(WORDS_MM)) / (MOST - 1)
    for i, one in enumerate(row):
        left = STRIP + round(i * pitch)
        sheet.paste(one.image, left, top, SIDE)
        wrong = one.said != one.turn
        below = top + SIDE + dots(0.9)
        sheet.write(f"is {ARROWS[one.turn]}", left, below)
        sheet.write(f"said {_arrow(one.said)}", left + dots(6.2), below, fontweight="bold" if wrong else "regular")
        sheet.write(f"loss {loss_text(one.loss)}", left, below + LINE, color=style.MUTED)


def _arrow(turn: int) -> str:
    return ARROWS[turn] if 0 <= turn < len(ARROWS) else "?"


def loss_text(loss: float) -> str:
    """A loss as a reader writes it; a tiny one does not become nothing."""
    if 0 < loss < 0.0005:
        return "< 0.001"
    return f"{loss:.2e}" if abs(loss) >= 1000 else f"{loss:.3f}" if abs(loss) < 1 else f"{loss:.2f}"


def _alt(sides: Sequence[Side[dict[str, Row]]]) -> str:
    parts = ["Turned images with the lowest and the highest loss."]
    for side in sides:
        if side.data is None:
            parts.append(f"{side.owner.name}: {side.problem}")
            continue
        for part, title in PARTS:
            row = side.data[part]
            wrong = sum(one.said != one.turn for one in row)
            losses = sorted(one.loss for one in row)
            turns = ", ".join(f"{sum(one.turn == turn for one in row)} {word}" for turn, word in enumerate(WORDS)
                              if any(one.turn == turn for one in row))  # fmt: skip
            span = f"{loss_text(losses[0])} to {loss_text(losses[-1])}" if math.isfinite(losses[-1]) else "unknown"
            parts.append(f"{side.owner.name}, {title.lower()}: {len(row)} images ({turns}), losses from {span}, "
                         f"{wrong} taken for another turn.")  # fmt: skip
    return " ".join(parts)
