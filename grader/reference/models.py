"""The reference models: cached under a digest of all that they depend on, and shipped as small files.

`recipes.py` lists what is trained for each assignment; `training.py` does it. A finished reference stands in the cache
in a folder named after the digest; the one that ships in `solutions/<id>/reference/` has the same two kinds of file:
`<model>.safetensors` in float16, and `metrics.json`. A model whose data set is not on this machine is left out of the
training, and the shipped one is used in its place.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as serialise

from grader.datasets.imageset import ImageSet, Split, cache_folder, without_downloads
from grader.errors import DataMissing, MachineError, UsageError
from grader.reference import batches, training
from grader.reference.recipes import RECIPES as RECIPES  # here too: whoever trains them asks what there is
from grader.reference.training import SOLUTIONS, Recipe, Weights, train_recipe, training_progress
from grader.rubric import get_assignment


@dataclass(frozen=True)
class Reference:
    """The reference models of one assignment.

    Attributes:
        assignment: Its id.
        weights: State dict by model name; float32 on the CPU, rounded to what float16 can hold.
        metrics: By model name: `curves` (four lists, one value per epoch), `best_epoch` (index into them),
            `test_accuracy`, `classes` (names; not of the "fashion" that ships), `confusion` (true class by predicted
            class, counts), `parameters`, `preset`, `settings`, `seconds`, `threads`, `data`, `versions`, `obtained`
            (a sentence).
        source: "shipped", "trained here", or "trained here; shipped: scene" where one could not be trained.
    """

    assignment: str
    weights: dict[str, Weights]
    metrics: dict[str, Any]
    source: str


ALL_PIXELS = torch.arange(256, dtype=torch.uint8).repeat(3).view(1, 3, 16, 16)  # every value in every channel


def load_reference(assignment_id: str) -> Reference:
    """The reference models to use today: the newest in the cache that nothing has outdated, else the shipped ones.

    An assignment that trains nothing, without recipes and without files that ship, has none.

    Raises:
        UsageError: If there is no such assignment.
        MachineError: If their files can't be read.
    """
    get_assignment(assignment_id)
    if assignment_id not in RECIPES and not _shipped(assignment_id).is_dir():
        return Reference(assignment_id, {}, {}, "none")
    cached = [path for path in _cached_today(assignment_id) if path.is_dir()]
    if cached:
        newest = max(cached, key=lambda path: path.stat().st_mtime)
        return _completed(_read(assignment_id, newest, "trained here"))
    return _read(assignment_id, _shipped(assignment_id), "shipped")


def train_reference(
    assignment_id: str, preset: str = "quick", console: Console | None = None, force: bool = False
) -> Reference:
    """Train the reference models of an assignment, or find them in the cache.

    A model whose data set is missing is left out, and the console says so.

    Args:
        assignment_id: Id of the assignment.
        preset: "quick" or "full".
        console: Where the progress bar is shown; None means the terminal.
        force: Train from the beginning, whatever the cache holds.

    Raises:
        UsageError: If there is no such assignment or preset.
        MachineError: If the assignment has no models to train.
        DataMissing: If no data set of the assignment's models is on this machine.
    """
    get_assignment(assignment_id)
    _check_preset(assignment_id, preset)
    console = console or Console()
    recipes, left_out = _by_data(assignment_id)
    for model, reason in left_out.items():
        console.print(f"The reference model {model!r} is left out. {reason}", soft_wrap=True, markup=False)
    with without_downloads():  # what could be downloaded is here now
        folder = _cache_folder(assignment_id, preset)
    checkpoints = folder.with_suffix(".partial")
    if force:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(checkpoints, ignore_errors=True)
    if not folder.is_dir():
        with training_progress(console) as progress:
            trained = {recipe.model: train_recipe(recipe, preset, checkpoints, progress) for recipe in recipes}
        weights = {model: weights for model, (weights, _) in trained.items()}
        metrics = {model: metrics for model, (_, metrics) in trained.items()}
        _write_cached(Reference(assignment_id, weights, metrics, "trained here"), folder)
        shutil.rmtree(checkpoints, ignore_errors=True)
    return _read(assignment_id, folder, "trained here")


def ship_reference(reference: Reference) -> Path:
    """Write a reference to `solutions/<id>/reference/`, the files that ship with the project; returns that folder.

    A model that it lacks stays as it was shipped before.
    """
    folder = _shipped(reference.assignment)
    folder.mkdir(parents=True, exist_ok=True)
    _write(_completed(reference), folder)
    return folder


def load_shipped(assignment_id: str) -> dict[str, Any]:
    """The metrics of the models that ship with the project, by model; empty if none do."""
    try:
        return _read(assignment_id, _shipped(assignment_id), "shipped").metrics
    except MachineError:
        return {}


def _completed(reference: Reference) -> Reference:
    """The same with the shipped models in place of those that it lacks, as far as there are any."""
    stand_ins = {recipe.model for recipe in _recipes(reference.assignment) if recipe.in_place_of}
    lacking = {recipe.model for recipe in _recipes(reference.assignment)} - reference.metrics.keys()
    if not lacking:
        return reference
    try:
        shipped = _read(reference.assignment, _shipped(reference.assignment), "shipped")
    except MachineError:
        return reference
    added = sorted(lacking & shipped.metrics.keys())
    told = [model for model in added if model not in stand_ins]
    return replace(
        reference,
        weights=reference.weights | {model: shipped.weights[model] for model in added},
        metrics=reference.metrics | {model: shipped.metrics[model] for model in added},
        source=f"{reference.source}; shipped: {', '.join(told)}" if told else reference.source,
    )


def _recipes(assignment_id: str) -> tuple[Recipe, ...]:
    if assignment_id not in RECIPES:
        raise MachineError(f"{assignment_id} has no reference models to train")
    return RECIPES[assignment_id]


def _check_preset(assignment_id: str, preset: str) -> None:
    recipes = _recipes(assignment_id)
    if unknown := [recipe.model for recipe in recipes if preset not in recipe.presets]:
        raise UsageError(f"no preset {preset!r} for {', '.join(unknown)}; there are {', '.join(recipes[0].presets)}")


def _by_data(assignment_id: str) -> tuple[list[Recipe], dict[str, str]]:
    """The recipes whose data set is here, and why not, by model, for the others; DataMissing when that is all."""
    here, left_out = [], {}
    problem = cache(_problem)  # each data set is looked for once
    for recipe in _recipes(assignment_id):
        if recipe.in_place_of is not None and not problem(recipe.in_place_of):
            continue
        if reason := problem(recipe.data):
            left_out[recipe.model] = reason
        else:
            here.append(recipe)
    if not here:
        raise DataMissing(" ".join(dict.fromkeys(left_out.values())))
    return here, left_out


def _problem(data: Callable[[Split], ImageSet]) -> str:
    """Why a data set can't be had; empty when it is here."""
    try:
        data("train"), data("test")
    except DataMissing as error:
        return str(error)
    return ""


