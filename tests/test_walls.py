"""Every probe of the golden table, behind every wall that works on this machine.

All probes of a wall are one test: a set of workers is asked them all, which takes some seconds.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import sample_machine
from sample_machine import ask_all
from sample_tiers import tiered
from sample_user import USER, NoUser, run_as_user
from sample_walls import LEFT, LEFT_IN_A_CONTAINER, TABLE, UNASKED, WALLS, fits

from grader.sandbox import cold, container, fork, users

BACKENDS: dict[str, ModuleType] = {backend.NAME: backend for backend in (fork, cold, container)}


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of all processes that the tests are spread over."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def answers(wall: str, shared: Path) -> dict[str, Any]:
    """What the probes are told behind a wall; asked once in a run of the tests."""
    with (shared / f"{wall}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        record = shared / f"{wall}.json"
        if not record.exists():
            record.write_text(json.dumps(ask(wall)))
        found: dict[str, Any] = json.loads(record.read_text())
    if "reason" in found:
        pytest.skip(found["reason"])
    return found


def ask(wall: str) -> dict[str, Any]:
    """All answers, or the reason why there are none."""
    backend, is_root = BACKENDS[wall.removesuffix("_user")], os.geteuid() == 0
    if is_root and wall.endswith("_user"):
        try:
            found: dict[str, Any] = json.loads(run_as_user(sample_machine.__file__, backend.NAME))
        except NoUser as error:
            return {"reason": str(error)}
        return found
    if is_root == wall.endswith("_user"):
        return {"reason": "root runs the tests"} if is_root else {"reason": "the tests are not run by root"}
    reason = backend.unavailable()
    return {"reason": reason} if reason else ask_all(backend)


EACH_WALL = pytest.mark.parametrize("wall", tiered(WALLS, slow=set(WALLS) - {"fork"}))


@EACH_WALL
def test_probes(wall: str, shared: Path) -> None:
    """Behind this wall, every probe is told what the golden table says.

    It asks every probe, in a worker beside another one.
    """
    found = answers(wall, shared)
    asked = {row.name: row.expected(wall) for row in TABLE.values() if row.expected(wall) is not UNASKED}
    wrong = {name: (found[name], expected) for name, expected in asked.items() if not fits(found[name], expected)}
    assert wrong == {}


@EACH_WALL
def test_neighbour(wall: str, shared: Path) -> None:
    """The probes look at something: the other worker left what it could, and its text is found in its own memory."""
    found = answers(wall, shared)
    assert found["left"] == (LEFT_IN_A_CONTAINER if wall.startswith("container") else LEFT)
    assert found["found"] >= 1


@EACH_WALL
def test_kernel_user(wall: str, shared: Path) -> None:
    """Seen from outside, a worker runs as a user of its own where the grader is root, elsewhere as the grader's."""
    (uid,) = answers(wall, shared)["outside"]
    if wall.endswith("_user"):
        assert uid == (USER if os.geteuid() == 0 else os.geteuid())
    else:
        assert users.FIRST_UID <= uid < users.FIRST_UID + users.UIDS


def test_enough_is_asked() -> None:
    """Each wall is asked more than a hundred questions, no name stands for two, and nearly all must be refused."""
    assert len(TABLE) > 140
    for wall in WALLS:
        expected = [row.expected(wall) for row in TABLE.values() if row.expected(wall) is not UNASKED]
        assert len(expected) > 140
        assert sum(answer == "done" for answer in expected) <= 9


def test_same_interpreter() -> None:
    """The ordinary user's Python is this one."""
    try:
        assert run_as_user("-c", "import sys; print(sys.version)").strip() == sys.version
    except NoUser as reason:
        pytest.skip(str(reason))
