"""What a grade was made with: versions, data sets and reference models, for the report's small print."""

from __future__ import annotations

import functools
import platform
from collections.abc import Mapping
from importlib.metadata import version

from grader.datasets.cifar import cifar10
from grader.datasets.fashion import fashion_mnist
from grader.datasets.imageset import without_downloads
from grader.errors import MachineError
from grader.records import RunFacts
from grader.reference.models import load_reference

DATA_SETS = {"FashionMNIST": fashion_mnist, "CIFAR-10": cifar10}
PACKAGES = ("torch", "torchvision", "numpy", "pytest")


def run_facts(assignment_id: str, sandbox: str, seconds: Mapping[str, float]) -> RunFacts:
    """What a run of the checks was made with.

    Args:
        assignment_id: Whose reference models were used.
        sandbox: Name of the backend.
        seconds: How long each part took.
    """
    return RunFacts(
        sandbox=sandbox,
        seconds=dict(seconds),
        versions=versions(),
        datasets=describe_data(),
        reference={"source": load_reference(assignment_id).source},
    )


@functools.cache
def versions() -> dict[str, str]:
    """Of Python and of the packages that results may depend on."""
    return {"python": platform.python_version()} | {name: version(name) for name in PACKAGES}


def describe_data() -> dict[str, str]:
    """Where each data set comes from and its digest, or why it is missing."""
    described = {}
    for name, data in DATA_SETS.items():
        try:
            with without_downloads():  # the checks have tried
                images = data("test")
            described[name] = f"{images.source}, {images.digest}"
        except MachineError as error:
            described[name] = f"missing: {error}"
    return described
