"""The right cross-entropy: what task 2.1 asks for, so that the students' kit has results of it and no source."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float64]


def right_losses(logits: Tensor, targets: Tensor) -> Floats:
    """-log softmax(logits) at the targets: (N, K), (N,) -> (N,), in double precision."""
    exact = logits.double().numpy()
    shifted = exact - exact.max(axis=1, keepdims=True)
    log_softmax = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    losses: Floats = -log_softmax[np.arange(len(exact)), targets.numpy()]
    return losses


def right_gradient(logits: Tensor, targets: Tensor) -> Floats:
    """Of the mean loss, by logit: (softmax - one-hot) / N, (N, K)."""
    softmax = logits.double().softmax(dim=1).numpy()
    one_hot = np.eye(logits.shape[1])[targets.numpy()]
    gradient: Floats = (softmax - one_hot) / len(softmax)
    return gradient
