"""The printed pages as pictures: inside their margins, well filled, and readable without colour."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import sample_grade as sample
import sample_networks
import sample_networks_grade
from PIL import Image
from sample_exhibits import exhibits, overlays
from sample_report import Rendered, render

from grader.records import Array

DPI = 40
MARGIN_MM = 20  # at the left and the right; the text keeps 22
FOOTER_MM = 24  # the page number


def draw_pages(path: Path, folder: Path) -> list[Array]:
    """Every page in grey, (H, W) uint8, by Poppler: not by what laid it out; pictures go below a folder."""
    if shutil.which("pdftoppm") is None:
        pytest.fail("Poppler is missing, so the pages can't be looked at: run ./setup.sh --developer")
    folder = folder / "pages"
    folder.mkdir()
    subprocess.run(["pdftoppm", "-r", str(DPI), "-gray", "-png", str(path), str(folder / "page")], check=True)
    pages = []
    for page in sorted(folder.iterdir()):
        with Image.open(io.BytesIO(page.read_bytes())) as image:
            pages.append(np.asarray(image.convert("L")))
    return pages


def pixels(millimetres: float) -> int:
    """That length on a drawn page."""
    return round(millimetres / 25.4 * DPI)


@pytest.fixture(scope="module")
def pages(full: Rendered, tmp_path_factory: pytest.TempPathFactory) -> list[Array]:
    """The pages of the sample with all its figures."""
    return draw_pages(full.path, tmp_path_factory.mktemp("pages"))


@pytest.mark.slow
def test_long_name(tmp_path: Path) -> None:
    """A long name reaches into no margin either: the whole sample laid out again.

    It lays out the whole sample and draws its pages.
    """
    grade = sample.grade(student="a_name_without_a_space_" * 3)
    test_nothing_in_margins(draw_pages(render(tmp_path, grade, exhibits()).path, tmp_path))


def filled(page: Array) -> float:
    """How far down the page its content reaches, in parts of its height; the footer does not count."""
    rows = np.flatnonzero((page[: -pixels(FOOTER_MM)] < 200).any(axis=1))
    return float(rows.max() / len(page)) if len(rows) else 0.0


def test_nothing_in_margins(pages: list[Array]) -> None:
    """No word and no figure reaches into the margins."""
    side = pixels(MARGIN_MM)
    assert [number for number, page in enumerate(pages, 1) if (page[:, :side] < 250).any()] == []
    assert [number for number, page in enumerate(pages, 1) if (page[:, -side:] < 250).any()] == []


def test_pages_are_filled(pages: list[Array]) -> None:
    """No page but the last is mostly empty."""
    assert len(pages) > 6
    assert [(number, filled(page)) for number, page in enumerate(pages[:-1], 1) if filled(page) < 0.6] == []


@pytest.mark.slow
@pytest.mark.parametrize("whose", ["student", "solutions"])
def test_pages_of_two_networks(whose: str, tmp_path: Path) -> None:
    """The report of the two networks and the one of its solutions keep their margins, and no page is mostly empty.

    It lays out a whole report and draws its pages.
    """
    grade = sample_networks_grade.grade() if whose == "student" else sample_networks_grade.reference_grade()
    assignment = sample_networks_grade.assignment()
    drawn = draw_pages(render(tmp_path, grade, sample_networks.exhibits(), assignment=assignment).path, tmp_path)
    side = pixels(MARGIN_MM)
    assert [number for number, page in enumerate(drawn, 1) if (page[:, :side] < 250).any()] == []
    assert [number for number, page in enumerate(drawn, 1) if (page[:, -side:] < 250).any()] == []
    assert [round(filled(page), 2) for page in drawn[:-1] if filled(page) < 0.5] == []


@pytest.mark.slow
def test_many_large_figures(tmp_path: Path) -> None:
    """Figures that can't be split leave no page mostly empty, however many of them follow each other."""
    labels = ("palace", "pagoda", "church/outdoor", "amusement park", "castle")
    large = [overlays("3c", f"scene {i}", "Five maps over a photograph.", labels) for i in range(6)]
    drawn = draw_pages(render(tmp_path, sample.grade(answers={}), large).path, tmp_path)
    assert [round(filled(page), 2) for page in drawn[:-1] if filled(page) < 0.5] == []


def test_ink_in_grey(pages: list[Array]) -> None:
    """In a black-and-white print every page has dark ink on white paper, and the pictures all shades between."""
    for page in pages:
        assert page.min() < 60
        assert np.median(page) > 250
    shades = [len(np.unique(page)) for page in pages]
    assert max(shades) > 200


def test_missing_poppler_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without Poppler these tests fail, with a sentence that says what to do; they are never skipped."""
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(pytest.fail.Exception, match=r"setup\.sh --developer"):
        draw_pages(tmp_path / "report.pdf", tmp_path)
