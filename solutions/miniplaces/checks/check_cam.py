"""Hidden checks of `cam.py`: tasks 3a to 3d."""

from __future__ import annotations

import numpy as np
import torch
from numpy.random import Generator

from grader.author import (
    Array,
    Implementation,
    LayOut,
    check,
    expect,
    expect_close,
    expect_shape,
    make,
    numbers,
)
from grader.vision.maps import as_maps, expect_same_map
from solutions.miniplaces.checks.dropped_units import top5
from solutions.miniplaces.checks.public_cam import expect_scores
from solutions.miniplaces.checks.scenes import Scene, any_seed, load_scene, scene_network, seeded_resnet50

SCENES = ("my_scene.jpg", "my_scene.jpeg", "my_scene.png")
MOST_PIXELS = 1 << 20


@check("3a", weight=2, listed_before="check_any_size")
def check_rows_are_places(student: Implementation, rng: Generator) -> None:
    """Row r of the result holds the activations of one place, rows of the map first."""
    channels, height = int(rng.integers(3, 6)), int(rng.integers(2, 5))
    width = height + int(rng.integers(1, 4))
    # The number at unit k, row i, column j tells where it comes from: kij, behind thousands at random.
    k, i, j = np.meshgrid(np.arange(channels), np.arange(height), np.arange(width), indexing="ij")
    places = 1000 * rng.integers(1, 10, size=k.shape) + 100 * k + 10 * i + j
    activations = torch.from_numpy(places.astype(np.float32))[None]
    expected = places.transpose(1, 2, 0).reshape(height * width, channels)
    answer = numbers(student.cam.flatten_activations(activations))
    expect_shape(answer, expected.shape)
    expect_close(answer, expected, within=1e-4, what="numbers (their last three digits are unit, row, column)")


@check("3b")
def check_many_classes(student: Implementation, rng: Generator) -> None:
    """2048 units and 365 classes work as well as 6 and 4."""
    flat = rng.normal(size=(49, 2048)).astype(np.float32)
    weight, bias = rng.normal(0, 0.02, (365, 2048)).astype(np.float32), rng.normal(size=365).astype(np.float32)
    layer = student.make(make("torch.nn.Linear", 2048, 365))
    layer.load_state_dict({"weight": torch.from_numpy(weight), "bias": torch.from_numpy(bias)})
    answer = numbers(student.cam.class_scores(torch.from_numpy(flat), layer))
    expect_scores(answer, flat @ weight.T, bias, within=1e-3)


@check("3c", diagnosed=False)
def check_real_maps(student: Implementation, oracle: Implementation, rng: Generator, exhibit: LayOut) -> None:
    """On ResNet-50, and on the network of the pictures, the maps are those of the reference, at any image size."""
    pairs = []
    seed = any_seed(rng)
    nets = [(who, seeded_resnet50(who, seed)) for who in (student, oracle)]
    for side, class_id in zip((256, 224), rng.choice(365, 2, replace=False).tolist(), strict=True):
        image = torch.from_numpy(rng.normal(size=(3, side, 224)).astype(np.float32))
        pairs.append([numbers(who.cam.generate_featuremap_CAM(net, class_id, image)) for who, net in nets])
    scene = load_scene()
    maps = lay_out_maps(student, oracle, scene, exhibit, "cams", "Maps of the five likeliest classes of china.jpg.")
    for got, expected in (*pairs, *maps):
        expect_same_map(got, expected, what="map")


@check("3d")
def check_own_scene(student: Implementation, oracle: Implementation, exhibit: LayOut) -> None:
    """Your own picture, and the maps of its likeliest classes."""
    name = next((name for name in student.files if name.lower() in SCENES), None)
    if name is None:
        message = "There is no my_scene.jpg or my_scene.png at the zip's root: the bonus is not claimed."
        raise student.lacks(SCENES[0], message)
    # Decoded over there, where a picture made to break decoders breaks nothing of ours.
    upright = make("PIL.ImageOps.exif_transpose", make("PIL.Image.open", student.open(name)))  # phones lay them down
    picture = student.make(upright).convert.with_options(keep=True)("RGB")
    width, height = (int(side) for side in numbers(picture.size.value()).reshape(-1))
    scale = min(1.0, 512 / max(width, height, 1))
    small = picture.resize.with_options(keep=True)((max(1, int(width * scale)), max(1, int(height * scale))))
    pixels = numbers(student.make(make("numpy.array", small)).copy())
    expect(
        pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.size <= MOST_PIXELS,
        "The file is not a picture.",
        got=pixels,
    )
    scene = load_scene(pixels)
    lay_out_maps(student, oracle, scene, exhibit, "scene", "Your own scene, with the maps of its likeliest classes.")


def lay_out_maps(
    student: Implementation, oracle: Implementation, scene: Scene, exhibit: LayOut, name: str, caption: str
) -> list[tuple[Array, Array]]:
    """Lay out the maps of a scene's five likeliest classes; returns each class's (student's, reference's)."""
    nets = [scene_network(who, scene) for who in (student, oracle)]
    best = top5(numbers(nets[1](scene.image[None])), scene.classes)
    maps = [
        [numbers(who.cam.generate_featuremap_CAM(net, scene.classes.index(str(c["label"])), scene.image)) for c in best]
        for who, net in zip((student, oracle), nets, strict=True)
    ]
    arrays = {"image": scene.pixels, "student_maps": as_maps(maps[0], maps[1]), "reference_maps": np.stack(maps[1])}
    facts = {"labels": [c["label"] for c in best], "scores": [f"{c['probability']:.0%}" for c in best]}
    exhibit("overlays", name, f"{caption} {scene.note}", arrays, facts)
    return list(zip(maps[0], maps[1], strict=True))
