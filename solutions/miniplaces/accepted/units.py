"""Other right ways of `units.py`: each must earn every point."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import nn

from grader.author import accepted, accepted_value


@accepted("units.remove_last_layers", "keeps_names", "a Sequential with the children's names")
def keeps_names(model, num_layers=2):
    cut = nn.Sequential()
    children = list(model.named_children())
    for name, child in children[: len(children) - num_layers]:
        cut.add_module(name, child)
    return cut


@accepted("units.remove_last_layers", "own_module", "a module of its own that runs the children in a loop")
def own_module(model, num_layers=2):
    class Cut(nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = nn.ModuleList(list(model.children())[:-num_layers])

        def forward(self, x):
            for part in self.parts:
                x = part(x)
            return x

    return Cut()


@accepted("units.remove_last_layers", "deep_copy", "a deep copy, cut")
def deep_copy(model, num_layers=2):
    return nn.Sequential(*list(copy.deepcopy(model).children())[:-num_layers])


@accepted("units.generate_featuremap_unit", "keeps_dimensions", "the map with dimensions of size 1 in front, as numpy")
def keeps_dimensions(model_cut, unit_id, image):
    with torch.no_grad():
        return model_cut(image.unsqueeze(0))[:, unit_id : unit_id + 1].numpy()


@accepted("units.generate_featuremap_unit", "with_gradient", "the map still requires grad")
def with_gradient(model_cut, unit_id, image):
    return model_cut(image[None]).squeeze(0)[unit_id]


sky_of_numpy = accepted_value("units.SKY_UNIT", "sky_of_numpy", np.int64(1427), "as NumPy's argmax gives it")


@accepted("units.deactivate_unit_activations", "in_last_block", "a hook on the last block of layer4")
def in_last_block(model, image, unit_ids):
    units = torch.as_tensor(unit_ids).reshape(-1)
    hook = model.layer4[-1].register_forward_hook(lambda _block, _inputs, maps: maps.index_fill(1, units, 0))
    try:
        with torch.no_grad():
            return model(image[None])[0]
    finally:
        hook.remove()


@accepted("units.deactivate_unit_activations", "by_hand", "maps set to 0, then avgpool and fc, as a batch of one")
def by_hand(model, image, unit_ids):
    ids = [int(i) for i in np.atleast_1d(np.array(unit_ids))]
    with torch.no_grad():
        maps = nn.Sequential(*list(model.children())[:-2])(image.unsqueeze(0)).clone()
        for unit in ids:
            maps[:, unit, :, :] = 0.0
        return model.fc(model.avgpool(maps).squeeze(-1).squeeze(-1))


@accepted("units.deactivate_unit_activations", "in_features", "features that go into fc set to 0, as numpy")
def in_features(model, image, unit_ids):
    with torch.no_grad():
        features = nn.Sequential(*list(model.children())[:-1])(image.unsqueeze(0)).flatten(1)
        features[0, torch.as_tensor(unit_ids)] = 0
        return model.fc(features)[0].numpy()


@accepted("units.deactivate_unit_activations", "in_a_copy", "the weights of fc set to 0 in a copy of the network")
def in_a_copy(model, image, unit_ids):
    clone = copy.deepcopy(model).eval()
    with torch.no_grad():
        clone.fc.weight[:, torch.as_tensor(unit_ids).reshape(-1)] = 0
        return clone(image[None])


@accepted("units.lowest_dropped_units", "whole_passes", "a whole forward pass per drop, through hooks, as a tensor")
def whole_passes(model, image):
    dropped: list[int] = []
    hook = model.layer4.register_forward_hook(
        lambda _layer, _inputs, maps: maps.index_fill(1, torch.tensor(dropped, dtype=torch.long), 0)
    )
    model.eval()
    try:
        with torch.no_grad():
            top = model(image[None]).argmax().item()
            for unit in model.fc.weight[top].argsort(descending=True).tolist():
                dropped.append(unit)
                if model(image[None]).argmax().item() != top:
                    return torch.tensor(len(dropped))
    finally:
        hook.remove()
    return None
