"""Tasks 4.3 and 4.4: what the checks judge by is right, odd answers fail, and any network is judged fairly.

That known mistakes are caught and other right ways accepted is shown by tests/test_validation.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sample_two_networks import (
    Raises,
    Reordered,
    WithDropout,
    WrongFeatures,
    expect_lazy_fails,
    expect_odd_fails,
    expect_replay_fails,
    implement,
    mistake_of,
    solved,
)
from sklearn.manifold import TSNE, SpectralEmbedding
from torch import Tensor

from grader.errors import Failure
from grader.records import Array
from grader.sandbox.student import Implementation
from solutions.two_networks.checks import (
    check_embedding,
    check_layout,
    check_neighbours,
    public_embedding,
    public_layout,
)
from solutions.two_networks.checks.divergence import divergence
from solutions.two_networks.checks.retrieval import expect_nearest, nearest, share_of_class
from solutions.two_networks.checks.subjects import make_subject, same


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers for the inputs."""
    return np.random.default_rng(11)


FEATURE_CHECKS = (
    check_embedding.check_what_fc_receives,
    check_embedding.check_evaluation_mode,
    public_embedding.check_mode_left,
    public_embedding.check_network_kept,
    check_embedding.check_any_number,
)


@pytest.mark.slow
def test_odd_features_fail() -> None:
    """Whatever penultimate_features returns, the student hears a sentence."""
    expect_odd_fails(FEATURE_CHECKS[:2], "penultimate_features")


@pytest.mark.parametrize("check", FEATURE_CHECKS)
def test_features_without_work(check: Callable[..., None]) -> None:
    """Features that are empty, constant, random or the input pass no check, nor do features of another day."""
    right = solved("penultimate_features")
    expect_lazy_fails([check], "penultimate_features", right, SmallResNet=Reordered)

    def run(student: Implementation, seed: int) -> None:
        check(student, np.random.default_rng(seed))

    expect_replay_fails(run, "penultimate_features", right, SmallResNet=Reordered)


def test_network_that_is_changed_meanwhile(rng: np.random.Generator) -> None:
    """What `fc` receives is asked before the student's function is: it can't change the network's answer to its own."""

    class Own(Reordered):
        pass

    def patch(model: Any, images: Tensor) -> Tensor:
        type(model).feature_maps = lambda _self, x: torch.zeros(len(x), 8, 1, 1)
        return torch.zeros(len(images), 8)

    with pytest.raises(Failure, match="not what `fc` receives"):
        check_embedding.check_what_fc_receives(implement(SmallResNet=Own, penultimate_features=patch), rng)


@pytest.mark.parametrize("check", FEATURE_CHECKS)
def test_network_without_features(rng: np.random.Generator, check: Callable[..., None]) -> None:
    """A network that gives nothing for any image does not make nothing its features: one of ours takes its place."""

    class Still(Reordered):
        def feature_maps(self, x: Tensor) -> Tensor:
            return torch.zeros(len(x), 8, 1, 1)

    check(implement(SmallResNet=Still), rng)
    with pytest.raises(Failure):
        check(implement(SmallResNet=Still, penultimate_features=lambda _net, x: torch.zeros(len(x), 8)), rng)


def test_logits_by_sent_weights(rng: np.random.Generator) -> None:
    """What a process tells of `fc`'s input must explain the logits by the weights that were sent, not by older ones."""
    images = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    subject = make_subject(implement(SmallResNet=Reordered), rng)
    other = make_subject(implement(SmallResNet=Reordered), rng)
    with pytest.raises(Failure, match="not what `fc` makes"):
        replace(subject, weight=other.weight, bias=other.bias).received(images)


@pytest.mark.parametrize("check", [public_layout.check_any_features, public_layout.check_same_seed])
def test_layouts_without_work(check: Callable[..., None]) -> None:
    """Points that have nothing to do with the features pass no check, even if they are the same each time."""
    expect_lazy_fails([check], "embed_2d", lambda features, _seed=0: np.ones((len(features), 2), np.float32))


