"""Stubs and students' zips, made from solutions."""

from __future__ import annotations

import ast
import shutil
import zipfile
from pathlib import Path
from textwrap import dedent

import pytest

from grader.authoring.release import is_current, release, stub_source
from grader.errors import MachineError, UsageError
from grader.rubric import PROJECT, find_assignments, get_assignment

TASKS = ("1a", "1b", "4a")

SOLUTION = dedent('''\
    """A module."""

    import math

    NAME = "layer2.0.conv2"  # SOLUTION 1b: any but the first
    UNIT: int = 17  # SOLUTION 1b
    LAYERS = ("conv1", "conv2")  # SOLUTION 1b

    GIVEN = 3


    def root(value: float) -> float:
        """The square root."""
        # BEGIN SOLUTION 1a
        #: The math module has it.
        #: Mind the sign.
        # a secret remark
        if value < 0:
            raise ValueError("negative")
        return math.sqrt(value)
        # END SOLUTION


    class Net:
        """A class."""

        def forward(self, x: int) -> int:
            """Twice."""
            y = 2 * x
            # BEGIN SOLUTION 4a
            y += 1
            # END SOLUTION
            return y
''')

STUB = dedent('''\
    """A module."""

    import math

    NAME = ""  # TODO(1b): any but the first
    UNIT: int = -1  # TODO(1b): choose UNIT
    LAYERS = ()  # TODO(1b): choose LAYERS

    GIVEN = 3


    def root(value: float) -> float:
        """The square root."""
        # TODO(1a): write root.
        # The math module has it.
        # Mind the sign.
        raise NotImplementedError("1a: root is not written yet")


    class Net:
        """A class."""

        def forward(self, x: int) -> int:
            """Twice."""
            y = 2 * x
            # TODO(4a): write Net.forward.
            raise NotImplementedError("4a: Net.forward is not written yet")
            return y
''')


def in_function(*lines: str) -> str:
    """A module with one function, whose body is `lines` below a docstring on line 2."""
    return "\n".join(["def f():", '    """Doc."""', *lines, "    return 1", ""])


def make_project(folder: Path, solution: str = SOLUTION) -> Path:
    """A project with one assignment, `sums`, of the modules `roots` (solved) and `later` (not yet)."""
    assignment, solutions = folder / "assignment" / "sums", folder / "solutions" / "sums"
    assignment.mkdir(parents=True)
    solutions.mkdir(parents=True)
    tasks = "".join(f'[[task]]\nid = "{task}"\ntitle = "T"\npoints = 1\nmodule = "roots"\n' for task in TASKS)
    rubric = 'id = "sums"\ntitle = "Sums"\ncourse = "C"\ndue_at = 2030-01-01T00:00:00Z\nmodules = ["roots", "later"]\n'
    (assignment / "assignment.toml").write_text(rubric + tasks, encoding="utf-8")
    (assignment / "README.md").write_text("# Sums\n", encoding="utf-8")
    (assignment / "answers.md").write_text("## 1a. Why?\n", encoding="utf-8")
    (solutions / "roots.py").write_text(solution, encoding="utf-8")
    (solutions / "mistakes.py").write_text("secret = 1\n", encoding="utf-8")
    return folder


def test_stub_of_solution() -> None:
    """Regions become a TODO with the hint and an error; marked constants become empty values of their type."""
    assert stub_source(SOLUTION, TASKS, "roots.py") == STUB


def test_module_without_marks_is_unchanged() -> None:
    """A given module is its own stub, byte for byte, also without a newline at its end."""
    source = '"""Given."""\n\nSPLIT = "a\x0cb"\n\n# the solution is elsewhere\nX = 1'
    assert stub_source(source, TASKS, "given.py") == source


def test_innermost_function_is_named() -> None:
    """A region inside a nested function names the nested one."""
    source = in_function(
        "    def g():", "        # BEGIN SOLUTION 1a", "        return 2", "        # END SOLUTION", "    return g"
    )
    assert "1a: f.g is not written yet" in stub_source(source, TASKS, "m.py")


@pytest.mark.parametrize(
    ("lines", "number", "problem"),
    [
        (("    # BEGIN SOLUTION 1a", "    x = 1"), 3, "without END SOLUTION"),
        (("    # END SOLUTION",), 3, "not a mark that opens"),
        (("    # BEGIN SOLUTION 1a", "    # BEGIN SOLUTION 1b", "    # END SOLUTION"), 4, "inside another"),
        (("    # BEGIN SOLUTION 1a", "    x = 1  # SOLUTION 1b", "    # END SOLUTION"), 4, "inside another"),
        (("    # BEGIN SOLUTION 1a", "    if 1:", "        x = 1", "        # END SOLUTION"), 6, "not indented as"),
        (("    # BEGIN SOLUTION 9z", "    x = 1", "    # END SOLUTION"), 3, "no task '9z'"),
        (("    # BEGIN SOLUTION", "    x = 1", "    # END SOLUTION"), 3, "not a mark"),
        (("    #BEGIN SOLUTION 1a", "    x = 1", "    # END SOLUTION"), 3, "not a mark"),
        (("    # begin solution 1a", "    x = 1", "    # END SOLUTION"), 3, "not a mark"),
        (("    # BEGIN SOLUTION 1a", "    x = 1", "    # END SOLUTION 1a"), 5, "inside another"),
        (("    x = 1  # SOLUTION 1b",), 3, "not a mark"),
        (("    x = 1  # BEGIN SOLUTION 1a",), 3, "not a mark"),
    ],
)
def test_wrong_marks(lines: tuple[str, ...], number: int, problem: str) -> None:
    """A mark that is nested, unclosed, stray, misspelt or of an unknown task is an error with file and line."""
    with pytest.raises(MachineError, match=problem) as caught:
        stub_source(in_function(*lines), TASKS, "m.py")
    assert str(caught.value).startswith(f"m.py:{number}: ")


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("X = 1  # SOLUTION 7q", "m.py:1: no task '7q'"),
        ("X = 1 # SOLUTION 1b", "m.py:1: not a mark"),
        ("X = f(1)  # SOLUTION 1b", "m.py:1: the value of X is not a literal"),
        ("X = 1.5  # SOLUTION 1b", "m.py:1: no empty value for a float"),
        ("if 1:\n    # BEGIN SOLUTION 1a\n    X = 1\n    # END SOLUTION", "m.py:2: BEGIN SOLUTION outside a function"),
        ("X = (", "m.py:1: does not parse"),
        (
            "def f():\n    x = (\n    # BEGIN SOLUTION 1a\n    1)\n    # END SOLUTION\n",
            "m.py without its solution:.*does not parse",
        ),
        (
            'def f():\n    # BEGIN SOLUTION 1a\n    """Doc."""\n    # END SOLUTION\n',
            "takes the docstring of f away",
        ),
    ],
)
def test_places_that_make_no_stub(source: str, problem: str) -> None:
    """A mark where no stub can come of it is an error that names the file."""
    with pytest.raises(MachineError, match=problem):
        stub_source(source, TASKS, "m.py")


