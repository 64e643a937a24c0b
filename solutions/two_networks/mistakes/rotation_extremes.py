"""Known mistakes in `rotation.extreme_examples`: task 3.3."""

from __future__ import annotations

import torch

from grader.author import mistake


def _order(losses):
    return torch.argsort(losses, stable=True).tolist()


@mistake(
    "rotation.extreme_examples",
    "highest_in_ascending_order",
    check="check_extreme_indices",
    help="The highest losses come with the very highest last. The most extreme one comes first in both lists.",
)
def highest_in_ascending_order(losses, k):
    order = _order(losses)
    return order[:k], order[-k:]


@mistake(
    "rotation.extreme_examples",
    "lowest_in_descending_order",
    check="check_extreme_indices",
    help="The lowest losses come with the very lowest last. The most extreme one comes first in both lists.",
)
def lowest_in_descending_order(losses, k):
    order = _order(losses)[::-1]
    return order[-k:], order[:k]


@mistake(
    "rotation.extreme_examples",
    "swapped_pair",
    check="check_extreme_indices",
    help="The highest come first and the lowest second. Exchange the two lists.",
)
def swapped_pair(losses, k):
    order = _order(losses)
    return order[::-1][:k], order[:k]


@mistake(
    "rotation.extreme_examples",
    "values_for_indices",
    check="check_extreme_indices",
    help="These are the losses themselves. Return their indices, as argsort or topk(...).indices gives them.",
)
def values_for_indices(losses, k):
    values = losses.sort().values
    return values[:k], values.flip(0)[:k]


@mistake(
    "rotation.extreme_examples",
    "whole_topk",
    check="check_extreme_indices",
    help="There are values and indices together, as `topk` gives them. Return its `.indices`.",
)
def whole_topk(losses, k):
    return losses.topk(k, largest=False), losses.topk(k)


@mistake(
    "rotation.extreme_examples",
    "pairs_for_indices",
    check="check_extreme_indices",
    help="These are pairs of index and loss. Return the indices only.",
)
def pairs_for_indices(losses, k):
    pairs = [(index, float(losses[index])) for index in _order(losses)]
    return pairs[:k], pairs[::-1][:k]


@mistake(
    "rotation.extreme_examples",
    "ranks_for_indices",
    check="check_extreme_indices",
    help="These are the ranks of the losses, as argsort of argsort gives them. One argsort gives the indices.",
)
def ranks_for_indices(losses, k):
    ranks = torch.argsort(torch.argsort(losses, stable=True))
    return ranks[:k], ranks.flip(0)[:k]


@mistake(
    "rotation.extreme_examples",
    "indices_of_sorted",
    check="check_extreme_indices",
    help="The indices are 0, 1, 2, ... and the last ones: places in the sorted losses. Sort the indices by their "
    "loss, with argsort.",
)
def indices_of_sorted(losses, k):
    places = list(range(len(losses)))
    return places[:k], places[::-1][:k]


@mistake(
    "rotation.extreme_examples",
    "skips_the_first",
    check="check_extreme_indices",
    help="The most extreme loss is missing from both lists. Slices count from 0: order[:k] and order[::-1][:k].",
)
def skips_the_first(losses, k):
    order = _order(losses)
    return order[1 : k + 1], order[::-1][1 : k + 1]


@mistake(
    "rotation.extreme_examples",
    "skips_the_highest",
    check="check_extreme_indices",
    help="The highest loss is missing. The last element is order[-1]: `order[-2::-1]` and `order[-k-1:-1]` leave it "
    "out.",
)
def skips_the_highest(losses, k):
    order = _order(losses)
    return order[:k], order[-2::-1][:k]


@mistake(
    "rotation.extreme_examples",
    "one_too_few",
    check="check_extreme_indices",
    help="The second list is one too short. The slice `order[:-k:-1]` ends before the k-th from the end, "
    "order[::-1][:k] does not.",
)
def one_too_few(losses, k):
    order = _order(losses)
    return order[:k], order[:-k:-1]


@mistake(
    "rotation.extreme_examples",
    "one_too_many",
    check="check_extreme_indices",
    help="The lists are one too long. k indices are asked for.",
)
def one_too_many(losses, k):
    order = _order(losses)
    return order[: k + 1], order[::-1][: k + 1]


@mistake(
    "rotation.extreme_examples",
    "ignores_k",
    check="check_extreme_indices",
    help="The lists hold five indices where `k` asks for another number. Use `k`.",
)
def ignores_k(losses, k):
    order = _order(losses)
    return order[:5], order[::-1][:5]


@mistake(
    "rotation.extreme_examples",
    "all_of_them",
    check="check_extreme_indices",
    help="These are all indices, sorted. Cut both lists after k.",
)
def all_of_them(losses, k):
    order = _order(losses)
    return order, order[::-1]


@mistake(
    "rotation.extreme_examples",
    "slice_is_empty",
    check="check_extreme_indices",
    help="The second list is empty. A slice such as `order[-1:-k]` runs upward unless it has a step of -1.",
)
def slice_is_empty(losses, k):
    order = _order(losses)
    return order[:k], order[-1:-k]


@mistake(
    "rotation.extreme_examples",
    "one_list",
    check="check_extreme_indices",
    help="There is one list with all indices. Return two: (lowest, highest).",
)
def one_list(losses, k):
    order = _order(losses)
    return order[:k] + order[::-1][:k]


@mistake(
    "rotation.extreme_examples",
    "highest_twice",
    check="check_extreme_indices",
    help="Both lists hold the highest losses. topk finds the lowest with largest=False.",
)
def highest_twice(losses, k):
    return losses.topk(k).indices, losses.topk(k).indices


@mistake(
    "rotation.extreme_examples",
    "finds_by_value",
    check="check_equal_losses",
    help="Where losses are equal, one image is named several times. `index` finds the first of equal values: sort "
    "the indices instead.",
)
def finds_by_value(losses, k):
    values = losses.tolist()
    return [values.index(v) for v in sorted(values)[:k]], [values.index(v) for v in sorted(values)[::-1][:k]]


@mistake(
    "rotation.extreme_examples",
    "keyed_by_value",
    check="check_equal_losses",
    help="Where losses are equal, only one image is named. A dict from loss to index keeps one of them: sort the "
    "indices instead.",
)
def keyed_by_value(losses, k):
    places = {value: index for index, value in enumerate(losses.tolist())}
    return [places[v] for v in sorted(places)[:k]], [places[v] for v in sorted(places)[::-1][:k]]


@mistake(
    "rotation.extreme_examples",
    "crosses_out_losses",
    check="check_losses_kept",
    help="The losses that were found are crossed out in the tensor that was passed in. Work on losses.clone().",
)
def crosses_out_losses(losses, k):
    highest = [int(i) for i in losses.topk(k).indices]
    lowest = []
    for _ in range(k):
        lowest.append(int(losses.argmin()))
        losses[lowest[-1]] = float("inf")
    return lowest, highest


@mistake(
    "rotation.extreme_examples",
    "sorts_in_place",
    check="check_losses_kept",
    help="The losses that were passed in are sorted afterwards. Sort a copy, or use argsort.",
)
def sorts_in_place(losses, k):
    order = _order(losses)
    losses.numpy().sort()
    return order[:k], order[::-1][:k]
