"""Submissions that resemble each other, or only seem to: builders, no state."""

from __future__ import annotations

import ast
import io
import random
from collections.abc import Mapping
from itertools import cycle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from grader.records import Submission
from grader.rubric import PROJECT, get_assignment

Weights = Mapping[str, Tensor]


def sources(folder: str) -> dict[str, bytes]:
    """The modules in one of the project's folders."""
    return {path.name: path.read_bytes() for path in sorted((PROJECT / folder).glob("*.py"))}


def handed_in(student: str, files: Mapping[str, bytes], assignment: str) -> tuple[str, Submission]:
    """A student with these files, as `find_pairs` takes them."""
    return student, Submission(student, get_assignment(assignment), "0" * 64, dict(files))


class _Renamed(ast.NodeTransformer):
    """Renames what is local to each function, and drops its docstring and annotations."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """One function, and those within it."""
        local = {name.id for name in ast.walk(node) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)}
        local |= {argument.arg for argument in node.args.args} - {"self"}
        renamed = {name: f"{self._rng.choice('abcxyz')}{place}" for place, name in enumerate(sorted(local))}
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name):
                inner.id = renamed.get(inner.id, inner.id)
            elif isinstance(inner, ast.arg):
                inner.arg, inner.annotation = renamed.get(inner.arg, inner.arg), None
        node.returns = None
        first = node.body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and len(node.body) > 1:
            del node.body[0]
        return node


def disguised(source: bytes, seed: int = 0) -> bytes:
    """The same code with other local names, another order of functions, other comments, layout and docstrings."""
    rng = random.Random(seed)
    tree = _Renamed(rng).visit(ast.parse(source))
    parts = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    rest = [node for node in tree.body if node not in parts and not isinstance(node, ast.If)]
    rng.shuffle(parts)
    tree.body = [*rest, *parts]
    lines = ast.unparse(ast.fix_missing_locations(tree)).split("\n")
    return ("# all my own work\n" + "\n".join(f"{line}  # step {place}" for place, line in enumerate(lines))).encode()


def padded(source: bytes, *paddings: str) -> bytes:
    """The same code with a statement after each other one, of several by turns."""
    turns = cycle(paddings)

    class Padded(ast.NodeTransformer):
        def generic_visit(self, node: ast.AST) -> ast.AST:
            super().generic_visit(node)
            for name in ("body", "orelse"):
                block = getattr(node, name, None)
                if isinstance(block, list) and block:
                    setattr(node, name, [each for old in block for each in (old, *ast.parse(next(turns)).body)])
            return node

    return ast.unparse(ast.fix_missing_locations(Padded().visit(ast.parse(source)))).encode()


class _Reordered(ast.NodeTransformer):
    """Swaps statements that don't need each other, two by two."""

    KINDS = (ast.Assign, ast.AugAssign, ast.Expr, ast.For, ast.If, ast.With)

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """A function or a compound statement, after those within it."""
        super().generic_visit(node)
        for name in ("body", "orelse"):
            block = getattr(node, name, None)
            if isinstance(block, list) and isinstance(node, (ast.FunctionDef, *self.KINDS)):
                place = 0
                while place + 1 < len(block):
                    if self._are_free(*block[place : place + 2]):
                        block[place : place + 2] = reversed(block[place : place + 2])
                        place += 1
                    place += 1
        return node

    def _are_free(self, one: ast.stmt, other: ast.stmt) -> bool:
        if not (isinstance(one, self.KINDS) and isinstance(other, self.KINDS)):
            return False
        stored, read = _used(one)
        others_stored, others_read = _used(other)
        return not (stored & (others_stored | others_read) or others_stored & read)


def _used(statement: ast.stmt) -> tuple[set[str], set[str]]:
    names = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
    return (
        {name.id for name in names if isinstance(name.ctx, ast.Store)},
        {name.id for name in names if isinstance(name.ctx, ast.Load)},
    )


def reordered(source: bytes, seed: int = 0) -> bytes:
    """A disguised copy in which neighbouring statements that don't need each other have changed places, too."""
    tree = _Reordered().visit(ast.parse(disguised(source, seed)))
    return ast.unparse(ast.fix_missing_locations(tree)).encode()


def small_module(seed: int) -> nn.Module:
    """A small network with its first weights."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.Conv2d(16, 32, 3), nn.Flatten(), nn.Linear(512, 10)
    )


def small_network(seed: int) -> Weights:
    """The state of `small_module`."""
    return small_module(seed).state_dict()


def saved(content: Any, **options: Any) -> bytes:
    """What `torch.save` writes."""
    file = io.BytesIO()
    torch.save(content, file, **options)
    return file.getvalue()


def with_noise(weights: Weights, size: float) -> Weights:
    """The same weights with noise of so much of their spread."""
    torch.manual_seed(99)
    return {
        name: value + size * value.std() * torch.randn_like(value) if value.numel() > 1 else value
        for name, value in weights.items()
    }


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        """Have whoever unpickles this make the file."""
        return (Path.touch, (self._path,))
