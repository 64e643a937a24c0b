"""Known mistakes in `cam.py`: tasks 3a to 3c."""

from __future__ import annotations

import torch
from torch import nn

from grader.solutions import mistake

# --- flatten_activations ----------------------------------------------------------------------------------------------


@mistake(
    "cam.flatten_activations",
    "reshape_without_transpose",
    check="check_rows_are_places",
    help="You reshaped (1, c, h, w) to (h*w, c) without moving the units to the end first, so each row mixes numbers "
    "of different places: permute, then reshape.",
)
def reshape_without_transpose(activations):
    _, c, h, w = activations.shape
    return activations.reshape(h * w, c)


@mistake(
    "cam.flatten_activations",
    "columns_first",
    check="check_rows_are_places",
    help="You go through the map column by column: the first w rows of the result are the top row of the map.",
)
def columns_first(activations):
    _, c, h, w = activations.shape
    return activations[0].permute(2, 1, 0).reshape(h * w, c)


@mistake(
    "cam.flatten_activations",
    "units_in_rows",
    check="check_rows_are_places",
    help="Your result is (c, h*w), a row per unit: transpose it, a row per place is asked for.",
)
def units_in_rows(activations):
    return activations.flatten(2)[0]


@mistake(
    "cam.flatten_activations",
    "flattens_everything",
    check="check_rows_are_places",
    help="You flattened everything into one row: keep the units apart, (h*w, c).",
)
def flattens_everything(activations):
    return activations.flatten()


@mistake(
    "cam.flatten_activations",
    "averages_places",
    check="check_rows_are_places",
    help="You averaged over the places, as avgpool does; the places must stay apart here.",
)
def averages_places(activations):
    return activations.mean(dim=(2, 3))


@mistake(
    "cam.flatten_activations",
    "assumes_2048_units",
    check="check_rows_are_places",
    help="You wrote 2048 into the code: ask the tensor for its number of units.",
)
def assumes_2048_units(activations):
    return activations.permute(0, 2, 3, 1).reshape(-1, 2048)


# --- class_scores -----------------------------------------------------------------------------------------------------


@mistake(
    "cam.class_scores",
    "applies_softmax",
    check="check_scores",
    help="You turned the scores into probabilities; leave the softmax out.",
)
def applies_softmax(flat, fc):
    return fc(flat).softmax(dim=1)


@mistake(
    "cam.class_scores",
    "clips_scores",
    check="check_scores",
    help="You set negative scores to 0 (a ReLU); places that speak against a class belong to the answer.",
)
def clips_scores(flat, fc):
    return fc(flat).relu()


@mistake(
    "cam.class_scores",
    "averages_first",
    check="check_scores",
    help="You averaged over the places before fc, which gives the logits of the whole image: apply fc at every place.",
)
def averages_first(flat, fc):
    return fc(flat.mean(dim=0, keepdim=True))


@mistake(
    "cam.class_scores",
    "weight_not_transposed",
    check="check_scores",
    help="fc.weight is (K, c): multiply by its transpose, flat @ fc.weight.T, or simply call fc(flat).",
)
def weight_not_transposed(flat, fc):
    return flat @ fc.weight


@mistake(
    "cam.class_scores",
    "classes_in_rows",
    check="check_scores",
    help="Your result is (K, h*w), a row per class: a row per place is asked for.",
)
def classes_in_rows(flat, fc):
    return fc(flat).T


@mistake(
    "cam.class_scores",
    "absolute_weights",
    check="check_scores",
    help="You took the absolute value of the weights, so that evidence against a class counts for it.",
)
def absolute_weights(flat, fc):
    return flat @ fc.weight.abs().T


# --- generate_featuremap_CAM ------------------------------------------------------------------------------------------


def _parts(model, image):
    """Activations (c, h, w) and the weight (K, c)."""
    model.eval()
    with torch.no_grad():
        return nn.Sequential(*list(model.children())[:-2])(image[None])[0], model.fc.weight.detach()


