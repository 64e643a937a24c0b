"""Remember the layouts of t-SNE: most cases change something else, and have the same features laid out again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np

from grader.records import Array

Fitted = tuple[Array, dict[str, Any]]  # the layout, and what fitting it has left in the t-SNE

_FITTED: dict[str, Fitted] = {}  # of this process, by what was asked


@contextmanager
def remembered_layouts() -> Iterator[None]:
    """Let scikit-learn's t-SNE answer at once what it was asked before in this process, settings and seed the same.

    Without a seed it is asked each time: no two of its layouts are the same then.
    """
    from sklearn.manifold import TSNE  # takes a second: only where cases are examined

    fit_transform = TSNE.fit_transform

    def remembered(self: Any, X: Any, y: Any = None) -> Array:
        if type(self) is not TSNE or not isinstance(self.random_state, int):
            return cast(Array, fit_transform(self, X, y))
        asked = _digest(self.get_params(), np.asarray(X))
        if asked not in _FITTED:
            before = set(vars(self))
            points = fit_transform(self, X, y)
            _FITTED[asked] = points, {name: value for name, value in vars(self).items() if name not in before}
        points, left = _FITTED[asked]
        vars(self).update(left)
        return points.copy()

    TSNE.fit_transform = remembered
    try:
        yield
    finally:
        TSNE.fit_transform = fit_transform


def _digest(settings: dict[str, Any], points: Array) -> str:
    asked = f"{sorted(settings.items())} {points.shape} {points.dtype}"
    return hashlib.sha256(asked.encode() + np.ascontiguousarray(points).tobytes()).hexdigest()
