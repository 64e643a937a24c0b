"""What of a student's networks is shown beside the reference's."""

from __future__ import annotations

from grader.author import Handle, Implementation
from solutions.two_networks.checks.networks import own_networks
from solutions.two_networks.checks.pictures import Pictures


def shown_networks(student: Implementation, pictures: Pictures) -> tuple[dict[str, Handle], str]:
    """The student's trained networks that are worth showing, by name, and a sentence about those that are not.

    Not showing one costs nothing: whether the model files are right is judged by tasks 2.2 and 3.2.
    """
    if not pictures.is_cifar:
        return {}, "Your networks were trained on CIFAR-10, which is not on this machine: they are not shown."
    return own_networks(student)
