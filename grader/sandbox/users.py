"""Kernel users for workers: one each, that no account of the machine uses."""

from __future__ import annotations

import os
import secrets
import signal
import socket
from collections.abc import Callable
from pathlib import Path

from grader.errors import SandboxUnavailable
from grader.sandbox import bubblewrap
from grader.sandbox.worker import nothing

FIRST_UID, UIDS = 61000, 4000


def reserve_uid() -> tuple[int, Callable[[], None]]:
    """A kernel uid that no other worker has, for processes are counted per uid; and what gives it back.

    The abstract name of a socket holds it: free again when the socket is closed or its owner has ended, however it did.

    Raises:
        SandboxUnavailable: If all are in use.
    """
    first = secrets.randbelow(UIDS)
    for step in range(UIDS):
        uid = FIRST_UID + (first + step) % UIDS
        holder = socket.socket(socket.AF_UNIX)
        try:
            holder.bind(f"\0vision-autograder-{uid}")
            return uid, holder.close
        except OSError:
            holder.close()
    raise SandboxUnavailable(f"all of the {UIDS} user ids are in use")


def take_user() -> tuple[int | None, Callable[[], None]]:
    """A kernel user for a worker, and what gives it back; None, and nothing to give, where the grader is not root."""
    return reserve_uid() if bubblewrap.is_root() else (None, nothing)


def end_all(uid: int) -> None:
    """Kill every process of a worker's user, until there is none."""
    while pids := _of(uid):
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue  # it has ended by itself


def _of(uid: int) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            lines = (folder / "status").read_text(errors="replace").splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        facts = dict(line.split(":", 1) for line in lines if ":" in line)
        if str(uid) in facts["Uid"].split() and not facts["State"].strip().startswith("Z"):
            found.append(int(folder.name))
    return found
