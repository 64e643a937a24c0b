"""Known mistakes in `supervised.train_epoch`: task 2.2."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from grader.author import mistake


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
    help="A step also uses gradients of earlier batches. Call optimizer.zero_grad() for every batch.",
)
def keeps_gradients(model, loader, optimizer):
    return _totals(_train(model, loader, optimizer, clear=False))


@mistake(
    "supervised.train_epoch",
    "clears_once",
    check="check_gradients_cleared",
    help="Is optimizer.zero_grad() called only once, before the loop? Call it for every batch.",
)
def clears_once(model, loader, optimizer):
    optimizer.zero_grad()
    return _totals(_train(model, loader, optimizer, clear=False))


@mistake(
    "supervised.train_epoch",
    "never_steps",
    check="check_learns",
    help="Training left the network as it was, or nearly so. Is optimizer.step() called after loss.backward()?",
)
def never_steps(model, loader, optimizer):
    return _totals(_train(model, loader, optimizer, step=False))


@mistake(
    "supervised.train_epoch",
    "clears_before_step",
    check="check_step_per_batch",
    help="Is zero_grad() called between backward() and step()? The step has nothing to go by then: clear the "
    "gradients before backward().",
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
    help="The optimizer made one step for the whole epoch. Is optimizer.step() called after the loop? Make a step "
    "for each batch.",
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
    help="The batches were used twice. train_epoch is one pass: the loop over the epochs is outside.",
)
def two_epochs(model, loader, optimizer):
    _totals(_train(model, loader, optimizer))
    return _totals(_train(model, loader, optimizer))


@mistake(
    "supervised.train_epoch",
    "ascends",
    check="check_learns",
    help="The loss rises. Check the sign of what backward() is called on.",
)
def ascends(model, loader, optimizer):
    return _totals(_train(model, loader, optimizer, loss_of=lambda logits, labels: -F.cross_entropy(logits, labels)))


@mistake(
    "supervised.train_epoch",
    "softmax_before_loss",
    check="check_step",
    help="Is there a softmax before cross_entropy? cross_entropy wants logits: with a second softmax, the gradient "
    "nearly vanishes.",
)
def softmax_before_loss(model, loader, optimizer):
    loss_of = lambda logits, labels: F.cross_entropy(logits.softmax(dim=1), labels)
    return _totals(_train(model, loader, optimizer, loss_of=loss_of))


@mistake(
    "supervised.train_epoch",
    "sums_over_batch",
    check="check_step",
    help="Is the loss multiplied by the number of images before backward()? Each step is that many times too large "
    "then: multiply only what is added up.",
)
def sums_over_batch(model, loader, optimizer):
    loss_of = lambda logits, labels: F.cross_entropy(logits, labels) * len(labels)
    return _totals(_train(model, loader, optimizer, loss_of=loss_of))


@mistake(
    "supervised.train_epoch",
    "stays_in_evaluation_mode",
    check="check_training_mode",
    help="Is model.train() called before the loop? Otherwise batch norm and dropout stay switched off after an "
    "evaluation.",
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
    help="Only the first batch counts. Is there a `return` inside the loop? Move it one level out.",
)
def returns_in_the_loop(model, loader, optimizer):
    for loss, right, images in _train(model, loader, optimizer):
        return loss, right / images


@mistake(
    "supervised.train_epoch",
    "skips_last_batch",
    check="check_whole_epoch",
    help="The last batch, which is smaller than the others, does not count. Use every batch of the loader.",
)
def skips_last_batch(model, loader, optimizer):
    batches = list(loader)
    return _totals(_train(model, batches[:-1] or batches, optimizer))


@mistake(
    "supervised.train_epoch",
    "own_optimizer",
    check="check_given_optimizer",
    help="Is another optimizer created inside train_epoch? Use the one that is passed in.",
)
def own_optimizer(model, loader, optimizer):
    return _totals(_train(model, loader, torch.optim.SGD(model.parameters(), lr=0.1)))


@mistake(
    "supervised.train_epoch",
    "training_in_percent",
    check="check_report",
    help="The accuracy is in percent. Return a fraction from 0 to 1.",
)
def training_in_percent(model, loader, optimizer):
    loss, accuracy = _totals(_train(model, loader, optimizer))
    return loss, 100 * accuracy


@mistake(
    "supervised.train_epoch",
    "training_is_count",
    check="check_report",
    help="The accuracy is the number of right answers. Divide it by the number of images.",
)
def training_is_count(model, loader, optimizer):
    batches = list(_train(model, loader, optimizer))
    return sum(loss for loss, _, _ in batches) / len(batches), sum(right for _, right, _ in batches)


@mistake(
    "supervised.train_epoch",
    "training_of_last_batch",
    check="check_report",
    help="These are the loss and the accuracy of the last batch. Add up over the whole epoch.",
)
def training_of_last_batch(model, loader, optimizer):
    loss, right, images = list(_train(model, loader, optimizer))[-1]
    return loss, right / images


@mistake(
    "supervised.train_epoch",
    "training_swaps_results",
    check="check_report",
    help="The two results are the other way around. Return (mean loss, accuracy).",
)
def training_swaps_results(model, loader, optimizer):
    return _totals(_train(model, loader, optimizer))[::-1]


@mistake(
    "supervised.train_epoch",
    "training_loss_is_sum",
    check="check_report",
    help="The loss is the sum over the batches. Return their mean.",
)
def training_loss_is_sum(model, loader, optimizer):
    batches = list(_train(model, loader, optimizer))
    return sum(loss for loss, _, _ in batches), _totals(batches)[1]


@mistake(
    "supervised.train_epoch",
    "training_loss_by_images",
    check="check_report",
    help="The sum of the batches' mean losses is divided by the number of images. Divide it by the number of "
    "batches, or multiply each loss by its images first.",
)
def training_loss_by_images(model, loader, optimizer):
    batches = list(_train(model, loader, optimizer))
    return sum(loss for loss, _, _ in batches) / sum(n for _, _, n in batches), _totals(batches)[1]


@mistake(
    "supervised.train_epoch",
    "training_lists_losses",
    check="check_report",
    help="The loss is a list with a number for each batch. Return their mean.",
)
def training_lists_losses(model, loader, optimizer):
    batches = list(_train(model, loader, optimizer))
    return [loss for loss, _, _ in batches], _totals(batches)[1]


@mistake(
    "supervised.train_epoch",
    "training_returns_loss_only",
    check="check_report",
    help="Only the loss is returned. Return (mean loss, accuracy).",
)
def training_returns_loss_only(model, loader, optimizer):
    return _totals(_train(model, loader, optimizer))[0]
