"""What a grade was made with: versions, data sets and reference models, for the report's small print."""

from __future__ import annotations

import functools
import platform
from collections.abc import Mapping
from importlib.metadata import version

from grader.manifest import load_manifest
from grader.records import RunFacts
from grader.reference import load_reference
from grader.rubric import Assignment

PACKAGES = ("torch", "torchvision", "numpy", "pytest")


def run_facts(assignment: Assignment, sandbox: str, seconds: Mapping[str, float]) -> RunFacts:
    """What a run of the checks was made with.

    Args:
        assignment: Whose reference models were used.
        sandbox: Name of the backend.
        seconds: How long each part took.
    """
    return RunFacts(
        sandbox=sandbox,
        seconds=dict(seconds),
        versions=versions(),
        datasets=describe_data(assignment),
        reference={"source": load_reference(assignment).source},
    )


@functools.cache
def versions() -> dict[str, str]:
    """Of Python and of the packages that results may depend on."""
    return {"python": platform.python_version()} | {name: version(name) for name in PACKAGES}


def describe_data(assignment: Assignment) -> dict[str, str]:
    """Where each data set of an assignment comes from and its digest, or why it is missing."""
    return {data.name: data.describe() for data in load_manifest(assignment).data}
