"""What t-SNE makes small: how much is lost where a plane stands for the neighborhoods among features.

Other methods keep neighbors together as well: spectral and locally linear embeddings, groups that were found and strung
on a line. None of them comes near t-SNE by t-SNE's own measure (van der Maaten & Hinton, 2008), whatever its settings.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grader.author import Array

STEPS = 35  # of the bisection: each halves the range of a logarithm, at first 40
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
    known = float((near * np.log(np.maximum(near, TINY))).sum())  # minus the entropy of the neighborhoods
    squares = _squares(layout / max(float(np.abs(layout).max()), TINY))
    median = float(np.median(squares[squares > 0])) if (squares > 0).any() else 0.0
    return known + min(_cross_entropy(near, scale * squares / median) for scale in SCALES) if median else np.inf


def _cross_entropy(near: Floats, squares: Floats) -> float:
    """Of the neighborhoods relative to the layout's, which are Student's t distributions of one degree of freedom."""
    heavy = 1 + squares
    total = (1 / heavy).sum() - len(heavy)  # no point is its own neighbor
    return float((near * np.log(heavy)).sum() + np.log(total))


def _neighborhoods(squares: Floats, perplexity: float) -> Floats:
    """The joint probabilities of squared distances (N, N), whose sum is 1.

    Around each point lies a Gaussian; its width, found by bisection, is such that it holds `perplexity` neighbors.
    """
    others = np.where(np.eye(len(squares), dtype=bool), np.inf, squares)
    others -= others.min(axis=1, keepdims=True)
    finite = np.where(np.isfinite(others), others, 0)
    low, high = np.full((2, len(squares), 1), np.log(1 / max(float(squares.max()), TINY)))
    low, high = low - 20, high + 20  # of the logarithms of the Gaussians' precisions
    for _ in range(STEPS):
        middle = (low + high) / 2
        shares = np.exp(-np.exp(middle) * others)
        total = shares.sum(axis=1, keepdims=True)
        entropy = np.log(total) + np.exp(middle) * (shares * finite).sum(axis=1, keepdims=True) / total
        is_wide = entropy > np.log(perplexity)
        low, high = np.where(is_wide, middle, low), np.where(is_wide, high, middle)
    near = shares / total
    joint: Floats = (near + near.T) / (2 * len(near))
    return joint


def _squares(points: Array) -> Floats:
    """Squared distances of points (N, D), (N, N)."""
    exact = points.astype(np.float64)
    lengths = (exact**2).sum(axis=1)
    squares: Floats = np.maximum(lengths[:, None] - 2 * exact @ exact.T + lengths, 0)
    np.fill_diagonal(squares, 0)
    return squares
