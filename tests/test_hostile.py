"""Hostile submissions, graded in real workers: each folder of `hostile/` is one, with what must come of it.

`<module>.py.txt` replaces a module of the solutions, `<module>.after.py.txt` is appended to it (not `.py`, so that no
tool runs or judges them here). `expected.toml` says which tasks are checked, how their checks end and how long that may
take; `[checks]` names single ones; `slow = true` leaves a case to the long tier; `differs = true` lets the walls
differ in what passes. All other files are the solutions', so what is passed is passed.
"""

from __future__ import annotations

import functools
import io
import itertools
import os
import pickle
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from sample_hostile import (
    CASES,
    FOLDERS,
    HOSTILE,
    Code,
    assignment,
    attacked_tasks,
    expectation,
    files_of,
    judge,
    tasks_of,
    zipped,
)
from sample_processes import descendants, wait_until_gone
from sample_tiers import tiered

from grader import pipeline, runner
from grader.pipeline import grade_zip
from grader.records import Outcome, Run, Submission
from grader.report.rendering import prepare
from grader.rubric import PROJECT
from grader.runner import run_submission
from grader.sandbox import cold, container, fork, process, users, worker_pool
from grader.solutions import solution_files

CANARY = "canary-9c1e55d203"
MARK = "hostile-was-here"  # the name of every file that a hostile submission tries to leave behind
BACKENDS = (fork, cold, container)
CHOOSE = worker_pool.choose_backend
NUMBERS = itertools.count()


CODE = [name for name in CASES if not expectation(name).keys() & {"whole", "one_wall"}]
ROWS = {f"D{number}" for number in range(1, 8)} | {f"E{number}" for number in range(1, 17)}
JUDGED = [name for name in CASES if expectation(name).get("one_wall")]
ZIPS = [name for name in CASES if expectation(name).get("whole")]
SLOW = {name for name in CASES if expectation(name).get("slow")}

# What a check's own arithmetic says about odd numbers is no error of the grader when it is not under test.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The users that workers were given during the test."""
    reserve, given = users.reserve_uid, list[int]()

    def note() -> Any:
        uid, release = reserve()
        given.append(uid)
        return uid, release

    monkeypatch.setattr(users, "reserve_uid", note)
    return given


@pytest.fixture
def listener() -> Iterator[tuple[int, list[str]]]:
    """A port of this machine where somebody listens, as does an abstract socket; and who called."""
    callers: list[str] = []
    servers = [socket.socket(), socket.socket(socket.AF_UNIX)]
    servers[0].bind(("127.0.0.1", 0))
    servers[1].bind(f"\0hostile-listener-{os.getpid()}-{next(NUMBERS)}")

    def listen(server: socket.socket) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            callers.append(str(server.getsockname()))
            connection.close()

    for server in servers:
        server.listen()
        threading.Thread(target=listen, args=(server,), daemon=True).start()
    yield servers[0].getsockname()[1], callers
    for server in servers:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def fork_servers() -> set[int]:
    """What the workers of the weaker walls are forked from: it lives as long as the grader, once it was needed."""
    running = (module._SERVERS._server for module in (container, process))
    return {server._process.pid for server in running if server is not None}


@pytest.fixture(autouse=True)
def unharmed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, used: list[int], listener: tuple[int, list[str]]
) -> Iterator[None]:
    """Around each case: no process, mount, group or file is left, nobody was called, and nothing of ours is changed."""
    monkeypatch.setenv("GRADER_CANARY", CANARY)
    with_backend(fork)
    worker_pool.WorkerPool(assignment().limits, (), {}).take(
        last=True
    ).stop()  # what lives as long as the grader is there now
    prepare()
    modules = {name: vars(sys.modules[name]).copy() for name in ("torch", "builtins")}
    before, kept = descendants(os.getpid()), belongings()
    yield
    with_backend(None)
    assert wait_until_gone(used) == set()
    assert descendants(os.getpid()) - fork_servers() <= before
    assert {what: now ^ kept[what] for what, now in belongings().items() if now != kept[what]} == {}
    assert marks(tmp_path) == []
    assert listener[1] == []
    changed = [
        f"{name}.{key}"
        for name, values in modules.items()
        for key in ("allclose", "equal", "isinstance", "abs")
        if values.get(key) is not vars(sys.modules[name]).get(key)
    ]
    assert changed == []


