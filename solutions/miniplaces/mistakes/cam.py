"""Known mistakes in `cam.py`: tasks 3a to 3c."""

from __future__ import annotations

import torch
from torch import nn

from grader.author import mistake

# --- flatten_activations ----------------------------------------------------------------------------------------------


@mistake(
    "cam.flatten_activations",
    "reshape_without_transpose",
    check="check_rows_are_places",
    help="Each row mixes numbers of different places, as a reshape of (1, c, h, w) to (h*w, c) does. Move the units "
    "to the end first: permute, then reshape.",
)
def reshape_without_transpose(activations):
    _, c, h, w = activations.shape
    return activations.reshape(h * w, c)


@mistake(
    "cam.flatten_activations",
    "columns_first",
    check="check_rows_are_places",
    help="The rows go through the map column by column. The first w rows of the result belong to the top row of the "
    "map.",
)
def columns_first(activations):
    _, c, h, w = activations.shape
    return activations[0].permute(2, 1, 0).reshape(h * w, c)


@mistake(
    "cam.flatten_activations",
    "units_in_rows",
    check="check_rows_are_places",
    help="The result is (c, h*w), a row per unit. Transpose it: each row belongs to a place.",
)
def units_in_rows(activations):
    return activations.flatten(2)[0]


@mistake(
    "cam.flatten_activations",
    "flattens_everything",
    check="check_rows_are_places",
    help="The result is one long row. Keep the units apart: (h*w, c).",
)
def flattens_everything(activations):
    return activations.flatten()


@mistake(
    "cam.flatten_activations",
    "averages_places",
    check="check_rows_are_places",
    help="This is the average over the places, as avgpool gives it. Here the places must stay apart.",
)
def averages_places(activations):
    return activations.mean(dim=(2, 3))


@mistake(
    "cam.flatten_activations",
    "assumes_2048_units",
    check="check_rows_are_places",
    help="Is 2048 written into the code? Ask the tensor for its number of units.",
)
def assumes_2048_units(activations):
    return activations.permute(0, 2, 3, 1).reshape(-1, 2048)


# --- class_scores -----------------------------------------------------------------------------------------------------


@mistake(
    "cam.class_scores",
    "applies_softmax",
    check="check_scores",
    help="These are probabilities: a softmax of the scores. Leave the softmax out.",
)
def applies_softmax(flat, fc):
    return fc(flat).softmax(dim=1)


@mistake(
    "cam.class_scores",
    "clips_scores",
    check="check_scores",
    help="Negative scores became 0, as with a ReLU. Keep them: places that speak against a class belong to the answer.",
)
def clips_scores(flat, fc):
    return fc(flat).relu()


@mistake(
    "cam.class_scores",
    "averages_first",
    check="check_scores",
    help="These are the logits of the whole image, from the average over the places. Apply fc at every place.",
)
def averages_first(flat, fc):
    return fc(flat.mean(dim=0, keepdim=True))


@mistake(
    "cam.class_scores",
    "weight_not_transposed",
    check="check_scores",
    help="Is `flat` multiplied by fc.weight as it is, (K, c)? Multiply by its transpose, flat @ fc.weight.T, or "
    "simply call fc(flat).",
)
def weight_not_transposed(flat, fc):
    return flat @ fc.weight


@mistake(
    "cam.class_scores",
    "classes_in_rows",
    check="check_scores",
    help="The result is (K, h*w), a row per class. Transpose it: each row belongs to a place.",
)
def classes_in_rows(flat, fc):
    return fc(flat).T


@mistake(
    "cam.class_scores",
    "absolute_weights",
    check="check_scores",
    help="These are the scores for the absolute values of the weights, where evidence against a class counts for it. "
    "Keep the signs.",
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
    help="The map mixes up places, as a reshape of (c, h, w) to (h*w, c) does. Move the units to the end first: "
    "permute, then reshape.",
)
def map_without_transpose(model, class_id, image):
    activations, weight = _parts(model, image)
    c, h, w = activations.shape
    return (activations.reshape(h * w, c) @ weight[class_id]).reshape(h, w)


