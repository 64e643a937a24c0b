"""What a statement of a notebook's cell defines, changes and needs, so that it can be taken alone.

Imports, definitions and assignments are taken, also inside `if`, `try` and `with`, and what gives a class a method
(`setattr(MyNet, "forward", forward)`); other calls and loops are not.
"""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterator
from dataclasses import dataclass

from grader.notebooks.changes import called_root, changed_names, handed_names, is_light, is_set_loop, sets_attributes

_COMPREHENSIONS = {"listcomp", "setcomp", "dictcomp", "genexpr"}  # functions to the compiler, run at once
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)  # what the parser raises on what is no Python
STAR = "*"  # among the names that an import binds: whatever the module offers

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_Block = ast.If | ast.Try | ast.TryStar | ast.With
_Taken = _Definition | ast.Import | ast.ImportFrom | ast.Assign | ast.AugAssign


@dataclass(frozen=True, eq=False)
class Statement:
    """A statement at the top level of a cell.

    Attributes:
        book: Number of the notebook.
        place: Position among the notebook's statements.
        cell: Number of the cell.
        line: First line in the cell.
        text: Its source, line for line; of a block with `pass` for what is not taken.
        nested: Whether its lines are indented, as they stood in `if __name__ == "__main__":`.
        kind: "import", "function", "class", "value", "block", "part" (it changes a name's value: `x.a = 1`, `x += 1`),
            "patch" (a part that costs nothing: `MyNet.forward = forward`), "call" (of what may give a class a method).
        binds: Names that it gives a meaning; "*" for a star import.
        changes: Names whose value it changes.
        extends: Names that it hands to a decorator or a function, which gives methods to those that are classes.
        called: Of a "call", the name of what is called.
        sets: Whether it defines what sets attributes of others, as d2l's `add_to_class` does.
        now: Names that it needs when it is run.
        later: Names that its functions need when they are called.
        todo: Whether a TODO is still in place.
        form: Equal for two statements that differ in layout, comments and docstrings only.
        sources: Where an import takes them from: dotted names of modules.
    """

    book: int
    place: int
    cell: int
    line: int
    text: str
    nested: bool
    kind: str
    binds: frozenset[str]
    changes: frozenset[str]
    extends: frozenset[str]
    called: str
    sets: bool
    now: frozenset[str]
    later: frozenset[str]
    todo: bool
    form: int
    sources: tuple[str, ...]

    def is_whole(self, name: str) -> bool:
        """Whether what a name meant before is of no account; `import a.b` adds to what `import a.c` gave."""
        defines = self.kind in ("function", "class", "value") and name in self.binds
        return defines and name not in self.changes | self.now


def public_names(source: bytes) -> frozenset[str]:
    """Names that a star import takes of a module: what its `__all__` lists, or what does not begin with `_`.

    Nothing of a module that does not parse.
    """
    try:
        body = ast.parse(source).body
        bound = {id(node): _binds(node, ast.unparse(node)) for node in body}
    except UNREADABLE:
        return frozenset()
    for node in body:
        if (
            isinstance(node, ast.Assign)
            and "__all__" in bound[id(node)]
            and isinstance(node.value, ast.List | ast.Tuple)
        ):
            listed = [each.value for each in node.value.elts if isinstance(each, ast.Constant)]
            return frozenset(each for each in listed if isinstance(each, str))
    return frozenset(name for names in bound.values() for name in names if not name.startswith("_"))


def says_nothing(node: ast.stmt) -> bool:
    """Whether nobody misses a statement: `pass`, a text, an import from the future."""
    return (
        isinstance(node, ast.Pass)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        or (isinstance(node, ast.ImportFrom) and node.module == "__future__")
    )


def flatten(body: list[ast.stmt], nested: bool = False) -> Iterator[tuple[ast.stmt, bool]]:
    """The statements of a cell, those in blocks that a notebook always runs among them, and whether each is in one."""
    for node in body:
        if isinstance(node, ast.If) and _always_runs(node.test):
            yield from flatten(node.body, True)
        else:
            yield node, nested


def _always_runs(test: ast.expr) -> bool:
    if isinstance(test, ast.Constant):
        return bool(test.value)
    return ast.unparse(test) in ("__name__ == '__main__'", "'__main__' == __name__")


def read_statement(node: ast.stmt, lines: list[bytes], place: tuple[int, int, int], nested: bool) -> Statement | None:
    """What is taken of a statement; None when nothing is.

    Args:
        node: As parsed.
        lines: The cell's lines, UTF-8.
        place: Numbers of the notebook, the statement and the cell.
        nested: As `flatten` says.
    """
    unwanted = _unwanted(node)
    if unwanted is None or says_nothing(node):
        return None
    line = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
    is_import = isinstance(node, ast.Import | ast.ImportFrom)
    nested = nested and not is_import
    text = _import_lines(node) if is_import else _segment(node, line, lines, unwanted, nested)
    plain = f"if True:\n{text}" if nested else text
    try:
        compile(plain, "cell", "exec", dont_inherit=True)
    except SyntaxError:  # `await` at the top level
        return None
    now, later = _needs(plain)
    return Statement(
        *place,
        line=line,
        text=text,
        nested=nested,
        kind=_kind(node),
        binds=_binds(node, plain),
        changes=changed_names(node),
        extends=handed_names(node),
        called=called_root(node),
        sets=sets_attributes(node),
        now=now,
        later=later,
        todo=_is_todo(node),
        form=_form(node),
        sources=tuple(_sources(node)),
    )


