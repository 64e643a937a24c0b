"""What t-SNE makes small: how much is lost where a plane stands for the neighborhoods among features.

Other methods keep neighbors together as well: spectral and locally linear embeddings, groups that were found and strung
on a line. None of them comes near t-SNE by t-SNE's own measure (van der Maaten & Hinton, 2008), whatever its settings.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grader.records import Array

STEPS = 60  # of the bisection: each halves the range of a logarithm
SCALES = np.geomspace(0.1, 1e5, 61)  # of a layout whose median squared distance is 1: finer steps change 1% at most
TINY = 1e-300

Floats = NDArray[np.float64]


def divergence(features: Array, layout: Array, perplexity: float) -> float:
    """The Kullback-Leibler divergence that t-SNE minimizes, at the layout's best scale: nobody has to keep t-SNE's own.

    Args:
        features: (N, D).
        layout: (N, 2), finite.
        perplexity: Of the neighborhoods among the features, below N.

    Returns:
        In nats; infinite where all points of the layout are one.
    """
    near = _neighborhoods(_squares(features), perplexity)
    squares = _squares(layout / max(float(np.abs(layout).max()), TINY))
    median = float(np.median(squares[squares > 0])) if (squares > 0).any() else 0.0
    return min((_lost(near, scale * squares / median) for scale in SCALES), default=np.inf) if median else np.inf


def _lost(near: Floats, squares: Floats) -> float:
    heavy = 1 / (1 + squares)
    np.fill_diagonal(heavy, 0)
    seen = np.maximum(heavy / heavy.sum(), TINY)
    return float((near * np.log(np.maximum(near, TINY) / seen)).sum())


def _neighborhoods(squares: Floats, perplexity: float) -> Floats:
    """The joint probabilities of squared distances (N, N), whose sum is 1.

    Around each point lies a Gaussian; its width, found by bisection, is such that it holds `perplexity` neighbors.
    """
    low, high = np.full((2, len(squares), 1), np.log(1 / max(float(squares.max()), TINY)))
    low, high = low - 20, high + 20  # of the logarithms of the Gaussians' precisions
    for _ in range(STEPS):
        middle = (low + high) / 2
        near = _gaussians(squares, np.exp(middle))
        entropy = -(near * np.log(np.maximum(near, TINY))).sum(axis=1, keepdims=True)
        is_wide = entropy > np.log(perplexity)
        low, high = np.where(is_wide, middle, low), np.where(is_wide, high, middle)
    joint: Floats = (near + near.T) / (2 * len(near))
    return joint


def _gaussians(squares: Floats, precision: Floats) -> Floats:
    """A point's share of each other, (N, N), whose rows' sums are 1."""
    others = np.where(np.eye(len(squares), dtype=bool), np.inf, squares)
    shares: Floats = np.exp(-precision * (others - others.min(axis=1, keepdims=True)))
    shares /= shares.sum(axis=1, keepdims=True)
    return shares


def _squares(points: Array) -> Floats:
    """Squared distances of points (N, D), (N, N)."""
    exact = points.astype(np.float64)
    lengths = (exact**2).sum(axis=1)
    squares: Floats = np.maximum(lengths[:, None] - 2 * exact @ exact.T + lengths, 0)
    np.fill_diagonal(squares, 0)
    return squares
