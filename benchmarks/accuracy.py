"""Seconds until a network is as good as wanted, trained as the references are and by the tutorial's loop.

Asked for by its name, because it takes half an hour: `make bench SECTIONS=accuracy`.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from rich.console import Console
from torch import Tensor

from benchmarks import tutorial
from benchmarks.measuring import spread
from benchmarks.sections import Section, Table
from grader.reference import training_progress
from grader.rubric import get_assignment
from grader.vision.datasets.imageset import ImageSet, Split
from grader.vision.training.recipe import TrainingRecipe, find_recipe
from grader.vision.training.run import WARM_UP

OURS, THEIRS = "ours", "the tutorial's loop"
PRESET = "quick"  # what `make reference` trains
TARGET = 0.8
QUICK_TARGET, QUICK_SHARE = 0.3, 4  # every fourth image
HOW = (
    "{runs}, epochs in turns, until {target:.0%} of the held-out training images are classified right after an "
    "epoch; seconds of training and validation. Ours is what `make reference` does. The tutorial's loop has the same "
    "network, first weights, batch size, optimizer, one-cycle schedule, split and augmentation."
)


class Epoch(NamedTuple):
    """The end of an epoch: seconds so far, and the share of the held-out images that are classified right."""

    seconds: float
    accuracy: float


def measure(quick: bool) -> Section:
    """SmallResNet on CIFAR-10, with the settings that are known to get there: those of Miniplaces' `scene`."""
    recipe = find_recipe(get_assignment("miniplaces"), "scene")
    target = QUICK_TARGET if quick else TARGET
    table, remarks = race("SmallResNet, CIFAR-10", shortened(recipe) if quick else recipe, target, workers=0, runs=1)
    how = HOW.format(runs=runs_in_words(1), target=target) + " It loads without worker processes."
    return Section("accuracy", "Seconds to an accuracy", how, (table,), remarks)


def race(label: str, recipe: TrainingRecipe, target: float, workers: int, runs: int) -> tuple[Table, tuple[str, ...]]:
    """Train both ways until both reach the target, a few times, each with a seed of its own.

    Args:
        label: Network and data set, for the table.
        recipe: What is trained.
        target: Share of the held-out images to be classified right.
        workers: Processes that load pictures for the tutorial's loop.
        runs: How often; with a median of several, chance has less to say.

    Returns:
        A row for each way, and a remark.
    """
    found: dict[str, list[list[Epoch]]] = {OURS: [], THEIRS: []}
    for seed in range(runs):
        for name, epochs in _run(_seeded(recipe, seed), target, workers).items():
            found[name].append(epochs)
    table = Table(
        (f"to {target:.0%}", "seconds", "epochs", "seconds an epoch", "accuracy there"),
        tuple((f"{label}: {name}", *_figures(each, target)) for name, each in found.items()),
    )
    if any(epochs[-1].accuracy < target for each in found.values() for epochs in each):
        return table, ()
    pairs = list(zip(found[OURS], found[THEIRS], strict=True))
    by_time = [theirs[-1].seconds / ours[-1].seconds for ours, theirs in pairs]
    by_epoch = [_seconds_an_epoch(theirs) / _seconds_an_epoch(ours) for ours, theirs in pairs]
    luck = ", which is also a matter of luck," if runs == 1 else ""
    told = f"{label}: ours is {spread(by_time, 1)} times as fast to {target:.0%}{luck}"
    return table, (f"{told} and {spread(by_epoch, 1)} times as fast an epoch.",)


def runs_in_words(runs: int) -> str:
    """How often each way was gone."""
    return "One run each" if runs == 1 else f"{runs} runs each, a seed of its own for each pair"


def _figures(runs: Sequence[Sequence[Epoch]], target: float) -> tuple[str, ...]:
    """The cells of a row: medians (and smallest to largest) over the runs."""
    ends = [epochs[-1] for epochs in runs]
    is_reached = all(end.accuracy >= target for end in ends)
    return (
        spread([end.seconds for end in ends], 1) if is_reached else "not reached",
        spread([len(epochs) for epochs in runs], 0),
        spread([_seconds_an_epoch(epochs) for epochs in runs], 1),
        f"{statistics.median(end.accuracy for end in ends):.1%}",
    )


