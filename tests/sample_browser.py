"""The browser in which the tests open web pages."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

ARGUMENTS = ("--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync "
             "--no-first-run").split()  # fmt: skip


def find_chromium() -> str:
    """Path of Debian's Chromium; without it the test fails, because a skipped one would go unnoticed."""
    path = shutil.which("chromium")
    if path is None:
        pytest.fail("Chromium is missing, so the web pages can't be tested: run ./setup.sh --developer")
    return path


@contextmanager
def start_browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    path = find_chromium()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield started
        started.close()
