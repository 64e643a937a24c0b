"""Workers from a fork server: a process that has loaded torch and forks each worker in milliseconds.

`fork_server.py` is what runs in it. A backend says how the server is started; here it is asked, replaced and ended.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any
from weakref import WeakSet

from grader.errors import SandboxUnavailable
from grader.sandbox.protocol import Header
from grader.sandbox.worker import START_S, First, OutputTail, Worker, nothing

ANSWER_S = 20  # for one fork, on a busy machine
RENEW_AFTER = 1000  # workers: forks share the layout of memory, so that it is drawn anew now and then
Spawn = Callable[[int], tuple[subprocess.Popen[bytes], First]]


class _Ended(SandboxUnavailable):
    """The fork server is of no more use."""


class _TryAgain(Exception):
    """It has worked before, and another will take its place: with a new channel, for it may yet answer on the old."""


class ForkServer:
    """One running process to fork from; it has started when `fork` is first called.

    Args:
        spawn: Starts it, with one end of its control socket.
    """

    def __init__(self, spawn: Spawn) -> None:
        with ExitStack() as undo:
            self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            undo.callback(self._control.close)
            with theirs:
                self._process, self._first = spawn(theirs.fileno())
            undo.pop_all()
        assert self._process.stdout is not None
        self._output = OutputTail(self._process.stdout, 4096)
        self._is_ready = False
        self._asking = threading.Lock()
        self._counting = threading.Lock()
        self._workers = 0
        self._is_retired = self._is_stopped = False
        self.forked = 0

    def fork(self, request: Header, descriptors: list[int], ended: Callable[[], object]) -> First:
        """A new worker's first process; raises SandboxUnavailable when there is none."""
        with self._asking:
            if not self._is_ready:
                ready, _ = self._receive(START_S)
                if ready.get("threads") != 1:
                    raise _Ended(f"the fork server has {ready.get('threads')} threads")
                self._is_ready = True
            answer, child = self._ask(request, descriptors)
        if child is None:
            raise SandboxUnavailable(f"no worker could be forked: {answer.get('error')}")
        self.forked += 1
        self._count(+1)
        pid = _pid_here(child)

        def end() -> None:
            if not answer["is_reaped"]:  # so its number is not another's, and what it left in its session ends too
                with suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
            _wait(child)
            if not answer["is_reaped"]:
                with self._asking, suppress(SandboxUnavailable):  # where the server has ended, the kernel has reaped it
                    self._ask({"reap": pid}, [])
            ended()
            self._count(-1)

        return First(pid, child, end)

    def _ask(self, request: Header, descriptors: list[int]) -> tuple[dict[str, Any], int | None]:
        try:
            socket.send_fds(self._control, [json.dumps(request).encode()], descriptors)
        except OSError as error:
            raise _Ended(f"the fork server can't be asked: {error}") from error
        return self._receive(ANSWER_S)

    def _receive(self, seconds: float) -> tuple[dict[str, Any], int | None]:
        self._control.settimeout(seconds)
        try:
            message, descriptors, _, _ = socket.recv_fds(self._control, 4096, 1)
        except OSError as error:
            raise _Ended(f"the fork server does not answer: {error}") from error
        if not message:
            raise _Ended(f"the fork server ended\n{self._output.tail()}")
        return json.loads(message), descriptors[0] if descriptors else None

    def _count(self, more: int, *, retire: bool = False) -> None:
        with self._counting:
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
        with self._counting:
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


class ForkServers:
    """The fork server of this process, started when it is needed and again when it has ended or is old."""

    def __init__(self, spawn: Spawn) -> None:
        self._spawn = spawn
        self._server: ForkServer | None = None
        self._living: list[ForkServer] = []
        self._inherited: list[ForkServer] = []
        self._lock = threading.Lock()
        _ALL.add(self)

    def forget(self) -> None:
        """In a fork of the grader: what its parent has started is the parent's to talk with, and to end."""
        self._inherited += self._living
        self._server, self._living, self._lock = None, [], threading.Lock()

    def begin(self) -> None:
        """Start one, unless one runs; it needs seconds until it can fork."""
        with self._lock:
            self._current()

    def start(
        self,
        request: Header,
        setup: Header,
        output_kib: int,
        release: Callable[[], None],
        ended: Callable[[], object] = nothing,
    ) -> Worker:
        """Fork a worker.

        Args:
            request: What `fork_server.py` is asked.
            setup: As for `Worker`.
            output_kib: As for `Worker`.
            release: As for `Worker`.
            ended: Called when the worker's first process has ended, to end or remove what it has left.

        Raises:
            SandboxUnavailable: If it can't be started.
        """
        while True:
            with ExitStack() as undo, suppress(_TryAgain):
                ours, theirs = socket.socketpair()
                undo.callback(ours.close)
                read, write = os.pipe()
                output = undo.enter_context(open(read, "rb"))
                with theirs:
                    try:
                        first = self._fork(request, [theirs.fileno(), write], ended)
                    finally:
                        os.close(write)
                undo.pop_all()
                return Worker(ours, output, first, setup, output_kib, release)

    def _fork(self, request: Header, descriptors: list[int], ended: Callable[[], object]) -> First:
        with self._lock:
            server = self._current()
            try:
                return server.fork(request, descriptors, ended)
            except _Ended as error:
                self._server = None
                server.retire()  # workers of it may live, if all that it does is not to answer
                if server.forked > 0:
                    raise _TryAgain from error
                raise

    def _current(self) -> ForkServer:
        if self._server is not None and self._server.forked >= RENEW_AFTER:
            self._server.retire()
            self._server = None
        if self._server is None:
            self._server = ForkServer(self._spawn)
            self._living = [server for server in self._living if not server.is_stopped] + [self._server]
        return self._server

    def close(self) -> None:
        """End all of them."""
        with self._lock:
            for server in self._living:
                server.stop()
            self._server, self._living = None, []


_ALL: WeakSet[ForkServers] = WeakSet()


@atexit.register
def _close_all() -> None:
    for servers in list(_ALL):
        servers.close()


def _forget_all() -> None:
    for servers in list(_ALL):
        servers.forget()


os.register_at_fork(after_in_child=_forget_all)


def _pid_here(child: int) -> int:
    """The number that a process has on this side."""
    lines = Path(f"/proc/self/fdinfo/{child}").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pid:"))


def _wait(child: int) -> None:
    """Wait until a process that is not our child has ended, and its namespace with it."""
    poll = select.poll()
    poll.register(child, select.POLLIN)
    poll.poll()
