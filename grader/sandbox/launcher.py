"""Starts processes from a thread that lives as long as the grader.

"Die with your parent", which bubblewrap and our workers ask of the kernel, means the thread that started them: what a
short-lived thread of the grader had started would be killed when that thread ends.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def start_process(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """`subprocess.Popen(command, **options)`; raises what that raises."""

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, **options)

    return _launcher.submit(start).result()


def _new_launcher() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="launcher")


def _renew() -> None:
    global _launcher
    _launcher = _new_launcher()


_launcher = _new_launcher()
os.register_at_fork(after_in_child=_renew)  # a fork of the grader has no threads of its parent's
