"""Writes an assignment's modules as a notebook: the same functions in cells, the handout's words before each.

`make release` makes the students' notebook of the stubs; tests and validation make others of other modules. What
running a module's file does (`main`) becomes a cell that runs where TRAIN is true. Cells of pictures come from
`solutions/<id>/notebook.py`, where `# %% after normalize_tensor` stands above what follows that function's cell.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from grader.errors import MachineError
from grader.rubric import Assignment

_FIRST = """\
from __future__ import annotations

TRAIN = False  # True also trains, in the cells that say so: minutes to hours"""
_INTRODUCTION = """\
Write the functions that say TODO; the cells between them show what they do. When all is done, restart and run all, and
hand in this notebook instead of the modules, with the other files that the handout names. Imports, definitions and the
values that they use are taken from it; nothing else is run when it is graded."""
_LEFT_OUT = (
    "## What you have",
    "## What to hand in",
    "## How it is graded",
)  # sections of the handout about the modules
_ASKED = re.compile(r"`(\w+)(?:\([^`]*\))?`")
_AFTER = re.compile(r"^# %% after (\w+)\n", re.MULTILINE)


@dataclass(frozen=True)
class _Piece:
    """A cell's worth of a module: `name` is a definition's, or empty for imports and values, which are `names`."""

    module: str
    name: str
    names: tuple[str, ...]
    text: str


def notebook_of(assignment: Assignment, modules: Mapping[str, str]) -> bytes:
    """A notebook that holds what some modules hold.

    Args:
        assignment: Whose handout and pictures.
        modules: Sources by name, without `.py`, in the order of the cells; helper modules stay beside the notebook.

    Returns:
        JSON, nbformat 4.5, the same bytes for the same sources.

    Raises:
        MachineError: If a source does not parse, or two modules mean different things by one name: a notebook has one
            namespace. A notebook for each module can hold them then.
    """
    pieces = [piece for module, source in modules.items() for piece in _pieces(module, source, modules)]
    _refuse_clashes(pieces)
    prose = _Prose(_read(assignment.handout_folder / "README.md"))
    pictures = _pictures(_read(assignment.solutions_folder / "notebook.py"), modules)
    cells = [("markdown", text) for text in prose.opening()] + [("code", _FIRST)]
    if "" in pictures:
        cells.append(("code", pictures[""]))
    seen = set()
    for piece in pieces:
        if piece.text in seen:
            continue
        seen.add(piece.text)
        if piece.name:
            cells += [("markdown", text) for text in prose.until(piece.name)]
        cells.append(("code", piece.text))
        cells += [("code", pictures[name]) for name in piece.names if name in pictures]
    cells += [("markdown", text) for text in prose.rest()]
    return _written(cells)


