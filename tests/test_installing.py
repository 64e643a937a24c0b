"""`pip install -e .` gives the command `grader`, which runs what stands in the project's folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import venv
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from sample_guide import copy_project

from grader.cli import main as cli
from grader.gradescope.autograder import pack_autograder
from grader.rubric import PROJECT, get_assignment


def settings() -> dict[str, Any]:
    """What pyproject.toml says."""
    return tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))


def pip(python: Path, *arguments: str | Path) -> None:
    """Have the tests' pip install something for another Python, without a network."""
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index",
         "--no-build-isolation", *map(str, arguments)], check=True, capture_output=True, timeout=120,
    )  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project; its folder has a blank in its name."""
    return copy_project(tmp_path / "a project")


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A new environment that finds the packages of the tests' own, but no grader."""
    venv.create(tmp_path / "venv", symlinks=True, with_pip=False)
    (packages,) = (tmp_path / "venv" / "lib").glob("python3*/site-packages")
    ours = [path for path in sys.path if path.endswith("-packages")]
    (packages / "ours.pth").write_text("\n".join(ours), encoding="utf-8")  # their .pth files do not count
    return tmp_path / "venv" / "bin"


def run(environment: Path, command: str, *arguments: str, folder: Path) -> tuple[int, str, str]:
    """Run a command of an environment: exit code, what it printed, what it noted."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ended = subprocess.run(
        [environment / command, *arguments], cwd=folder, env=kept, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    return ended.returncode, ended.stdout, ended.stderr


def test_entry_point() -> None:
    """The command `grader` calls what `python -m grader` calls."""
    (target,) = [value for name, value in settings()["project"]["scripts"].items() if name == "grader"]
    assert EntryPoint("grader", target, "console_scripts").load() is cli.main
    assert "from grader.cli.main import main\n\nmain()" in (PROJECT / "grader" / "__main__.py").read_text()


def test_copy_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A copy of the package without the project's folders ends with 3 and says how the grader is installed."""
    monkeypatch.setattr(cli, "PROJECT", tmp_path)
    monkeypatch.setattr(sys, "argv", ["grader", "grade", "alice.zip"])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 3
    noted = capsys.readouterr().err
    assert noted.startswith(f"error: {tmp_path} holds a copy of the grader without its assignments")
    assert "`pip install -e .` in the project's folder" in noted


@pytest.mark.slow
def test_installed_editable(project: Path, environment: Path, tmp_path: Path) -> None:
    """The installed command, called in any folder, uses the project's own assignments, and its code as edited."""
    before = set(project.iterdir())
    pip(environment / "python", "--editable", f"{project}[dev]")
    assert set(project.iterdir()) == before
    command = ("gradescope", "--assignment", "none")
    as_module = run(environment, "python", "-m", "grader", *command, folder=tmp_path)
    assert run(environment, "grader", *command, folder=tmp_path) == as_module
    assert as_module[0] == 2
    assert "toy" in as_module[2]
    with (project / "grader" / "errors.py").open("a", encoding="utf-8") as file:
        file.write("\nraise SystemExit('edited')\n")
    assert run(environment, "grader", "--help", folder=tmp_path) == (1, "", "edited\n")


@pytest.mark.slow
def test_installed_copy(project: Path, environment: Path, tmp_path: Path) -> None:
    """`pip install .` installs the grader alone, no tests or assignments; the command then says how to install it."""
    (packages,) = environment.parent.glob("lib/python3*/site-packages")
    before = set(packages.iterdir())
    (project / "tests").mkdir()
    (project / "tests" / "__init__.py").touch()
    pip(environment / "python", project)
    assert {path.name.partition("-")[0] for path in set(packages.iterdir()) - before} == {"grader", "vision_autograder"}
    code, _, noted = run(environment, "grader", "--help", folder=tmp_path)
    assert code == 3
    assert "`pip install -e .` in the project's folder" in noted


@pytest.mark.slow
def test_autograder_of_gradescope(project: Path, environment: Path, tmp_path: Path) -> None:
    """What Gradescope unpacks can be installed editable, too, as its setup.sh does."""
    shutil.unpack_archive(pack_autograder(get_assignment("toy", project), "secret", project), tmp_path / "source")
    pip(environment / "python", "--editable", f"{tmp_path / 'source' / 'project'}[dev]")
    code, printed, _ = run(environment, "grader", "--help", folder=tmp_path)
    assert code == 0
    assert printed.startswith("Usage: grader ")
