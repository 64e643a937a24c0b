"""Known mistakes in `fashion.create_optimizer` and `model.pth`: task 4c."""

from __future__ import annotations

import io

import torch
from safetensors.torch import save
from torch import nn

from grader.author import mistake, mistaken_file, model_file


@mistake(
    "fashion.create_optimizer",
    "last_layer_only",
    check="check_all_parameters",
    help="Are these the parameters of the last layer alone? Pass net.parameters().",
)
def last_layer_only(net, lr):
    return torch.optim.SGD(list(net.children())[-1].parameters(), lr=lr)


@mistake(
    "fashion.create_optimizer",
    "without_biases",
    check="check_all_parameters",
    help="Are the biases left out? Pass net.parameters().",
)
def without_biases(net, lr):
    return torch.optim.SGD([p for name, p in net.named_parameters() if not name.endswith("bias")], lr=lr)


@mistake(
    "fashion.create_optimizer",
    "fixed_learning_rate",
    check="check_learning_rate",
    help="The learning rate is 0.01, not the one that is passed in. Pass on `lr`.",
)
def fixed_learning_rate(net, lr):
    return torch.optim.SGD(net.parameters(), lr=0.01)


@mistake(
    "fashion.create_optimizer",
    "default_learning_rate",
    check="check_learning_rate",
    help="The learning rate is 0.001, Adam's default. Pass lr=lr.",
)
def default_learning_rate(net, lr):
    return torch.optim.Adam(net.parameters())


@mistake(
    "fashion.create_optimizer",
    "scaled_learning_rate",
    check="check_learning_rate",
    help="The learning rate is 100 times the one that is passed in. Pass on `lr` as it is.",
)
def scaled_learning_rate(net, lr):
    return torch.optim.Adam(net.parameters(), lr=lr * 100)


@mistaken_file(
    "model.pth",
    "fashion.model_is_optimizer",
    check="check_model_accuracy",
    help="model.pth holds the state of an optimizer. Save net.state_dict() instead.",
)
def model_is_optimizer(files):
    return model_file(torch.optim.AdamW(nn.Linear(3, 2).parameters()).state_dict())


def _loaded(files):
    return torch.load(io.BytesIO(files["model.pth"]))


@mistaken_file(
    "model.pth",
    "fashion.model_below_other_key",
    check="check_model_accuracy",
    help='The network lies in a dictionary below another key. Save net.state_dict() itself, or below "state_dict".',
)
def model_below_other_key(files):
    return model_file({"net": _loaded(files), "acc": 0.92, "epoch": 9})


@mistaken_file(
    "model.pth",
    "fashion.model_in_other_form",
    check="check_model_accuracy",
    help="model.pth holds something else than a state_dict or a whole module. Save net.state_dict() alone.",
)
def model_in_other_form(files):
    return model_file((_loaded(files), 0.92))


@mistaken_file(
    "model.pth",
    "fashion.model_in_other_format",
    check="check_model_accuracy",
    help="model.pth was not written by torch.save, and a file's name does not change what it is. Save the network "
    'with torch.save(net.state_dict(), "model.pth").',
)
def model_in_other_format(files):
    return save(_loaded(files))


@mistaken_file(
    "model.pth",
    "fashion.model_of_other_network",
    check="check_model_accuracy",
    help="The weights do not fit the MyNet in fashion.py. Hand in the MyNet that they were trained with.",
)
def model_of_other_network(files):
    return model_file(nn.Sequential(nn.Linear(784, 10)).state_dict())


@mistaken_file(
    "model.pth",
    "fashion.model_untrained",
    check="check_model_accuracy",
    help="The network is hardly better than guessing. Was it saved before it was trained?",
)
def model_untrained(files):
    weights, generator = _loaded(files), torch.Generator().manual_seed(0)
    return model_file(
        {k: torch.randn(v.shape, generator=generator) * 0.05 if v.ndim > 1 else v for k, v in weights.items()}
    )


@mistaken_file(
    "model.pth",
    "fashion.model_without_normalisation",
    check="check_model_accuracy",
    help="The network does far better on images from 0 to 1. Was it trained without the normalization to [-1, 1]?",
)
def model_without_normalisation(files):
    weights = _loaded(files)
    # The same network for images in [0, 1]: x = 2 y - 1 folded into the first convolution and its batch norm.
    first, norm = "features.0.weight", "features.1."
    weights[f"{norm}running_mean"] = weights[f"{norm}running_mean"] + weights[first].sum(dim=(1, 2, 3))
    weights[first] = 2 * weights[first]
    return model_file(weights)
