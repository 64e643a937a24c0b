"""An exhibit of every kind of figure, as a submission of Miniplaces gives them: builders, no state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.datasets import load_sample_image

from grader.records import Array, Exhibit

CLASSES = ("T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")


def filter_images(n: int = 64, colour: bool = True, seed: int = 0) -> Array:
    """Edge-like filters as images, (n, 7, 7[, 3]) uint8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1:1:7j, -1:1:7j]
    turns = rng.uniform(0, np.pi, n)[:, None, None]
    waves = np.sin(rng.uniform(2, 6, n)[:, None, None] * (x * np.cos(turns) + y * np.sin(turns)) + turns)
    images = waves * np.exp(-(x**2 + y**2))
    if colour:
        images = images[..., None] * rng.uniform(-1, 1, (n, 1, 1, 3))
    flat = images.reshape(n, -1)
    low, high = flat.min(1), flat.max(1)
    scaled = (flat - low[:, None]) / (high - low)[:, None]
    pixels: Array = (255 * scaled).astype(np.uint8).reshape(images.shape)
    return pixels


def counts(right: float, seed: int) -> Array:
    """A confusion matrix of 10 classes with 1,000 images each, (10, 10) int."""
    rng = np.random.default_rng(seed)
    weights = rng.gamma(0.35, size=(10, 10)) + 0.01
    weights[6, [0, 2, 4]] += 3
    weights[[0, 2, 4], 6] += 3
    np.fill_diagonal(weights, 0)
    shares = (1 - right) * weights / weights.sum(1, keepdims=True) + right * np.eye(10)
    return np.array([rng.multinomial(1000, row / row.sum()) for row in shares])


def clothes(n: int = 10, seed: int = 3) -> Array:
    """Blurry grey shapes the size of FashionMNIST's images, (n, 28, 28) uint8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1:1:28j, -1:1:28j]
    wide, tall = rng.uniform(0.3, 0.9, (2, n, 1, 1))
    shape = (np.abs(x) < wide * (1 - 0.3 * y)) & (np.abs(y) < tall)
    pixels: Array = (shape * rng.uniform(120, 230, (n, 28, 28)) + rng.uniform(0, 15, (n, 28, 28))).astype(np.uint8)
    return pixels


def curves_facts() -> dict[str, Any]:
    """Facts of the kind "curves": a reference of 40 epochs and a student's accuracy."""
    epochs = list(range(1, 41))
    t = np.array(epochs)
    rng = np.random.default_rng(1)
    series = {
        "label": "Reference", "epochs": epochs,
        "train_loss": (0.08 + 0.7 * np.exp(-t / 7)).tolist(),
        "train_accuracy": (0.975 - 0.25 * np.exp(-t / 6)).tolist(),
        "val_loss": (0.23 + 0.5 * np.exp(-t / 5) + 0.0011 * t + rng.normal(0, 0.006, 40)).tolist(),
        "val_accuracy": (0.921 - 0.2 * np.exp(-t / 5) + rng.normal(0, 0.002, 40)).tolist(),
    }  # fmt: skip
    return {"series": [series], "best_epoch": 31, "lines": [{"label": "Your model.pth", "accuracy": 0.913}],
            "threshold": 0.9}  # fmt: skip


def picture(name: str = "china.jpg") -> Array:
    """A photograph that ships with scikit-learn, (427, 640, 3) uint8."""
    photograph: Array = load_sample_image(name)
    return photograph


