"""Known mistakes in `supervised.evaluate` and `supervised.best_epoch`: task 2.2."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from grader.solutions import mistake


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
    help="You never call model.eval(): dropout goes on dropping, and batch norm changes its statistics while you "
    "measure.",
)
def measures_in_training_mode(model, loader):
    return _totals(list(_measure(model, loader)))


@mistake(
    "supervised.evaluate",
    "switches_training_on",
    check="check_untouched",
    help="You call model.train() before you measure, so the batch norm's statistics change with the test images: call "
    "model.eval().",
)
def switches_training_on(model, loader):
    model.train()
    return _totals(list(_measure(model, loader)))


@mistake(
    "supervised.evaluate",
    "trains_on",
    check="check_untouched",
    help="evaluate changes the weights: no backward(), and no step of an optimizer, belongs here.",
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
    help="You average the accuracies of the batches, which counts the images of the smaller last batch too much: sum "
    "right answers and images over all batches, then divide.",
)
def averages_batches(model, loader):
    batches = _batches(model, loader)
    return sum(loss for loss, _, _ in batches) / len(batches), sum(right / n for _, right, n in batches) / len(batches)


@mistake(
    "supervised.evaluate",
    "in_percent",
    check="check_measured_accuracy",
    help="You return the accuracy in percent; the task asks for a fraction from 0 to 1.",
)
def in_percent(model, loader):
    loss, accuracy = _totals(_batches(model, loader))
    return loss, 100 * accuracy


@mistake(
    "supervised.evaluate",
    "is_count",
    check="check_measured_accuracy",
    help="You return how many images were right; divide by the number of images.",
)
def is_count(model, loader):
    batches = _batches(model, loader)
    return _totals(batches)[0], sum(right for _, right, _ in batches)


@mistake(
    "supervised.evaluate",
    "swaps_results",
    check="check_measured_accuracy",
    help="You return (accuracy, loss); the order is (mean loss, accuracy).",
)
def swaps_results(model, loader):
    return _totals(_batches(model, loader))[::-1]


@mistake(
    "supervised.evaluate",
    "returns_accuracy_only",
    check="check_measured_accuracy",
    help="You return the accuracy alone: return (mean loss, accuracy).",
)
def returns_accuracy_only(model, loader):
    return _totals(_batches(model, loader))[1]


@mistake(
    "supervised.evaluate",
    "returns_error",
    check="check_measured_accuracy",
    help="You return the share of wrong answers; the accuracy is the share of right ones.",
)
def returns_error(model, loader):
    loss, accuracy = _totals(_batches(model, loader))
    return loss, 1 - accuracy


@mistake(
    "supervised.evaluate",
    "first_batch_only",
    check="check_measured_accuracy",
    help="Your `return` stands inside the loop, so only the first batch counts: move it one level out.",
)
def first_batch_only(model, loader):
    return _totals(_batches(model, loader)[:1])


@mistake(
    "supervised.evaluate",
    "last_batch_only",
    check="check_measured_accuracy",
    help="You return loss and accuracy of the last batch only: start the counts before the loop, not inside it.",
)
def last_batch_only(model, loader):
    return _totals(_batches(model, loader)[-1:])


@mistake(
    "supervised.evaluate",
    "loss_is_sum",
    check="check_measured_loss",
    help="You add up the losses of the batches and never divide: return their mean.",
)
def loss_is_sum(model, loader):
    batches = _batches(model, loader)
    return sum(loss for loss, _, _ in batches), _totals(batches)[1]


@mistake(
    "supervised.evaluate",
    "loss_by_images",
    check="check_measured_loss",
    help="Each batch's loss is a mean already: divide their sum by the number of batches, or multiply each by its "
    "images before you divide by the number of all images.",
)
def loss_by_images(model, loader):
    batches = _batches(model, loader)
    return sum(loss for loss, _, _ in batches) / sum(n for _, _, n in batches), _totals(batches)[1]


@mistake(
    "supervised.evaluate",
    "loss_of_last_batch",
    check="check_measured_loss",
    help="You return the loss of the last batch: add up over all batches, then take the mean.",
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
    help="You return the last epoch, which may be worse than an earlier one: look for the least validation error.",
)
def last_epoch(history):
    return len(history["val_loss"]) - 1


@mistake(
    "supervised.best_epoch",
    "by_training_loss",
    check="check_best_epoch",
    help="You choose by the training loss, which falls on when the network only learns by heart: use a validation "
    "curve.",
)
def by_training_loss(history):
    return _place(history["train_loss"], min)


@mistake(
    "supervised.best_epoch",
    "by_training_accuracy",
    check="check_best_epoch",
    help="You choose by the training accuracy, which rises on when the network only learns by heart: use a validation "
    "curve.",
)
def by_training_accuracy(history):
    return _place(history["train_accuracy"], max)


@mistake(
    "supervised.best_epoch",
    "largest_loss",
    check="check_best_epoch",
    help="You choose the largest val_loss; the least is the best.",
)
def largest_loss(history):
    return _place(history["val_loss"], max)


@mistake(
    "supervised.best_epoch",
    "least_accuracy",
    check="check_best_epoch",
    help="You choose the least val_accuracy; the highest is the best.",
)
def least_accuracy(history):
    return _place(history["val_accuracy"], min)


@mistake(
    "supervised.best_epoch",
    "counts_from_one",
    check="check_best_epoch",
    help="You count epochs from 1; an index into the lists starts at 0.",
)
def counts_from_one(history):
    return _place(history["val_accuracy"], max) + 1


@mistake(
    "supervised.best_epoch",
    "returns_accuracy",
    check="check_best_epoch",
    help="You return the best accuracy itself: return the index of its epoch.",
)
def returns_accuracy(history):
    return max(history["val_accuracy"])


@mistake(
    "supervised.best_epoch",
    "least_overfitting",
    check="check_best_epoch",
    help="You choose the epoch at which validation and training differ least, which is an early one: choose the least "
    "validation error.",
)
def least_overfitting(history):
    gaps = [abs(a - b) for a, b in zip(history["train_loss"], history["val_loss"], strict=True)]
    return _place(gaps, min)
