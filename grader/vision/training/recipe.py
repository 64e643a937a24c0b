"""What is trained, on what and how: `TrainingRecipe` is one reference model of an assignment's manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from rich.progress import Progress
from torch import Tensor

from grader.errors import DataMissing, MachineError
from grader.importing import load_module
from grader.manifest import load_manifest
from grader.rubric import Assignment
from grader.vision.datasets.imageset import ImageSet, Split, without_downloads
from grader.vision.training import batches, run
from grader.vision.training.run import Settings, TrainingSetup

Load = Callable[[str], ModuleType]  # the name of a solution's module -> that module, imported anew
ALL_PIXELS = torch.arange(256, dtype=torch.uint8).repeat(3).view(1, 3, 16, 16)  # every value in every channel


@dataclass(frozen=True)
class TrainingRecipe:
    """One reference model, a `grader.manifest.TrainedModel`.

    Attributes:
        folder: Of the assignment's solutions.
        model: Its name, the key of `Reference.weights`.
        sources: Modules of the solutions that it depends on.
        prepare: Makes the network from these modules.
        data: Gives a split of the data set.
        normalise: uint8 images -> float32 images as the network gets them.
        presets: Settings by preset name.
        in_place_of: The data set that is missing where this model is needed; None: it is always needed.
    """

    folder: Path
    model: str
    sources: tuple[str, ...]
    prepare: Callable[[Load], TrainingSetup]
    data: Callable[[Split], ImageSet]
    normalise: Callable[[Tensor], Tensor]
    presets: Mapping[str, Settings]
    in_place_of: Callable[[Split], ImageSet] | None = None

    @property
    def is_stand_in(self) -> bool:
        """Whether it is there for machines without the data set of another model."""
        return self.in_place_of is not None

    def is_needed(self, *, download: bool) -> bool:
        """Whether it is to be trained on this machine."""
        return self.in_place_of is None or bool(_problem(self.in_place_of, download))

    def problem(self, *, download: bool) -> str:
        """Why it can't be trained on this machine; empty when it can."""
        return _problem(self.data, download)

    def digest(self, preset: str) -> str:
        """Hex digest of the training code, the settings, the data set and torch's version.

        Raises:
            DataMissing: If the data set is not on this machine.
        """
        code = [Path(module.__file__ or "") for module in (batches, run)] + [Path(__file__)]
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in code))
        digest.update(b"".join((self.folder / f"{source}.py").read_bytes() for source in self.sources))
        with without_downloads():
            splits = self.data("train").digest, self.data("test").digest
        digest.update(repr((self.model, self.presets[preset], splits, torch.__version__)).encode())
        digest.update(self.normalise(ALL_PIXELS).numpy().tobytes())
        return digest.hexdigest()

    def setup(self, preset: str) -> TrainingSetup:
        """The network before its training, with the weights that the preset's seed gives."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.presets[preset].seed)
            return self.prepare(self.load)

    def load(self, name: str) -> ModuleType:
        """Import a module of the solutions anew.

        Raises:
            MachineError: If there is none.
        """
        path = self.folder / f"{name}.py"
        if not path.is_file():
            raise MachineError(f"the solution {name}.py is missing")
        return load_module(path)

    def train(self, preset: str, checkpoints: Path, progress: Progress) -> tuple[dict[str, Any], dict[str, Any]]:
        """Train the network, from its last checkpoint if there is one, and measure it on the test images."""
        task = run.TrainingTask(
            model=self.model,
            sources=tuple(f"solutions/{self.folder.name}/{source}.py" for source in self.sources),
            setup=self.setup(preset),
            settings=self.presets[preset],
            normalise=self.normalise,
            checkpoint=checkpoints / f"{self.model}.pt",
        )
        weights, metrics = run.train(task, self.data("train"), self.data("test"), progress)
        return weights, {"preset": preset, **metrics}


def find_recipe(assignment: Assignment, model: str) -> TrainingRecipe:
    """The recipe of an assignment's reference model.

    Raises:
        MachineError: If there is none.
    """
    for each in load_manifest(assignment).models:
        if isinstance(each, TrainingRecipe) and each.model == model:
            return each
    raise MachineError(f"{assignment.id} has no recipe of a reference model {model!r}")


def _problem(data: Callable[[Split], ImageSet], download: bool) -> str:
    """Why a data set can't be had; empty when it is here."""
    try:
        with nullcontext() if download else without_downloads():
            data("train"), data("test")
    except DataMissing as error:
        return str(error)
    return ""
