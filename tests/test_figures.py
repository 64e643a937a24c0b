"""Figures are drawn from arrays, look the same every time, and never stop a report."""

from __future__ import annotations

import functools
import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import sample_exhibits as sample
from PIL import Image

from grader import figures
from grader.errors import MachineError
from grader.figures import Picture, style
from grader.figures.style import REFERENCE, STUDENT, label, spread
from grader.figures.tiles import tile
from grader.packages import figures_folder
from grader.records import Array, Exhibit
from grader.rubric import get_assignment

draw = functools.partial(figures.draw, own=figures_folder(get_assignment("miniplaces")))
EXHIBITS = {exhibit.kind: exhibit for exhibit in sample.exhibits()}
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def pictures() -> dict[str, Picture]:
    """One picture of each kind."""
    return {kind: draw(exhibit) for kind, exhibit in EXHIBITS.items()}


def exhibit_of(kind: str, arrays: Mapping[str, Any], **facts: Any) -> Exhibit:
    """An exhibit of plain lists."""
    return Exhibit("1a", kind, "x", "A caption.", {name: np.asarray(array) for name, array in arrays.items()}, facts)


def relative_luminance(color: str) -> float:
    """WCAG 2.2's relative luminance of "#rrggbb", written out."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast ratio, 1 to 21."""
    low, high = sorted((relative_luminance(one), relative_luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_fault_of_ours_is_no_fault_of_the_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a kind can't be imported, the reader is not told that the data are wrong."""

    def broken(_path: Path) -> None:
        raise MachineError("it can't be imported")

    monkeypatch.setattr(figures, "import_part", broken)
    assert "the fault is ours, and no points depend on it" in draw(EXHIBITS["ramp"]).alt


def test_own_kinds_and_the_librarys() -> None:
    """An assignment's own kinds are drawn beside the library's, another's are not."""
    others = figures.draw(EXHIBITS["ramp"], figures_folder(get_assignment("two_networks")))
    assert "no kind of figure called 'ramp'" not in draw(EXHIBITS["ramp"]).alt
    assert "no kind of figure called 'ramp'" in others.alt
    assert figures.draw(EXHIBITS["curves"]) == draw(EXHIBITS["curves"])


@pytest.mark.parametrize("kind", sorted(EXHIBITS))
def test_picture_complete(kind: str, pictures: dict[str, Picture]) -> None:
    """A picture has bytes of its media type, its size, an alt text and the exhibit's caption."""
    picture = pictures[kind]
    assert picture.caption == EXHIBITS[kind].caption
    assert len(picture.alt) > 40
    assert 0 < picture.width_mm <= style.TEXT_WIDTH_MM
    assert 0 < picture.height_mm < 200
    if picture.media != "image/svg+xml":
        with Image.open(io.BytesIO(picture.data)) as image:
            assert image.width / picture.width_mm * 25.4 == pytest.approx(240, abs=2)
    else:
        assert ElementTree.fromstring(picture.data).tag == f"{SVG}svg"


@pytest.mark.parametrize("kind", sorted(EXHIBITS))
def test_same_bytes(kind: str, pictures: dict[str, Picture]) -> None:
    """The same exhibit gives the same bytes, whatever matplotlib's settings were before."""
    import matplotlib as mpl

    with mpl.rc_context({"font.size": 30, "lines.linewidth": 9}):
        assert draw(EXHIBITS[kind]) == pictures[kind]
        assert mpl.rcParams["font.size"] == 30


@pytest.mark.parametrize("kind", ["curves", "confusion", "ramp"])
def test_svg_self_contained(kind: str, pictures: dict[str, Picture]) -> None:
    """An SVG picture is lines only: no date, script, embedded image or reference to anything outside."""
    tree = ElementTree.fromstring(pictures[kind].data)
    assert b"date" not in pictures[kind].data.lower()
    for element in tree.iter():
        assert element.tag not in (f"{SVG}script", f"{SVG}image", f"{SVG}foreignObject", f"{SVG}text")
        for name, value in element.attrib.items():
            assert not name.endswith("href") or value.startswith("#")


def test_no_pyplot() -> None:
    """The figures' code never touches pyplot, whose state would be shared."""
    package = Path(figures.__file__).parents[1]
    drawing = [*(package / "figures").glob("*.py"), *(package / "vision" / "figures").glob("*.py")]
    for path in [*drawing, *(package.parent / "solutions").glob("*/figures/*.py")]:
        assert "import pyplot" not in path.read_text(encoding="utf-8")
        assert "matplotlib.pyplot" not in path.read_text(encoding="utf-8")


def test_owners_apart_in_grey() -> None:
    """Student and reference differ in lightness, dashes and marker, and both stand out on white paper."""
    assert contrast(STUDENT.color, REFERENCE.color) >= 2.4
    assert min(contrast(owner.color, style.PAPER) for owner in (STUDENT, REFERENCE)) >= 3
    assert min(contrast(owner.text, style.PAPER) for owner in (STUDENT, REFERENCE)) >= 4.5
    assert STUDENT.dashes != REFERENCE.dashes
    assert STUDENT.marker != REFERENCE.marker


def test_shades_grow_darker() -> None:
    """The shades of a confusion matrix grow darker without a turn, so that they read in grey."""
    for shades in (style.STUDENT_SHADES, style.REFERENCE_SHADES):
        lightness = [np.dot(shades(x)[:3], [0.299, 0.587, 0.114]) for x in np.linspace(0, 1, 33)]
        assert (np.diff(lightness) < 0).all()


BROKEN = {
    "filters_without_arrays": exhibit_of("filters", {}),
    "filters_of_odd_shape": exhibit_of("filters", {"student_images": np.zeros((4, 7, 7, 2), np.uint8)}),
    "no_filters": exhibit_of("filters", {"student_images": np.zeros((0, 7, 7), np.uint8)}),
    "curves_without_series": exhibit_of("curves", {}),
    "curves_of_text": exhibit_of("curves", {}, series=[{"label": "Yours", "epochs": [1], "val_loss": ["a"]}]),
    "curves_of_junk": exhibit_of("curves", {}, series=[7]),
    "confusion_not_square": exhibit_of("confusion", {"student_counts": np.ones((3, 4), int)}, classes=list("abc")),
    "confusion_of_many": exhibit_of("confusion", {"student_counts": np.ones((400, 400), int)}),
    "confusion_of_other_classes": exhibit_of("confusion", {"student_counts": np.eye(3, dtype=int)}, classes=["a"]),
    "mistaken_without_labels": exhibit_of("mistaken", {"student_images": np.zeros((1, 4, 4), np.uint8)}),
    "ramp_of_two_lengths": exhibit_of(
        "ramp", {"student_input": [1.0, 2.0], "student_output": [1.0], "reference_output": [1.0, 2.0]}
    ),
    "no_such_kind": exhibit_of("hologram", {}),
    "not_a_kind": exhibit_of("style", {}),
    "a_path": exhibit_of("../../evil", {}),
}


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_broken_becomes_sentence(name: str) -> None:
    """What can't be drawn becomes a box with a sentence, in the alt text and the caption as well."""
    picture = draw(BROKEN[name])
    assert picture.media == "image/svg+xml"
    assert picture.alt.startswith("This figure could not be drawn: ")
    assert picture.alt in picture.caption
    assert picture.caption.endswith("A caption.")


def test_extreme_values_drawn() -> None:
    """Finite but absurd values are drawn without a warning."""
    huge = [0.0, 1e300, -1e300, 1e-300]
    exhibit = exhibit_of("ramp", {"student_input": [1, 1, 1, 1], "student_output": huge, "reference_output": [0] * 4})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = draw(exhibit)
    assert picture.alt


def test_hostile_labels() -> None:
    """Formulas, control characters and unknown scripts in labels are drawn as text."""
    names = ["$\\frac{", "\x1b[31mred", "\u202eevil", "猫", "<script>", "a" * 500]
    picture = draw(exhibit_of("confusion", {"student_counts": np.eye(6, dtype=int)}, classes=names))
    assert picture.alt.startswith("Confusion matrix")
    assert "\x1b" not in picture.alt
    assert "\u202e" not in picture.alt


@pytest.mark.parametrize("colour", [False, True])
def test_tile_keeps_pixels(colour: bool) -> None:
    """The grid of filters holds every pixel unchanged, rows first, with white between."""
    images = sample.filter_images(5, colour)
    sheet = tile(images)
    assert sheet.shape == (2 * 8 - 1, 3 * 8 - 1, 3)
    for i, image in enumerate(images):
        top, left = (i // 3) * 8, (i % 3) * 8
        shown = sheet[top : top + 7, left : left + 7]
        assert (shown == (image if colour else image[..., None])).all()
    assert (sheet[7] == 255).all()


def pixels_near(array: Array, color: tuple[int, int, int]) -> int:
    """How many pixels of an (H, W, 3) image are within 2 of a colour."""
    return int((np.abs(array.astype(int) - color).max(axis=-1) <= 2).sum())


def test_enlarged_without_blur() -> None:
    """Filters are enlarged pixel by pixel: two flat filters give their two greys, and nothing in between."""
    images = np.stack([np.full((7, 7), 40, np.uint8), np.full((7, 7), 200, np.uint8)])
    picture = draw(exhibit_of("filters", {"student_images": images, "reference_images": images}))
    with Image.open(io.BytesIO(picture.data)) as image:
        array = np.asarray(image.convert("RGB"))
    below_title = array[array.shape[0] // 2 :]
    known = sum(pixels_near(below_title, (grey, grey, grey)) for grey in (40, 200, 255))
    assert known / below_title[..., 0].size > 0.98


def test_curves_tell_numbers() -> None:
    """The alt text of the curves names the student's accuracy, the threshold and the best epoch."""
    alt = draw(EXHIBITS["curves"]).alt
    for part in ("Your model.pth: 91.3%", "90.0%", "Best epoch: 31"):
        assert part in alt


def test_curves_without_lists() -> None:
    """A history that holds only the training loss is drawn; the rest is said not to be recorded."""
    picture = draw(exhibit_of("curves", {}, series=[{"label": "Yours", "train_loss": [3, 2, 1]}]))
    assert picture.alt.startswith("Loss and accuracy")


def test_confusion_tells_worst() -> None:
    """The alt text of a confusion matrix names the accuracy and the pair that is confused most."""
    counts = np.array([[8, 2, 0], [0, 10, 0], [5, 0, 5]])
    alt = draw(exhibit_of("confusion", {"student_counts": counts}, classes=["cat", "dog", "fox"])).alt
    assert "76.7% right" in alt
    assert "fox taken for cat, 5 times" in alt


def test_mistaken_lists_images() -> None:
    """The alt text of mistaken images says of each what was said, how surely, and what it is."""
    arrays = {"student_images": sample.clothes(2), "student_predicted": [0, 9], "student_labels": [1, 0],
              "student_confidence": [0.99, 0.8]}  # fmt: skip
    alt = draw(exhibit_of("mistaken", arrays, classes=["cat", "dog"], shown_as=["image 7"])).alt
    assert "cat (99.0% sure), is dog; class 9 (80.0% sure), is cat" in alt


@pytest.mark.parametrize(
    ("heights", "expected"),
    [([], []), ([0.5], [0.5]), ([0.2, 0.8], [0.2, 0.8]), ([0.5, 0.5], [0.5, 0.7]), ([1.0, 0.95], [1.0, 0.8])],
)
def test_spread(heights: list[float], expected: list[float]) -> None:
    """Labels stay where they are unless they would touch or leave the axes."""
    assert spread(heights, 0.2, 0, 1) == pytest.approx(expected)


def test_label_is_short_line() -> None:
    """A label is one printable line of bounded length."""
    assert label("two\nlines") == "two lines"
    assert label("a\x00b") == "a\N{REPLACEMENT CHARACTER}b"
    assert label("x" * 99, 10) == "x" * 9 + "…"


def test_fault_is_told_to_the_author() -> None:
    """`make validate` hears why an exhibit can't be drawn, and nothing of one that can."""
    broken = Exhibit("1a", "curves", "loss", "", {}, {"series": 3})
    assert "patches" in figures.fault_of(Exhibit("1a", "patches", "a", "", {}))
    assert figures.fault_of(broken).split(":")[0].endswith("Error")
    assert figures.fault_of(EXHIBITS["overlays"]) == ""
