"""Known mistakes in the first half of `units.py`, the maps of units: tasks 2a and 2b."""

from __future__ import annotations

import torch
from torch import nn

from grader.author import mistake, mistaken_value

# --- remove_last_layers -----------------------------------------------------------------------------------------------


@mistake(
    "units.remove_last_layers",
    "ignores_num_layers",
    check="check_layers_removed",
    help="Two layers are cut off where `num_layers` asks for another number. Use `num_layers`.",
)
def ignores_num_layers(model, num_layers=2):
    return nn.Sequential(*list(model.children())[:-2])


@mistake(
    "units.remove_last_layers",
    "removes_one_too_many",
    check="check_layers_removed",
    help="One layer too many is cut off. The slice `[:-n]` leaves out exactly n.",
)
def removes_one_too_many(model, num_layers=2):
    return nn.Sequential(*list(model.children())[: -(num_layers + 1)])


@mistake(
    "units.remove_last_layers",
    "removes_one_too_few",
    check="check_layers_removed",
    help="One layer too few is cut off. The slice `[:-n]` leaves out exactly n.",
)
def removes_one_too_few(model, num_layers=2):
    children = list(model.children())
    return nn.Sequential(*children[: len(children) - num_layers + 1])


@mistake(
    "units.remove_last_layers",
    "keeps_first_layers",
    check="check_layers_removed",
    help="Are the first `num_layers` children kept? Leave out the last ones instead: `[:-num_layers]`.",
)
def keeps_first_layers(model, num_layers=2):
    return nn.Sequential(*list(model.children())[:num_layers])


@mistake(
    "units.remove_last_layers",
    "counts_inner_modules",
    check="check_layers_removed",
    help="The cut goes through the inside of a block. `children()` gives the direct children, `modules()` gives all "
    "modules.",
)
def counts_inner_modules(model, num_layers=2):
    leaves = [module for module in model.modules() if not list(module.children())]
    return nn.Sequential(*leaves[:-num_layers])


@mistake(
    "units.remove_last_layers",
    "returns_whole_model",
    check="check_layers_removed",
    help="The result still has all its layers. Leave out the last `num_layers` children.",
)
def returns_whole_model(model, num_layers=2):
    return model


@mistake(
    "units.remove_last_layers",
    "empties_the_model",
    check="check_cut_keeps_model",
    help="Afterwards the network that was passed in lacks the layers that were cut off. Build a new nn.Sequential "
    "from its children instead.",
)
def empties_the_model(model, num_layers=2):
    names = [name for name, _ in model.named_children()]
    kept = nn.Sequential(*list(model.children())[: len(names) - num_layers])
    for name in names[-num_layers:]:
        setattr(model, name, nn.Identity())
    return kept


# --- generate_featuremap_unit -----------------------------------------------------------------------------------------


@mistake(
    "units.generate_featuremap_unit",
    "returns_all_maps",
    check="check_unit_map",
    help="These are the maps of all units. Index the one that is asked for.",
)
def returns_all_maps(model_cut, unit_id, image):
    with torch.no_grad():
        return model_cut(image[None])[0]


@mistake(
    "units.generate_featuremap_unit",
    "averages_units",
    check="check_unit_map",
    help="This is the average over all units. Index the one that is asked for.",
)
def averages_units(model_cut, unit_id, image):
    with torch.no_grad():
        return model_cut(image[None])[0].mean(dim=0)


@mistake(
    "units.generate_featuremap_unit",
    "counts_units_from_one",
    check="check_unit_map",
    help="This is the map of the unit before the one that is asked for. Units count from 0.",
)
def counts_units_from_one(model_cut, unit_id, image):
    with torch.no_grad():
        return model_cut(image[None])[0, unit_id - 1]


@mistake(
    "units.generate_featuremap_unit",
    "transposes_the_map",
    check="check_unit_map",
    help="The map lies on its side. Rows (h) come first, then columns (w).",
)
def transposes_the_map(model_cut, unit_id, image):
    with torch.no_grad():
        return model_cut(image[None])[0, unit_id].T


@mistake(
    "units.generate_featuremap_unit",
    "scales_to_one",
    check="check_unit_map",
    help="The map is rescaled. Return the activations as the network gives them.",
)
def scales_to_one(model_cut, unit_id, image):
    with torch.no_grad():
        activations = model_cut(image[None])[0, unit_id] * 255
    return activations / 255 / activations.sum()


@mistake(
    "units.generate_featuremap_unit",
    "returns_its_maximum",
    check="check_unit_map",
    help="The result is one number. The whole map, (h, w), is asked for.",
)
def returns_its_maximum(model_cut, unit_id, image):
    with torch.no_grad():
        return model_cut(image[None])[0, unit_id].max()


# --- SKY_UNIT, BUILDING_UNIT ------------------------------------------------------------------------------------------

same_unit = mistaken_value(
    "units.BUILDING_UNIT",
    "same_unit",
    1427,
    check="check_units_named",
    help="A unit that fires on both tells nothing about either. Choose one for sky and another for buildings.",
)
counts_from_one = mistaken_value(
    "units.SKY_UNIT",
    "counts_from_one",
    2048,
    check="check_units_named",
    help="The last of 2048 units is number 2047: units count from 0.",
)
