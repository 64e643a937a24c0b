"""Nearest neighbours that we trust: by which a student's are judged, and the shares of same-class ones counted."""

from __future__ import annotations

import numpy as np
import torch

from grader.author import Array, Failure, Implementation, Reference, expect, expect_shape, summarise
from grader.vision.datasets.cifar import normalise_cifar
from solutions.two_networks.checks.computed_once import computed_once, key_of
from solutions.two_networks.checks.networks import reference_features
from solutions.two_networks.checks.pictures import Pictures

K = 10  # neighbours that are shown and counted
CHUNK = 500  # queries at a time
ROUNDING = 1e-5  # of the features' squared length: how far float32 may be off in |a|^2 - 2ab + b^2


def nearest(queries: Array, bank: Array, k: int = K) -> Array:
    """Indices into a bank (M, D) of the k nearest of each query (Q, D), (Q, k), the nearest first."""
    keys = torch.from_numpy(bank)
    parts = [torch.from_numpy(queries[start : start + CHUNK]) for start in range(0, len(queries), CHUNK)]
    return torch.cat([torch.cdist(part, keys).topk(k, dim=1, largest=False).indices for part in parts]).numpy()


def share_of_class(neighbours: Array, labels: Array, bank_labels: Array) -> float:
    """The share of neighbours (Q, k) that are of their query's class."""
    return float((bank_labels[neighbours] == labels[:, None]).mean())


def reference_neighbours(oracle: Implementation, reference: Reference, pictures: Pictures, network: str) -> Array:
    """Each test image's neighbours in the bank for a reference network, (N, K); computed once a machine."""
    key = key_of(pictures, reference, network)
    found = computed_once(
        f"{network}-neighbours",
        key,
        lambda: {"rows": nearest(*reference_features(oracle, reference, pictures, network))},
    )
    return found["rows"]


def pixel_neighbours(pictures: Pictures) -> Array:
    """Each test image's neighbours in the bank by the distance of their normalised pixels, (N, K); once a machine."""

    def compute() -> dict[str, Array]:
        test, bank = (normalise_cifar(split.images).flatten(1).numpy() for split in (pictures.test, pictures.bank))
        return {"rows": nearest(test, bank)}

    return computed_once("pixels-neighbours", key_of(pictures), compute)["rows"]


def expect_nearest(answer: Array, queries: Array, bank: Array, k: int) -> Array:
    """Expect indices (Q, k) into a bank (M, D) of the nearest of queries (Q, D), nearest first, ties in any order.

    Returns:
        The indices, (Q, k), int64.

    Raises:
        Failure: If they are none, or others are nearer by more than float32 rounds.
    """
    rows = _as_indices(answer, len(queries), len(bank), k)
    one, all_of_them = torch.from_numpy(queries).double(), torch.from_numpy(bank).double()
    distances = torch.cdist(one, all_of_them)  # (Q, M)
    right = distances.topk(k, dim=1, largest=False).values.numpy()
    chosen = distances.gather(1, torch.from_numpy(rows)).numpy()
    slack = ROUNDING * float(one.square().sum(dim=1).max() + all_of_them.square().sum(dim=1).max())
    wrong = np.argwhere(np.abs(chosen**2 - right**2) > slack)
    if len(wrong):
        query, place = (int(number) for number in wrong[0])
        raise Failure(
            f"For query {query} another feature comes next at place {place} (both counted from 0).",
            expected=f"indices of bank features at the distances {_listed(right[query])}",
            got=f"{rows[query][:6].tolist()}, at the distances {_listed(chosen[query])}",
        )
    return rows


def _as_indices(answer: Array, queries: int, bank: int, k: int) -> Array:
    expect_shape(answer, (queries, k))
    table = answer.reshape(queries, k)
    expect(
        bool(np.isfinite(table).all()) and bool((table == np.round(table)).all()),
        "The result must hold indices, whole numbers.",
        expected=f"indices from 0 to {bank - 1}",
        got=summarise(answer),
    )
    expect(
        bool(((table >= 0) & (table < bank)).all()),
        "There are indices that lie outside the bank.",
        expected=f"indices from 0 to {bank - 1}",
        got=summarise(answer),
    )
    rows: Array = table.astype(np.int64)
    expect(
        all(len(set(row)) == k for row in rows.tolist()),
        "The same bank feature is named twice for one query.",
        expected=f"{k} different indices per query",
        got=summarise(answer),
    )
    return rows


def _listed(distances: Array) -> str:
    return ", ".join(f"{distance:.4g}" for distance in distances[:6]) + (", ..." if len(distances) > 6 else "")
