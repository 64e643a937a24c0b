"""Builds the example submissions: zips of the folders in `examples/`, and those made of the solutions."""

from __future__ import annotations

from pathlib import Path

from grader.packing import pack_files, pack_folder
from grader.rubric import PROJECT
from grader.solutions import solution_files

# Perfect work. `late` is for `SUBMITTED=2022-03-30T18:00-04:00 VARIANT=6.819`: one day late, 9.29 of 10 points.
PERFECT = {"late": "miniplaces", "networks": "two_networks"}


def build_examples(project: Path = PROJECT) -> list[Path]:
    """Build every example; returns the zips."""
    folder = project / "examples"
    names = {path.name for path in folder.iterdir() if path.is_dir()} | set(PERFECT)
    return [build_example(folder / f"{name}.zip", project) for name in sorted(names) if not name.startswith(("_", "."))]


def build_example(target: Path, project: Path = PROJECT) -> Path:
    """Build one example.

    Args:
        target: The zip, in `examples/`.
        project: The project's folder.
    """
    name = target.stem
    if name in PERFECT:
        return pack_files(solution_files(PERFECT[name], project), target)
    return pack_folder(project / "examples" / name, target)


def is_outdated(target: Path, project: Path = PROJECT) -> bool:
    """Whether `target` is an example's zip that is missing or older than what it is made of."""
    if target.suffix != ".zip" or target.resolve().parent != (project / "examples").resolve():
        return False
    folder = project / "solutions" / PERFECT[target.stem] if target.stem in PERFECT else target.with_suffix("")
    if not folder.is_dir():
        return False
    newest = max(path.stat().st_mtime for path in folder.rglob("*"))
    return not target.exists() or target.stat().st_mtime < newest
