"""Implementations made of source text, reached in this process."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from grader.importing import load_module
from grader.sandbox.student import Implementation
from grader.sandbox.transport import LocalTransport


def write_module(folder: Path, name: str, source: str) -> Path:
    """A module's file."""
    path = folder / f"{name}.py"
    path.write_text(source, encoding="utf-8")
    return path


def local(folder: Path, files: Mapping[str, bytes] | None = None, **sources: str) -> Implementation:
    """An implementation in this process of modules given as source text, and of files; it expects `gone.py` too."""
    modules = {name: load_module(write_module(folder, name, source)) for name, source in sources.items()}
    files = dict(files or {})
    return Implementation((*sources, "gone"), LocalTransport(modules, files), files)
