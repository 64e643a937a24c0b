"""Gradescope: what an autograder holds, and its scripts, run in a folder like Gradescope's and without network."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from sample_guide import copy_project, guide_files, run_there, write_submission
from sample_session import CommandRun
from sample_tiers import tiered

from grader.course_secret import new_secret
from grader.errors import MachineError, SubmissionRefused
from grader.folders import data_folder
from grader.gradescope.autograder import _files_in, pack_autograder
from grader.gradescope.grading import hand_in_zip
from grader.intake.zipgate import MAX_MEMBERS, read_zip
from grader.rubric import PROJECT, get_assignment
from grader.sandbox import container
from grader.zip_writer import pack_folder

SOLUTION = guide_files()["solutions/toy/pixels.py"]
ON_TIME = "2030-09-30T14:22:32.365935-07:00"
FAULT = "reason on our side"
# Grades behind the wall of Gradescope's machines, and tells which processes live when the grade is written.
BEHIND_CONTAINER = """
import os, sys
from pathlib import Path
sys.path.append({tests!r})
from sample_processes import descendants
from grader import preloading
from grader.gradescope import grading
from grader.sandbox import container, worker_pool

worker_pool.BACKENDS = (container,)
write_whole = grading.write_whole

def write(path, data):
    others = descendants(os.getpid()) - preloading.living()  # which render reports, and never see a student's code
    others -= {{container._SERVERS._server._process.pid}}  # which workers are forked from, and never sees it either
    living = (Path(f"/proc/{{pid}}/comm").read_text().strip() for pid in others)
    print("living", sorted(name for name in living if name.startswith("python")))
    write_whole(path, data)

grading.write_whole = write
grading.grade_there(Path(sys.argv[1]), print)
"""
INTRUDER = """
import os, threading, time
WRONG = []
def reach():
    for name in ("results/results.json", "results/.results.json.part", "submission_metadata.json", "source/secret",
                 "source/run_autograder", "source/project/solutions/toy/pixels.py", "submission/pixels.py"):
        for mode in ("r", "w"):
            try:
                open(os.path.join(ROOT, name), mode).close()
                WRONG.append(f"{mode} {name}")
            except OSError:
                continue
reach()
def stay():
    while True:
        reach()
        time.sleep(0.05)
