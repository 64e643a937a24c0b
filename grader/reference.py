"""The reference models: cached under a digest of all that they depend on, and shipped as small files.

An assignment's manifest says how each is trained. A finished reference stands in the cache in a folder named after the
digest; the one that ships in `solutions/<id>/reference/` has the same two kinds of file: `<model>.safetensors` in
float16, and `metrics.json`. A model whose data set is not on this machine is left out of the training, and the shipped
one is used in its place.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as serialise
from torch import Tensor

from grader.errors import DataMissing, MachineError, UsageError
from grader.folders import cache_folder
from grader.manifest import TrainedModel, load_manifest
from grader.rubric import Assignment

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Reference:
    """The reference models of one assignment.

    Attributes:
        weights: State dict by model name; float32 on the CPU, rounded to what float16 can hold.
        metrics: By model name: `curves` (four lists, one value per epoch), `best_epoch` (index into them),
            `test_accuracy`, `classes` (names; not of the "fashion" that ships), `confusion` (true class by predicted
            class, counts), `parameters`, `preset`, `settings`, `seconds`, `threads`, `data`, `versions`, `obtained`
            (a sentence).
        source: "shipped", "trained here", or "trained here; shipped: scene" where one could not be trained.
    """

    weights: dict[str, Weights]
    metrics: dict[str, Any]
    source: str


def load_reference(assignment: Assignment) -> Reference:
    """The reference models to use today: the newest in the cache that nothing has outdated, else the shipped ones.

    An assignment without models and without files that ship has none.

    Raises:
        MachineError: If their files can't be read.
    """
    if not load_manifest(assignment).models and not _shipped(assignment).is_dir():
        return Reference({}, {}, "none")
    cached = [path for path in _cached_today(assignment) if path.is_dir()]
    if cached:
        newest = max(cached, key=lambda path: path.stat().st_mtime)
        return _completed(assignment, _read(assignment, newest, "trained here"))
    return _read(assignment, _shipped(assignment), "shipped")


def train_reference(
    assignment: Assignment, preset: str = "quick", console: Console | None = None, force: bool = False
) -> Reference:
    """Train the reference models of an assignment, or find them in the cache.

    A model whose data set is missing is left out, and the console says so.

    Args:
        assignment: Whose.
        preset: "quick" or "full".
        console: Where the progress bar is shown; None means the terminal.
        force: Train from the beginning, whatever the cache holds.

    Raises:
        UsageError: If there is no such preset.
        MachineError: If the assignment has no models to train.
        DataMissing: If no data set of the assignment's models is on this machine.
    """
    _check_preset(assignment, preset)
    console = console or Console()
    chosen, left_out = _by_data(assignment, download=True)
    for model, reason in left_out.items():
        console.print(f"The reference model {model!r} is left out. {reason}", soft_wrap=True, markup=False)
    folder = _cache_folder(assignment, chosen, preset)
    checkpoints = folder.with_suffix(".partial")
    if force:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(checkpoints, ignore_errors=True)
    if not folder.is_dir():
        with training_progress(console) as progress:
            trained = {each.model: each.train(preset, checkpoints, progress) for each in chosen}
        weights = {model: weights for model, (weights, _) in trained.items()}
        metrics = {model: metrics for model, (_, metrics) in trained.items()}
        _write_cached(Reference(weights, metrics, "trained here"), folder)
        shutil.rmtree(checkpoints, ignore_errors=True)
    return _read(assignment, folder, "trained here")


def ship_reference(assignment: Assignment, reference: Reference) -> Path:
    """Write a reference to `solutions/<id>/reference/`, the files that ship with the project; returns that folder.

    A model that it lacks stays as it was shipped before.
    """
    folder = _shipped(assignment)
    folder.mkdir(parents=True, exist_ok=True)
    _write(_completed(assignment, reference), folder)
    return folder


def load_shipped(assignment: Assignment) -> dict[str, Any]:
    """The metrics of the models that ship with the project, by model; empty if none do."""
    try:
        return _read(assignment, _shipped(assignment), "shipped").metrics
    except MachineError:
        return {}


def _completed(assignment: Assignment, reference: Reference) -> Reference:
    """The same with the shipped models in place of those that it lacks, as far as there are any."""
    models = _models(assignment)
    stand_ins = {each.model for each in models if each.is_stand_in}
    lacking = {each.model for each in models} - reference.metrics.keys()
    if not lacking:
        return reference
    try:
        shipped = _read(assignment, _shipped(assignment), "shipped")
    except MachineError:
        return reference
    added = sorted(lacking & shipped.metrics.keys())
    named = [model for model in added if model not in stand_ins]
    return replace(
        reference,
        weights=reference.weights | {model: shipped.weights[model] for model in added},
        metrics=reference.metrics | {model: shipped.metrics[model] for model in added},
        source=f"{reference.source}; shipped: {', '.join(named)}" if named else reference.source,
    )


def _models(assignment: Assignment) -> tuple[TrainedModel, ...]:
    models = load_manifest(assignment).models
    if not models:
        raise MachineError(f"{assignment.id} has no reference models to train")
    return models


def _check_preset(assignment: Assignment, preset: str) -> None:
    models = _models(assignment)
    if unknown := [each.model for each in models if preset not in each.presets]:
        raise UsageError(f"no preset {preset!r} for {', '.join(unknown)}; there are {', '.join(models[0].presets)}")


def _by_data(assignment: Assignment, *, download: bool) -> tuple[list[TrainedModel], dict[str, str]]:
    """The models whose data set is here, and why not, by model, for the others; DataMissing when that is all."""
    here, left_out = [], {}
    for each in _models(assignment):
        if not each.is_needed(download=download):
            continue
        if reason := each.problem(download=download):
            left_out[each.model] = reason
        else:
            here.append(each)
    if not here:
        raise DataMissing(" ".join(dict.fromkeys(left_out.values())))
    return here, left_out


def _cache_folder(assignment: Assignment, models: list[TrainedModel], preset: str) -> Path:
    """Where a reference stands that was trained with today's code, settings and data."""
    digest = hashlib.sha256("".join(each.digest(preset) for each in models).encode()).hexdigest()
    return _cache() / f"{assignment.id}-{preset}-{digest[:16]}"


