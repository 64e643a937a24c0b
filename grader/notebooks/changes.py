"""What a statement changes of a value that another statement has defined: a class written over several cells.

    MyNet.forward = forward             a change
    setattr(MyNet, "forward", forward)  a change
    @normalize_tensor.register          a change
    @add_to_class(MyNet)                a change if MyNet is a class of the notebook
    add_to_class(MyNet)(forward)        the same, if add_to_class is seen to set attributes

Which of them count is for `definition_index.py` to say, which knows what the names are.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

_Assignment = ast.Assign | ast.AnnAssign | ast.AugAssign
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_SETTERS = ("setattr", "delattr")


def changed_names(node: ast.AST) -> frozenset[str]:
    """Names whose value a statement changes: `x` of `x.a = 1`, `x[0] += 1`, `x += 1`, `setattr(x, "a", 1)`."""
    match node:
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            return frozenset(
                name for target in targets for name in _changed_by(target, isinstance(node, ast.AugAssign))
            )
        case ast.Expr(value=ast.Call(func=ast.Name(id="setattr" | "delattr"), args=[first, *_])):
            return frozenset(_root(first))
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            attributes = (each.func if isinstance(each, ast.Call) else each for each in node.decorator_list)
            return frozenset(name for each in attributes if isinstance(each, ast.Attribute) for name in _root(each))
        case ast.Expr():
            return frozenset()
    inner = (each for each in ast.iter_child_nodes(node) if isinstance(each, ast.stmt | ast.ExceptHandler))
    return frozenset().union(*map(changed_names, inner))


def handed_names(node: ast.stmt) -> frozenset[str]:
    """Names that a definition hands to its decorators, its `self: MyNet` among them, or a call to what it calls."""
    if isinstance(node, ast.Expr):
        return frozenset(_handed(node.value)) | frozenset(called_root(node).split())
    if not isinstance(node, _Function | ast.ClassDef):
        return frozenset()
    found = {name for each in node.decorator_list for name in _handed(each)}
    if node.decorator_list and isinstance(node, _Function) and node.args.args and node.args.args[0].arg == "self":
        found |= {each.id for each in [node.args.args[0].annotation] if isinstance(each, ast.Name)}
    return frozenset(found)


def called_root(node: ast.stmt) -> str:
    """The name that a statement calls, with or without attributes: `f` of `f(x)(y)` and of `f.g(x)`; else empty."""
    return " ".join(_root(node.value)) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else ""


def is_light(node: ast.stmt) -> bool:
    """Whether a change costs nothing: it gives an attribute what has a name already, or a lambda."""
    match node:
        case ast.Assign(value=value) | ast.AnnAssign(value=value) | ast.Expr(value=ast.Call(args=[_, _, value])):
            return isinstance(value, ast.Name | ast.Attribute | ast.Lambda)
    return False


def is_set_loop(node: ast.stmt) -> bool:
    """Whether a loop does nothing but set attributes by `setattr`."""
    return isinstance(node, ast.For) and all(isinstance(each, ast.Expr) and changed_names(each) for each in node.body)


def sets_attributes(node: ast.stmt) -> bool:
    """Whether a definition sets attributes of what it is given."""
    if not isinstance(node, _Function | ast.ClassDef):
        return False
    given = {each.arg for each in ast.walk(node) if isinstance(each, ast.arg)} - {"self"}
    return any(
        (isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id in _SETTERS)
        or (isinstance(each, _Assignment) and bool(changed_names(each) & given))
        for each in ast.walk(node)
    )


def _changed_by(target: ast.expr, is_augmented: bool) -> Iterator[str]:
    match target:
        case ast.Name(id=name):
            yield from [name] if is_augmented else []
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for part in parts:
                yield from _changed_by(part, is_augmented)
        case ast.Starred(value=inner):
            yield from _changed_by(inner, is_augmented)
        case ast.Attribute() | ast.Subscript():
            yield from _root(target)


def _root(node: ast.expr) -> list[str]:
    """The name that a chain of attributes, indices and calls begins with; nothing when it is no name."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return [node.id] if isinstance(node, ast.Name) else []


def _handed(node: ast.expr) -> Iterator[str]:
    """Names among the arguments of a chain of calls."""
    while isinstance(node, ast.Attribute | ast.Call):
        if isinstance(node, ast.Call):
            given = (*node.args, *(each.value for each in node.keywords))
            yield from (each.id for each in given if isinstance(each, ast.Name))
        node = node.func if isinstance(node, ast.Call) else node.value