threading.Thread(target=stay, daemon=True).start()
"""


@dataclass(frozen=True)
class Gradescope:
    """A folder like Gradescope's `/autograder`, into which an autograder was unpacked and set up."""

    root: Path

    def hand_in(self, files: Mapping[str, bytes | str], created_at: str = ON_TIME, due: str | None = None) -> None:
        """Lay down what Gradescope does for one submission."""
        for name, content in files.items():
            path = self.root / "submission" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        metadata = {
            "id": 123456,
            "created_at": created_at,
            "assignment": {"due_date": due, "late_due_date": None, "title": "Pixels", "total_points": "3.0"},
            "submission_method": "upload",
            "users": [{"email": "dora@example.com", "id": 1234, "name": "Dora Example"}],
            "previous_submissions": [],
        }
        (self.root / "submission_metadata.json").write_text(json.dumps(metadata), encoding="utf-8")

    def run(self) -> tuple[dict[str, Any], str]:
        """Run `run_autograder`: what it leaves in results.json, and what it says to instructors."""
        ended = subprocess.run(
            [self.root / "run_autograder"], cwd=self.root,
            env=os.environ | {"AUTOGRADER_ROOT": str(self.root), "GRADER_DATA": str(data_folder())},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert ended.returncode == 0
        assert [path.name for path in (self.root / "results").iterdir()] == ["results.json"]
        return json.loads((self.root / "results" / "results.json").read_text(encoding="utf-8")), ended.stdout


def set_up(archive: Path, root: Path) -> Gradescope:
    """Do what Gradescope does to build an image, without installing anything."""
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(root / "source")
    (root / "submission").mkdir()
    shutil.copy(root / "source" / "run_autograder", root / "run_autograder")
    (root / "run_autograder").chmod(0o755)
    python = root / "venv" / "bin" / "python"  # no link: below pytest's closed folders no cell could import anything
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    subprocess.run(
        ["bash", root / "source" / "setup.sh", "--installed"], check=True, capture_output=True,
        env=os.environ | {"AUTOGRADER_ROOT": str(root)},
    )  # fmt: skip
    return Gradescope(root)


@pytest.fixture(scope="module")
def toy_zip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The autograder of the guide's assignment, which is graded in seconds."""
    project = copy_project(tmp_path_factory.mktemp("project"))
    done = run_there(project, "gradescope", "--assignment", "toy")
    assert (done.returncode, done.stdout, done.stderr) == (0, "dist/toy-autograder.zip\n", "")
    return project / "dist" / "toy-autograder.zip"


@pytest.fixture
def toy(toy_zip: Path, tmp_path: Path) -> Gradescope:
    """A fresh machine of Gradescope's with that autograder."""
    return set_up(toy_zip, tmp_path / "autograder")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter, as Gradescope's `/autograder` is, and pytest's own are not."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def of_student(results: Mapping[str, Any]) -> dict[str, Any]:
    """A record without what differs between two runs: seconds, the student's name, whether the time is known."""
    differing = ("seconds", "student", "is_time_known")
    kept = {name: value for name, value in results.items() if name not in ("execution_time", "output")}
    extra = {name: value for name, value in results["extra_data"].items() if name not in differing}
    return kept | {"extra_data": extra}


def test_tests_stay_at_home() -> None:
    """What is packed of an assignment's folder are its checks and all that they need, not its tests."""
    packed = {path.relative_to(PROJECT).parts[2] for path in _files_in(PROJECT / "solutions" / "miniplaces")}
    assert "checks" in packed
    assert "tests" not in packed


def test_zip_holds_one_assignment(tmp_path: Path, toy_zip: Path) -> None:
    """An autograder holds the grader and one assignment with its solution; no tests, data, examples or git."""
    with zipfile.ZipFile(toy_zip) as archive:
        names = archive.namelist()
        modes = {name: archive.getinfo(name).external_attr >> 16 for name in names}
        requirements = tomllib.loads(archive.read("project/pyproject.toml").decode())["project"]
    assert {name.split("/")[0] for name in names} == {"setup.sh", "run_autograder", "project", "secret"}
    tops = {name.split("/")[1] for name in names if name.startswith("project/")}
    assert tops == {"grader", "report_templates", "assignment", "solutions", "setup.sh", "constraints.txt",
                    "pyproject.toml", "LICENSE"}  # fmt: skip
    folders = ("project/assignment/", "project/solutions/")
    assert {name.split("/")[2] for name in names if name.startswith(folders)} == {"toy"}
    assert [name for name in names if "miniplaces" in name or "two_networks" in name or "__pycache__" in name] == []
    assert {name for name, mode in modes.items() if mode & stat.S_IXUSR} == {"setup.sh", "run_autograder",
                                                                             "project/setup.sh"}  # fmt: skip
    whole = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert requirements["dependencies"] == whole["dependencies"]
    assert requirements["optional-dependencies"] == {"dev": []}


def test_assignment_without_checks(tmp_path: Path) -> None:
    """Without solution or checks no autograder is made, and a sentence says what is missing."""
    folder = tmp_path / "assignment" / "toy"
    folder.mkdir(parents=True)
    (folder / "assignment.toml").write_text(guide_files()["assignment/toy/assignment.toml"], encoding="utf-8")
    with pytest.raises(MachineError, match="solutions/toy holds no modules"):
        pack_autograder(get_assignment("toy", tmp_path), new_secret(), tmp_path)


def test_set_up_installs(toy_zip: Path, tmp_path: Path) -> None:
    """The set-up installs the pinned requirements beside the grader; data that can't be had do not stop it."""
    root = tmp_path / "autograder"
    with zipfile.ZipFile(toy_zip) as archive:
        archive.extractall(root / "source")
    calls = root / "calls"
    (root / "source" / "project" / "setup.sh").write_text(f'echo "set up in $VENV" >>"{calls}"\n', encoding="utf-8")
    (root / "venv" / "bin").mkdir(parents=True)
    python = root / "venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\necho "$PWD: $*" >>"{calls}"\nexit 3\n', encoding="utf-8")
    python.chmod(0o755)
    done = subprocess.run(
        ["bash", root / "source" / "setup.sh"], env=os.environ | {"AUTOGRADER_ROOT": str(root)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert calls.read_text().splitlines() == [
        f"set up in {root / 'venv'}",
        f"{root / 'source' / 'project'}: -m grader data",
    ]
    assert "not all data could be had" in done.stdout
    assert {stat.S_IMODE((root / name).stat().st_mode) for name in ("source", "results", "submission")} == {0o700}


def test_late(toy: Gradescope) -> None:
    """The time in Gradescope's metadata makes days late by our policy; another deadline there is told to us alone.

    It runs the installed autograder on a submission.
    """
    toy.hand_in({"code/pixels.py": SOLUTION}, "2030-10-02T14:22:32.365935-07:00", due="2030-10-02T23:59:00-07:00")
    results, told = toy.run()
    assert results["extra_data"]["student"] == "dora"
    assert results["extra_data"]["days_late"] == 1
    assert results["score"] == pytest.approx(3 * (1 - 0.5 / 7), abs=0.01)
    assert [test["status"] for test in results["tests"]] == ["passed", "passed"]
    assert "Gradescope's deadline is 2030-10-02T23:59:00-07:00" in told


@pytest.mark.slow
def test_zip_in_the_folder(toy: Gradescope, tmp_path: Path) -> None:
    """A zip that lies alone in the folder is the submission itself.

    It runs the installed autograder on a submission.
    """
    archive = write_submission(tmp_path / "my work.zip", changed=("(height - size) // 2", "0"))
    toy.hand_in({"my work.zip": archive.read_bytes(), "__MACOSX/._x": b""})
    results, told = toy.run()
    assert results["score"] == 2.0
    assert "middle" in results["tests"][1]["output"]
    assert "deadline" not in told


@pytest.mark.slow
def test_refused(toy: Gradescope) -> None:
    """A submission that is refused gets no points, and the sentence why."""
    toy.hand_in({"Pixels.py": SOLUTION})
    results, _ = toy.run()
    assert (results["score"], results["max_score"]) == (0.0, 3.0)
    assert "hand in pixels.py, with exactly these names" in results["output"]


@pytest.mark.parametrize(
    "broken",
    tiered(("metadata", "python", "solutions", "assignment", "time"), slow=("solutions", "assignment", "time")),
)
def test_our_fault(toy: Gradescope, broken: str) -> None:
    """Whatever is broken on our side, Gradescope gets a record that says so, without a word about the inside.

    It runs the installed autograder on a submission.
    """
    toy.hand_in({"pixels.py": SOLUTION})
    project = toy.root / "source" / "project"
    if broken == "metadata":
        (toy.root / "submission_metadata.json").unlink()
    elif broken == "time":
        (toy.root / "submission_metadata.json").write_text('{"users": [], "created_at": "today"}', encoding="utf-8")
    elif broken == "python":
        shutil.rmtree(toy.root / "venv")
    else:
        shutil.rmtree(project / broken)
    (toy.root / "results" / "results.json").write_text('{"score": 100}', encoding="utf-8")  # of whoever was before
    results, told = toy.run()
    assert results["score"] == 0
    assert FAULT in results["output"]
    assert "not your fault" in results["output"]
    assert results["tests"] == []
    assert "Traceback" not in json.dumps(results)
    assert told.strip()


@pytest.mark.slow
def test_walls_of_gradescope(toy_zip: Path, open_folder: Path) -> None:
    """Behind Gradescope's wall code reaches no result and no solution, and none lives when the grade is written.

    It grades a submission as Gradescope's container does.
    """
    if reason := container.unavailable():
        pytest.skip(reason)
    toy = set_up(toy_zip, open_folder / "autograder")
    task = "    if WRONG:\n        raise RuntimeError(str(WRONG))\n    return (torch"
    source = SOLUTION.replace("    return (torch", task) + f"ROOT = {str(toy.root)!r}\n{INTRUDER}"
    toy.hand_in({"pixels.py": source})
    driver = BEHIND_CONTAINER.format(tests=str(PROJECT / "tests"))
    ended = subprocess.run(
        [sys.executable, "-c", driver, toy.root], cwd=toy.root / "source" / "project",
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert "living []" in ended.stdout.splitlines()
    results = json.loads((toy.root / "results" / "results.json").read_text(encoding="utf-8"))
    assert results["extra_data"]["sandbox"] == container.TITLE
    assert (results["score"], [test["status"] for test in results["tests"]]) == (3.0, ["passed", "passed"])


def link(folder: Path) -> None:
    """A link to a file of ours beside the module."""
    (folder / "answers.md").symlink_to(PROJECT / "LICENSE")


def linked_folder(folder: Path) -> None:
    """A link to a folder of ours."""
    (folder / "more").symlink_to(PROJECT / "solutions")


def linked_zip(folder: Path) -> None:
    """A link to a zip, alone."""
    (folder / "pixels.py").unlink()
    (folder / "work.zip").symlink_to("/dev/zero")


def link_to_a_zip(folder: Path) -> None:
    """A link to another student's zip, alone."""
    (folder / "pixels.py").unlink()
    (folder / "work.zip").symlink_to(write_submission(folder.parent / "another.zip"))


def pipe(folder: Path) -> None:
    """A pipe that nobody writes into."""
    os.mkfifo(folder / "data")


def many(folder: Path) -> None:
    """More files than a zip may hold."""
    for number in range(MAX_MEMBERS):
        (folder / str(number)).touch()


def huge(folder: Path) -> None:
    """A sparse file of 64 GiB."""
    with (folder / "huge").open("wb") as file:
        file.truncate(2**36)


def deep(folder: Path) -> None:
    """Folders in folders."""
    inner = folder.joinpath(*"abcdefghi")
    inner.mkdir(parents=True)
    (inner / "x").touch()


@pytest.mark.parametrize(
    ("lay_down", "told"),
    [
        (link, '"answers.md" is a link or a device'),
        (linked_folder, '"more" is a link or a device'),
        (linked_zip, '"work.zip" is a link or a device'),
        (link_to_a_zip, '"work.zip" is a link or a device'),
        (pipe, '"data" is a link or a device'),
        (many, "1,000"),
        (huge, "larger than 256 MiB"),
        (deep, "levels deep"),
    ],
)
def test_odd_files(tmp_path: Path, lay_down: Callable[[Path], None], told: str) -> None:
    """What Gradescope may unpack and no zip may hold is refused in a sentence, and no link is followed."""
    folder = tmp_path / "submission"
    folder.mkdir()
    (folder / "pixels.py").write_text(SOLUTION, encoding="utf-8")
    lay_down(folder)
    with pytest.raises(SubmissionRefused, match=told):
        read_zip(hand_in_zip(folder, tmp_path / "made.zip").read_bytes())


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    """Files whose names are no UTF-8 come along, each of them, under names that a zip can hold."""
    for name in (b"pixels.py", b"\xff", b"a\xfe\xc3\xa9", "b\u00e9".encode()):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).touch()
    made = hand_in_zip(tmp_path, tmp_path.parent / "made.zip")
    assert set(read_zip(made.read_bytes())) == {"pixels.py", "%FF", "a%FE\u00e9", "b\u00e9"}


def test_same_zip(tmp_path: Path) -> None:
    """What was unpacked is packed to the same bytes as the example that it came from."""
    shutil.copytree(PROJECT / "examples" / "alice", tmp_path / "submission" / "alice")
    packed = pack_folder(tmp_path / "submission", tmp_path / "first.zip").read_bytes()
    assert hand_in_zip(tmp_path / "submission", tmp_path / "made.zip").read_bytes() == packed


@pytest.mark.slow
def test_alice_as_with_make(alice_run: CommandRun, tmp_path: Path) -> None:
    """The example gets on Gradescope what `make grade` gives it: score, tests, checks and all.

    It installs the autograder into a folder and grades the whole example with it.
    """
    graded = json.loads((alice_run.out / "alice" / "results.json").read_text(encoding="utf-8"))
    machine = set_up(pack_autograder(get_assignment("miniplaces"), new_secret()), tmp_path / "autograder")
    with zipfile.ZipFile(PROJECT / "examples" / "alice.zip") as archive:
        machine.hand_in({name: archive.read(name) for name in archive.namelist()}, "2022-03-29T10:00:00-04:00")
    results, _ = machine.run()
    assert results["extra_data"]["student"] == "dora"
    assert of_student(results) == of_student(graded)
