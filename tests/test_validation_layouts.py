"""Layouts of t-SNE are remembered from case to case, and are those that it gives."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
from sklearn.manifold import TSNE

from grader.authoring.validation.layouts import remembered_layouts
from grader.records import Array

POINTS = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[TSNE]:
    """Those that t-SNE was really fitted for, as by scikit-learn."""
    fit_transform, fitted = TSNE.fit_transform, list[TSNE]()

    def note(self: Any, X: Any, y: Any = None) -> Array:
        fitted.append(self)
        return cast(Array, fit_transform(self, X, y))

    monkeypatch.setattr(TSNE, "fit_transform", note)
    return fitted


def _tsne(seed: int | None = 0, perplexity: float = 5.0) -> TSNE:
    return TSNE(perplexity=perplexity, random_state=seed, max_iter=250)


def test_same_question_is_answered_once(asked: list[TSNE]) -> None:
    """The same points, settings and seed give the layout of the first time and all that it tells."""
    first = _tsne()
    with remembered_layouts():
        points = first.fit_transform(POINTS)
        layout = points.copy()
        points[:] = 0
    with remembered_layouts():
        again = _tsne()
        assert np.array_equal(again.fit_transform(POINTS), layout)
    assert (again.kl_divergence_, again.n_iter_) == (first.kl_divergence_, first.n_iter_)
    assert len(asked) == 1


def test_other_questions_are_asked(asked: list[TSNE]) -> None:
    """Other points, settings or seeds, or no seed at all, are laid out anew; so is all outside of validation."""
    with remembered_layouts():
        for tsne in (_tsne(seed=1), _tsne(perplexity=6.0), _tsne(seed=None), _tsne(seed=None)):
            tsne.fit_transform(POINTS)
        _tsne(seed=1).fit_transform(POINTS[::-1])
    _tsne(seed=1).fit_transform(POINTS)
    assert len(asked) == 6
