"""Facts about the project's own files: sizes, documentation, pins, generated stubs, the Makefile."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import tomllib
from datetime import datetime
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from grader.authoring.release import is_current
from grader.manifest import load_manifest
from grader.rubric import PROJECT, find_assignments, get_assignment
from grader.scoring import days_late

MAX_FILE_BYTES = 1_000_000
MAX_MODULE_LINES = 300
EXAMPLES = {"miniplaces": "alice", "two_networks": "group"}
TARGET = re.compile(r"^([a-z][a-z-]*):(?:.*?  ## (.*))?", re.MULTILINE)
# Spelt so that this file does not match itself.
MACHINE_PATHS = re.compile(rb"(?<![\w.])/(?:roo" + rb"t|hom" + rb"e|User" + rb"s)/\w")


def tracked_files() -> list[Path]:
    """Files that are in git, or would be after `git add .`; the test is skipped where there is no git checkout."""
    if shutil.which("git") is None or not (PROJECT / ".git").exists():
        pytest.skip("not a git checkout")
    command = ["git", "-c", f"safe.directory={PROJECT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True).stdout
    paths = [PROJECT / name for name in listing.split("\0") if name]
    return [path for path in paths if path.is_file()]


def is_text(content: bytes) -> bool:
    """Whether git would take a file for text: no NUL in its first 8,000 bytes."""
    return b"\0" not in content[:8_000]


def requirements() -> list[Requirement]:
    """Everything that pyproject.toml asks for."""
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    project, build = settings["project"], settings["build-system"]
    listed = [*project["dependencies"], *project["optional-dependencies"]["dev"], *build["requires"]]
    return [Requirement(text) for text in listed]


def constraints() -> dict[str, str]:
    """What constraints.txt pins, by canonical name."""
    lines = (PROJECT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = (line.split("==") for line in lines if not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in pins}


def run_make(folder: Path, *arguments: str) -> list[str]:
    """Run the project's Makefile in `folder`, with a set-up and a Python that do nothing but note arguments.

    Returns:
        The arguments that Python was called with.
    """
    shutil.copy(PROJECT / "Makefile", folder)
    python = folder / "a venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    (folder / "setup.sh").write_text("#!/bin/sh\n", encoding="utf-8")
    python.write_text("#!/bin/sh\nprintf '%s\\0' \"$@\" > arguments\n", encoding="utf-8")
    for script in (folder / "setup.sh", python):
        script.chmod(0o755)
    # Nothing but PATH: neither the user's VARIANT nor the MAKEFLAGS of `make check` may leak in.
    command = ["make", "-C", str(folder), *arguments, "VENV=a venv"]
    subprocess.run(command, check=True, capture_output=True, env={"PATH": os.environ["PATH"]})
    return (folder / "arguments").read_text(encoding="utf-8").split("\0")[:-1]


def test_no_large_files() -> None:
    """No file in git is larger than 1 MB."""
    assert [path for path in tracked_files() if path.stat().st_size > MAX_FILE_BYTES] == []


def test_modules_are_short() -> None:
    """No file of the grader, of checks or of figures is longer than 300 lines."""
    sources = [*(PROJECT / "grader").rglob("*.py"), *(PROJECT / "solutions").glob("*/[cf]*/*.py")]
    lengths = {path.relative_to(PROJECT): path.read_bytes().count(b"\n") for path in sources}
    assert {path: length for path, length in lengths.items() if length > MAX_MODULE_LINES} == {}


def test_no_machine_paths() -> None:
    """No text file in git names a path of somebody's own machine."""
    found = [
        f"{path.relative_to(PROJECT)}: {match.group().decode()}"
        for path in tracked_files()
        if is_text(content := path.read_bytes()) and (match := MACHINE_PATHS.search(content))
    ]
    assert found == []