def _seeded(recipe: TrainingRecipe, seed: int) -> TrainingRecipe:
    settings = replace(recipe.presets[PRESET], seed=seed)
    return replace(recipe, presets={PRESET: settings})


def _run(recipe: TrainingRecipe, target: float, workers: int) -> dict[str, list[Epoch]]:
    """The epochs of both ways until they reached the target."""
    with tempfile.TemporaryDirectory() as folder:
        return _until(target, {OURS: _ours(recipe, Path(folder)), THEIRS: _theirs(recipe, workers)})


def shortened(recipe: TrainingRecipe) -> TrainingRecipe:
    """The same with fewer images, to see whether it works."""

    def data(split: Split) -> ImageSet:
        images = recipe.data(split)
        return replace(images, images=images.images[::QUICK_SHARE], labels=images.labels[::QUICK_SHARE])

    return replace(recipe, data=data)


def _until(target: float, runs: Mapping[str, Iterator[Epoch]]) -> dict[str, list[Epoch]]:
    """Go on with each run in turn, an epoch at a time, until it reaches the target or ends."""
    found: dict[str, list[Epoch]] = {name: [] for name in runs}
    left = dict(runs)
    while left:
        for name, run in list(left.items()):
            epoch = next(run, None)
            if epoch is not None:
                found[name].append(epoch)
            if epoch is None or epoch.accuracy >= target:
                del left[name]
    return found


def _seconds_an_epoch(epochs: Sequence[Epoch]) -> float:
    return epochs[-1].seconds / len(epochs)


def _ours(recipe: TrainingRecipe, checkpoints: Path) -> Iterator[Epoch]:
    """Train as `make reference` does, which goes on from its checkpoint each time."""
    settings = recipe.presets[PRESET]
    for epoch in range(settings.epochs):
        part = replace(recipe, presets={PRESET: replace(settings, stop_after=epoch + 1)})
        with training_progress(Console(quiet=True)) as progress:
            _, metrics = part.train(PRESET, checkpoints, progress)
        yield Epoch(metrics["seconds"], metrics["curves"]["val_accuracy"][-1])


def _theirs(recipe: TrainingRecipe, workers: int) -> Iterator[Epoch]:
    """Train by the tutorial's loop, from the first weights of ours and with its schedule."""
    settings = recipe.presets[PRESET]
    training, held_out = _loaders(recipe, workers)
    setup = recipe.setup(PRESET)
    optimizer = setup.create_optimizer(setup.net, settings.peak_lr)
    steps = settings.epochs * len(training)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        settings.peak_lr,
        total_steps=steps + 1,  # it is asked for a rate after the last step too
        pct_start=WARM_UP,
        anneal_strategy="linear",
        cycle_momentum=False,
        div_factor=WARM_UP * steps,
    )
    optimizer.register_step_post_hook(lambda *_: schedule.step())
    seconds = 0.0
    for _ in range(settings.epochs):
        started = time.perf_counter()
        tutorial.train(training, setup.net, optimizer)
        accuracy = tutorial.evaluate(held_out, setup.net)
        seconds += time.perf_counter() - started
        yield Epoch(seconds, accuracy)


def _loaders(recipe: TrainingRecipe, workers: int) -> tuple[Any, Any]:
    """The tutorial's loaders of the images that ours trains on, and of those that it holds out."""
    settings, images = recipe.presets[PRESET], recipe.data("train")
    order = torch.randperm(len(images.labels), generator=torch.Generator().manual_seed(settings.seed))

    def load(chosen: Tensor, shuffle: bool, shift: int | None) -> Any:
        return tutorial.loader(
            images.images[chosen],
            images.labels[chosen],
            recipe.normalise,
            batch_size=settings.batch_size,
            workers=workers,
            shuffle=shuffle,
            shift=shift,
        )

    held_out, trained = order[: settings.validation], order[settings.validation :]
    return load(trained, True, settings.shift if settings.augment else None), load(held_out, False, None)
