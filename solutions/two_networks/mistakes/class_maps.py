"""Known mistakes in the class activation maps of `visualize.py`: task 4.2."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from grader.author import mistake


def _enlarged(small, size, mode="bilinear"):
    """A map (h, w) as (size, size)."""
    corners = None if mode == "nearest" else False
    return F.interpolate(small[None, None], size=(size, size), mode=mode, align_corners=corners)[0, 0]


def _summed(weights, feature_maps):
    return (weights[:, None, None] * feature_maps).sum(dim=0)


@mistake(
    "visualize.class_activation_map",
    "map_of_next_class",
    check="check_class_map",
    help="This is the map of the class after the one that is asked for. Classes count from 0: use fc_weight[class_id].",
)
def map_of_next_class(feature_maps, fc_weight, class_id, size):
    return _enlarged(_summed(fc_weight[(class_id + 1) % len(fc_weight)], feature_maps), size)


@mistake(
    "visualize.class_activation_map",
    "map_of_previous_class",
    check="check_class_map",
    help="This is the map of the class before the one that is asked for. Classes count from 0: use "
    "fc_weight[class_id].",
)
def map_of_previous_class(feature_maps, fc_weight, class_id, size):
    return _enlarged(_summed(fc_weight[class_id - 1], feature_maps), size)


@mistake(
    "visualize.class_activation_map",
    "map_by_column",
    check="check_class_map",
    help="This map uses a column of fc_weight, which is (K, C). The weights of a class are its row: "
    "fc_weight[class_id].",
)
def map_by_column(feature_maps, fc_weight, class_id, size):
    return _enlarged(_summed(fc_weight[:, class_id], feature_maps), size)


@mistake(
    "visualize.class_activation_map",
    "map_of_top_class",
    check="check_class_map",
    help="This is the map of the class with the highest score, which is not the class that is asked for. Use "
    "fc_weight[class_id].",
)
def map_of_top_class(feature_maps, fc_weight, class_id, size):
    top = (fc_weight @ feature_maps.mean(dim=(1, 2))).argmax()
    return _enlarged(_summed(fc_weight[top], feature_maps), size)


@mistake(
    "visualize.class_activation_map",
    "map_without_weights",
    check="check_class_map",
    help="This is the average of the channels, which is the same for every class. Multiply each channel by its "
    "weight for the class.",
)
def map_without_weights(feature_maps, fc_weight, class_id, size):
    return _enlarged(feature_maps.mean(dim=0), size)


@mistake(
    "visualize.class_activation_map",
    "map_of_strongest_channel",
    check="check_class_map",
    help="This is the channel with the largest weight alone. Sum over all channels, each times its weight.",
)
def map_of_strongest_channel(feature_maps, fc_weight, class_id, size):
    return _enlarged(feature_maps[fc_weight[class_id].argmax()], size)


@mistake(
    "visualize.class_activation_map",
    "map_clipped",
    check="check_class_map",
    help="The negative part of the map became 0, as with a ReLU. Keep it: places that speak against the class differ "
    "from neutral ones.",
)
def map_clipped(feature_maps, fc_weight, class_id, size):
    return _enlarged(_summed(fc_weight[class_id], feature_maps).relu(), size)


@mistake(
    "visualize.class_activation_map",
    "map_absolute",
    check="check_class_map",
    help="This is the absolute value of the map, where evidence against the class looks like evidence for it. Keep "
    "the signs.",
)
def map_absolute(feature_maps, fc_weight, class_id, size):
    return _enlarged(_summed(fc_weight[class_id], feature_maps).abs(), size)


@mistake(
    "visualize.class_activation_map",
    "map_of_absolute_weights",
    check="check_class_map",
    help="These are the absolute values of the weights, so that channels against the class count for it. Keep the "
    "signs.",
)
def map_of_absolute_weights(feature_maps, fc_weight, class_id, size):
    return _enlarged(_summed(fc_weight[class_id].abs(), feature_maps), size)


@mistake(
    "visualize.class_activation_map",
    "map_negated",
    check="check_class_map",
    help="The map has the wrong sign: it is dark where the image speaks for the class.",
)
def map_negated(feature_maps, fc_weight, class_id, size):
    return -_enlarged(_summed(fc_weight[class_id], feature_maps), size)


@mistake(
    "visualize.class_activation_map",
    "map_of_probabilities",
    check="check_class_map",
    help="This is a softmax over the classes at every place. Leave it out: the scores themselves are the map.",
)
def map_of_probabilities(feature_maps, fc_weight, class_id, size):
    scores = torch.einsum("kc,chw->khw", fc_weight, feature_maps)
    return _enlarged(scores.softmax(dim=0)[class_id], size)


@mistake(
    "visualize.class_activation_map",
    "map_softmax_over_places",
    check="check_class_map",
    help="This is a softmax over the places, which is more than a change of scale. Leave it out.",
)
def map_softmax_over_places(feature_maps, fc_weight, class_id, size):
    small = _summed(fc_weight[class_id], feature_maps)
    return _enlarged(small.flatten().softmax(dim=0).view_as(small), size)


@mistake(
    "visualize.class_activation_map",
    "map_mixes_places",
    check="check_class_map",
    help="The map mixes up places, as a reshape of (C, h, w) to (h*w, C) does. Move the channels to the end: "
    "flatten(1).T.",
)
def map_mixes_places(feature_maps, fc_weight, class_id, size):
    c, h, w = feature_maps.shape
    return _enlarged((feature_maps.reshape(h * w, c) @ fc_weight[class_id]).reshape(h, w), size)


@mistake(
    "visualize.class_activation_map",
    "map_on_its_side",
    check="check_class_map",
    help="The map lies on its side. Its rows are the rows of the image.",
)
def map_on_its_side(feature_maps, fc_weight, class_id, size):
    return _enlarged(_summed(fc_weight[class_id], feature_maps).T, size)


@mistake(
    "visualize.class_activation_map",
    "enlarged_in_blocks",
    check="check_bilinear",
    help="Each place is repeated in a block (nearest neighbor, the default of F.interpolate). mode='bilinear' passes "
    "evenly from one to the next.",
)
def enlarged_in_blocks(feature_maps, fc_weight, class_id, size):
    return _enlarged(_summed(fc_weight[class_id], feature_maps), size, "nearest")


@mistake(
    "visualize.class_activation_map",
    "enlarged_bicubically",
    check="check_bilinear",
    help="The map is enlarged bicubically, which overshoots its values. mode='bilinear' is asked for.",
)
def enlarged_bicubically(feature_maps, fc_weight, class_id, size):
    return _enlarged(_summed(fc_weight[class_id], feature_maps), size, "bicubic")


@mistake(
    "visualize.class_activation_map",
    "not_enlarged",
    check="check_bilinear",
    help="The map is as small as the feature maps. Enlarge it to (size, size).",
)
def not_enlarged(feature_maps, fc_weight, class_id, size):
    return _summed(fc_weight[class_id], feature_maps)


@mistake(
    "visualize.class_activation_map",
    "divides_by_maximum",
    check="check_evidence_against",
    help="The map is upside down where all of it is negative, as when it is divided by its maximum. Subtract the "
    "minimum first.",
)
def divides_by_maximum(feature_maps, fc_weight, class_id, size):
    small = _summed(fc_weight[class_id], feature_maps)
    return _enlarged(small / small.max(), size)


@mistake(
    "visualize.class_activation_map",
    "changes_feature_maps",
    check="check_arguments_kept",
    help="The feature maps are different afterwards, so the next map starts from changed ones. Work on a new tensor: "
    "`*=` changes the old one.",
)
def changes_feature_maps(feature_maps, fc_weight, class_id, size):
    feature_maps *= fc_weight[class_id][:, None, None]
    return _enlarged(feature_maps.sum(dim=0), size)
