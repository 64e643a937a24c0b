"""Hidden checks of task 1: whatever the architecture, the network must do what the later tasks rely on.

Networks have random weights here, so numbers are compared with each other, never with the oracle's.
"""

from __future__ import annotations

from numpy.random import Generator

from grader.author import Implementation, check, expect
from solutions.two_networks.checks.bypassing import has_bypassed_convolution
from solutions.two_networks.checks.silencing import wake_weights
from solutions.two_networks.checks.tracing import identities, trace
from solutions.two_networks.checks.untrained import new_network, random_images, used_network


@check("1", after=("check_logits",), listed_before="check_evaluation")
def check_registered(student: Implementation, rng: Generator) -> None:
    """Every weight that the network computes with is among its parameters()."""
    net = new_network(student)
    strangers = trace(net, random_images(rng, 2)).tensors() - identities(student, net.parameters())
    expect(
        not strangers,
        f"The network computes with {len(strangers)} weights that parameters() does not list, so an optimizer over "
        "parameters() does not train them.",
        expected="all weights in parameters()",
        got=f"{len(strangers)} outside",
        mistake="resnet.layers_in_list",
    )


@check("1", weight=2, after=("check_logits",), listed_before="check_evaluation")
def check_residual(student: Implementation, rng: Generator) -> None:
    """What goes into a block is added to what its convolutions make of it."""
    steps = trace(new_network(student), random_images(rng, 2))
    mistake = "resnet.no_addition"
    if steps.has_doubling():
        mistake = "resnet.adds_to_itself"
    elif steps.has_parallel():
        mistake = "resnet.parallel_branches"
    elif any(step.kind == "Cat" for step in steps.steps.values()):
        mistake = "resnet.concatenates"
    expect(
        steps.has_residual(),
        "No residual addition took place.",
        expected="block(x) = convolutions(x) + shortcut(x), where the shortcut has fewer layers, or none",
        got="no sum of two branches of which one has fewer layers than the other",
        mistake=mistake,
    )
    used = used_network(student, rng)
    wake_weights(used)
    expect(
        has_bypassed_convolution(used, rng),
        "No convolution both matters to the logits and has a shortcut around it.",
        expected="convolutions in the blocks, and shortcuts around them",
        got="each convolution alone either changes nothing or carries all of the image",
    )
