"""Student text becomes visible and bounded."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.text import CUT, clean_name, clean_text

UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# Hypothesis leaves lone surrogates out unless they are asked for; hostile characters are made likely.
HOSTILE = st.sampled_from(
    "\0\x1b\r\n\t\x85\u200b\u202e\u2028\ufeff\uffff\ue000\U000e0041\ud800\udfff\u0301\u0344\u0488\\"
)
CHARACTERS = st.one_of(HOSTILE, st.characters(exclude_categories=()), st.characters(exclude_categories=()))
TEXTS = st.text(CHARACTERS)


def categories(text: str) -> list[str]:
    """Unicode category of each character."""
    return [unicodedata.category(char) for char in text]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("", ""),
        ("two\nlines\n", "two\nlines\n"),
        ("windows\r\nlines", "windows\nlines"),
        ("bar\rbar", "bar\\u{d}bar"),
        ("a\tb", "a    b"),
        ("\x1b[31mred", "\\u{1b}[31mred"),
        ("nul\0", "nul\\u{0}"),
        ("evil\u202egpj.py", "evil\\u{202e}gpj.py"),
        ("zero\u200bwidth", "zero\\u{200b}width"),
        ("lone \ud800", "lone \\u{d800}"),
        ("\ufffe \ue000", "\\u{fffe} \\u{e000}"),
        ("line\u2028break\x85", "line\\u{2028}break\\u{85}"),
        ("e\u0301", "\u00e9"),
        ("x" + "\u0338" * 50, "x" + "\u0338" * 3),
        ("q" + "\u0344" * 3, "q\u0308\u0301\u0308"),
        ("<b>&amp;", "<b>&amp;"),
    ],
)
def test_characters(text: str, shown: str) -> None:
    """What can be seen stays, what can't is spelled out."""
    assert clean_text(text) == shown


def test_too_many_lines() -> None:
    """A text of too many lines ends in the marker, on the last line allowed."""
    rows = clean_text("row\n" * 61).split("\n")
    assert (len(rows), rows[-2], rows[-1]) == (60, "row", CUT)


def test_exactly_enough_lines() -> None:
    """Sixty lines with a final newline are sixty lines."""
    assert clean_text("row\n" * 60) == "row\n" * 60


def test_long_line() -> None:
    """A line that is too long ends in the marker, and the next one is whole."""
    assert clean_text("x" * 201 + "\nnext") == "x" * (200 - len(CUT)) + CUT + "\nnext"


def test_long_text() -> None:
    """A text over the limit is cut to the limit, however long it is."""
    assert len(clean_text(("x" * 99 + "\n") * 50)) == 4096
    assert clean_text("\u0301" * 1_000_000).endswith(CUT)


def test_placeholder_is_not_halved() -> None:
    """A cut never leaves half of a placeholder."""
    shown = clean_text("\u202e" * 100)
    assert shown == "\\u{202e}" * ((200 - len(CUT)) // 8) + CUT


def test_name_is_one_line() -> None:
    """In a name, newline and tab are spelled out as well."""
    assert clean_name("a\nb\tc") == "a\\u{a}b\\u{9}c"


@given(TEXTS, st.integers(1, 8), st.integers(10, 40), st.integers(20, 90))
def test_text_is_bounded_and_visible(text: str, lines: int, columns: int, limit: int) -> None:
    """Any text comes out encodable, NFC, visible, free of mark towers, and within its three bounds."""
    shown = clean_text(text, lines=lines, columns=columns, limit=limit)
    shown.encode()
    assert unicodedata.is_normalized("NFC", shown)
    assert not UNSEEN & set(categories(shown.replace("\n", "")))
    assert not re.search("M{4}", "".join(kind[0] for kind in categories(shown)))
    assert len(shown) <= limit
    assert len(shown.splitlines()) <= lines
    assert all(len(row) <= columns for row in shown.split("\n"))


@given(TEXTS)
def test_clean_text_is_stable(text: str) -> None:
    """Cleaning twice changes nothing more."""
    assert clean_text(clean_text(text)) == clean_text(text)
    assert clean_name(clean_name(text)) == clean_name(text)


@given(TEXTS)
def test_name_is_bounded_and_visible(text: str) -> None:
    """Any name comes out on one line of at most 80 visible, encodable characters."""
    shown = clean_name(text)
    shown.encode()
    assert len(shown) <= 80
    assert not UNSEEN & set(categories(shown))
    assert unicodedata.is_normalized("NFC", shown)
