"""The *cold* wall: stock bubblewrap around a fresh process for each worker. Slow, and the reference for correctness.

As root, the process starts with the three capabilities it needs to become an ordinary kernel user, and gives them up in
`worker.confine`.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack

from grader.errors import SandboxUnavailable
from grader.rubric import Limits
from grader.sandbox import bubblewrap, users
from grader.sandbox.launcher import start_process
from grader.sandbox.seccomp import build_filter
from grader.sandbox.worker import FOLDER_MARGIN_MIB, First, Worker

NAME = "cold"
TITLE = "bubblewrap"
ANSWER_S = 20  # for bubblewrap to come up, on a busy machine
_CAPABILITIES = ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP")


def unavailable() -> str | None:
    """Why this backend can't work here, or None when it can."""
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed (apt-get install bubblewrap)"
    try:
        probe = [*_command(64), "--", "/usr/bin/true"]
        run = subprocess.run(
            probe, env={}, stdin=subprocess.DEVNULL, capture_output=True, timeout=ANSWER_S, check=False
        )
    except (SandboxUnavailable, OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None if run.returncode == 0 else f"bubblewrap fails: {run.stderr.decode(errors='replace').strip()[:300]}"


def system_calls() -> bytes:
    """The filter of these workers."""
    return build_filter()


def start(limits: Limits, folder_mib: int) -> Worker:
    """Start a worker; it imports torch while the caller goes on.

    Args:
        limits: What it may use.
        folder_mib: Size of the submission's folder, MiB.

    Raises:
        SandboxUnavailable: If bubblewrap does not start.
    """
    with ExitStack() as undo:
        uid, release = users.take_user()
        undo.callback(release)
        ours, theirs = socket.socketpair()
        undo.callback(ours.close)
        with theirs:
            process, first = spawn(theirs.fileno(), "worker_main", _command(folder_mib + FOLDER_MARGIN_MIB))
        undo.pop_all()
    assert process.stdout is not None
    setup = {"uid": uid, "folder": bubblewrap.FOLDER, "files": bubblewrap.files_inside()}
    return Worker(ours, process.stdout, first, setup, limits.output_kib, release)


def _command(folder_mib: int) -> list[str]:
    own_user = bubblewrap.is_root()
    return bubblewrap.command(_CAPABILITIES if own_user else (), own_user=own_user, folder_mib=folder_mib)


def spawn(channel: int, program: str, command: list[str]) -> tuple[subprocess.Popen[bytes], First]:
    """Start bubblewrap around one of our programs that serves the descriptor `channel`.

    Returns:
        bubblewrap, and the first process of its namespace.

    Raises:
        SandboxUnavailable: If it does not start.
    """
    status_read, status_write = os.pipe()
    with open(status_read, "rb") as status:
        try:
            process = start_process(
                [
                    *(command[0], "--json-status-fd", str(status_write), *command[1:]),
                    *("--", sys.executable, *bubblewrap.python(program, channel)),
                ],
                env={},  # bubblewrap is pid 1 inside, and its environment can be read there
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(channel, status_write),
            )
        except OSError as error:
            raise SandboxUnavailable(f"bubblewrap did not start: {error}") from error
        finally:
            os.close(status_write)
        if not select.select([status], [], [], ANSWER_S)[0]:
            process.kill()
        return process, _first(process, status.readline())


def _first(process: subprocess.Popen[bytes], status: bytes) -> First:
    """The namespace's first process: with it all others end, and then bubblewrap by itself."""
    try:
        pid = int(json.loads(status)["child-pid"])
    except ValueError as error:  # it ended before it wrote anything
        output = process.communicate()[0].decode(errors="replace").strip()
        raise SandboxUnavailable(f"bubblewrap did not start: {output[:300]}") from error
    try:
        return First(pid, os.pidfd_open(pid), process.wait)
    except OSError as error:
        # Not bubblewrap itself: what it started would wait for it for ever. Until it is reaped, the number is its own.
        os.kill(pid, signal.SIGKILL)
        process.communicate()
        raise SandboxUnavailable(f"bubblewrap did not start: {error}") from error
