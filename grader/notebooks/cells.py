"""Reads a notebook that anyone may have made: which statements its cells hold, what each defines and what it needs.

Nothing is run. Parsing Python can't be interrupted and JSON can be deep, so this works in a process with bounds, called
by `modules.py`.

Cells are numbered as "Restart and run all" numbers them: code cells that are not empty, from 1.
"""

from __future__ import annotations

import ast
import itertools
import json
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from grader.decoding import parse_json
from grader.environment import python_words
from grader.newer_syntax import newer_syntax
from grader.notebooks.magics import why_foreign, without_magics
from grader.notebooks.statements import UNREADABLE, Statement, flatten, read_statement, says_nothing

MOST_CODE = 256 << 10  # characters of all cells together, as of a module: pictures are outputs, and don't count
# A line that defines something: `def f(`, `async def f(`, `class A`, `x = 1`, `x: int = 1`, indented or not.
DEFINES = re.compile(
    r"^(?P<indent>[ \t]*)(?:(?:async[ \t]+)?(?:def|class)[ \t]+(?P<defined>\w+)|(?P<set>\w+)[ \t]*(?::[^=\n]*)?=(?!=))",
    re.MULTILINE,
)


class NotANotebook(ValueError):
    """Why a file is no notebook, a clause."""


@dataclass(frozen=True)
class LeftOut:
    """Something of a notebook of which nothing is taken.

    Attributes:
        why: A clause.
        source: All of it.
        line: Where Python stopped reading, from 1; 0 if it did not come to that.
        kind: "code", or "markdown" or "raw" as the notebook has it.
    """

    why: str
    source: str
    line: int = 0
    kind: str = "code"


@dataclass
class Notebook:
    """What a notebook holds.

    Attributes:
        path: In the submission.
        language: Of its code, as it says itself; empty when it does not.
        cells: How many there are.
        ran: Whether any of them was ever run.
        statements: In order; what can't be taken is left out.
        other: Cells with statements that are never taken: calls, loops.
        unset: Names that such a statement sets: its cell, its line, and what it is.
        magics: Cells with shell lines and magics.
        broken: Cells of which nothing is taken, by number.
        prose: Other cells that hold definitions, each with the number of the code cell above it.
    """

    path: str
    language: str = ""
    cells: int = 0
    ran: bool = False
    statements: list[Statement] = field(default_factory=list)
    other: set[int] = field(default_factory=set)
    unset: dict[str, tuple[int, int, str]] = field(default_factory=dict)
    magics: set[int] = field(default_factory=set)
    broken: dict[int, LeftOut] = field(default_factory=dict)
    prose: list[tuple[int, LeftOut]] = field(default_factory=list)