def _map(weights, activations):
    return (weights[:, None, None] * activations).sum(dim=0)


@mistake(
    "cam.generate_featuremap_CAM",
    "map_without_transpose",
    check="check_map",
    help="You reshaped the activations without moving the units to the end first, so places are mixed up: permute, "
    "then reshape.",
)
def map_without_transpose(model, class_id, image):
    activations, weight = _parts(model, image)
    c, h, w = activations.shape
    return (activations.reshape(h * w, c) @ weight[class_id]).reshape(h, w)


@mistake(
    "cam.generate_featuremap_CAM",
    "next_class",
    check="check_map",
    help="You use the weights of the class after the one that is asked for: classes count from 0.",
)
def next_class(model, class_id, image):
    activations, weight = _parts(model, image)
    return _map(weight[(class_id + 1) % len(weight)], activations)


@mistake(
    "cam.generate_featuremap_CAM",
    "always_top_class",
    check="check_map",
    help="You draw the map of the network's top class, whatever `class_id` is.",
)
def always_top_class(model, class_id, image):
    activations, weight = _parts(model, image)
    return _map(weight[model.fc(activations.mean(dim=(1, 2))).argmax()], activations)


@mistake(
    "cam.generate_featuremap_CAM",
    "clips_at_zero",
    check="check_map",
    help="You cut the map off at 0 (a ReLU), so places that speak against the class can't be told from neutral ones.",
)
def clips_at_zero(model, class_id, image):
    activations, weight = _parts(model, image)
    return _map(weight[class_id], activations).relu()


@mistake(
    "cam.generate_featuremap_CAM",
    "averages_all_units",
    check="check_map",
    help="You average the maps of all units without the class's weights, so every class gets the same map.",
)
def averages_all_units(model, class_id, image):
    activations, _ = _parts(model, image)
    return activations.mean(dim=0)


@mistake(
    "cam.generate_featuremap_CAM",
    "largest_unit_only",
    check="check_map",
    help="You draw the unit with the largest weight alone: sum over all units, each times its weight.",
)
def largest_unit_only(model, class_id, image):
    activations, weight = _parts(model, image)
    return activations[weight[class_id].argmax()]


@mistake(
    "cam.generate_featuremap_CAM",
    "absolute_map",
    check="check_map",
    help="You took the absolute value, so that evidence against the class looks like evidence for it.",
)
def absolute_map(model, class_id, image):
    activations, weight = _parts(model, image)
    return _map(weight[class_id], activations).abs()


@mistake(
    "cam.generate_featuremap_CAM",
    "map_of_probabilities",
    check="check_map",
    help="You applied a softmax over the classes at every place; leave it out, the scores themselves are the map.",
)
def map_of_probabilities(model, class_id, image):
    activations, _ = _parts(model, image)
    return model.fc(activations.flatten(1).T).softmax(dim=1)[:, class_id].reshape(activations.shape[1:])


@mistake(
    "cam.generate_featuremap_CAM",
    "map_on_its_side",
    check="check_map",
    help="Your map lies on its side: the rows of the result are the rows of the image.",
)
def map_on_its_side(model, class_id, image):
    activations, weight = _parts(model, image)
    return _map(weight[class_id], activations).T


@mistake(
    "cam.generate_featuremap_CAM",
    "upsampled_map",
    check="check_map",
    help="You enlarged the map to the size of the image; return it as it is, (h, w): the report enlarges it.",
)
def upsampled_map(model, class_id, image):
    activations, weight = _parts(model, image)
    small = _map(weight[class_id], activations)
    return nn.functional.interpolate(small[None, None], size=image.shape[-2:], mode="bilinear")[0, 0]


@mistake(
    "cam.generate_featuremap_CAM",
    "cuts_the_model",
    check="check_map_keeps_model",
    help="You replaced fc or avgpool in the network that was passed in: build a new nn.Sequential from its children.",
)
def cuts_the_model(model, class_id, image):
    activations, weight = _parts(model, image)
    model.fc = nn.Identity()
    return _map(weight[class_id], activations)