def test_targets_are_documented() -> None:
    """`make help` has a line for every target that a person calls, and the README's table has them and no others."""
    targets = dict(TARGET.findall((PROJECT / "Makefile").read_text(encoding="utf-8")))
    assert [name for name, line in targets.items() if not line] == ["ready"]  # called by the other targets only
    table = "\n".join(re.findall(r"^\| `make .*", (PROJECT / "README.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", table)) == set(targets) - {"ready"}


@pytest.mark.parametrize("assignment_id", find_assignments())
def test_stubs_are_current(assignment_id: str) -> None:
    """The stubs in `assignment/` are what `make release` would write now."""
    assert is_current(get_assignment(assignment_id)) == [], "run `make release` and commit what it writes"


@pytest.mark.parametrize("assignment_id", find_assignments())
def test_handout_has_every_task(assignment_id: str) -> None:
    """The handout names every task with its points, and both `answers.md` have a heading for each written question."""
    folder = PROJECT / "assignment" / assignment_id
    handout = (folder / "README.md").read_text(encoding="utf-8")
    tasks = find_assignments()[assignment_id].tasks
    wanted = {task.id: rf"\*\*{re.escape(task.id)} \([^)]*\b{task.points:g} point" for task in tasks}
    assert [task for task, line in wanted.items() if not re.search(line, handout)] == []
    for path in (folder / "answers.md", PROJECT / "examples" / EXAMPLES[assignment_id] / "answers.md"):
        headings = re.findall(r"^## (.*)", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert headings == [f"{task.id}. {task.title}" for task in tasks if task.written], path


DEADLINES = [  # of the problem sets; daylight saving time had begun in both places
    ("miniplaces", "2022-03-29T23:59:00-04:00", "Tuesday, March 29, 2022, 23:59 Eastern time"),
    ("two_networks", "2019-03-27T23:59:00-07:00", "Wednesday, March 27, 2019, 23:59 Pacific time"),
]


@pytest.mark.parametrize(("assignment_id", "moment", "words"), DEADLINES)
def test_deadline_is_that_of_the_problem_set(assignment_id: str, moment: str, words: str) -> None:
    """The rubric has the deadline of the problem set, and the handout says the same one in words."""
    due_at = find_assignments()[assignment_id].due_at
    assert due_at.isoformat() == moment
    assert words.startswith(f"{due_at:%A, %B} {due_at.day}, {due_at:%Y, %H:%M}")
    assert f"Due {words}." in (PROJECT / "assignment" / assignment_id / "README.md").read_text(encoding="utf-8")


def test_late_example() -> None:
    """The README's command for the late example is a day late, and earns what it says."""
    (found,) = re.findall(
        r"SUBMITTED=(\S+) VARIANT=(\S+)`: (\w+) day late, (\S+) of (\d+)\)",
        (PROJECT / "README.md").read_text(encoding="utf-8"),
    )
    miniplaces = find_assignments()["miniplaces"]
    days = days_late(datetime.fromisoformat(found[0]), miniplaces.due_at)
    points = miniplaces.max_score(found[1])
    assert (days, found[2]) == (1, "one")
    assert (float(found[4]), float(found[3])) == (points, round(points * (1 - days / 14), 2))


def test_requirements_were_tested() -> None:
    """Every package that pyproject.toml asks for has a tested version, inside the range asked for."""
    versions = constraints()
    untested = [
        str(requirement)
        for requirement in requirements()
        if not requirement.specifier.contains(versions.get(canonicalize_name(requirement.name), "0"))
    ]
    assert untested == []


def test_pins() -> None:
    """Torch and torchvision are pinned, and no other package is."""
    pinned = {requirement.name for requirement in requirements() if str(requirement.specifier).startswith("==")}
    assert pinned == {"torch", "torchvision"}


def test_linters_before_a_commit() -> None:
    """Before a commit, the linters of `make check` run in the project's environment, which has the pinned versions."""
    hooks = (PROJECT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert re.findall(r"repo: (.*)", hooks) == ["local"]
    linter = r"-m (ruff \w+|mypy)"
    before = re.findall(rf"entry: \.venv/bin/python {linter}", hooks)
    assert len(before) == hooks.count("- id: ")
    assert before == re.findall(linter, (PROJECT / "Makefile").read_text(encoding="utf-8"))


def test_actions() -> None:
    """On GitHub, a change is tried by `make check`, and once a week all tests run; the workflow may write nothing."""
    workflow = (PROJECT / ".github" / "workflows" / "check.yml").read_text(encoding="utf-8")
    steps = re.findall(r"- if: github.event_name (..) 'schedule'\n +run: make (\S+)\n", workflow)
    assert steps == [("!=", "check"), ("==", "test-all")]
    assert re.search(r"^permissions:\n  contents: read\n\n", workflow, re.MULTILINE)
    assert all(re.fullmatch(r"[\w/-]+@v\d+", action) for action in re.findall(r"uses: (\S+)", workflow))


def test_ignored_rules_have_reasons() -> None:
    """Every linter rule that is switched off has its reason on the same line."""
    lines = (PROJECT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if re.match(r'\s+"[A-Z]+[0-9]+",', line)]
    assert rules
    assert [line for line in rules if not re.search(r",\s+# \w", line)] == []


@pytest.mark.parametrize(
    "name",
    [
        "two words",
        "$HOME",
        "$(shell false)",
        "a$$b",
        "it's",
        '"q"',
        "`id`",
        "#1",
        "a;b",
        "a\\b",
        "-dash",
        "*",
        "Zoë",
        "a=b:c",
    ],
)
def test_make_passes_names_intact(tmp_path: Path, name: str) -> None:
    """A file name reaches the grader as typed, whatever it means to make or to the shell."""
    arguments = run_make(tmp_path, "grade", f"SUBMISSION={name}", f"OUT={name}")
    assert arguments == ["-m", "grader", "grade", f"--out={name}", "--", name]


def test_make_leaves_unset_options_out(tmp_path: Path) -> None:
    """A variable that is not set, or empty, becomes no option at all."""
    assert run_make(tmp_path, "report", "OUT=") == ["-m", "grader", "report"]


def test_engine_knows_no_assignment() -> None:
    """Outside of its library, the grader names no assignment and no data set."""
    data = {
        data.name.split()[0].lower() for each in find_assignments() for data in load_manifest(get_assignment(each)).data
    }
    names = {*find_assignments(), *data, *(name.replace("-", "") for name in data)}
    assert {"miniplaces", "cifar-10", "cifar10", "fashionmnist", "places365"} <= names
    engine = [path for path in (PROJECT / "grader").rglob("*.py") if "vision" not in path.parts]
    found = {path: [name for name in names if name in path.read_text(encoding="utf-8").lower()] for path in engine}
    assert {path.name: named for path, named in found.items() if named} == {}


def test_no_two_classes_of_one_name() -> None:
    """A name means one thing: no two classes of the grader are called the same."""
    found: dict[str, list[str]] = {}
    for path in sorted((PROJECT / "grader").rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, []).append(path.name)
    assert {name: paths for name, paths in found.items() if len(paths) > 1} == {}
