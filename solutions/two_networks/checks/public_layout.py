"""Public checks of `embedding.py`, the layout in two dimensions: task 4.3.

Which layout is right, nobody can say; a good one keeps near what is near. That is measured by the trustworthiness of
Venna & Kaski, 2001, Neighborhood preservation in nonlinear projection methods: 1 where the neighbours in the plane are
neighbours among the features, about 0.5 where they are any. That it is t-SNE's is told by what t-SNE makes small.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import numpy as np
import torch
from numpy.random import Generator

from grader.author import (
    Array,
    CheckStopped,
    Implementation,
    check,
    expect,
    expect_finite,
    expect_shape,
    make,
    numbers,
    summarise,
)

GROUP = 5  # points that lie together
MEANT = 0.7  # least of what is a layout of these features at all: any points have 0.5, a component analysis 0.8
SAME = 1e-3  # largest difference of two layouts that are the same, relative to their extent


@check("4.3")
def check_any_features(student: Implementation, rng: Generator) -> None:
    """There is a point (x, y) for each of a hundred or more images."""
    for count, dims in ((100, 64), (130, 512)):
        features = grouped_features(rng, count, dims, 0.4)
        _expect_meant(features, lay_out(student, features, count))


@check("4.3")
def check_same_seed(student: Implementation, rng: Generator) -> None:
    """The same seed gives the same layout, and seed 0 is the default."""
    features = grouped_features(rng, 100, 512, 0.4)  # of fewer dimensions, layouts without a seed often come out alike
    draw = student.embedding.embed_2d.with_options(canonical=_form)
    with one_thread(student):
        layouts = [numbers(draw(torch.from_numpy(features), *seed)) for seed in ((0,), ())]
    for layout in layouts:
        expect_shape(layout, (len(features), 2))
        expect_finite(layout, what="coordinates of the layout")
    _expect_meant(features, layouts[0])
    difference = float(np.abs(layouts[0].astype(np.float64) - layouts[1]).max())
    expect(
        difference <= SAME * max(float(np.ptp(layouts[0])), 1e-9),
        "Two calls with the same seed, 0, which is also the default, give different layouts.",
        expected=summarise(layouts[0]),
        got=summarise(layouts[1]),
    )


def _expect_meant(features: Array, layout: Array) -> None:
    """Expect a layout of these features, good or not, rather than any points."""
    trust = trustworthiness(features, layout.reshape(len(features), 2), GROUP - 1)
    expect(
        trust >= MEANT,
        f"Where the points lie has little to do with the features: the layout's trustworthiness is {trust:.2f}.",
        expected=f"a trustworthiness of at least {MEANT}",
        got=summarise(layout),
    )


def lay_out(student: Implementation, features: Array, count: int) -> Array:
    """A student's layout of features, (N, 2), finite.

    Raises:
        Failure: If it is something else.
    """
    with one_thread(student):
        answer = numbers(student.embedding.embed_2d(torch.from_numpy(features)))
    expect_shape(answer, (count, 2))
    with np.errstate(over="ignore"):
        points: Array = answer.astype(np.float32).reshape(count, 2)
    expect_finite(points, what="coordinates of the layout")
    return points


@contextmanager
def one_thread(student: Implementation) -> Iterator[None]:
    """Let the student's process compute with one thread for a while.

    t-SNE takes a thousand short steps, after each of which its threads wait for each other: on a busy machine, a
    hundred times as long as one thread alone takes. And one adds numbers up in the same order each time.
    """
    student.make(make("sklearn.manifold.TSNE"))  # only libraries that are loaded are limited
    limits = student.make(make("threadpoolctl.threadpool_limits", 1))
    try:
        yield
    finally:
        restore = {"op": "call", "target": {"object": limits.id, "name": "restore_original_limits"}}
        with suppress(CheckStopped):  # the process may have died, and the limits with it
            student.ask(restore | {"args": (), "kwargs": {}}, "threadpool_limits", recorded=False)


def trustworthiness(features: Array, layout: Array, neighbours: int) -> float:
    """From 0 to 1: how far the neighbours of each point in the layout are its neighbours among the features."""
    from sklearn.manifold import trustworthiness as measure  # takes a second: only where it is needed

    with np.errstate(over="ignore", invalid="ignore"):
        scaled = layout.astype(np.float64) / max(float(np.abs(layout).max()), 1e-9)
    return float(measure(features, scaled, n_neighbors=neighbours))


def grouped_features(rng: Generator, count: int, dims: int, spread: float) -> Array:
    """Features (N, D) in groups of `GROUP`, all of the same distance from each other, in random order."""
    groups = count // GROUP
    directions, _ = np.linalg.qr(rng.normal(size=(dims, min(groups, dims))))
    centres = directions.T * np.sqrt(dims)
    features = centres[np.arange(count) % groups] + spread * rng.normal(size=(count, dims))
    return rng.permutation(features).astype(np.float32)


def _form(answer: object) -> object:
    """A layout's shape: its numbers are nobody else's, where the seed is not used."""
    return answer.shape if isinstance(answer, np.ndarray) else type(answer).__name__
