"""The web pages as a browser shows them: nothing fetched, nothing cut off, readable, usable with a keyboard."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sample_grade
from playwright.sync_api import Browser, Page
from sample_browser import find_chromium
from sample_exhibits import exhibits
from sample_findings import ID, findings

from grader.authoring.validation.page import render_validation
from grader.report.job import RenderJob
from grader.report.rendering import render_report
from grader.rubric import get_assignment

PAGES = ("report", "refused", "validation")
SCREENS = [
    (375, "dark"),
    *(pytest.param(*each, marks=pytest.mark.slow) for each in ((375, "light"), (1280, "light"), (1280, "dark"))),
]

# Of every element that has text of its own and can be seen: its words, and its contrast with what is behind it. Of bars
# and symbols, which carry meaning without being text, the contrast of their edge or ink. Pictures are left out.
CONTRASTS = """
() => {
  const parse = text => { const n = text.match(/[\\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n };
  const light = color => {
    const linear = value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    const [r, g, b] = color.slice(0, 3).map(value => linear(value / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      if (color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  const ratio = (one, other) => {
    const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const found = { text: [], marks: [] };
  for (const element of document.body.querySelectorAll('*')) {
    if (element.closest('.canvas, .unseen') || !element.getClientRects().length) continue;
    const style = getComputedStyle(element);
    const words = [...element.childNodes].filter(n => n.nodeType === 3).map(n => n.data.trim()).join(' ').trim();
    if (words) {
      const kind = element.closest('.symbol, td.cell, .legend .cell') ? 'marks' : 'text';
      found[kind].push([words.slice(0, 40), ratio(parse(style.color), behind(element))]);
    }
    if (element.matches('.bar') && style.borderTopStyle !== 'dotted') {
      found.marks.push(['bar', ratio(parse(style.borderTopColor), behind(element.parentElement))]);
    }
  }
  return found;
}
"""


@dataclass
class Opened:
    """A page in the browser, with everything that it asked for or complained about."""

    page: Page
    requests: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The web pages of the project."""
    folder = tmp_path_factory.mktemp("pages")
    grades = {"report": sample_grade.grade(), "refused": sample_grade.refused_grade()}
    found = {"validation": render_validation(get_assignment(ID), findings(faults=True), folder)}
    for name, grade in grades.items():
        shown = exhibits() if name == "report" else ()
        render_report(
            RenderJob(grade, tuple(shown), sample_grade.assignment(), sample_grade.run_facts()), folder / name
        )
        found[name] = folder / name / "report.html"
    return found


def open_page(browser: Browser, path: Path, width: int = 1280, scheme: Any = "light") -> Opened:
    """Open a page and listen to it."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce")
    opened = Opened(page)
    opened.page.on("request", lambda request: opened.requests.append(request.url))
    opened.page.on("console", lambda message: opened.console.append(message.text))
    opened.page.on("pageerror", lambda error: opened.console.append(str(error)))
    opened.page.goto(path.as_uri(), wait_until="load")
    return opened


@pytest.mark.parametrize("name", PAGES)
def test_nothing_fetched(browser: Browser, files: dict[str, Path], name: str) -> None:
    """A page opened from the disk asks for nothing but itself and has nothing to complain about."""
    opened = open_page(browser, files[name])
    assert [url for url in opened.requests if not url.startswith("data:")] == [files[name].as_uri()]
    assert opened.console == []
    opened.page.close()


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
@pytest.mark.parametrize("name", PAGES)
def test_readable(browser: Browser, files: dict[str, Path], name: str, width: int, scheme: str) -> None:
    """Nothing is wider than the screen, words have a contrast of 4.5 and marks of 3, and dark is dark."""
    page = open_page(browser, files[name], width, scheme).page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    background = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    red, green, blue = (int(part) for part in background.removeprefix("rgb(").removesuffix(")").split(","))
    assert (max(red, green, blue) < 40) if scheme == "dark" else (min(red, green, blue) > 240)
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts["text"]) > 10
    assert [(words, round(ratio, 2)) for words, ratio in contrasts["text"] if ratio < 4.5] == []
    assert [(words, round(ratio, 2)) for words, ratio in contrasts["marks"] if ratio < 3] == []
    page.close()


@pytest.mark.parametrize("name", PAGES)
def test_keyboard(browser: Browser, files: dict[str, Path], name: str) -> None:
    """The first stop is the skip link, which leads to the content; every stop can be seen."""
    page = open_page(browser, files[name]).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    box = page.locator(".skip").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    for _ in range(8):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break  # the page has no more stops
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    page.locator(".skip").focus()
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")
    page.close()


@pytest.mark.parametrize("name", PAGES)
def test_structure(browser: Browser, files: dict[str, Path], name: str) -> None:
    """A page has its landmarks, one first heading, a name for every table's head, and words for every image."""
    page = open_page(browser, files[name]).page
    assert page.get_by_role("main").count() == page.get_by_role("banner").count() == 1
    assert page.get_by_role("heading", level=1).count() == 1
    images = page.evaluate("[...document.images].map(image => [image.alt.trim(), image.naturalWidth])")
    assert all(alt and width for alt, width in images)
    assert len(images) == (len(exhibits()) if name == "report" else 0)
    assert page.evaluate("[...document.querySelectorAll('th')].filter(th => !th.scope).length") == 0
    broken = "[...document.querySelectorAll('a')].filter(a => !document.getElementById(a.hash.slice(1))).length"
    assert page.evaluate(broken) == 0
    page.close()


def test_report_navigation(browser: Browser, files: dict[str, Path]) -> None:
    """The report's contents are a navigation landmark whose links lead to the sections."""
    page = open_page(browser, files["report"], 375).page
    contents = page.get_by_role("navigation", name="Contents")
    contents.get_by_role("link", name="Class activation map", exact=False).first.click()
    top = page.evaluate("document.querySelector(location.hash).getBoundingClientRect().top")
    assert abs(top) < 60
    page.close()


def test_wide_figures_scroll(browser: Browser, files: dict[str, Path]) -> None:
    """On a phone, a wide figure keeps its size and scrolls in its own frame, which a keyboard can reach."""
    page = open_page(browser, files["report"], 375).page
    frames = page.evaluate("""
        [...document.querySelectorAll('.canvas')].map(at => [at.scrollWidth - at.clientWidth, at.tabIndex])
    """)
    assert any(hidden > 50 for hidden, _ in frames)
    assert all(stop == 0 for hidden, stop in frames if hidden > 0)
    page.close()


def test_matrix_header_stays(browser: Browser, files: dict[str, Path]) -> None:
    """While the kill matrix is scrolled in its frame, the checks' names and the mistakes' names stay in sight."""
    page = open_page(browser, files["validation"], 375).page
    moved = page.evaluate("""() => {
        const frame = document.querySelector('.scroller');
        frame.scrollTo(60, 300);
        const at = frame.getBoundingClientRect();
        const head = frame.querySelector('thead tr + tr th').getBoundingClientRect();
        const name = frame.querySelector('tbody tr:nth-child(9) th').getBoundingClientRect();
        return [frame.scrollTop, frame.scrollLeft, head.top - at.top, name.left - at.left];
    }""")
    assert moved[0] > 100
    assert moved[1] > 20
    assert 0 <= moved[2] < 60
    assert 0 <= moved[3] < 5
    page.close()


def test_missing_browser_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Chromium these tests fail, with a sentence that says what to do; they are never skipped."""
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(pytest.fail.Exception, match=r"setup\.sh --developer"):
        find_chromium()
