"""`@check`: what makes a function a check."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., None])
ATTRIBUTE = "grader_check"


@dataclass(frozen=True)
class CheckSpec:
    """What a check declares about itself.

    Attributes:
        task: Id of the task it belongs to.
        name: The function's name.
        title: First line of its docstring: the sentence the student reads.
        weight: Its share of the task's points, relative to the task's other checks.
        after: Names of checks of the same task that must have passed; otherwise this one is skipped.
        help: What to do when it fails and no known mistake is recognized.
        diagnosed: Whether the known mistakes are tried when it fails; not where that would take long.
        listed_before: Name of a check of the same task that this one is told above; those of one module are told in
            their order, and public ones before hidden ones.
    """

    task: str
    name: str
    title: str
    weight: float
    after: tuple[str, ...]
    help: str
    diagnosed: bool
    listed_before: str


def check(
    task: str,
    *,
    weight: float = 1.0,
    after: tuple[str, ...] = (),
    help: str = "",
    diagnosed: bool = True,
    listed_before: str = "",
) -> Callable[[Function], Function]:
    """Declare a check of `task`; the docstring is the sentence that the student reads.

    Raises:
        TypeError: If the function has no docstring.
    """

    def declare(function: Function) -> Function:
        if not function.__doc__:
            raise TypeError(f"{function.__name__} needs a docstring: the sentence for the student")
        title = function.__doc__.strip().splitlines()[0]
        spec = CheckSpec(task, function.__name__, title, weight, after, help, diagnosed, listed_before)
        setattr(function, ATTRIBUTE, spec)
        return function

    return declare


def spec_of(function: Callable[..., Any]) -> CheckSpec:
    """What a check declared; raises AttributeError when it is not one."""
    spec: CheckSpec = getattr(function, ATTRIBUTE)
    return spec


def specs_in(modules: Iterable[ModuleType]) -> dict[str, CheckSpec]:
    """What the checks in some modules declare, by the check's name."""
    found = [spec_of(value) for module in modules for value in vars(module).values() if hasattr(value, ATTRIBUTE)]
    return {spec.name: spec for spec in found}
