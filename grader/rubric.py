"""Reads `assignment.toml`, the only place where tasks, points, deadlines and limits stand."""

from __future__ import annotations

import functools
import os
import tomllib
from collections.abc import Iterator
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, field_validator, model_validator

from grader.decoding import decode_text
from grader.environment import ALWAYS, is_requirement, with_always
from grader.errors import AssignmentInvalid, UnknownVariant, UsageError

PROJECT = Path(__file__).resolve().parent.parent
ROOTS = "ASSIGNMENTS"  # the environment variable that names further folders of assignments


class _Table(BaseModel):
    """A table of `assignment.toml`; one with an unknown key is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Task(_Table):
    """One line of the rubric.

    Attributes:
        variants: The variants that ask for it; empty means all.
        bonus: Its points come on top of the maximum.
        scoring: "automatic" by checks, or "manual" by a person.
        without_data: What becomes of the task where data that its checks need are not on the machine.
        uses: What else its checks ask, `module` or `module.name`: what is wrong there may cost this task too.
        written: `answers.md` has a heading for it.
        thresholds: Named numbers its checks use, e.g. `accuracy = 0.9`.
    """

    id: str = Field(pattern=r"^[0-9][0-9a-z.]*$")
    title: str
    points: float = Field(ge=0, allow_inf_nan=False)
    module: str
    uses: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    bonus: bool = False
    scoring: str = Field(default="automatic", pattern="^(automatic|manual)$")
    without_data: str = Field(default="withheld", pattern="^(withheld|manual)$")
    written: bool = False
    thresholds: dict[str, float] = {}

    @property
    def asks(self) -> tuple[str, ...]:
        """All that its checks ask of an implementation: its module and what it uses."""
        return self.module, *self.uses

    def asked_by(self, variant: str) -> bool:
        """Whether `variant` gives points for this task."""
        return not self.variants or variant in self.variants


class LatePolicy(_Table):
    """Days late are rounded up; the coefficient falls linearly to `floor` at `days`; later earns 0."""

    days: int = Field(default=7, gt=0)
    floor: float = Field(default=0.5, ge=0, le=1)


class Limits(_Table):
    """What the student's code may use.

    Attributes:
        import_s: Seconds of an import. Seconds count while the code computes or waits, not while the machine is busy
            with something else.
        call_s: Seconds of a call.
        submission_s: Seconds of all calls and imports together.
        memory_mib: Memory of all processes together.
        scratch_mib: Files beside those that were handed in.
        processes: Processes and threads at a time.
        output_kib: How much of the end of what is printed is kept.
        threads: Threads that may compute at a time.
    """

    import_s: float = 30
    call_s: float = 20
    submission_s: float = 600
    memory_mib: int = 3072
    scratch_mib: int = 64
    processes: int = 32
    output_kib: int = 64
    threads: int = 2


class Environment(_Table):
    """What student code finds to import.

    Attributes:
        packages: As pip takes them; those that are always there come first, whether they are listed or not.
    """

    packages: tuple[str, ...] = tuple(ALWAYS)

    @field_validator("packages")
    @classmethod
    def _are_packages(cls, packages: tuple[str, ...]) -> tuple[str, ...]:
        if odd := [package for package in packages if not is_requirement(package)]:
            raise ValueError(f"{odd[0]!r} is no package as pip takes it, such as 'einops' or 'einops>=0.7'")
        return with_always(packages)


class Assignment(_Table):
    """One assignment: its tasks and rules. It knows where it lies; what is written of it and digests of it do not say.

    Attributes:
        several_zips: Which of a student's zips counts: the last before the deadline (the last of all where none is),
            or the last.
        files: What is read beside modules, notebooks, `answers.md` and `group.txt`.
        group_size: How many may hand in one zip together.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    course: str
    due_at: datetime
    variants: tuple[str, ...] = ("default",)
    default_variant: str = "default"
    modules: tuple[str, ...]
    constants: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    late: LatePolicy = LatePolicy()
    group_size: int = Field(default=1, ge=1)
    several_zips: str = Field(default="last before the deadline", pattern="^(last before the deadline|last)$")
    limits: Limits = Limits()
    environment: Environment = Environment()
    tasks: tuple[Task, ...] = Field(alias="task", min_length=1)
    _root: Path = PrivateAttr(default=PROJECT)

    def __hash__(self) -> int:
        return hash((self.id, self._root))

    @model_validator(mode="after")
    def _is_coherent(self) -> Self:
        if self.due_at.tzinfo is None:
            raise ValueError("due_at needs a time zone")
        if self.default_variant not in self.variants:
            raise ValueError(f"default_variant {self.default_variant!r} is not among the variants")
        ids = [task.id for task in self.tasks]
        if len(set(ids)) != len(ids):
            raise ValueError("two tasks have the same id")
        for task in self.tasks:
            if unknown := set(task.variants) - set(self.variants):
                raise ValueError(f"task {task.id} names unknown variants: {', '.join(sorted(unknown))}")
            if unknown := {asked.split(".")[0] for asked in task.asks} - {*self.modules, ""}:
                raise ValueError(f"task {task.id} names an unknown module {min(unknown)!r}")
        return self

    @property
    def root(self) -> Path:
        """The folder that holds its `assignment/` and `solutions/`: the project, or one that `$ASSIGNMENTS` names."""
        return self._root

    def at(self, root: Path) -> Assignment:
        """The same assignment in another folder of assignments."""
        moved = self.model_copy()
        moved._root = root
        return moved

    @property
    def handout_folder(self) -> Path:
        """The folder of what students receive, `assignment/<id>/`."""
        return self._root / "assignment" / self.id

    @property
    def solutions_folder(self) -> Path:
        """The folder of what students never see, `solutions/<id>/`."""
        return self._root / "solutions" / self.id

    @property
    def by_id(self) -> dict[str, Task]:
        """Tasks by id; not kept, since `model_copy(update=...)` would carry it along to a rubric with other tasks."""
        return {task.id: task for task in self.tasks}

    def check_variant(self, variant: str | None) -> str:
        """The variant to grade under.

        Raises:
            UnknownVariant: If there is no such variant.
        """
        if variant is None:
            return self.default_variant
        if variant not in self.variants:
            raise UnknownVariant(f"{self.id} has no variant {variant!r}; it has {', '.join(self.variants)}")
        return variant

    def max_score(self, variant: str) -> float:
        """Points of the tasks that `variant` asks for, bonus aside."""
        return sum(task.points for task in self.tasks if task.asked_by(variant) and not task.bonus)


