"""Takes parts of walls away: lines of the programs inside, flags, values, rules of the filter."""

from __future__ import annotations

import functools
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sample_machine import ask_all, ask_alone
from sample_walls import LIMITS, OTHERS, TABLE, WORK

from grader.errors import CheckStopped, SandboxUnavailable
from grader.sandbox import bubblewrap, cold, container, fork, process, seccomp
from grader.sandbox.forking import ForkServers

BACKENDS: dict[str, ModuleType] = {backend.NAME: backend for backend in (fork, cold, container)}


@dataclass(frozen=True)
class Edit:
    """Takes lines out of a program that runs inside, or puts others in their place."""

    file: str
    old: str
    new: str = ""

    def apply(self, _change: pytest.MonkeyPatch, code: Path, _backend: ModuleType) -> None:
        """Edit the copy in `code`."""
        path = code / "sandbox" / self.file
        source = path.read_text(encoding="utf-8")
        assert source.count(self.old) == 1, f"{self.file} has not once: {self.old}"
        path.write_text(source.replace(self.old, self.new), encoding="utf-8")


@dataclass(frozen=True)
class Flags:
    """Takes flags from bubblewrap's command line, or puts others in their place."""

    old: tuple[str, ...]
    new: tuple[str, ...] = ()

    def apply(self, change: pytest.MonkeyPatch, _code: Path, _backend: ModuleType) -> None:
        """Have every command line changed."""
        whole = bubblewrap.command

        def without(*arguments: Any, **options: Any) -> list[str]:
            line = whole(*arguments, **options)
            places = [i for i in range(len(line)) if tuple(line[i : i + len(self.old)]) == self.old]
            assert places, f"no {self.old}"
            for place in reversed(places):
                line[place : place + len(self.old)] = self.new
            return line

        change.setattr(bubblewrap, "command", without)


@dataclass(frozen=True)
class Value:
    """Gives a name of a module or class of ours another value."""

    module: Any
    name: str
    value: Any

    def apply(self, change: pytest.MonkeyPatch, _code: Path, _backend: ModuleType) -> None:
        """Have it changed."""
        assert hasattr(self.module, self.name)
        change.setattr(self.module, self.name, self.value)


@dataclass(frozen=True)
class Filter:
    """Lets system calls pass with any argument, or others of the container's with none."""

    calls: tuple[str, ...]

    def apply(self, change: pytest.MonkeyPatch, _code: Path, backend: ModuleType) -> None:
        """Have the backend's cells get another filter."""
        for name in ("_LIMITED", "_AMONG_OTHERS"):
            table = getattr(seccomp, name)
            change.setattr(seccomp, name, table | {call: [()] for call in self.calls if call in table})
        change.setattr(seccomp, "_FREE", [*seccomp._FREE, *(seccomp._INERT & set(self.calls))])
        for name in ("_ONLY_ALONE", "_WITHOUT_EFFECT", "_INERT"):
            change.setattr(seccomp, name, getattr(seccomp, name) - set(self.calls))
        assert set(self.calls) <= {*seccomp._LIMITED, *seccomp._FREE}
        made = seccomp.build_filter.__wrapped__(alone=backend is not container)
        change.setattr(backend, "system_calls", lambda: made)


Removal = Edit | Flags | Value | Filter


@contextmanager
def without(backend: ModuleType, removals: tuple[Removal, ...]) -> Iterator[None]:
    """Meanwhile, cells of a backend start without torch, which takes long, and with these things taken away."""
    with pytest.MonkeyPatch.context() as change, tempfile.TemporaryDirectory(prefix="parts-") as folder:
        code = Path(folder, "grader")
        Path(folder).chmod(0o755)
        for name in bubblewrap._CODE:
            (code / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(bubblewrap.CODE / name, code / name)
        change.setattr(bubblewrap, "CODE", code)
        each = {module: ForkServers(module._SERVERS._spawn) for module in (fork, container, process)}
        for module, servers in each.items():
            change.setattr(module, "_SERVERS", servers)
        for removal in (*NO_TORCH, *removals):
            removal.apply(change, code, backend)
        try:
            yield
        finally:
            for servers in each.values():
                servers.close()


NO_TORCH = (
    Edit("worker_main.py", "    import torch  # while still trusted: what every submission needs\n\n    del torch\n"),
    Edit("worker_main.py", "    import torch  # imported before, and in the process that this one was forked from\n\n"),
    Edit("worker_main.py", '        torch.set_num_threads(header["limits"]["threads"])\n'),
    Edit("fork_server.py", "    preload()\n"),
)


@functools.cache
def missing(name: str) -> str | None:
    """Why a backend can't be had here, None if it can: asked without torch, and so quickly."""
    with without(BACKENDS[name], ()):
        try:
            BACKENDS[name].start(LIMITS, 1).stop()
        except SandboxUnavailable as error:
            return str(error)
    return None


def skip_without(name: str) -> None:
    """Skip the test where a backend can't be had."""
    if reason := missing(name):
        pytest.skip(reason)


def ask_without(wall: str, removals: tuple[Removal, ...], names: tuple[str, ...]) -> dict[str, Any]:
    """What probes are told behind a wall that lacks something; `fails`: why a cell can't be started, used or ended."""
    backend = BACKENDS[wall.removesuffix("_user")]
    with without(backend, removals):
        try:
            rows = [TABLE[name] for name in names]
            return (ask_all if not rows or any(row in OTHERS for row in rows) else ask_alone)(backend, rows)
        except (SandboxUnavailable, CheckStopped, OSError) as error:
            return {"fails": str(error)}


def all_but_work() -> tuple[str, ...]:
    """The names of the rows that need no torch."""
    return tuple(name for name, row in TABLE.items() if row not in WORK)
