"""Known mistakes in `rotation.extreme_examples`: task 3.3."""

from __future__ import annotations

import torch

from grader.solutions import mistake


def _order(losses):
    return torch.argsort(losses, stable=True).tolist()


@mistake(
    "rotation.extreme_examples",
    "highest_in_ascending_order",
    check="check_extreme_indices",
    help="Your highest losses come with the very highest last: the most extreme one comes first in both lists.",
)
def highest_in_ascending_order(losses, k):
    order = _order(losses)
    return order[:k], order[-k:]


@mistake(
    "rotation.extreme_examples",
    "lowest_in_descending_order",
    check="check_extreme_indices",
    help="Your lowest losses come with the very lowest last: the most extreme one comes first in both lists.",
)
def lowest_in_descending_order(losses, k):
    order = _order(losses)[::-1]
    return order[-k:], order[:k]


@mistake(
    "rotation.extreme_examples",
    "swapped_pair",
    check="check_extreme_indices",
    help="You return the highest first and the lowest second: exchange the two lists.",
)
def swapped_pair(losses, k):
    order = _order(losses)
    return order[::-1][:k], order[:k]


@mistake(
    "rotation.extreme_examples",
    "values_for_indices",
    check="check_extreme_indices",
    help="You return the losses themselves: return their indices, as argsort or topk(...).indices gives them.",
)
def values_for_indices(losses, k):
    values = losses.sort().values
    return values[:k], values.flip(0)[:k]


@mistake(
    "rotation.extreme_examples",
    "whole_topk",
    check="check_extreme_indices",
    help="`topk` gives values and indices together: return its `.indices`.",
)
def whole_topk(losses, k):
    return losses.topk(k, largest=False), losses.topk(k)


@mistake(
    "rotation.extreme_examples",
    "pairs_for_indices",
    check="check_extreme_indices",
    help="You return pairs of index and loss: return the indices only.",
)
def pairs_for_indices(losses, k):
    pairs = [(index, float(losses[index])) for index in _order(losses)]
    return pairs[:k], pairs[::-1][:k]


@mistake(
    "rotation.extreme_examples",
    "ranks_for_indices",
    check="check_extreme_indices",
    help="You return the places that losses have in the order (argsort of argsort): one argsort gives the indices.",
)
def ranks_for_indices(losses, k):
    ranks = torch.argsort(torch.argsort(losses, stable=True))
    return ranks[:k], ranks.flip(0)[:k]


@mistake(
    "rotation.extreme_examples",
    "indices_of_sorted",
    check="check_extreme_indices",
    help="You count in the sorted losses, so the indices are 0, 1, 2, ...: sort indices by their loss, with argsort.",
)
def indices_of_sorted(losses, k):
    places = list(range(len(losses)))
    return places[:k], places[::-1][:k]


@mistake(
    "rotation.extreme_examples",
    "skips_the_first",
    check="check_extreme_indices",
    help="You leave out the most extreme loss of all: slices count from 0, order[:k] and order[::-1][:k].",
)
def skips_the_first(losses, k):
    order = _order(losses)
    return order[1 : k + 1], order[::-1][1 : k + 1]


@mistake(
    "rotation.extreme_examples",
    "skips_the_highest",
    check="check_extreme_indices",
    help="You leave out the highest loss: the last element is order[-1], and `order[-2::-1]` or `order[-k-1:-1]` end "
    "before it.",
)
def skips_the_highest(losses, k):
    order = _order(losses)
    return order[:k], order[-2::-1][:k]


@mistake(
    "rotation.extreme_examples",
    "one_too_few",
    check="check_extreme_indices",
    help="Your second list is one too short: the slice `order[:-k:-1]` ends before the k-th from the end, "
    "order[::-1][:k] does not.",
)
def one_too_few(losses, k):
    order = _order(losses)
    return order[:k], order[:-k:-1]


@mistake(
    "rotation.extreme_examples",
    "one_too_many",
    check="check_extreme_indices",
    help="Your lists are one too long: k indices are asked for.",
)
def one_too_many(losses, k):
    order = _order(losses)
    return order[: k + 1], order[::-1][: k + 1]


@mistake(
    "rotation.extreme_examples",
    "ignores_k",
    check="check_extreme_indices",
    help="Your lists are of the same length whatever `k` says: use it.",
)
def ignores_k(losses, k):
    order = _order(losses)
    return order[:5], order[::-1][:5]


@mistake(
    "rotation.extreme_examples",
    "all_of_them",
    check="check_extreme_indices",
    help="You return all indices, sorted: cut both lists after k.",
)
def all_of_them(losses, k):
    order = _order(losses)
    return order, order[::-1]


@mistake(
    "rotation.extreme_examples",
    "slice_is_empty",
    check="check_extreme_indices",
    help="Your second list is empty: a slice such as `order[-1:-k]` runs upwards unless it has a step of -1.",
)
def slice_is_empty(losses, k):
    order = _order(losses)
    return order[:k], order[-1:-k]


@mistake(
    "rotation.extreme_examples",
    "one_list",
    check="check_extreme_indices",
    help="You return one list with all indices: return two, (lowest, highest).",
)
def one_list(losses, k):
    order = _order(losses)
    return order[:k] + order[::-1][:k]


@mistake(
    "rotation.extreme_examples",
    "highest_twice",
    check="check_extreme_indices",
    help="Both of your lists hold the highest losses: topk finds the lowest with largest=False.",
)
def highest_twice(losses, k):
    return losses.topk(k).indices, losses.topk(k).indices


@mistake(
    "rotation.extreme_examples",
    "finds_by_value",
    check="check_equal_losses",
    help="Where losses are equal you name the first of them several times: `index` finds a value, so sort the indices "
    "instead.",
)
def finds_by_value(losses, k):
    values = losses.tolist()
    return [values.index(v) for v in sorted(values)[:k]], [values.index(v) for v in sorted(values)[::-1][:k]]


@mistake(
    "rotation.extreme_examples",
    "keyed_by_value",
    check="check_equal_losses",
    help="Where losses are equal you lose images: a dict from loss to index keeps one of them only.",
)
def keyed_by_value(losses, k):
    places = {value: index for index, value in enumerate(losses.tolist())}
    return [places[v] for v in sorted(places)[:k]], [places[v] for v in sorted(places)[::-1][:k]]


@mistake(
    "rotation.extreme_examples",
    "crosses_out_losses",
    check="check_losses_kept",
    help="You cross the losses out that you have found, in the tensor that was passed in: work on losses.clone().",
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
    help="You sort the losses that were passed in, in place: sort a copy, or take argsort.",
)
def sorts_in_place(losses, k):
    order = _order(losses)
    losses.numpy().sort()
    return order[:k], order[::-1][:k]
