"""The figures about a network: maps over an image, classes and units switched off, a student's experiments."""

from __future__ import annotations

import functools
import io
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import sample_exhibits as sample
from PIL import Image
from sample_tiers import tiered

from grader import figures
from grader.figures import Picture, heat, style
from grader.packages import figures_folder, import_part
from grader.records import Array, Exhibit
from grader.rubric import get_assignment
from grader.vision.figures import overlays

OWN = figures_folder(get_assignment("miniplaces"))
draw = functools.partial(figures.draw, own=OWN)
top5 = import_part(OWN / "top5.py")

PHOTOGRAPH = sample.picture()[::4, ::4]
LABELS = ["palace", "pagoda", "church/outdoor", "amusement park", "castle"]


def exhibit_of(kind: str, arrays: Mapping[str, Any], **facts: Any) -> Exhibit:
    """An exhibit of plain lists."""
    return Exhibit("2a", kind, "x", "A caption.", {name: np.asarray(array) for name, array in arrays.items()}, facts)


def over(n: int, image: Array = PHOTOGRAPH, **facts: Any) -> Exhibit:
    """An exhibit of `n` maps of both sides."""
    maps = sample.bumps(n)
    arrays = {"image": image, "student_maps": maps, "reference_maps": maps}
    return exhibit_of("overlays", arrays, **{"labels": LABELS[:n], **facts})


def is_drawn(picture: Picture) -> bool:
    """Whether it is the figure, and not the sentence in its place."""
    return "could not be drawn" not in picture.alt


def luminance(colors: Array) -> Array:
    """Rec. 601 grey of (..., 3) colours: what a black-and-white print shows."""
    grey: Array = colors[..., :3] @ np.array([0.299, 0.587, 0.114])
    return grey


NASTY = {
    "one map": over(1),
    "five maps": over(5),
    "square": over(5, PHOTOGRAPH[:100, :100]),
    "tall": over(3, PHOTOGRAPH[:, :10]),
    "wide": over(3, PHOTOGRAPH[:5]),
    "a pixel": over(2, PHOTOGRAPH[:1, :1]),
    "grey image": over(2, PHOTOGRAPH[..., 0]),
    "long words": over(2, labels=["x" * 500, "many words " * 50], scores=["9" * 90, ""], note="A long note. " * 90),
    "hostile words": over(3, labels=["$\\frac{", "\x1b[31m\u202e", "猫"]),
    "no words": over(4, labels=[]),
    "student only": exhibit_of("overlays", {"image": PHOTOGRAPH, "student_maps": sample.bumps(2)}, labels=LABELS[:2]),
    "classes of long names": exhibit_of("top5", {}, **{**sample.top5_facts(), "before": sample.top(("W" * 90, 1))}),
    "no classes after": exhibit_of("top5", {}, before=sample.top(("a", 0.0)), dropped="units " * 99),
    "2,048 units": sample.dropping(units=2048),
    "40 experiments": exhibit_of(
        "techniques", {}, experiments=sample.experiments(*((f"{i // 3} " * 30, "s" * 90, 0.5, 0.4) for i in range(40)))
    ),
    "an experiment": exhibit_of("techniques", {}, experiments=sample.experiments(("", "", 1, 1))),
}


@pytest.mark.parametrize("name", tiered(sorted(NASTY), slow=sorted(NASTY)[1::2]))
def test_nasty_data_drawn(name: str) -> None:
    """Unusual shapes, counts and words give a figure that fits the page's column, without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = draw(NASTY[name])
    assert is_drawn(picture)
    assert picture.width_mm <= style.TEXT_WIDTH_MM
    assert picture.height_mm < 150


FAULTS = {
    "image is missing": exhibit_of("overlays", {"student_maps": sample.bumps(1)}),
    "your maps are missing": exhibit_of("overlays", {"image": PHOTOGRAPH}),
    "not a stack": exhibit_of("overlays", {"image": PHOTOGRAPH, "student_maps": np.zeros((7, 7))}),
    "not finite": exhibit_of("overlays", {"image": PHOTOGRAPH, "student_maps": np.full((1, 2, 2), np.nan)}),
    "not equally many": exhibit_of(
        "overlays", {"image": PHOTOGRAPH, "student_maps": sample.bumps(1), "reference_maps": sample.bumps(2)}
    ),
    "classes before are missing": exhibit_of("top5", {}),
    "a probability is not": exhibit_of("top5", {}, before=sample.top(("a", float("nan")))),
    "a curve of probabilities is missing": exhibit_of("dropping", {}),
    "not equally long": exhibit_of("dropping", {"reference_probability": [1.0], "reference_runner_up": [0.1, 0.2]}),
    "probability is not between": exhibit_of("dropping", {"reference_probability": [2], "reference_runner_up": [0]}),
    "not a whole number": exhibit_of(
        "dropping", {"reference_probability": [0.5], "reference_runner_up": [0.1]}, student_count=True
    ),
    "no experiments": exhibit_of("techniques", {}, experiments=[]),
    "accuracy is not a fraction": exhibit_of("techniques", {}, experiments=sample.experiments(("a", "b", 91, 0.5))),
    "the form that it needs": exhibit_of("techniques", {}, experiments=["a"]),
}


@pytest.mark.parametrize("sentence", sorted(FAULTS))
def test_fault_becomes_sentence(sentence: str) -> None:
    """What can't be drawn becomes a sentence that says why."""
    picture = draw(FAULTS[sentence])
    assert not is_drawn(picture)
    assert sentence in picture.alt


