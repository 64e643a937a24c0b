"""Reads Python source as tokens that a disguise leaves alone, for comparing students' code.

A lexer of our own: it never fails, takes time that grows with the text's length only, and runs nothing. Python's parser
stops at the first error, and a text made for it can hold it for seconds or end the process.
"""

from __future__ import annotations

import builtins
import hashlib
import io
import keyword
import re
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

import numpy as np
from numpy.typing import NDArray

# A short statement that makes up more of a module is padding. In our solutions and examples none occurs more than FEW
# times in a module.
SHORT, FREQUENT, FEW = 8, 0.15, 5
SMALL_NUMBER = 3  # characters: up to here a number is part of the idea, beyond it is a setting that is quickly changed

# Every alternative takes what it began with, unterminated strings to the end: no text is read twice.
_TOKEN = re.compile(
    r"""
      (?P<space>[^\S\n]+ | \\\r?\n | \#[^\n]*)
    | (?P<line>\n)
    | (?P<string>[rbfuRBFU]{0,2}(?:
          \"{3}(?:[^"\\]|\\.|\"(?!\"\"))*+(?:\"{3}|\\?\Z)
        | '{3}(?:[^'\\]|\\.|'(?!''))*+(?:'{3}|\\?\Z)
        | "(?:[^"\\\n]|\\.)*+"?
        | '(?:[^'\\\n]|\\.)*+'?
      ))
    | (?P<name>[^\W\d]\w*)
    | (?P<number>\.?\d(?:[eE][+-]\d|[\w.])*)
    | (?P<operator>->|:=|\*\*|//|[=!<>]=|[^\s\w])
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_DROPPED = frozenset("(),;\\")  # brackets and commas that a formatter moves about
# Keywords that begin a statement with an effect.
_ACTING = frozenset(keyword.kwlist) - {"pass", "None", "True", "False", "not", "lambda"}
_CONDITIONS = frozenset(("if", "elif", "while", "assert"))
Hashes = NDArray[np.uint64]
Token = tuple[str, str, str, int]  # kind, word, word before it, and line
_OPEN, _CLOSED = frozenset("([{"), frozenset(")]}")
_KNOWN = frozenset(keyword.kwlist) | frozenset(dir(builtins))  # nobody renames these
_ANY_NAME, _ANY_STRING, _ANY_NUMBER = "a name", "a string", "a number"  # with spaces: no token of a source
# A function, a class, or what is kept in an object, whatever `self` is called.
_DEFINED = re.compile(r"\b(?:def|class) +([^\W\d]\w*)|\b(?:self\.([^\W\d]\w*)|[^\W\d]\w*\.([^\W\d]\w*) *=(?!=))")


@dataclass(frozen=True, eq=False)
class Tokens:
    """One module as tokens, imports, comments and docstrings left out.

    Attributes:
        codes: A number for each token, (T,), uint64; equal tokens have equal numbers, on any machine.
        lines: The line that each stands on, (T,), int32, from 0.
        statements: The number of the simple statement, or of the compound one's header, that each is part of, (T,),
            int32, ascending.
        text: The source.
    """

    codes: NDArray[np.uint64]
    lines: NDArray[np.int32]
    statements: NDArray[np.int32]
    text: str

    def shown(self, first: int, last: int) -> str:
        """The source's lines with the tokens from one to another, both included."""
        lines = self.text.split("\n")
        return "\n".join(lines[line] for line in np.unique(self.lines[first : last + 1]).tolist())


def read_tokens(source: bytes, fixed: Set[str], own: Set[str], most: int) -> Tokens:
    """The tokens of a module.

    Names that whoever copies can change are all the same token; those that belong to Python or a library are not.

    Args:
        source: Anything.
        fixed: Names that the assignment gives, which stay as they are.
        own: Names that the student defines, as `defined_names` finds them; they may follow a dot and can be changed.
        most: Tokens to read.
    """
    # Universal newlines, as Python reads it: "\r" alone ends a line too.
    text = io.StringIO(source.decode("utf-8", "replace"), newline=None).read()
    codes, lines, statements = [], [], []
    for word, line, statement in islice(_words(text, fixed, own - fixed), most):
        codes.append(code_of(word))
        lines.append(line)
        statements.append(statement)
    return Tokens(np.array(codes, np.uint64), np.array(lines, np.int32), np.array(statements, np.int32), text)


def defined_names(source: bytes) -> frozenset[str]:
    """Names of functions and classes that a module defines, and of what it keeps in objects."""
    text = source.decode("utf-8", "replace")
    return frozenset(found[1] or found[2] or found[3] for found in _DEFINED.finditer(text))


def _words(text: str, fixed: Set[str], own: Set[str]) -> Iterator[tuple[str, int, int]]:
    """Each token that counts, its line and its statement's number, without statements that are there as a disguise."""
    statements = [
        ([_plain(kind, word, before, fixed, own) for kind, word, before, _ in found], [line for *_, line in found])
        for found in map(_without_annotations, _statements(text))
        if _has_effect([word for _, word, *_ in found])
    ]
    counts = Counter(tuple(words) for words, _ in statements)
    most = max(FEW, FREQUENT * len(statements))
    for number, (words, lines) in enumerate(statements):
        if len(words) > SHORT or counts[tuple(words)] <= most:
            yield from ((word, line, number) for word, line in zip(words, lines, strict=True) if word not in _DROPPED)


def _has_effect(words: Sequence[str]) -> bool:
    """Whether a statement may do something: what has one value alone does nothing, nor does a name for what has one.

    `0`, `pass`, `x: int`, `a = b`, `if False:`, `assert True` and `print("text")` are left out; a constant that is
    needed is too short to tell one student from another.
    """
    at = 0
    while words[at] in _CONDITIONS and at + 1 < len(words) and _is_constant(words[at + 1]):  # `if 0:`, before more
        if words[at + 2 : at + 3] not in ([], [":"]):
            break
        at += 3
        if at >= len(words):
            return False
    first, *others = words[at:]
    if first == "print":
        return not all(word in "()," or _is_constant(word) for word in others)
    if len(others) == 2 and others[0] == "=":
        return False
    return first in _ACTING or any(word in "=(@" or word == ":=" for word in (first, *others))


def _is_constant(word: str) -> bool:
    return word in ("True", "False", "None") or word[0].isdigit() or word[-1] in "\"'"


def _without_annotations(statement: list[Token]) -> list[Token]:
    """A statement without the types of a function's arguments and result, or of the name that it assigns to."""
    is_header = statement[0][1] in ("def", "async")
    if not is_header and (len(statement) < 3 or statement[0][0] != "name" or statement[1][1] != ":"):
        return statement
    if statement[0][1] in _KNOWN - {"def", "async"}:
        return statement
    kept: list[Token] = []
    depth, inside = 0, 1 if is_header else 0  # how deep an annotation begins
    ends = frozenset[str]()  # where the one ends that is being left out
    for token in statement:
        word = token[1]
        depth -= word in _CLOSED
        if ends and (depth < inside or (depth <= inside and word in ends)):
            ends, inside = frozenset[str](), -1 if is_header and inside == 0 else inside
        if not ends and kept and word == ":" and depth == inside:
            ends = frozenset(",=")
        elif not ends and is_header and word == "->" and depth == 0:
            ends, inside = frozenset(":"), 0
        elif not ends:
            kept.append(token)
            inside = inside if word != ":" else -1  # the header is over
        depth += word in _OPEN
    return kept


def _statements(text: str) -> Iterator[list[Token]]:
    """Each simple statement's tokens, as kind, word, word before it, and line; imports and docstrings left out."""
    statement: list[tuple[str, str, str, int]] = []
    line = depth = 0
    first, before = "", ""  # of the statement; "" at its beginning
    for found in _TOKEN.finditer(text):
        kind, word = found.lastgroup or "", found[0]
        if depth == 0 and (kind == "line" or word == ";"):
            if statement:
                yield statement
            statement, first, before = [], "", ""
        elif kind not in ("line", "space"):
            depth = max(0, depth + (word in _OPEN) - (word in _CLOSED))
            docstring = kind == "string" and not first
            first = first or word
            if not docstring and first not in ("import", "from"):
                statement.append((kind, word, before, line))
            before = word
        line += word.count("\n")
    if statement:
        yield statement


def _plain(kind: str, word: str, before: str, fixed: Set[str], own: Set[str]) -> str:
    """The token that stands for all that it could be changed into."""
    if kind == "string":
        return _ANY_STRING
    if kind == "number":
        return word if len(word) < SMALL_NUMBER else _ANY_NUMBER
    if kind != "name":
        return word
    kept = word in fixed or (word not in own if before == "." else word in _KNOWN)
    return word if kept else _ANY_NAME


@lru_cache(maxsize=1 << 16)
def code_of(word: str) -> int:
    """The number of a token."""
    return int.from_bytes(hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=8).digest(), "little")
