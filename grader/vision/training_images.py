"""Whether a network is better on the test images than on training images.

What learned from training images is as good on them, or better. What learned from the test images, or holds them in
whatever form, is worse on images that it has not seen: no alteration of the test images is needed to tell.
"""

from __future__ import annotations

import torch
from numpy.random import Generator
from torch import Tensor

from grader.checking.integrity_flags import IntegrityFlags
from grader.records import Array
from grader.vision.datasets.imageset import ImageSet

# Measured twenty times each with 2,000 of 10,000 training images: points by which the test images are ahead, at most.
# Honest networks, none of which is told, FashionMNIST: the reference -0.7, the example student's -2.9, convolutional
# after 2 and 6 seconds -0.2 and -1.5, with dropout and heavy augmentation 1.3, perceptrons -0.1, linear on 3,000 others
# -0.2; CIFAR-10: the reference -4.4, convolutional 0.1 and -2.5, with dropout and heavy augmentation 3.5 at 37%;
# turns: the reference -1.7, convolutional 0.9 and 1.7. Trained on the test images, or on 5,000 of them, and always
# told: FashionMNIST 9.1 and 6.0, CIFAR-10 23.8, turns 35.6.
COUNT = 2_000  # asked about, of each network: a fifth of the answers to the test images
CLEARLY = 0.03  # of the images: by how much the share of right answers must differ ...
SURE = 3.5  # ... and by how many standard deviations

Labelled = tuple[Tensor, Array]  # images (N, C, H, W), uint8; labels (N,), int64


def draw_training(training: ImageSet | None, rng: Generator) -> Labelled | None:
    """Some training images, in random order; None where there are none on this machine."""
    if training is None:
        return None
    rows = rng.permutation(len(training.labels))[:COUNT]
    return training.images[torch.from_numpy(rows)], training.labels.numpy()[rows]


def compare_with_training(looks: IntegrityFlags, on_test: float, tests: int, on_training: float, count: int) -> None:
    """Remark on a network that is clearly worse on training images than on the test images.

    Args:
        looks: Takes the remark.
        on_test: Share of the test images that it is right on.
        tests: How many test images.
        on_training: The same of training images.
        count: How many training images.
    """
    both = (on_test * tests + on_training * count) / (tests + count)
    deviation = (both * (1 - both) * (1 / tests + 1 / count)) ** 0.5
    if on_test - on_training > max(CLEARLY, SURE * deviation):
        looks.note(
            "worse_on_training",
            f"The network is right on {on_test:.1%} of the test images, but on {on_training:.1%} of {count:,} training "
            "images that it was asked about in between. What learned from training images is never clearly worse on "
            "them. Did it learn from the test images, or does it hold them?",
            on_test=on_test,
            on_training=on_training,
            images=count,
        )
