"""Tells a student what of their modules is there at home and not where their work is graded."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping

from grader.environment import OLDEST_PYTHON, all_import_names, listed, python_words
from grader.installed import PROVIDED
from grader.newer_syntax import newer_syntax
from grader.sandbox.handled import MADE
from grader.text import clean_name


def environment_notes(files: Mapping[str, bytes], packages: Iterable[str]) -> list[str]:
    """Sentences about imports and syntax that the grader may not have.

    Args:
        files: The student's, by path, modules made of notebooks among them.
        packages: What there is to import, as the assignment says.
    """
    own = {path.partition("/")[0].removesuffix(".py") for path in files}
    there = {*all_import_names(packages), *PROVIDED, *sys.stdlib_module_names, *own}
    absent: dict[str, list[str]] = {}
    notes = []
    for path in sorted(path for path in files if path.endswith(".py")):
        source = files[path].decode(errors="replace")
        label = "your notebook" if source.startswith(MADE) else clean_name(path)
        if newer := newer_syntax(source, OLDEST_PYTHON):
            notes.append(
                f"{label}: has syntax of Python {newer}, and may be graded with {python_words(OLDEST_PYTHON)}."
            )
        for name in imported(source):
            if name not in there and label not in absent.setdefault(name, []):
                absent[name].append(label)
    for name, labels in sorted(absent.items()):
        notes.append(f"{', '.join(labels)}: imports {clean_name(name)}, which is not there; what uses it fails.")
    if absent:
        notes.append(f"There are, beside the standard library, {listed(packages)}.")
    return list(dict.fromkeys(notes))


def imported(source: str) -> Iterator[str]:
    """Packages that a module imports, but for what it tries to import and can do without; none if it does not parse."""
    try:
        waiting: list[ast.AST] = [ast.parse(source)]
    except (SyntaxError, ValueError, RecursionError):
        return
    is_made = source.startswith(MADE)  # with a guard around each import
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
        elif not isinstance(node, ast.Try) or (is_made and node.col_offset == 0):
            waiting += ast.iter_child_nodes(node)
