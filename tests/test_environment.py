"""What there is to import stands in one place, and whoever tells of it tells that."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from grader.authoring.kit.rubric import read_rubric
from grader.environment import (
    ALWAYS,
    OLDEST_PYTHON,
    all_import_names,
    environment_words,
    import_names,
    is_requirement,
    listed,
    not_installed,
    pip_name,
    with_always,
    with_environment,
)
from grader.errors import AssignmentInvalid, MachineError, StudentRaised
from grader.installed import PROVIDED, is_installed
from grader.records import Submission
from grader.rubric import PROJECT, Environment, find_assignments, get_assignment, read_assignment
from grader.runner import run_submission
from grader.sandbox.headless import IPYTHON
from grader.sandbox.hints import import_hint, star_hint, student_error, syntax_hint

MINIPLACES = PROJECT / "assignment" / "miniplaces" / "assignment.toml"
REQUIREMENTS = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
FILES = {
    "cam.py": b"",
    "lib/utils.py": b"",
    "Tools.py": b"",
    "own/__init__.py": b"",
    "fashion.py": b"from lost import *\n",
}


def with_packages(folder: Path, *packages: str) -> Path:
    """An assignment.toml like that of Miniplaces, with these packages in the place of its own."""
    before, _, after = MINIPLACES.read_text(encoding="utf-8").partition("packages = [")
    text = f"{before}packages = {json.dumps(packages)}{after.partition(']')[2]}"
    path = folder / "assignment.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("assignment_id", find_assignments())
def test_one_list(assignment_id: str) -> None:
    """The rubric lists exactly what is there, the handout says it in its words, and the set-up installs it."""
    folder = PROJECT / "assignment" / assignment_id
    told = tomllib.loads((folder / "assignment.toml").read_text(encoding="utf-8"))["environment"]["packages"]
    assert told == list(ALWAYS) == list(get_assignment(assignment_id).environment.packages)
    assert set(ALWAYS) <= {pip_name(each) for each in REQUIREMENTS["dependencies"]}
    handout = (folder / "README.md").read_text(encoding="utf-8")
    assert environment_words(ALWAYS) in " ".join(handout.split())
    assert with_environment(handout, ALWAYS) == handout
    assert not_installed(ALWAYS) == []


def test_oldest_python() -> None:
    """Handouts promise the oldest Python that a grader may have."""
    allowed = SpecifierSet(REQUIREMENTS["requires-python"])
    oldest = f"{OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1]}"
    assert oldest in allowed
    assert f"{OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1] - 1}" not in allowed
    assert f"Python {oldest} or a newer one" in environment_words(ALWAYS)


def test_added_package(tmp_path: Path) -> None:
    """A package that an instructor adds is in the rubric beside all others, in kit, handout and messages."""
    assignment = read_assignment(with_packages(tmp_path, "einops>=0.7", "Torch"))
    packages = assignment.environment.packages
    assert packages == (*ALWAYS, "einops>=0.7")
    assert listed(packages).endswith("seaborn, tqdm and einops")
    assert read_rubric(tmp_path / "assignment.toml").packages == packages
    for path in (PROJECT / "kit" / "START.md", MINIPLACES.with_name("README.md")):
        told = with_environment(path.read_text(encoding="utf-8"), packages)
        assert environment_words(packages) in " ".join(told.split())
    error = {"type": "ModuleNotFoundError", "text": "No module named 'wandb'", "module": "wandb"}
    assert listed(packages) in student_error(error, "", {}, {}, packages).help


@pytest.mark.parametrize(
    "odd", ["", "a b", "--index-url=x", "git+https://example.com/x", "x @ file:///x", "x;y", "x\ny", "x # y"]
)
def test_odd_packages(tmp_path: Path, odd: str) -> None:
    """What pip would not take for a package is refused with a sentence, and so is an unknown key."""
    assert not is_requirement(odd)
    with pytest.raises(AssignmentInvalid, match="is no package as pip takes it"):
        read_assignment(with_packages(tmp_path, odd))
    path = with_packages(tmp_path)
    path.write_text(path.read_text().replace("packages =", "package ="))
    with pytest.raises(AssignmentInvalid, match="package"):
        read_assignment(path)


def test_promised_and_not_installed() -> None:
    """Nothing is graded while something that students were promised is not installed; what to do is said."""
    assignment = get_assignment("miniplaces")
    promised = assignment.model_copy(update={"environment": Environment(packages=("nowhere-at-all>=2",))})
    with pytest.raises(MachineError, match=r"nowhere_at_all \(nowhere-at-all\).*make setup"):
        run_submission(Submission("ann", promised, "0" * 64, {}), "a seed")


@pytest.mark.parametrize(
    ("package", "names"),
    [("scikit-learn", ("sklearn",)), ("opencv-python-headless", ("cv2",)), ("Pillow>=11", ("PIL",)),
     ("rich", ("rich",)), ("typing_extensions", ("typing_extensions",)), ("pyyaml", ("yaml",)),
     ("nowhere-at-all[x]==2", ("nowhere_at_all",))],
)  # fmt: skip
def test_import_names(package: str, names: tuple[str, ...]) -> None:
    """What code imports a package by is known where the two names differ, and found out where it is installed."""
    assert import_names(package) == names


@pytest.mark.parametrize(
    ("name", "there"),
    [("torch.utils.serialization", True), ("os.path", True), ("sys", True), ("cv2", True), ("IPython.display", True),
     ("torch.nn.nowhere", False), ("nowhere", False), ("grader.rubric", False), ("winreg", False), ("tkinter", False),
     ("a b", False), ("", False), ("torch..nn", False), ("\0", False)],
)  # fmt: skip
def test_is_installed(name: str, there: bool) -> None:
    """Modules are looked for where student code finds them, and the grader's own are not there."""
    assert is_installed(name) is there


