"""Trained networks in the checks: a student's out of the model files, the reference's, and what they answer."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from grader.author import (
    Array,
    CheckStopped,
    Handle,
    Implementation,
    Reference,
    expect,
    expect_finite,
    numbers,
    summarise,
)
from grader.vision.datasets.cifar import normalise_cifar
from grader.vision.model_files import load_weights, logits_in_batches, require_model
from solutions.two_networks.checks.computed_once import computed_once, key_of
from solutions.two_networks.checks.pictures import Pictures

NETWORKS = ("supervised", "rotation")
BATCH = 250  # images per call: a slow network meets no deadline
MOST_FEATURES = 4096  # of an image: many times those of any ResNet, and few enough for 20,000 images to fit into memory


def load_network(who: Implementation, network: str) -> Handle:
    """The trained network out of `<network>.pth`, in evaluation mode.

    Args:
        who: The student, a mistake or the oracle.
        network: "supervised" (a `SmallResNet()`) or "rotation" (a `rotation_model(SmallResNet())`).

    Raises:
        Missing: If there is no such file.
        Failure: If the file does not fit the network.
        StudentRaised: If the network can't be made.
    """
    file = f"{network}.pth"
    require_model(who, file)
    maker = "rotation_model(SmallResNet())" if network == "rotation" else "SmallResNet()"
    return load_weights(who, file, "resnet", make_network(who, network), maker=maker, mistakes=network)


def make_network(who: Implementation, network: str) -> Handle:
    """An untrained network: `SmallResNet()`, or `rotation_model(SmallResNet())`."""
    net: Handle = who.resnet.SmallResNet.with_options(keep=True)()
    if network == "rotation":
        turned: Handle = who.rotation.rotation_model.with_options(keep=True)(net)
        return turned
    return net


def logits_of(net: Handle, images: Tensor, classes: int, *, normalised: bool = False) -> NDArray[np.float64]:
    """What a network answers.

    Args:
        net: In evaluation mode.
        images: (N, 3, H, W), uint8; float32 if `normalised`.
        classes: K, how many logits it must give.
        normalised: Whether the images are as networks get them already.

    Returns:
        (N, K).

    Raises:
        Failure: If it gives something else.
    """
    given = {} if normalised else {"normalise": normalise_cifar}
    return logits_in_batches(net, images, classes, BATCH, **given)


def features_of(who: Implementation, net: Handle, images: Tensor) -> NDArray[np.float32]:
    """What `penultimate_features` of an implementation says of images, (N, D).

    Args:
        who: The student, a mistake or the oracle.
        net: A trained network of the same.
        images: (N, 3, 32, 32), uint8.

    Raises:
        Failure: If it is no finite matrix with a row per image, or a very wide one.
    """
    describe = who.embedding.penultimate_features.with_options(canonical=lambda _answer: None)  # too much to record
    parts = []
    for start in range(0, len(images), BATCH):
        batch = images[start : start + BATCH]
        answer = numbers(describe(net, normalise_cifar(batch)))
        rows = answer.reshape(len(batch), -1) if answer.size and answer.size % len(batch) == 0 else answer
        expect(rows.ndim == 2 and len(rows) == len(batch), "There must be a row per image.", got=summarise(answer))
        expect(rows.shape[1] <= MOST_FEATURES, f"These are more than {MOST_FEATURES} features of an image.", got=rows)
        with np.errstate(over="ignore"):
            parts.append(rows.astype(np.float32))
        expect_finite(parts[-1], what="features")
    widths = sorted({part.shape[1] for part in parts})
    expect(len(widths) == 1, "Features must be equally many for all images.", got=str(widths))
    return np.concatenate(parts)


def reference_network(oracle: Implementation, reference: Reference, pictures: Pictures, network: str) -> Handle:
    """A reference network that was trained on such pictures, as a `SmallResNet` of the oracle, in evaluation mode."""
    net = make_network(oracle, network)
    net.load_state_dict(dict(reference.weights[pictures.reference_model(network)]))
    net.eval()
    return net


def reference_features(
    oracle: Implementation, reference: Reference, pictures: Pictures, network: str
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What a reference network says of the test images and of the bank, (N, D) and (M, D); computed once a machine."""

    def compute() -> dict[str, Array]:
        net = reference_network(oracle, reference, pictures, network)
        splits = {"test": pictures.test, "bank": pictures.bank}
        return {split: features_of(oracle, net, images.images) for split, images in splits.items()}

    arrays = computed_once(network, key_of(pictures, reference, network), compute)
    return arrays["test"], arrays["bank"]


def own_networks(student: Implementation) -> tuple[dict[str, Handle], str]:
    """The student's trained networks, those that can be used, for pictures; costs nothing where one can't.

    Returns:
        `(networks by name, a sentence about those that can't be used)`; the sentence is empty if all can.
    """
    found, problems = {}, []
    for network in NETWORKS:
        try:
            found[network] = load_network(student, network)
        except CheckStopped as stopped:
            problems.append(stopped.message)
    return found, " ".join(problems)


def turned(images: Tensor) -> tuple[Tensor, Array]:
    """All four quarter turns of each image, counter-clockwise: (4N, C, H, H) and how many of them, (4N,)."""
    return torch.cat([torch.rot90(images, turns, (2, 3)) for turns in range(4)]), np.repeat(np.arange(4), len(images))
