"""Known mistakes in `fashion.get_prediction` and `fashion.evaluate`: task 4b."""

from __future__ import annotations

import torch

from grader.solutions import mistake


def _logits(image, net):
    net.eval()
    with torch.no_grad():
        return net(image)


@mistake(
    "fashion.get_prediction",
    "over_the_batch",
    check="check_prediction",
    help="You took the argmax over dimension 0, the batch: for each image take it over dimension 1, the classes.",
)
def over_the_batch(image, net):
    return _logits(image, net).argmax(dim=0)


@mistake(
    "fashion.get_prediction",
    "over_everything",
    check="check_prediction",
    help="argmax without `dim` gives one index into the flattened logits of the whole batch: use dim=1.",
)
def over_everything(image, net):
    return _logits(image, net).argmax()


@mistake(
    "fashion.get_prediction",
    "returns_values",
    check="check_prediction",
    help="You return the largest logit itself; the class is its index: torch.max(logits, 1) gives (values, indices).",
)
def returns_values(image, net):
    return _logits(image, net).max(dim=1)[0]


@mistake(
    "fashion.get_prediction",
    "returns_logits",
    check="check_prediction",
    help="You return all logits of each image; the class is the index of the largest: argmax over dimension 1.",
)
def returns_logits(image, net):
    return _logits(image, net)


@mistake(
    "fashion.get_prediction",
    "counts_from_one",
    check="check_prediction",
    help="Your classes count from 1; they count from 0.",
)
def counts_from_one(image, net):
    return _logits(image, net).argmax(dim=1) + 1


@mistake(
    "fashion.get_prediction",
    "returns_floats",
    check="check_prediction_type",
    help="The classes are right but floating point, which can't be used as indices: leave out the .float().",
)
def returns_floats(image, net):
    return _logits(image, net).argmax(dim=1).float()


def _right(dataloader, net):
    """(right answers, images) per batch, in evaluation mode."""
    net.eval()
    with torch.no_grad():
        return [(int((net(images).argmax(dim=1) == labels).sum()), len(labels)) for images, labels in dataloader]


@mistake(
    "fashion.evaluate",
    "in_percent",
    check="check_accuracy",
    help="You return percent; the task asks for a fraction from 0 to 1.",
)
def in_percent(dataloader, net):
    batches = _right(dataloader, net)
    return 100 * sum(right for right, _ in batches) / sum(n for _, n in batches)


@mistake(
    "fashion.evaluate",
    "is_count",
    check="check_accuracy",
    help="You return how many images were right; divide by the number of images.",
)
def is_count(dataloader, net):
    return sum(right for right, _ in _right(dataloader, net))


@mistake(
    "fashion.evaluate",
    "averages_batches",
    check="check_accuracy",
    help="You average the accuracies of the batches, which counts the images of the smaller last batch too much: "
    "sum right answers and images over all batches, then divide.",
)
def averages_batches(dataloader, net):
    batches = _right(dataloader, net)
    return sum(right / n for right, n in batches) / len(batches)


@mistake(
    "fashion.evaluate",
    "last_batch_only",
    check="check_accuracy",
    help="You return the accuracy of the last batch only: start the counts before the loop, not inside it.",
)
def last_batch_only(dataloader, net):
    right, images = _right(dataloader, net)[-1]
    return right / images


@mistake(
    "fashion.evaluate",
    "first_batch_only",
    check="check_accuracy",
    help="Your `return` stands inside the loop, so only the first batch counts: move it one level out.",
)
def first_batch_only(dataloader, net):
    right, images = _right(dataloader, net)[0]
    return right / images


@mistake(
    "fashion.evaluate",
    "by_number_of_batches",
    check="check_accuracy",
    help="You divide the right answers by the number of batches: divide by the number of images.",
)
def by_number_of_batches(dataloader, net):
    batches = _right(dataloader, net)
    return sum(right for right, _ in batches) / len(batches)


@mistake(
    "fashion.evaluate",
    "stays_in_training_mode",
    check="check_evaluation_mode",
    help="You never call net.eval(): dropout goes on dropping, and batch norm changes its statistics "
    "while you measure.",
)
def stays_in_training_mode(dataloader, net):
    right = seen = 0
    with torch.no_grad():
        for images, labels in dataloader:
            right += int((net(images).argmax(dim=1) == labels).sum())
            seen += len(labels)
    return right / seen


@mistake(
    "fashion.evaluate",
    "switches_training_on",
    check="check_untouched",
    help="You call net.train() before evaluating, so the batch norm's statistics change with the test images: "
    "call net.eval().",
)
def switches_training_on(dataloader, net):
    net.train()
    return stays_in_training_mode.replacement(dataloader, net)
