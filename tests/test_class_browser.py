"""The class page in a browser: nothing fetched, readable anywhere, usable with a keyboard, and without a script."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sample_class_page as sample
from playwright.sync_api import Browser, Page
from sample_class_page import fault, row
from test_browser import CONTRASTS, open_page

from grader.course.class_report.page import write_class
from grader.course.class_report.reading import read_class
from grader.course.class_report.seen import PAGE, ClassJob
from grader.rubric import find_assignments

SCREENS = [
    (390, "dark"),
    *(pytest.param(*each, marks=pytest.mark.slow) for each in ((390, "light"), (1280, "light"), (1280, "dark"))),
]
EVERYONE = ["ada", "ada_friend", "bob", "dana", "eve", "frank", "gil", "tim"]
# Names of the students whose lines can be seen, in the order in which they stand.
SHOWN = """
() => [...document.querySelectorAll('table.students tbody tr')].filter(line => line.getClientRects().length)
  .map(line => line.querySelector('bdi').textContent)
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class of two assignments; the PDF is not needed here."""
    out = tmp_path_factory.mktemp("class") / "out"
    rows = [*sample.write_class(out), row("tim", assignment="two_networks", variant="default", max_score=33.0,
                                          score=25.0, tasks={"1": 2.0, "2.2": 1.0}, sha256="")]  # fmt: skip
    sample.write_student(out, "tim", [fault("resnet.odd", task="1")], assignment="two_networks")
    job = ClassJob("Spring", tuple(sorted(rows, key=lambda one: one.student)), read_class(rows, out),
                   tuple(sample.pairs()), find_assignments())  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("grader.course.class_report.page.write_pdf", lambda _page, _pictures: b"")
        write_class(job, out)
    return out / PAGE


@pytest.fixture
def page(browser: Browser, path: Path) -> Iterator[Page]:
    """The page on a large screen."""
    opened = open_page(browser, path)
    yield opened.page
    opened.page.close()


def shown(page: Page) -> list[str]:
    """Whose lines can be seen."""
    return list(page.evaluate(SHOWN))


def test_nothing_fetched(browser: Browser, path: Path) -> None:
    """Opened from the disk, the page asks for nothing but itself, and its script has nothing to complain about."""
    opened = open_page(browser, path)
    assert [url for url in opened.requests if not url.startswith("data:")] == [path.as_uri()]
    assert opened.console == []
    opened.page.close()


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_readable(browser: Browser, path: Path, width: int, scheme: Any) -> None:
    """Nothing is wider than the screen, words have a contrast of 4.5 and marks of 3, and everyone can be seen."""
    page = open_page(browser, path, width, scheme).page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts["text"]) > 100
    assert [(words, round(ratio, 2)) for words, ratio in contrasts["text"] if ratio < 4.5] == []
    assert [(words, round(ratio, 2)) for words, ratio in contrasts["marks"] if ratio < 3] == []
    assert sorted(shown(page)) == EVERYONE
    outside = """[...document.querySelectorAll('main *')].filter(at => !at.closest('.unseen, thead')
        && at.getClientRects().length && !at.closest('.scroller') && at.getBoundingClientRect().right > innerWidth + 1)
        .map(at => at.className)"""
    assert page.evaluate(outside) == []
    page.close()


def test_without_script(browser: Browser, path: Path) -> None:
    """Without a script everyone and everything is there, and no control that would do nothing."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    assert page.locator("table.students tbody tr").count() == len(EVERYONE)
    assert all(page.locator("table.students tbody tr").nth(i).is_visible() for i in range(len(EVERYONE)))
    assert page.locator("input:visible, select:visible, button:visible").count() == 0
    context.close()


