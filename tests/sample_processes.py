"""Processes of this machine as /proc shows them, to see that none is left."""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from pathlib import Path


def uids() -> dict[int, frozenset[int]]:
    """Real, effective, saved and file-system user of every process, by process."""
    return {pid: frozenset(map(int, lines["Uid"].split())) for pid, lines in _statuses().items()}


def descendants(ancestor: int) -> set[int]:
    """Every process below one, itself not included."""
    parents = {pid: int(lines["PPid"]) for pid, lines in _statuses().items()}
    found = {ancestor}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {ancestor}


def of_users(users: Collection[int]) -> set[int]:
    """Every process that runs as one of these users."""
    return {pid for pid, ids in uids().items() if not ids.isdisjoint(users)}


def wait_until_gone(users: Collection[int], seconds: float = 5) -> set[int]:
    """What is left of the processes of these users after so long at most; empty as soon as nothing is."""
    deadline = time.monotonic() + seconds
    while (left := of_users(users)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def _statuses() -> dict[int, dict[str, str]]:
    found = {}
    for name in os.listdir("/proc"):
        if name.isdecimal():
            try:
                text = Path("/proc", name, "status").read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue  # it has just ended
            found[int(name)] = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    return found
