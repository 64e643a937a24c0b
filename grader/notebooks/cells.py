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

from grader.environment import python_words
from grader.newer_syntax import newer_syntax
from grader.notebooks.statements import UNREADABLE, Statement, read_statement, says_nothing

MOST_CODE = 256 << 10  # characters of all cells together, as of a module: pictures are outputs, and don't count
# The rest of such a cell is Python that runs in the notebook; what follows any other cell magic is something else.
_PYTHON_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun")
# At the start of a statement: `!pip`, `%matplotlib`, `?help`, `x = !ls`, `help?`.
_MAGIC = re.compile(r"(?P<indent>\s*)(?:(?:\w[\w.,\s]*=\s*)?[%!]|\?|%?[\w.]+\?{1,2}\s*$)")
_LEXEMES = re.compile(r"""\\.|'''|\"\"\"|['"#()\[\]{}]""")


class NotANotebook(ValueError):
    """Why a file is no notebook, a clause."""


@dataclass
class Notebook:
    """What a notebook holds.

    Attributes:
        path: In the submission.
        cells: How many there are.
        ran: Whether any of them was ever run.
        statements: In order; what can't be taken is left out.
        other: Cells with statements that are never taken: calls, loops.
        magics: Cells with shell lines and magics.
        broken: Why nothing of a cell is taken, by its number.
    """

    path: str
    cells: int = 0
    ran: bool = False
    statements: list[Statement] = field(default_factory=list)
    other: set[int] = field(default_factory=set)
    magics: set[int] = field(default_factory=set)
    broken: dict[int, str] = field(default_factory=dict)


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


def _read_cells(book: Notebook, number: int, raw: bytes) -> None:
    room = MOST_CODE
    for cell, source in _code_cells(raw):
        book.ran = book.ran or bool(cell.get("outputs")) or _number(cell) is not None
        if not source.strip():
            continue
        book.cells += 1
        if len(source) > room:
            book.broken[book.cells] = f"with it there would be more than {MOST_CODE >> 10} KiB of code"
            continue
        room -= len(source)
        _read_cell(book, number, source)


def _code_cells(raw: bytes) -> Iterator[tuple[dict[str, Any], str]]:
    """Code cells and their sources."""
    try:
        content = json.loads(raw, parse_int=float)  # no number counts here, and one of 5,000 digits is no int
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deep" if isinstance(error, RecursionError) else "it is not JSON"
        raise NotANotebook(reason) from error
    if not isinstance(content, dict):
        raise NotANotebook("it holds no cells")
    sheets = content.get("worksheets")  # up to version 3
    sheets = [sheet.get("cells") for sheet in sheets if isinstance(sheet, dict)] if isinstance(sheets, list) else []
    cells = [content.get("cells"), *sheets]
    if not any(isinstance(each, list) for each in cells):
        raise NotANotebook("it holds no cells")
    for cell in itertools.chain.from_iterable(each for each in cells if isinstance(each, list)):
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            lines = cell.get("source", cell.get("input"))
            lines = lines if isinstance(lines, list) else [lines]
            source = "".join(line for line in lines if isinstance(line, str))
            yield cell, source.replace("\r\n", "\n").replace("\r", "\n")


def _number(cell: dict[str, Any]) -> Any:
    return cell.get("execution_count", cell.get("prompt_number"))


def _read_cell(book: Notebook, number: int, source: str) -> None:
    """Add what a cell holds to the notebook."""
    cell = book.cells
    try:
        text, tree, has_magics = _parse(source)
        if has_magics:
            book.magics.add(cell)
        # What Jupyter refuses has never run. It takes `await` at the top level, which no module can.
        compile(tree, "cell", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        taken: list[Statement] = []
        lines = text.encode().split(b"\n")
        for node in tree.body:
            place = len(book.statements) + len(taken)
            if (statement := read_statement(node, lines, (number, place, cell))) is not None:
                taken.append(statement)
            elif not says_nothing(node):
                book.other.add(cell)
        book.statements += taken
    except UNREADABLE as error:
        where = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        said = error.msg if isinstance(error, SyntaxError) else "it can't be read as Python"
        if newer := newer_syntax(without_magics(source)[0]):
            said = f"syntax of Python {newer}, and graded with {python_words()}"
        book.broken[cell] = f"{said}{where}"


def _parse(source: str) -> tuple[str, ast.Module, bool]:
    """A cell's text and tree, without magics where it has any, and whether it has."""
    try:
        return source, ast.parse(source), False
    except SyntaxError:
        text, has_magics = without_magics(source)
        return text, ast.parse(text), has_magics


def without_magics(source: str) -> tuple[str, bool]:
    """A cell with `pass` for each shell line and magic, line by line, and whether there was one.

    A cell that another magic than time's and the like begins is no Python: nothing of it is left.
    """
    lines = source.split("\n")
    first = next(number for number, line in enumerate(lines) if line.strip())
    has_magics = lines[first].startswith("%%")
    if has_magics:
        if lines[first].split()[0] not in _PYTHON_MAGICS:
            return "", True
        lines[: first + 1] = [""] * (first + 1)
        first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    margin = len(lines[first]) - len(lines[first].lstrip())  # a cell may be indented as a whole
    kept = []
    depth, quote, joined, in_magic = 0, "", False, False
    for line in lines:
        line = line[margin:] if not line[:margin].strip() else line
        begins = not (depth or quote or joined)
        magic = _MAGIC.match(line) if begins and not in_magic else None
        if magic or in_magic:
            kept.append(f"{magic['indent']}pass" if magic else "")
            has_magics, in_magic = True, line.endswith("\\")
        else:
            kept.append(line)
            depth, quote, joined = _after(line, depth, quote)
    return "\n".join(kept), has_magics


def _after(line: str, depth: int, quote: str) -> tuple[int, str, bool]:
    """How many brackets and which quote are open after a line, and whether it goes on."""
    for match in _LEXEMES.finditer(line):
        lexeme = match[0]
        if quote:
            quote = "" if lexeme.startswith(quote) else quote
        elif lexeme == "#":
            return depth, quote, False
        elif lexeme[0] in "'\"":
            quote = lexeme
        elif lexeme in "([{":
            depth += 1
        elif lexeme in ")]}":
            depth = max(0, depth - 1)
    joined = line.endswith("\\")
    return depth, quote if len(quote) == 3 or joined else "", joined
