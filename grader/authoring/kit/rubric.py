"""Of `assignment.toml`, what the students' kit needs, read without pydantic."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from grader.decoding import decode_text
from grader.environment import with_always
from grader.rubric import PROJECT


@dataclass(frozen=True)
class KitTask:
    """One line of the rubric, as `rubric.Task`."""

    id: str
    title: str
    module: str
    written: bool = False
    thresholds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class KitAssignment:
    """One assignment, as `rubric.Assignment`."""

    id: str
    title: str
    modules: tuple[str, ...]
    constants: tuple[str, ...]
    tasks: tuple[KitTask, ...]
    packages: tuple[str, ...]

    @property
    def root(self) -> Path:
        """The folder that holds `solutions/`: the kit's own."""
        return PROJECT

    @property
    def solutions_folder(self) -> Path:
        """The folder of the public checks and of the figures."""
        return PROJECT / "solutions" / self.id

    @property
    def handout_folder(self) -> Path:
        """The folder of the stubs as they were handed out."""
        return PROJECT / "assignment" / self.id

    @cached_property
    def by_id(self) -> dict[str, KitTask]:
        """Tasks by id."""
        return {task.id: task for task in self.tasks}


def read_rubric(path: Path) -> KitAssignment:
    """Read an `assignment.toml`, which the grader has checked when the kit was made."""
    told = tomllib.loads(decode_text(path.read_bytes()))
    known = KitTask.__dataclass_fields__
    tasks = tuple(KitTask(**{key: value for key, value in task.items() if key in known}) for task in told["task"])
    packages = with_always(told.get("environment", {}).get("packages", ()))
    modules, constants = tuple(told["modules"]), tuple(told.get("constants", ()))
    return KitAssignment(told["id"], told["title"], modules, constants, tasks, packages)
