"""Known mistakes in `supervised.pth` and in the supervised curves of `history.json`: task 2.2."""

from __future__ import annotations

import io
import json

import numpy as np
import torch
from torch import nn

from grader.author import mistaken_file, model_file

MEAN, STD = torch.tensor([0.4914, 0.4822, 0.4465]), torch.tensor([0.2470, 0.2435, 0.2616])


def _loaded(files):
    return torch.load(io.BytesIO(files["supervised.pth"]))


@mistaken_file(
    "supervised.pth",
    "supervised.model_is_optimizer",
    check="check_supervised_accuracy",
    help="supervised.pth holds the state of an optimizer. Save model.state_dict() instead.",
)
def model_is_optimizer(files):
    return model_file(torch.optim.AdamW(nn.Linear(3, 2).parameters()).state_dict())


@mistaken_file(
    "supervised.pth",
    "supervised.model_below_other_key",
    check="check_supervised_accuracy",
    help='The network lies in a dictionary below another key. Save model.state_dict() itself, or below "state_dict".',
)
def model_below_other_key(files):
    return model_file({"model": _loaded(files), "history": {"val_accuracy": [0.78]}})


@mistaken_file(
    "supervised.pth",
    "supervised.model_in_other_form",
    check="check_supervised_accuracy",
    help="supervised.pth holds something else than a state_dict or a whole module. Save model.state_dict() alone.",
)
def model_in_other_form(files):
    return model_file(list(_loaded(files).values()))


@mistaken_file(
    "supervised.pth",
    "supervised.model_in_other_format",
    check="check_supervised_accuracy",
    help="supervised.pth was not written by torch.save, and a file's name does not change what it is. Save the "
    'network with torch.save(model.state_dict(), "supervised.pth").',
)
def model_in_other_format(files):
    buffer = io.BytesIO()
    np.savez(buffer, **{name: tensor.numpy() for name, tensor in _loaded(files).items()})
    return buffer.getvalue()


@mistaken_file(
    "supervised.pth",
    "supervised.model_of_other_network",
    check="check_supervised_accuracy",
    help="The weights do not fit SmallResNet() with its ten classes. Hand in the resnet.py that they were trained "
    "with. Or is this rotation.pth under another name?",
)
def model_of_other_network(files):
    return files["rotation.pth"]


@mistaken_file(
    "supervised.pth",
    "supervised.model_untrained",
    check="check_supervised_accuracy",
    help="The network is hardly better than guessing. Was it saved before it was trained?",
)
def model_untrained(files):
    generator = torch.Generator().manual_seed(0)
    random = {
        k: torch.randn(v.shape, generator=generator) * 0.05 if v.ndim > 1 else v for k, v in _loaded(files).items()
    }
    return model_file(random)


@mistaken_file(
    "supervised.pth",
    "supervised.model_of_other_normalisation",
    check="check_supervised_accuracy",
    help="The network does far better on pixels of another range. Was it trained without the normalization by "
    "channel, MEAN and STD of the stub?",
)
def model_of_other_normalisation(files):
    weights = _loaded(files)
    # The same network for pixels from 0 to 1: x = (y - MEAN) / STD, folded into the first convolution and its norm.
    first, scale = weights["conv1.weight"], (1 / STD).view(1, 3, 1, 1)
    weights["bn1.running_mean"] = weights["bn1.running_mean"] + (first * scale * MEAN.view(1, 3, 1, 1)).sum(
        dim=(1, 2, 3)
    )
    weights["conv1.weight"] = first * scale
    return model_file(weights)


def _changed(files, change):
    """history.json whose supervised curves went through a function."""
    histories = json.loads(files["history.json"])
    return json.dumps(histories | {"supervised": change(histories["supervised"])}).encode()


@mistaken_file(
    "history.json",
    "supervised.history_of_one_network",
    check="check_supervised_curves",
    help='The curves stand at the top of the file. Put them under "supervised", beside "rotation".',
)
def history_of_one_network(files):
    histories = json.loads(files["history.json"])
    return json.dumps(histories["supervised"] | {"rotation": histories["rotation"]}).encode()


@mistaken_file(
    "history.json",
    "supervised.history_by_epoch",
    check="check_supervised_curves",
    help="There is a list where the curves should be. Save a list for each curve, with a number per epoch.",
)
def history_by_epoch(files):
    def by_epoch(curves):
        return [dict(zip(curves, epoch, strict=True)) for epoch in zip(*curves.values(), strict=True)]

    return _changed(files, by_epoch)


@mistaken_file(
    "history.json",
    "supervised.history_lacks_curves",
    check="check_supervised_curves",
    help="All four curves are asked for, under the names train_loss, train_accuracy, val_loss and val_accuracy.",
)
def history_lacks_curves(files):
    return _changed(files, lambda curves: {name.replace("accuracy", "acc"): curve for name, curve in curves.items()})


@mistaken_file(
    "history.json",
    "supervised.history_of_last_epoch",
    check="check_supervised_curves",
    help="A curve is a single number. Append each epoch's number to a list.",
)
def history_of_last_epoch(files):
    return _changed(files, lambda curves: {name: curve[-1] for name, curve in curves.items()})


@mistaken_file(
    "history.json",
    "supervised.history_not_finite",
    check="check_supervised_curves",
    help="A number is nan or infinite. Did training go wrong there, or was a mean taken over nothing?",
)
def history_not_finite(files):
    return _changed(files, lambda curves: curves | {"val_loss": [*curves["val_loss"][:-1], float("nan")]})


@mistaken_file(
    "history.json",
    "supervised.history_of_unequal_lengths",
    check="check_supervised_curves",
    help="A curve has more numbers than another, for example one per batch. Save one per epoch in each.",
)
def history_of_unequal_lengths(files):
    return _changed(files, lambda curves: curves | {"train_loss": curves["train_loss"] * 7})


@mistaken_file(
    "history.json",
    "supervised.history_in_two_units",
    check="check_supervised_curves",
    help="In one curve, some accuracies look like fractions and others like percent. Save all as 0.83, or all as 83.",
)
def history_in_two_units(files):
    def change(curves):
        first, *rest = curves["val_accuracy"]
        return curves | {"val_accuracy": [first, *(100 * value for value in rest)]}

    return _changed(files, change)


@mistaken_file(
    "history.json",
    "supervised.history_constant",
    check="check_supervised_curves",
    help="The training loss is the same number in each epoch. Append what train_epoch returns, epoch after epoch.",
)
def history_constant(files):
    return _changed(files, lambda curves: curves | {"train_loss": [0.5] * len(curves["train_loss"])})
