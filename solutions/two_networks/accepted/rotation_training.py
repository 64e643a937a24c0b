"""Other right forms of `rotation.pth` and of the rotation curve in `history.json`: each must earn every point."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import torch
from torch import nn

from grader.solutions import accepted_file, load_module, model_file


def _loaded(files):
    return torch.load(io.BytesIO(files["rotation.pth"]))


@accepted_file("rotation.pth", "rotation.model_in_checkpoint", '{"state_dict": ...} beside other things')
def model_in_checkpoint(files):
    return model_file({"epoch": 7, "state_dict": _loaded(files), "best": 0.8})


@accepted_file("rotation.pth", "rotation.model_in_other_checkpoint", '{"model_state_dict": ...} in half precision')
def model_in_other_checkpoint(files):
    weights = {k: v.half() if v.is_floating_point() else v for k, v in _loaded(files).items()}
    return model_file({"model_state_dict": weights, "optimizer_state_dict": {}})


@accepted_file("rotation.pth", "rotation.model_of_data_parallel", "names that begin with module.")
def model_of_data_parallel(files):
    return model_file({f"module.{name}": tensor for name, tensor in _loaded(files).items()})


@accepted_file("rotation.pth", "rotation.model_compiled_in_part", "names with _orig_mod. in the middle")
def model_compiled_in_part(files):
    return model_file({name.replace("layer1.", "layer1._orig_mod."): each for name, each in _loaded(files).items()})


@accepted_file("rotation.pth", "rotation.model_that_turns_right", "labels that count quarter turns to the right")
def model_that_turns_right(files):
    weights, order = _loaded(files), [0, 3, 2, 1]
    return model_file(weights | {name: weights[name][order] for name in ("fc.weight", "fc.bias")})


@accepted_file("rotation.pth", "rotation.model_pickled_whole", "the whole module, pickled in a script or notebook")
def model_pickled_whole(files):
    module, main = load_module(Path(__file__).parents[1] / "resnet.py"), sys.modules["__main__"]
    net = module.SmallResNet()
    net.fc = nn.Linear(net.fc.in_features, 4)
    net.load_state_dict(_loaded(files))
    classes = (module.SmallResNet, module.BasicBlock)
    for each in classes:
        each.__module__ = "__main__"  # where a notebook defines them
        setattr(main, each.__name__, each)
    try:
        return model_file(net)
    finally:
        for each in classes:
            delattr(main, each.__name__)


def _with_rotation(files, curves):
    histories = json.loads(files["history.json"])
    return json.dumps(histories | {"rotation": curves(histories["rotation"])}, indent=2).encode()


@accepted_file("history.json", "rotation.history_of_loss_only", "the training loss alone")
def history_of_loss_only(files):
    return _with_rotation(files, lambda curves: {"train_loss": curves["train_loss"]})


@accepted_file("history.json", "rotation.history_with_more", "more curves than asked for, of other lengths")
def history_with_more(files):
    return _with_rotation(files, lambda curves: curves | {"lr": [0.1] * 3, "val_loss": [], "seconds": 12})
