"""Other right ways of `neighbours.py`: each must earn every point."""

from __future__ import annotations

import heapq

import numpy as np
import torch

from grader.author import accepted


@accepted("neighbours.nearest_neighbours", "by_expanded_squares", "|a|^2 - 2ab + |b|^2, argsort, with gradient")
def by_expanded_squares(queries, bank, k=10):
    queries = queries.requires_grad_()
    squared = (queries**2).sum(1, keepdim=True) - 2 * queries @ bank.T + (bank**2).sum(1)
    return torch.argsort(squared, dim=1)[:, :k]


@accepted("neighbours.nearest_neighbours", "without_query_norm", "|b|^2 - 2ab, which has the same order; int32")
def without_query_norm(queries, bank, k=10):
    scores = 2 * queries @ bank.t() - bank.norm(dim=1) ** 2
    return scores.topk(k).indices.int()


@accepted("neighbours.nearest_neighbours", "by_broadcasting", "all differences at once")
def by_broadcasting(queries, bank, k=10):
    distances = ((queries.unsqueeze(1) - bank.unsqueeze(0)) ** 2).sum(dim=-1).sqrt()
    return torch.topk(-distances, k, dim=-1)[1]


@accepted("neighbours.nearest_neighbours", "query_by_query", "a loop over the queries in numpy; a list of arrays")
def query_by_query(queries, bank, k=10):
    queries, bank = queries.numpy(), bank.numpy()
    return [np.argsort(np.linalg.norm(bank - query, axis=1))[:k] for query in queries]


@accepted("neighbours.nearest_neighbours", "by_partition", "numpy's argpartition, the k of each sorted")
def by_partition(queries, bank, k=10):
    from scipy.spatial.distance import cdist

    distances = cdist(queries.numpy(), bank.numpy(), "sqeuclidean")
    some = np.argpartition(distances, k - 1, axis=1)[:, :k]
    order = np.take_along_axis(distances, some, axis=1).argsort(axis=1)
    return np.take_along_axis(some, order, axis=1)


@accepted("neighbours.nearest_neighbours", "by_sklearn", "scikit-learn's NearestNeighbors")
def by_sklearn(queries, bank, k=10):
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors(n_neighbors=k).fit(bank.numpy()).kneighbors(queries.numpy(), return_distance=False)


@accepted("neighbours.nearest_neighbours", "by_tree", "scipy's k-d tree")
def by_tree(queries, bank, k=10):
    from scipy.spatial import KDTree

    _, found = KDTree(bank.numpy()).query(queries.numpy(), k=list(range(1, k + 1)))
    return torch.from_numpy(np.asarray(found))


@accepted("neighbours.nearest_neighbours", "by_heap", "the smallest by a heap, in Python; lists of ints")
def by_heap(queries, bank, k=10):
    rows = []
    for query in queries:
        distances = (bank - query).norm(dim=1).tolist()
        rows.append(heapq.nsmallest(k, range(len(bank)), key=distances.__getitem__))
    return rows


@accepted("neighbours.nearest_neighbours", "one_after_the_other", "the minimum k times, each then put out of reach")
def one_after_the_other(queries, bank, k=10):
    distances = torch.cdist(queries.double(), bank.double())
    columns = []
    for _ in range(k):
        nearest = distances.argmin(dim=1)
        distances[torch.arange(len(queries)), nearest] = torch.inf
        columns.append(nearest)
    return torch.stack(columns, dim=1)