# ---- maps over an image ----


def test_shades_grow_lighter() -> None:
    """Over one grey, a higher value is lighter without a turn: the maps read in a black-and-white print."""
    steps = np.linspace(0, 1, 40)
    image = np.full((1, 40, 3), 128, np.uint8)
    mixed = heat.mix(image, steps[None])
    assert (np.diff(luminance(mixed[0])) > 0).all()
    assert np.ptp(luminance(mixed[0])) > 0.5


def test_image_shows_through() -> None:
    """The map is not opaque: a light pixel stays lighter than a dark one below the same value."""
    image = np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8)
    dark, light = luminance(heat.mix(image, np.full((1, 1), 0.5))[0])
    assert light - dark > 0.2


def test_enlarged_smoothly() -> None:
    """A map is enlarged bilinearly: between two values lie the values between."""
    large = heat.enlarge(np.array([[0.0, 1.0]]), (1, 40))
    assert (np.diff(large[0]) >= 0).all()
    assert len(np.unique(large.round(3))) > 15


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e300])
def test_map_normalised_alone(scale: float) -> None:
    """Every map spans 0 to 1, whatever its range; negative values are values."""
    scaled = heat.normalise(np.array([[-1.0, 0.0], [1.0, 0.5]]) * scale)
    assert scaled is not None
    assert scaled == pytest.approx(np.array([[0, 0.5], [1, 0.75]]))


@pytest.mark.parametrize("value", [0.0, -3.0, 1e-40])
def test_constant_map(value: float) -> None:
    """A map that is the same everywhere has no scale; the figure says so instead of drawing noise."""
    constant = np.full((1, 7, 7), value)
    assert heat.normalise(constant[0]) is None
    picture = draw(exhibit_of("overlays", {"image": PHOTOGRAPH, "student_maps": constant}, labels=["unit 3"]))
    assert "unit 3: yours the same everywhere" in picture.alt


def test_alt_tells_places() -> None:
    """The alt text says of every map where it is highest, for both sides."""
    maps = np.zeros((1, 9, 9))
    maps[0, 0, 8] = 1
    arrays = {"image": PHOTOGRAPH, "student_maps": maps, "reference_maps": maps[:, ::-1, ::-1]}
    alt = draw(exhibit_of("overlays", arrays, labels=["palace"], scores=["61%"])).alt
    assert "palace (61%): yours highest at the top right, reference highest at the bottom left" in alt


@pytest.mark.parametrize(
    ("n", "shape", "blocks"), [(1, 1.0, 1), (2, 0.67, 1), (3, 1.0, 1), (4, 1.0, 1), (5, 1.0, 1), (5, 0.67, 2)]
)
def test_wraps_where_it_pays(n: int, shape: float, blocks: int) -> None:
    """Maps wrap into two blocks only where that makes them much larger; none is smaller than 20 mm."""
    grid = overlays.arrange(n, 2, shape, LABELS[:n], 1)
    assert grid.blocks == blocks
    assert grid.cell >= 20
    assert grid.width <= style.TEXT_WIDTH_MM


@pytest.mark.parametrize("n", [1, 3, 5, 6])
def test_in_a_row(n: int) -> None:
    """Small maps stand side by side in one line, each as wide as the plain image, within the page's column."""
    grid = overlays.arrange(n, 2, 0.67, ["unit 1204"] * n, 1, in_a_row=True)
    assert (grid.blocks, grid.columns) == (1, n)
    assert grid.cell == pytest.approx(grid.rail) or grid.cell == overlays.CELL_MM
    assert grid.cell >= 18
    assert grid.width <= style.TEXT_WIDTH_MM + 1e-9
    assert draw(over(5, in_a_row=True)).height_mm < draw(over(5)).height_mm / 2


