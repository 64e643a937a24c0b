"""The check of task 2b that needs the Places365 network: what the chosen units see in a real picture."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw

from grader.author import Array, DataMissing, Failure, Implementation, LayOut, check, data_folder, numbers
from grader.vision.datasets.places import FILE
from solutions.miniplaces.checks.public_units import chosen_unit
from solutions.miniplaces.checks.scenes import Scene, load_places_scene, scene_network

LOG = logging.getLogger(__name__)

# Outlines in scikit-learn's china.jpg, 640 x 427 pixels, (column, row), drawn by eye: the pavilion, and what else
# stands before the sky; the sky is what is left above the horizon.
PAVILION = [(205, 30), (265, 95), (318, 125), (328, 180), (325, 235), (352, 255), (345, 310), (372, 335)]
PAVILION += [(310, 420), (205, 385), (80, 340), (65, 265), (95, 245), (85, 180), (95, 115), (180, 70)]
TREES = (((0, 145), (45, 185), (75, 220), (75, 280), (0, 280)), ((545, 215), (600, 135), (640, 150), (640, 215)))
HORIZON = 203

SWAPPED = "Your two units are the other way round: swap them."
CHOOSE = "Look at the maps of your units on china.jpg: one should be bright on the sky only, one on the building only."


@check("2b", weight=2, after=("check_units_named",), diagnosed=False)
def check_sky_and_building(
    student: Implementation, oracle: Implementation, thresholds: Mapping[str, float], exhibit: LayOut
) -> None:
    """On china.jpg, the activation of SKY_UNIT falls on the sky, and that of BUILDING_UNIT on the building."""
    scene = _places_scene()
    units = {name: chosen_unit(student, f"{name.upper()}_UNIT") for name in ("sky", "building")}
    cut = oracle.units.remove_last_layers.with_options(keep=True)(scene_network(oracle, scene), 2)
    maps = {
        name: numbers(oracle.units.generate_featuremap_unit(cut, unit, scene.image)) for name, unit in units.items()
    }
    things = masks()
    shares = {name: share_on(maps[name], things[name]) for name in units}
    labels = {"labels": [f"{name} unit {units[name]}" for name in units], "scores": [f"{shares[n]:.0%}" for n in units]}
    caption = "Your two units on china.jpg, and the share of each one's activation that falls on its thing."
    exhibit(
        "overlays", "places", caption, {"image": scene.pixels, "student_maps": np.stack(list(maps.values()))}, labels
    )
    # Both or nothing: on this picture half of a trained network's units fire mostly on the building, so that a unit
    # chosen blindly often passes for one; a pair chosen blindly hardly ever does (see the rubric).
    wrong = [name for name in units if shares[name] <= thresholds[name]]
    if wrong:
        swapped = share_on(maps["building"], things["sky"]), share_on(maps["sky"], things["building"])
        other_way = swapped[0] > thresholds["sky"] and swapped[1] > thresholds["building"]
        raise Failure(
            " ".join(_complaint(name, units[name], maps[name], shares[name]) for name in wrong),
            expected=", ".join(f"more than {thresholds[name]:.0%} on the {name}" for name in wrong),
            got=", ".join(f"{shares[name]:.0%} on the {name}" for name in wrong),
            help=SWAPPED if other_way else CHOOSE,
        )


def _places_scene() -> Scene:
    try:
        return load_places_scene()
    except DataMissing as missing:
        if (data_folder() / FILE).is_file():  # it is there and of no use: whoever runs the grader wants to know why
            LOG.warning("%s", missing)
        raise DataMissing("A person marks this: the Places365 network is not on the grading machine.") from missing


def _complaint(name: str, unit: int, activations: Array, share: float) -> str:
    if not (activations > 0).any():
        return f"{name.upper()}_UNIT, {unit}, does not fire anywhere on china.jpg."
    return f"Only {share:.0%} of the activation of {name.upper()}_UNIT, {unit}, falls on the {name}."


def masks() -> dict[str, Array]:
    """Where sky and building are in china.jpg: by name, (427, 640), float64, 1 inside."""
    building = _filled([PAVILION])
    sky = np.ones_like(building)
    sky[HORIZON:] = 0
    return {"sky": sky * (1 - building) * (1 - _filled(TREES)), "building": building}


def _filled(outlines: Sequence[Sequence[tuple[int, int]]]) -> Array:
    canvas = Image.new("L", (640, 427))
    for outline in outlines:
        ImageDraw.Draw(canvas).polygon(outline, fill=1)
    return np.asarray(canvas, np.float64)


def share_on(activations: Array, mask: Array) -> float:
    """Share of a map's positive activation that falls inside a mask; 0 when the unit does not fire at all.

    Args:
        activations: (h, w).
        mask: (H, W), between 0 and 1.
    """
    positive = torch.from_numpy(np.clip(activations.astype(np.float64), 0, None))[None, None]
    large = torch.nn.functional.interpolate(positive, size=mask.shape, mode="bilinear", align_corners=False)[
        0, 0
    ].numpy()
    total = float(large.sum())
    return float((large * mask).sum()) / total if total > 0 else 0.0