def with_backend(backend: ModuleType | None) -> None:
    """Let workers be of this backend from now on; None: of the first that works."""
    chosen = CHOOSE
    if backend is not None:
        assert problem_of(backend) is None
        chosen = functools.partial(lambda given, _weakest: given, backend)
    worker_pool.choose_backend = chosen


@functools.cache
def problem_of(backend: ModuleType) -> str | None:
    """Why a backend does not work here; asked once, because its probe may start a worker."""
    reason: str | None = backend.unavailable()
    return reason


def belongings() -> dict[str, set[Any]]:
    """What a submission must leave as it was: mounts, control groups, our code and the environment's packages."""
    own = f"vision-autograder-{os.getpid()}"
    library, packages = Path(os.__file__).parent, Path(torch.__file__).parents[1]
    folders = [library, packages, packages / "torch", packages / "torchvision", packages / "numpy", Path("/etc")]
    code = [path for folder in folders for path in folder.glob("*")]  # a file that comes or goes shows in its folder
    code += [path for folder in ("grader", "solutions", "assignment") for path in (PROJECT / folder).rglob("*.*")]
    code = [path for path in code if not path.name.endswith((".pyc", "__pycache__"))]
    return {
        "mounts": set(Path("/proc/self/mountinfo").read_text().splitlines()),
        "groups": set(Path("/sys/fs/cgroup").glob(f"*/{own}/*/")),
        "code": {(str(path), path.lstat().st_mtime_ns, path.lstat().st_size) for path in code},
        "folders": set(Path(tempfile.gettempdir()).glob(f"{own}-*")),
    }


def marks(out: Path) -> list[Path]:
    """Files that a hostile submission has left anywhere on this machine that it tried."""
    folders: list[str | Path] = [
        "/",
        "/tmp",
        "/var/tmp",
        "/dev/shm",
        "/submission",
        "/inside",
        "/autograder/results",
        "/etc",
    ]
    folders += [PROJECT, PROJECT.parent, Path.cwd(), Path.home(), sys.prefix, sys.base_prefix, out.parent]
    return [path for folder in folders if (path := Path(folder, MARK)).exists()] + list(out.rglob(MARK))


def run_case(name: str, backend: ModuleType, port: int, tasks: tuple[str, ...] | None = None) -> Run:
    """Grade a case's tasks, or these of them, behind one wall, in time."""
    with_backend(backend)
    started = time.monotonic()
    submission = Submission(name, assignment(name), "0" * 64, files_of(name, port))
    run = run_submission(submission, submission.sha256, tasks=tasks or tasks_of(name))
    assert time.monotonic() - started < expectation(name)["seconds"]
    assert run.facts.sandbox == backend.TITLE
    return run


def held(name: str, backend: ModuleType, used: list[int], port: int, tasks: tuple[str, ...] | None = None) -> set[str]:
    """The checks that a case passes behind one wall; what must come of it did, in all tasks or in these."""
    run = run_case(name, backend, port, tasks)
    assert judge(name, run.checks, tasks) == []
    assert CANARY not in repr(run)
    assert all("Traceback" not in result.message for result in run.checks)
    if os.geteuid() == 0:
        assert used
    return {result.name for result in run.checks if result.outcome is Outcome.PASSED}


@pytest.mark.parametrize("name", tiered(CODE, SLOW))
def test_hostile_run(name: str, used: list[int], listener: tuple[int, list[str]]) -> None:
    """Each hostile submission loses what it breaks and keeps the rest, in time.

    Real workers behind the strongest wall; those that wait for a limit to end them take as long as it.
    """
    held(name, fork, used, listener[0])


