"""Makes what students receive out of `solutions/<id>/`: stubs and notebook in `assignment/<id>/`, and `dist/<id>.zip`.

A solution marks what the student writes. Inside a function,

    # BEGIN SOLUTION 4a
    #: Put the model into training mode first.
    model.train()
    # END SOLUTION

becomes a TODO with the hint (the `#: ` lines) and `raise NotImplementedError`. At the top level,

    OTHER_LAYER = "layer2.0.conv2"  # SOLUTION 1b: any convolution but the first

keeps the name with an empty value of the same type. A mark that is not exactly so is an error, because a misspelt one
would hand the solution out.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from grader.authoring.composing.notebook import notebook_of
from grader.authoring.kit.making import kit_files
from grader.environment import with_environment
from grader.errors import MachineError
from grader.rubric import Assignment
from grader.zip_writer import pack_files

HANDED_OUT = ("README.md", "answers.md", "assignment.toml")  # beside the stubs, written by hand
EMPTY_VALUES = {str: '""', int: "-1", tuple: "()", list: "[]"}

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_BEGIN = re.compile(r"(?P<indent> +)# BEGIN SOLUTION (?P<task>\S+)")
_END = re.compile(r"(?P<indent> +)# END SOLUTION")
_HINT = re.compile(r" +#: (?P<hint>.+)")
_CONSTANT = re.compile(
    r"(?P<name>\w+)(?P<type>: [^=]+?)? = (?P<value>.+?)  # SOLUTION (?P<task>[^\s:]+)(?:: (?P<hint>.+))?"
)
# Anything that might be meant as a mark: it must be one of the three above, exactly.
_ANY_MARK = re.compile(r"#\s*(?:(?i:BEGIN|END)[\s_-]*(?i:SOLUTION)|SOLUTION)\b")


@dataclass(frozen=True)
class _Place:
    """Where an error is: a file's name and a line number from 1."""

    where: str
    line: int

    def error(self, problem: str) -> MachineError:
        return MachineError(f"{self.where}:{self.line}: {problem}")


def stub_source(source: str, task_ids: Collection[str], where: str) -> str:
    """Take the solution out of a module's source.

    Args:
        source: The solution module.
        task_ids: Ids of the rubric's tasks; a mark must name one of them.
        where: Name of the file, for errors.

    Returns:
        Source of the stub, which parses and has every docstring of the solution's.

    Raises:
        MachineError: If a mark is nested, unclosed, stray, misspelt, names an unknown task, or stands where it makes
            no stub; the text says file and line.
    """
    functions = _function_names(_parse(source, where))
    lines = source.split("\n")
    stub: list[str] = []
    number = 0
    while number < len(lines):
        line, place = lines[number], _Place(where, number + 1)
        number += 1
        if begin := _BEGIN.fullmatch(line):
            end = _find_end(lines, number, begin["indent"], place)
            task = _known(begin["task"], task_ids, place)
            stub += _todo(lines[number:end], begin["indent"], task, _enclosing(functions, place))
            number = end + 1
        elif constant := _CONSTANT.fullmatch(line):
            _known(constant["task"], task_ids, place)
            stub.append(_empty_constant(constant, place))
        elif _ANY_MARK.search(line):
            raise place.error(f"not a mark that opens or closes anything here: {line.strip()}")
        else:
            stub.append(line)
    text = "\n".join(stub)
    _check_stub(source, text, where)
    return text


def release(assignment: Assignment) -> list[Path]:
    """Write an assignment's stubs, its notebook and the zip that students receive.

    Args:
        assignment: Which; the zip goes to `dist/` beside its `assignment/`.

    Returns:
        The paths written: stubs in the rubric's order, the notebook, the handout if it changed, then the zip.

    Raises:
        MachineError: If a solution's marks are wrong or missing, the handout lacks a file, or a public check fails.
    """
    folder = assignment.handout_folder
    made, handout = _generated(assignment), _handout(assignment)
    if not made:
        raise MachineError(f"no solution of {assignment.id} in {assignment.solutions_folder}")
    if missing := [name for name in HANDED_OUT if not (folder / name).is_file()]:
        raise MachineError(f"{folder} lacks {', '.join(missing)}")
    written = made | ({"README.md": handout} if handout != _bytes_of(folder / "README.md") else {})
    for name, data in written.items():
        (folder / name).write_bytes(data)
    files = made | {name: (folder / name).read_bytes() for name in HANDED_OUT} | kit_files(assignment, made)
    target = assignment.root / "dist" / f"{assignment.id}.zip"
    zipped = {f"{assignment.id}/{name}": data for name, data in files.items()}
    return [*map(folder.joinpath, written), pack_files(zipped, target)]


def is_current(assignment: Assignment) -> list[str]:
    """Names of stubs, notebook and handout in `assignment/<id>/` that differ from what `release` would write.

    Raises:
        MachineError: If a solution's marks are wrong.
    """
    made = _generated(assignment) | {"README.md": _handout(assignment)}
    return [name for name, data in made.items() if _bytes_of(assignment.handout_folder / name) != data]


