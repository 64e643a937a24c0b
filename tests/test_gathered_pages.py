"""What the process that workers are forked from does to itself."""

from __future__ import annotations

import subprocess
import sys

from grader.rubric import PROJECT

GATHER = """
import mmap
from grader.sandbox.fork_server import LARGE, gather_pages

held = mmap.mmap(-1, 8 * LARGE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for start in range(0, len(held), 4096):
    held[start : start + 8] = start.to_bytes(8, "little")
gather_pages()
assert all(held[start : start + 8] == start.to_bytes(8, "little") for start in range(0, len(held), 4096))
"""


def test_gathered_pages() -> None:
    """Memory that is gathered in large pages holds what it held."""
    assert subprocess.run([sys.executable, "-c", GATHER], cwd=PROJECT, check=False).returncode == 0