def read_notebook(path: str, raw: bytes, number: int = 0) -> Notebook:
    """Read a notebook of any format from version 2 on.

    Args:
        path: In the submission.
        raw: All bytes of the file.
        number: The notebook's, for its statements.

    Raises:
        NotANotebook: If it is none.
    """
    book = Notebook(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes that Python does not know
        _read_cells(book, number, raw)
    return book


def read_module(path: str, raw: bytes) -> Notebook | None:
    """A module as a notebook of one cell; None where it can't be read."""
    try:
        source = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    book = Notebook(path, cells=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _read_cell(book, 0, source.replace("\r\n", "\n").replace("\r", "\n"))
    return None if book.broken else book


def _read_cells(book: Notebook, number: int, raw: bytes) -> None:
    content = _content(raw)
    book.language = _language(content)
    room = prose = MOST_CODE
    for cell, kind, source in _cells(content):
        if kind != "code":
            if len(source) <= prose and DEFINES.search(source):
                prose -= len(source)
                book.prose.append((book.cells, LeftOut(f"it is a {kind} cell", source, kind=kind)))
            continue
        book.ran = book.ran or bool(cell.get("outputs")) or _number(cell) is not None
        if not source.strip():
            continue
        book.cells += 1
        if len(source) > room:
            why = f"with it there would be more than {MOST_CODE >> 10} KiB of code"
            book.broken[book.cells] = LeftOut(why, source[:room])
            continue
        room -= len(source)
        _read_cell(book, number, source)


def _content(raw: bytes) -> dict[str, Any]:
    try:
        content = parse_json(raw)
    except RecursionError as error:
        raise NotANotebook("it is nested too deep") from error
    except json.JSONDecodeError as error:
        place = f" (line {error.lineno}: {error.msg})" if error.lineno > 1 else ""
        raise NotANotebook(f"it is not JSON{place}") from error
    except ValueError as error:  # not UTF-8
        raise NotANotebook("it is not JSON") from error
    if not isinstance(content, dict):
        raise NotANotebook("it holds no cells")
    return content


def _language(content: dict[str, Any]) -> str:
    """The language that a notebook names, in small letters."""
    metadata = content.get("metadata")
    known = metadata if isinstance(metadata, dict) else {}
    for part, key in (("language_info", "name"), ("kernelspec", "language")):
        section = known.get(part)
        if isinstance(section, dict) and isinstance(name := section.get(key), str) and name:
            return name.lower()
    return ""


def _cells(content: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str, str]]:
    """Cells with their kinds and sources."""
    sheets = content.get("worksheets")  # up to version 3
    sheets = [sheet.get("cells") for sheet in sheets if isinstance(sheet, dict)] if isinstance(sheets, list) else []
    cells = [content.get("cells"), *sheets]
    if not any(isinstance(each, list) for each in cells):
        raise NotANotebook("it holds no cells")
    for cell in itertools.chain.from_iterable(each for each in cells if isinstance(each, list)):
        kind = cell.get("cell_type") if isinstance(cell, dict) else None
        if kind in ("code", "markdown", "raw"):
            lines = cell.get("source", cell.get("input"))
            lines = lines if isinstance(lines, list) else [lines]
            source = "".join(line for line in lines if isinstance(line, str))
            yield cell, kind, source.replace("\r\n", "\n").replace("\r", "\n")


def _number(cell: dict[str, Any]) -> Any:
    return cell.get("execution_count", cell.get("prompt_number"))


def _read_cell(book: Notebook, number: int, source: str) -> None:
    """Add what a cell holds to the notebook."""
    cell = book.cells
    try:
        if (why := why_foreign(source)) and DEFINES.search(source):
            book.broken[cell] = LeftOut(why, source)
            return
        text, tree, has_magics = _parse(source)
        if has_magics:
            book.magics.add(cell)
        # What Jupyter refuses has never run. It takes `await` at the top level, which no module can.
        compile(tree, "cell", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        taken: list[Statement] = []
        others: list[ast.stmt] = []
        lines = text.encode().split(b"\n")
        for node, nested in flatten(tree.body):
            place = len(book.statements) + len(taken)
            if (statement := read_statement(node, lines, (number, place, cell), nested)) is not None:
                taken.append(statement)
            elif not says_nothing(node):
                others.append(node)
        book.statements += taken
        book.other |= {cell} if others else set()
        for node in others:
            _note_unset(book, node)
    except UNREADABLE as error:
        said = error.msg if isinstance(error, SyntaxError) else "it can't be read as Python"
        if newer := newer_syntax(without_magics(source)[0]):
            said = f"syntax of Python {newer}, and graded with {python_words()}"
        line = (error.lineno or 0) if isinstance(error, SyntaxError) else 0
        book.broken[cell] = LeftOut(f"{said}{f', line {line}' if line else ''}", source, line)


def _note_unset(book: Notebook, node: ast.stmt) -> None:
    """Note the names that a statement would set if it were run."""
    what = "a loop" if isinstance(node, ast.For | ast.AsyncFor | ast.While) else "a statement"
    for each in ast.walk(node):
        name = (
            each.id if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store) else getattr(each, "name", None)
        )
        if isinstance(name, str):
            book.unset[name] = (book.cells, getattr(each, "lineno", node.lineno), what)


def _parse(source: str) -> tuple[str, ast.Module, bool]:
    """A cell's text and tree, without magics where it has any, and whether it has."""
    try:
        return source, ast.parse(source), False
    except SyntaxError:
        text, has_magics = without_magics(source)
        return text, ast.parse(text), has_magics
