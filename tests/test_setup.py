"""setup.sh installs what is asked for, remembers what it did, and returns at once when there is nothing to do."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from grader.rubric import PROJECT

# Stand-ins: packages are names in a file, and every call that would change the machine is noted.
DPKG_QUERY = """#!/bin/bash
for name in "$@"; do grep -qx -- "$name" "$STATE/installed" && echo "installed $name"; done
exit 0
"""
APT_GET = """#!/bin/bash
echo "apt-get $*" >>"$STATE/calls"
[[ " $* " == *" install "* ]] || exit 0
for name in "$@"; do
    [[ $name == -* || $name == *=* || $name == install ]] && continue
    grep -qx -- "$name" "$STATE/unknown" && exit 100
    echo "$name" >>"$STATE/installed"
done
"""
PYTHON = """#!/bin/bash
[[ " $* " != *" pip install "* ]] || echo "pip" >>"$STATE/calls"
exit 0
"""
SUDO = """#!/bin/bash
[[ $1 == -n ]] && shift
exec "$@"
"""


class Machine:
    """A machine with nothing installed, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("setup.sh", "pyproject.toml", "constraints.txt"):
            shutil.copy(PROJECT / name, folder)
        for name, text in (("dpkg-query", DPKG_QUERY), ("apt-get", APT_GET), ("sudo", SUDO)):
            self._script(folder / "bin" / name, text)
        self._script(folder / ".venv" / "bin" / "python", PYTHON)
        for name in (".venv/pyvenv.cfg", "installed", "unknown", "calls"):
            (folder / name).touch()

    def _script(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def set_up(self, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run setup.sh."""
        environment = {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "STATE": str(self.folder), **variables}
        return subprocess.run(
            ["./setup.sh", *options], cwd=self.folder, env=environment, capture_output=True, text=True
        )

    def read(self, name: str) -> list[str]:
        """Lines of one of the files that stand for the machine."""
        return (self.folder / name).read_text(encoding="utf-8").splitlines()

    def calls(self) -> list[str]:
        """What was called since the last time."""
        calls = self.read("calls")
        (self.folder / "calls").write_text("")
        return calls


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with nothing installed."""
    return Machine(tmp_path)


def packages(name: str) -> set[str]:
    """The Debian packages of one of setup.sh's lists."""
    (listed,) = re.findall(rf"^{name}=\(([^)]*)\)", (PROJECT / "setup.sh").read_text(encoding="utf-8"), re.MULTILINE)
    return set(listed.split())


def test_graders_packages_only(machine: Machine) -> None:
    """Without --developer neither a browser nor another tool of the tests is installed."""
    assert machine.set_up("--if-needed").returncode == 0
    assert set(machine.read("installed")) == packages("debian_packages")
    assert not packages("developer_packages") & packages("debian_packages")


def test_developers_packages_as_well(machine: Machine) -> None:
    """With --developer both lists are installed, in whatever order the options stand."""
    assert machine.set_up("--developer", "--if-needed").returncode == 0
    assert set(machine.read("installed")) == packages("debian_packages") | packages("developer_packages")
    assert {"chromium", "poppler-utils"} <= set(machine.read("installed"))


def test_developer_later(machine: Machine) -> None:
    """A finished set-up gets the developer's packages without going through pip again."""
    machine.set_up("--if-needed")
    machine.calls()
    assert machine.set_up("--if-needed", "--developer").returncode == 0
    assert "pip" not in machine.calls()
    assert packages("developer_packages") <= set(machine.read("installed"))


@pytest.fixture
def fresh(machine: Machine) -> Machine:
    """A machine without an environment."""
    shutil.rmtree(machine.folder / ".venv")
    return machine


def rubric(machine: Machine, name: str, text: str) -> None:
    """Write an assignment.toml of these lines."""
    path = machine.folder / "assignment" / name / "assignment.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def real_python(machine: Machine) -> None:
    """Let the environment's Python run what is no pip."""
    lines = f'[[ " $* " == *" pip "* ]] && {{ echo pip >>"$STATE/calls"; exit 0; }}\nexec "{sys.executable}" "$@"\n'
    machine._script(machine.folder / ".venv" / "bin" / "python", f"#!/bin/bash\n{lines}")


def test_packages_of_assignments(machine: Machine) -> None:
    """What assignments name for their students is installed as well, each once, and a change of it is noticed."""
    real_python(machine)
    rubric(
        machine, "toy", 'id = "toy"\n\n[environment] # ours\npackages = [\n    "einops>=0.7", "numpy",\n]\n[[task]]\n'
    )
    rubric(machine, "other", 'environment = { packages = ["timm", "numpy"] }\n')
    rubric(machine, "plain", 'id = "plain"\n')
    machine.set_up("--if-needed")
    wanted = machine.read(".venv/requirements.txt")
    assert wanted[-3:] == ["timm", "numpy", "einops>=0.7"]
    assert len(wanted) == len(set(wanted))
    machine.calls()
    rubric(machine, "plain", 'id = "simple"\n')
    machine.set_up("--if-needed")
    assert machine.calls() == []
    rubric(machine, "toy", 'id = "toy"\n[environment]\npackages = ["einops"]\n')
    machine.set_up("--if-needed")
    assert machine.calls() == ["pip"]
    assert machine.read(".venv/requirements.txt")[-1] == "einops"


def test_packages_of_outside_assignments(machine: Machine) -> None:
    """What the assignments of folders outside the project name is installed as well."""
    real_python(machine)
    rubric(machine, "toy", "environment = { packages = ['timm'] }")
    for name in ("einops", "deap"):
        rubric(machine, f"../{name} here/assignment/lab", f"environment = {{ packages = ['{name}'] }}")
    outside = (machine.folder / "einops here", machine.folder / "nowhere", machine.folder / "deap here")
    assert machine.set_up(ASSIGNMENTS=os.pathsep.join(map(str, outside))).returncode == 0
    assert machine.read(".venv/requirements.txt")[-3:] == ["timm", "einops", "deap"]
    machine.calls()
    machine.set_up("--if-needed", ASSIGNMENTS="")
    assert machine.read(".venv/requirements.txt")[-1] == "timm"


@pytest.mark.parametrize(("setuptools", "isolated"), [("is new", False), ("is old or missing", True)])
def test_grader_is_installed_editable(machine: Machine, setuptools: str, isolated: bool) -> None:
    """The grader is installed from its folder; the environment's own setuptools builds it, if there is one that can."""
    has = 'echo "$*" >>"$STATE/calls"; [[ "$*" != *setuptools.__version__* ]] || exit ' + str(int(isolated))
    machine._script(machine.folder / ".venv" / "bin" / "python", f"#!/bin/bash\n{has}\n")
    assert machine.set_up().returncode == 0
    (line,) = [call for call in machine.calls() if " pip install " in call]
    assert line.endswith(" --editable .[dev]")
    assert ("--no-build-isolation" in line) is not isolated


def test_moved_folder(machine: Machine) -> None:
    """In another folder the grader is installed again: its command leads to the folder that it was installed from."""
    machine.set_up()
    machine.calls()
    machine.folder = machine.folder.rename(machine.folder.with_name("moved"))
    machine.set_up("--if-needed")
    assert machine.calls() == ["pip"]
    machine.set_up("--if-needed")
    assert machine.calls() == []


def test_unreadable_assignment(machine: Machine) -> None:
    """An assignment.toml that can't be read stops no set-up: it is told, and the grader will say what is wrong."""
    real_python(machine)
    rubric(machine, "toy", "[environment]\npackages = [")
    done = machine.set_up()
    assert done.returncode == 0
    assert "what assignment/toy/assignment.toml names is not installed: " in done.stderr


@pytest.mark.parametrize(
    ("there", "chosen"),
    [
        ({"python3": 11, "python3.11": 11, "python3.12": 12, "python3.13": 13}, "python3.12"),
        ({"python3": 11, "python3.11": 11, "python3.13": 13}, "python3.13"),
        ({"python3": 11, "python3.11": 11, "python3.12": None}, "python3"),
        ({"python3": 9, "python3.11": 11, "python3.12": None, "python3.13": None}, "python3.11"),
        ({"python3": 14, "python3.11": 11}, "python3"),
    ],
)
def test_newest_python_that_starts(fresh: Machine, there: dict[str, int | None], chosen: str) -> None:
    """The environment is made with Python 3.12 or newer where one starts, else with an older one that will do."""
    for name in ("python3", "python3.11", "python3.12", "python3.13"):
        minor = there.get(name)
        is_enough = minor is not None and minor >= 11
        answer = f'echo "{name} $*" >>"$STATE/calls"; mkdir -p "${{@: -1}}"' if is_enough else "exit 1"
        is_asked = f"exit {0 if is_enough else 1}"
        fresh._script(fresh.folder / "bin" / name, f"#!/bin/bash\n[[ $1 != -c ]] || {is_asked}\n{answer}\n")
    fresh.set_up()
    assert [call.split()[0] for call in fresh.calls() if "-m venv" in call] == [chosen]


@pytest.mark.parametrize("options", [["--if-needed"], ["--if-needed", "--developer"]])
def test_nothing_to_do(machine: Machine, options: list[str]) -> None:
    """A finished set-up is left alone, says nothing and takes no time to speak of."""
    machine.set_up("--developer")
    machine.calls()
    seconds = []
    for _ in range(5):
        start = time.monotonic()
        done = machine.set_up(*options)
        seconds.append(time.monotonic() - start)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert machine.calls() == []
    assert min(seconds) < 0.3


def test_without_options_repairs(machine: Machine) -> None:
    """Without --if-needed everything is gone through again."""
    machine.set_up()
    machine.calls()
    machine.set_up()
    assert "pip" in machine.calls()


def test_package_that_is_nowhere(machine: Machine) -> None:
    """A package that can't be had keeps no other out, is named once, and is not asked for at every make."""
    (machine.folder / "unknown").write_text("chromium\n")
    done = machine.set_up("--if-needed", "--developer")
    assert done.returncode == 0
    assert "apt-get install -y --no-install-recommends chromium" in done.stderr
    assert "poppler-utils" in machine.read("installed")
    machine.calls()
    for options in (["--if-needed", "--developer"], ["--if-needed"], ["--if-needed", "--developer"]):
        assert machine.set_up(*options).stderr == ""
    assert machine.calls() == []


def test_changed_requirements(machine: Machine) -> None:
    """Another requirement sends pip to work again, and leaves Debian's packages alone."""
    machine.set_up("--developer")
    machine.calls()
    with (machine.folder / "constraints.txt").open("a") as file:
        file.write("# changed\n")
    machine.set_up("--if-needed", "--developer")
    assert machine.calls() == ["pip"]


def test_unknown_option(machine: Machine) -> None:
    """A misspelt option is refused before anything is done."""
    done = machine.set_up("--develop")
    assert done.returncode == 3
    assert "there is no option --develop" in done.stderr
    assert machine.calls() == []


@pytest.mark.parametrize(
    ("target", "options"), [("test", ["--if-needed", "--developer"]), ("check", ["--if-needed", "--developer"]),
                            ("grade", ["--if-needed"]), ("validate", ["--if-needed"])],
)  # fmt: skip
def test_targets_set_up(tmp_path: Path, target: str, options: list[str]) -> None:
    """`make test` and `make check` set up what developers need; the commands of instructors don't."""
    shutil.copy(PROJECT / "Makefile", tmp_path)
    scripts = {"setup.sh": 'echo "$@" >>options', ".venv/bin/python": ""}
    for name, line in scripts.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        path.chmod(0o755)
    subprocess.run(["make", "-C", str(tmp_path), target], check=True, capture_output=True,
                   env={"PATH": os.environ["PATH"]})  # fmt: skip
    assert (tmp_path / "options").read_text().split() == options
