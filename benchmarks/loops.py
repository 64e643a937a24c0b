"""Ways to train a network, that can be timed in turns: ours, and the loop of PyTorch's CIFAR-10 tutorial."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice, repeat
from typing import Any

import torch

from benchmarks import tutorial
from grader.rubric import get_assignment
from grader.vision.training.batches import Batches
from grader.vision.training.recipe import TrainingRecipe, find_recipe

WARM_UP = 5  # steps before the clock starts; the queues of the workers are full then

OURS, LOOP = "ours", "the tutorial's loop"
LOADED = f"{LOOP}, {tutorial.WORKERS} workers"
PRINTED = f"the tutorial as printed: {tutorial.WORKERS} workers, batches of {tutorial.BATCH_SIZE}"


@dataclass(frozen=True)
class Case:
    """What is trained: a network, and a preset of it.

    Attributes:
        label: Network and data set, for the tables.
        assignment: Id of the assignment.
        model: Name of the reference model.
        preset: Name of its settings.
        printed: Whether the tutorial as printed is measured too.
    """

    label: str
    assignment: str
    model: str
    preset: str
    printed: bool = True

    @property
    def recipe(self) -> TrainingRecipe:
        """How it is trained."""
        return find_recipe(get_assignment(self.assignment), self.model)


@dataclass
class Loop:
    """A way to train.

    Attributes:
        batch_size: Images in a batch.
        batches: An epoch of them.
        train: Takes some of these batches, and trains on them.
        steps: Steps between two looks at the clock.
    """

    batch_size: int
    batches: Iterable[Any]
    train: Callable[[Any], object]
    steps: int = WARM_UP

    def rate(self) -> float:
        """Images a second."""
        batches = chain.from_iterable(repeat(self.batches))  # so that an epoch's end does not end it
        self.train(islice(batches, WARM_UP))
        started = time.perf_counter()
        self.train(islice(batches, self.steps))
        return self.steps * self.batch_size / (time.perf_counter() - started)


def loops_of(case: Case) -> dict[str, Loop]:
    """The ways to train a case, by name; each has its own network."""
    recipe = case.recipe
    settings, data = recipe.presets[case.preset], recipe.data("train")
    size, shift = settings.batch_size, settings.shift if settings.augment else None
    ours = Batches(data.images, data.labels, recipe.normalise, size, shuffle=True, augment=settings.augment)
    ours.shift, ours.hole = settings.shift, settings.hole
    setup = recipe.setup(case.preset)
    net = setup.net.to(memory_format=torch.channels_last)  # as grader/vision/training/run.py has it
    optimizer = setup.create_optimizer(net, settings.peak_lr)
    found = {OURS: Loop(size, ours, lambda batches: setup.train_epoch(net, batches, optimizer, 0))}
    load = partial(tutorial.loader, data.images, data.labels, recipe.normalise)
    for name, workers in ((LOOP, 0), (LOADED, tutorial.WORKERS)):
        same = recipe.setup(case.preset)
        theirs = same.create_optimizer(same.net, settings.peak_lr)
        loader = load(batch_size=size, workers=workers, shift=shift)
        found[name] = Loop(size, loader, partial(tutorial.train, net=same.net, optimizer=theirs))
    if case.printed:
        printed = recipe.setup(case.preset).net
        sgd = torch.optim.SGD(printed.parameters(), tutorial.LEARNING_RATE, tutorial.MOMENTUM)
        found[PRINTED] = Loop(tutorial.BATCH_SIZE, load(), partial(tutorial.train, net=printed, optimizer=sgd))
    return found
