"""Trained networks out of a student's model files, and what they answer, asked batch by batch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from grader.checks.compare import expect, expect_shape, numbers, summarise
from grader.errors import Failure, StudentRaised
from grader.sandbox.student import Handle, Implementation


def load_weights(who: Implementation, file: str, module: str, net: Handle, *, maker: str, mistakes: str) -> Handle:
    """The network of a model file, in evaluation mode.

    Args:
        who: Whose file.
        file: Its name.
        module: Where a whole pickled network looks for its class.
        net: What a state dict is loaded into.
        maker: How `net` was made, as messages show it.
        mistakes: Whose `model_is_optimizer` and `model_of_other_network` are named.

    Raises:
        Failure: If the file does not fit the network.
    """
    try:
        _form, loaded = who.load_model(file, module, net)
    except StudentRaised as error:
        mistake = None
        if "param_groups" in error.message:
            mistake = f"{mistakes}.model_is_optimizer"
        elif "Missing key" in error.message or "size mismatch" in error.message or "Unexpected key" in error.message:
            mistake = f"{mistakes}.model_of_other_network"
        raise Failure(
            f"{file} can't be loaded into {maker}.",
            expected=f"a state_dict of {maker}, or the whole pickled module",
            got=error.message,
            mistake=mistake,
        ) from error
    loaded.eval()
    return loaded


def logits_in_batches(
    net: Handle, images: Tensor, classes: int, batch: int, normalise: Callable[[Tensor], Tensor] = lambda images: images
) -> NDArray[np.float64]:
    """What a network answers, (N, K).

    Args:
        net: In evaluation mode.
        images: (N, C, H, W).
        classes: K, how many logits it must give.
        batch: Images per call.
        normalise: Brings a batch to what the network gets.

    Raises:
        Failure: If it gives something else, or numbers that are not finite.
    """
    parts = []
    for start in range(0, len(images), batch):
        some = images[start : start + batch]
        answer = numbers(net(normalise(some)))
        expect_shape(answer, (len(some), classes))
        expect(bool(np.isfinite(answer).all()), "The network gives logits that are not finite.", got=summarise(answer))
        parts.append(answer.astype(np.float64).reshape(len(some), classes))
    return np.concatenate(parts)
