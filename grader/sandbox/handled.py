"""Tells whether a student's own code catches an exception, before it is raised: `try: import x except ImportError:`.

Python can't be asked, so the source of each frame's function is read: which `try` and `with` stand around the line.
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from types import FrameType
from typing import Any

MADE = "# Made by the grader "  # how modules begin that were made of a notebook (`notebooks/places.py`)
GUARD = "_cell_"  # what leaves out, in them, a statement that fails (`notebooks/guards.py`)
_UNKNOWN = object()
Owns = Callable[[str], bool]  # whether a file is the student's
Block = ast.Try | ast.TryStar | ast.With | ast.AsyncWith
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def own_frames(frame: FrameType | None, owns: Owns) -> Iterator[FrameType]:
    """The student's frames from one on, innermost first."""
    while frame is not None:
        if owns(frame.f_code.co_filename):
            yield frame
        frame = frame.f_back


def is_handled(frame: FrameType, error: BaseException, owns: Owns, *, by_guards: bool = False) -> bool:
    """Whether the student's code catches an exception that is raised in a frame of theirs.

    Args:
        frame: Where.
        error: What.
        owns: Whether a file is the student's.
        by_guards: Whether what the grader has put around a notebook's statements counts too.
    """
    for each in own_frames(frame, owns):
        file, code = each.f_code.co_filename, each.f_code
        for block in _blocks(file, code.co_name, code.co_firstlineno):
            is_inside = block.body[0].lineno <= each.f_lineno <= (block.body[-1].end_lineno or 0)
            counts = is_inside and (by_guards or not _is_guard(block, file))
            if counts and any(_catches(caught, error, each) for caught in _caught(block)):
                return True
    return False


@lru_cache(64)
def _parsed(file: str) -> tuple[str, ast.Module]:
    text = Path(file).read_text(encoding="utf-8", errors="replace")
    return text, ast.parse(text)


@lru_cache(1024)
def _blocks(file: str, name: str, line: int) -> list[Block]:
    """What may catch exceptions in the module, class or function that begins at a line of a file."""
    try:
        tree = _parsed(file)[1]
    except (OSError, SyntaxError, ValueError, RecursionError):
        return []
    scope: ast.AST | None = tree
    if name != "<module>":
        scope = next((node for node in ast.walk(tree) if _begins(node) == (name, line)), None)
    found: list[Block] = []
    waiting = list(getattr(scope, "body", []))
    while waiting:
        node = waiting.pop()
        if isinstance(node, _SCOPES):
            continue  # they have frames of their own
        if isinstance(node, Block):
            found.append(node)
        waiting += [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.expr)]
    return found


def _begins(node: ast.AST) -> tuple[str, int] | None:
    """Name and first line of a definition, as its code object has them."""
    if isinstance(node, _SCOPES):
        return node.name, min([node.lineno, *(each.lineno for each in node.decorator_list)])
    return None


def _is_guard(block: Block, file: str) -> bool:
    """Whether the grader has put a block around a notebook's statement."""
    is_one = isinstance(block, ast.With) and any(_is_call_of_guard(item.context_expr) for item in block.items)
    return is_one and _parsed(file)[0].startswith(MADE)


def _is_call_of_guard(expression: ast.expr) -> bool:
    return isinstance(expression, ast.Call) and isinstance(expression.func, ast.Name) and expression.func.id == GUARD


def _caught(block: Block) -> Iterator[ast.expr | None]:
    """Expressions for what a block catches; None for all."""
    if isinstance(block, ast.Try | ast.TryStar):
        yield from (handler.type for handler in block.handlers)
    else:
        yield from (item.context_expr for item in block.items if isinstance(item.context_expr, ast.Call))


def _catches(caught: ast.expr | None, error: BaseException, frame: FrameType) -> bool:
    if caught is None:
        return True
    if isinstance(caught, ast.Call):
        if _is_call_of_guard(caught):
            return True
        is_suppress = _value(caught.func, frame) is contextlib.suppress
        return is_suppress and any(_catches(each, error, frame) for each in caught.args)
    if isinstance(caught, ast.Tuple):
        return any(_catches(each, error, frame) for each in caught.elts)
    try:
        return isinstance(error, _value(caught, frame))
    except TypeError:  # not to be found out: then it is for that code to decide, as at home
        return True


def _value(expression: ast.expr, frame: FrameType) -> Any:
    """What a name or an attribute stands for in a frame."""
    if isinstance(expression, ast.Attribute):
        return getattr(_value(expression.value, frame), expression.attr, _UNKNOWN)
    if isinstance(expression, ast.Name):
        for names in (frame.f_locals, frame.f_globals, frame.f_builtins):
            if expression.id in names:
                return names[expression.id]
    return _UNKNOWN
