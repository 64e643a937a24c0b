"""A module that is missing in the sandbox alone is our fault; a student's word for that counts nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from grader import installed
from grader.errors import MachineError, SandboxUnavailable, StudentRaised
from grader.rubric import Limits
from grader.sandbox import transport
from grader.sandbox.student import Implementation
from grader.sandbox.transport import WorkerTransport
from grader.sandbox.worker_pool import WorkerPool

CODE = b"""
import sys
import hidden_here
from hidden_here.part import thing

def ours(): return hidden_here.load()
def ours_late():
    from hidden_here import part
    return part.x
def forged(): raise ModuleNotFoundError("No module named 'torch.utils.serialization'", name="torch.utils.serialization")
def spoiled():
    del sys.modules["torch.utils"]
    sys.modules["torch"] = None
    import torch.utils.data
    return torch.utils.data.x
def elsewhere(): raise ImportError("x", name="wandb")
def odd(): raise ImportError("x", name="\\0" * 300)
def lacking():
    from torch.nn import nothing
    return nothing()
"""


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    """A pool whose grader has a package that no worker has."""

    def is_installed(name: str) -> bool:
        return name.partition(".")[0] == "hidden_here" or installed.is_installed(name)

    with pytest.MonkeyPatch.context() as change:
        change.setattr(transport, "is_installed", is_installed)
        made = WorkerPool(Limits(), ("code",), {"code.py": CODE})
        yield made
        made.close()


@pytest.fixture
def code(pool: WorkerPool) -> Iterator[Implementation]:
    """A student's module in a worker of its own."""
    workers = WorkerTransport(pool, Limits())
    yield Implementation(("code",), workers)
    workers.drop()


@pytest.mark.parametrize("function", ["ours", "ours_late"])
def test_ours(code: Implementation, function: str) -> None:
    """What the grader has and no worker has withholds the check that needed it: nobody is charged."""
    with pytest.raises(MachineError, match=r"`hidden_here\S*` is installed here, and can't be imported in the sandbox"):
        getattr(code.code, function)()


@pytest.mark.parametrize("function", ["forged", "spoiled", "elsewhere", "odd", "lacking"])
def test_theirs(code: Implementation, function: str) -> None:
    """An exception that a student makes up, or a process that they spoil, blames nobody but them."""
    with pytest.raises(StudentRaised):
        getattr(code.code, function)()


def test_without_a_worker(pool: WorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no clean worker can be had, perhaps through the submission, nothing is taken back."""

    def start(_limits: Limits, _box_mib: int) -> None:
        raise SandboxUnavailable("the machine is full")

    pool.clean.stop()
    monkeypatch.setattr(pool.clean._backend, "start", start)
    assert not pool.clean.lacks("never_asked_before")
