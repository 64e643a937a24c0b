"""Trains one network with a solution's own training code, epoch by epoch, with a checkpoint after each.

A `Recipe` says which network of `solutions/<id>/` is trained on what. Training reads the data set from memory as uint8
tensors and hands the solution's `train` plain batches; an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from rich.progress import Progress
from torch import Tensor, nn

from grader.batches import Batches, measure
from grader.errors import MachineError
from grader.imageset import ImageSet, Split
from grader.rubric import PROJECT

SOLUTIONS = PROJECT / "solutions"
CURVES = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")
WARM_UP = 0.2  # share of the steps in which the learning rate rises
Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Settings:
    """How long and how a network is trained.

    Attributes:
        epochs: Passes over the training images.
        peak_lr: Learning rate at the top of the one-cycle schedule.
        batch_size: Images per batch.
        augment: Shift each training image by up to `shift` pixels and mirror half of them.
        validation: Training images that are held out to choose the epoch by.
        seed: Source of the split, the first weights, the order and the augmentation.
        shift: Largest offset of the augmentation, pixels.
    """

    epochs: int
    peak_lr: float
    batch_size: int = 128
    augment: bool = False
    validation: int = 5_000
    seed: int = 0
    shift: int = 1


@dataclass(frozen=True)
class Recipe:
    """One reference model.

    Attributes:
        model: Its name, the key of `Reference.weights`.
        module: Solution module that holds `train` and `create_optimizer`.
        network: Name of the network's class, called without arguments.
        data: Gives a split of the data set.
        normalise: uint8 images -> float32 images as the network gets them.
        presets: Settings by preset name.
        network_in: Assignment and solution module that hold the network; None: it is in `module`.
    """

    model: str
    module: str
    network: str
    data: Callable[[Split], ImageSet]
    normalise: Callable[[Tensor], Tensor]
    presets: Mapping[str, Settings]
    network_in: tuple[str, str] | None = None

    def files(self, assignment_id: str) -> list[Path]:
        """The solution files that the model depends on: that of `train`, and that of the network if it is another."""
        modules = dict.fromkeys([(assignment_id, self.module), self.network_in or (assignment_id, self.module)])
        return [Path(assignment, f"{module}.py") for assignment, module in modules]


def train_recipe(
    recipe: Recipe, assignment_id: str, preset: str, checkpoints: Path, progress: Progress
) -> tuple[Weights, dict[str, Any]]:
    """Train one network, from its last checkpoint if there is one, and measure it on the test images."""
    settings = recipe.presets[preset]
    solution = load_solution(assignment_id, recipe.module)
    networks = load_solution(*recipe.network_in) if recipe.network_in else solution
    train_set, test_set = recipe.data("train"), recipe.data("test")
    order = torch.randperm(len(train_set.labels), generator=torch.Generator().manual_seed(settings.seed))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        net: nn.Module = getattr(networks, recipe.network)().to(memory_format=torch.channels_last)
        run = _Run(recipe, settings, solution, net, checkpoints / f"{recipe.model}.pt")
        run.go_through_epochs(train_set, order[settings.validation :], order[: settings.validation], progress)
    weights = _rounded(run.best_weights)
    net.load_state_dict(weights)
    test_batches = Batches(test_set.images, test_set.labels, recipe.normalise, settings.batch_size)
    _, confusion = measure(net, test_batches, len(test_set.classes))
    return weights, {
        "obtained": _obtained(recipe, assignment_id, settings),
        "test_accuracy": int(confusion.trace()) / len(test_set.labels),
        "best_epoch": run.best_epoch,
        "parameters": sum(parameter.numel() for parameter in net.parameters()),
        "preset": preset,
        "seed": settings.seed,
        "settings": asdict(settings),
        "seconds": round(run.seconds, 1),
        "threads": torch.get_num_threads(),
        "data": {
            "name": train_set.name,
            "source": train_set.source,
            "train": train_set.digest,
            "test": test_set.digest,
        },
        "versions": {"torch": torch.__version__, "python": platform.python_version()},
        "curves": run.curves,
        "classes": list(test_set.classes),
        "confusion": confusion.tolist(),
    }


def _obtained(recipe: Recipe, assignment_id: str, settings: Settings) -> str:
    files = " and ".join(f"solutions/{path.as_posix()}" for path in recipe.files(assignment_id))
    return (
        f"Trained by this project with {files} on a CPU; the epoch with the highest accuracy on "
        f"{settings.validation:,} held-out training images was kept, its weights rounded to float16. The test images "
        "served only to measure these rounded weights."
    )


def load_solution(assignment_id: str, module: str) -> ModuleType:
    """Import `solutions/<assignment_id>/<module>.py` anew, under a name of its own."""
    path = SOLUTIONS / assignment_id / f"{module}.py"
    spec = importlib.util.spec_from_file_location(f"reference_{assignment_id}_{module}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise MachineError(f"the solution {assignment_id}/{module}.py is missing")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


class _Run:
    """One training run: what a checkpoint holds, and the epochs that are still to go."""

    def __init__(self, recipe: Recipe, settings: Settings, solution: ModuleType, net: nn.Module, path: Path) -> None:
        self.recipe, self.settings, self.solution, self.net, self.path = recipe, settings, solution, net, path
        self.optimizer: torch.optim.Optimizer = solution.create_optimizer(net, settings.peak_lr)
        self.curves: dict[str, list[float]] = {name: [] for name in CURVES}
        self.best_weights: Weights = {}
        self.seconds = 0.0
        if path.is_file():
            self._restore(torch.load(path, weights_only=True))

    @property
    def best_epoch(self) -> int:
        """The first epoch with the highest validation accuracy."""
        return max(range(len(self.curves["val_accuracy"])), key=self.curves["val_accuracy"].__getitem__)

    def go_through_epochs(self, train_set: ImageSet, training: Tensor, validation: Tensor, progress: Progress) -> None:
        """Train and validate until the last epoch; `training` and `validation` are indices into the training set."""
        settings, epochs, done = self.settings, self.settings.epochs, len(self.curves["val_loss"])
        task = progress.add_task(self.recipe.model, epoch=f"{done}/{epochs}", loss="-", accuracy="-")
        held_out = self._batches(train_set, validation)
        batches = self._batches(train_set, training)
        batches.shuffle, batches.augment, batches.shift = True, settings.augment, settings.shift
        batches.advance = lambda: progress.advance(task)
        steps = len(batches)
        progress.update(task, total=steps * epochs, completed=steps * done)
        _follow_one_cycle(self.optimizer, settings.peak_lr, steps * epochs, steps * done)
        for epoch in range(done, epochs):
            started = time.monotonic()
            # A seed per epoch: a resumed run needs no generator's state to draw what it would have drawn.
            torch.manual_seed(settings.seed * 10_000 + epoch + 1)
            loss, accuracy = self.solution.train(batches, self.net, self.optimizer, epoch)
            val_loss, confusion = measure(self.net, held_out, len(train_set.classes))
            val_accuracy = int(confusion.trace()) / len(validation)
            for name, value in zip(CURVES, (loss, accuracy, val_loss, val_accuracy), strict=True):
                self.curves[name].append(value)
            if self.best_epoch == epoch:
                self.best_weights = {name: value.clone() for name, value in self.net.state_dict().items()}
            self.seconds += time.monotonic() - started
            self._save()
            progress.update(task, epoch=f"{epoch + 1}/{epochs}", loss=f"{loss:.3f}", accuracy=f"{val_accuracy:.1%}")

    def _batches(self, images: ImageSet, chosen: Tensor) -> Batches:
        return Batches(images.images[chosen], images.labels[chosen], self.recipe.normalise, self.settings.batch_size)

    def _save(self) -> None:
        state = {"net": self.net.state_dict(), "optimizer": self.optimizer.state_dict(), "curves": self.curves}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        written = self.path.with_suffix(f".{os.getpid()}")
        torch.save(state | {"best_weights": self.best_weights, "seconds": self.seconds}, written)
        written.replace(self.path)

    def _restore(self, state: dict[str, Any]) -> None:
        self.net.load_state_dict(state["net"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.curves, self.best_weights, self.seconds = state["curves"], state["best_weights"], state["seconds"]


def _follow_one_cycle(optimizer: torch.optim.Optimizer, peak_lr: float, steps: int, done: int) -> None:
    """Change the learning rate after each step: up in a line, then down to 0 in a line; `done` steps are behind us.

    Reference:
        Smith & Topin, 2018, Super-convergence, https://arxiv.org/abs/1708.07120 (momentum is left alone here).
    """
    counter = itertools.count(done)

    def set_rate(*_: object) -> None:
        share = next(counter) / steps
        up, down = max(share, 1 / steps) / WARM_UP, max(1 - share, 0) / (1 - WARM_UP)
        for group in optimizer.param_groups:
            group["lr"] = peak_lr * min(up, down, 1)

    set_rate()
    optimizer.register_step_post_hook(set_rate)


def _rounded(weights: Weights) -> Weights:
    """Round to what float16 can hold: what is measured here and what is read from the file are then the same."""
    return {
        name: value.half().float() if value.is_floating_point() else value.clone() for name, value in weights.items()
    }
