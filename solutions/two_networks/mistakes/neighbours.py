"""Known mistakes in `neighbours.py`: task 4.4."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from grader.solutions import mistake


@mistake(
    "neighbours.nearest_neighbours",
    "cosine",
    check="check_nearest",
    help="You compare directions (cosine similarity, or features of length 1); the Euclidean distance is asked for.",
)
def cosine(queries, bank, k=10):
    return (F.normalize(queries) @ F.normalize(bank).T).topk(k, dim=1).indices


@mistake(
    "neighbours.nearest_neighbours",
    "dot_product",
    check="check_nearest",
    help="You take the largest dot products, or left |b|^2 out of |a|^2 - 2ab + b^2: long features win. The Euclidean "
    "distance is asked for.",
)
def dot_product(queries, bank, k=10):
    return (queries @ bank.T).topk(k, dim=1).indices


@mistake(
    "neighbours.nearest_neighbours",
    "forgets_factor_two",
    check="check_nearest",
    help="The squared distance is |a|^2 - 2ab + |b|^2; you left out the 2.",
)
def forgets_factor_two(queries, bank, k=10):
    squared = queries.pow(2).sum(1, keepdim=True) - queries @ bank.T + bank.pow(2).sum(1)
    return squared.topk(k, dim=1, largest=False).indices


@mistake(
    "neighbours.nearest_neighbours",
    "manhattan",
    check="check_nearest",
    help="You sum absolute differences (Manhattan distance, p=1); the Euclidean distance is asked for: p=2.",
)
def manhattan(queries, bank, k=10):
    return torch.cdist(queries, bank, p=1).topk(k, dim=1, largest=False).indices


@mistake(
    "neighbours.nearest_neighbours",
    "largest_difference",
    check="check_nearest",
    help="You compare the largest single difference (Chebyshev distance); the Euclidean distance is asked for.",
)
def largest_difference(queries, bank, k=10):
    return torch.cdist(queries, bank, p=float("inf")).topk(k, dim=1, largest=False).indices


@mistake(
    "neighbours.nearest_neighbours",
    "sums_differences",
    check="check_nearest",
    help="You sum the differences without squaring them, so that they cancel out.",
)
def sums_differences(queries, bank, k=10):
    differences = queries.sum(1)[:, None] - bank.sum(1)
    return differences.abs().topk(k, dim=1, largest=False).indices


@mistake(
    "neighbours.nearest_neighbours",
    "farthest",
    check="check_nearest",
    help="You return the farthest: topk takes the largest unless it is told largest=False.",
)
def farthest(queries, bank, k=10):
    return torch.cdist(queries, bank).topk(k, dim=1).indices


@mistake(
    "neighbours.nearest_neighbours",
    "nearest_last",
    check="check_nearest",
    help="You found the right ones, but the nearest comes last: it is to come first.",
)
def nearest_last(queries, bank, k=10):
    return torch.cdist(queries, bank).topk(k, dim=1, largest=False).indices.flip(1)


@mistake(
    "neighbours.nearest_neighbours",
    "sorted_by_index",
    check="check_nearest",
    help="You found the right ones, but they are in the order of the bank: the nearest is to come first.",
)
def sorted_by_index(queries, bank, k=10):
    return torch.cdist(queries, bank).topk(k, dim=1, largest=False).indices.sort(dim=1).values


@mistake(
    "neighbours.nearest_neighbours",
    "leaves_out_first",
    check="check_nearest",
    help="You leave the nearest out, as one does where the queries are in the bank themselves; here they are not.",
)
def leaves_out_first(queries, bank, k=10):
    return torch.cdist(queries, bank).argsort(dim=1)[:, 1 : k + 1]


@mistake(
    "neighbours.nearest_neighbours",
    "counts_from_one",
    check="check_nearest",
    help="Your indices count from 1; bank[0] is the first feature.",
)
def counts_from_one(queries, bank, k=10):
    return torch.cdist(queries, bank).topk(k, dim=1, largest=False).indices + 1


@mistake(
    "neighbours.nearest_neighbours",
    "gives_distances",
    check="check_nearest",
    help="You returned the distances; the indices into the bank are asked for.",
)
def gives_distances(queries, bank, k=10):
    return torch.cdist(queries, bank).topk(k, dim=1, largest=False).values


@mistake(
    "neighbours.nearest_neighbours",
    "gives_both",
    check="check_nearest",
    help="topk returns values and indices; return the indices alone.",
)
def gives_both(queries, bank, k=10):
    return tuple(torch.cdist(queries, bank).topk(k, dim=1, largest=False))


@mistake(
    "neighbours.nearest_neighbours",
    "gives_features",
    check="check_nearest",
    help="You returned the bank's features themselves; their indices are asked for.",
)
def gives_features(queries, bank, k=10):
    return bank[torch.cdist(queries, bank).topk(k, dim=1, largest=False).indices]


@mistake(
    "neighbours.nearest_neighbours",
    "columns_are_queries",
    check="check_nearest",
    help="Your result is (k, Q): a row per query is asked for.",
)
def columns_are_queries(queries, bank, k=10):
    return torch.cdist(queries, bank).topk(k, dim=1, largest=False).indices.T


@mistake(
    "neighbours.nearest_neighbours",
    "searches_queries",
    check="check_nearest",
    help="For each feature of the bank you look for the nearest queries: it is the other way round.",
)
def searches_queries(queries, bank, k=10):
    return torch.cdist(bank, queries).argsort(dim=1)[:, :k]


@mistake(
    "neighbours.nearest_neighbours",
    "first_query_only",
    check="check_nearest",
    help="You return the neighbours of the first query only: a row per query is asked for.",
)
def first_query_only(queries, bank, k=10):
    return torch.cdist(queries[:1], bank).topk(k, dim=1, largest=False).indices


@mistake(
    "neighbours.nearest_neighbours",
    "always_ten",
    check="check_nearest",
    help="You return ten neighbours, whatever k is.",
)
def always_ten(queries, bank, k=10):
    return torch.cdist(queries, bank).topk(10, dim=1, largest=False).indices


@mistake(
    "neighbours.nearest_neighbours",
    "five_unless_told",
    check="check_ten_unless_told",
    help="Without k there are to be ten neighbours: k=10.",
)
def five_unless_told(queries, bank, k=5):
    return torch.cdist(queries, bank).topk(k, dim=1, largest=False).indices


@mistake(
    "neighbours.nearest_neighbours",
    "drops_dimensions",
    check="check_sizes",
    help="squeeze() takes away every dimension of size 1, also that of a single query, or of features of a single "
    "number: leave it out.",
)
def drops_dimensions(queries, bank, k=10):
    queries, bank = queries.squeeze(), bank.squeeze()
    return torch.cdist(queries, bank).topk(k, dim=1, largest=False).indices


@mistake(
    "neighbours.nearest_neighbours",
    "small_integers",
    check="check_large_bank",
    help="Your indices are 8-bit integers, which end at 255: leave them as int64.",
)
def small_integers(queries, bank, k=10):
    return torch.cdist(queries, bank).topk(k, dim=1, largest=False).indices.to(torch.uint8)


@mistake(
    "neighbours.nearest_neighbours",
    "half_precision",
    check="check_large_bank",
    help="In half precision, distances that differ in the fourth digit are equal: compute in float32.",
)
def half_precision(queries, bank, k=10):
    squared = (queries.half()[:, None] - bank.half()).pow(2).sum(-1)
    return squared.topk(k, dim=1, largest=False).indices


@mistake(
    "neighbours.nearest_neighbours",
    "skips_itself",
    check="check_found_again",
    help="You leave out features at distance 0; a query that is in the bank is its own nearest neighbour.",
)
def skips_itself(queries, bank, k=10):
    distances = torch.cdist(queries, bank, compute_mode="donot_use_mm_for_euclid_dist")
    distances[distances == 0] = float("inf")
    return distances.topk(k, dim=1, largest=False).indices
