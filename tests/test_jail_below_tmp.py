"""A grader whose Python lies below /tmp, where each cell has a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from grader.rubric import PROJECT
from grader.sandbox import fork

PROGRAM = """
import sys
from grader.rubric import Limits
from grader.sandbox.jail import Jail
from grader.sandbox.student import Implementation
from grader.sandbox.transport import CellTransport

SOURCE = b"def look():\\n    import sys\\n    import torch.utils.serialization\\n    return sys.prefix\\n"
files = {"late.py": SOURCE}
jail = Jail(Limits(), ("late",), files, "fork")
transport = CellTransport(jail, Limits())
try:
    print(jail.backend.NAME, Implementation(("late",), transport, files).late.look() == sys.prefix)
finally:
    transport.drop()
    jail.close()
"""


def test_late_import(tmp_path: Path) -> None:
    """What a student's function imports late is found in a cell, too, that was forked below /tmp."""
    if reason := fork.unavailable():
        pytest.skip(reason)
    environment = tmp_path / "environment"
    environment.symlink_to(sys.prefix)
    assert environment.is_relative_to(tempfile.gettempdir())
    command = [str(environment / "bin" / "python"), "-c", PROGRAM]
    paths = {**os.environ, "PYTHONPATH": str(PROJECT)}
    ended = subprocess.run(command, env=paths, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert ended.stdout.split() == ["fork", "True"], ended.stderr