def test_release_writes_stubs_and_zip(tmp_path: Path) -> None:
    """A release writes the stubs of solved modules, and a zip of what students get and nothing else."""
    project = make_project(tmp_path)
    stub, notebook, archive = release(get_assignment("sums", project))
    assert stub == project / "assignment" / "sums" / "roots.py"
    assert stub.read_text(encoding="utf-8") == STUB
    assert notebook == project / "assignment" / "sums" / "sums.ipynb"
    assert archive == project / "dist" / "sums.zip"
    with zipfile.ZipFile(archive) as handed_out:
        names = [name for name in handed_out.namelist() if not name.startswith("sums/kit/")]
        handed = ("README.md", "START.md", "answers.md", "assignment.toml", "check.py", "plots.py", "roots.py")
        assert names == [f"sums/{name}" for name in (*handed, "sums.ipynb")]
        assert handed_out.read("sums/roots.py").decode() == STUB


@pytest.mark.slow
def test_release_twice_is_the_same(tmp_path: Path) -> None:
    """Two releases of one state give the same bytes."""
    project = make_project(tmp_path)
    first = [path.read_bytes() for path in release(get_assignment("sums", project))]
    assert [path.read_bytes() for path in release(get_assignment("sums", project))] == first


def test_is_current(tmp_path: Path) -> None:
    """Stubs and the notebook are out of date when missing or changed, and current right after a release."""
    project = make_project(tmp_path)
    assert is_current(get_assignment("sums", project)) == ["roots.py", "sums.ipynb"]
    stub, notebook, _ = release(get_assignment("sums", project))
    assert is_current(get_assignment("sums", project)) == []
    stub.write_text(STUB + "# changed\n", encoding="utf-8")
    assert is_current(get_assignment("sums", project)) == ["roots.py"]
    notebook.write_bytes(notebook.read_bytes() + b" ")
    assert is_current(get_assignment("sums", project)) == ["roots.py", "sums.ipynb"]


def test_wrong_mark_writes_nothing(tmp_path: Path) -> None:
    """A wrong mark stops the release before anything is written, and says where it stands."""
    project = make_project(tmp_path, SOLUTION.replace("# END SOLUTION", "# END", 1))
    with pytest.raises(MachineError, match=r"^solutions/sums/roots.py:30: a mark inside another"):
        release(get_assignment("sums", project))
    assert not (project / "dist").exists()


def test_release_without_handout(tmp_path: Path) -> None:
    """An assignment without its handout can't be released; nor one without solutions, nor one that does not exist."""
    project = make_project(tmp_path)
    (project / "assignment" / "sums" / "answers.md").unlink()
    with pytest.raises(MachineError, match=r"lacks answers\.md"):
        release(get_assignment("sums", project))
    shutil.rmtree(project / "solutions")
    with pytest.raises(MachineError, match="no solution of sums"):
        release(get_assignment("sums", project))
    with pytest.raises(UsageError, match="no assignment 'sumz'"):
        release(get_assignment("sumz", project))


@pytest.mark.parametrize("assignment_id", find_assignments())
def test_released_stubs_hold_no_solution(assignment_id: str) -> None:
    """No line that stands inside a region only is left in the stub, and all that is left parses."""
    for solution in sorted((PROJECT / "solutions" / assignment_id).glob("*.py")):
        stub = PROJECT / "assignment" / assignment_id / solution.name
        if not stub.exists():
            continue
        inside, outside = split_at_fences(solution.read_text(encoding="utf-8"))
        left = set(stub.read_text(encoding="utf-8").splitlines()) & (inside - outside)
        assert not left, f"{stub.name} holds lines of the solution"
        ast.parse(stub.read_text(encoding="utf-8"))


def split_at_fences(source: str) -> tuple[set[str], set[str]]:
    """The lines inside and outside fenced regions."""
    inside: set[str] = set()
    outside: set[str] = set()
    fenced = False
    for line in source.splitlines():
        fenced = fenced or "# BEGIN SOLUTION" in line
        (inside if fenced else outside).add(line)
        fenced = fenced and "# END SOLUTION" not in line
    return inside, outside
