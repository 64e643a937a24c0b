"""A grader whose Python lies below a folder of which each worker has one of its own: /tmp, /dev/shm."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from grader.rubric import PROJECT
from grader.sandbox import fork

PROGRAM = """
import sys
from grader.rubric import Limits
from grader.sandbox.worker_pool import WorkerPool
from grader.sandbox.student import Implementation
from grader.sandbox.transport import WorkerTransport

SOURCE = b"def look():\\n    import sys\\n    import torch.utils.serialization\\n    return sys.prefix\\n"
files = {"late.py": SOURCE}
pool = WorkerPool(Limits(), ("late",), files, "fork")
transport = WorkerTransport(pool, Limits())
try:
    print(pool.backend.NAME, Implementation(("late",), transport, files).late.look() == sys.prefix)
finally:
    transport.drop()
    pool.close()
"""


@pytest.mark.slow
@pytest.mark.parametrize(("folder", "umask"), [("/tmp", 0o077), ("/dev/shm", 0o022)], ids=["closed", "open"])
def test_late_import(folder: str, umask: int) -> None:
    """A late import is found in a worker that covers the folder above Python, whatever files the grader makes closed.

    It starts a grader of its own, which imports torch.
    """
    if reason := fork.unavailable():
        pytest.skip(reason)
    with TemporaryDirectory(prefix="two words ", dir=folder) as made:
        environment = Path(made, "inner", "environment")
        environment.parent.mkdir()
        environment.symlink_to(sys.prefix)
        ended = subprocess.run(
            [str(environment / "bin" / "python"), "-c", PROGRAM], cwd=made, umask=umask,
            env={**os.environ, "PYTHONPATH": str(PROJECT)}, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert ended.stdout.split() == ["fork", "True"], ended.stderr
