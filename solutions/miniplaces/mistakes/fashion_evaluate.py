"""Known mistakes in `fashion.get_prediction` and `fashion.evaluate`: task 4b."""

from __future__ import annotations

import torch

from grader.author import mistake


def _logits(image, net):
    net.eval()
    with torch.no_grad():
        return net(image)


@mistake(
    "fashion.get_prediction",
    "over_the_batch",
    check="check_prediction",
    help="This is the argmax over dimension 0, the batch. Take it over dimension 1, the classes.",
)
def over_the_batch(image, net):
    return _logits(image, net).argmax(dim=0)


@mistake(
    "fashion.get_prediction",
    "over_everything",
    check="check_prediction",
    help="This is one index for the whole batch, as argmax gives it without `dim`. Use dim=1.",
)
def over_everything(image, net):
    return _logits(image, net).argmax()


@mistake(
    "fashion.get_prediction",
    "returns_values",
    check="check_prediction",
    help="These are the largest logits themselves. The class is the index: torch.max(logits, 1) gives (values, "
    "indices).",
)
def returns_values(image, net):
    return _logits(image, net).max(dim=1)[0]


@mistake(
    "fashion.get_prediction",
    "returns_logits",
    check="check_prediction",
    help="These are all logits of each image. The class is the index of the largest: take the argmax over dimension 1.",
)
def returns_logits(image, net):
    return _logits(image, net)


@mistake(
    "fashion.get_prediction",
    "counts_from_one",
    check="check_prediction",
    help="Every class is one too high. Classes count from 0.",
)
def counts_from_one(image, net):
    return _logits(image, net).argmax(dim=1) + 1


@mistake(
    "fashion.get_prediction",
    "returns_floats",
    check="check_prediction_type",
    help="The classes are right, but floating point numbers can't be used as indices. Return integers.",
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
    help="The result is in percent. Return a fraction from 0 to 1.",
)
def in_percent(dataloader, net):
    batches = _right(dataloader, net)
    return 100 * sum(right for right, _ in batches) / sum(n for _, n in batches)


@mistake(
    "fashion.evaluate",
    "is_count",
    check="check_accuracy",
    help="The result is the number of right answers. Divide it by the number of images.",
)
def is_count(dataloader, net):
    return sum(right for right, _ in _right(dataloader, net))


@mistake(
    "fashion.evaluate",
    "averages_batches",
    check="check_accuracy",
    help="This is the mean of the batches' accuracies, where images of the smaller last batch count too much. Sum "
    "right answers and images over all batches, then divide.",
)
def averages_batches(dataloader, net):
    batches = _right(dataloader, net)
    return sum(right / n for right, n in batches) / len(batches)


@mistake(
    "fashion.evaluate",
    "last_batch_only",
    check="check_accuracy",
    help="This is the accuracy of the last batch. Are the counts set to 0 inside the loop? Set them before it.",
)
def last_batch_only(dataloader, net):
    right, images = _right(dataloader, net)[-1]
    return right / images


@mistake(
    "fashion.evaluate",
    "first_batch_only",
    check="check_accuracy",
    help="This is the accuracy of the first batch. Is there a `return` inside the loop? Move it one level out.",
)
def first_batch_only(dataloader, net):
    right, images = _right(dataloader, net)[0]
    return right / images


@mistake(
    "fashion.evaluate",
    "by_number_of_batches",
    check="check_accuracy",
    help="The right answers are divided by the number of batches. Divide by the number of images.",
)
def by_number_of_batches(dataloader, net):
    batches = _right(dataloader, net)
    return sum(right for right, _ in batches) / len(batches)


@mistake(
    "fashion.evaluate",
    "stays_in_training_mode",
    check="check_evaluation_mode",
    help="Is net.eval() called before the loop? Otherwise dropout goes on dropping, and batch norm changes its "
    "statistics.",
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
    help="Is net.train() called before the loop? It makes batch norm's statistics change with the test images: call "
    "net.eval().",
)
def switches_training_on(dataloader, net):
    net.train()
    return stays_in_training_mode.replacement(dataloader, net)
