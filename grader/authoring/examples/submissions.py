"""Builds the example submissions: zips of the folders in `examples/`, and those made of the solutions."""

from __future__ import annotations

import tomllib
from pathlib import Path

from grader.rubric import PROJECT, get_assignment
from grader.solutions import solution_files
from grader.zip_writer import pack_files, pack_folder

PERFECT = "perfect.toml"  # in `examples/`: the assignment of each example that is made of solutions


def build_examples(project: Path = PROJECT) -> list[Path]:
    """Build every example; returns the zips."""
    folder = project / "examples"
    names = {path.name for path in folder.iterdir() if path.is_dir()} | set(_perfect(project))
    return [build_example(folder / f"{name}.zip", project) for name in sorted(names) if not name.startswith(("_", "."))]


def build_example(target: Path, project: Path = PROJECT) -> Path:
    """Build one example.

    Args:
        target: The zip, in `examples/`.
        project: The project's folder.
    """
    name = target.stem
    if (assignment := _perfect(project).get(name)) is not None:
        return pack_files(solution_files(get_assignment(assignment, project)), target)
    return pack_folder(project / "examples" / name, target)


def is_outdated(target: Path, project: Path = PROJECT) -> bool:
    """Whether `target` is an example's zip that is missing or older than what it is made of."""
    if target.suffix != ".zip" or target.resolve().parent != (project / "examples").resolve():
        return False
    assignment = _perfect(project).get(target.stem)
    folder = target.with_suffix("") if assignment is None else project / "solutions" / assignment
    if not folder.is_dir():
        return False
    newest = max(path.stat().st_mtime for path in folder.rglob("*"))
    return not target.exists() or target.stat().st_mtime < newest


def _perfect(project: Path) -> dict[str, str]:
    """The examples that are perfect work, by name, with their assignments."""
    path = project / "examples" / PERFECT
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
