"""Known mistakes in `supervised.evaluate` and `supervised.best_epoch`: task 2.2."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from grader.author import mistake


def _measure(model, loader):
    """(loss, right answers, images) per batch, in the mode that the model is in."""
    with torch.no_grad():
        for images, labels in loader:
            logits = model(images)
            loss = F.cross_entropy(logits, labels).item()
            yield loss, int((logits.argmax(dim=1) == labels).sum()), len(labels)


def _batches(model, loader):
    model.eval()
    return list(_measure(model, loader))


def _totals(batches):
    images = sum(n for _, _, n in batches)
    return sum(loss * n for loss, _, n in batches) / images, sum(right for _, right, _ in batches) / images


@mistake(
    "supervised.evaluate",
    "measures_in_training_mode",
    check="check_measuring_mode",
    help="Is model.eval() called before the loop? Otherwise dropout goes on dropping, and batch norm changes its "
    "statistics.",
)
def measures_in_training_mode(model, loader):
    return _totals(list(_measure(model, loader)))


@mistake(
    "supervised.evaluate",
    "switches_training_on",
    check="check_untouched",
    help="Is model.train() called before the loop? It makes batch norm's statistics change with the test images: "
    "call model.eval().",
)
def switches_training_on(model, loader):
    model.train()
    return _totals(list(_measure(model, loader)))


@mistake(
    "supervised.evaluate",
    "trains_on",
    check="check_untouched",
    help="The weights are different afterwards. Is there a backward() or an optimizer's step? Neither belongs here.",
)
def trains_on(model, loader):
    model.eval()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    batches = list(_measure(model, loader))
    for images, labels in loader:
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()
    return _totals(batches)


@mistake(
    "supervised.evaluate",
    "averages_batches",
    check="check_measured_accuracy",
    help="This is the mean of the batches' accuracies, where images of the smaller last batch count too much. Sum "
    "right answers and images over all batches, then divide.",
)
def averages_batches(model, loader):
    batches = _batches(model, loader)
    return sum(loss for loss, _, _ in batches) / len(batches), sum(right / n for _, right, n in batches) / len(batches)


@mistake(
    "supervised.evaluate",
    "in_percent",
    check="check_measured_accuracy",
    help="The accuracy is in percent. Return a fraction from 0 to 1.",
)
def in_percent(model, loader):
    loss, accuracy = _totals(_batches(model, loader))
    return loss, 100 * accuracy


@mistake(
    "supervised.evaluate",
    "is_count",
    check="check_measured_accuracy",
    help="The accuracy is the number of right answers. Divide it by the number of images.",
)
def is_count(model, loader):
    batches = _batches(model, loader)
    return _totals(batches)[0], sum(right for _, right, _ in batches)


@mistake(
    "supervised.evaluate",
    "swaps_results",
    check="check_measured_accuracy",
    help="The two results are the other way around. Return (mean loss, accuracy).",
)
def swaps_results(model, loader):
    return _totals(_batches(model, loader))[::-1]


@mistake(
    "supervised.evaluate",
    "returns_accuracy_only",
    check="check_measured_accuracy",
    help="Only the accuracy is returned. Return (mean loss, accuracy).",
)
def returns_accuracy_only(model, loader):
    return _totals(_batches(model, loader))[1]


@mistake(
    "supervised.evaluate",
    "returns_error",
    check="check_measured_accuracy",
    help="The accuracy is the share of wrong answers. Return the share of right ones.",
)
def returns_error(model, loader):
    loss, accuracy = _totals(_batches(model, loader))
    return loss, 1 - accuracy


@mistake(
    "supervised.evaluate",
    "first_batch_only",
    check="check_measured_accuracy",
    help="These are the numbers of the first batch. Is there a `return` inside the loop? Move it one level out.",
)
def first_batch_only(model, loader):
    return _totals(_batches(model, loader)[:1])


@mistake(
    "supervised.evaluate",
    "last_batch_only",
    check="check_measured_accuracy",
    help="These are the numbers of the last batch. Are the counts set to 0 inside the loop? Set them before it.",
)
def last_batch_only(model, loader):
    return _totals(_batches(model, loader)[-1:])


@mistake(
    "supervised.evaluate",
    "loss_is_sum",
    check="check_measured_loss",
    help="The loss is the sum over the batches. Return their mean.",
)
def loss_is_sum(model, loader):
    batches = _batches(model, loader)
    return sum(loss for loss, _, _ in batches), _totals(batches)[1]


@mistake(
    "supervised.evaluate",
    "loss_by_images",
    check="check_measured_loss",
    help="The sum of the batches' mean losses is divided by the number of images. Divide it by the number of "
    "batches, or multiply each loss by its images first.",
)
def loss_by_images(model, loader):
    batches = _batches(model, loader)
    return sum(loss for loss, _, _ in batches) / sum(n for _, _, n in batches), _totals(batches)[1]


@mistake(
    "supervised.evaluate",
    "loss_of_last_batch",
    check="check_measured_loss",
    help="The loss is that of the last batch. Add up over all batches, then take the mean.",
)
def loss_of_last_batch(model, loader):
    batches = _batches(model, loader)
    return batches[-1][0], _totals(batches)[1]


def _place(values, choose):
    return values.index(choose(values))


@mistake(
    "supervised.best_epoch",
    "last_epoch",
    check="check_best_epoch",
    help="This is the last epoch, which may be worse than an earlier one. Look for the least validation error.",
)
def last_epoch(history):
    return len(history["val_loss"]) - 1


@mistake(
    "supervised.best_epoch",
    "by_training_loss",
    check="check_best_epoch",
    help="This is the epoch with the least training loss, which goes on falling while a network learns by heart. Use "
    "a validation curve.",
)
def by_training_loss(history):
    return _place(history["train_loss"], min)


@mistake(
    "supervised.best_epoch",
    "by_training_accuracy",
    check="check_best_epoch",
    help="This is the epoch with the highest training accuracy, which goes on rising while a network learns by "
    "heart. Use a validation curve.",
)
def by_training_accuracy(history):
    return _place(history["train_accuracy"], max)


@mistake(
    "supervised.best_epoch",
    "largest_loss",
    check="check_best_epoch",
    help="This is the epoch with the largest val_loss. The least is the best.",
)
def largest_loss(history):
    return _place(history["val_loss"], max)


@mistake(
    "supervised.best_epoch",
    "least_accuracy",
    check="check_best_epoch",
    help="This is the epoch with the least val_accuracy. The highest is the best.",
)
def least_accuracy(history):
    return _place(history["val_accuracy"], min)


@mistake(
    "supervised.best_epoch",
    "counts_from_one",
    check="check_best_epoch",
    help="This is the epoch after the best one. An index into the lists starts at 0.",
)
def counts_from_one(history):
    return _place(history["val_accuracy"], max) + 1


@mistake(
    "supervised.best_epoch",
    "returns_accuracy",
    check="check_best_epoch",
    help="This is the best accuracy itself. Return the index of its epoch.",
)
def returns_accuracy(history):
    return max(history["val_accuracy"])


@mistake(
    "supervised.best_epoch",
    "least_overfitting",
    check="check_best_epoch",
    help="This is the epoch where validation and training differ least. Choose the least validation error.",
)
def least_overfitting(history):
    gaps = [abs(a - b) for a, b in zip(history["train_loss"], history["val_loss"], strict=True)]
    return _place(gaps, min)
