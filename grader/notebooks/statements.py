"""What a statement of a notebook's cell defines and what it needs, so that it can be taken alone.

Imports, definitions and assignments are taken, also inside `if`, `try` and `with`; calls and loops are not.
"""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterator
from dataclasses import dataclass

_COMPREHENSIONS = {"listcomp", "setcomp", "dictcomp", "genexpr"}  # functions to the compiler, run at once
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)  # what the parser raises on what is no Python
STAR = "*"  # among the names that an import binds: whatever the module offers
GUARD = "BaseException"  # what a statement may raise that is left out where it fails: `exit()` too

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_Block = ast.If | ast.Try | ast.TryStar | ast.With
_Part = ast.Attribute | ast.Subscript
_Taken = _Definition | ast.Import | ast.ImportFrom | ast.Assign | ast.AugAssign


@dataclass(frozen=True, eq=False)
class Statement:
    """A statement at the top level of a cell.

    Attributes:
        book: Number of the notebook.
        place: Position among the notebook's statements.
        cell: Number of the cell.
        line: First line in the cell.
        text: Its source; of a block without what is not taken.
        kind: "import", "function", "class", "value", "part" (it changes a name's value: `x.a = 1`, `x += 1`), "block".
        binds: Names that it gives a meaning; "*" for a star import.
        now: Names that it needs when it is run.
        later: Names that its functions need when they are called.
        todo: Whether a TODO is still in place.
        sources: Where an import takes them from: dotted names of modules.
    """

    book: int
    place: int
    cell: int
    line: int
    text: str
    kind: str
    binds: frozenset[str]
    now: frozenset[str]
    later: frozenset[str]
    todo: bool = False
    sources: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether what its names meant before is of no account; `import a.b` adds to what `import a.c` gave."""
        return self.kind in ("function", "class", "value") and not self.binds & self.now


def public_names(source: bytes) -> frozenset[str]:
    """Names that a star import takes of a module: what its `__all__` lists, or what does not begin with `_`.

    Nothing of a module that does not parse.
    """
    try:
        body = ast.parse(source).body
    except UNREADABLE:
        return frozenset()
    for node in body:
        if isinstance(node, ast.Assign) and "__all__" in _binds(node) and isinstance(node.value, ast.List | ast.Tuple):
            listed = [each.value for each in node.value.elts if isinstance(each, ast.Constant)]
            return frozenset(each for each in listed if isinstance(each, str))
    return frozenset(name for node in body for name in _binds(node) if not name.startswith("_"))


def says_nothing(node: ast.stmt) -> bool:
    """Whether nobody misses a statement: `pass`, a text, an import from the future."""
    return (
        isinstance(node, ast.Pass)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        or (isinstance(node, ast.ImportFrom) and node.module == "__future__")
    )


def read_statement(node: ast.stmt, lines: list[bytes], place: tuple[int, int, int]) -> Statement | None:
    """What is taken of a statement at the top level of a cell; None when nothing is.

    Args:
        node: As parsed; a block loses what is not taken.
        lines: The cell's lines, UTF-8.
        place: Numbers of the notebook, the statement and the cell.
    """
    kept = _prune(node)
    if kept is None or says_nothing(node):
        return None
    line = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
    text = _text(kept, line, lines)
    try:
        compile(text, "cell", "exec", dont_inherit=True)
    except SyntaxError:  # `await` at the top level
        return None
    now, later = _needs(text)
    binds = frozenset(_binds(kept))
    return Statement(*place, line, text, _kind(kept), binds, now, later, _is_todo(kept), tuple(_sources(kept)))


def _text(node: ast.stmt, line: int, lines: list[bytes]) -> str:
    """Its source; of an import a line for each name, because one that fails must not cost the others."""
    if isinstance(node, _Block):
        return _guarded(node)
    if isinstance(node, ast.Import):
        return "\n".join(ast.unparse(ast.Import([alias])) for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        return "\n".join(ast.unparse(ast.ImportFrom(node.module, [alias], node.level)) for alias in node.names)
    return _segment(node, line, lines)


def _guarded(block: ast.stmt) -> str:
    """The text of a block that is left out where it fails."""
    handler = ast.ExceptHandler(ast.Name(GUARD, ast.Load()), None, [ast.Pass()])
    return ast.unparse(ast.fix_missing_locations(ast.Try([block], [handler], [], [])))


def _segment(node: ast.stmt, line: int, lines: list[bytes]) -> str:
    """The text of a node, whose columns count bytes."""
    found = lines[line - 1 : node.end_lineno]
    found[-1] = found[-1][: node.end_col_offset]
    found[0] = found[0][node.col_offset :]
    return b"\n".join(found).decode()


def _prune(node: ast.stmt) -> ast.stmt | None:
    """A statement without what is not taken: calls and loops inside `if`, `try` and `with`."""
    if isinstance(node, ast.AnnAssign):
        return node if node.value is not None else None
    if isinstance(node, _Taken):
        return node
    if not isinstance(node, _Block) or (isinstance(node, ast.If) and "__name__" in ast.dump(node.test)):
        return None
    inner = 0
    for holder in (node, *getattr(node, "handlers", ())):
        for name in ("body", "orelse", "finalbody"):
            body = [kept for each in getattr(holder, name, ()) if (kept := _prune(each)) is not None]
            inner += len(body)
            if getattr(holder, name, ()):
                setattr(holder, name, body or [ast.Pass()])
    return node if inner else None


def _kind(node: ast.stmt) -> str:
    match node:
        case ast.Import() | ast.ImportFrom():
            return "import"
        case ast.ClassDef():
            return "class"
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return "function"
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            is_part = isinstance(node, ast.AugAssign) or any(
                isinstance(each, ast.Attribute | ast.Subscript) for each in targets
            )
            return "part" if is_part else "value"
    return "block"


def _binds(node: ast.stmt) -> Iterator[str]:
    """Names that a statement gives a meaning at the top level."""
    match node:
        case ast.Import() | ast.ImportFrom():
            for alias in node.names:
                yield alias.asname or (alias.name if isinstance(node, ast.ImportFrom) else alias.name.split(".")[0])
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                yield from _roots(target)
        case _:
            for item in getattr(node, "items", ()):
                yield from _roots(item.optional_vars)
            for child in ast.iter_child_nodes(node):
                for inner in child.body if isinstance(child, ast.ExceptHandler) else [child]:
                    if isinstance(inner, ast.stmt):
                        yield from _binds(inner)


def _roots(target: ast.expr | None) -> Iterator[str]:
    """Names in a target: `a` and `b` of `a, *b`, `x` of `x.y[0]`."""
    match target:
        case ast.Name(id=name):
            yield name
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for part in parts:
                yield from _roots(part)
        case ast.Starred(value=inner) | ast.Attribute(value=inner) | ast.Subscript(value=inner):
            yield from _roots(inner)


def _needs(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """Global names that a statement needs when it is run, and those that its functions need when they are called."""
    top = symtable.symtable(text, "cell", "exec")
    needs = {False: {each.get_name() for each in top.get_symbols() if each.is_referenced()}, True: set()}
    waiting = [(child, False) for child in top.get_children()]
    while waiting:
        table, later = waiting.pop()
        later = later or (table.get_type() == "function" and table.get_name() not in _COMPREHENSIONS)
        needs[later] |= {each.get_name() for each in table.get_symbols() if each.is_global()}
        waiting += [(child, later) for child in table.get_children()]
    return frozenset(needs[False]), frozenset(needs[True])


def _is_todo(node: ast.stmt) -> bool:
    """Whether a definition still says that it is not written yet, or a value is an empty one."""
    if isinstance(node, ast.Assign):
        return ast.unparse(node.value) in ("''", "-1", "()", "[]")
    return isinstance(node, _Definition) and any(
        isinstance(each, ast.Raise) and each.exc is not None and "NotImplementedError" in ast.dump(each.exc)
        for each in ast.walk(node)
    )


def _sources(node: ast.stmt) -> Iterator[str]:
    """Modules that an import statement needs."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module