def _handout(assignment: Assignment) -> bytes:
    """The handout, with what the rubric says is there to import."""
    text = (_bytes_of(assignment.handout_folder / "README.md") or b"").decode()
    return with_environment(text, assignment.environment.packages).encode()


def _generated(assignment: Assignment) -> dict[str, bytes]:
    """Contents of every stub, and of the notebook that is made of them, by file name; nothing without a solution."""
    stubs = _stubs(assignment)
    files = {name: text.encode() for name, text in stubs.items()}
    if stubs:
        modules = {name.removesuffix(".py"): text for name, text in stubs.items()}
        files[f"{assignment.id}.ipynb"] = notebook_of(assignment, modules)
    return files


def _stubs(assignment: Assignment) -> dict[str, str]:
    """Source of every stub by file name, for the modules that have a solution."""
    stubs = {}
    for module in assignment.modules:
        solution = assignment.solutions_folder / f"{module}.py"
        if solution.is_file():
            where = solution.relative_to(assignment.root).as_posix()
            stubs[solution.name] = stub_source(solution.read_text(encoding="utf-8"), assignment.by_id, where)
    return stubs


def _bytes_of(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _find_end(lines: list[str], start: int, indent: str, begin: _Place) -> int:
    """Index of the line that closes the region whose first line has index `start`."""
    for number in range(start, len(lines)):
        line = lines[number]
        if not _ANY_MARK.search(line):
            continue
        end = _END.fullmatch(line)
        if end and end["indent"] == indent:
            return number
        problem = "END SOLUTION is not indented as its BEGIN" if end else f"a mark inside another: {line.strip()}"
        raise _Place(begin.where, number + 1).error(problem)
    raise begin.error("BEGIN SOLUTION without END SOLUTION")


def _todo(region: list[str], indent: str, task: str, function: str) -> list[str]:
    """What stands in the stub instead of a region."""
    hints = []
    for line in region:
        hint = _HINT.fullmatch(line)
        if hint is None:
            break
        hints.append(hint["hint"])
    message = f'raise NotImplementedError("{task}: {function} is not written yet")'
    return [f"{indent}# TODO({task}): write {function}.", *(f"{indent}# {hint}" for hint in hints), indent + message]


def _empty_constant(constant: re.Match[str], place: _Place) -> str:
    """The line that keeps a constant's name and loses its value."""
    try:
        kind = type(ast.literal_eval(constant["value"]))
    except (ValueError, SyntaxError) as error:
        raise place.error(f"the value of {constant['name']} is not a literal") from error
    if kind not in EMPTY_VALUES:
        raise place.error(f"no empty value for a {kind.__name__} such as {constant['name']}")
    hint = constant["hint"] or f"choose {constant['name']}"
    return f"{constant['name']}{constant['type'] or ''} = {EMPTY_VALUES[kind]}  # TODO({constant['task']}): {hint}"


def _known(task: str, task_ids: Collection[str], place: _Place) -> str:
    if task not in task_ids:
        raise place.error(f"no task {task!r} in the rubric")
    return task


def _parse(source: str, where: str) -> ast.Module:
    try:
        return ast.parse(source)
    except SyntaxError as error:
        raise _Place(where, error.lineno or 1).error(f"does not parse: {error.msg}") from error


def _definitions(node: ast.AST, prefix: str = "") -> Iterator[tuple[str, _Definition]]:
    """Every function and class below a node, with its dotted name, outer ones first."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _Definition):
            name = f"{prefix}{child.name}"
            yield name, child
            yield from _definitions(child, f"{name}.")
        else:
            yield from _definitions(child, prefix)


def _function_names(tree: ast.Module) -> dict[int, str]:
    """Dotted name of the innermost function around each line that is in one."""
    names = {}
    for name, node in _definitions(tree):
        if isinstance(node, _FUNCTIONS):
            # The parser ends a function at its last statement, above a closing END SOLUTION; BEGIN is always inside.
            names.update(dict.fromkeys(range(node.lineno, (node.end_lineno or node.lineno) + 1), name))
    return names


def _enclosing(functions: dict[int, str], place: _Place) -> str:
    if place.line not in functions:
        raise place.error("BEGIN SOLUTION outside a function")
    return functions[place.line]


def _docstrings(tree: ast.Module) -> dict[str, str | None]:
    return {"": ast.get_docstring(tree)} | {name: ast.get_docstring(node) for name, node in _definitions(tree)}


def _check_stub(source: str, stub: str, where: str) -> None:
    """A stub must parse, and a region must not have swallowed a docstring."""
    before, after = _docstrings(ast.parse(source)), _docstrings(_parse(stub, f"{where} without its solution"))
    for name, docstring in after.items():
        if docstring != before[name]:
            raise MachineError(f"{where}: a solution region takes the docstring of {name or 'the module'} away")
