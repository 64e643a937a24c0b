"""Takes out of the grader's sources what a few names need, so that it runs alone: the code of the students' kit.

Statements are copied as they stand, with the comments above them. What only annotations name is not needed: no module
of ours evaluates them. Packages that students don't have are left behind with the definitions that use them; for a few
of those there is another text, see `making.py`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path

from grader.authoring.composing.sources import Imported, Source, imported_by
from grader.errors import MachineError

PACKAGES = ("grader", "solutions")
WIDTH = 120


class Tree:
    """The modules taken so far, and of each the statements.

    Args:
        project: Folder that holds the package.
        replaced: Other texts for definitions, by full name, e.g. `grader.records.Record`; each begins with what it
            imports, if anything.
        root: Folder that holds `solutions/`; None: the same.
    """

    def __init__(self, project: Path, replaced: Mapping[str, str], root: Path | None = None) -> None:
        self._project, self._root = project, root or project
        self._replaced = replaced
        self._sources: dict[str, Source] = {}
        self._taken: dict[str, set[int]] = {}  # numbers of statements
        self._imports: dict[str, set[str]] = {}  # bound names
        self._names: dict[str, set[str]] = {}

    def take(self, module: str, names: Iterable[str]) -> None:
        """Take names of a module and all that they need.

        Raises:
            MachineError: If there is no such module, or one of the names is not in it.
        """
        source = self._source(module)
        todo = [name for name in names if name not in self._names[module]]
        while todo:
            name = todo.pop()
            if name in self._names[module]:
                continue
            self._names[module].add(name)
            if name not in source.imports and name not in source.bound:
                continue  # of Python itself
            if name in source.imports:
                self._imports[module].add(name)
                self._follow(source.imports[name])
            for number in self._binding(module, name):
                todo += self._need(module, number)

    def take_all(self, module: str) -> None:
        """Take a whole module."""
        source = self._source(module)
        self._taken[module] |= set(range(len(source.statements)))
        self.take(module, sorted(source.globals))

    def has(self, name: str) -> bool:
        """Whether something, by its full name, has been taken."""
        module, _, last = name.rpartition(".")
        return last in self._names.get(module, ())

    def files(self) -> dict[str, bytes]:
        """The sources by path, packages above them included."""
        files = {self._place(module): self._text(module) for module in self._taken}
        for path in list(files):
            for above in Path(path).parents[:-1]:
                init = self._project / above / "__init__.py"
                if (name := (above / "__init__.py").as_posix()) not in files and init.is_file():
                    files[name] = init.read_bytes()
        return files

    def _path(self, module: str) -> Path:
        path = self._folder(module).joinpath(*module.split("."))
        return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")

    def _place(self, module: str) -> str:
        """The path of a module's file in the kit, as in the folder that it is taken from."""
        return self._path(module).relative_to(self._folder(module)).as_posix()

    def _folder(self, module: str) -> Path:
        return self._root if module.partition(".")[0] == "solutions" else self._project

    def _is_module(self, name: str) -> bool:
        return self._path(name).is_file()

    def _source(self, module: str) -> Source:
        if module not in self._sources:
            path = self._path(module)
            if not path.is_file():
                raise MachineError(f"the kit needs {module}, and there is no such module")
            self._sources[module] = Source(path.read_bytes(), self._place(module))
            self._taken[module], self._imports[module], self._names[module] = set(), set(), set()
        return self._sources[module]

    def _binding(self, module: str, name: str) -> list[int]:
        """Numbers of the statements that bind a name, and of those that change what it stands for."""
        source = self._sources[module]
        changing = [
            number
            for number, node in enumerate(source.statements)
            if not source.binds(node)
            and not isinstance(node, ast.If)
            and name in {each.id for each in source.globals_in(node)}
        ]
        return source.bound.get(name, []) + changing

    def _need(self, module: str, number: int) -> list[str]:
        """Take one statement; returns the names of its module that it needs."""
        source, node = self._sources[module], self._sources[module].statements[number]
        self._taken[module].add(number)
        if (text := self._other(module, node)) is not None:
            tree = ast.parse(text)
            for each in (each for part in tree.body for each in imported_by(part)):
                self._follow(each)
            return [each.id for each in ast.walk(tree) if isinstance(each, ast.Name)]
        inner = [part for part in ast.walk(node) if isinstance(part, ast.Import | ast.ImportFrom)]
        for each in (each for part in inner for each in imported_by(part)):
            self._follow(each)
        return sorted({each.id for each in source.globals_in(node)} | source.binds(node))

    def _follow(self, imported: Imported) -> None:
        """Take what an import of ours names."""
        if imported.package.split(".")[0] not in PACKAGES:
            return
        whole = f"{imported.package}.{imported.name}"
        if self._is_module(whole):
            self.take_all(whole)
        else:
            self.take(imported.package, [imported.name])

    def _other(self, module: str, node: ast.stmt) -> str | None:
        return self._replaced.get(f"{module}.{getattr(node, 'name', '')}")

    def _text(self, module: str) -> bytes:
        source = self._sources[module]
        lines = source.data.decode().split("\n")
        taken = sorted(self._taken[module])
        others = [text for number in taken if (text := self._other(module, source.statements[number])) is not None]
        head = [_docstring(lines, source), *self._import_lines(module, others)]
        parts = ["\n".join(part for part in head if part)]
        for number in taken:
            node = source.statements[number]
            if number == 0 and _is_text(node):
                continue
            other = self._other(module, node)
            text = _standing(lines, node) if other is None else _without_imports(other)
            if text == "":
                continue
            is_large = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            parts.append(("\n\n" if is_large or parts[-1].startswith(("\n", "@")) else "") + text)
        return ("\n".join(parts).strip("\n") + "\n").encode()

    def _import_lines(self, module: str, others: list[str]) -> list[str]:
        tree = ast.parse(self._sources[module].data)
        found = ["\nfrom __future__ import annotations\n"] if b"from __future__" in self._sources[module].data else []
        for node in tree.body:
            names = [each for each in imported_by(node) if each.bound in self._imports[module]]
            if isinstance(node, ast.Import):
                found += [each.line() for each in names]
            elif names:
                found.append(_from_line(names))
        found += [ast.unparse(node) for text in others for node in ast.parse(text).body if imported_by(node)]
        return [*dict.fromkeys(found), ""]


def _from_line(names: list[Imported]) -> str:
    told = [each.name if each.bound == each.name else f"{each.name} as {each.bound}" for each in names]
    line = f"from {names[0].package} import {', '.join(told)}"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"from {names[0].package} import (", *(f"    {each}," for each in told), ")"])


def _docstring(lines: list[str], source: Source) -> str:
    first = source.statements[0] if source.statements else None
    return "\n".join(lines[first.lineno - 1 : first.end_lineno]) if first is not None and _is_text(first) else ""


def _standing(lines: list[str], node: ast.stmt) -> str:
    """A statement as it stands, with the comments directly above it and behind it."""
    first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))]) - 1
    while first and lines[first - 1].startswith("#"):
        first -= 1
    return "\n".join(lines[first : node.end_lineno])


def _without_imports(text: str) -> str:
    """A replacement's text without the imports that it begins with."""
    body = [node for node in ast.parse(text).body if not imported_by(node)]
    return "\n".join(_standing(text.split("\n"), node) for node in body)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
