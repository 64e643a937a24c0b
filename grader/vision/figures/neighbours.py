"""Test images and the ten training images that a network holds for the most similar; same-class ones are framed."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grader.figures import style
from grader.figures.picture import FigureError, Picture
from grader.figures.sheet import NOTICE_MM, Sheet, dots
from grader.figures.sides import PREFIXES, Side, class_name, images_of, numbers_of, sides_of
from grader.figures.style import REFERENCE, Owner
from grader.records import Array, Exhibit

DPI = 300  # so that three dots for each pixel of CIFAR-10 make the largest images of which two rows of five fit
MOST_QUERIES, MOST = 5, 10
SIDE, BETWEEN, FRAME = 96, 14, 4  # dots
NAMES, STRIP, COUNT = dots(19, DPI), dots(6.5, DPI), dots(14, DPI)
HEAD, LINE, APART = dots(4.6, DPI), dots(3.4, DPI), dots(2.1, DPI)
KEY = "Framed: the same class."


@dataclass(frozen=True)
class FoundImages:
    """One owner's neighbors: images (Q, k, H, W, 3) uint8, and their classes (Q, k)."""

    images: Array
    labels: Array

    def same(self, queries: Array) -> Array:
        """Which are of their query's class, (Q, k) bool; `queries` are classes, (Q,)."""
        is_same: Array = self.labels == queries[:, None]
        return is_same


def draw(exhibit: Exhibit) -> Picture:
    """Draw `queries` (Q, H, W, 3) uint8, `query_labels` (Q,), and of both owners `images` and `labels` (Q, k).

    Facts: `classes`, names; `share`, {"student", "reference"}: of same-class neighbors; `queries`, of how many test
    images; `bank`, the number of images searched; `problem`.

    Raises:
        FigureError: If the queries or all neighbors are missing.
    """
    queries = images_of(exhibit.arrays, "queries", MOST_QUERIES)
    labels = numbers_of(exhibit.arrays, "query_labels", (len(queries),), "the classes of the test images")
    sides = sides_of(exhibit, lambda prefix: _found(exhibit, prefix, len(queries)))
    shown = [(side.owner, side.data) for side in sides if side.data]
    problem = next((side.problem for side in sides if side.problem), "")
    classes = list(exhibit.facts.get("classes", ()))
    notes = textwrap.wrap(f"{KEY} {_shares(exhibit, sides)}".strip(), 112, max_lines=3, placeholder=" …")
    tall = len(shown) * (SIDE + BETWEEN) - BETWEEN  # of a test image, which is as high as its rows of neighbors
    left = NAMES + tall + STRIP
    width = left + max(found.labels.shape[1] for _, found in shown) * (SIDE + BETWEEN) + COUNT
    height = HEAD + len(queries) * (tall + APART) + len(notes) * LINE
    sheet = Sheet(width, height + (dots(NOTICE_MM, DPI) if problem else 0), DPI)
    start = sheet.notice(problem)
    _write_heads(sheet, start, NAMES + tall, left, width)
    for i, query in enumerate(queries):
        top = start + HEAD + i * (tall + APART)
        sheet.paste(query, NAMES, top, tall)
        _write_class(sheet, class_name(classes, labels[i]), top + tall / 2)
        for j, (owner, found) in enumerate(shown):
            row = top + j * (SIDE + BETWEEN)
            if len(sides) > 1:
                _write_owner(sheet, owner, left, row)
            _draw_row(sheet, found.images[i], found.same(labels)[i], left, row, width)
    for i, note in enumerate(notes):
        sheet.write(note, 0, start + HEAD + len(queries) * (tall + APART) + i * LINE, color=style.MUTED)
    return sheet.finish(_alt(exhibit, sides, labels, classes), exhibit.caption)


