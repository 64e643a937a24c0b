"""Hidden checks of `rotation_model`, task 3: the given network's architecture, with four classes in place of ten.

The network that it is given is the student's own `SmallResNet`, so that a new one of that class is right as well;
torchvision's where the own one can't be used, or where `rotation_model` stumbles over it: what is wrong with the
network is judged by task 1.
"""

from __future__ import annotations

from collections import Counter

from grader.author import (
    Implementation,
    check,
    expect,
    make,
)
from solutions.two_networks.checks.public_rotation_model import CLASSES, count_frozen, make_network, of_parameters


@check("3", after=("check_four_logits",), help="Exchange the last layer, and nothing else.")
def check_same_architecture(student: Implementation) -> None:
    """Apart from the last layer, the network is built like the given one."""
    made = make_network(student)
    after = Counter(of_parameters(student, made.net, make("operator.methodcaller", "numel")))
    gone, new = made.before - after, after - made.before
    expect(
        bool(gone),
        "The layer with ten classes is still in the network.",
        expected="a last layer with four classes in place of the one with ten",
        got=f"all {sum(made.before.values())} parameters of the given network, and {sum(new.values())} more",
        mistake="rotation.stacks_on_ten_classes",
    )
    expect(
        sum(gone.values()) <= 2 and all(count % CLASSES == 0 for count in gone),
        "More than the last layer has changed.",
        expected=f"all of the given network's {_total(made.before):,} parameters but those of its last layer",
        got=f"{sum(gone.values())} of {sum(made.before.values())} tensors of parameters are gone, "
        f"{_total(after):,} parameters in all",
        mistake="rotation.other_architecture",
    )


@check("3", after=("check_four_logits",), help="Leave requires_grad as it is: the whole network is trained.")
def check_all_trainable(student: Implementation) -> None:
    """All of the network can be trained, not only its last layer."""
    made = make_network(student)
    frozen = count_frozen(student, made.net)
    expect(
        frozen <= made.frozen_before,
        "Some parameters no longer require gradients, so they would stay at random.",
        expected=f"{made.frozen_before} tensors of parameters that do not require gradients, as before",
        got=str(frozen),
        mistake="rotation.freezes_features",
    )


def _total(counts: Counter[int]) -> int:
    return sum(size * count for size, count in counts.items())
