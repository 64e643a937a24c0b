"""Reads a module's source apart: which statement binds which name, what a name needs, and where all that stands.

What is global is asked of Python's own compiler, so that a local variable of the same name stays as it is.
"""

from __future__ import annotations

import ast
import dis
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import CodeType

from grader.errors import MachineError

_NAME = re.compile(rb"(?:async\s+)?(?:def|class)\s+(\w+)")
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
Edit = tuple[int, int, bytes]  # from a byte to another, and what stands there instead


@dataclass(frozen=True)
class Imported:
    """One name that an import statement at the top level binds.

    Attributes:
        package: As in `from package import name`; empty for `import name`.
        name: What is imported.
        bound: The name that then stands for it.
    """

    package: str
    name: str
    bound: str

    @property
    def what(self) -> str:
        """Full name of what it stands for: `torch` for `import torch.nn`, `torch.nn` for `import torch.nn as nn`."""
        if self.package:
            return f"{self.package}.{self.name}"
        return self.bound if self.is_dotted else self.name

    @property
    def is_dotted(self) -> bool:
        """Whether it binds the first part of what it imports."""
        return not self.package and "." in self.name and self.bound == self.name.split(".")[0]

    def line(self) -> str:
        """The statement."""
        start = f"from {self.package} " if self.package else ""
        alias = "" if self.is_dotted or self.bound == self.name else f" as {self.bound}"
        return f"{start}import {self.name}{alias}"


def imported_by(node: ast.stmt) -> list[Imported]:
    """What an import statement binds; nothing for another statement."""
    if isinstance(node, ast.Import):
        return [Imported("", alias.name, alias.asname or alias.name.split(".")[0]) for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module != "__future__":
        package = "." * node.level + (node.module or "")
        return [Imported(package, alias.name, alias.asname or alias.name) for alias in node.names]
    return []


class Source:
    """A module's source.

    Attributes:
        data: The source, UTF-8; places are byte offsets into it.
        where: Its file, for errors.
        statements: At the top level, imports aside.
        imports: By the name that they bind.
        head_ends: Line of the last import, or of the docstring where there is none.
        identifiers: Every name in it, wherever it stands.
    """

    def __init__(self, data: bytes, where: str) -> None:
        self.data, self.where = data, where
        self._starts = [0, *(match.end() for match in re.finditer(rb"\n", data))]
        tree = ast.parse(data, where)
        self._places = set(_global_places(compile(data, where, "exec", dont_inherit=True), where))
        self.imports = {each.bound: each for node in tree.body for each in imported_by(node)}
        heads = [node for number, node in enumerate(tree.body) if _is_import(node) or (number == 0 and _is_text(node))]
        self.head_ends = max((node.end_lineno or 0 for node in heads), default=0)
        self.statements = [node for node in tree.body if not _is_import(node)]
        named = (name for node in ast.walk(tree) for name in (getattr(node, "id", None), getattr(node, "arg", None)))
        self.identifiers = {name for name in named if name} | set(self.imports) | set(self.bound)

    @cached_property
    def bound(self) -> dict[str, list[int]]:
        """Numbers of the statements that bind a name, by name."""
        bound: dict[str, list[int]] = {}
        for number, node in enumerate(self.statements):
            for name in self.binds(node):
                bound.setdefault(name, []).append(number)
        return bound

    def binds(self, node: ast.stmt) -> set[str]:
        """The global names that a statement binds."""
        if isinstance(node, Definition):
            return {node.name}
        inner = {each.bound for part in ast.walk(node) if isinstance(part, ast.stmt) for each in imported_by(part)}
        inner |= {part.name for part in ast.walk(node) if isinstance(part, Definition)}  # below an `if` or a `try`
        return inner | {n.id for n in self.globals_in(node) if not isinstance(n.ctx, ast.Load)}

    def globals_in(self, node: ast.AST) -> list[ast.Name]:
        """The places in a statement where a global name stands."""
        names = [part for part in ast.walk(node) if isinstance(part, ast.Name)]
        return [name for name in names if (name.lineno, name.col_offset) in self._places]

    @cached_property
    def globals(self) -> set[str]:
        """Every global name that it binds or uses."""
        return {name.id for node in self.statements for name in self.globals_in(node)} | {*self.bound, *self.imports}

    def needs(self, name: str) -> tuple[list[int], list[Imported]]:
        """What must be there for a name: numbers of the statements that bind it and all it leads to, and imports."""
        found: set[int] = set()
        imports: dict[str, Imported] = {}
        seen, todo = {name}, [name]
        while todo:
            name = todo.pop()
            if name in self.imports:
                imports[name] = self.imports[name]
            for number in self.bound.get(name, []):
                node = self.statements[number]
                more = {each.id for each in self.globals_in(node)} | self.binds(node)
                found.add(number)
                todo += sorted(more - seen)
                seen |= more
        return sorted(found), sorted(imports.values(), key=Imported.line)

    def span(self, node: ast.stmt) -> tuple[int, int]:
        """Where a statement of the top level begins, decorators included, and ends."""
        lines = [node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))]
        return self._starts[min(lines) - 1], self.end(node)

    def start(self, node: ast.stmt | ast.expr) -> int:
        """Where it begins."""
        return self._starts[node.lineno - 1] + node.col_offset

    def end(self, node: ast.stmt | ast.expr) -> int:
        """Where it ends."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._starts[node.end_lineno - 1] + node.end_col_offset

    def edit(self, node: ast.expr, text: str, new: str) -> Edit:
        """Another text for an expression.

        Raises:
            MachineError: If `text` does not stand there: Python 3.11 can be wrong about where parts of an f-string are.
        """
        start, end = self.start(node), self.end(node)
        if self.data[start:end] != text.encode():
            raise MachineError(
                f"{self.where}, line {node.lineno}: {text} can't be renamed here: take it out of the text"
            )
        return start, end, new.encode()

    def line_start(self, line: int) -> int:
        """Where a line begins, counted from 1."""
        return self._starts[min(line, len(self._starts)) - 1]

    def renaming(self, node: ast.stmt, names: Mapping[str, str]) -> list[Edit]:
        """What gives the global names in a statement others."""
        changed = [name for name in self.globals_in(node) if names.get(name.id, name.id) != name.id]
        edits = [self.edit(name, name.id, names[name.id]) for name in changed]
        if isinstance(node, Definition) and node.name in names:
            head = _NAME.match(self.data, self.start(node))
            assert head is not None
            edits.append((*head.span(1), names[node.name].encode()))
        return edits


def apply_edits(data: bytes, edits: list[Edit], start: int = 0, end: int | None = None) -> bytes:
    """The bytes from `start` to `end`, edits made."""
    parts, at = [], start
    for first, last, new in sorted(edits):
        parts += [data[at:first], new]
        at = last
    return b"".join([*parts, data[at:end]])


def _global_places(code: CodeType, where: str, is_module: bool = True) -> Iterator[tuple[int, int]]:
    """Line, and column in bytes, of all that is global."""
    for step in dis.get_instructions(code):
        if "GLOBAL" in step.opname or step.opname == "LOAD_NAME" or (is_module and step.opname == "STORE_NAME"):
            place = step.positions
            if place is None or place.lineno is None or place.col_offset is None:
                raise MachineError(f"{where} can't be read apart while PYTHONNODEBUGRANGES is set: unset it")
            yield place.lineno, place.col_offset
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _global_places(inner, where, is_module=False)


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
