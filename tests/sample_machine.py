"""Asks the golden table of a wall: what the machine offers to be reached, and the workers that try.

Run as a program (`python sample_machine.py cold`), it prints the answers as JSON: so an ordinary user asks them too.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from sample_processes import uids
from sample_walls import FOLDER_MIB, LIMITS, MODULES, NAMESPACES, TABLE, WORK, Row

from grader.errors import CheckStopped
from grader.rubric import PROJECT
from grader.sandbox import bubblewrap
from grader.sandbox.student import Implementation
from grader.sandbox.transport import WorkerTransport
from grader.sandbox.worker import Worker
from grader.sandbox.worker_pool import BACKENDS, WorkerPool

PROBES = Path(__file__).parent / "probes"
CANARY = "canary-4f1b9f30c7"
GROUP = 60998  # one that root is in, as on a machine where root is in its groups
SECRETS = [
    *(path.name for path in (PROJECT / "solutions").rglob("checks/*_*.py")),
    *("assignment.toml", "metrics.json", "solutions", "mistakes", "results.json", "ARCHITECTURE.md", "shadow"),
    *("t10k-*", "train-labels*", "*-ubyte*", "*.safetensors", "FashionMNIST", "fashion-mnist", "cifar-10*"),
]


class Workers:
    """Stands in for a pool: gives workers of one backend, whichever would be chosen.

    Args:
        backend: Starts them.
        files: The submission's, beside the probes.
        folder_mib: Size of its folder.
    """

    modules = MODULES

    def __init__(self, backend: ModuleType, files: Mapping[str, bytes] | None, folder_mib: int) -> None:
        self._backend = backend
        self._box_mib = folder_mib
        self._files = {f"{name}.py": (PROBES / f"{name}.py").read_bytes() for name in MODULES} | dict(files or {})
        self.worker: Worker | None = None

    def take(self, *, last: bool = False) -> Worker:
        """A confined worker that holds the submission."""
        del last
        worker: Worker = self._backend.start(LIMITS, self._box_mib)
        try:
            worker.confine(LIMITS, self._box_mib, self._files, self._backend.system_calls())
        except BaseException:
            worker.stop()
            raise
        self.worker = worker
        return worker


@contextmanager
def open_worker(
    backend: ModuleType, files: Mapping[str, bytes] | None = None, folder_mib: int = FOLDER_MIB
) -> Iterator[tuple[Implementation, Worker]]:
    """A worker with the probes, and they as a student's implementation."""
    workers = Workers(backend, files, folder_mib)
    transport = WorkerTransport(cast(WorkerPool, workers), LIMITS)
    try:
        transport.renew(last=True)
        assert workers.worker is not None
        yield Implementation(MODULES, transport), workers.worker
    finally:
        transport.drop()


@contextmanager
def offering() -> Iterator[dict[str, Any]]:
    """Things on this machine for whoever reaches them, as facts by name."""
    with ExitStack() as undo:
        folder = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="reach-")))
        shared = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="reach-", dir="/dev/shm")), "shared")
        for path in (folder, folder / "public", shared.parent):
            path.mkdir(exist_ok=True)
            path.chmod(0o777)
        for path in (folder / "secret", folder / "public" / "file", shared):
            path.write_text(CANARY, encoding="utf-8")
            path.chmod(0o666)
        abstract = f"reach-{secrets.token_hex(8)}"
        tcp = undo.enter_context(_listening(socket.AF_INET, ("127.0.0.1", 0)))
        undo.enter_context(_listening(socket.AF_UNIX, f"\0{abstract}"))
        undo.enter_context(_listening(socket.AF_UNIX, str(folder / "socket")))
        undo.enter_context(_listening(socket.AF_UNIX, str(folder / "datagrams"), socket.SOCK_DGRAM))
        for name in ("socket", "datagrams"):
            (folder / name).chmod(0o777)
        inherited = os.open("/", os.O_RDONLY)
        undo.callback(os.close, inherited)
        os.set_inheritable(inherited, True)
        if os.geteuid() == 0:
            undo.callback(os.setgroups, os.getgroups())
            os.setgroups([*os.getgroups(), GROUP])
        os.environ["GRADER_CANARY"] = CANARY
        undo.callback(os.environ.pop, "GRADER_CANARY")
        yield {
            **{name: str(folder / name) for name in ("secret", "public", "socket", "datagrams")},
            **{"public_file": str(folder / "public" / "file"), "shared": str(shared), "abstract": abstract},
            **{"port": tcp.getsockname()[1], "grader": os.getpid(), "project": str(PROJECT), "prefix": sys.prefix},
            **{"library": os.path.dirname(os.__file__), "canary": CANARY, "secrets": SECRETS},
            "skipped": [*map(str, bubblewrap.shown_folders()), "/proc", "/sys"],
            "processes": [f"/proc/{p}/{f}" for p in (1, 2, "self") for f in ("environ", "cmdline", "maps")],
            **{"namespaces": _namespaces("self"), "session": os.getsid(0)},
        }


