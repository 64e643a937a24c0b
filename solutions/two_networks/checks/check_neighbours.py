"""Checks of `neighbours.py`: task 4.4, and the table for 4.5."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from numpy.random import Generator

from grader.author import Array, CheckStopped, Handle, Implementation, LayOut, Reference, check, numbers
from solutions.two_networks.checks.networks import NETWORKS, features_of, reference_features
from solutions.two_networks.checks.pictures import Pictures, first
from solutions.two_networks.checks.retrieval import (
    K,
    expect_nearest,
    nearest,
    pixel_neighbours,
    reference_neighbours,
    share_of_class,
)
from solutions.two_networks.checks.shown import shown_networks

CLASSES = (0, 1, 3, 7, 8)  # of CIFAR-10, whose first test images are shown: airplane, automobile, cat, horse, ship
# Test images whose neighbors are counted. Measured with both reference networks and the pixels: of 2,000 random
# choices, 95% have a share of the same class within 1.2 points of that of all 10,000.
QUERIES = 2_000
CALLS, AT_ONCE = 2, 100  # test images whose neighbours a student's function is asked for; all differences fit at once


@check("4.4", weight=2)
def check_nearest(student: Implementation, rng: Generator) -> None:
    """The k nearest features of the bank come first to last, by Euclidean distance."""
    for count, size, dims, most in ((6, 50, 8, 5), (20, 300, 64, 12)):
        k = int(rng.integers(most - 2, most + 3))
        # Of very different lengths, so that angles and dot products give other neighbours.
        bank = _features(rng, size, dims) * rng.uniform(0.2, 3, size=(size, 1)).astype(np.float32)
        queries = _features(rng, count, dims) * rng.uniform(0.2, 3, size=(count, 1)).astype(np.float32)
        expect_nearest(_ask(student, queries, bank, k), queries, bank, k)


@check("4.4")
def check_ten_unless_told(student: Implementation, rng: Generator) -> None:
    """Without k there are ten neighbors."""
    queries, bank = _features(rng, 4, 6), _features(rng, 40, 6)
    answer = numbers(student.neighbours.nearest_neighbours(torch.from_numpy(queries), torch.from_numpy(bank)))
    expect_nearest(answer, queries, bank, 10)


@check("4.4")
def check_sizes(student: Implementation, rng: Generator) -> None:
    """One query, one neighbor, one dimension and a bank of exactly k features work as well."""
    for count, size, dims, k in ((1, 30, 5, 4), (7, 30, 5, 1), (1, 12, 3, 1), (3, 10, 4, 10), (4, 25, 1, 3)):
        queries, bank = _features(rng, count, dims), _features(rng, size, dims)
        expect_nearest(_ask(student, queries, bank, k), queries, bank, k)


@check("4.4")
def check_found_again(student: Implementation, rng: Generator) -> None:
    """A query that is in the bank finds itself first; of equal ones, any."""
    bank = _features(rng, 60, 16)
    rows = rng.choice(len(bank), 7, replace=False)
    bank[rows[:3]] = bank[rows[3]]
    queries = bank[rows[3:]]
    expect_nearest(_ask(student, queries, bank, 6), queries, bank, 6)


@check("4.4")
def check_large_bank(student: Implementation, rng: Generator) -> None:
    """In a bank of 10,000 features, far from zero, the right ones are found."""
    bank, queries = (_features(rng, count, 16) * 2 + 5 for count in (10_000, 200))
    expect_nearest(_ask(student, queries, bank, 10), queries, bank, 10)


def _features(rng: Generator, count: int, dims: int) -> Array:
    return rng.normal(size=(count, dims)).astype(np.float32)


def _ask(student: Implementation, queries: Array, bank: Array, k: int) -> Array:
    return numbers(student.neighbours.nearest_neighbours(torch.from_numpy(queries), torch.from_numpy(bank), k))


@check("4.4", weight=0.5, diagnosed=False)
def check_neighbours_drawn(
    student: Implementation,
    oracle: Implementation,
    reference: Reference,
    pictures: Pictures,
    measured: dict[str, float],
    rng: Generator,
    exhibit: LayOut,
) -> None:
    """Of test images, the neighbors by a trained network's features are the reference's."""
    shown = student.twin()  # of what is only shown, no record is kept: it earns nothing
    own, problem = shown_networks(shown, pictures)
    # No more than the bank has: few where many implementations are tried.
    pictures = replace(pictures, test=first(pictures.test, min(QUERIES, len(pictures.bank.labels))))
    labels, bank_labels = pictures.test.labels.numpy(), pictures.bank.labels.numpy()
    asked = np.array([int(np.flatnonzero(labels == label)[0]) for label in CLASSES if (labels == label).any()])
    shares: dict[str, float | None] = {}
    for network in (*NETWORKS, "pixels"):
        if network == "pixels":
            rows = pixel_neighbours(pictures)
        else:
            rows = reference_neighbours(oracle, reference, pictures, network)
        shares[f"reference_{network}"] = share_of_class(rows, labels, bank_labels)
        found = {"reference": rows[asked]}
        if network in own:
            try:
                found["student"], share = _own_neighbours(shown, own[network], pictures, asked)
                shares[f"student_{network}"] = measured[f"{network}_share"] = share
            except CheckStopped as stopped:
                problem = problem or f"Neighbors by your {network} network can't be shown. {stopped.message}"
        _lay_out(exhibit, network, pictures, asked, found, shares, problem)
    exhibit("comparison", "comparison", *_comparison(reference, pictures, measured, shares), task="4.5")
    for network in NETWORKS:  # only now: the pictures stand in the report, right or wrong
        test, bank = reference_features(oracle, reference, pictures, network)
        bank = rng.permutation(bank)  # so that nobody knows the answers from another day
        for queries in np.array_split(rng.permutation(test)[: CALLS * AT_ONCE], CALLS):
            expect_nearest(_ask(student, queries, bank, K), queries, bank, K)


def _own_neighbours(student: Implementation, net: Handle, pictures: Pictures, asked: Array) -> tuple[Array, float]:
    """What the student's function finds for the queries by the own network, (5, K), and the share of same-class ones.

    The share is over `QUERIES` test images, counted by us in the student's features: a slow function costs no time.
    """
    bank = features_of(student, net, pictures.bank.images)
    test = features_of(student, net, pictures.test.images)
    rows = expect_nearest(_ask(student, test[asked], bank, K), test[asked], bank, K)
    labels, bank_labels = pictures.test.labels.numpy(), pictures.bank.labels.numpy()
    return rows, share_of_class(nearest(test, bank), labels, bank_labels)


def _lay_out(
    exhibit: LayOut,
    network: str,
    pictures: Pictures,
    asked: Array,
    found: Mapping[str, Array],
    shares: Mapping[str, float | None],
    problem: str,
) -> None:
    arrays = {"queries": _upright(pictures.test.images[asked]), "query_labels": pictures.test.labels[asked].numpy()}
    for owner, rows in found.items():
        images = _upright(pictures.bank.images[rows.reshape(-1)])
        arrays[f"{owner}_images"] = images.reshape(*rows.shape, *images.shape[1:])
        arrays[f"{owner}_labels"] = pictures.bank.labels.numpy()[rows]
    of_pixels = network == "pixels"
    facts = {
        "classes": list(pictures.test.classes),
        "share": {owner: shares[f"{owner}_{network}"] for owner in found},
        "queries": len(pictures.test.labels),
        "bank": len(pictures.bank.labels),
        "problem": "" if of_pixels or "student" in found else problem,
    }
    what = "by the pixels alone, without a network" if of_pixels else f"by the features of the {network} network"
    caption = f"Five test images and their nearest training images, {what}. {pictures.note}".strip()
    exhibit("neighbours", network, caption, arrays, facts)


def _comparison(
    reference: Reference, pictures: Pictures, measured: Mapping[str, float], shares: Mapping[str, float | None]
) -> tuple[str, dict[str, Array], dict[str, object]]:
    """Caption, no arrays, and facts of the table that puts the two networks beside each other."""
    accuracy = {
        network: reference.metrics[pictures.reference_model(network)].get("test_accuracy") for network in NETWORKS
    }
    rows = [
        _row("accuracy on the test images", 0.1)
        | {
            "student_supervised": measured.get("supervised_accuracy"),
            "reference_supervised": accuracy["supervised"],
        },
        _row("accuracy on the four turns", 0.25)
        | {"student_rotation": measured.get("rotation_accuracy"), "reference_rotation": accuracy["rotation"]},
        _row("same-class neighbours, of 10", 0.1)
        | {name: share for name, share in shares.items() if name != "reference_pixels"}
        | {"pixels": shares["reference_pixels"]},
    ]
    caption = f"The two networks beside each other: yours and the reference's. {pictures.note}".strip()
    return caption, {}, {"rows": rows}


def _row(measure: str, chance: float) -> dict[str, object]:
    empty = {f"{owner}_{network}": None for owner in ("student", "reference") for network in NETWORKS}
    return {"measure": measure, **empty, "chance": chance}


def _upright(images: torch.Tensor) -> Array:
    """Images (N, 3, H, W) with the channels last."""
    return images.permute(0, 2, 3, 1).numpy()