def _found(exhibit: Exhibit, prefix: str, queries: int) -> FoundImages:
    images = np.asarray(exhibit.arrays.get(f"{prefix}images", ()))
    if images.ndim != 5 or len(images) < queries or images.shape[-1] != 3 or 0 in images.shape:
        raise FigureError("the neighbors are missing or not as many as test images")
    images = images[:queries, :MOST]
    flat = images_of({"images": images.reshape(-1, *images.shape[2:])}, "images", queries * MOST)
    labels = numbers_of(exhibit.arrays, f"{prefix}labels", images.shape[:2], "the classes of the neighbours")
    return FoundImages(flat.reshape(images.shape), labels)


def _write_heads(sheet: Sheet, top: int, query_end: int, left: int, width: int) -> None:
    looks = {"fontsize": 7.5, "fontweight": "bold"}
    sheet.write("Test image", query_end, top, ha="right", **looks)
    sheet.write("Nearest training images, the nearest first", left, top, **looks)
    sheet.write("Same class", width, top, ha="right", **looks)


def _write_class(sheet: Sheet, name: str, middle: float) -> None:
    room = sheet.millimetres(NAMES) - 2
    sheet.write(style.fit(name, room, 7.5, "bold"), NAMES - sheet.dots(1.6), middle, ha="right", va="center",
                fontsize=7.5, fontweight="bold")  # fmt: skip


def _write_owner(sheet: Sheet, owner: Owner, left: int, top: int) -> None:
    name = "Ref." if owner is REFERENCE else owner.name  # the whole word is longer than a row is high
    sheet.write(name, left - sheet.dots(1.5), top + SIDE / 2, color=owner.text, fontweight="bold", rotation=90,
                ha="right", va="center")  # fmt: skip


def _draw_row(sheet: Sheet, images: Array, same: Array, left: int, top: int, width: int) -> None:
    for i, (image, marked) in enumerate(zip(images, same, strict=True)):
        x = left + i * (SIDE + BETWEEN)
        if marked:  # by a frame, which a gray print keeps
            sheet.frame(x, top, SIDE, style.INK, FRAME, 1)
        sheet.paste(image, x, top, SIDE)
    sheet.write(f"{int(same.sum())} of {len(same)}", width, top + SIDE / 2, ha="right", va="center", fontsize=7.5)


def _shares(exhibit: Exhibit, sides: Sequence[Side[FoundImages]]) -> str:
    """The share of same-class neighbors over many test images, in a sentence; empty when it is not known."""
    share = exhibit.facts.get("share") or {}
    known = [(side.owner.name.lower(), share.get(PREFIXES[side.owner.name].rstrip("_"))) for side in sides]
    words = [f"{name} {style.percent(float(value))}" for name, value in known if value is not None]
    bank = exhibit.facts.get("bank")
    queries = (
        f"Of {int(exhibit.facts['queries']):,} test images" if "queries" in exhibit.facts else "Of the test images"
    )
    among = f", among {int(bank):,} training images" if bank else ""
    return f"{queries}{among}: {', '.join(words)}." if words else ""


def _alt(exhibit: Exhibit, sides: Sequence[Side[FoundImages]], labels: Array, classes: Sequence[object]) -> str:
    parts = [f"{len(labels)} test images with their nearest training images."]
    for side in sides:
        if side.data is None:
            parts.append(f"{side.owner.name}: {side.problem}")
            continue
        counts = side.data.same(labels).sum(axis=1)
        listed = "; ".join(f"{class_name(classes, label)} {_told(side.data.labels[i], int(counts[i]), label, classes)}"
                           for i, label in enumerate(labels))  # fmt: skip
        parts.append(f"{side.owner.name}, of the same class: {listed}.")
    shares = _shares(exhibit, sides)
    return " ".join([*parts, *([f"Share of the same class: {shares[:1].lower()}{shares[1:]}"] if shares else [])])


def _told(found: Array, same: int, label: float, classes: Sequence[object]) -> str:
    names = [class_name(classes, each) for each in found if each != label]
    others = {name: names.count(name) for name in dict.fromkeys(names)}
    most = max(others, key=lambda name: others[name], default="")
    return f"{same} of {len(found)}" + (f" (most others: {most})" if most else "")
