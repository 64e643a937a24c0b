"""The figures of the two networks: complete, alike each time, and drawn whatever a student's arrays hold."""

from __future__ import annotations

import functools
import io
import warnings
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import sample_networks as sample
from PIL import Image
from sample_tiers import tiered

from grader import figures
from grader.figures import Picture, style
from grader.figures.sheet import Sheet
from grader.packages import figures_folder, import_part
from grader.records import Array, Exhibit
from grader.rubric import get_assignment
from grader.vision.figures import embedding

OWN = figures_folder(get_assignment("two_networks"))
draw = functools.partial(figures.draw, own=OWN)
extremes = import_part(OWN / "extremes.py")

EXHIBITS = {f"{exhibit.kind} {exhibit.name}": exhibit for exhibit in sample.exhibits()}
NEW = {"extremes", "cam_grid", "embedding", "neighbours", "comparison"}
OF_ARRAYS = [  # one of each kind
    "extremes extremes", "cam_grid cams", "embedding embedding", "neighbours rotation", "filters rotation.conv1",
]  # fmt: skip
PROBLEM = "Your zip has no `supervised.pth` at its root."
TALLEST_MM = 112.0  # what can't be split must fit below a heading and a list of checks


def is_drawn(picture: Picture) -> bool:
    """Whether it is the figure, and not the sentence in its place."""
    return "could not be drawn" not in picture.alt


def pixels_of(picture: Picture) -> Array:
    """A PNG picture's pixels, (H, W, 3) uint8."""
    with Image.open(io.BytesIO(picture.data)) as image:
        return np.asarray(image.convert("RGB"))


@pytest.fixture(scope="module")
def pictures() -> dict[str, Picture]:
    """One picture of each exhibit."""
    return {name: draw(exhibit) for name, exhibit in EXHIBITS.items()}


def test_sample_covers_kinds() -> None:
    """The sample has an exhibit of each kind that this assignment uses."""
    assert {exhibit.kind for exhibit in EXHIBITS.values()} == NEW | {"curves", "filters"}


@pytest.mark.parametrize("name", sorted(EXHIBITS))
def test_picture_complete(name: str, pictures: dict[str, Picture]) -> None:
    """A picture fits the page, has an alt text and the caption; it is SVG where it is lines, and only there."""
    picture = pictures[name]
    assert is_drawn(picture)
    assert picture.caption == EXHIBITS[name].caption
    assert len(picture.alt) > 60
    assert picture.width_mm <= style.TEXT_WIDTH_MM
    assert picture.height_mm <= TALLEST_MM
    of_lines = name.split()[0] in ("curves", "embedding", "comparison")
    assert (picture.media == "image/svg+xml") == of_lines
    assert len(picture.data) < 600_000


@pytest.mark.parametrize("name", sorted(EXHIBITS))
def test_same_bytes(name: str, pictures: dict[str, Picture]) -> None:
    """The same exhibit gives the same bytes."""
    assert draw(EXHIBITS[name]) == pictures[name]


# ---- whatever a student's arrays hold ----


@pytest.mark.parametrize("name", OF_ARRAYS)
def test_without_student(name: str) -> None:
    """Without the student's arrays the reference's are drawn, and the problem is told in their place."""
    picture = draw(sample.without_student(EXHIBITS[name], PROBLEM))
    assert is_drawn(picture)
    assert PROBLEM in picture.alt
    assert "reference" in picture.alt.lower()
    assert picture.width_mm <= style.TEXT_WIDTH_MM


@pytest.mark.parametrize("name", OF_ARRAYS)
def test_reference_alone(name: str) -> None:
    """Without the student's arrays and without a problem nothing of a student is mentioned."""
    exhibit = sample.without_student(EXHIBITS[name])
    picture = draw(sample.changed(exhibit, problem=None))
    assert is_drawn(picture)
    assert "yours" not in picture.alt.lower()


BAD: dict[str, Any] = {
    "nothing": np.zeros((0,)),
    "a number": np.array(7.0),
    "flat": np.zeros(5),
    "not finite": np.full((100, 2), np.nan),
    "too many dimensions": np.zeros((1, 2, 3, 1, 2, 1)),
    "text": np.array(["a", "b"]),
    "objects": np.array([None, 3], dtype=object),
    "huge values": np.full((8, 2, 2, 3), 1e308),
}


