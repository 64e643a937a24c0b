"""Known mistakes in `supervised.cross_entropy`: task 2.1."""

from __future__ import annotations

import math

import torch.nn.functional as F

from grader.author import mistake


def _losses(logits, targets):
    """The loss of each image, (N,), right."""
    return -logits.log_softmax(dim=1).gather(1, targets[:, None])[:, 0]


@mistake(
    "supervised.cross_entropy",
    "sums_losses",
    check="check_loss",
    help="This is the sum of the losses over the batch. Take their mean.",
)
def sums_losses(logits, targets):
    return _losses(logits, targets).sum()


@mistake(
    "supervised.cross_entropy",
    "mean_over_everything",
    check="check_loss",
    help="This is the mean over all N x K entries of the one-hot product, which is K times too small. Sum over the "
    "classes, then take the mean over the batch.",
)
def mean_over_everything(logits, targets):
    one_hot = F.one_hot(targets, logits.shape[1])
    return -(one_hot * logits.log_softmax(dim=1)).mean()


@mistake(
    "supervised.cross_entropy",
    "per_example",
    check="check_loss",
    help="This is the loss of each image. Take the mean over the batch.",
)
def per_example(logits, targets):
    return _losses(logits, targets)


@mistake(
    "supervised.cross_entropy",
    "wrong_sign",
    check="check_loss",
    help="The sign is wrong: the logarithm of a probability is negative, and the loss is minus that.",
)
def wrong_sign(logits, targets):
    return -_losses(logits, targets).mean()


@mistake(
    "supervised.cross_entropy",
    "softmax_twice",
    check="check_loss",
    help="This is the loss with one softmax too many. log_softmax wants the logits themselves.",
)
def softmax_twice(logits, targets):
    return _losses(logits.softmax(dim=1), targets).mean()


@mistake(
    "supervised.cross_entropy",
    "probability_without_log",
    check="check_loss",
    help="This is minus the probability of the right class. Take -log of the probability.",
)
def probability_without_log(logits, targets):
    return -logits.softmax(dim=1).gather(1, targets[:, None]).mean()


@mistake(
    "supervised.cross_entropy",
    "one_minus_probability",
    check="check_loss",
    help="This is 1 - p, where p is the probability of the right class. The loss is -log p.",
)
def one_minus_probability(logits, targets):
    return 1 - logits.softmax(dim=1).gather(1, targets[:, None]).mean()


@mistake(
    "supervised.cross_entropy",
    "log_of_mean",
    check="check_loss",
    help="This is the logarithm of the mean probability. Take the mean of the logarithms.",
)
def log_of_mean(logits, targets):
    return -logits.softmax(dim=1).gather(1, targets[:, None]).mean().log()


@mistake(
    "supervised.cross_entropy",
    "base_two",
    check="check_loss",
    help="This is the logarithm to base 2. Use the natural logarithm, torch.log.",
)
def base_two(logits, targets):
    return _losses(logits, targets).mean() / math.log(2)


@mistake(
    "supervised.cross_entropy",
    "without_normaliser",
    check="check_loss",
    help="This is minus the logit of the right class. The logarithm of the sum of exponentials is missing.",
)
def without_normaliser(logits, targets):
    return -logits.gather(1, targets[:, None]).mean()


@mistake(
    "supervised.cross_entropy",
    "maximum_added_only",
    check="check_loss",
    help="The maximum is added but not subtracted. logsumexp is m + log(sum(exp(x - m))).",
)
def maximum_added_only(logits, targets):
    normaliser = logits.amax(dim=1) + logits.exp().sum(dim=1).log()
    return (normaliser - logits.gather(1, targets[:, None])[:, 0]).mean()


@mistake(
    "supervised.cross_entropy",
    "maximum_subtracted_only",
    check="check_loss",
    help="The maximum is subtracted but not added again. logsumexp is m + log(sum(exp(x - m))).",
)
def maximum_subtracted_only(logits, targets):
    normaliser = (logits - logits.amax(dim=1, keepdim=True)).exp().sum(dim=1).log()
    return (normaliser - logits.gather(1, targets[:, None])[:, 0]).mean()


@mistake(
    "supervised.cross_entropy",
    "of_predicted_class",
    check="check_loss",
    help="This is the loss of the class with the largest logit. Take that of the right class, `targets`.",
)
def of_predicted_class(logits, targets):
    return _losses(logits, logits.argmax(dim=1)).mean()


@mistake(
    "supervised.cross_entropy",
    "share_wrong",
    check="check_loss",
    help="This is how often the largest logit is wrong, which has no gradient. The loss is -log of the right class's "
    "probability.",
)
def share_wrong(logits, targets):
    return (logits.argmax(dim=1) != targets).float().mean()


@mistake(
    "supervised.cross_entropy",
    "softmax_over_batch",
    check="check_loss",
    help="This softmax runs over dimension 0, the batch. Let it run over dimension 1, the classes.",
)
def softmax_over_batch(logits, targets):
    return -logits.log_softmax(dim=0).gather(1, targets[:, None]).mean()


