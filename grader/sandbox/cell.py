"""One sandboxed process with a channel to it: started by a backend, confined, fed with files, stopped by us.

Nothing about a cell relies on the good will of what runs in it: deadlines are ours, its output is drained and cut, its
exit code is ignored, and stopping it kills its whole process tree from outside.
"""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from typing import IO

import numpy as np

from grader.errors import SandboxUnavailable
from grader.rubric import Limits
from grader.sandbox.protocol import Array, Channel, DeadlinePassed, Frame, Header, ProtocolError

START_S = 120  # importing torch on a cold and busy disk
PIECE = 32 << 20  # files travel in pieces of so many bytes
BOX_MARGIN_MIB = 8


class Cell:
    """A started worker.

    Args:
        process: What was started; its exit means that nothing of the cell is left.
        connection: Our end of the socket pair.
        kill: Kills everything in the cell, from outside; called at most once.
        uid: Kernel uid that the worker must change to, or None when it already runs as an ordinary user.
        output_kib: How much of the end of its output to keep.
        release: Gives back what the cell held, once nothing of it is left.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        connection: socket.socket,
        kill: Callable[[], None],
        uid: int | None,
        output_kib: int,
        release: Callable[[], None] = lambda: None,
    ) -> None:
        self._process = process
        self._channel = Channel(connection)
        self._kill = kill
        self._uid = uid
        self._release = release
        self._output = _Drain(process.stdout, output_kib << 10)
        self._stopped = False
        self._request = 0

    def confine(self, limits: Limits, box_mib: int, files: Mapping[str, bytes], bpf: bytes) -> None:
        """Wait for the worker, take its rights away, then give it the submission.

        Args:
            limits: What it may use.
            box_mib: Largest file that it may write, MiB.
            files: The submission's files by relative path.
            bpf: seccomp program for the worker to load.

        Raises:
            SandboxUnavailable: If the worker does not start or can't confine itself.
        """
        deadline = time.monotonic() + START_S
        named = {
            "memory_mib": limits.memory_mib,
            "processes": limits.processes,
            "threads": limits.threads,
            "box_mib": box_mib,
            "cpu_s": int(limits.submission_s * limits.threads),
        }
        setup = {"uid": self._uid, "limits": named}
        try:
            ready, _ = self._channel.receive(deadline)
            if ready.get("threads") != 1:
                raise ProtocolError(f"the worker has {ready.get('threads')} threads before it is confined")
            self._channel.send(setup, [np.frombuffer(bpf, np.uint8)], deadline)
            self._channel.receive(deadline)
            self._send_files(files, deadline)
        except (ProtocolError, DeadlinePassed) as error:
            output = self.stop()
            raise SandboxUnavailable(
                f"the sandboxed process did not start: {str(error) or 'too slow'}\n{output}"
            ) from error

    def _send_files(self, files: Mapping[str, bytes], deadline: float) -> None:
        for path, content in files.items():
            data = np.frombuffer(content, np.uint8)
            for start in range(0, max(len(data), 1), PIECE):
                self._channel.send({"path": path}, [data[start : start + PIECE]], deadline)
        self._channel.send({"done": True}, [], deadline)

    def exchange(self, header: Header, arrays: list[Array], timeout_s: float, max_body: int) -> Frame:
        """Send one request and receive its reply.

        Raises:
            DeadlinePassed: If there is no whole reply within `timeout_s`.
            ProtocolError: If the reply is not a valid one; ChannelClosed if the process died.
        """
        deadline = time.monotonic() + timeout_s
        self._request += 1
        self._channel.send({**header, "id": self._request, "max_body": max_body}, arrays, deadline)
        reply, results = self._channel.receive(deadline, max_body)
        if reply.get("id") != self._request:
            raise ProtocolError("an answer to another question")
        return reply, results

    def stop(self) -> str:
        """Kill everything in the cell, wait until it is gone, and return the end of its output."""
        if not self._stopped:
            self._stopped = True
            self._kill()
            self._process.wait()
            self._channel.close()
            self._release()
        return self._output.tail()


class _Drain:
    """Reads a pipe to its end in a thread and keeps the last bytes."""

    def __init__(self, pipe: IO[bytes] | None, keep: int) -> None:
        assert pipe is not None
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
        self._thread.join(timeout=5)
        return bytes(self._kept).decode("utf-8", "backslashreplace")
