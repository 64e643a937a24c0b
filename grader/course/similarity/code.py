"""Whose code is alike: runs of tokens that two students share and that neither the stubs nor the class explain.

A run of `RUN` tokens is known by a hash; a module's share is the share of its runs that another student has as well.
What the stubs give, and what more than a third of a class has, counts for nothing; what several have counts less, the
more they are: an obvious way is no evidence. All runs are kept, not a selection (winnowing): a class is small enough.

Beside the runs, every two statements of a function are compared in the same way (`statements.py`): they stay what they
are when statements change places.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray

from grader.course.similarity.statements import pairs_of, read_statements, without
from grader.course.similarity.tokens import Hashes, Tokens, defined_names, read_tokens

# Measured on our solutions, their accepted ways and the example submissions, which were written apart from each other:
# in one module at most 0.37 of the runs of 10 tokens are shared (a residual network), else below 0.33; in all modules
# together at most 0.20. With names, comments, layout and the order of functions changed 0.9 and more stay.
RUN = 10
LEAST_SHARE = 0.5
LEAST_RUNS = 40  # shared, each counted by how rare it is: about as much as a function of a dozen lines
# The same of pairs of statements. Of that honest code at most 0.44 in one module (23 pairs) and 0.23 in all (32 pairs)
# are shared; with statements in another order, wherever that changes nothing, 0.83 and more stay (96 pairs and more).
LEAST_PAIR_SHARE, LEAST_PAIRS = 0.6, 45
FAR = 6.0  # how many of the class's spreads a pair must stand above what is typical in it
CLASS = 10  # students from whom on a class tells what is common
COMMON, RING = 1 / 3, 5  # of a class, and at least: what more students have is an obvious way
# Of one student, all files together: ten times what honest ones write, so that a class can't be made to last hours.
MOST_FILES, MOST_BYTES, MOST_TOKENS = 40, 512 << 10, 40_000
MOST_NEEDED = 0.9  # share that stands out in any class
OTHER, WHOLE = "other files", "all files"  # a student's helper modules taken together, and everything

Shares = NDArray[np.float32]
# Names after a dot that stay what they are, whatever a student defines: else one class of junk would disguise them all.
_LIBRARY = frozenset().union(*map(dir, (torch, torch.Tensor, torch.nn, torch.nn.functional, np, np.ndarray)))
_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd: no bit of a token is lost


@dataclass(frozen=True)
class Given:
    """What an assignment gives: the names in its stubs, their runs and their statements."""

    names: Set[str]
    runs: Hashes
    statements: Hashes


@dataclass(frozen=True, eq=False)
class Written:
    """One student's code.

    Attributes:
        student: Whose.
        tokens: Each module, by path.
        runs: Its runs by path, (T - RUN + 1,), in order; 0 for those that the stubs have too.
        units: The different runs, sorted, of each of the assignment's modules, of all other files, and of everything.
        pairs: The different pairs of statements, sorted, of the same.
    """

    student: str
    tokens: Mapping[str, Tokens]
    runs: Mapping[str, Hashes]
    units: Mapping[str, Hashes]
    pairs: Mapping[str, Hashes]


@dataclass(frozen=True)
class CodeMatch:
    """Two students whose code is alike; `first` and `second` are positions in the sequence that was compared.

    Attributes:
        share: The highest share of any module, or of all together, from 0 to 1.
        where: Which unit.
        of_first: Whether it is the first's code that is found in the second's, or the other way round.
        typical: The median of this share over the class; nan in a small one.
        in_order: Whether the runs are shared, and not only the statements in another order.
    """

    first: int
    second: int
    share: float
    where: str
    of_first: bool
    typical: float
    in_order: bool


def read_given(stubs: Mapping[str, bytes]) -> Given:
    """What the stubs give."""
    names = frozenset[str]().union(*(defined_names(source) for source in stubs.values()))
    modules = [read_tokens(source, names, frozenset(), MOST_TOKENS) for source in stubs.values()]
    return Given(
        names, _different(map(_runs, modules)), _different(read_statements(module).hashes for module in modules)
    )


def read_code(student: str, files: Mapping[str, bytes], modules: Sequence[str], given: Given) -> Written:
    """A student's modules: the assignment's first, then others, so many as a person writes."""
    wanted = [f"{module}.py" for module in modules]
    others = sorted(path for path in files if path.lower().endswith(".py") and path not in wanted)
    sources = _within_bounds({path: files[path] for path in [*wanted, *others] if path in files})
    own = frozenset[str]().union(*(defined_names(source) for source in sources.values())) - _LIBRARY
    tokens: dict[str, Tokens] = {}
    room = MOST_TOKENS
    for path, source in sources.items():
        tokens[path] = read_tokens(source, given.names, own, room)
        room -= len(tokens[path].codes)
    runs = {path: _apart(_runs(module), given.runs) for path, module in tokens.items()}
    pairs = {path: pairs_of(without(read_statements(module), given.statements))[0] for path, module in tokens.items()}
    return Written(student, tokens, runs, _by_unit(runs, wanted), _by_unit(pairs, wanted))


def _by_unit(found: Mapping[str, Hashes], wanted: Sequence[str]) -> dict[str, Hashes]:
    """What is different in each of the assignment's modules, in all other files, and in everything."""
    units = {path: [found[path]] for path in wanted if path in found}
    units[OTHER] = [hashes for path, hashes in found.items() if path not in wanted]
    units[WHOLE] = list(found.values())
    return {unit: _different(hashes) for unit, hashes in units.items()}