@mistake(
    "supervised.cross_entropy",
    "every_pair",
    check="check_loss",
    help="This is the mean over N x N entries, as log_probabilities[:, targets] gives them. Use [torch.arange(N), "
    "targets], or gather.",
)
def every_pair(logits, targets):
    return -logits.log_softmax(dim=1)[:, targets].mean()


@mistake(
    "supervised.cross_entropy",
    "squared_error",
    check="check_loss",
    help="This is the squared error of the probabilities. The cross-entropy is -log of the right class's probability.",
)
def squared_error(logits, targets):
    return F.mse_loss(logits.softmax(dim=1), F.one_hot(targets, logits.shape[1]).float())


@mistake(
    "supervised.cross_entropy",
    "also_of_wrong_classes",
    check="check_loss",
    help="This adds -log(1 - p) of the wrong classes, as for independent yes-no questions. Take -log p of the right "
    "class alone.",
)
def also_of_wrong_classes(logits, targets):
    return F.binary_cross_entropy(logits.softmax(dim=1), F.one_hot(targets, logits.shape[1]).float())


@mistake(
    "supervised.cross_entropy",
    "exp_overflows",
    check="check_large_logits",
    help="The loss is nan. Is exp taken of a large logit? It is infinite: subtract each row's maximum first, or use "
    "logsumexp or log_softmax.",
)
def exp_overflows(logits, targets):
    exponentials = logits.exp()
    return -(exponentials.gather(1, targets[:, None])[:, 0] / exponentials.sum(dim=1)).log().mean()


@mistake(
    "supervised.cross_entropy",
    "maximum_of_batch",
    check="check_large_logits",
    help="Is the maximum of the whole batch subtracted? Rows far below it vanish then: subtract each row's own "
    "maximum.",
)
def maximum_of_batch(logits, targets):
    shifted = logits - logits.max()
    return (shifted.exp().sum(dim=1).log() - shifted.gather(1, targets[:, None])[:, 0]).mean()


@mistake(
    "supervised.cross_entropy",
    "log_of_softmax",
    check="check_large_logits",
    help="The loss is infinite. Is it the logarithm of a softmax? An unlikely class is rounded to 0 there: use "
    "log_softmax, which never computes the probability.",
)
def log_of_softmax(logits, targets):
    return -logits.softmax(dim=1).gather(1, targets[:, None]).log().mean()


@mistake(
    "supervised.cross_entropy",
    "adds_epsilon",
    check="check_large_logits",
    help="The loss is capped, as by a small number inside the logarithm. Use log_softmax, which needs none.",
)
def adds_epsilon(logits, targets):
    return -(logits.softmax(dim=1).gather(1, targets[:, None]) + 1e-8).log().mean()


@mistake(
    "supervised.cross_entropy",
    "clamps_probability",
    check="check_large_logits",
    help="The loss is capped, as by a clamp on the probability. Use log_softmax, which needs none.",
)
def clamps_probability(logits, targets):
    return -logits.softmax(dim=1).gather(1, targets[:, None]).clamp(min=1e-12).log().mean()


@mistake(
    "supervised.cross_entropy",
    "loss_without_gradient",
    check="check_loss_gradient",
    help="The loss has no gradient. Keep it a tensor, without .item(), float(), numpy, .detach() or no_grad().",
)
def loss_without_gradient(logits, targets):
    return _losses(logits, targets).mean().item()


@mistake(
    "supervised.cross_entropy",
    "normaliser_detached",
    check="check_loss_gradient",
    help="The gradient of the sum of exponentials is missing. Is it cut off by .detach(), .data or no_grad()?",
)
def normaliser_detached(logits, targets):
    return (logits.detach().logsumexp(dim=1) - logits.gather(1, targets[:, None])[:, 0]).mean()


@mistake(
    "supervised.cross_entropy",
    "changes_logits",
    check="check_logits_untouched",
    help="The logits are different afterwards, and the caller still needs them. Make a new tensor: `-=` and `sub_` "
    "change the old one.",
)
def changes_logits(logits, targets):
    logits -= logits.detach().amax(dim=1, keepdim=True)
    return _losses(logits, targets).mean()


@mistake(
    "supervised.cross_entropy",
    "uses_cross_entropy",
    check="check_loss",
    help="The task asks for the formula. Write it with log_softmax or logsumexp, without torch's cross-entropy.",
)
def uses_cross_entropy(logits, targets):
    return F.cross_entropy(logits, targets)


@mistake(
    "supervised.cross_entropy",
    "uses_nll_loss",
    check="check_loss",
    help="nll_loss is the half of the formula that is asked for. Select the right classes' entries with gather, or "
    "by their index.",
)
def uses_nll_loss(logits, targets):
    return F.nll_loss(F.log_softmax(logits, 1), targets)
