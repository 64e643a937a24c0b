"""Public checks of task 1: what the network gives beside its logits, `fc`, `features` and `feature_maps`."""

from __future__ import annotations

from numpy.random import Generator

from grader.author import (
    Implementation,
    check,
    expect,
    number,
    numbers,
)
from solutions.two_networks.checks.silencing import convolutions_of, depends_on
from solutions.two_networks.checks.untrained import final_layer, new_network, random_images, used_network


@check("1", after=("check_logits",))
def check_final_layer(student: Implementation, rng: Generator) -> None:
    """The final layer is an nn.Linear called `fc`."""
    net = new_network(student)
    net(random_images(rng, 2))
    fc = final_layer(net)
    weight = numbers(fc.weight.value())
    expect(
        weight.ndim == 2 and len(weight) == 10,
        "`fc` is not the layer that gives the ten logits.",
        expected="fc.weight of shape (10, C)",
        got=f"shape {weight.shape}",
    )


@check("1", after=("check_final_layer",))
def check_features(student: Implementation, rng: Generator) -> None:
    """features(x) gives what the convolutions make of each image, as many numbers as `fc` receives."""
    net = used_network(student, rng)
    images = random_images(rng, 3)
    answer = numbers(net.features(images))
    width = number(final_layer(net).in_features.value())
    mistake = None
    if answer.size == 30 and width != 10:
        mistake = "resnet.features_are_logits"
    elif answer.size > 3 * width and answer.size == numbers(net.feature_maps(images)).size:
        mistake = "resnet.features_not_averaged"
    expect(
        len(answer) == 3 and answer.size == 3 * width,
        "features(x) has another shape than what `fc` receives.",
        expected=f"(3, {width:.0f}) for 3 images",
        got=f"shape {answer.shape}",
        mistake=mistake,
    )
    expect(
        depends_on(convolutions_of(net), lambda some: numbers(net.features(some)).reshape(len(some), -1), rng),
        "features(x) is not made of the images by the convolutions.",
        expected="numbers that follow the images, and differ otherwise between images while all convolutions are 0",
        got=answer,
    )