def _cache_folder(assignment_id: str, preset: str) -> Path:
    """Where a reference stands that was trained with today's code, settings, data and torch."""
    code = (Path(module.__file__ or "").read_bytes() for module in (batches, training))
    digest = hashlib.sha256(Path(__file__).read_bytes() + b"".join(code))
    for recipe in _by_data(assignment_id)[0]:
        for source in recipe.sources:
            digest.update((SOLUTIONS / f"{source}.py").read_bytes())
        splits = recipe.data("train").digest, recipe.data("test").digest
        facts = recipe.model, recipe.presets[preset], splits, torch.__version__
        digest.update(repr(facts).encode() + recipe.normalise(ALL_PIXELS).numpy().tobytes())
    return _cache() / f"{assignment_id}-{preset}-{digest.hexdigest()[:16]}"


def _cache() -> Path:
    return cache_folder() / "reference"


def _cached_today(assignment_id: str) -> list[Path]:
    if not any(_cache().glob(f"{assignment_id}-*")):
        return []  # saves reading the data set
    presets = {preset for recipe in _recipes(assignment_id) for preset in recipe.presets}
    with suppress(DataMissing), without_downloads():  # without the data there is no telling what is of today
        return [_cache_folder(assignment_id, preset) for preset in presets]
    return []


def _shipped(assignment_id: str) -> Path:
    return SOLUTIONS / assignment_id / "reference"


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


def _read(assignment_id: str, folder: Path, source: str) -> Reference:
    try:
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        files = {model: load_file(folder / f"{model}.safetensors") for model in metrics}
    except (OSError, ValueError, SafetensorError) as error:
        raise MachineError(
            f"{assignment_id} has no readable reference models ({source}): run `make reference` to train them."
        ) from error
    weights = {
        model: {name: value.float() if value.is_floating_point() else value for name, value in file.items()}
        for model, file in files.items()
    }
    return Reference(assignment_id, weights, metrics, source)