def strung_on_a_circle(features: Array) -> Array:
    """Points on a circle, each behind the nearest that is not on it yet, as far as from that among the features."""
    apart = np.linalg.norm(features[:, None] - features, axis=2)
    order, steps = [0], [0.0]
    while len(order) < len(features):
        left = np.setdiff1d(np.arange(len(features)), order)
        order.append(int(left[apart[order[-1], left].argmin()]))
        steps.append(float(apart[order[-2], order[-1]]))
    angles = np.empty(len(features))
    angles[order] = 6 * np.cumsum(steps) / sum(steps)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def spectral_embedding(features: Array) -> Array:
    """A layout by the graph of the nearest neighbors."""
    method = SpectralEmbedding(2, affinity="nearest_neighbors", n_neighbors=5, random_state=1)
    points: Array = method.fit_transform(features)
    return points


OTHER_METHODS = {"spectral embedding": spectral_embedding, "circle": strung_on_a_circle}


@pytest.mark.parametrize("method", OTHER_METHODS)
@pytest.mark.filterwarnings("ignore")
def test_other_methods_fail(method: str, rng: np.random.Generator) -> None:
    """A layout that keeps neighbors together, but by another method than t-SNE, fails."""
    who = implement(embed_2d=lambda features, seed=0: OTHER_METHODS[method](features.double().numpy()))
    assert mistake_of(check_layout.check_neighbours_kept, who, rng) == "embedding.another_method"


def test_divergence(rng: np.random.Generator) -> None:
    """The divergence is what scikit-learn's t-SNE minimizes, and does not depend on the layout's scale."""
    features = rng.normal(size=(60, 8))
    fitted = TSNE(2, perplexity=10, method="exact", random_state=0).fit(features)
    found = divergence(features, fitted.embedding_, 10)
    assert 0.95 * fitted.kl_divergence_ < found < 1.01 * fitted.kl_divergence_
    assert divergence(features, 1000 * fitted.embedding_ + 5, 10) == pytest.approx(found, rel=1e-3)
    assert divergence(features, rng.normal(size=(60, 2)), 10) > 2 * found
    assert divergence(features, np.ones((60, 2)), 10) == np.inf


def test_layout_without_seed(rng: np.random.Generator) -> None:
    """t-SNE without a seed gives another layout each time, also where it starts from principal components."""

    def embed(features: Tensor, seed: int = 0) -> Any:
        return TSNE(n_components=2).fit_transform(features.numpy())

    with pytest.raises(Failure, match="give different layouts"):
        public_layout.check_same_seed(implement(embed_2d=embed), rng)


def test_odd_layouts_fail() -> None:
    """Whatever embed_2d returns, the student hears a sentence."""
    checks = (check_layout.check_neighbours_kept, public_layout.check_any_features, public_layout.check_same_seed)
    expect_odd_fails(checks, "embed_2d")


NEIGHBOUR_CHECKS = (
    check_neighbours.check_nearest,
    check_neighbours.check_ten_unless_told,
    check_neighbours.check_sizes,
    check_neighbours.check_found_again,
    check_neighbours.check_large_bank,
)


def test_odd_neighbours_fail() -> None:
    """Whatever nearest_neighbours returns, the student hears a sentence."""
    expect_odd_fails(NEIGHBOUR_CHECKS, "nearest_neighbours")


@pytest.mark.parametrize("check", NEIGHBOUR_CHECKS)
def test_neighbours_without_work(check: Callable[..., None]) -> None:
    """Indices that are empty, constant or random pass no check, nor do those of another day."""
    right = solved("nearest_neighbours")
    expect_lazy_fails([check], "nearest_neighbours", right)
    expect_replay_fails(lambda who, seed: check(who, np.random.default_rng(seed)), "nearest_neighbours", right)


@pytest.mark.parametrize("network", [Reordered, WrongFeatures, WithDropout, Raises, lambda: 1 / 0, lambda: None])
def test_any_network(rng: np.random.Generator, network: Any) -> None:
    """Right features earn their points with any network of the student's, and with a broken one, which costs task 1."""
    for check in FEATURE_CHECKS:
        check(implement(SmallResNet=network), rng)