@pytest.mark.parametrize("what", tiered(sorted(BAD), slow=sorted(BAD)[1::2]))
@pytest.mark.parametrize("name", OF_ARRAYS)
def test_bad_arrays_of_student(name: str, what: str) -> None:
    """Arrays of a student of a wrong form cost the student's part of the figure, never the reference's."""
    exhibit = EXHIBITS[name]
    bad = {array: BAD[what] for array in exhibit.arrays if array.startswith("student_")}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = draw(sample.changed(exhibit, bad))
    assert is_drawn(picture)
    assert "Yours can't be shown" in picture.alt or what == "huge values"


@pytest.mark.parametrize("name", OF_ARRAYS)
def test_one_bad_array_of_student(name: str) -> None:
    """One array of a student that is not finite leaves no figure without the reference's."""
    exhibit = EXHIBITS[name]
    for array, value in exhibit.arrays.items():
        if array.startswith("student_"):
            spoilt = value.astype(float) * np.nan
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                assert is_drawn(draw(sample.changed(exhibit, {array: spoilt}))), array


@pytest.mark.parametrize("name", [name for name in EXHIBITS if name.split()[0] in NEW])
def test_nothing_to_show(name: str) -> None:
    """An exhibit without arrays and facts becomes a sentence."""
    exhibit = EXHIBITS[name]
    picture = draw(Exhibit(exhibit.task, exhibit.kind, exhibit.name, exhibit.caption))
    assert not is_drawn(picture)
    assert picture.caption.endswith(exhibit.caption)


HOSTILE = ["$\\frac{", "\x1b[31m\u202e", "猫", "<script>", "a" * 500, "many words " * 60]


@pytest.mark.parametrize("name", ["neighbours supervised", "embedding embedding", "cam_grid cams"])
def test_hostile_names(name: str) -> None:
    """Formulas, control characters and endless names are drawn as text, within the page's column."""
    words = (HOSTILE * 2)[:10]
    facts: dict[str, Any] = {
        "classes": words,
        "labels": words[:4],
        "said": words[1:5],
        "remarks": words[2:6],
        "rule": words[5],
    }
    picture = draw(sample.changed(EXHIBITS[name], **facts))
    assert is_drawn(picture)
    assert not {"\x1b", "\u202e"} & set(picture.alt)
    assert picture.width_mm <= style.TEXT_WIDTH_MM
    assert picture.height_mm <= TALLEST_MM + 10


# ---- sheets of images ----


def test_sheet_keeps_pixels() -> None:
    """An image is enlarged dot by dot: each of its pixels is a square of its colour, and nothing is mixed."""
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    sheet = Sheet(140, 130)
    sheet.paste(image, 7, 1, 128)
    shown = pixels_of(sheet.finish("alt", "caption"))
    assert shown.shape == (130, 140, 3)
    assert (shown[1:129, 7:135] == image.repeat(4, axis=0).repeat(4, axis=1)).all()
    assert (shown[:, :7] == 255).all()


def test_sheet_frame() -> None:
    """A frame stands around its square and leaves it free."""
    sheet = Sheet(50, 50)
    sheet.frame(10, 10, 30, "#000000", 4, 1)
    shown = pixels_of(sheet.finish("alt", "caption"))[..., 0]
    assert (shown[5:9, 5:45] == 0).all()
    assert (shown[9:41, 9:41] == 255).all()


# ---- turns ----


def test_arrows_follow_turns() -> None:
    """An arrow points to where the top of an image is after so many quarter turns counter-clockwise."""
    image = np.zeros((3, 3))
    image[0, 1] = 1
    places = {(0, 1): "↑", (1, 0): "←", (2, 1): "↓", (1, 2): "→"}
    for turn, arrow in enumerate(extremes.ARROWS):
        ((y, x),) = np.argwhere(np.rot90(image, turn))
        assert places[int(y), int(x)] == arrow


def test_extremes_tell_turns() -> None:
    """The alt text counts true turns, names the losses, and says how many were taken for another turn."""
    alt = draw(sample.extremes()).alt
    assert "Reference, lowest loss: 8 images" in alt
    assert "losses from < 0.001 to 0.022, 0 taken for another turn" in alt
    assert alt.count("8 taken for another turn") == 2


