"""Other right forms of `model.pth`: each must earn every point."""

from __future__ import annotations

import io
import pickle
import re
import sys
from pathlib import Path

import torch

from grader.author import accepted_file, model_file
from grader.importing import load_module

ADDRESSES = re.compile(rb"(?<=X.\x00\x00\x00)\d{14,15}(?=q)", re.DOTALL)  # in torch's pickles of storages


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


@accepted_file("model.pth", "fashion.model_compiled", "names that begin with _orig_mod., below module. as well")
def model_compiled(files):
    return model_file({f"module._orig_mod.{name}": tensor for name, tensor in _loaded(files).items()})


@accepted_file("model.pth", "fashion.model_of_lightning", 'names with model. in {"state_dict": ...}, beside a loss')
def model_of_lightning(files):
    weights = {f"model.{name}": tensor for name, tensor in _loaded(files).items()}
    return model_file({"state_dict": {**weights, "criterion.weight": torch.ones(10)}, "epoch": 9, "loops": {}})


@accepted_file("model.pth", "fashion.model_averaged", "an AveragedModel's state_dict, with its counter")
def model_averaged(files):
    return model_file(torch.optim.swa_utils.AveragedModel(_network(files)).state_dict())


@accepted_file("model.pth", "fashion.model_profiled", "what thop counts in each layer beside the weights")
def model_profiled(files):
    weights = _loaded(files)
    layers = {name.rpartition(".")[0] for name in weights}
    return model_file({**weights, **{f"{layer}.total_ops": torch.zeros(1) for layer in layers}})


def _network(files):
    net = load_module(Path(__file__).parents[1] / "fashion.py").MyNet()
    net.load_state_dict(_loaded(files))
    return net


def _as_in_notebook(net, write):
    """What `write` makes of a network whose class a notebook defined."""
    network = type(net)
    network.__module__ = "__main__"
    sys.modules["__main__"].MyNet = network
    try:
        return write(net)
    finally:
        del sys.modules["__main__"].MyNet


@accepted_file("model.pth", "fashion.model_pickled_whole", "the whole module, pickled in a script or notebook")
def model_pickled_whole(files):
    return _as_in_notebook(_network(files), model_file)


@accepted_file("model.pth", "fashion.model_pickled_plainly", "pickle.dump in the place of torch.save")
def model_pickled_plainly(files):
    pickled = _as_in_notebook(_network(files), pickle.dumps)
    # Storages are named by their addresses; by numbers, the same network gives the same bytes every time.
    names = {name: index for index, name in enumerate(dict.fromkeys(ADDRESSES.findall(pickled)))}
    return ADDRESSES.sub(lambda found: b"%0*d" % (len(found[0]), names[found[0]]), pickled)


@accepted_file("model.pth", "fashion.model_compiled_whole", "torch.save of what torch.compile gave")
def model_compiled_whole(files):
    return _as_in_notebook(_network(files), lambda net: model_file(torch.compile(net)))