@mistake(
    "cam.generate_featuremap_CAM",
    "next_class",
    check="check_map",
    help="This is the map of the next class. Classes count from 0: use row `class_id` of fc.weight.",
)
def next_class(model, class_id, image):
    activations, weight = _parts(model, image)
    return _map(weight[(class_id + 1) % len(weight)], activations)


@mistake(
    "cam.generate_featuremap_CAM",
    "always_top_class",
    check="check_map",
    help="This is the map of the network's top class, which is not the class that was asked for. Use row `class_id` "
    "of fc.weight.",
)
def always_top_class(model, class_id, image):
    activations, weight = _parts(model, image)
    return _map(weight[model.fc(activations.mean(dim=(1, 2))).argmax()], activations)


@mistake(
    "cam.generate_featuremap_CAM",
    "clips_at_zero",
    check="check_map",
    help="The negative part of the map became 0, as with a ReLU. Keep it: places that speak against the class differ "
    "from neutral ones.",
)
def clips_at_zero(model, class_id, image):
    activations, weight = _parts(model, image)
    return _map(weight[class_id], activations).relu()


@mistake(
    "cam.generate_featuremap_CAM",
    "averages_all_units",
    check="check_map",
    help="This is the average of all units' maps, which is the same for every class. Weigh each map by the class's "
    "row of fc.weight.",
)
def averages_all_units(model, class_id, image):
    activations, _ = _parts(model, image)
    return activations.mean(dim=0)


@mistake(
    "cam.generate_featuremap_CAM",
    "largest_unit_only",
    check="check_map",
    help="This is the map of the unit with the largest weight alone. Sum over all units, each times its weight.",
)
def largest_unit_only(model, class_id, image):
    activations, weight = _parts(model, image)
    return activations[weight[class_id].argmax()]


@mistake(
    "cam.generate_featuremap_CAM",
    "absolute_map",
    check="check_map",
    help="This is the absolute value of the map, where evidence against the class looks like evidence for it. Keep "
    "the signs.",
)
def absolute_map(model, class_id, image):
    activations, weight = _parts(model, image)
    return _map(weight[class_id], activations).abs()


@mistake(
    "cam.generate_featuremap_CAM",
    "map_of_probabilities",
    check="check_map",
    help="This is a softmax over the classes at every place. Leave it out: the scores themselves are the map.",
)
def map_of_probabilities(model, class_id, image):
    activations, _ = _parts(model, image)
    return model.fc(activations.flatten(1).T).softmax(dim=1)[:, class_id].reshape(activations.shape[1:])


@mistake(
    "cam.generate_featuremap_CAM",
    "divides_by_maximum",
    check="check_map",
    help="The map is divided by its own maximum, taken before the minimum was subtracted. Where everything speaks "
    "against the class that is negative, and bright and dark change places. Divide by max - min, or leave it as it is.",
)
def divides_by_maximum(model, class_id, image):
    activations, weight = _parts(model, image)
    scores = _map(weight[class_id], activations)
    return (scores - scores.min()) / scores.max()


@mistake(
    "cam.generate_featuremap_CAM",
    "map_on_its_side",
    check="check_map",
    help="The map lies on its side. Its rows are the rows of the image.",
)
def map_on_its_side(model, class_id, image):
    activations, weight = _parts(model, image)
    return _map(weight[class_id], activations).T


@mistake(
    "cam.generate_featuremap_CAM",
    "upsampled_map",
    check="check_map",
    help="The map is as large as the image. Return it as it is, (h, w): the report enlarges it.",
)
def upsampled_map(model, class_id, image):
    activations, weight = _parts(model, image)
    small = _map(weight[class_id], activations)
    return nn.functional.interpolate(small[None, None], size=image.shape[-2:], mode="bilinear")[0, 0]


@mistake(
    "cam.generate_featuremap_CAM",
    "cuts_the_model",
    check="check_map_keeps_model",
    help="Afterwards the network gives what goes into fc, not its logits. Leave its layers alone: build a new "
    "nn.Sequential from its children.",
)
def cuts_the_model(model, class_id, image):
    activations, weight = _parts(model, image)
    model.fc = nn.Identity()
    return _map(weight[class_id], activations)