def test_extremes_refuse_other_turns() -> None:
    """A turn that is none of the four is not drawn as one; a prediction that is none is a question mark."""
    exhibit = sample.extremes()
    assert "none of the four" in draw(sample.changed(exhibit, {"student_lowest_turns": np.arange(8)})).alt
    assert "can't be shown" not in draw(sample.changed(exhibit, {"student_lowest_predicted": np.full(8, -9)})).alt


@pytest.mark.parametrize(
    ("loss", "words"), [(0.0, "0.000"), (1e-9, "< 0.001"), (0.25, "0.250"), (12.3456, "12.35"), (123456.0, "1.23e+05")]
)
def test_loss_text(loss: float, words: str) -> None:
    """Losses have few digits; a tiny one does not become nothing."""
    assert extremes.loss_text(loss) == words


# ---- maps ----


def test_maps_tell_places() -> None:
    """The alt text says of each image what was said of it, the remark, and where each map is highest."""
    maps = np.zeros((4, 32, 32))
    maps[3, 30, 30] = 1
    alt = draw(sample.changed(sample.cam_grid(), {"reference_rotation": maps})).alt
    assert "deer (deer 98%, is a bird, counter-intuitive): " in alt
    assert "reference rotation highest at the bottom right" in alt
    assert "reference rotation the same everywhere" in alt


def test_one_network_missing() -> None:
    """Where one of a student's networks can't be used, the maps of the other are drawn all the same."""
    alt = draw(sample.changed(sample.cam_grid(), {"student_rotation": None}, problem="rotation.pth is missing.")).alt
    assert "yours supervised highest" in alt
    assert "yours rotation" not in alt
    assert "rotation: rotation.pth is missing." in alt


# ---- points ----


def test_ten_looks() -> None:
    """Ten classes differ in colour and, for a grey print and colour-blind readers, in marker as well."""
    colors, markers = zip(*embedding.LOOKS, strict=True)
    assert len(set(colors)) == len(set(markers)) == 10


def test_one_legend() -> None:
    """All four panels share one legend, which names each class once, and every point is drawn."""
    exhibit = sample.embedding(np.arange(100) % 10)
    tree = ElementTree.fromstring(draw(exhibit).data)
    groups = [element.get("id", "") for element in tree.iter()]
    assert sum(name.startswith("legend") for name in groups) == 1
    uses = [element for element in tree.iter() if element.tag.endswith("}use")]
    assert len(uses) >= 4 * 100


def test_together() -> None:
    """Classes hold together completely in far islands, and not at all where neighbours are always others."""
    labels = np.repeat(np.arange(4), 10)
    islands = np.stack([labels * 100.0, np.tile(np.arange(10.0), 4)], axis=1)
    assert embedding.together(islands, labels) == 1
    assert embedding.together(islands, np.arange(40)) == 0


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e300])
def test_points_of_any_size(scale: float) -> None:
    """Neither the size of an embedding nor its place matters: the picture is the same."""
    points = sample.embedding().arrays["student_supervised"]
    alt = draw(sample.changed(sample.embedding(), {"student_supervised": points * scale})).alt
    assert alt == draw(sample.embedding()).alt


def test_points_that_coincide() -> None:
    """An embedding that puts all points on one place is drawn."""
    assert is_drawn(draw(sample.changed(sample.embedding(), {"student_supervised": np.ones((100, 2))})))


# ---- neighbours ----


def test_neighbours_tell_classes() -> None:
    """The alt text counts the same-class neighbours of each test image, and tells the share over all of them."""
    classes = np.array([3] * 5 + [3] * 100 + [5] * 100 + [11] * 35)
    exhibit = sample.neighbours(classes=classes)
    labels = np.tile([3, 3, 3, 3, 3, 3, 5, 5, 5, 11], (5, 1))
    alt = draw(sample.changed(exhibit, {"student_labels": labels})).alt
    assert "Yours, of the same class: cat 6 of 10 (most others: dog); cat 6 of 10" in alt
    assert "among 10,000 training images: yours 61.2%, reference 72.4%." in alt
    eleven = draw(sample.changed(exhibit, {"student_labels": np.full((5, 10), 11)})).alt
    assert "cat 0 of 10 (most others: class 11)" in eleven


