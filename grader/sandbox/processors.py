"""What the machine's processors do, as far as this process is told, and the control groups that it is in."""

from __future__ import annotations

import functools
import os
import time
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


def busy_seconds() -> float:
    """How long the processors were not idle, all together; more than any wait for them where that can't be told."""
    if not _are_all_seen():
        return time.monotonic() * 1e6
    with open("/proc/uptime", "rb") as file:
        up_s, idle_s = map(float, file.read().split())
    return up_s * (os.cpu_count() or 1) - idle_s


@functools.cache
def _are_all_seen() -> bool:
    """Whether /proc tells of the whole machine, and no quota stops this process while processors are idle."""
    with open("/proc/self/mounts", encoding="utf-8", errors="replace") as file:
        if any(line.split()[1] in ("/proc/uptime", "/proc/stat") for line in file):  # LXC's, of the container alone
            return False
    return not _has_quota()


def _has_quota() -> bool:
    unified = (ROOT / "cgroup.controllers").is_file()
    folder, name = (own_path(""), "cpu.max") if unified else (own_path("cpu"), "cpu.cfs_quota_us")
    files = [each / name for each in (folder, *folder.parents) if each.is_relative_to(ROOT)]
    return any(not file.read_text().startswith(("max", "-1")) for file in files if file.is_file())


def own_path(controller: str) -> Path:
    """Return the folder of the control group that this process is in."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return ROOT / controller / path.lstrip("/")
    return ROOT / controller