def _written(cells: list[tuple[str, str]]) -> bytes:
    content = {
        "cells": [_cell(number, kind, text) for number, (kind, text) in enumerate(cells, start=1)],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def _cell(number: int, kind: str, text: str) -> dict[str, object]:
    ran: dict[str, object] = {"execution_count": None, "outputs": []} if kind == "code" else {}
    common = {"cell_type": kind, "id": f"cell-{number:03}", "metadata": {}, "source": text.splitlines(keepends=True)}
    return dict(sorted({**common, **ran}.items()))


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _pieces(module: str, source: str, modules: Mapping[str, str]) -> Iterator[_Piece]:
    """A module's cells: each definition with the comments above it, and what stands between definitions."""
    try:
        body = ast.parse(source).body
    except SyntaxError as error:
        raise MachineError(f"{module}.py: does not parse: {error.msg}") from error
    lines = _without_siblings(source, modules).split("\n")
    runner = _runner(body)
    names: list[str] = []
    start = begin = 0  # of the cell, and of what is not in one yet
    waiting: list[str] = []
    for node in body:
        start, begin = begin, node.end_lineno or node.lineno
        text = "\n".join(lines[start:begin]).strip("\n")
        if _is_dropped(node):
            continue
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if waiting:
                yield _Piece(module, "", tuple(names), "\n".join(waiting).strip("\n"))
            waiting, names = [], []
            if node is runner:
                yield _Piece(module, "", (), _as_cell(module, runner, lines))
            else:
                yield _Piece(module, node.name, (node.name,), text)
        else:
            waiting += lines[start:begin]
            names += _values(node)
    if waiting:
        yield _Piece(module, "", tuple(names), "\n".join(waiting).strip("\n"))


def _is_dropped(node: ast.stmt) -> bool:
    """Docstring, imports from the future, and what runs when the file is run."""
    return (
        (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        or (isinstance(node, ast.ImportFrom) and node.module == "__future__")
        or (isinstance(node, ast.If) and "__name__" in ast.dump(node.test))
    )


def _values(node: ast.stmt) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _runner(body: list[ast.stmt]) -> ast.FunctionDef | None:
    """The function without arguments that running the file calls, if a cell can do the same."""
    run = [each for node in body if isinstance(node, ast.If) for each in ast.walk(node)]
    called = {each.func.id for each in run if isinstance(each, ast.Call) and isinstance(each.func, ast.Name)}
    for node in body:
        if isinstance(node, ast.FunctionDef) and node.name in called and not ast.unparse(node.args):
            leaves = any(isinstance(each, ast.Return | ast.Yield | ast.YieldFrom) for each in ast.walk(node))
            return None if leaves else node
    return None


def _as_cell(module: str, runner: ast.FunctionDef, lines: list[str]) -> str:
    """The cell that does what running the module's file does."""
    first = runner.body[1] if ast.get_docstring(runner) and len(runner.body) > 1 else runner.body[0]
    body = [line for line in lines[first.lineno - 1 : runner.end_lineno] if line != "    pass"]  # see _without_siblings
    return f"if TRAIN:  # as running {module}.py does\n" + "\n".join(body or ["    pass"]).lstrip("\n")


def _without_siblings(source: str, modules: Mapping[str, str]) -> str:
    """The source without imports from its siblings, line for line: in a notebook their names are at hand."""
    siblings = "|".join(map(re.escape, modules))
    found = re.compile(rf"^( *)from (?:{siblings}) import (?!.*\bas\b)[\w, ]+?(?: *#.*)?$", re.MULTILINE)
    return found.sub(lambda match: f"{match[1]}pass" if match[1] else "", source)


def _refuse_clashes(pieces: list[_Piece]) -> None:
    """Two modules must not mean different things by one name, unless it is a value that no definition refers to."""
    holders: dict[str, _Piece] = {}
    definitions = [piece for piece in pieces if piece.name]
    for piece in pieces:
        for name in piece.names:
            other = holders.setdefault(name, piece)
            if other.module == piece.module or other.text == piece.text:
                continue
            word = re.compile(rf"\b{re.escape(name)}\b")
            if piece.name or other.name or any(word.search(definition.text) for definition in definitions):
                raise MachineError(
                    f"{other.module}.py and {piece.module}.py can't be in one notebook: each has a {name} of its own"
                )


def _pictures(source: str, modules: Mapping[str, str]) -> dict[str, str]:
    """Cells of pictures by the name after whose cell they stand; "" for what all of them import."""
    head, *parts = _AFTER.split(_without_siblings(source, modules))
    code = [node for node in ast.parse(head).body if not _is_dropped(node)]
    common = "\n".join(ast.unparse(node) for node in code)
    cells = {"": re.sub(r"\n(?=def |class )", "\n\n\n", common)} if code else {}
    return cells | {name: text.strip("\n") for name, text in zip(parts[::2], parts[1::2], strict=True)}


class _Prose:
    """The handout's paragraphs, handed out before the cells of the names that they are about."""

    def __init__(self, handout: str) -> None:
        sections = re.split(r"^(?=## )", handout, flags=re.MULTILINE)
        self._opening = [part.strip() for part in sections if not part.startswith("## Part")]
        self._blocks = [block for part in sections if part.startswith("## Part") for block in _blocks(part)]

    def opening(self) -> list[str]:
        """Title and rules."""
        kept = [part for part in self._opening if part and not part.startswith(_LEFT_OUT)]
        return [*kept[:1], _INTRODUCTION, *kept[1:]]

    def until(self, name: str) -> list[str]:
        """All paragraphs not handed out yet up to the one about a name and its hints; none if there is none."""
        found = next((at for at, block in enumerate(self._blocks) if name in _about(block)), None)
        if found is None:
            return []
        end = found + 1
        while end < len(self._blocks) and not self._blocks[end].startswith(("**", "## ")):
            end += 1
        told, self._blocks = self._blocks[:end], self._blocks[end:]
        return ["\n\n".join(told)]

    def rest(self) -> list[str]:
        """What is left."""
        told, self._blocks = self._blocks, []
        return ["\n\n".join(told)] if told else []


def _blocks(section: str) -> list[str]:
    """Paragraphs; a block of code is one with what stands in it."""
    parts = re.split(r"(^```.*?^```$)", section, flags=re.MULTILINE | re.DOTALL)
    found = [[part] if part.startswith("```") else part.split("\n\n") for part in parts]
    return [block.strip("\n") for blocks in found for block in blocks if block.strip()]


def _about(block: str) -> set[str]:
    """The names that a paragraph is about: those in bold."""
    return {name for bold in re.findall(r"\*\*(.+?)\*\*", block) for name in _ASKED.findall(bold)}