def test_search(page: Page) -> None:
    """Searching finds parts of names and of folders, whatever the case and the accents, and says how many there are."""
    assert page.locator("#found").inner_text() == "8 students"
    for words, found in (("MULLER", ["bob"]), ("ada love", ["ada"]), ("כהן", ["dana"]), ("nobody at all", [])):
        page.fill("#search", words)
        assert shown(page) == found
        assert page.locator("#found").inner_text() == f"{len(found)} of 8 students"
    assert page.get_by_text("Nobody here fits.").first.is_visible()
    page.get_by_role("button", name="Reset").click()
    page.wait_for_function("document.getElementById('found').textContent === '8 students'")
    assert sorted(shown(page)) == EVERYONE


@pytest.mark.parametrize(
    ("choice", "found"),
    [
        ("look", ["ada", "bob", "eve", "frank", "gil"]),
        ("late", ["bob"]),
        ("refused", ["eve"]),
        ("missing", ["frank"]),
        ("failed", ["gil"]),
        ("waiting", ["ada", "ada_friend", "bob", "dana", "tim"]),
    ],
)
def test_filters(page: Page, choice: str, found: list[str]) -> None:
    """Each choice shows those whom it names."""
    page.select_option("#show", choice)
    assert sorted(shown(page)) == found


def test_mistake_leads_to_students(page: Page) -> None:
    """The button at a mistake shows those in the table who made it, partners of a group included."""
    page.get_by_role("button", name="Show in the table").first.click()
    page.wait_for_function("document.getElementById('found').textContent === '3 of 8 students'")
    assert shown(page) == ["ada", "ada_friend", "bob"]
    assert page.evaluate("document.activeElement.id") == "made"


def test_sorting_with_the_keyboard(page: Page) -> None:
    """A column's head is a button: Enter sorts by it and says so, Enter again turns the order; equals keep theirs."""
    head = page.get_by_role("columnheader", name="Score").first
    head.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert shown(page)[:5] == ["dana", "ada", "ada_friend", "bob", "eve"]
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    assert shown(page)[1:5] == ["gil", "bob", "ada", "ada_friend"]
    assert page.locator("table.students").first.locator("[aria-sort]").count() == 1


@pytest.mark.parametrize(
    ("choice", "first"), [("score", "dana"), ("late", "bob"), ("seconds", "bob"), ("accuracy", "dana")]
)
def test_sorting_on_a_phone(browser: Browser, path: Path, choice: str, first: str) -> None:
    """Where the heads are out of sight, a list sorts all tables."""
    page = open_page(browser, path, 390).page
    page.select_option("#sort", choice)
    assert shown(page)[0] == first
    page.close()


def test_every_stop_is_seen(page: Page) -> None:
    """Whatever Tab reaches is visible and outlined."""
    for _ in range(60):
        page.keyboard.press("Tab")
        at = """(() => { const at = document.activeElement, box = at.getBoundingClientRect();
            return [at === document.body, getComputedStyle(at).outlineStyle, box.width > 0 && box.left >= 0] })()"""
        is_end, outline, is_seen = page.evaluate(at)
        if is_end:
            break
        assert outline != "none"
        assert is_seen


def test_structure(page: Page) -> None:
    """Landmarks, one first heading, names for tables' heads and controls, words for every picture, links that lead."""
    assert page.get_by_role("main").count() == page.get_by_role("banner").count() == 1
    assert page.get_by_role("navigation", name="Contents").count() == page.get_by_role("search").count() == 1
    assert page.get_by_role("heading", level=1).count() == 1
    images = page.evaluate("[...document.images].map(image => [image.alt.trim(), image.naturalWidth])")
    assert images
    assert all(alt and width for alt, width in images)
    assert page.evaluate("[...document.querySelectorAll('th')].filter(th => !th.scope).length") == 0
    unnamed = "[...document.querySelectorAll('input, select')].filter(control => !control.labels.length).length"
    assert page.evaluate(unnamed) == 0
    broken = """[...document.querySelectorAll('a[href^="#"]')].filter(a => !document.getElementById(a.hash.slice(1)))"""
    assert page.evaluate(f"{broken}.length") == 0
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(at => at.id)")
    assert len(ids) == len(set(ids))
