"""Known mistakes in `neighbours.py`: task 4.4."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from grader.author import mistake


@mistake(
    "neighbours.nearest_neighbours",
    "cosine",
    check="check_nearest",
    help="These are the nearest by direction (cosine similarity, or features of length 1). The Euclidean distance is "
    "asked for.",
)
def cosine(queries, bank, k=10):
    return (F.normalize(queries) @ F.normalize(bank).T).topk(k, dim=1).indices


@mistake(
    "neighbours.nearest_neighbours",
    "dot_product",
    check="check_nearest",
    help="These have the largest dot products, as when |b|^2 is left out of |a|^2 - 2ab + |b|^2: long features win. "
    "The Euclidean distance is asked for.",
)
def dot_product(queries, bank, k=10):
    return (queries @ bank.T).topk(k, dim=1).indices


@mistake(
    "neighbours.nearest_neighbours",
    "forgets_factor_two",
    check="check_nearest",
    help="The 2 is missing: the squared distance is |a|^2 - 2ab + |b|^2.",
)
def forgets_factor_two(queries, bank, k=10):
    squared = queries.pow(2).sum(1, keepdim=True) - queries @ bank.T + bank.pow(2).sum(1)
    return squared.topk(k, dim=1, largest=False).indices


@mistake(
    "neighbours.nearest_neighbours",
    "manhattan",
    check="check_nearest",
    help="These are the nearest by absolute differences (Manhattan distance, p=1). The Euclidean distance is asked "
    "for: p=2.",
)
def manhattan(queries, bank, k=10):
    return torch.cdist(queries, bank, p=1).topk(k, dim=1, largest=False).indices


@mistake(
    "neighbours.nearest_neighbours",
    "largest_difference",
    check="check_nearest",
    help="These are the nearest by the largest single difference (Chebyshev distance). The Euclidean distance is "
    "asked for.",
)
def largest_difference(queries, bank, k=10):
    return torch.cdist(queries, bank, p=float("inf")).topk(k, dim=1, largest=False).indices


@mistake(
    "neighbours.nearest_neighbours",
    "sums_differences",
    check="check_nearest",
    help="The differences are summed without squares, so they cancel out. Square them first.",
)
def sums_differences(queries, bank, k=10):
    differences = queries.sum(1)[:, None] - bank.sum(1)
    return differences.abs().topk(k, dim=1, largest=False).indices


@mistake(
    "neighbours.nearest_neighbours",
    "farthest",
    check="check_nearest",
    help="These are the farthest. topk takes the largest unless largest=False.",
)
def farthest(queries, bank, k=10):
    return torch.cdist(queries, bank).topk(k, dim=1).indices


@mistake(
    "neighbours.nearest_neighbours",
    "nearest_last",
    check="check_nearest",
    help="These are the right ones, but the nearest comes last. It must come first.",
)
def nearest_last(queries, bank, k=10):
    return torch.cdist(queries, bank).topk(k, dim=1, largest=False).indices.flip(1)


@mistake(
    "neighbours.nearest_neighbours",
    "sorted_by_index",
    check="check_nearest",
    help="These are the right ones, but in the order of the bank. The nearest must come first.",
)
def sorted_by_index(queries, bank, k=10):
    return torch.cdist(queries, bank).topk(k, dim=1, largest=False).indices.sort(dim=1).values


@mistake(
    "neighbours.nearest_neighbours",
    "leaves_out_first",
    check="check_nearest",
    help="The nearest is left out, as if it were the query itself. Keep it.",
)
def leaves_out_first(queries, bank, k=10):
    return torch.cdist(queries, bank).argsort(dim=1)[:, 1 : k + 1]


@mistake(
    "neighbours.nearest_neighbours",
    "counts_from_one",
    check="check_nearest",
    help="Every index is one too high. bank[0] is the first feature.",
)
def counts_from_one(queries, bank, k=10):
    return torch.cdist(queries, bank).topk(k, dim=1, largest=False).indices + 1


@mistake(
    "neighbours.nearest_neighbours",
    "gives_distances",
    check="check_nearest",
    help="These are the distances. The indices into the bank are asked for.",
)
def gives_distances(queries, bank, k=10):
    return torch.cdist(queries, bank).topk(k, dim=1, largest=False).values


@mistake(
    "neighbours.nearest_neighbours",
    "gives_both",
    check="check_nearest",
    help="There are values and indices, as topk gives them. Return the indices alone.",
)
def gives_both(queries, bank, k=10):
    return tuple(torch.cdist(queries, bank).topk(k, dim=1, largest=False))


@mistake(
    "neighbours.nearest_neighbours",
    "gives_features",
    check="check_nearest",
    help="These are the features of the bank. Their indices are asked for.",
)
def gives_features(queries, bank, k=10):
    return bank[torch.cdist(queries, bank).topk(k, dim=1, largest=False).indices]


@mistake(
    "neighbours.nearest_neighbours",
    "columns_are_queries",
    check="check_nearest",
    help="The result is (k, Q). A row per query is asked for.",
)
def columns_are_queries(queries, bank, k=10):
    return torch.cdist(queries, bank).topk(k, dim=1, largest=False).indices.T


@mistake(
    "neighbours.nearest_neighbours",
    "searches_queries",
    check="check_nearest",
    help="These are the nearest queries of each feature of the bank. It should be the other way around.",
)
def searches_queries(queries, bank, k=10):
    return torch.cdist(bank, queries).argsort(dim=1)[:, :k]


@mistake(
    "neighbours.nearest_neighbours",
    "first_query_only",
    check="check_nearest",
    help="These are the neighbors of the first query only. A row per query is asked for.",
)
def first_query_only(queries, bank, k=10):
    return torch.cdist(queries[:1], bank).topk(k, dim=1, largest=False).indices


@mistake(
    "neighbours.nearest_neighbours",
    "always_ten",
    check="check_nearest",
    help="There are ten neighbors where k asks for another number. Use k.",
)
def always_ten(queries, bank, k=10):
    return torch.cdist(queries, bank).topk(10, dim=1, largest=False).indices


@mistake(
    "neighbours.nearest_neighbours",
    "five_unless_told",
    check="check_ten_unless_told",
    help="Without k there are five neighbors. The default is k=10.",
)
def five_unless_told(queries, bank, k=5):
    return torch.cdist(queries, bank).topk(k, dim=1, largest=False).indices


@mistake(
    "neighbours.nearest_neighbours",
    "drops_dimensions",
    check="check_sizes",
    help="Is squeeze() called? It takes away every dimension of size 1, also that of a single query or a single "
    "number: leave it out.",
)
def drops_dimensions(queries, bank, k=10):
    queries, bank = queries.squeeze(), bank.squeeze()
    return torch.cdist(queries, bank).topk(k, dim=1, largest=False).indices


@mistake(
    "neighbours.nearest_neighbours",
    "small_integers",
    check="check_large_bank",
    help="The indices wrap around at 256, as 8-bit integers do. Leave them as int64.",
)
def small_integers(queries, bank, k=10):
    return torch.cdist(queries, bank).topk(k, dim=1, largest=False).indices.to(torch.uint8)


@mistake(
    "neighbours.nearest_neighbours",
    "half_precision",
    check="check_large_bank",
    help="These are the nearest in half precision, where distances that differ in the fourth digit are equal. "
    "Compute in float32.",
)
def half_precision(queries, bank, k=10):
    squared = (queries.half()[:, None] - bank.half()).pow(2).sum(-1)
    return squared.topk(k, dim=1, largest=False).indices


@mistake(
    "neighbours.nearest_neighbours",
    "skips_itself",
    check="check_found_again",
    help="Features at distance 0 are left out. A query that is in the bank is its own nearest neighbor.",
)
def skips_itself(queries, bank, k=10):
    distances = torch.cdist(queries, bank, compute_mode="donot_use_mm_for_euclid_dist")
    distances[distances == 0] = float("inf")
    return distances.topk(k, dim=1, largest=False).indices
