"""Public checks of task 1: whatever the architecture, the network must do what the later tasks rely on.

Networks have random weights here, so numbers are compared with each other, never with the oracle's.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from grader.author import Implementation, check, expect, expect_finite, expect_shape, make, number, numbers, summarise
from solutions.two_networks.checks.silencing import convolutions_of, depends_on, wake_weights
from solutions.two_networks.checks.untrained import is_near, new_network, random_images, used_network

TOO_MANY = 11_181_642  # parameters of torchvision's resnet18(num_classes=10)


@check("1", weight=2)
def check_logits(student: Implementation, rng: Generator) -> None:
    """SmallResNet() makes ten finite logits of each image with its convolutions, however many images there are."""
    net = new_network(student)
    for mode, counts in (("train", (4,)), ("eval", (1, 2, *rng.integers(3, 9, 1).tolist()))):
        getattr(net, mode)()
        for count in counts:
            answer = numbers(net(random_images(rng, count)))
            expect_shape(answer, (count, 10))
            expect_finite(answer, what="logits")
    wake_weights(net)
    expect(
        depends_on(convolutions_of(net), lambda some: numbers(net(some)).reshape(len(some), 10), rng),
        "The logits are not what the convolutions among the network's parameters() make of the images.",
        expected="logits that follow the images, and differ otherwise between images while all convolutions are 0",
        got=answer,
    )


@check("1", after=("check_logits",))
def check_classes(student: Implementation, rng: Generator) -> None:
    """SmallResNet(num_classes=K) gives K logits."""
    for classes in (4, *rng.integers(5, 10, 1).tolist(), *rng.integers(11, 40, 1).tolist()):
        net = new_network(student, num_classes=classes)
        answer = numbers(net(random_images(rng, 3)))
        expect(
            answer.size == 3 * classes,
            f"SmallResNet(num_classes={classes}) gives another number of logits.",
            expected=f"shape (3, {classes})",
            got=f"shape {answer.shape}",
            mistake="resnet.classes_fixed" if answer.size == 30 else None,
        )


@check("1", after=("check_logits",))
def check_size(student: Implementation, rng: Generator) -> None:
    """The network has fewer parameters than torchvision's resnet18."""
    net = new_network(student)
    net(random_images(rng, 2))  # lazy layers get their weights now
    count = number(student.make(make("torch.nn.utils.parameters_to_vector", net.parameters())).numel())
    expect(
        0 < count < TOO_MANY,
        f"SmallResNet has {count:,.0f} parameters.",
        expected=f"fewer than {TOO_MANY:,}",
        got=f"{count:,.0f}",
        mistake="resnet.too_many_parameters" if count >= TOO_MANY else None,
    )


@check("1", after=("check_logits",))
def check_evaluation(student: Implementation, rng: Generator) -> None:
    """In evaluation mode an image's logits are always the same, whatever other images are in the batch."""
    net = used_network(student, rng)
    images = random_images(rng, 6)
    images[3:] *= 3  # other statistics than the first three
    once, again = (numbers(net(images)) for _ in range(2))
    scale = max(float(np.abs(once).max()), 1e-6)
    expect(
        is_near(once, again),
        "In evaluation mode, the same images get other logits the second time.",
        expected="the same logits",
        got=f"a difference of up to {float(np.abs(once - again).max()):.3g}, where the largest logit is {scale:.3g}",
        mistake="resnet.dropout_stays_on",
    )
    alone = numbers(net(images[:2])).reshape(2, -1)
    expect(
        is_near(alone, once.reshape(6, -1)[:2]),
        "In evaluation mode, an image's logits depend on the other images in the batch.",
        expected=summarise(once.reshape(6, -1)[:2]),
        got=alone,
        mistake="resnet.statistics_of_batch",
    )
