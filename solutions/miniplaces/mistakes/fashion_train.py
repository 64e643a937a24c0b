"""Known mistakes in `fashion.train`: task 4a."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from grader.author import mistake


def _train(dataloader, model, optimizer, *, loss_of=F.cross_entropy, clear=True, step=True):
    """A right epoch, but for what its options spoil; yields (loss, right answers, images) per batch."""
    model.train()
    for images, labels in dataloader:
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
    "fashion.train",
    "keeps_gradients",
    check="check_gradients_cleared",
    help="A step also uses gradients of earlier batches. Call optimizer.zero_grad() in every step.",
)
def keeps_gradients(dataloader, model, optimizer, epoch):
    return _totals(_train(dataloader, model, optimizer, clear=False))


@mistake(
    "fashion.train",
    "never_steps",
    check="check_learns",
    help="Training left the network as it was, or nearly so. Is optimizer.step() called after loss.backward()?",
)
def never_steps(dataloader, model, optimizer, epoch):
    return _totals(_train(dataloader, model, optimizer, step=False))


@mistake(
    "fashion.train",
    "clears_before_step",
    check="check_learns",
    help="Is zero_grad() called between backward() and step()? The step has nothing to go by then: clear the "
    "gradients before backward().",
)
def clears_before_step(dataloader, model, optimizer, epoch):
    model.train()
    right = seen = total = 0
    for images, labels in dataloader:
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
    "fashion.train",
    "counts_epochs_itself",
    check="check_learns",
    help="Does the code go through the loader `epoch` times? `epoch` is the number of this epoch, from 0: go through "
    "the loader once.",
)
def counts_epochs_itself(dataloader, model, optimizer, epoch):
    result = (0.0, 0.0)
    for _ in range(epoch):
        result = _totals(_train(dataloader, model, optimizer))
    return result


@mistake(
    "fashion.train",
    "softmax_before_loss",
    check="check_step",
    help="Is there a softmax before cross_entropy? cross_entropy wants logits: with a second softmax, the gradient "
    "nearly vanishes.",
)
def softmax_before_loss(dataloader, model, optimizer, epoch):
    loss_of = lambda logits, labels: F.cross_entropy(logits.softmax(dim=1), labels)
    return _totals(_train(dataloader, model, optimizer, loss_of=loss_of))


@mistake(
    "fashion.train",
    "sums_the_loss",
    check="check_step",
    help='Is the loss summed over the batch (reduction="sum")? Each step is as many times too large as the batch has '
    "images then: use the mean.",
)
def sums_the_loss(dataloader, model, optimizer, epoch):
    loss_of = lambda logits, labels: F.cross_entropy(logits, labels, reduction="sum")
    return _totals(_train(dataloader, model, optimizer, loss_of=loss_of))


@mistake(
    "fashion.train",
    "squared_error",
    check="check_step",
    help="This looks like a step along the squared error of the logits. The task asks for cross-entropy.",
)
def squared_error(dataloader, model, optimizer, epoch):
    loss_of = lambda logits, labels: F.mse_loss(logits, F.one_hot(labels, logits.shape[1]).float())
    return _totals(_train(dataloader, model, optimizer, loss_of=loss_of))


@mistake(
    "fashion.train",
    "stays_in_evaluation_mode",
    check="check_training_mode",
    help="Is model.train() called before the loop? Otherwise batch norm and dropout stay switched off after an "
    "evaluation.",
)
def stays_in_evaluation_mode(dataloader, model, optimizer, epoch):
    losses, right, seen = [], 0, 0
    for images, labels in dataloader:
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
    "fashion.train",
    "returns_in_the_loop",
    check="check_whole_epoch",
    help="Only the first batch counts. Is there a `return` inside the loop? Move it one level out.",
)
def returns_in_the_loop(dataloader, model, optimizer, epoch):
    for loss, right, images in _train(dataloader, model, optimizer):
        return loss, right / images


@mistake(
    "fashion.train",
    "skips_last_batch",
    check="check_whole_epoch",
    help="The last batch, which is smaller than the others, does not count. Use every batch of the loader.",
)
def skips_last_batch(dataloader, model, optimizer, epoch):
    batches = list(dataloader)
    return _totals(_train(batches[:-1] or batches, model, optimizer))


@mistake(
    "fashion.train",
    "own_optimizer",
    check="check_given_optimizer",
    help="Is another optimizer created inside train? Use the one that is passed in.",
)
def own_optimizer(dataloader, model, optimizer, epoch):
    return _totals(_train(dataloader, model, torch.optim.SGD(model.parameters(), lr=0.01)))


@mistake(
    "fashion.train",
    "accuracy_in_percent",
    check="check_report",
    help="The accuracy is in percent. Return a fraction from 0 to 1.",
)
def accuracy_in_percent(dataloader, model, optimizer, epoch):
    loss, accuracy = _totals(_train(dataloader, model, optimizer))
    return loss, 100 * accuracy


@mistake(
    "fashion.train",
    "accuracy_is_count",
    check="check_report",
    help="The accuracy is the number of right answers. Divide it by the number of images.",
)
def accuracy_is_count(dataloader, model, optimizer, epoch):
    batches = list(_train(dataloader, model, optimizer))
    return _totals(batches)[0], sum(right for _, right, _ in batches)


@mistake(
    "fashion.train",
    "accuracy_by_full_batches",
    check="check_report",
    help="The right answers are divided by the number of batches times the batch size, but the last batch is "
    "smaller. Divide by the number of images.",
)
def accuracy_by_full_batches(dataloader, model, optimizer, epoch):
    batches = list(_train(dataloader, model, optimizer))
    return _totals(batches)[0], sum(right for _, right, _ in batches) / (len(batches) * batches[0][2])


@mistake(
    "fashion.train",
    "accuracy_of_last_batch",
    check="check_report",
    help="This is the accuracy of the last batch. Count over the whole epoch.",
)
def accuracy_of_last_batch(dataloader, model, optimizer, epoch):
    batches = list(_train(dataloader, model, optimizer))
    return _totals(batches)[0], batches[-1][1] / batches[-1][2]


@mistake(
    "fashion.train",
    "loss_of_last_batch",
    check="check_report",
    help="This is the loss of the last batch. Sum the losses over the epoch, then divide by their number.",
)
def loss_of_last_batch(dataloader, model, optimizer, epoch):
    batches = list(_train(dataloader, model, optimizer))
    return batches[-1][0], _totals(batches)[1]


@mistake(
    "fashion.train",
    "loss_is_sum",
    check="check_report",
    help="This is the sum of the losses of all images. Divide it by their number.",
)
def loss_is_sum(dataloader, model, optimizer, epoch):
    batches = list(_train(dataloader, model, optimizer))
    return sum(loss * n for loss, _, n in batches), _totals(batches)[1]


@mistake(
    "fashion.train",
    "loss_is_sum_of_batches",
    check="check_report",
    help="This is the sum of the batches' mean losses. Divide it by the number of batches.",
)
def loss_is_sum_of_batches(dataloader, model, optimizer, epoch):
    batches = list(_train(dataloader, model, optimizer))
    return sum(loss for loss, _, _ in batches), _totals(batches)[1]


@mistake(
    "fashion.train",
    "loss_divided_twice",
    check="check_report",
    help="The losses of the batches are means already, and their sum is divided by the number of images. Divide by the "
    "number of batches, or multiply each loss by the number of images in its batch first.",
)
def loss_divided_twice(dataloader, model, optimizer, epoch):
    batches = list(_train(dataloader, model, optimizer))
    return sum(loss for loss, _, _ in batches) / sum(n for _, _, n in batches), _totals(batches)[1]


@mistake(
    "fashion.train",
    "loss_halved_each_step",
    check="check_report",
    help="Each batch halves what was there before, so that the last batches count most. Sum the losses over the epoch, "
    "then divide by their number.",
)
def loss_halved_each_step(dataloader, model, optimizer, epoch):
    batches = list(_train(dataloader, model, optimizer))
    mean = 0.0
    for loss, _, _ in batches:
        mean = (mean + loss) / 2
    return mean, _totals(batches)[1]


@mistake(
    "fashion.train",
    "swaps_results",
    check="check_report",
    help="The two results are the other way around. Return (train_loss, accuracy).",
)
def swaps_results(dataloader, model, optimizer, epoch):
    loss, accuracy = _totals(_train(dataloader, model, optimizer))
    return accuracy, loss


@mistake(
    "fashion.train",
    "hinge_loss",
    check="check_step",
    help="This looks like a step along a hinge loss (multi_margin_loss). The task asks for cross-entropy.",
)
def hinge_loss(dataloader, model, optimizer, epoch):
    return _totals(_train(dataloader, model, optimizer, loss_of=F.multi_margin_loss))
