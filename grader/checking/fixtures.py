"""Fixtures of the checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from grader.checking.context import CONTEXT, Context
from grader.checking.declare import spec_of
from grader.checking.integrity_flags import IntegrityFlags
from grader.errors import DataMissing
from grader.records import Exhibit
from grader.reference import Reference, load_reference
from grader.sandbox.student import Implementation


@pytest.fixture
def context(request: pytest.FixtureRequest) -> Context:
    """The run that this check belongs to."""
    return request.config.stash[CONTEXT]


@pytest.fixture
def student(context: Context) -> Implementation:
    """Whose work is checked."""
    return context.student


@pytest.fixture
def oracle(context: Context) -> Implementation:
    """The solutions."""
    return context.oracle


@pytest.fixture
def rng(context: Context, request: pytest.FixtureRequest) -> np.random.Generator:
    """Random numbers for inputs, the same for the same submission."""
    return context.generator(spec_of(request.function).name)


@pytest.fixture
def thresholds(context: Context, request: pytest.FixtureRequest) -> Mapping[str, float]:
    """The numbers that the rubric sets for the check's task."""
    return context.assignment.by_id[spec_of(request.function).task].thresholds


@pytest.fixture
def exhibit(context: Context, request: pytest.FixtureRequest) -> Callable[..., None]:
    """Lays out arrays for a figure: `exhibit(kind, name, caption, arrays, facts, task)`; its own task unless named."""
    own = spec_of(request.function).task

    def lay_out(
        kind: str,
        name: str,
        caption: str,
        arrays: Mapping[str, Any] | None = None,
        facts: Mapping[str, Any] | None = None,
        task: str = own,
    ) -> None:
        context.exhibits.append(Exhibit(task, kind, name, caption, dict(arrays or {}), dict(facts or {})))

    return lay_out


@pytest.fixture
def behind_walls(context: Context) -> None:
    """Data sets whose labels are hidden are for runs in which the student's code can't read this machine's files."""
    if context.is_practice:
        raise DataMissing("Without a sandbox no hidden data is used: this is for practice.")


@pytest.fixture
def measured(context: Context) -> dict[str, float]:
    """Numbers that one check found out and another shows, e.g. `supervised_accuracy`."""
    return context.measured


@pytest.fixture
def looks(context: Context, request: pytest.FixtureRequest) -> IntegrityFlags:
    """Takes what an instructor should look at; no student is told, and no score changes."""
    is_asking = context.most_images is None
    return IntegrityFlags(spec_of(request.function).task, context.looks, is_asking=is_asking)


@pytest.fixture(scope="session")
def reference(pytestconfig: pytest.Config) -> Reference:
    """The assignment's reference models, loaded once a run: checks leave them as they are."""
    return load_reference(pytestconfig.stash[CONTEXT].assignment)
