"""Hidden checks of `embedding.py`, the layout in two dimensions: task 4.3.

Which layout is right, nobody can say; a good one keeps near what is near. That is measured by the trustworthiness of
Venna & Kaski, 2001, Neighborhood preservation in nonlinear projection methods: 1 where the neighbours in the plane are
neighbours among the features, about 0.5 where they are any. That it is t-SNE's is told by what t-SNE makes small.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from numpy.random import Generator

from grader.author import (
    Array,
    CheckStopped,
    Implementation,
    LayOut,
    Reference,
    check,
    expect,
    numbers,
    summarise,
)
from solutions.two_networks.checks.computed_once import computed_once
from solutions.two_networks.checks.divergence import divergence
from solutions.two_networks.checks.networks import NETWORKS, features_of, reference_network
from solutions.two_networks.checks.pictures import Pictures
from solutions.two_networks.checks.public_layout import GROUP, grouped_features, lay_out, trustworthiness
from solutions.two_networks.checks.shown import shown_networks

TRUSTED = 0.93  # t-SNE's of any settings is 0.99 here, a principal component analysis' at most 0.85
PERPLEXITY = 30.0  # that the divergence is measured at
# Most of it, in nats. Here, t-SNE with perplexities of 2 to 90, 300 steps or more, Euclidean or cosine distances, has
# 0.16 to 0.23; a spectral embedding 0.41 or more, a locally linear one 0.37, groups strung on a line or a circle 0.43.
MOST_DIVERGED = 0.3
EACH = 10  # test images of a class in the plot
WORSE = 0.15  # how much less trustworthy than the reference's a layout of the plot may be
MODEST = 5  # neighbours that the trustworthiness of the plot looks at


@check("4.3", weight=2, listed_before="check_any_features")
def check_neighbours_kept(student: Implementation, rng: Generator) -> None:
    """What is near among the features is near in the plane, and the rest as far as t-SNE puts it."""
    # As many directions as groups: no plane in the space of the features can keep them apart, t-SNE does.
    for count, dims, spread in ((200, 64, 0.3), (100, 512, 0.5)):
        features = grouped_features(rng, count, dims, spread)
        answer = lay_out(student, features, len(features))
        trust = trustworthiness(features, answer, GROUP - 1)
        expect(
            trust >= TRUSTED,
            f"In the plane, groups of features are mixed: the layout's trustworthiness is {trust:.2f}.",
            expected=f"a trustworthiness of at least {TRUSTED}",
            got=summarise(answer),
            mistake="embedding.principal_components" if _is_linear(features, answer) else None,
        )
        diverged = divergence(features, answer, PERPLEXITY)
        expect(
            diverged <= MOST_DIVERGED,
            "Neighbors stay together, but the layout is far from what t-SNE gives: its Kullback-Leibler divergence "
            f"from the neighborhoods among the features is {diverged:.2f}.",
            expected=f"at most {MOST_DIVERGED}, at a perplexity of {PERPLEXITY:g}; t-SNE has about 0.2",
            got=summarise(answer),
            mistake="embedding.another_method",
        )


@check("4.3", weight=0.5, diagnosed=False)
def check_layouts_drawn(
    student: Implementation,
    oracle: Implementation,
    reference: Reference,
    pictures: Pictures,
    rng: Generator,
    exhibit: LayOut,
) -> None:
    """On test images, the layout keeps near what is near for the trained networks, as the reference's does."""
    shown = student.twin()  # of what is only shown, no record is kept: it earns nothing
    own, problem = shown_networks(shown, pictures)
    rows = _rows_by_class(pictures.test.labels.numpy())
    images, arrays, features = pictures.test.images[rows], {"labels": pictures.test.labels[rows].numpy()}, {}
    for network in NETWORKS:
        features[network] = features_of(oracle, reference_network(oracle, reference, pictures, network), images)
        arrays[f"reference_{network}"] = _reference_layout(oracle, features[network])
        if network in own:
            try:
                described = features_of(shown, own[network], images)
                # scikit-learn's t-SNE dies of points that are all the same.
                expect(bool(np.ptp(described, axis=0).any()), "They are the same for all images.")
                arrays[f"student_{network}"] = lay_out(shown, described, len(rows))
            except CheckStopped as stopped:
                problem = problem or f"Your {network} network's features can't be laid out. {stopped.message}"
    facts = {"classes": list(pictures.test.classes), "problem": problem}
    caption = (
        f"t-SNE of what the last layer of each network receives, for {len(rows)} test images, {EACH} of each class. "
        f"{pictures.note}"
    ).strip()
    exhibit("embedding", "embedding", caption, arrays, facts)
    for network, described in features.items():  # only now: the picture stands in the report, right or wrong
        right = trustworthiness(described, arrays[f"reference_{network}"], MODEST)
        shuffled = rng.permutation(described)  # so that nobody knows the layout from another day
        trust = trustworthiness(shuffled, lay_out(student, shuffled, len(rows)), MODEST)
        expect(
            trust >= right - WORSE,
            f"The layout of the {network} reference network's features has a trustworthiness of {trust:.2f}.",
            expected=f"{right:.2f}, as the reference's, or not much less",
            got=f"{trust:.2f}",
        )


def _reference_layout(oracle: Implementation, features: Array) -> Array:
    key = hashlib.sha256(features.tobytes()).hexdigest()[:16]
    draw = oracle.embedding.embed_2d
    return computed_once("layout", key, lambda: {"points": numbers(draw(torch.from_numpy(features)))})["points"]


def _is_linear(features: Array, layout: Array) -> bool:
    """Whether a layout is a projection of the features onto their two principal components, turned or mirrored."""
    centred = features - features.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred.astype(np.float64), full_matrices=False)
    components = left[:, :2] * sizes[:2]
    shown = layout.astype(np.float64) - layout.mean(axis=0)
    rest = shown - components @ np.linalg.lstsq(components, shown, rcond=None)[0]
    return bool(np.linalg.norm(rest) < 0.05 * np.linalg.norm(shown))


def _rows_by_class(labels: Array) -> Array:
    """Rows of the first images of each class."""
    return np.concatenate([np.flatnonzero(labels == label)[:EACH] for label in np.unique(labels)])
