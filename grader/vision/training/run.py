"""Trains one network with a solution's own training code, epoch by epoch, with a checkpoint after each.

Training reads the data set from memory as uint8 tensors and hands the solution's `train` plain batches; an interrupted
run goes on where it stopped.
"""

from __future__ import annotations

import itertools
import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.progress import Progress
from torch import Tensor, nn

from grader.vision.datasets.imageset import ImageSet
from grader.vision.training.batches import Batches, measure

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
        augment: Shift each training image by up to `shift` pixels, mirror half of them and cut out `hole`.
        validation: Training images that are held out to choose the epoch by.
        seed: Source of the split, the first weights, the order and the augmentation.
        shift: Largest offset of the augmentation, pixels.
        hole: Side of the square that the augmentation grays out, pixels; 0: none.
        stop_after: Epochs after which it ends before its time; None: it goes on to the end.
    """

    epochs: int
    peak_lr: float
    batch_size: int = 128
    augment: bool = False
    validation: int = 5_000
    seed: int = 0
    shift: int = 1
    hole: int = 0
    stop_after: int | None = None


@dataclass(frozen=True)
class TrainingSetup:
    """A network before its training, and how the solutions train it.

    Attributes:
        net: The network; it made its own first weights.
        create_optimizer: `(net, lr)` -> an optimizer over its parameters.
        train_epoch: `(net, loader, optimizer, epoch)` -> `(mean loss, accuracy)` of one epoch.
        views: `(images, labels)` of a batch -> what the network is asked about them; None: as they are.
        classes: Names of the answers; empty: those of the data set.
    """

    net: nn.Module
    create_optimizer: Callable[[nn.Module, float], torch.optim.Optimizer]
    train_epoch: Callable[[nn.Module, Batches, torch.optim.Optimizer, int], tuple[float, float]]
    views: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None = None
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrainingTask:
    """What one training run is about.

    Attributes:
        model: The model's name, for the progress bar.
        sources: The files of the training code, for the record.
        setup: The network and how it is trained.
        settings: For how long, and with what.
        normalise: uint8 images -> float32 images as the network gets them.
        checkpoint: The file of the last checkpoint.
    """

    model: str
    sources: tuple[str, ...]
    setup: TrainingSetup
    settings: Settings
    normalise: Callable[[Tensor], Tensor]
    checkpoint: Path


def train(
    task: TrainingTask, train_set: ImageSet, test_set: ImageSet, progress: Progress
) -> tuple[Weights, dict[str, Any]]:
    """Train one network, from its last checkpoint if there is one, and measure it on the test images.

    Returns:
        The state dict, rounded to what float16 can hold, and the metrics of `grader.reference.Reference`.
    """
    settings, setup = task.settings, task.setup
    order = torch.randperm(len(train_set.labels), generator=torch.Generator().manual_seed(settings.seed))
    with torch.random.fork_rng(devices=[]):
        net = setup.net.to(memory_format=torch.channels_last)
        run = _Run(task)
        run.go_through_epochs(train_set, order[settings.validation :], order[: settings.validation], progress)
    weights = _rounded(run.best_weights)
    net.load_state_dict(weights)
    classes = setup.classes or test_set.classes
    _, confusion = measure(net, run.batches(test_set), len(classes))
    return weights, {
        "obtained": _obtained(task),
        "test_accuracy": int(confusion.trace()) / int(confusion.sum()),
        "best_epoch": run.best_epoch,
        "parameters": sum(parameter.numel() for parameter in net.parameters()),
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
        "classes": list(classes),
        "confusion": confusion.tolist(),
    }


def _obtained(task: TrainingTask) -> str:
    return (
        f"Trained by this project with {' and '.join(task.sources)} on a CPU; the epoch with the highest accuracy on "
        f"{task.settings.validation:,} held-out training images was kept, its weights rounded to float16. The test "
        "images served only to measure these rounded weights."
    )


def _state(epoch: int, epochs: int, loss: str, accuracy: str) -> str:
    """What stands beside the bar."""
    return f"epoch {epoch}/{epochs}  loss {loss}  validation {accuracy}"


class _Run:
    """One training run: what a checkpoint holds, and the epochs that are still to go."""

    def __init__(self, task: TrainingTask) -> None:
        self.task, self.settings, self.setup = task, task.settings, task.setup
        self.net, self.path = task.setup.net, task.checkpoint
        self.optimizer = self.setup.create_optimizer(self.net, self.settings.peak_lr)
        self.curves: dict[str, list[float]] = {name: [] for name in CURVES}
        self.best_weights: Weights = {}
        self.seconds = 0.0
        if self.path.is_file():
            self._restore(torch.load(self.path, weights_only=True))

    @property
    def best_epoch(self) -> int:
        """The first epoch with the highest validation accuracy."""
        return max(range(len(self.curves["val_accuracy"])), key=self.curves["val_accuracy"].__getitem__)

    def go_through_epochs(self, train_set: ImageSet, training: Tensor, validation: Tensor, progress: Progress) -> None:
        """Train and validate until the last epoch; `training` and `validation` are indices into the training set."""
        settings, epochs, done = self.settings, self.settings.epochs, len(self.curves["val_loss"])
        bar = progress.add_task(self.task.model, state=_state(done, epochs, "-", "-"))
        classes = len(self.setup.classes or train_set.classes)
        held_out, batches = self.batches(train_set, validation), self.batches(train_set, training)
        batches.shuffle, batches.augment = True, settings.augment
        batches.shift, batches.hole = settings.shift, settings.hole
        batches.advance = lambda: progress.advance(bar)
        steps = len(batches)
        progress.update(bar, total=steps * epochs, completed=steps * done)
        _follow_one_cycle(self.optimizer, settings.peak_lr, steps * epochs, steps * done)
        for epoch in range(done, settings.stop_after or epochs):
            started = time.monotonic()
            # A seed per epoch: a resumed run needs no generator's state to draw what it would have drawn.
            torch.manual_seed(settings.seed * 10_000 + epoch + 1)
            loss, accuracy = self.setup.train_epoch(self.net, batches, self.optimizer, epoch)
            val_loss, confusion = measure(self.net, held_out, classes)
            val_accuracy = int(confusion.trace()) / int(confusion.sum())
            for name, value in zip(CURVES, (loss, accuracy, val_loss, val_accuracy), strict=True):
                self.curves[name].append(value)
            if self.best_epoch == epoch:
                self.best_weights = {name: value.clone() for name, value in self.net.state_dict().items()}
            self.seconds += time.monotonic() - started
            self._save()
            progress.update(bar, state=_state(epoch + 1, epochs, f"{loss:.3f}", f"{val_accuracy:.1%}"))

    def batches(self, images: ImageSet, chosen: Tensor | None = None) -> Batches:
        """Batches of all images, or of the `chosen` indices, as the network gets them."""
        pixels, labels = (
            (images.images, images.labels) if chosen is None else (images.images[chosen], images.labels[chosen])
        )
        return Batches(pixels, labels, self.task.normalise, self.settings.batch_size, views=self.setup.views)

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
