"""Parses TOML that a person edited; a slip is told with its line, what stands there, and what to write instead."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from grader.text import clean_text

_SHOWN = 60  # characters of a line that a message quotes
_AT = re.compile(r" \(at (?:line (?P<line>\d+), column \d+|end of document)\)$")  # how tomllib ends its messages
# Strings and comments, which hold what only looks like a table or a key. An open one runs to the end of its line, or of
# the text where it may have several lines.
_STRINGS = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*+(?:"{3,5}|\\?\Z)' r"|'''(?:[^']|'(?!''))*+(?:'{3,5}|\Z)"
    r'|"(?:[^"\\\n]|\\.)*+"?' r"|'[^'\n]*+'?" r"|\#[^\n]*",
    re.DOTALL,
)  # fmt: skip
_ASSIGNED = re.compile(r"\s*(?P<key>[\w-]+)\s*=\s*(?P<value>.*?)\s*(?:#.*)?")
_COMMA = re.compile(r"[+-]?\d+,\d+")
_TRIPLE, _CURLED = ('"""', "'''"), tuple("“”„‟«»")
_WORDS = re.compile(r"[^\W\d_].*")


class Slip(ValueError):
    """A text that is not TOML.

    Args:
        line: Number of the line, from 1; 0 where it is not known.
        what: What is wrong, a clause.
    """

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line
        self.what = what


def parse_toml(text: str) -> dict[str, Any]:
    """Parse a text.

    Raises:
        Slip: If it is not TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _slip(text, str(error)) from error
    except RecursionError as error:
        raise Slip(0, "it is nested too deep") from error


def find_line(text: str, table: str, number: int, key: str = "") -> int:
    """Line of a key in the table `[[table]]` of that number, from 0, of a text that is TOML.

    Returns:
        The key's line from 1; the table's own where the key is not found; 0 where the table is not.
    """
    lines = _bare_lines(text)
    heading = re.compile(rf"\s*\[\[\s*{re.escape(table)}\s*\]\]\s*")
    starts = [at for at, line in enumerate(lines, 1) if heading.fullmatch(line)]
    if number >= len(starts):
        return 0
    start = starts[number]
    for at, line in enumerate(lines[start:], start + 1):
        if re.match(r"\s*\[", line):
            break
        if key and re.match(rf"\s*{re.escape(key)}\s*=", line):
            return at
    return start


def find_key(text: str, key: str) -> int:
    """Line of a key or table at the top of a text that is TOML, from 1; 0 where it is not found."""
    lines = _bare_lines(text)
    wanted = re.compile(rf"\s*(?:{re.escape(key)}\s*=|\[\[?\s*{re.escape(key)}\s*[\].])")
    return next((at for at, line in enumerate(lines, 1) if wanted.match(line)), 0)


def _bare_lines(text: str) -> list[str]:
    """The lines with blanks in the place of strings and comments."""
    return _STRINGS.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text).split("\n")


def _slip(text: str, message: str) -> Slip:
    """What tomllib says in other words, with the line as it stands."""
    at = _AT.search(message)
    what = message[: at.start()] if at else message
    if at and at["line"]:
        line = int(at["line"])
    elif (start := _open_text(text)) is not None:
        line, what = text.count("\n", 0, start) + 1, "The text that begins here has no closing quotes"
    else:
        line = text.rstrip().count("\n") + 1
    there = text.split("\n")[line - 1].strip()
    told = _advice(there, what) or what[:1].lower() + what[1:]
    return Slip(line, f"`{clean_text(there, lines=1, columns=_SHOWN)}`: {told}" if there else told)


def _open_text(text: str) -> int | None:
    """Where a text of several lines begins that never ends."""
    for match in _STRINGS.finditer(text):
        quotes = match[0][:3]
        if match.end() == len(text) and quotes in _TRIPLE and (len(match[0]) < 6 or not match[0].endswith(quotes)):
            return match.start()
    return None


def _advice(line: str, what: str) -> str:
    """What to write instead of a line, where a usual slip is recognized; empty otherwise."""
    assigned = _ASSIGNED.fullmatch(line)
    value = assigned["value"] if assigned else ""
    if assigned and _COMMA.fullmatch(value):
        return f"write a decimal point, `{assigned['key']} = {value.replace(',', '.')}`"
    if value[:1] in _CURLED:
        return 'write straight quotes, `"`'
    if what.startswith(("Illegal character '\\n'", "Unterminated")):
        return "the closing quote is missing"
    if what.startswith("Cannot overwrite"):
        return "this is set twice"
    if what.startswith("Expected '='") or (what.startswith("Expected newline") and '"""' in line):
        return "this is no `key = value`, or the text above it has lost its quotes"
    if what.startswith("Expected newline"):
        return "something that does not belong there follows the value"
    if what.startswith("Unescaped"):
        return "write a backslash inside a text twice"
    if what == "Invalid value" and assigned and not value:
        return "the value is missing"
    if what == "Invalid value" and _WORDS.fullmatch(value):
        return "write a text in quotes, and a number like 0.5"
    return ""
