"""An exhibit of every kind of figure, as a submission of A Tale of Two Networks gives them: builders, no state."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from sample_exhibits import bumps, picture

from grader.figures.heat import enlarge
from grader.records import Array, Exhibit

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
OWNERS = ("student", "reference")
RULE = "The image that the network names most surely, and wrongly, among the first 2,000."
NOTE = "CIFAR-10 is not on this machine: drawn with FashionMNIST, padded to 32x32 RGB, in its place."


@cache
def crops(n: int = 240, seed: int = 0) -> Array:
    """Small pictures cut out of scikit-learn's photographs, (n, 32, 32, 3) uint8."""
    rng = np.random.default_rng(seed)
    photographs = [picture("china.jpg"), picture("flower.jpg")]
    places = zip(rng.integers(0, 2, n), rng.integers(0, 427 - 96, n), rng.integers(0, 640 - 96, n), strict=True)
    return np.stack([photographs[which][y : y + 96 : 3, x : x + 96 : 3] for which, y, x in places])


@cache
def labels(n: int = 240, seed: int = 0) -> Array:
    """A made-up class of each, (n,) int64."""
    return np.random.default_rng(seed + 1).integers(0, 10, n)


def changed(exhibit: Exhibit, arrays: Mapping[str, Any] | None = None, **facts: Any) -> Exhibit:
    """The same exhibit with some arrays or facts replaced; None takes one out."""
    both = {**exhibit.arrays, **(arrays or {})}
    kept = {name: np.asarray(array) for name, array in both.items() if array is not None}
    told = {name: value for name, value in {**exhibit.facts, **facts}.items() if value is not None}
    return Exhibit(exhibit.task, exhibit.kind, exhibit.name, exhibit.caption, kept, told)


def without_student(exhibit: Exhibit, problem: str = "Your zip has no `supervised.pth` at its root.") -> Exhibit:
    """The same exhibit of a submission whose network can't be used."""
    return changed(exhibit, {name: None for name in exhibit.arrays if name.startswith("student_")}, problem=problem)


def extremes(images: Array | None = None) -> Exhibit:
    """An exhibit of the kind "extremes"; the highest losses belong to turns that were taken for others."""
    images = crops() if images is None else images
    rng = np.random.default_rng(5)
    arrays: dict[str, Array] = {}
    for i, owner in enumerate(OWNERS):
        for j, part in enumerate(("lowest", "highest")):
            turns = rng.integers(0, 4, 8)
            shown = images[16 * i + 8 * j : 16 * i + 8 * j + 8]
            arrays |= {
                f"{owner}_{part}_images": np.stack([np.rot90(x, t) for x, t in zip(shown, turns, strict=True)]),
                f"{owner}_{part}_losses": np.sort(rng.uniform(5, 13, 8))[::-1] if j else 1e-5 * 3.0 ** np.arange(8),
                f"{owner}_{part}_turns": turns,
                f"{owner}_{part}_predicted": (turns + j * rng.integers(1, 4, 8)) % 4,
            }
    caption = "The turned test images with the lowest and with the highest loss of your rotation network."
    return Exhibit("3.3", "extremes", "extremes", caption, arrays, {})