def _import_lines(node: ast.stmt) -> str:
    """A line for each name, because one that fails must not cost the others."""
    if isinstance(node, ast.Import):
        return "\n".join(ast.unparse(ast.Import([alias])) for alias in node.names)
    assert isinstance(node, ast.ImportFrom)
    return "\n".join(ast.unparse(ast.ImportFrom(node.module, [alias], node.level)) for alias in node.names)


def _segment(node: ast.stmt, line: int, lines: list[bytes], unwanted: list[ast.stmt], nested: bool) -> str:
    """The text of a node, line for line, with `pass` for the unwanted statements in it; columns count bytes."""
    found = lines[line - 1 : node.end_lineno]
    found[-1] = found[-1][: node.end_col_offset]
    for each in sorted(unwanted, key=lambda each: (each.lineno, each.col_offset), reverse=True):
        first, last = each.lineno - line, (each.end_lineno or each.lineno) - line
        found[first] = found[first][: each.col_offset] + b"pass" + found[last][each.end_col_offset :]
        found[first + 1 : last + 1] = [b""] * (last - first)
    start = found[0][: node.col_offset] if nested else b""
    found[0] = (start if not start.strip() else b" " * len(start)) + found[0][node.col_offset :]
    return b"\n".join(found).decode()


def _unwanted(node: ast.stmt) -> list[ast.stmt] | None:
    """What is not taken of a statement: calls and loops inside `if`, `try` and `with`; None when nothing is taken."""
    if isinstance(node, ast.AnnAssign):
        return None if node.value is None else []
    if isinstance(node, _Taken) or is_set_loop(node):
        return []
    if isinstance(node, ast.Expr):
        return [] if isinstance(node.value, ast.NamedExpr) or handed_names(node) or changed_names(node) else None
    if not isinstance(node, _Block) or (isinstance(node, ast.If) and "__name__" in ast.dump(node.test)):
        return None
    unwanted: list[ast.stmt] = []
    kept = False
    for holder in (node, *getattr(node, "handlers", ())):
        for inner in (each for name in ("body", "orelse", "finalbody") for each in getattr(holder, name, ())):
            found = None if _is_doubtful(inner) else _unwanted(inner)
            unwanted += [inner] if found is None else found
            kept = kept or found is not None
    return unwanted if kept else None


def _is_doubtful(node: ast.stmt) -> bool:
    """Whether a statement inside a block is a call that would be taken for what it may do to a class."""
    return isinstance(node, ast.Expr) and not isinstance(node.value, ast.NamedExpr) and not changed_names(node)


def _kind(node: ast.stmt) -> str:
    match node:
        case ast.Import() | ast.ImportFrom():
            return "import"
        case ast.ClassDef():
            return "class"
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return "function"
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
            return ("patch" if is_light(node) else "part") if changed_names(node) else "value"
        case ast.Expr(value=ast.NamedExpr()):
            return "value"
        case ast.Expr():
            return ("patch" if is_light(node) else "part") if changed_names(node) else "call"
    return "block"


def _binds(node: ast.stmt, text: str) -> frozenset[str]:
    """Names that a statement gives a meaning at the top level; not those of exceptions, which are gone afterwards."""
    symbols = symtable.symtable(text, "cell", "exec").get_symbols()
    names = {each.get_name() for each in symbols if each.is_assigned() or each.is_imported()}
    caught = {each.name for each in ast.walk(node) if isinstance(each, ast.ExceptHandler) and each.name}
    star = isinstance(node, ast.ImportFrom) and node.names[0].name == STAR
    return frozenset(names - caught) | ({STAR} if star else set())


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
    inner = node.body if isinstance(node, ast.ClassDef) else [node]
    functions = [each for each in inner if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
    raised = [each.exc for one in functions for each in one.body if isinstance(each, ast.Raise) and each.exc]
    return any("NotImplementedError" in ast.dump(each) for each in raised)


def _form(node: ast.stmt) -> int:
    """A number that layout, comments and docstrings don't change."""
    for each in ast.walk(node):
        if isinstance(each, _Definition) and ast.get_docstring(each, clean=False) is not None:
            each.body = each.body[1:]
    return hash(ast.dump(node))


def _sources(node: ast.stmt) -> Iterator[str]:
    """Modules that an import statement needs."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module
