"""What happens as units of the last block are switched off, for the pictures of 2c and 2d."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from grader.author import Array, CheckStopped, Handle, Implementation, LayOut, numbers
from grader.vision.maps import as_maps
from solutions.miniplaces.checks.scenes import Scene, scene_network


def lay_out_dropped(
    student: Implementation, oracle: Implementation, scene: Scene, top: int, units: Sequence[int], exhibit: LayOut
) -> None:
    """Lay out the maps of the units that a class has lost, the student's by `generate_featuremap_unit`.

    Where that does not work, which is for task 2a to judge, a sentence stands in their place.

    Args:
        student: Whose maps are drawn.
        oracle: Whose maps stand beside them.
        scene: The network of the pictures and its image.
        top: The class.
        units: Its units that were switched off.
        exhibit: Takes the figure.
    """
    maps = _maps(oracle, scene, units)
    arrays, problem = {"image": scene.pixels, "reference_maps": np.stack(maps)}, ""
    try:
        arrays["student_maps"] = as_maps(_maps(student, scene, units), maps)
    except CheckStopped as stopped:
        problem = f"There are no maps by your generate_featuremap_unit. {stopped.message}"
    weight = scene.weights["fc.weight"][top].float()
    gave = [float(weight[unit]) * float(one.mean()) for unit, one in zip(units, maps, strict=True)]
    name = scene.classes[top]
    facts = {
        "labels": [f"unit {unit}" for unit in units],
        "scores": [f"{share:+.2f}" for share in gave],
        "in_a_row": True,
        "class_page": False,
        "problem": problem,
    }
    caption = (
        "Maps of the five units that were switched off, over china.jpg, and what each of them had added to the logit "
        f'of "{name}": {sum(gave):.2f} together. {scene.note}'
    )
    exhibit("overlays", "dropped", caption, arrays, facts)


def _maps(who: Implementation, scene: Scene, units: Sequence[int]) -> list[Array]:
    """Maps of units in a network of its own, which nothing that was switched off before has changed."""
    cut = who.units.remove_last_layers.with_options(keep=True)(scene_network(who, scene), 2)
    return [numbers(who.units.generate_featuremap_unit(cut, unit, scene.image)) for unit in units]


def dropping(oracle: Implementation, net: Handle, image: torch.Tensor) -> tuple[Array, Array, int]:
    """Probabilities of the top class and of the best other class after dropping 0, 1, ... units, and the top class."""
    logits = [numbers(net(image[None])).reshape(-1)]
    top = int(logits[0].argmax())
    order = [int(unit) for unit in numbers(oracle.units.top_units(net, top, 40))]
    logits += [numbers(oracle.units.deactivate_unit_activations(net, image, order[: n + 1])) for n in range(len(order))]
    chances = torch.softmax(torch.from_numpy(np.stack(logits)), dim=1).numpy()
    return chances[:, top], np.delete(chances, top, axis=1).max(axis=1), top


def top5(logits: Array, classes: tuple[str, ...]) -> list[dict[str, object]]:
    """The five likeliest classes of logits (K,), with their probabilities, as a figure wants them."""
    chances = torch.softmax(torch.from_numpy(np.asarray(logits, np.float64).reshape(-1)), dim=0)
    values, indices = chances.topk(min(5, len(chances)))
    return [{"label": classes[int(k)], "probability": float(v)} for v, k in zip(values, indices, strict=True)]
