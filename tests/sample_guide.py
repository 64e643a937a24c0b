"""What the instructor's guide tells to write and to run, and a copy of the project to do it in."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from grader.authoring.new import GUIDE as GUIDE
from grader.authoring.new import page_files
from grader.rubric import PROJECT
from grader.zip_writer import pack_files

LEFT_OUT = "<!-- other tests run these"  # above a block of commands that take minutes
COPIED = ("grader", "report_templates", "assignment", "solutions", "gradescope", "kit", "docs")
_COMMANDS = re.compile(r"^(?P<above>[^\n]*)\n```sh\n(?P<lines>.*?)^```$", re.DOTALL | re.MULTILINE)


def guide_files(page: Path = GUIDE) -> dict[str, str]:
    """Contents by path of the files that the guide, or another page, has its reader write."""
    return page_files(page)


def guide_commands(left_out: bool = False) -> list[str]:
    """The command lines of the guide in order, without their comments: those that are run here, or those left out."""
    blocks = _COMMANDS.finditer(GUIDE.read_text(encoding="utf-8"))
    chosen = [each["lines"] for each in blocks if each["above"].startswith(LEFT_OUT) is left_out]
    return [line.partition("  #")[0].strip() for lines in chosen for line in lines.splitlines() if line.strip()]


def copy_project(folder: Path) -> Path:
    """Copy the project as a fresh clone has it, without tests and examples, and write the guide's files into it."""
    ignore = shutil.ignore_patterns("__pycache__", ".*")
    for name in COPIED:
        if (PROJECT / name).exists():
            shutil.copytree(PROJECT / name, folder / name, ignore=ignore)
    for path in PROJECT.iterdir():
        if path.is_file() and not path.name.startswith("."):
            shutil.copy2(path, folder)
    return write_guide(folder)


def write_guide(folder: Path) -> Path:
    """Write the guide's third assignment into a folder; returns it."""
    for name, text in guide_files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def run_there(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`python -m grader` of that copy."""
    command = [sys.executable, "-m", "grader", *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=300, check=False)


def empty_environment(folder: Path, project: Path) -> Path:
    """A folder for `VENV=` that counts as set up and leads to the Python that runs the tests; nothing is installed."""
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    (folder / "bin" / "python").chmod(0o755)
    stamp = subprocess.run(
        ["bash", "-c", "source <(sed '/^main /d' ./setup.sh); stamp"],
        cwd=project, env={**os.environ, "VENV": str(folder)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    (folder / ".ready").write_text(stamp.stdout, encoding="utf-8")
    return folder


def write_submission(path: Path, *, changed: tuple[str, str] = ("", "")) -> Path:
    """Zip the guide's solution as a student's; `changed` is what stands there and what stands there instead."""
    source = guide_files()["solutions/toy/pixels.py"]
    assert changed[0] in source
    return pack_files({"pixels.py": source.replace(*changed).encode()}, path)
