"""In the students' kit: runs a module in this process, since a student's own files keep nobody else waiting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory


@dataclass(frozen=True)
class Bounds:
    """What the grader's process may use; nothing is bounded here."""

    cpu_s: int
    wall_s: float
    memory_mib: int
    file_mib: int


@dataclass(frozen=True)
class Ended:
    """How it ended: the files that were wanted, and why one is missing."""

    files: dict[str, bytes]
    why: str


def run_limited(module: str, given: Mapping[str, bytes], wanted: Sequence[str], bounds: Bounds) -> Ended:
    """Call `main(folder)` of a module; what it raises is raised."""
    with TemporaryDirectory(prefix="kit-") as made:
        folder = Path(made)
        for name, content in given.items():
            (folder / name).write_bytes(content)
        import_module(module).main(folder)
        return Ended({name: (folder / name).read_bytes() for name in wanted}, "")
