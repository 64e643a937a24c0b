"""The *fork* wall: one bubblewrap, and in it a process with torch loaded that forks each worker in milliseconds.

The workers have namespaces, folders and (as root) a kernel user of their own, and the same confinement as *cold* ones.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import socket
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from grader.errors import SandboxUnavailable
from grader.rubric import Limits
from grader.sandbox import bubblewrap, cold, users
from grader.sandbox.worker import FOLDER_MARGIN_MIB, START_S, First, OutputTail, Worker

NAME = "fork"
TITLE = "bubblewrap (fork)"
ANSWER_S = 20  # for one fork, on a busy machine
RENEW_AFTER = 1000  # workers: forks share the layout of memory, so that it is drawn anew now and then
_CAPABILITIES = ("CAP_SYS_ADMIN", "CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP")


def unavailable() -> str | None:
    """Why this backend can't work here, or None when it can: a worker is started and stopped."""
    if reason := cold.unavailable():
        return reason
    try:
        start(Limits(), 1).stop()
    except SandboxUnavailable as error:
        return str(error)
    return None


def begin() -> None:
    """Start the process that workers are forked from, and don't wait: `unavailable` will tell if it can't be had."""
    with suppress(SandboxUnavailable):
        _SERVERS.begin()


system_calls = cold.system_calls  # the same filter


def start(limits: Limits, folder_mib: int) -> Worker:
    """Fork a worker.

    Args:
        limits: What it may use.
        folder_mib: Size of the submission's folder, MiB.

    Raises:
        SandboxUnavailable: If it can't be started.
    """
    while True:
        try:
            return _start(limits, folder_mib)
        except _TryAgain:
            continue


def _start(limits: Limits, folder_mib: int) -> Worker:
    with ExitStack() as undo:
        uid, release = users.take_user()
        undo.callback(release)
        ours, theirs = socket.socketpair()
        undo.callback(ours.close)
        read, write = os.pipe()
        output = undo.enter_context(open(read, "rb"))
        with theirs:
            try:
                first = _SERVERS.fork(folder_mib + FOLDER_MARGIN_MIB, [theirs.fileno(), write])
            finally:
                os.close(write)
        undo.pop_all()
    setup = {"uid": uid, "folder": bubblewrap.FOLDER, "files": bubblewrap.files_inside()}
    return Worker(ours, output, first, setup, limits.output_kib, release)


class _Ended(SandboxUnavailable):
    """The process that workers are forked from is of no more use."""


class _TryAgain(Exception):
    """It has worked before, and another will take its place: with a new channel, for it may yet answer on the old."""


class _ForkServer:
    """One running process to fork from; it has started when `fork` is first called."""

    def __init__(self) -> None:
        own_user = bubblewrap.is_root()
        capabilities = _CAPABILITIES if own_user else ("ALL",)
        command = bubblewrap.command(capabilities, own_user=own_user, folder_mib=1, as_root=True)
        with ExitStack() as undo:
            self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            undo.callback(self._control.close)
            with theirs:
                self._process, self._first = cold.spawn(theirs.fileno(), "fork_server", command)
            undo.pop_all()
        assert self._process.stdout is not None
        self._output = OutputTail(self._process.stdout, 4096)
        self._is_ready = False
        self._lock = threading.Lock()
        self._workers = 0
        self._is_retired = self._is_stopped = False
        self.forked = 0

    def fork(self, folder_mib: int, descriptors: list[int]) -> First:
        """A new worker's first process; raises SandboxUnavailable when there is none."""
        if not self._is_ready:
            ready, _ = self._receive(START_S)
            if ready.get("threads") != 1:
                raise _Ended(f"the process that workers are forked from has {ready.get('threads')} threads")
            self._is_ready = True
        request = json.dumps({"folder_mib": folder_mib, "own_user": bubblewrap.is_root()}).encode()
        try:
            socket.send_fds(self._control, [request], descriptors)
        except OSError as error:
            raise _Ended(f"no worker could be forked: {error}") from error
        answer, child = self._receive(ANSWER_S)
        if child is None:
            raise SandboxUnavailable(f"no worker could be forked: {answer.get('error')}")
        self.forked += 1
        self._count(+1)

        def ended() -> None:
            _wait(child)
            self._count(-1)

        return First(_pid_here(child), child, ended)

    def _receive(self, seconds: float) -> tuple[dict[str, Any], int | None]:
        self._control.settimeout(seconds)
        try:
            message, descriptors, _, _ = socket.recv_fds(self._control, 4096, 1)
        except OSError as error:
            raise _Ended(f"the process that workers are forked from does not answer: {error}") from error
        if not message:
            raise _Ended(f"the process that workers are forked from ended\n{self._output.tail()}")
        return json.loads(message), descriptors[0] if descriptors else None

    def _count(self, more: int, *, retire: bool = False) -> None:
        with self._lock:
            self._workers += more
            self._is_retired |= retire
            is_idle = self._is_retired and self._workers == 0
        if is_idle:
            self.stop()

    def retire(self) -> None:
        """End it once no worker of its lives."""
        self._count(0, retire=True)

    def stop(self) -> None:
        """End it, and with it every worker that was forked from it."""
        with self._lock:
            if self._is_stopped:
                return
            self._is_stopped = True
        self._first.kill()
        self._first.wait()
        self._control.close()

    @property
    def is_stopped(self) -> bool:
        """Whether nothing of it is left."""
        return self._is_stopped


class _ForkServers:
    """The server of this process, started when it is needed and again when it has ended or is old."""

    def __init__(self) -> None:
        self._server: _ForkServer | None = None
        self._living: list[_ForkServer] = []
        self._inherited: list[_ForkServer] = []
        self._lock = threading.Lock()

    def forget(self) -> None:
        """In a fork of the grader: what its parent has started is the parent's to talk with, and to end."""
        self._inherited += self._living
        self._server, self._living, self._lock = None, [], threading.Lock()

    def begin(self) -> None:
        """Start one, unless one runs; it needs seconds until it can fork."""
        with self._lock:
            self._current()

    def fork(self, folder_mib: int, descriptors: list[int]) -> First:
        """A new worker's first process."""
        with self._lock:
            server = self._current()
            try:
                return server.fork(folder_mib, descriptors)
            except _Ended as error:
                self._server = None
                server.retire()  # workers of it may live, if all that it does is not to answer
                if server.forked > 0:
                    raise _TryAgain from error
                raise

    def _current(self) -> _ForkServer:
        if self._server is not None and self._server.forked >= RENEW_AFTER:
            self._server.retire()
            self._server = None
        if self._server is None:
            self._server = _ForkServer()
            self._living = [server for server in self._living if not server.is_stopped] + [self._server]
        return self._server

    def close(self) -> None:
        """End all of them."""
        with self._lock:
            for server in self._living:
                server.stop()
            self._server, self._living = None, []


_SERVERS = _ForkServers()
atexit.register(_SERVERS.close)
os.register_at_fork(after_in_child=lambda: _SERVERS.forget())


def _pid_here(child: int) -> int:
    """The number that a process has on this side."""
    lines = Path(f"/proc/self/fdinfo/{child}").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pid:"))


def _wait(child: int) -> None:
    """Wait until a process that is not our child has ended, and its namespace with it."""
    poll = select.poll()
    poll.register(child, select.POLLIN)
    poll.poll()