def bumps(n: int, side: int = 7, seed: int = 0) -> Array:
    """Maps with one high place each, (n, side, side) float32."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0 : 1 : side * 1j, 0 : 1 : side * 1j]
    maps = [np.exp(-((y - b) ** 2 + (x - a) ** 2) / 0.05) for a, b in rng.uniform(0.1, 0.9, (n, 2))]
    return (np.array(maps) + 0.08 * rng.random((n, side, side))).astype(np.float32)


def top(*pairs: tuple[str, float]) -> list[dict[str, Any]]:
    """A list of classes with their probabilities, as the facts of "top5" hold it."""
    return [{"label": label, "probability": probability} for label, probability in pairs]


def top5_facts() -> dict[str, Any]:
    """Facts of the kind "top5": one class has left the list afterwards, one is new."""
    return {
        "before": top(("palace", 0.61), ("pagoda", 0.12), ("church/outdoor", 0.071), ("lawn", 0.03), ("castle", 0.01)),
        "student_after": top(("pagoda", 0.40), ("palace", 0.2), ("mosque", 0.1), ("lawn", 0.08), ("tower", 0.0002)),
        "reference_after": top(("pagoda", 0.38), ("palace", 0.22), ("mosque", 0.12), ("lawn", 0.1), ("tower", 0.01)),
        "dropped": "units 12 and 40",
    }


def experiments(*rows: tuple[str, str, float, float]) -> list[dict[str, Any]]:
    """Experiments as `experiments.json` holds them: technique, setting, training and validation accuracy."""
    names = ("technique", "setting", "train_accuracy", "val_accuracy")
    return [dict(zip(names, row, strict=True)) for row in rows]


def techniques_facts() -> dict[str, Any]:
    """Facts of the kind "techniques": two techniques."""
    return {"experiments": experiments(
        ("weight decay", "0", 0.952, 0.902), ("weight decay", "1e-4", 0.944, 0.905),
        ("weight decay", "5e-4", 0.921, 0.911), ("random crops", "without", 0.952, 0.902),
        ("random crops", "with 4 pixels of padding", 0.915, 0.914),
    )}  # fmt: skip


def overlays(
    task: str, name: str, caption: str, labels: Sequence[str], scores: Sequence[str] = (), **more: Any
) -> Exhibit:
    """An exhibit of the kind "overlays"; the student's maps are the reference's mirrored."""
    maps = bumps(len(labels), seed=len(name))
    arrays = {"image": more.pop("image", picture()), "student_maps": maps[:, ::-1], "reference_maps": maps}
    return Exhibit(task, "overlays", name, caption, arrays, {"labels": list(labels), "scores": list(scores), **more})


def dropping(task: str = "2d", units: int = 12) -> Exhibit:
    """An exhibit of the kind "dropping": the class changes at 4, the student says 5."""
    dropped = np.arange(units + 1)
    return Exhibit(
        task, "dropping", "dropping", "Probability of the top class while its units are dropped one by one, for the "
        "first photograph. Drawn with the reference network: the Places365 network is not on this machine.",
        {"reference_probability": 0.61 * np.exp(-dropped / 3), "reference_runner_up": 0.12 + 0.3 * dropped / units},
        {"student_count": 5, "reference_count": 4, "label": "palace"},
    )  # fmt: skip


def exhibits() -> tuple[Exhibit, ...]:
    """At least one exhibit of each kind, in the order of the tasks."""
    values = np.linspace(-2, 6, 33)
    right = (255 * (values + 2) / 8).astype(np.uint8)
    wrong = np.clip(255 * values / 6, 0, 255).astype(np.uint8)
    return (
        Exhibit("1a", "ramp", "ramp", "Input values from -2 to 6, and the grey values that they become.",
                {"student_input": values, "student_output": wrong, "reference_output": right}),
        Exhibit("1b", "filters", "conv1", "The 64 filters of conv1, each normalised on its own.",
                {"student_images": filter_images(), "reference_images": filter_images()}),
        Exhibit("1b", "filters", "other", "64 filters of layer2.0.conv2 (input channel 0), the layer that you chose.",
                {"student_images": filter_images(colour=False), "reference_images": filter_images(colour=False)}),
        overlays("2a", "units", "Three units of the last convolution over a photograph.",
                 ("unit 0", "unit 300", "unit 1204")),
        overlays("2b", "sky", "The units that you chose, over scikit-learn's photograph of a Chinese palace.",
                 ("sky: unit 300", "building: unit 117"), ("81% on the sky", "40% on the building")),
        Exhibit("2c", "top5", "top5", "The five most probable classes of the photograph before and after.", {},
                top5_facts()),
        overlays("2c", "dropped", "Maps of the five units that were switched off.",
                 ("unit 14", "unit 45", "unit 120", "unit 1124", "unit 88"), ("+0.15", "+0.22", "-0.12", "+0", "+1.21"),
                 in_a_row=True),
        dropping(),
        overlays("3c", "cams", "Class activation maps of the five most probable classes, over the photograph. Drawn "
                 "with the reference network: the Places365 network is not on this machine.",
                 ("palace", "pagoda", "church/outdoor", "lawn", "castle"), ("61%", "12%", "7.1%", "3.0%", "1.0%")),
        overlays("3d", "scene", "Class activation maps of the five most probable classes, over my_scene.jpg.",
                 ("greenhouse/indoor", "botanical garden", "florist shop/indoor", "field/wild", "lawn"),
                 ("44%", "21%", "9.0%", "2.2%", "0.8%"), image=picture("flower.jpg")[:, 100:527]),
        Exhibit("4c", "curves", "curves", "Training of the reference network, and the accuracy of your model.pth on "
                "the 10,000 test images.", {}, curves_facts()),
        Exhibit("4c", "confusion", "confusion", "Rows are the true classes, columns what the network said, on the "
                "10,000 test images.", {"student_counts": counts(0.913, 0), "reference_counts": counts(0.921, 1)},
                {"classes": list(CLASSES)}),
        Exhibit("4c", "mistaken", "mistaken", "Your network's most confident mistakes.",
                {"student_images": clothes(), "student_predicted": np.array([0, 6, 2, 4, 6, 8, 0, 2, 7, 9]),
                 "student_labels": np.array([6, 0, 4, 2, 3, 5, 6, 6, 9, 7]),
                 "student_confidence": np.linspace(0.999, 0.91, 10)}, {"classes": list(CLASSES)}),
        Exhibit("4d", "techniques", "techniques", "Your own experiments, from experiments.json.", {},
                techniques_facts()),
    )  # fmt: skip