def cam_grid(images: Array | None = None) -> Exhibit:
    """An exhibit of the kind "cam_grid": four images, the last of them counter-intuitive."""
    images = crops() if images is None else images
    arrays = {"images": images[40:44]}
    for i, name in enumerate(f"{owner}_{network}" for owner in OWNERS for network in ("supervised", "rotation")):
        small = bumps(4, side=8, seed=i // 2 + 10 * (i % 2))
        arrays[name] = np.stack([enlarge(one, (32, 32)) for one in small])
    facts = {"labels": ["cat", "ship", "automobile", "deer"], "remarks": ["", "", "", "counter-intuitive"],
             "said": ["cat 97%", "ship 99%", "automobile 100%", "deer 98%, is a bird"], "rule": RULE}  # fmt: skip
    caption = "Where three test images and a counter-intuitive one speak for the class, and for being upright."
    return Exhibit("4.2", "cam_grid", "cams", caption, arrays, facts)


def embedding(classes: Array | None = None) -> Exhibit:
    """An exhibit of the kind "embedding": 100 points in ten clusters, those of the rotation networks wide."""
    classes = labels(100) if classes is None else classes
    rng = np.random.default_rng(9)
    arrays: dict[str, Array] = {"labels": classes}
    for owner in OWNERS:
        for network, spread in (("supervised", 1.6), ("rotation", 6.0)):
            centres = rng.uniform(-10, 10, (10, 2))
            arrays[f"{owner}_{network}"] = centres[classes] + rng.normal(0, spread, (100, 2))
    caption = "t-SNE of the features of 100 test images."
    return Exhibit("4.3", "embedding", "embedding", caption, arrays, {"classes": list(CLASSES)})


def neighbours(name: str = "supervised", images: Array | None = None, classes: Array | None = None) -> Exhibit:
    """An exhibit of the kind "neighbours"; of raw pixels the reference's alone."""
    images = crops() if images is None else images
    classes = labels() if classes is None else classes
    rng = np.random.default_rng(len(name))
    arrays = {"queries": images[:5], "query_labels": classes[:5]}
    owners = ("reference",) if name == "pixels" else OWNERS
    for owner in owners:
        chosen = rng.integers(5, len(images), (5, 10))
        for row, label in zip(chosen, classes[:5], strict=True):
            row[:6] = rng.permutation(np.flatnonzero(classes == label))[:6]
            rng.shuffle(row)
        arrays |= {f"{owner}_images": images[chosen], f"{owner}_labels": classes[chosen]}
    share = {"student": 0.612, "reference": 0.724} if len(owners) > 1 else {"reference": 0.251}
    caption = f"Ten nearest training images of five test images, by the features of the {name} network."
    if len(owners) == 1:
        caption = "Ten nearest training images of five test images, by their pixels alone."
    facts = {"classes": list(CLASSES), "share": share, "bank": 10_000}
    return Exhibit("4.4", "neighbours", name, caption, arrays, facts)


def comparison() -> Exhibit:
    """An exhibit of the kind "comparison": three measures, as the checks of 4.4 lay them out."""

    def row(measure: str, student: tuple[Any, Any], reference: tuple[Any, Any], **more: float) -> dict[str, Any]:
        values = {"student_supervised": student[0], "student_rotation": student[1]}
        values |= {"reference_supervised": reference[0], "reference_rotation": reference[1]}
        return {"measure": measure, **values, **more}

    rows = [
        row("accuracy on the test images", (0.781, None), (0.913, None), chance=0.1),
        row("accuracy on the four turns", (None, 0.642), (None, 0.781), chance=0.25),
        row("same-class neighbours, of 10", (0.612, 0.334), (0.853, 0.402), pixels=0.251, chance=0.1),
    ]
    caption = "The two networks measured alike: what each was trained for, and what its features know of the classes."
    return Exhibit("4.5", "comparison", "comparison", caption, {}, {"rows": rows})


def curves(network: str = "supervised") -> Exhibit:
    """An exhibit of the kind "curves"; the student's history of the rotation network holds only its training loss."""
    supervised = network == "supervised"
    series = []
    for label, epochs, best in (("Yours", 12, 0.8), ("Reference", 30, 0.92)):
        t = np.arange(1, epochs + 1)
        curve = {
            "label": label, "epochs": t.tolist(),
            "train_loss": (0.1 + 1.5 * np.exp(-t / 5)).tolist(),
            "train_accuracy": (best + 0.05 - np.exp(-t / 3)).tolist(),
            "val_loss": (0.3 + 1.3 * np.exp(-t / 5) + 0.004 * t).tolist(),
            "val_accuracy": (best - np.exp(-t / 3)).tolist(),
        }  # fmt: skip
        kept = {"label", "epochs", "train_loss"} if label == "Yours" and not supervised else set(curve)
        series.append({name: value for name, value in curve.items() if name in kept})
    accuracies = (0.781, 0.913) if supervised else (0.642, 0.781)
    names = (f"Your {network}.pth", "Reference")
    lines = [{"label": name, "accuracy": value} for name, value in zip(names, accuracies, strict=True)]
    facts = {"series": series, "best_epoch": 11 if supervised else None, "threshold": 0.7 if supervised else 0.6,
             "lines": lines}  # fmt: skip
    caption = f"Training of your {network} network, from history.json, beside the reference's."
    return Exhibit("2.2" if supervised else "3.2", "curves", network, caption, {}, facts)


def filters(layer: str, network: str) -> Exhibit:
    """An exhibit of the kind "filters": all filters of a layer in one image."""
    rng = np.random.default_rng(len(layer + network))
    n = 24 if layer == "conv1" else 48
    images = rng.integers(0, 256, (n, 3, 3, 3 if layer == "conv1" else 1)).astype(np.uint8)
    images = np.broadcast_to(images, (n, 3, 3, 3))
    caption = f"The {n} filters of {layer} of the {network} network."
    arrays = {"student_images": images[::-1].copy(), "reference_images": images.copy()}
    return Exhibit("4.1", "filters", f"{network}.{layer}", caption, arrays)


def exhibits() -> tuple[Exhibit, ...]:
    """All exhibits of a submission, in the order of the tasks."""
    layers = [
        filters(layer, network) for network in ("supervised", "rotation") for layer in ("conv1", "layer2.0.conv1")
    ]
    found = [neighbours(name) for name in ("supervised", "rotation", "pixels")]
    return (curves(), curves("rotation"), extremes(), *layers, cam_grid(), embedding(), *found, comparison())
