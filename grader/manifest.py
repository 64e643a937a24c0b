"""What the grader asks an assignment beside its rubric: `solutions/<id>/manifest.py` answers, with `MANIFEST`.

The grader knows no data set and no network. An assignment says which it has, in objects of the protocols below;
`grader/vision/` has some for image data and networks that are trained on it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from rich.progress import Progress

from grader.errors import MachineError
from grader.importing import importing, load_module
from grader.rubric import Assignment

FILE = "manifest.py"


class DataSet(Protocol):
    """A data set, or another large file from elsewhere, that an assignment uses."""

    @property
    def name(self) -> str:
        """As a report calls it."""

    @property
    def folders(self) -> Collection[str]:
        """Names, in lower case, of the folders in which its usual downloads lie."""

    def describe(self) -> str:
        """Where it comes from and its digest, or why it is missing; fetches nothing."""

    def fetch(self) -> str:
        """Obtain it if it is not on this machine; returns a sentence about it.

        Raises:
            DataMissing: If it can't be had, or is damaged.
        """


class TrainedModel(Protocol):
    """A reference model: how it is trained."""

    @property
    def model(self) -> str:
        """Its name, the key of `Reference.weights`."""

    @property
    def presets(self) -> Mapping[str, Any]:
        """Settings by preset name."""

    @property
    def is_stand_in(self) -> bool:
        """Whether it is there for machines without the data set of another one."""

    def is_needed(self, *, download: bool) -> bool:
        """Whether it is to be trained on this machine; a stand-in is where it stands in."""

    def problem(self, *, download: bool) -> str:
        """Why it can't be trained on this machine; empty when it can. `download`: whether to fetch its data set."""

    def digest(self, preset: str) -> str:
        """Hex digest of all that the trained weights depend on.

        Raises:
            DataMissing: If its data set is not on this machine.
        """

    def train(self, preset: str, checkpoints: Path, progress: Progress) -> tuple[dict[str, Any], dict[str, Any]]:
        """Train it, from its last checkpoint if there is one; returns its state dict and its metrics."""


@dataclass(frozen=True)
class Manifest:
    """What an assignment has beside its rubric, its checks and its solutions.

    Attributes:
        data: Data sets that its checks, plots or reference models use.
        models: How its reference models are trained.
        model_files: The file that a student hands in for a reference model, by model; others are for our plots only.
        files: Contents of further files of a perfect submission by name, from the metrics of the reference models.
        recorded: Functions of the checks whose source is a solution, as `module.name`: a kit has their results instead.
    """

    data: tuple[DataSet, ...] = ()
    models: tuple[TrainedModel, ...] = ()
    model_files: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Callable[[Mapping[str, Any]], bytes]] = field(default_factory=dict)
    recorded: tuple[str, ...] = ()


@functools.cache
def load_manifest(assignment: Assignment) -> Manifest:
    """The manifest of an assignment; an empty one where it has none.

    Raises:
        MachineError: If its `manifest.py` can't be imported, or defines no `MANIFEST`.
    """
    path = assignment.solutions_folder / FILE
    if not path.is_file():
        return Manifest()
    with importing(path, MachineError):
        manifest = getattr(load_module(path), "MANIFEST", None)
    if not isinstance(manifest, Manifest):
        raise MachineError(f"{path} defines no MANIFEST, a grader.manifest.Manifest")
    return manifest
