"""Hidden checks of task 4c: the optimizer, and the trained network in `model.pth`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.random import Generator

from grader.author import (
    Array,
    Handle,
    Implementation,
    IntegrityFlags,
    LayOut,
    Reference,
    check,
    expect,
    numbers,
)
from grader.vision.artifact_size import look_into, note_files
from grader.vision.datasets.fashion import normalise_fashion
from grader.vision.datasets.imageset import ImageSet
from grader.vision.memorization import ask_network
from grader.vision.model_files import load_weights, logits_in_batches, require_model
from grader.vision.training_images import draw_training

FILE = "model.pth"
BATCH = 200  # images per call: a slow network meets no deadline, and a quick one's maps stay in the processor's cache
SHOWN = 12  # most confident wrong images
BEST = 0.97  # what learns from FashionMNIST's training images alone stays below it, see the benchmark in its repository


@check("4c", weight=4)
def check_model_accuracy(
    student: Implementation,
    rng: Generator,
    thresholds: Mapping[str, float],
    fashion_test: ImageSet,
    training_images: ImageSet | None,
    reference: Reference,
    measured: dict[str, float],
    exhibit: LayOut,
    looks: IntegrityFlags,
) -> None:
    """The network in model.pth classifies more than 90% of FashionMNIST's 10,000 test images right."""
    threshold = thresholds["accuracy"]
    net = _load(student)
    order = rng.permutation(len(fashion_test.labels))
    asked = ask_network(
        student,
        FILE,
        net,
        fashion_test.images[torch.from_numpy(order)],
        fashion_test.labels.numpy()[order],
        lambda images: logits_in_batches(net, images, 10, BATCH, normalise_fashion),
    )
    accuracy = measured["fashion_accuracy"] = asked.accuracy
    _lay_out(exhibit, fashion_test, order, asked.logits, threshold, reference)
    looks.ask(lambda: note_files(looks, student, FILE))
    mistake = None
    if accuracy <= threshold and _expects_other_range(net, fashion_test, order[:1000], accuracy):
        mistake = "fashion.model_without_normalisation"
    elif accuracy < 0.2:
        mistake = "fashion.model_untrained"
    expect(
        accuracy > threshold,
        f"The network classifies {accuracy:.2%} of the test images right.",
        expected=f"more than {threshold:.0%}",
        got=f"{accuracy:.2%}",
        mistake=mistake,
    )
    look_into(looks, asked, rng, threshold, BEST, draw_training(training_images, rng))


def _load(student: Implementation) -> Handle:
    require_model(student, FILE)
    net = student.fashion.MyNet.with_options(keep=True)()
    return load_weights(student, FILE, "fashion", net, maker="MyNet()", mistakes="fashion")


def _expects_other_range(net: Handle, data: ImageSet, order: Array, accuracy: float) -> bool:
    """Whether the network does far better on images in [0, 1], as ToTensor() alone gives them."""
    images = data.images[torch.from_numpy(order)].float() / 255
    predicted = numbers(net(images)).reshape(len(order), 10).argmax(axis=1)
    return float((predicted == data.labels.numpy()[order]).mean()) > accuracy + 0.1


def _lay_out(
    exhibit: LayOut, data: ImageSet, order: Array, logits: Array, threshold: float, reference: Reference
) -> None:
    """Curves, confusion matrix and the most confident mistakes, for the report."""
    labels, predicted = data.labels.numpy()[order], logits.argmax(axis=1)
    accuracy = float((predicted == labels).mean())
    metrics = reference.metrics["fashion"]
    epochs = list(range(1, len(metrics["curves"]["val_loss"]) + 1))
    exhibit(
        "curves",
        "accuracy",
        "Training of the reference network, and the accuracy of your model.pth on the test images.",
        facts={
            "series": [{"label": "Reference", "epochs": epochs, **metrics["curves"]}],
            "best_epoch": epochs[metrics["best_epoch"]],
            "lines": [
                {"label": "Your model.pth", "accuracy": accuracy},
                {"label": "Reference", "accuracy": metrics["test_accuracy"]},
            ],
            "threshold": threshold,
        },
    )
    counts = np.zeros((10, 10), np.int64)
    np.add.at(counts, (labels, predicted), 1)
    arrays = {"student_counts": counts, "reference_counts": np.array(metrics["confusion"], np.int64)}
    caption = "Test images by true class (rows) and by the class that the network gave (columns)."
    exhibit("confusion", "confusion", caption, arrays, {"classes": list(data.classes)})
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    confidence = (shifted / shifted.sum(axis=1, keepdims=True)).max(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    if not len(wrong):
        return
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:SHOWN]
    exhibit(
        "mistaken",
        "mistaken",
        "The wrong answers that your network was most certain of: what it said, and what it is.",
        {
            "student_images": data.images.numpy()[order[worst], 0],
            "student_predicted": predicted[worst].astype(np.int64),
            "student_labels": labels[worst],
            "student_confidence": confidence[worst],
        },
        {"classes": list(data.classes)},
    )
