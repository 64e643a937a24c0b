"""The *fork* wall: one bubblewrap, and in it a fork server.

The workers have namespaces, folders and (as root) a kernel user of their own, and the same confinement as *cold* ones.
"""

from __future__ import annotations

import subprocess
from contextlib import ExitStack, suppress

from grader.errors import SandboxUnavailable
from grader.rubric import Limits
from grader.sandbox import bubblewrap, cold, users
from grader.sandbox.forking import ForkServers
from grader.sandbox.worker import FOLDER_MARGIN_MIB, First, Worker

NAME = "fork"
TITLE = "bubblewrap (fork)"
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
    """Start the fork server, and don't wait: `unavailable` will tell if it can't be had."""
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
    with ExitStack() as undo:
        uid, release = users.take_user()
        undo.callback(release)
        request = {"folder_mib": folder_mib + FOLDER_MARGIN_MIB, "own_user": bubblewrap.is_root()}
        setup = {"uid": uid, "folder": bubblewrap.FOLDER, "files": bubblewrap.files_inside()}
        worker = _SERVERS.start(request, setup, limits.output_kib, release)
        undo.pop_all()
    return worker


def _spawn(control: int) -> tuple[subprocess.Popen[bytes], First]:
    own_user = bubblewrap.is_root()
    capabilities = _CAPABILITIES if own_user else ("ALL",)
    return cold.spawn(
        control, "fork_server", bubblewrap.command(capabilities, own_user=own_user, folder_mib=1, as_root=True)
    )


_SERVERS = ForkServers(_spawn)
