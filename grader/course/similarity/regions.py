"""The evidence for two students' code being alike: the longest stretches that they share, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from grader.course.similarity.code import RUN, Rarity, Written
from grader.course.similarity.statements import pairs_of, read_statements
from grader.course.similarity.tokens import Tokens
from grader.text import clean_name, clean_text

REGIONS = 3  # that are shown
LINES, COLUMNS = 12, 120  # of each


@dataclass(frozen=True, order=True)
class _Region:
    """A stretch of equal tokens; ordered so that the longest comes first."""

    minus_length: int
    first_path: str
    first_start: int
    second_path: str
    second_start: int


def matching_regions(first: Written, second: Written, rarity: Rarity) -> tuple[tuple[str, str, str], ...]:
    """Where two students' code is alike: what, the first's lines, the second's; untrusted, but ready to be shown.

    Args:
        first: One student's code.
        second: The other's.
        rarity: Of their class: stretches begin where something is shared that says something.
    """
    shown = []
    for region in sorted(_regions(first, second, rarity))[:REGIONS]:
        length = -region.minus_length
        sides = [
            (region.first_path, first.tokens[region.first_path], region.first_start),
            (region.second_path, second.tokens[region.second_path], region.second_start),
        ]
        places = ", ".join(_place(path, tokens, start, length) for path, tokens, start in sides)
        texts = [_text(tokens, start, length) for _path, tokens, start in sides]
        shown.append((f"{length} tokens in a row ({places})", texts[0], texts[1]))
    return tuple(shown)


def _regions(first: Written, second: Written, rarity: Rarity) -> Iterator[_Region]:
    """Stretches of equal tokens, none within another in the first's code."""
    known: dict[int, tuple[str, int]] = {}
    for path, runs in second.runs.items():
        telling = rarity.telling(runs)
        for place in np.flatnonzero(telling)[::-1].tolist():
            known[int(runs[place])] = path, place
    for path, runs in first.runs.items():
        end = 0
        for place in np.flatnonzero(rarity.telling(runs)).tolist():
            if place < end or int(runs[place]) not in known:
                continue
            other, there = known[int(runs[place])]
            before, after = _extent(first.tokens[path], place, second.tokens[other], there, end)
            end = place + after
            yield _Region(-(before + after), path, place - before, other, there - before)


def matching_functions(first: Written, second: Written, rarity: Rarity) -> tuple[tuple[str, str, str], ...]:
    """The functions of which two students share most pairs of statements, in whichever order; shown as regions are.

    Args:
        first: One student's code.
        second: The other's.
        rarity: Of their class's pairs of statements: functions are told by those that say something.
    """
    known: dict[int, _Function] = {}
    for function, pairs in _functions(second, rarity):
        known |= dict.fromkeys(pairs, function)
    counted = Counter((one, known[pair]) for one, pairs in _functions(first, rarity) for pair in pairs if pair in known)
    shown = []
    for (one, other), count in sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:REGIONS]:
        sides = [(one, first.tokens[one.path]), (other, second.tokens[other.path])]
        places = ", ".join(_place(side.path, tokens, side.start, side.length) for side, tokens in sides)
        texts = [_text(tokens, side.start, side.length) for side, tokens in sides]
        shown.append((f"{count} pairs of statements, in any order ({places})", texts[0], texts[1]))
    return tuple(shown)


@dataclass(frozen=True, order=True)
class _Function:
    """A function's tokens."""

    path: str
    start: int
    length: int


def _functions(written: Written, rarity: Rarity) -> Iterator[tuple[_Function, list[int]]]:
    """Each function, and those of its pairs of statements that say something."""
    for path, tokens in written.tokens.items():
        statements = read_statements(tokens)
        pairs, functions = pairs_of(statements)
        telling = rarity.telling(pairs)
        for number in np.unique(functions[telling]).tolist():
            of_it = statements.functions == number
            start, length = int(statements.starts[of_it][0]), int(statements.sizes[of_it].sum())
            yield _Function(path, start, length), pairs[telling & (functions == number)].tolist()


def _extent(first: Tokens, at: int, second: Tokens, there: int, end: int) -> tuple[int, int]:
    """How many equal tokens stand before two places, in the first's code not below `end`, and from them on."""
    before = min(at - end, there)
    unequal = np.flatnonzero(first.codes[at - before : at] != second.codes[there - before : there])
    before -= int(unequal[-1]) + 1 if len(unequal) else 0
    after = min(len(first.codes) - at, len(second.codes) - there)
    unequal = np.flatnonzero(first.codes[at : at + after] != second.codes[there : there + after])
    return before, max(RUN, int(unequal[0]) if len(unequal) else after)


def _place(path: str, tokens: Tokens, start: int, length: int) -> str:
    first, last = int(tokens.lines[start]) + 1, int(tokens.lines[start + length - 1]) + 1
    return f"{clean_name(path)} {first}–{last}" if last > first else f"{clean_name(path)} {first}"


def _text(tokens: Tokens, start: int, length: int) -> str:
    return clean_text(tokens.shown(start, start + length - 1), lines=LINES, columns=COLUMNS)