@contextmanager
def _listening(family: int, address: Any, kind: int = socket.SOCK_STREAM) -> Iterator[socket.socket]:
    with socket.socket(family, kind) as listener:
        listener.bind(address)
        if kind == socket.SOCK_STREAM:
            listener.listen()
        yield listener


def ask(student: Implementation, row: Row, facts: Mapping[str, Any]) -> Any:
    """The answer to a row, as JSON has it; what ends the call is an answer too."""
    module, _, function = str(row.question[0]).partition(".")
    arguments = [_fill(argument, facts) for argument in row.question[1:]]
    try:
        answer = getattr(getattr(student, module), function)(*arguments)
    except CheckStopped as stopped:
        answer = f"{type(stopped).__name__}: {stopped.message}"
    return json.loads(json.dumps(answer))


def _fill(argument: Any, facts: Mapping[str, Any]) -> Any:
    if isinstance(argument, list):
        return [_fill(item, facts) for item in argument]
    if not isinstance(argument, str):
        return int(argument) if isinstance(argument, int) else argument
    if argument[:1] == "{" and argument[1:-1] in facts:
        return facts[argument[1:-1]]
    return argument.format_map(facts) if "{" in argument else argument


def ask_all(backend: ModuleType, rows: Iterable[Row] = tuple(TABLE.values())) -> dict[str, Any]:
    """The answers to rows by name, from a worker that has a neighbour; and what the neighbour did and we see."""
    marker, marked, name = secrets.token_hex(8), secrets.token_hex(8), f"other-{secrets.token_hex(8)}"
    text = f"TEXT = '{marker}{marked}'".encode()
    with offering() as facts, open_worker(backend, {"text.py": text}) as (other, other_cell):
        left = other.others.leave(name)
        found = other.others.count_in_memory(marker, marked)
        neighbour = _deepest(other_cell._first.pid)
        facts |= {"other": name, "other_folder": left.pop("folder"), "other_process": neighbour}
        facts |= {"other_namespaces": _namespaces(neighbour), "marker": marker, "marked": marked}
        with open_worker(backend) as (student, worker):
            outside = uids()[_deepest(worker._first.pid)]
            # The neighbour does the work: where limits were tried, threads that have ended have left less memory.
            answers = {row.name: ask(other if row in WORK else student, row, facts) for row in rows}
        return answers | {"left": left, "found": found, "outside": sorted(outside)}


def ask_alone(backend: ModuleType, rows: Iterable[Row]) -> dict[str, Any]:
    """The answers to rows by name that are not about a neighbour."""
    with offering() as facts, open_worker(backend) as (student, _):
        return {row.name: ask(student, row, facts) for row in rows}


def _namespaces(pid: int | str) -> dict[str, str]:
    return {name: os.readlink(f"/proc/{pid}/ns/{name}") for name in NAMESPACES}


def _deepest(pid: int) -> int:
    """The last of a line of children: the worker, where bubblewrap is the worker's first process."""
    with suppress(FileNotFoundError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return _deepest(int(children[0])) if children else pid
    return pid


def main(name: str) -> None:
    """Print a backend's answers, or why it can't work here."""
    backend = next(backend for backend in BACKENDS if name == backend.NAME)
    reason = backend.unavailable()
    print(json.dumps({"reason": reason} if reason else ask_all(backend)))


if __name__ == "__main__":
    main(sys.argv[1])