def test_subject(rng: np.random.Generator) -> None:
    """What `fc` receives is known of the student's own network; one that does not work is exchanged for ours."""
    images = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    for network, classes, wide in ((Reordered, 10, 8), (Reordered, 4, 8), (WrongFeatures, 10, 20), (Raises, 4, 20)):
        subject = make_subject(implement(SmallResNet=network), rng, classes)
        received = subject.received(images)
        assert received.shape == (4, wide)
        assert same(subject.net.features(images), received)
        assert np.shape(subject.net(images)) == (4, classes)
        assert not same(subject.received_in_training(images), received)
        assert np.abs(subject.logits_of(received) - subject.net(images)).max() < 1e-3
        assert same(subject.received(images), received)


@pytest.mark.parametrize(
    ("name", "describe"),
    [
        ("gives_logits", lambda net, x: net(x)),
        ("gives_maps", lambda net, x: net.feature_maps(x).flatten(1)),
        ("gives_maps", lambda net, x: net.feature_maps(x)),
        (None, lambda net, x: net.features(x) + 1),
    ],
)
def test_features_named(rng: np.random.Generator, name: str | None, describe: Callable[..., Tensor]) -> None:
    """A known mistake is named whatever the student's network is."""
    who = implement(SmallResNet=Reordered, penultimate_features=lambda net, x: describe(net.eval(), x))
    mistake = mistake_of(check_embedding.check_what_fc_receives, who, rng)
    assert mistake == (f"embedding.{name}" if name else None)


def test_components_named(rng: np.random.Generator) -> None:
    """A principal component analysis is recognised even if its axes are turned, mirrored and scaled."""
    turn = np.array([[0.6, 0.8], [0.8, -0.6]])

    def components(features: Tensor, seed: int = 0) -> Array:
        left, sizes, _ = torch.linalg.svd(features - features.mean(0), full_matrices=False)
        points: Array = (left * sizes)[:, :2].numpy() @ turn * 7
        return points

    who = implement(embed_2d=components)
    assert mistake_of(check_layout.check_neighbours_kept, who, rng) == "embedding.principal_components"
    still = implement(embed_2d=lambda features, seed=0: np.zeros((len(features), 2)))
    assert mistake_of(check_layout.check_neighbours_kept, still, rng) is None


# --- 4.4 --------------------------------------------------------------------------------------------------------------


def test_expect_nearest() -> None:
    """Ties come in any order; another order, another neighbour, a repeated and an impossible index fail."""
    bank = np.array([[0.0], [1.0], [-1.0], [3.0], [1.0]], np.float32)
    queries = np.zeros((1, 1), np.float32)
    for right in ([0, 1, 2], [0, 2, 4], [[0, 4, 1]], np.array([0, 1, 4], np.int32), np.array([[0.0, 2.0, 1.0]])):
        rows = expect_nearest(np.asarray(right), queries, bank, 3)
        assert (rows.shape, str(rows.dtype)) == ((1, 3), "int64")
    for wrong in ([1, 0, 2], [0, 1, 3], [0, 1, 1], [0, 1, 5], [0, 1, -1], [0, 1], [0.0, 1.5, 2.0], [0, 1, np.nan]):
        with pytest.raises(Failure):
            expect_nearest(np.asarray(wrong), queries, bank, 3)


def test_rounding_is_no_mistake(rng: np.random.Generator) -> None:
    """Far from zero, the honest rounding of |a|^2 - 2ab + b^2 in float32 is no mistake."""
    bank, queries = ((rng.normal(size=(count, 64)) + 30).astype(np.float32) for count in (3000, 20))
    squared = (queries**2).sum(1)[:, None] - 2 * queries @ bank.T + (bank**2).sum(1)
    expect_nearest(np.argsort(squared, axis=1)[:, :10], queries, bank, 10)


def test_shares() -> None:
    """The share counts neighbours of the query's class, and the nearest are found in chunks as well."""
    bank_labels, labels = np.arange(600) % 3, np.arange(1200) % 2
    bank, queries = (np.arange(count, dtype=np.float32)[:, None] for count in (600, 1200))
    rows = nearest(queries, bank, 1)
    assert rows[:, 0].tolist() == [min(i, 599) for i in range(1200)]
    expected = np.mean([bank_labels[min(i, 599)] == labels[i] for i in range(1200)])
    assert share_of_class(rows, labels, bank_labels) == pytest.approx(expected)
