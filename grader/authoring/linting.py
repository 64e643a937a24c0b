"""Reads an assignment's folders for slips of its author, before anything is run: each a sentence with file and line.

Only what stands literally in the sources is judged; a name that is computed is left to the checks' run.
"""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from grader.checking import fixtures
from grader.decoding import decode_text
from grader.figures import LIBRARY
from grader.intake.answers import find_headings
from grader.packages import checks_folder, figures_folder
from grader.rubric import Assignment, Task

OF_PYTEST = ("request", "monkeypatch", "tmp_path", "tmp_path_factory", "pytestconfig", "capsys", "caplog", "recwarn")
NOT_MODULES = ("manifest", "notebook")  # beside the solutions' modules
DECLARING = ("mistake", "mistaken_value", "mistaken_file", "accepted", "accepted_value", "accepted_file")


@dataclass(frozen=True)
class LintFinding:
    """One slip.

    Attributes:
        path: The file.
        line: Number of the line, from 1.
        sentence: What is wrong, and what may be meant.
    """

    path: Path
    line: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.sentence}"


@dataclass(frozen=True)
class _Check:
    """A check as its source declares it."""

    name: str
    task: str
    path: Path
    node: ast.FunctionDef
    call: ast.Call


def lint_assignment(assignment: Assignment) -> list[LintFinding]:
    """Every slip in an assignment's rubric, handout, checks, figures, mistakes and other ways, by file and line."""
    checks = list(_checks(assignment))
    found = [
        *_slips_of_checks(assignment, checks),
        *_slips_of_exhibits(assignment),
        *_slips_of_tasks(assignment, checks),
        *_slips_of_modules(assignment),
        *_slips_of_variations(assignment, {each.name for each in checks}),
    ]
    return sorted(found, key=lambda slip: (str(slip.path), slip.line))


def _checks(assignment: Assignment) -> Iterator[_Check]:
    for path, tree in _parsed(checks_folder(assignment)):
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and (call := _decorator(node, "check")) is not None:
                task = "".join(_texts(call.args[0])) if call.args else ""
                yield _Check(node.name, task, path, node, call)


def _slips_of_checks(assignment: Assignment, checks: list[_Check]) -> Iterator[LintFinding]:
    known, seen = _fixtures(checks_folder(assignment)), dict[str, _Check]()
    for each in checks:
        if each.task and each.task not in assignment.by_id:
            sentence = _unknown("task", each.task, assignment.by_id, f"{each.name} belongs to")
            yield LintFinding(each.path, each.call.args[0].lineno, sentence)
        if (first := seen.setdefault(each.name, each)) is not each:
            place = f"{first.path.name}, line {first.node.lineno}"
            yield LintFinding(
                each.path, each.node.lineno, f"two checks are called {each.name}: the other one is in {place}"
            )
        if not ast.get_docstring(each.node):
            sentence = f"{each.name} has no docstring, which is the sentence that students read"
            yield LintFinding(each.path, each.node.lineno, sentence)
        for argument in each.node.args.args:
            if argument.arg not in known:
                sentence = _unknown("fixture", argument.arg, known, f"{each.name} takes")
                yield LintFinding(each.path, argument.lineno, sentence)
        yield from _slips_of_order(each, [other.name for other in checks if other.task == each.task])


def _slips_of_order(check: _Check, of_task: list[str]) -> Iterator[LintFinding]:
    """Checks that a check stands after or before, and that its task does not have."""
    for word in check.call.keywords:
        if word.arg in ("after", "listed_before"):
            for name in _texts(word.value):
                if name not in of_task:
                    said = f"{check.name} stands {'after' if word.arg == 'after' else 'before'}"
                    yield LintFinding(
                        check.path, word.value.lineno, _unknown(f"check of task {check.task}", name, of_task, said)
                    )


def _fixtures(folder: Path) -> set[str]:
    """Names of what a check may take: the engine's, those beside the checks, and some of pytest's."""
    trees = [ast.parse(Path(str(fixtures.__file__)).read_text(encoding="utf-8"))]
    trees += [tree for path, tree in _parsed(folder) if path.name == "conftest.py" or "fixture" in path.read_text()]
    found = {node.name for tree in trees for node in ast.walk(tree)
             if isinstance(node, ast.FunctionDef) and _decorator(node, "fixture") is not None}  # fmt: skip
    return found | set(OF_PYTEST)


def _slips_of_exhibits(assignment: Assignment) -> Iterator[LintFinding]:
    own = {path.stem: path for path in figures_folder(assignment).glob("*.py")}
    for stem, path in own.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if stem != "__init__" and not any(isinstance(node, ast.FunctionDef) for node in tree.body):
            yield LintFinding(path, 1, f"the kind of figure {stem!r} has no function `draw(exhibit)`")
    for path, tree in _parsed(checks_folder(assignment)):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _name(node.func) == "exhibit" and node.args:
                for kind in _texts(node.args[0]):
                    if kind not in own and importlib.util.find_spec(f"{LIBRARY}.{kind}") is None:
                        where = f"neither {figures_folder(assignment)} nor the library has {kind}.py"
                        yield LintFinding(path, node.lineno, f"there is no kind of figure {kind!r}: {where}")


