"""Checks of task 4d: the comparison of training techniques in `experiments.json`."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from grader.author import Failure, Implementation, IntegrityFlags, LayOut, check, expect, parse_json
from grader.vision.accuracies import UNITS, as_fractions
from grader.vision.claimed_accuracy import note_claim

FILE = "experiments.json"
NEXT = f"Write your training runs into {FILE} in the form that the handout shows in 4d, and put it beside fashion.py."
ACCURACIES = ("train_accuracy", "val_accuracy")
KEYS = ("technique", "setting", *ACCURACIES)
MOST_BYTES = 256 << 10
MODEL = "model.pth"
GUESSING = 0.15  # an accuracy below it is hardly better than guessing, 0.1
FAR_APART = 0.05  # of a claimed accuracy above the measured one: worth a remark


@check("4d")
def check_entries(student: Implementation, exhibit: LayOut, measured: dict[str, float], looks: IntegrityFlags) -> None:
    """experiments.json is a list of runs, each with technique, setting and two accuracies, fractions or percent."""
    runs = _read(student)
    claimed = [each for place, run in enumerate(runs) for each in _accuracies_of(place, run)]
    fractions = as_fractions(claimed, "fashion.experiments_in_two_units")
    accuracies = [
        dict(zip(ACCURACIES, pair, strict=True)) for pair in zip(fractions[::2], fractions[1::2], strict=True)
    ]
    shown = [
        {**{key: str(run[key])[:80] for key in KEYS[:2]}, **pair} for run, pair in zip(runs, accuracies, strict=True)
    ]
    caption = "Accuracy on training and on validation images for each setting, as you report them."
    exhibit("techniques", "techniques", caption, facts={"experiments": shown[:40]})
    if (accuracy := measured.get("fashion_accuracy")) is not None:  # runs may be short ones: only too much is odd
        best = max(fractions[1::2])
        looks.ask(lambda: note_claim(looks, FILE, best, accuracy, FAR_APART, both=False))
    looks.ask(lambda: _note_made_up(looks, fractions, has_network=MODEL in student.files))


def _note_made_up(looks: IntegrityFlags, fractions: Sequence[float], *, has_network: bool) -> None:
    """Remark on what no training gives, and on runs without a network: nobody can measure here what a file reports."""
    train, validation = fractions[::2], fractions[1::2]
    if len(validation) > 1 and len(set(zip(train, validation, strict=True))) == 1:
        told = (
            f"All {len(validation)} runs in {FILE} report the same accuracies, {train[0]:.2%} and {validation[0]:.2%}."
        )
        looks.note("same_accuracies", f"{told} Did anybody train?", runs=len(validation))
    if max(validation) <= GUESSING:
        looks.note("guessing", f"No run in {FILE} is better than guessing: {max(validation):.1%} at best.")
    if not has_network:
        looks.note("no_network", f"{FILE} reports {len(validation)} runs, and no {MODEL} came with it.")


@check("4d", weight=2, after=("check_entries",))
def check_comparison(student: Implementation) -> None:
    """At least two techniques are compared, each with at least two settings."""
    settings: dict[str, set[str]] = defaultdict(set)
    for run in _read(student):
        settings[str(run["technique"]).strip().lower()].add(str(run["setting"]).strip().lower())
    compared = sorted(name for name, found in settings.items() if len(found) >= 2)
    mistake = None
    if len(settings) >= 2 and len(compared) < 2:
        mistake = "fashion.experiments_with_one_setting"
    elif len(settings) < 2:
        mistake = "fashion.experiments_of_one_technique"
    expect(
        len(compared) >= 2,
        f"{len(compared)} technique{'s have' if len(compared) != 1 else ' has'} two settings or more.",
        expected="at least two techniques with at least two settings each",
        got="; ".join(f"{name[:40]}: {len(found)}" for name, found in sorted(settings.items())[:10]),
        mistake=mistake,
    )


def _read(student: Implementation) -> list[Any]:
    """The list in experiments.json; parsed here, since plain JSON runs nothing."""
    content = student.files.get(FILE)
    if content is None:
        raise student.lacks(FILE, help=NEXT)
    expect(len(content) <= MOST_BYTES, f"{FILE} is too large.", expected="256 KiB at most", got=f"{len(content)} bytes")
    try:
        runs = parse_json(content)
    except (ValueError, RecursionError) as error:
        raise Failure(f"{FILE} is not JSON.", expected="a list of objects", got=str(error)[:200]) from error
    mistake = "fashion.experiments_not_a_list" if isinstance(runs, dict) else None
    expect(isinstance(runs, list), f"{FILE} must hold a list.", expected="a list of objects", got=runs, mistake=mistake)
    expect(len(runs) > 0, f"{FILE} must hold some runs.", expected="at least one", got="none")
    return list(runs)


def _accuracies_of(place: int, run: Any) -> list[tuple[str, float]]:
    """The two accuracies of a run, each with where it stands; raises Failure if it is not a run."""
    where = f"Entry {place + 1} of {FILE}"
    expect(isinstance(run, dict), f"{where} is not an object.", expected=", ".join(KEYS), got=run)
    lacking = [key for key in KEYS if key not in run]
    expect(
        not lacking,
        f"{where} lacks {', '.join(lacking)}.",
        expected=", ".join(KEYS),
        got=", ".join(map(str, run))[:200],
    )
    for key in KEYS[:2]:
        told = str(run[key]).strip() != ""
        expect(told, f"{key} of entry {place + 1} is empty.", expected="words or a number", got="nothing")
    for key in ACCURACIES:
        value = run[key]
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < math.inf
        expect(is_number, f"{key} of entry {place + 1} is not a number.", expected=UNITS, got=value)
    return [(f"{key} of entry {place + 1}", run[key]) for key in ACCURACIES]