def _what_is_wrong(path: Path, error: ValidationError) -> Iterator[str]:
    """A clause for each value that the rubric can't have; a task is named by its id."""
    tasks = tomllib.loads(decode_text(path.read_bytes())).get("task", [])
    for one in error.errors():
        place = [str(part) for part in one["loc"]]
        nested: dict[str, type[BaseModel]] = {"late": LatePolicy, "limits": Limits, "environment": Environment}
        table = nested.get(place[0], Assignment) if len(place) > 1 else Assignment
        if len(place) > 1 and place[0] == "task" and place[1].isdecimal():
            table, place = Task, [f"task {tasks[int(place[1])].get('id', f'number {int(place[1]) + 1}')}", *place[2:]]
        if one["type"] == "extra_forbidden":
            like = get_close_matches(place[-1], sorted(table.model_fields), 1)
            where = f"{'.'.join(place[:-1])}: " if place[:-1] else ""
            yield f"{where}unknown key `{place[-1]}`" + (f"; did you mean `{like[0]}`?" if like else "")
        else:
            yield f"{'.'.join(place) or 'the whole'}: {one['msg']}"


def read_assignment(path: Path) -> Assignment:
    """Read one `<root>/assignment/<id>/assignment.toml`.

    Raises:
        AssignmentInvalid: If the file is missing or does not describe an assignment.
    """
    try:
        return _parse(decode_text(path.read_bytes()), path.absolute().parent.parent.parent)
    except ValidationError as error:
        raise AssignmentInvalid(f"{path}: {'; '.join(_what_is_wrong(path, error))}") from error
    except (OSError, ValueError) as error:  # ValueError: not TOML, or not text
        raise AssignmentInvalid(f"{path}: {error}") from error


@functools.lru_cache
def _parse(text: str, root: Path) -> Assignment:
    return Assignment.model_validate(tomllib.loads(text)).at(root)


def assignment_roots() -> tuple[Path, ...]:
    """The folders that hold assignments: the project, and those that `$ASSIGNMENTS` names, separated by colons.

    Raises:
        UsageError: If one of them has no `assignment/` that can be read.
    """
    named = [Path(name).expanduser().resolve() for name in os.environ.get(ROOTS, "").split(os.pathsep) if name.strip()]
    for root in named:
        try:
            os.listdir(root / "assignment")
        except OSError as error:
            raise UsageError(
                f"{ROOTS} names {root}, but {root / 'assignment'} can't be read: {error.strerror}"
            ) from error
    return tuple(dict.fromkeys([PROJECT, *named]))


def find_assignments(*roots: Path) -> dict[str, Assignment]:
    """Every assignment of the given folders, by id, in their order; of all `assignment_roots()` where none is given.

    Raises:
        AssignmentInvalid: If a rubric can't be read, is not in a folder that is named after its id, or two have one id.
    """
    found: dict[str, Assignment] = {}
    for root in roots or assignment_roots():
        for path in sorted((root / "assignment").glob("*/assignment.toml")):
            assignment = read_assignment(path)
            if assignment.id != path.parent.name:
                raise AssignmentInvalid(
                    f"{path}: its id is {assignment.id!r}, so its folder must be named {assignment.id}"
                )
            if other := found.get(assignment.id):
                places = f"{other.handout_folder} and {assignment.handout_folder}"
                raise AssignmentInvalid(f"two assignments have the id {assignment.id!r}, {places}: rename one")
            found[assignment.id] = assignment
    return found


def chosen_assignments(assignment_id: str | None) -> list[Assignment]:
    """The one that a person has named, or all; raises as `get_assignment` does."""
    return [get_assignment(assignment_id)] if assignment_id else list(find_assignments().values())


def get_assignment(assignment_id: str, *roots: Path) -> Assignment:
    """One assignment by its id; `roots` as for `find_assignments`.

    Raises:
        UsageError: If there is none of that id.
    """
    assignments = find_assignments(*roots)
    if assignment_id not in assignments:
        raise UsageError(f"no assignment {assignment_id!r}; there are {', '.join(assignments)}")
    return assignments[assignment_id]