def _slips_of_tasks(assignment: Assignment, checks: list[_Check]) -> Iterator[LintFinding]:
    rubric = assignment.handout_folder / "assignment.toml"
    handout = _text(assignment.handout_folder / "README.md")
    written = [task for task in assignment.tasks if task.written]
    headings = find_headings(_text(assignment.handout_folder / "answers.md"), [task.id for task in written])
    checked = {each.task for each in checks}
    for task in assignment.tasks:
        line = _line_of(rubric, task)
        if task.scoring == "automatic" and checks and task.id not in checked:
            yield LintFinding(rubric, line, f"task {task.id} is scored by checks and has none")
        if handout and not re.search(rf"(?<![\w.]){re.escape(task.id)}(?![\w])", handout):
            yield LintFinding(
                rubric, line, f"task {task.id} is nowhere in README.md: students can't know that it is asked"
            )
        if task.written and task.id not in headings:
            yield LintFinding(
                rubric, line, f"task {task.id} is answered in words, and answers.md has no heading for it"
            )


def _slips_of_modules(assignment: Assignment) -> Iterator[LintFinding]:
    rubric = assignment.handout_folder / "assignment.toml"
    folders = {"solutions": assignment.solutions_folder, "handout": assignment.handout_folder}
    for part, folder in folders.items():
        held = {path.stem for path in folder.glob("*.py")} - set(NOT_MODULES)
        for name in assignment.modules:
            if name not in held and (part == "solutions" or held):  # stubs may not have been released yet
                yield LintFinding(rubric, 1, _unknown("file", f"{name}.py", [f"{each}.py" for each in held],
                                               f"the rubric names module {name!r}; {folder} has"))  # fmt: skip
    extra = {path.stem for path in folders["handout"].glob("*.py")} - set(assignment.modules)
    for name in sorted(extra):
        path = folders["handout"] / f"{name}.py"
        yield LintFinding(path, 1, f"{name}.py is handed out, and assignment.toml names no module {name!r}")


def _slips_of_variations(assignment: Assignment, checks: set[str]) -> Iterator[LintFinding]:
    for part in ("mistakes", "accepted"):
        for path, tree in _parsed(assignment.solutions_folder / part):
            for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
                if (word := _name(call.func)) in DECLARING and call.args:
                    yield from _slips_of_variation(assignment, checks, path, call, word)


def _slips_of_variation(
    assignment: Assignment, checks: set[str], path: Path, call: ast.Call, word: str
) -> Iterator[LintFinding]:
    first = call.args[0]
    target = "".join(_texts(first))
    if target and not word.endswith("_file"):
        module, _, name = target.partition(".")
        defined = _defined(assignment.solutions_folder / f"{module}.py")
        if module not in assignment.modules:
            yield LintFinding(path, first.lineno, _unknown("module", module, assignment.modules, f"{word} replaces"))
        elif defined and name not in defined:
            yield LintFinding(path, first.lineno, _unknown(f"name in {module}.py", name, defined, f"{word} replaces"))
    for keyword in call.keywords:
        for text in _texts(keyword.value):
            if keyword.arg == "check" and checks and text not in checks:
                yield LintFinding(path, keyword.value.lineno, _unknown("check", text, checks, f"{word} is caught by"))
            if keyword.arg == "help" and not text.strip():
                yield LintFinding(
                    path, keyword.value.lineno, f"{word} has an empty help: say what went wrong and what to do"
                )


def _defined(path: Path) -> set[str]:
    """The names that a module defines or imports at its top; none where there is no such module."""
    if not path.is_file():
        return set()
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def _parsed(folder: Path) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(folder.glob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"), str(path))


def _decorator(node: ast.FunctionDef, name: str) -> ast.Call | None:
    """The call of the decorator of that name; one without parentheses counts as a call without arguments."""
    for each in node.decorator_list:
        call = each if isinstance(each, ast.Call) else ast.Call(each, [], [])
        if _name(call.func) == name:
            return call
    return None


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _texts(node: ast.expr) -> tuple[str, ...]:
    """The texts that an expression is written as: one, or those of a tuple or list; none where it is computed."""
    parts = node.elts if isinstance(node, ast.Tuple | ast.List) else [node]
    return tuple(part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str))


def _unknown(kind: str, name: str, known: Iterable[str], said: str) -> str:
    like = get_close_matches(name, sorted(known), 1)
    return f"{said} {name!r}, and there is no such {kind}" + (f"; did you mean {like[0]!r}?" if like else "")


def _text(path: Path) -> str:
    return decode_text(path.read_bytes()) if path.is_file() else ""


def _line_of(rubric: Path, task: Task) -> int:
    lines = _text(rubric).splitlines()
    place = re.compile(rf"""\s*id\s*=\s*["']{re.escape(task.id)}["']""")
    return next((number for number, line in enumerate(lines, start=1) if place.match(line)), 1)