def test_same_class_framed() -> None:
    """A frame stands around every neighbour of the test image's class, and around no other: a mark without colour."""
    grey = np.full((240, 32, 32, 3), 200, np.uint8)
    dark = [int(style.INK[i : i + 2], 16) for i in (1, 3, 5)]

    def framed(same: int) -> int:
        labels = np.full((5, 10), 4)
        labels[:, :same] = 7
        exhibit = sample.neighbours("pixels", grey, np.full(240, 7))
        shown = pixels_of(draw(sample.changed(exhibit, {"reference_labels": labels})))
        return int((shown == dark).all(axis=-1).sum())

    frame = 4 * 4 * (96 + 2 + 4)  # four sides of a square, four dots wide, one dot away
    words = framed(0)
    assert framed(10) - words == pytest.approx(50 * frame, rel=0.02)
    assert framed(3) - words == pytest.approx(15 * frame, rel=0.02)


# ---- comparison ----


def test_comparison_tells_numbers() -> None:
    """The alt text has every number, and whose it is; what a network is not asked is left out."""
    alt = draw(sample.comparison()).alt
    assert "Accuracy on the test images: supervised network yours 78.1%, reference 91.3%; chance 10.0%." in alt
    assert "rotation network yours 33.4%, reference 40.2%; raw pixels 25.1%; chance 10.0%." in alt


@pytest.mark.parametrize("value", [1.5, -0.2, float("nan"), "a", [1]])
def test_comparison_of_no_fraction(value: object) -> None:
    """What is no share between 0 and 1 is not drawn as one."""
    rows = [{"measure": "accuracy", "student_supervised": value, "reference_supervised": 0.5}]
    assert not is_drawn(draw(sample.changed(sample.comparison(), rows=rows)))


def test_comparison_with_gaps() -> None:
    """A number that is missing for one side leaves the other's, and long names stay on the page."""
    rows = [{"measure": "word " * 90, "student_supervised": None, "reference_supervised": 1.0, "pixels": 0.0}] * 20
    picture = draw(sample.changed(sample.comparison(), rows=rows))
    assert is_drawn(picture)
    assert "supervised network reference 100.0%; raw pixels 0.0%" in picture.alt
    assert picture.height_mm < 240


# ---- curves and filters ----


def test_curves_of_training_loss_alone() -> None:
    """A student's history that holds only the training loss is drawn beside the reference's four curves."""
    picture = draw(sample.curves("rotation"))
    assert "Training loss of Yours: from 1.33 to 0.236." in picture.alt
    assert "Validation accuracy of Reference at the end: 92.0%." in picture.alt


def test_curves_name_chosen_epoch() -> None:
    """The chosen epoch is told, also where there is no accuracy to mark it at."""
    series = [{"label": "Yours", "train_loss": [3, 2, 1]}]
    picture = draw(sample.changed(sample.curves(), series=series, lines=[], best_epoch=2))
    assert "Best epoch: 2." in picture.alt
    assert len(picture.data) > len(draw(sample.changed(sample.curves(), series=series, lines=[], best_epoch=None)).data)


def test_curves_with_gaps() -> None:
    """A loss that is not a number, as of a training that failed, is a gap in the curve."""
    series = [{"label": "Yours", "train_loss": [3.0, float("nan"), float("inf"), None]}, {"label": "Reference"}]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = draw(sample.changed(sample.curves(), series=series))
    assert is_drawn(picture)
    assert "Training loss of Yours: from 3 to 3." in picture.alt


def test_filters_tell_whether_equal() -> None:
    """The alt text of filters says of both how many there are, and whether the pictures are equal."""
    exhibit = sample.filters("conv1", "supervised")
    assert "Reference: 24 filters of 3 by 3 pixels. They are different." in draw(exhibit).alt
    same = sample.changed(exhibit, {"student_images": exhibit.arrays["reference_images"]})
    assert draw(same).alt.endswith("They are equal.")


def test_filters_of_a_giant() -> None:
    """Filters as large as photographs are not drawn: a convolution has none."""
    exhibit = sample.filters("conv1", "supervised")
    giant = np.zeros((64, 500, 500, 3), np.uint8)
    assert "too large" in draw(sample.changed(exhibit, {"student_images": giant})).alt
