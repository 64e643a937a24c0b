"""Known mistakes in `supervised.train_epoch`: task 2.2."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from grader.solutions import mistake


def _train(model, loader, optimizer, *, loss_of=F.cross_entropy, clear=True, step=True):
    """A right epoch, but for what its options spoil; yields (loss, right answers, images) per batch."""
    model.train()
    for images, labels in loader:
        if clear:
            optimizer.zero_grad()
        logits = model(images)
        loss = loss_of(logits, labels)
        loss.backward()
        if step:
            optimizer.step()
        yield loss.item(), int((logits.argmax(dim=1) == labels).sum()), len(labels)


def _totals(batches):
    batches = list(batches)
    images = sum(n for _, _, n in batches)
    return sum(loss * n for loss, _, n in batches) / images, sum(right for _, right, _ in batches) / images


@mistake(
    "supervised.train_epoch",
    "keeps_gradients",
    check="check_gradients_cleared",
    help="You never clear the gradients, so each batch's gradient is added to all before it: call "
    "optimizer.zero_grad() for every batch.",
)
def keeps_gradients(model, loader, optimizer):
    return _totals(_train(model, loader, optimizer, clear=False))


@mistake(
    "supervised.train_epoch",
    "clears_once",
    check="check_gradients_cleared",
    help="You clear the gradients once, before the loop: call optimizer.zero_grad() for every batch.",
)
def clears_once(model, loader, optimizer):
    optimizer.zero_grad()
    return _totals(_train(model, loader, optimizer, clear=False))


@mistake(
    "supervised.train_epoch",
    "never_steps",
    check="check_learns",
    help="The weights never change: call optimizer.step() after loss.backward().",
)
def never_steps(model, loader, optimizer):
    return _totals(_train(model, loader, optimizer, step=False))


@mistake(
    "supervised.train_epoch",
    "clears_before_step",
    check="check_step_per_batch",
    help="You clear the gradients between backward() and step(), so that the step has nothing to go by: clear them "
    "before backward().",
)
def clears_before_step(model, loader, optimizer):
    model.train()
    total = right = seen = 0
    for images, labels in loader:
        logits = model(images)
        loss = F.cross_entropy(logits, labels)
        loss.backward()
        optimizer.zero_grad()
        optimizer.step()
        total += loss.item() * len(labels)
        right += int((logits.argmax(dim=1) == labels).sum())
        seen += len(labels)
    return total / seen, right / seen


@mistake(
    "supervised.train_epoch",
    "one_step_per_epoch",
    check="check_step_per_batch",
    help="Your optimizer.step() stands after the loop, so there is one step per epoch: make one for each batch.",
)
def one_step_per_epoch(model, loader, optimizer):
    optimizer.zero_grad()
    result = _totals(_train(model, loader, optimizer, clear=False, step=False))
    optimizer.step()
    return result


@mistake(
    "supervised.train_epoch",
    "two_epochs",
    check="check_step_per_batch",
    help="You go through the loader more than once: train_epoch is one pass, the loop over the epochs is outside.",
)
def two_epochs(model, loader, optimizer):
    _totals(_train(model, loader, optimizer))
    return _totals(_train(model, loader, optimizer))


@mistake(
    "supervised.train_epoch",
    "ascends",
    check="check_learns",
    help="The loss rises: the sign of what you differentiate is wrong.",
)
def ascends(model, loader, optimizer):
    return _totals(_train(model, loader, optimizer, loss_of=lambda logits, labels: -F.cross_entropy(logits, labels)))


@mistake(
    "supervised.train_epoch",
    "softmax_before_loss",
    check="check_step",
    help="cross_entropy wants logits: it applies softmax itself, and with yours before it the gradient nearly "
    "vanishes.",
)
def softmax_before_loss(model, loader, optimizer):
    loss_of = lambda logits, labels: F.cross_entropy(logits.softmax(dim=1), labels)
    return _totals(_train(model, loader, optimizer, loss_of=loss_of))


@mistake(
    "supervised.train_epoch",
    "sums_over_batch",
    check="check_step",
    help="You multiply the loss by the number of images before backward(), so each step is as many times too large: "
    "differentiate the mean, and multiply only what you add up.",
)
def sums_over_batch(model, loader, optimizer):
    loss_of = lambda logits, labels: F.cross_entropy(logits, labels) * len(labels)
    return _totals(_train(model, loader, optimizer, loss_of=loss_of))


@mistake(
    "supervised.train_epoch",
    "stays_in_evaluation_mode",
    check="check_training_mode",
    help="You never call model.train(): after an evaluation, batch norm and dropout would stay switched off.",
)
def stays_in_evaluation_mode(model, loader, optimizer):
    losses, right, seen = [], 0, 0
    for images, labels in loader:
        optimizer.zero_grad()
        logits = model(images)
        loss = F.cross_entropy(logits, labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        right += int((logits.argmax(dim=1) == labels).sum())
        seen += len(labels)
    return sum(losses) / len(losses), right / seen


@mistake(
    "supervised.train_epoch",
    "returns_in_the_loop",
    check="check_whole_epoch",
    help="Your `return` stands inside the loop, so only the first batch is used: move it one level out.",
)
def returns_in_the_loop(model, loader, optimizer):
    for loss, right, images in _train(model, loader, optimizer):
        return loss, right / images


@mistake(
    "supervised.train_epoch",
    "skips_last_batch",
    check="check_whole_epoch",
    help="You leave out the last batch, which is smaller than the others: use every batch of the loader.",
)
def skips_last_batch(model, loader, optimizer):
    batches = list(loader)
    return _totals(_train(model, batches[:-1] or batches, optimizer))


@mistake(
    "supervised.train_epoch",
    "own_optimizer",
    check="check_given_optimizer",
    help="You create an optimizer of your own inside train_epoch: use the one that is passed in.",
)
def own_optimizer(model, loader, optimizer):
    return _totals(_train(model, loader, torch.optim.SGD(model.parameters(), lr=0.1)))


@mistake(
    "supervised.train_epoch",
    "training_in_percent",
    check="check_report",
    help="You return the accuracy in percent; the task asks for a fraction from 0 to 1.",
)
def training_in_percent(model, loader, optimizer):
    loss, accuracy = _totals(_train(model, loader, optimizer))
    return loss, 100 * accuracy


@mistake(
    "supervised.train_epoch",
    "training_is_count",
    check="check_report",
    help="You return how many images were right; divide by the number of images.",
)
def training_is_count(model, loader, optimizer):
    batches = list(_train(model, loader, optimizer))
    return sum(loss for loss, _, _ in batches) / len(batches), sum(right for _, right, _ in batches)


@mistake(
    "supervised.train_epoch",
    "training_of_last_batch",
    check="check_report",
    help="You return loss and accuracy of the last batch only: add up over the whole epoch.",
)
def training_of_last_batch(model, loader, optimizer):
    loss, right, images = list(_train(model, loader, optimizer))[-1]
    return loss, right / images


@mistake(
    "supervised.train_epoch",
    "training_swaps_results",
    check="check_report",
    help="You return (accuracy, loss); the order is (mean loss, accuracy).",
)
def training_swaps_results(model, loader, optimizer):
    return _totals(_train(model, loader, optimizer))[::-1]


@mistake(
    "supervised.train_epoch",
    "training_loss_is_sum",
    check="check_report",
    help="You add up the losses of the batches and never divide: return their mean.",
)
def training_loss_is_sum(model, loader, optimizer):
    batches = list(_train(model, loader, optimizer))
    return sum(loss for loss, _, _ in batches), _totals(batches)[1]


@mistake(
    "supervised.train_epoch",
    "training_loss_by_images",
    check="check_report",
    help="Each batch's loss is a mean already: divide their sum by the number of batches, or multiply each by its "
    "images before you divide by the number of all images.",
)
def training_loss_by_images(model, loader, optimizer):
    batches = list(_train(model, loader, optimizer))
    return sum(loss for loss, _, _ in batches) / sum(n for _, _, n in batches), _totals(batches)[1]


@mistake(
    "supervised.train_epoch",
    "training_lists_losses",
    check="check_report",
    help="You return a list with the loss of each batch: return their mean.",
)
def training_lists_losses(model, loader, optimizer):
    batches = list(_train(model, loader, optimizer))
    return [loss for loss, _, _ in batches], _totals(batches)[1]


@mistake(
    "supervised.train_epoch",
    "training_returns_loss_only",
    check="check_report",
    help="You return the loss alone: return (mean loss, accuracy).",
)
def training_returns_loss_only(model, loader, optimizer):
    return _totals(_train(model, loader, optimizer))[0]