def test_maps_that_are_missing() -> None:
    """Where the student has no maps, a sentence stands in their place, and the reference's are drawn all the same."""
    arrays = {"image": PHOTOGRAPH, "reference_maps": sample.bumps(5)}
    problem = "There are no maps of yours: 2a is not written yet."
    told = draw(exhibit_of("overlays", arrays, labels=LABELS, problem=problem, in_a_row=True))
    silent = draw(exhibit_of("overlays", arrays, labels=LABELS))
    assert told.alt.endswith(problem)
    assert "palace: reference highest" in told.alt
    assert "yours" not in silent.alt
    long = draw(exhibit_of("overlays", arrays, labels=LABELS, problem="Why? " * 400))
    assert is_drawn(long)
    assert long.width_mm <= style.TEXT_WIDTH_MM


def test_one_map_fits_half_a_page() -> None:
    """Two figures of one map each fit side by side."""
    assert draw(over(1)).width_mm <= style.TEXT_WIDTH_MM / 2


def test_plain_image_comes_first() -> None:
    """The left of the figure holds the image in its own colours."""
    red = np.zeros((50, 50, 3), np.uint8)
    red[..., 0] = 255
    with Image.open(io.BytesIO(draw(over(2, red)).data)) as image:
        pixels = np.asarray(image.convert("RGB"))
    is_red = (np.abs(pixels - np.array([255, 0, 0])) <= 4).all(axis=-1)  # a JPEG is right within a few steps
    quarter = pixels.shape[1] // 4
    assert is_red[:, :quarter].mean() > 0.3
    assert not is_red[:, 2 * quarter :].any()


# ---- classes, units, experiments ----


def test_top5_shades_follow_classes() -> None:
    """A class has one shade in all panels; one that is new has none of them, and the words say what hollow means."""
    picture = draw(exhibit_of("top5", {}, **sample.top5_facts()))
    svg = picture.data.decode()
    counts = [svg.count(f"fill: {shade}") for shade in top5.SHADES]
    assert counts == [3, 3, 1, 3, 1]  # palace, pagoda and lawn are in all three lists
    assert "Yours, after: pagoda 40.0%, palace 20.0%, mosque 10.0%, lawn 8.0%, tower < 0.1%." in picture.alt
    assert "units 12 and 40" in picture.alt


def test_top5_shades_apart() -> None:
    """The five shades differ in lightness step by step."""
    greys = [luminance(np.array([int(shade[i : i + 2], 16) for i in (1, 3, 5)])) for shade in top5.SHADES]
    assert (np.diff(greys) > 25).all()


@pytest.mark.parametrize(
    ("probability", "words"), [(0.0, "0.0%"), (0.0002, "< 0.1%"), (0.61, "61.0%"), (1.0, "100.0%")]
)
def test_share(probability: float, words: str) -> None:
    """A tiny probability is said to be tiny, not nothing."""
    assert top5.share(probability) == words


@pytest.mark.parametrize(
    ("student", "reference", "words"),
    [
        (5, 4, "Yours: 5 units; Reference: 4 units."),
        (4, 4, "Yours: 4 units; Reference: 4 units."),
        (1, None, "Yours: 1 unit; Reference: never changes."),
        (None, 0, "Yours: never changes; Reference: 0 units."),
        (2048, 12, "Yours: 2048 units, beyond the curve; Reference: 12 units."),
        (-(10**30), 3, "Yours: -1.0e+30 units, beyond the curve; Reference: 3 units."),
    ],
)
def test_dropping_tells_counts(student: int | None, reference: int | None, words: str) -> None:
    """Both counts are named, also when they are equal, absent or beyond the curve."""
    exhibit = sample.dropping()
    facts = {**exhibit.facts, "student_count": student, "reference_count": reference}
    picture = draw(exhibit_of("dropping", exhibit.arrays, **facts))
    assert is_drawn(picture)
    assert picture.alt.endswith(words)


def test_techniques_tell_best() -> None:
    """The alt text names the best setting of each technique."""
    alt = draw(exhibit_of("techniques", {}, **sample.techniques_facts())).alt
    assert "5 experiments" in alt
    assert "weight decay, 3 settings: best validation 91.1% (5e-4)" in alt
    assert "random crops, 2 settings: best validation 91.4% (with 4 pixels of padding)" in alt


def test_techniques_group_by_name() -> None:
    """Experiments of one technique stand together, whatever their order and letter case."""
    mixed = sample.experiments(("Crops", "a", 0.9, 0.8), ("decay", "b", 0.9, 0.7), ("crops", "c", 0.9, 0.85))
    alt = draw(exhibit_of("techniques", {}, experiments=mixed)).alt
    assert "Crops, 2 settings" in alt or "crops, 2 settings" in alt


def test_fit() -> None:
    """A label is cut to its room by its real width: wide letters are cut earlier than narrow ones."""
    assert style.fit("short", 30) == "short"
    wide, narrow = style.fit("W" * 99, 30), style.fit("i" * 99, 30)
    assert wide.endswith("…")
    assert len(wide) * 2 < len(narrow)
    assert style.fit("ab", 0.1) == "…"
