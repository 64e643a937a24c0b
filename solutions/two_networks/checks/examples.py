"""The test images whose class activation maps are shown: three of known classes, and a counter-intuitive one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from grader.author import Array, Handle, Implementation, Reference, numbers
from grader.vision.datasets.cifar import normalise_cifar
from solutions.two_networks.checks.computed_once import computed_once, key_of
from solutions.two_networks.checks.layers import weight_of
from solutions.two_networks.checks.networks import BATCH, NETWORKS, logits_of, reference_network
from solutions.two_networks.checks.pictures import Pictures

FIRST = 1_000  # test images among which they are chosen
CONFIDENT = 0.9  # of probability
CLASSES = (0, 1, 7)  # of CIFAR-10: airplane, automobile, horse
RULE = (
    f"Of those of the first {FIRST:,} test images that the supervised reference network gets right with more than "
    f"{CONFIDENT:.0%}, the one whose map for its class has the largest share of its positive part at the rim: in the "
    "outermost places of the feature map."
)


@dataclass(frozen=True)
class Examples:
    """n test images and what the reference networks make of them.

    Attributes:
        images: (n, 3, 32, 32), uint8.
        labels: Their classes.
        said: What the supervised network says, e.g. "ship 99%".
        remarks: "counter-intuitive", or nothing.
        rule: By which rule that one was chosen.
        feature_maps: By network, (n, C, h, w).
        fc_weight: By network, (K, C).
    """

    images: Tensor
    labels: list[int]
    said: list[str]
    remarks: list[str]
    rule: str
    feature_maps: dict[str, Array]
    fc_weight: dict[str, Array]


def choose_examples(oracle: Implementation, reference: Reference, pictures: Pictures) -> Examples:
    """The images, always the same for the same networks and pictures."""
    nets = {network: reference_network(oracle, reference, pictures, network) for network in NETWORKS}
    weights = {network: weight_of(net, "fc") for network, net in nets.items()}

    def compute() -> dict[str, Array]:
        images, labels = pictures.test.images[:FIRST], pictures.test.labels[:FIRST].numpy()
        chances = _chances(nets["supervised"], images, len(pictures.test.classes))
        sure = _surest(chances, labels)
        three = _one_of_each(labels, sure)
        others = rest if (rest := np.setdiff1d(sure, three)).size else sure
        odd = _most_at_rim(nets["supervised"], images[others], labels[others], weights["supervised"])
        rows = np.array([*three, others[odd]])
        return {"rows": rows, "chances": chances[rows]}

    rule = hashlib.sha256(repr((CLASSES, RULE)).encode()).hexdigest()[:8]
    found = computed_once("shown-examples", f"{key_of(pictures, reference, 'supervised')}-{rule}", compute)
    rows, chances = found["rows"], found["chances"]
    images = pictures.test.images[rows]
    return Examples(
        images=images,
        labels=[int(label) for label in pictures.test.labels[rows]],
        said=[f"{pictures.test.classes[int(row.argmax())]} {row.max():.0%}" for row in chances],
        remarks=[""] * (len(rows) - 1) + ["counter-intuitive"],
        rule=RULE,
        feature_maps={network: numbers(net.feature_maps(normalise_cifar(images))) for network, net in nets.items()},
        fc_weight=weights,
    )


def _chances(net: Handle, images: Tensor, classes: int) -> Array:
    """What a network says of images, probabilities (N, K)."""
    return torch.softmax(torch.from_numpy(logits_of(net, images, classes)), dim=1).numpy()


def _surest(chances: Array, labels: Array) -> Array:
    """Rows of the images answered right with confidence; of those answered right, or all, where there are none."""
    right = chances.argmax(axis=1) == labels
    for chosen in (right & (chances.max(axis=1) > CONFIDENT), right):
        if chosen.any():
            return np.flatnonzero(chosen)
    return np.arange(len(labels))


def _one_of_each(labels: Array, sure: Array) -> list[int]:
    """The first of the surest images of each of `CLASSES`; the first image of the class where none is sure."""
    rows = []
    for label in CLASSES:
        among = [*sure[labels[sure] == label], *np.flatnonzero(labels == label), 0]
        rows.append(int(among[0]))
    return rows


def _most_at_rim(net: Handle, images: Tensor, labels: Array, weight: Array) -> int:
    """Index of the image whose map has the largest share of its positive part at the rim."""
    shares = []
    for start in range(0, len(images), BATCH):
        features = numbers(net.feature_maps(normalise_cifar(images[start : start + BATCH])))  # (B, C, h, w)
        maps = np.einsum("bc,bchw->bhw", weight[labels[start : start + BATCH]], features).clip(0)
        whole, inner = maps.sum(axis=(1, 2)), maps[:, 1:-1, 1:-1].sum(axis=(1, 2))
        shares.append((whole - inner) / whole.clip(1e-9))
    return int(np.concatenate(shares).argmax())
