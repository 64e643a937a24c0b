"""What of a function stays when its statements change places: every two of them, whichever comes first.

A statement alone says little, since there are few ways to write it. Two of one function say as much as a run of tokens:
of a copy whose statements were put in another order all pairs stay, and of honest code, which shares a part `p` of the
statements at most, about `p` squared. Statements that the stubs give are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grader.course.similarity.tokens import Hashes, Tokens, code_of

LEAST_TOKENS = 10  # of two statements together: as many as a run of `code.py` has
NEAR = 24  # how far apart two statements may stand: a function of more is known by what stands so near
_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd: no bit of a token is lost
_HEADERS = np.array([code_of(word) for word in ("def", "async", "class")], np.uint64)


@dataclass(frozen=True, eq=False)
class Statements:
    """A module's statements, S of them; a compound one's header is one.

    Attributes:
        hashes: A number for each, (S,); equal statements have equal numbers.
        starts: Where each begins among the module's tokens, (S,).
        sizes: How many tokens each has, (S,).
        functions: Which function or class each belongs to, (S,), ascending; 0 above the first.
    """

    hashes: Hashes
    starts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    functions: NDArray[np.int64]


def read_statements(module: Tokens) -> Statements:
    """Take a module's tokens apart."""
    count = len(module.codes)
    starts = np.flatnonzero(np.diff(module.statements, prepend=-1))
    if not count:
        return Statements(module.codes, starts, starts, starts)
    sizes = np.diff(starts, append=count)
    places = np.arange(count) - np.repeat(starts, sizes)
    powers = np.multiply.accumulate(np.full(int(sizes.max()), _FACTOR))
    hashes = np.add.reduceat(module.codes * powers[places], starts)
    functions = np.cumsum(np.isin(module.codes[starts], _HEADERS), dtype=np.int64)
    return Statements(hashes, starts, sizes, functions)


def without(statements: Statements, given: Hashes) -> Statements:
    """The same without the statements that are given."""
    own = ~np.isin(statements.hashes, given)
    return Statements(statements.hashes[own], statements.starts[own], statements.sizes[own], statements.functions[own])


def pairs_of(statements: Statements) -> tuple[Hashes, NDArray[np.int64]]:
    """A number for every two statements of one function, (P,), and the number of the function, (P,)."""
    found, functions = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
    for apart in range(1, min(NEAR, len(statements.hashes) - 1) + 1):
        one, other = slice(None, -apart), slice(apart, None)
        counts = statements.functions[one] == statements.functions[other]
        counts &= statements.sizes[one] + statements.sizes[other] >= LEAST_TOKENS
        first, second = statements.hashes[one][counts], statements.hashes[other][counts]
        found.append(np.minimum(first, second) * _FACTOR + np.maximum(first, second))
        functions.append(statements.functions[one][counts])
    return np.concatenate(found), np.concatenate(functions)
