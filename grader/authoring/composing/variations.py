"""Reads the files that declare variations: each variation as plain source, which no longer declares anything."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from grader.authoring.composing.sources import Definition, Edit, Imported, Source, apply_edits, imported_by
from grader.errors import MachineError
from grader.importing import Siblings
from grader.solutions import Variation


class VariationFile(Source):
    """A file in `solutions/<id>/mistakes/` or `accepted/`, as if it declared nothing: what is left are definitions.

    Attributes:
        path: Where it is.
        declared: The names that stand for variations in it, and these.

    Raises:
        MachineError: If it can't be imported.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path.read_bytes(), str(path))
        self.path = path
        module = Siblings(path.parents[1]).execute(path)
        self.declared = {name: value for name, value in vars(module).items() if isinstance(value, Variation)}
        self._cuts: dict[int, list[Edit]] = {}
        for number, node in enumerate(self.statements):
            self._cuts[number] = list(self._undeclare(node))

    def _undeclare(self, node: ast.stmt) -> Iterator[Edit]:
        """Take off what makes a variation of it: the decorator, or the call that the value stands in."""
        if isinstance(node, Definition):
            lines = [*(each.lineno for each in node.decorator_list), node.lineno]
            ours = [each for each in node.decorator_list if _is_ours(_root(each), self.imports)]
            for each in ours:
                follower = next(line for line in lines if line > each.lineno)
                yield self.line_start(each.lineno), self.line_start(follower), b""
            node.decorator_list = [each for each in node.decorator_list if each not in ours]
        elif isinstance(node, ast.Assign) and self.declared.keys() & self.binds(node):
            whole, value = node.value, _value_in(node.value)
            several = value.lineno != value.end_lineno
            yield self.start(whole), self.start(value), b"(" if several else b""
            yield self.end(value), self.end(whole), b")" if several else b""
            node.value = value

    def text(self, number: int, names: Mapping[str, str], reroute: Mapping[str, str]) -> str:
        """A statement's source, plain.

        Args:
            number: Which statement.
            names: What global names of the file are to be called.
            reroute: Other names for modules that it imports.

        Raises:
            MachineError: If it can't be written without the grader.
        """
        node = self.statements[number]
        edits = self._cuts[number] + self._plain_variations(node, names)
        for part in ast.walk(node):
            if isinstance(part, ast.Global) and set(part.names) & {old for old, new in names.items() if old != new}:
                raise MachineError(f"{self.path}, line {part.lineno}: `global` of a name that has to change")
            if isinstance(part, ast.Import | ast.ImportFrom):
                edits += self._rerouted(part, reroute)
        start, end = self.span(node)
        start = min([start, *(cut[0] for cut in self._cuts[number])])
        return apply_edits(self.data, edits, start, end).decode().strip()

    def _plain_variations(self, node: ast.stmt, names: Mapping[str, str]) -> list[Edit]:
        """Renames; where one variation calls another, as in `other.replacement(x)`, the plain name `other(x)`."""
        edits = {edit[0]: edit for edit in self.renaming(node, names)}
        through = {
            self.start(part): part
            for part in ast.walk(node)
            if isinstance(part, ast.Attribute) and part.attr == "replacement" and _root(part) is part.value
        }
        for name in self.globals_in(node):
            if name.id in self.declared and isinstance(name.ctx, ast.Load):
                if self.start(name) not in through:
                    raise MachineError(f"{self.path}, line {name.lineno}: {name.id} is used as a variation")
                part = through[self.start(name)]
                edits[self.start(part)] = self.edit(part, f"{name.id}.replacement", names[name.id])
        return list(edits.values())

    def _rerouted(self, node: ast.Import | ast.ImportFrom, reroute: Mapping[str, str]) -> list[Edit]:
        imports = imported_by(node)
        lines = [rerouted(each, reroute, self.path).line() for each in imports]
        changed = lines != [each.line() for each in imports]
        return [(self.start(node), self.end(node), "; ".join(lines).encode())] if changed else []


def rerouted(imported: Imported, reroute: Mapping[str, str], path: Path) -> Imported:
    """The same import from another module, where `reroute` names one.

    Raises:
        MachineError: If it is an import of the grader's, which no student has.
    """
    first = (imported.package or imported.name).split(".")[0]
    if first == "grader":
        raise MachineError(f"{path} needs {imported.what}, which no student has")
    if first not in reroute:
        return imported
    if imported.package:
        return Imported(reroute[first], imported.name, imported.bound)
    return Imported("", reroute[first], imported.bound)


def _root(node: ast.expr) -> ast.expr:
    """The name that a chain of calls and attributes starts from."""
    while isinstance(node, ast.Call | ast.Attribute):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node


def _is_ours(node: ast.expr, imports: Mapping[str, Imported]) -> bool:
    return isinstance(node, ast.Name) and node.id in imports and imports[node.id].what.split(".")[0] == "grader"


def _value_in(call: ast.expr) -> ast.expr:
    """What `mistake(...)(value)` or `mistaken_value(target, name, value, ...)` declares."""
    if not isinstance(call, ast.Call):
        return call
    if isinstance(call.func, ast.Call):
        return call.args[0]
    named = [keyword.value for keyword in call.keywords if keyword.arg in ("value", "replacement")]
    return named[0] if named else call.args[2]
