"""What a student's function uses, read from the sources: parsed here, never run.

Only what the function can reach counts: its own code, and the functions, classes and values of the student's modules
that it names, directly or through others. Comments, docstrings and the rest of the file don't.

Python's parser can't be interrupted, and a file of 256 KiB can keep it, or what is done here, busy for hours: so
`read_uses` does it in a process of its own.
"""

from __future__ import annotations

import ast
import json
import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path

from grader.errors import Failure
from grader.limited import Bounds, run_limited

ASKED, USED = "asked.pickle", "used.json"
BOUNDS = Bounds(cpu_s=10, wall_s=120, memory_mib=1024, file_mib=16)  # a person's sources take a tenth of a second

Place = tuple[str, str]  # module and name
Definitions = dict[str, list[ast.stmt]]
MOST_ALIASES = 5  # of aliases


def read_uses(files: Mapping[str, bytes], module: str, name: str) -> set[str]:
    """As `Sources(files).uses(module, name)`, for sources that somebody made to hang who reads them.

    Raises:
        Failure: If they can't be read within `BOUNDS`.
    """
    modules = {path: data for path, data in files.items() if path.endswith(".py")}
    ended = run_limited(__name__, {ASKED: pickle.dumps((modules, module, name))}, [USED], BOUNDS)
    if ended.why:
        raise Failure(
            f"What {name} uses could not be read from your sources: {ended.why}.",
            expected="modules of ordinary size and nesting",
            help="Take generated code, long tables and very long expressions out of your modules.",
        )
    return set(json.loads(ended.files[USED]))


def main(folder: Path) -> None:
    """What the process does: answers the question that the grader put into `folder`."""
    files, module, name = pickle.loads((folder / ASKED).read_bytes())
    answer = json.dumps(sorted(Sources(files).uses(module, name)))
    (folder / USED).write_text(answer)


class Sources:
    """The student's modules.

    Args:
        files: The submission's files by name; those that are no modules, or don't parse, are left out.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = {name.removesuffix(".py"): data for name, data in files.items() if name.endswith(".py")}
        self._parsed: dict[str, _Module | None] = {}

    def uses(self, module: str, name: str) -> set[str]:
        """Dotted names of libraries that a function may use, e.g. "torch.nn.functional.cross_entropy"."""
        found: set[str] = set()
        seen: set[Place] = set()
        waiting = [(module, name)]
        while waiting:
            place = waiting.pop()
            holder = self._module(place[0])
            if place in seen or holder is None:
                continue
            seen.add(place)
            for dotted in holder.used_by(place[1]):
                own = self._own(dotted)
                waiting += own
                found |= set() if own else {dotted}
        return found

    def _own(self, dotted: str) -> list[Place]:
        """The place in the student's modules that a dotted name stands for, if it does."""
        first, _, rest = dotted.partition(".")
        if self._module(first) is None:
            return []
        return [(first, rest.partition(".")[0])] if rest else []

    def _module(self, name: str) -> _Module | None:
        if name not in self._parsed:
            try:
                tree = ast.parse(self._files[name]) if name in self._files else None
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                tree = None
            self._parsed[name] = _Module(name, tree) if tree else None
        return self._parsed[name]


class _Module:
    """One parsed module: what its names are defined as, and what its imports stand for."""

    def __init__(self, name: str, tree: ast.Module) -> None:
        self._name = name
        self._definitions: Definitions = {}
        self._imported: dict[str, str] = {}
        self._stars: list[str] = []
        self._aliases: dict[str, str] = {}  # `F = torch.nn.functional`
        for node in ast.walk(tree):  # inside functions too: a name rarely means two things
            self._note_import(node)
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                self._aliases[node.targets[0].id] = _dotted(node.value)
        for statement in tree.body:
            for defined in _defined(statement):
                self._definitions.setdefault(defined, []).append(statement)

    def _note_import(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                whole = alias.name if alias.asname else alias.name.partition(".")[0]
                self._imported[alias.asname or whole] = whole
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            for alias in node.names:
                if alias.name == "*":
                    self._stars.append(source)
                else:
                    self._imported[alias.asname or alias.name] = f"{source}.{alias.name}".lstrip(".")

    def used_by(self, name: str) -> Iterator[str]:
        """Dotted names that the definition of a name uses; those of the module's own begin with its name."""
        if name in self._imported and name not in self._definitions:
            yield self._imported[name]
        for statement in self._definitions.get(name, ()):
            local = _arguments(statement)
            stored = _stored(statement)
            for node in ast.walk(statement):
                dotted = _dotted(node)
                first = dotted.partition(".")[0]
                if dotted and first not in local:
                    yield from self._resolve(dotted, from_stars=first not in stored)
        if name not in self._definitions and name not in self._imported:
            yield from (f"{source}.{name}" for source in self._stars)

    def _resolve(self, dotted: str, *, from_stars: bool, depth: int = 0) -> Iterator[str]:
        first, _, rest = dotted.partition(".")
        if first in self._definitions:
            yield f"{self._name}.{dotted}"
        elif first in self._imported:
            yield f"{self._imported[first]}.{rest}".rstrip(".")
        elif from_stars:
            yield from (f"{source}.{dotted}" for source in self._stars)
        if rest and self._aliases.get(first) and depth < MOST_ALIASES:
            yield from self._resolve(f"{self._aliases[first]}.{rest}", from_stars=from_stars, depth=depth + 1)


def _defined(statement: ast.stmt) -> Iterator[str]:
    """Names that a statement at a module's top defines, also inside `if` and `try`."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
        return
    for node in ast.walk(statement):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _arguments(statement: ast.stmt) -> set[str]:
    """Names of the arguments of the functions in a statement: inside them, they stand for nothing else."""
    return {node.arg for node in ast.walk(statement) if isinstance(node, ast.arg)}


def _stored(statement: ast.stmt) -> set[str]:
    """Names that a statement gives a value: inside a function, no star import is meant by them."""
    return {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _dotted(node: ast.AST) -> str:
    """`a.b.c` for such an expression, also for `getattr(a.b, "c")`; otherwise empty."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            before = _dotted(value)
            return f"{before}.{name}" if before else ""
        case ast.Call(func=ast.Name(id="getattr"), args=[value, ast.Constant(value=str(name)), *_]):
            before = _dotted(value)
            return f"{before}.{name}" if before else ""
    return ""
