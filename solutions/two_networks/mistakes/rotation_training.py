"""Known mistakes in `rotation.pth` and in the rotation network's curve in `history.json`: task 3.2."""

from __future__ import annotations

import io
import json

import torch
from safetensors.torch import save
from torch import nn

from grader.author import mistaken_file, model_file

# --- rotation.pth -----------------------------------------------------------------------------------------------------


def _loaded(files):
    return torch.load(io.BytesIO(files["rotation.pth"]))


@mistaken_file(
    "rotation.pth",
    "rotation.model_is_optimizer",
    check="check_rotation_accuracy",
    help="rotation.pth holds the state of an optimizer. Save model.state_dict() instead.",
)
def model_is_optimizer(files):
    return model_file(torch.optim.SGD(nn.Linear(3, 2).parameters(), lr=0.1).state_dict())


@mistaken_file(
    "rotation.pth",
    "rotation.model_below_other_key",
    check="check_rotation_accuracy",
    help='The network lies in a dictionary below another key. Save model.state_dict() itself, or below "state_dict".',
)
def model_below_other_key(files):
    return model_file({"rotation": _loaded(files), "epoch": 9})


@mistaken_file(
    "rotation.pth",
    "rotation.model_in_other_form",
    check="check_rotation_accuracy",
    help="rotation.pth holds something else than a state_dict or a whole module. Save model.state_dict() alone.",
)
def model_in_other_form(files):
    return model_file([_loaded(files)])


@mistaken_file(
    "rotation.pth",
    "rotation.model_in_other_format",
    check="check_rotation_accuracy",
    help="rotation.pth was not written by torch.save, and a file's name does not change what it is. Save the network "
    'with torch.save(model.state_dict(), "rotation.pth").',
)
def model_in_other_format(files):
    return save(_loaded(files))


@mistaken_file(
    "rotation.pth",
    "rotation.model_of_other_network",
    check="check_rotation_accuracy",
    help="The weights in rotation.pth do not fit rotation_model(SmallResNet()). Hand in the resnet.py and "
    "rotation.py that they were trained with.",
)
def model_of_other_network(files):
    return model_file(nn.Sequential(nn.Linear(3072, 4)).state_dict())


@mistaken_file(
    "rotation.pth",
    "rotation.model_of_ten_classes",
    check="check_rotation_accuracy",
    help="rotation.pth holds a network with ten classes, as supervised.pth does. Are the two files exchanged, or was "
    "the wrong network saved?",
)
def model_of_ten_classes(files):
    return files["supervised.pth"]


@mistaken_file(
    "rotation.pth",
    "rotation.model_untrained",
    check="check_rotation_accuracy",
    help="The network in rotation.pth is hardly better than guessing. Was it saved before it was trained?",
)
def model_untrained(files):
    generator = torch.Generator().manual_seed(0)
    return model_file(
        {k: torch.randn(v.shape, generator=generator) * 0.05 if v.ndim > 1 else v for k, v in _loaded(files).items()}
    )


@mistaken_file(
    "rotation.pth",
    "rotation.model_of_other_normalisation",
    check="check_rotation_accuracy",
    help="The network in rotation.pth does far better on images that are normalized in another way. Train it on "
    "images normalized by channel, as make_loaders gives them.",
)
def model_of_other_normalisation(files):
    weights = _loaded(files)
    # The same network for pixels from 0 to 255: the normalisation folded into the first convolution and its batch norm.
    mean, std = 255 * torch.tensor([0.4914, 0.4822, 0.4465]), 255 * torch.tensor([0.2470, 0.2435, 0.2616])
    weights["conv1.weight"] = weights["conv1.weight"] / std[:, None, None]
    shift = (weights["conv1.weight"].sum(dim=(2, 3)) * mean).sum(dim=1)
    weights["bn1.running_mean"] = weights["bn1.running_mean"] + shift
    return model_file(weights)


@mistaken_file(
    "rotation.pth",
    "rotation.model_of_other_labels",
    check="check_rotation_accuracy",
    help="The network tells the turns apart but gives them other labels. 0 is upright, 2 a half turn, 1 and 3 the "
    "quarter turns: was it trained with this rotate_images?",
)
def model_of_other_labels(files):
    weights = _loaded(files)
    order = [1, 2, 3, 0]
    return model_file(weights | {name: weights[name][order] for name in ("fc.weight", "fc.bias")})


# --- The curve in history.json ----------------------------------------------------------------------------------------


def _history(files):
    return json.loads(files["history.json"])


def _with_rotation(files, curves):
    return json.dumps(_history(files) | {"rotation": curves}).encode()


@mistaken_file(
    "history.json",
    "rotation.history_lacks_curves",
    check="check_rotation_curve",
    help='Under "rotation", history.json lacks "train_loss", a number per epoch.',
)
def history_lacks_curves(files):
    curves = _history(files)["rotation"]
    return _with_rotation(files, {"loss": curves["train_loss"]})


@mistaken_file(
    "history.json",
    "rotation.history_by_epoch",
    check="check_rotation_curve",
    help='Under "rotation", history.json holds a list. Save a list for each curve, with a number per epoch.',
)
def history_by_epoch(files):
    curves = _history(files)["rotation"]
    return _with_rotation(
        files, [dict(zip(curves, values, strict=True)) for values in zip(*curves.values(), strict=True)]
    )


@mistaken_file(
    "history.json",
    "rotation.history_of_last_epoch",
    check="check_rotation_curve",
    help='Under "rotation", a curve is a single number. Append each epoch\'s loss to a list.',
)
def history_of_last_epoch(files):
    return _with_rotation(files, {name: curve[-1] for name, curve in _history(files)["rotation"].items()})


@mistaken_file(
    "history.json",
    "rotation.history_not_finite",
    check="check_rotation_curve",
    help="A loss of the rotation network is nan or infinite. Did training fail there? A lower learning rate often "
    "helps.",
)
def history_not_finite(files):
    curves = _history(files)["rotation"]
    return _with_rotation(files, curves | {"train_loss": [float("nan")] * len(curves["train_loss"])})


@mistaken_file(
    "history.json",
    "rotation.history_of_one_network",
    check="check_rotation_curve",
    help='The curves stand at the top of the file. Put them under "rotation", beside "supervised".',
)
def history_of_one_network(files):
    histories = _history(files)
    return json.dumps(histories["rotation"] | {"supervised": histories["supervised"]}).encode()


@mistaken_file(
    "history.json",
    "rotation.history_constant",
    check="check_rotation_curve",
    help="The training loss of the rotation network is the same number in each epoch. Append each epoch's loss.",
)
def history_constant(files):
    return _with_rotation(files, {"train_loss": [0] * len(_history(files)["rotation"]["train_loss"])})
