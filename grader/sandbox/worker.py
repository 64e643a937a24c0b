"""One sandboxed process with a channel to it: started by a backend, confined, fed with files, stopped by us.

Nothing about a worker relies on the good will of what runs in it: deadlines are ours, its output is drained and cut,
its exit code is ignored, and stopping it kills its whole process tree from outside.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import IO

import numpy as np

from grader.errors import SandboxUnavailable
from grader.rubric import Limits
from grader.sandbox.protocol import Array, Channel, DeadlinePassed, Frame, Header, Patience, ProtocolError, until
from grader.sandbox.resource_monitor import ResourceMonitor, most_cpu_s, open_monitor
from grader.sandbox.stopwatch import Slack, Stopwatch

START_S = 120  # importing torch on a cold and busy disk
PIECE = 32 << 20  # files travel in pieces of so many bytes
FOLDER_MARGIN_MIB = 8


class First:
    """The first process of a worker: everything in the worker ends with it.

    Args:
        pid: Its number here.
        descriptor: pidfd of it; ours to close.
        ended: Waits until nothing of the worker is left.
    """

    def __init__(self, pid: int, descriptor: int, ended: Callable[[], object]) -> None:
        self.pid = pid
        self._descriptor = descriptor
        self._ended = ended
        self._is_gone = False
        self._closing = threading.Lock()  # a closed descriptor's number may be another process's

    def is_alive(self) -> bool:
        """Whether it has not ended."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        return not poll.poll(0)

    def kill(self) -> None:
        """Kill everything in the worker, from outside and from any thread."""
        with self._closing, suppress(ProcessLookupError):  # it has ended by itself
            if not self._is_gone:
                signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)

    def wait(self) -> None:
        """Wait until nothing is left; called once, after `kill`."""
        self._ended()
        with self._closing:
            self._is_gone = True
            os.close(self._descriptor)


def nothing() -> None:
    """There is nothing to give back."""


class Worker:
    """A started worker.

    Args:
        connection: Our end of the socket pair.
        output: What it prints.
        first: Its first process.
        setup: What it is told to confine itself with: `uid` (kernel user to become, None when it is an ordinary one
            already), `folder` (folder for the submission), `files` (paths that Landlock leaves, by kind of right), and
            `limits` that differ from what `confine` says.
        output_kib: How much of the end of its output to keep.
        release: Gives back what the worker held, once nothing of it is left.
    """

    def __init__(
        self,
        connection: socket.socket,
        output: IO[bytes],
        first: First,
        setup: Header,
        output_kib: int,
        release: Callable[[], None] = nothing,
    ) -> None:
        self._channel = Channel(connection)
        self._first = first
        self._setup = setup
        self._release = release
        self._output = OutputTail(output, output_kib << 10)
        self._monitor: ResourceMonitor | None = None
        self._threads = 1
        self._slack = Slack()
        self._stopped = False
        self._request = 0

    def confine(self, limits: Limits, folder_mib: int, files: Mapping[str, bytes], bpf: bytes) -> None:
        """Wait for the worker, take its rights away, then give it the submission.

        Args:
            limits: What it may use.
            folder_mib: Largest file that it may write, MiB.
            files: The submission's files by relative path.
            bpf: seccomp program for the worker to load.

        Raises:
            SandboxUnavailable: If the worker does not start or can't confine itself.
        """
        patience = until(time.monotonic() + START_S)  # the machine's own time: nobody is charged for it
        named = {
            "memory_mib": limits.memory_mib,
            "processes": limits.processes,
            "threads": limits.threads,
            "folder_mib": folder_mib,
            "cpu_s": most_cpu_s(limits),
        }
        self._threads = limits.threads
        setup = {**self._setup, "limits": {**named, **self._setup.get("limits", {})}}
        try:
            ready, _ = self._channel.receive(patience)
            if ready.get("threads") != 1:
                raise ProtocolError(f"the worker has {ready.get('threads')} threads before it is confined")
            self._channel.send(setup, [np.frombuffer(bpf, np.uint8)], patience)
            self._monitor = open_monitor(
                limits, folder_mib, self._first.pid, self._first.kill
            )  # while the worker is at it
            self._channel.receive(patience)
            self._send_files(files, patience)
        except (ProtocolError, DeadlinePassed, OSError) as error:
            output = self.stop()
            raise SandboxUnavailable(
                f"the sandboxed process did not start: {str(error) or 'too slow'}\n{output}"
            ) from error

    def _send_files(self, files: Mapping[str, bytes], patience: Patience) -> None:
        for path, content in files.items():
            data = np.frombuffer(content, np.uint8)
            for start in range(0, max(len(data), 1), PIECE):
                self._channel.send({"path": path}, [data[start : start + PIECE]], patience)
        self._channel.send({"done": True}, [], patience)

    def stopwatch(self, limit_s: float) -> Stopwatch:
        """Begin to measure a request that may be charged so many seconds."""
        assert self._monitor is not None
        channel = self._channel
        return Stopwatch(
            self._monitor.used, self._threads, limit_s, lambda: (channel.moved, channel.parsed), self._slack
        )

    def exchange(self, header: Header, arrays: list[Array], patience: Patience, max_body: int) -> Frame:
        """Send one request and receive its reply; the worker stands still before and after.

        Raises:
            DeadlinePassed: If `patience` ends before the whole reply is there.
            ProtocolError: If the reply is not a valid one; ChannelClosed if the process died.
        """
        assert self._monitor is not None
        self._request += 1
        self._monitor.freezer.thaw()
        self._channel.send({**header, "id": self._request, "max_body": max_body}, arrays, patience)
        reply, results = self._channel.receive(patience, max_body)
        if reply.get("id") != self._request:
            raise ProtocolError("an answer to another question")
        self._monitor.freezer.freeze()
        return reply, results

    def is_alive(self) -> bool:
        """Whether it could be asked, as far as one can see from outside; not to be called once it was stopped."""
        return self._first.is_alive()

    def verdict(self) -> str | None:
        """Which limit it was ended for, in a sentence; None if for none that is known. It is watched no longer."""
        return self._monitor.close() if self._monitor is not None else None

    def kill(self) -> None:
        """Kill everything in the worker; `stop` waits for its end."""
        self._first.kill()

    def stop(self) -> str:
        """Kill everything in the worker, wait until it is gone, and return the end of its output."""
        if not self._stopped:
            self._stopped = True
            self.verdict()
            self._first.kill()
            self._first.wait()
            try:
                if self._monitor is not None:
                    self._monitor.remove()
            finally:
                self._channel.close()
                self._release()
        return self._output.tail()


class OutputTail:
    """Reads a pipe to its end in a thread and keeps the last bytes."""

    def __init__(self, pipe: IO[bytes], keep: int) -> None:
        self._pipe = pipe
        self._keep = keep
        self._kept = bytearray()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with self._pipe:
            while piece := self._pipe.read1(1 << 16):  # type: ignore[attr-defined]
                self._kept += piece
                del self._kept[: max(0, len(self._kept) - self._keep)]

    def tail(self) -> str:
        """What was kept, once its writers have ended."""
        self._thread.join(timeout=5)
        return bytes(self._kept).decode("utf-8", "backslashreplace")