@pytest.mark.slow
@pytest.mark.parametrize("name", CODE)
def test_same_verdicts(
    name: str, used: list[int], listener: tuple[int, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind every other wall, what a hostile submission attacks ends as behind the strongest: three real gradings.

    What it leaves alone, and which known mistakes are named, is tried behind the strongest: each takes seconds.
    """
    monkeypatch.setattr(runner, "load_mistakes", lambda _assignment: ())
    passed = [held(name, backend, used, listener[0], attacked_tasks(name)) for backend in BACKENDS]
    if not expectation(name).get("differs"):
        assert passed[0] == passed[1] == passed[2]


@pytest.mark.parametrize("name", tiered(JUDGED, SLOW))
def test_hostile_to_checks(name: str, listener: tuple[int, list[str]]) -> None:
    """What attacks the checks earns no more than it has done, and is remarked on where it passes.

    Each is a real grading of the tasks that it attacks.
    """
    run = run_case(name, fork, listener[0])
    assert judge(name, run.checks) == []
    assert set(expectation(name).get("looks", [])) <= {look.name for look in run.looks}


@pytest.mark.parametrize("name", tiered(ZIPS, SLOW))
def test_hostile_zip(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listener: tuple[int, list[str]]
) -> None:
    """Graded as a zip, it ends in a report and a record that tell the true score and nothing of ours.

    Some are whole gradings.
    """
    expected = expectation(name)
    monkeypatch.setattr(pipeline, "run_submission", functools.partial(run_submission, tasks=tasks_of(name)))
    path = zipped(tmp_path, name, listener[0])
    started = time.monotonic()
    grade = grade_zip(path, tmp_path / "out", assignment=assignment())
    assert time.monotonic() - started < expected["seconds"]
    if "refused" in expected:
        assert (grade.outcome, grade.score) == ("refused", 0)
        assert expected["refused"] in grade.reason
    else:
        assert judge(name, grade.checks) == []
        assert 0 < grade.score < grade.max_score
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([path.name, "out"])
    (folder,) = (tmp_path / "out").iterdir()
    written = {each.name: each.read_bytes() for each in folder.iterdir()}
    assert {"report.pdf", "report.html", "results.json", "feedback.txt"} <= written.keys()
    assert not any(CANARY.encode() in content for content in written.values())
    shown = [written[file] for file in ("report.html", "results.json", "feedback.txt")]
    assert not any(bad.encode() in content for bad in ("\x1b", "\u202e", "\x07") for content in shown)
    assert not any(key in written["report.pdf"] for key in (b"/EmbeddedFiles", b"/JavaScript", b"/Launch"))
    assert len(written["report.pdf"]) < 2 << 20


def test_cases_are_complete() -> None:
    """Every folder says what must come of it, in a sentence, and the table has a line for each row that it records."""
    assert sorted(path.name for path in HOSTILE.iterdir() if path.is_dir()) == FOLDERS
    assert len(FOLDERS) >= 70
    assert all(expectation(name)["about"].endswith(".") for name in FOLDERS)
    assert {row for name in FOLDERS for row in expectation(name).get("rows", [])} == ROWS
    table = (HOSTILE / "README.md").read_text(encoding="utf-8")
    assert all(f"| {row} | `{name}` |" in table for name in FOLDERS for row in expectation(name).get("rows", []))


def test_marks_are_found(tmp_path: Path) -> None:
    """The search for what a submission left behind does find it."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / MARK).touch()
    assert marks(tmp_path) == [tmp_path / "deep" / MARK]
    (tmp_path / "deep" / MARK).unlink()


def test_calls_are_heard(listener: tuple[int, list[str]]) -> None:
    """The listener does hear who calls."""
    socket.create_connection(("127.0.0.1", listener[0]), timeout=5).close()
    deadline = time.monotonic() + 5
    while not listener[1] and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(listener[1]) == 1
    listener[1].clear()


def test_model_code_runs() -> None:
    """The hostile model file does run its code where it is loaded."""
    content = pickle.dumps(Code("import builtins; builtins.hostile = 1"))
    pickle.load(io.BytesIO(content))
    assert vars(sys.modules["builtins"]).pop("hostile") == 1


@pytest.mark.parametrize("backend", tiered({each.NAME: each for each in BACKENDS}, slow={cold.NAME, container.NAME}))
def test_good_submission_after_all(backend: ModuleType) -> None:
    """The solutions pass every check of these tasks under the same short limits, behind every wall."""
    with_backend(backend)
    submission = Submission("good", assignment(), "0" * 64, solution_files(assignment()))
    run = run_submission(submission, submission.sha256, tasks=("1a", "4b"))
    assert {result.outcome for result in run.checks} == {Outcome.PASSED}