def _within_bounds(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The first files, the last of them cut, that fit into the bounds."""
    room, kept = MOST_BYTES, {}
    for path, source in islice(files.items(), MOST_FILES):
        kept[path] = source[:room]
        room -= len(kept[path])
    return kept


def _runs(module: Tokens) -> Hashes:
    """A hash of each `RUN` tokens in a row, (T - RUN + 1,); a polynomial modulo 2^64."""
    count = max(0, len(module.codes) - RUN + 1)
    hashes = np.zeros(count, np.uint64)
    for place in range(RUN):
        hashes = hashes * _FACTOR + module.codes[place : place + count]
    return hashes


def _apart(runs: Hashes, given: Hashes) -> Hashes:
    """The same with 0 for what is given."""
    return np.where(np.isin(runs, given), np.uint64(0), runs)


def _different(parts: Iterable[Hashes]) -> Hashes:
    found = np.unique(np.concatenate([*parts, np.zeros(1, np.uint64)]))
    return found[1:]  # without the 0


def compare_code(runs: Rarity, pairs: Rarity) -> list[CodeMatch]:
    """The pairs of students who share much more than the class does, in the order of the class.

    Args:
        runs: The class's runs.
        pairs: Its pairs of statements: they tell who shares code that is not in the same order.
    """
    found = _matches(pairs, LEAST_PAIR_SHARE, LEAST_PAIRS, in_order=False)
    found |= _matches(runs, LEAST_SHARE, LEAST_RUNS, in_order=True)
    return [found[pair] for pair in sorted(found)]


def _matches(rarity: Rarity, share: float, fewest: float, *, in_order: bool) -> dict[tuple[int, int], CodeMatch]:
    found: dict[tuple[int, int], CodeMatch] = {}
    for unit in sorted({unit for units in rarity.class_ for unit in units}):
        shares, weights = rarity.shares(unit)
        have = [len(units.get(unit, ())) > 0 for units in rarity.class_]
        typical, least = least_share(np.maximum(shares, shares.T), have, share, MOST_NEEDED)
        for row, column in np.argwhere((shares >= least) & (weights >= fewest)).tolist():
            first, second, most = min(row, column), max(row, column), min(1.0, float(shares[row, column]))
            if (first, second) not in found or most > found[first, second].share:
                found[first, second] = CodeMatch(first, second, most, unit, row == first, typical, in_order)
    return found


def least_share(shares: Shares, have: Sequence[bool], least: float, most: float) -> tuple[float, float]:
    """What is typical of a class, nan in a small one, and from which share on a pair stands out.

    Args:
        shares: Of each pair, (n, n), symmetric.
        have: Who has something to compare at all, (n,).
        least: What stands out at the lowest.
        most: What stands out in any class.
    """
    rows = np.flatnonzero(have)
    if len(rows) < CLASS:
        return math.nan, least
    values = shares[np.ix_(rows, rows)][np.triu_indices(len(rows), 1)]
    typical = float(np.median(values))
    spread = 1.4826 * float(np.median(np.abs(values - typical)))  # the standard deviation's, of normal values
    return typical, min(max(least, typical + FAR * spread), most)


def most_alike(count: int) -> float:
    """How many of a class may have the same before it is taken for what everybody finds."""
    return max(COMMON * count, RING) if count >= CLASS else math.inf


class Rarity:
    """Which students have which run, and how much a run says: nothing that is common, most what two alone share.

    Attributes:
        class_: Each student's runs, or pairs of statements, by unit.
    """

    def __init__(self, class_: Sequence[Mapping[str, Hashes]]) -> None:
        self.class_, self._count = class_, len(class_)
        runs = np.concatenate([*(units[WHOLE] for units in class_), np.zeros(0, np.uint64)])
        owners = np.repeat(np.arange(self._count), [len(units[WHOLE]) for units in class_])
        self._known, places, counts = np.unique(runs, return_inverse=True, return_counts=True)
        self._owners = owners[np.argsort(places, kind="stable")]  # of the first run, of the second ...
        self._ends = np.cumsum(counts)
        self._starts = self._ends - counts
        self._weights = self._weigh(counts)

    def _weigh(self, counts: NDArray[np.int64]) -> NDArray[np.float64]:
        if self._count < CLASS:
            return np.ones(len(counts))
        weights = np.log(self._count / counts) / math.log(self._count / 2)
        return np.where(counts > most_alike(self._count), 0.0, np.minimum(weights, 1.0))

    def shares(self, unit: str) -> tuple[Shares, Shares]:
        """How much of each student's unit, by row, each other has anywhere, by column: as a share, and in runs."""
        shares = np.zeros((self._count, self._count), np.float32)
        runs = np.zeros_like(shares)
        for row, units in enumerate(self.class_):
            places = np.searchsorted(self._known, units.get(unit, self._known[:0]))
            total = float(self._weights[places].sum())
            places = places[(self._weights[places] > 0) & (self._ends[places] - self._starts[places] > 1)]
            if not len(places):
                continue
            sizes = self._ends[places] - self._starts[places]
            # The owners of all these runs, without a loop: each run's first owner, and how many after it.
            after = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
            owners = self._owners[np.repeat(self._starts[places], sizes) + after]
            weights = np.repeat(self._weights[places], sizes)
            runs[row] = np.bincount(owners, weights, minlength=self._count)
            runs[row, row] = 0
            shares[row] = runs[row] / total
        return shares, runs

    def telling(self, runs: Hashes) -> NDArray[np.bool_]:
        """Which of a student's runs, of the same shape, say something: not given, and not common."""
        places = np.minimum(np.searchsorted(self._known, runs), max(0, len(self._known) - 1))
        return (self._known[places] == runs) & (self._weights[places] > 0) if len(self._known) else runs > 0