def _cache() -> Path:
    return cache_folder() / "reference"


def _cached_today(assignment: Assignment) -> list[Path]:
    if not any(_cache().glob(f"{assignment.id}-*")):
        return []  # saves reading the data set
    presets = {preset for each in _models(assignment) for preset in each.presets}
    with suppress(DataMissing):  # without the data there is no telling what is of today
        chosen, _left_out = _by_data(assignment, download=False)
        return [_cache_folder(assignment, chosen, preset) for preset in sorted(presets)]
    return []


def training_progress(console: Console) -> Progress:
    """A bar for each model that is trained."""
    return Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"), TimeRemainingColumn(),
        console=console,
    )  # fmt: skip


def _shipped(assignment: Assignment) -> Path:
    return assignment.solutions_folder / "reference"


def _write(reference: Reference, folder: Path) -> None:
    for model, weights in reference.weights.items():
        small = {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}
        # bytes first: save_file makes files that only their owner may read
        content = serialise({name: value.contiguous() for name, value in small.items()})
        (folder / f"{model}.safetensors").write_bytes(content)
    text = json.dumps(reference.metrics, indent=1)
    (folder / "metrics.json").write_text(text + "\n", encoding="utf-8")


def _write_cached(reference: Reference, folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".writing-") as temporary:
        whole = Path(temporary, "whole")
        whole.mkdir()
        _write(reference, whole)
        with suppress(OSError):  # another process was quicker: its reference is as good
            whole.rename(folder)


def _read(assignment: Assignment, folder: Path, source: str) -> Reference:
    try:
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        files = {model: load_file(folder / f"{model}.safetensors") for model in metrics}
    except (OSError, ValueError, SafetensorError) as error:
        raise MachineError(
            f"{assignment.id} has no readable reference models ({source}): run `make reference` to train them."
        ) from error
    weights = {
        model: {name: value.float() if value.is_floating_point() else value for name, value in file.items()}
        for model, file in files.items()
    }
    return Reference(weights, metrics, source)
