"""Other right forms of `model.pth`: each must earn every point."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import torch

from grader.importing import load_module
from grader.solutions import accepted_file, model_file


def _loaded(files):
    return torch.load(io.BytesIO(files["model.pth"]))


@accepted_file("model.pth", "fashion.model_in_checkpoint", '{"state_dict": ...} beside other things')
def model_in_checkpoint(files):
    return model_file({"epoch": 7, "state_dict": _loaded(files), "best": 0.92})


@accepted_file("model.pth", "fashion.model_in_other_checkpoint", '{"model_state_dict": ...}')
def model_in_other_checkpoint(files):
    return model_file({"model_state_dict": _loaded(files), "optimizer_state_dict": {}})


@accepted_file("model.pth", "fashion.model_of_data_parallel", "names that begin with module.")
def model_of_data_parallel(files):
    return model_file({f"module.{name}": tensor for name, tensor in _loaded(files).items()})


@accepted_file("model.pth", "fashion.model_in_half_precision", "float16 weights")
def model_in_half_precision(files):
    return model_file({k: v.half() if v.is_floating_point() else v for k, v in _loaded(files).items()})


@accepted_file("model.pth", "fashion.model_pickled_whole", "the whole module, pickled in a script or notebook")
def model_pickled_whole(files):
    network = load_module(Path(__file__).parents[1] / "fashion.py").MyNet
    net = network()
    net.load_state_dict(_loaded(files))
    network.__module__ = "__main__"  # where a notebook defines it
    sys.modules["__main__"].MyNet = network
    try:
        return model_file(net)
    finally:
        del sys.modules["__main__"].MyNet