def test_provided() -> None:
    """What the sandbox stands in for is told as there."""
    assert PROVIDED == (IPYTHON,)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("wandb", "`wandb` is no file of your zip, and no package"),
        ("wandb.sdk", "`wandb` is no file of your zip, and no package"),
        ("utils", "Your zip holds `lib/utils.py`, which an import of `utils` does not find"),
        ("tools", "Your zip holds `Tools.py`, which an import of `tools` does not find"),
        ("torch.nowhere", "It was tried with torch 2."),
        ("sklearn", "It was tried with scikit-learn 1."),
        ("cam", ""),
        ("own.part", ""),
        ("tkinter", ""),
        ("", ""),
        ("x\ny", ""),
    ],
)
def test_import_hint(name: str, told: str) -> None:
    """A missing package, a helper that is not in the zip or lies elsewhere, and another version are told apart."""
    hint = import_hint(name, FILES, ALWAYS)
    assert hint.startswith(told)
    assert bool(hint) is bool(told)
    assert ("sklearn (scikit-learn)" in hint) is ("no package" in hint)


def test_star_hint() -> None:
    """A name that a star import should have brought is told with that import."""
    hint = star_hint("fashion.py", FILES, ALWAYS)
    assert hint.startswith("`from lost import *` brought nothing. `lost` is no file of your zip")
    assert star_hint("cam.py", FILES, ALWAYS) == star_hint("gone.py", FILES, ALWAYS) == ""
    error = {"type": "NameError", "text": "name 'f' is not defined", "where": ["fashion.py, line 3, in train"]}
    assert student_error(error, "", FILES).help == hint


@pytest.mark.parametrize(
    ("newer", "is_told"), [("3.12", True), ("3.14", True), (None, False), ("9.9", False), ([], False)]
)
def test_syntax_hint(newer: object, is_told: bool) -> None:
    """Newer syntax is told with both versions; nothing that the student's process makes up is."""
    told: StudentRaised = student_error({"type": "SyntaxError", "newer": newer}, "", {})
    assert told.help == syntax_hint(newer)
    assert (
        bool(re.search(r"This is syntax of Python 3\.\d+; your code is graded with Python 3\.\d+\.", told.help))
        is is_told
    )


def test_always_comes_first() -> None:
    """Each package is listed once, whatever its spelling."""
    assert with_always(["Scikit_Learn", "a", "a", "tqdm"]) == (*ALWAYS, "a")
    assert all_import_names(ALWAYS)[-3:] == ("PIL", "seaborn", "tqdm")
    assert (listed([]), listed(["torch"]), listed(["torch", "numpy"], "`")) == ("", "torch", "`torch` and `numpy`")
