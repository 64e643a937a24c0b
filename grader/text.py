r"""Makes text that a student wrote safe to show: in a terminal, in a report, in a sentence of ours.

Nothing is removed silently: what can't be seen is written as `\u{202e}`, what is too long ends in "… (cut)".
Escaping for HTML or CSV is left to whoever writes these.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

CUT = "… (cut)"
TAB = " " * 4
NAME_COLUMNS = 80  # a name is quoted inside a sentence
MARKS = 3  # Vietnamese and pointed Hebrew need two or three in a row; towers of them hide neighbouring lines

# Control, format (bidi overrides, zero-width), surrogate, private use, unassigned; line and paragraph separators,
# which break a line without being a newline.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_HALF_PLACEHOLDER = re.compile(r"\\(u(\{[0-9a-f]*)?)?\Z")
# Hangul packs three code points into one, and dropped marks shorten a text as well: reading so many times the limit
# before cutting keeps honest text whole, and the work bounded.
_READ_AHEAD = 4


def clean_text(text: str, *, lines: int = 60, columns: int = 200, limit: int = 4096) -> str:
    r"""Text of several lines, every character of it visible, within bounds.

    Newlines are kept (a carriage return before one is dropped) and a tab becomes four spaces. Control, format, private,
    unassigned characters and lone surrogates become placeholders such as `\u{1b}`. The defaults are what the report's
    layout bears.

    Args:
        text: Anything, lone surrogates and NUL included.
        lines: Most lines; a final newline does not count as one.
        columns: Most characters of a line.
        limit: Most characters in all.

    Returns:
        NFC text that can be encoded as UTF-8, at most three combining marks in a row; "… (cut)" stands at the end of
        whatever was shortened (bounds below seven leave only its beginning).
    """
    body = _visible(text[: _READ_AHEAD * limit].replace("\r\n", "\n").replace("\t", TAB), kept="\n")
    if len(text) > _READ_AHEAD * limit:
        body += CUT
    end = "\n" if body.endswith("\n") else ""
    rows = body.removesuffix("\n").split("\n")
    if len(rows) > lines:
        rows, end = [*rows[: lines - 1], CUT], ""
    body = _shorten("\n".join(rows) + end, limit)
    # Columns come last: the marker that the limit put at the end of a row must not make that row too long.
    return "\n".join(_shorten(row, columns) for row in body.split("\n"))


def clean_name(text: str) -> str:
    r"""A file's name, or another text of one line, ready to be quoted: at most 80 characters, all visible.

    As `clean_text`, but newlines and tabs become placeholders as well.
    """
    body = _visible(text[: _READ_AHEAD * NAME_COLUMNS])
    return _shorten(body + CUT if len(text) > _READ_AHEAD * NAME_COLUMNS else body, NAME_COLUMNS)


def list_words(words: Sequence[str], last: str = "and") -> str:
    """Words as a sentence lists them: `a, b and c`."""
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _visible(text: str, kept: str = "") -> str:
    """NFC, placeholders for what can't be seen except `kept`, and no more than `MARKS` combining marks in a row."""
    # Marks are counted before, because normalizing takes time quadratic in their row, and after, because it makes
    # two marks of some.
    text = _few_marks(unicodedata.normalize("NFC", _few_marks(text)))
    return "".join(
        f"\\u{{{ord(char):x}}}" if unicodedata.category(char) in _UNSEEN and char not in kept else char for char in text
    )


def _few_marks(text: str) -> str:
    """The text without the combining marks that follow `MARKS` others."""
    few = []
    row = 0
    for char in text:
        row = row + 1 if unicodedata.category(char).startswith("M") else 0
        if row <= MARKS:
            few.append(char)
    return "".join(few)


def _shorten(text: str, size: int) -> str:
    """The text, or its beginning and the marker, `size` characters in all; no placeholder is cut in half."""
    if len(text) <= size:
        return text
    return (_HALF_PLACEHOLDER.sub("", text[: max(0, size - len(CUT))]) + CUT)[:size]
