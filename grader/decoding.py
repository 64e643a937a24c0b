"""Decodes text files that people wrote, whatever their editor saved them as; the one reader of such files.

    answers.md, group.txt, history.json, experiments.json, manual.toml, roster.csv, submission_metadata.json, ...

Python modules are not read here: Python has rules of its own for their encoding.
"""

from __future__ import annotations

import codecs
import json
from typing import Any

# What a file begins with that is no plain text, in words that fit "it is ...".
# https://en.wikipedia.org/wiki/List_of_file_signatures
_FORMATS = {
    b"PK\x03\x04": "a zip or an Office document",
    b"\xd0\xcf\x11\xe0": "an Office document",
    b"%PDF-": "a PDF",
    b"{\\rtf": "rich text (RTF)",
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"\x1f\x8b": "a gzip file",
    b"BZh91AY&SY": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
}
_TAR = (b"ustar", 257)  # stands at this offset
_FEW_ZEROS = 100  # a binary file holds more than one zero byte in so many; a stray one is left to whoever parses
_SAFE_DIGITS = 18  # an integer of more digits becomes a float: Python takes quadratic time for very long ones

# `surrogateescape` turns a byte that is not UTF-8 into U+DC00 plus the byte. Those become what Windows-1252 has there.
_WINDOWS = {0xDC00 + byte: bytes([byte]).decode("cp1252", "replace") for byte in range(0x80, 0x100)}


class NotText(ValueError):
    """A file that should be plain text is not; the message says what it is, as "it is a PDF, not plain text"."""


def decode_text(content: bytes, most: int | None = None) -> str:
    r"""Decode a text file.

    UTF-8, UTF-16 and UTF-32 are recognized by their byte order mark, or by the zero bytes that UTF-16 and UTF-32 put
    beside ASCII. Anything else is UTF-8; bytes that are not valid UTF-8 are read as Windows-1252.

    Args:
        content: The file's bytes.
        most: Decode no more than this many bytes; a character that the cut splits is dropped.

    Returns:
        The text with `\n` for every kind of line break, without byte order marks and without the zero bytes that an
        interrupted save leaves at the end.

    Raises:
        NotText: If the file is of a known other format, or holds too many zero bytes for a text.
    """
    if not content.strip(b"\0"):  # nothing, or what an interrupted save leaves
        return ""
    if known := name_format(content):
        raise NotText(f"it is {known}, not plain text")
    encoding = json.detect_encoding(content)
    decoder = codecs.getincrementaldecoder(encoding)("surrogateescape" if encoding.startswith("utf-8") else "replace")
    text = decoder.decode(content[:most], final=most is None or len(content) <= most)
    if not text.isascii():
        text = text.translate(_WINDOWS)
    text = text.lstrip("\ufeff").rstrip("\0")
    if text.count("\0") * _FEW_ZEROS > len(text):
        raise NotText("it holds binary data, not plain text")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def parse_json(content: bytes) -> Any:
    """Parse a JSON file that a person or a person's program wrote, in any encoding that `decode_text` knows.

    `NaN` and `Infinity` are accepted, as `json.dump` writes them. Integers of more than 18 digits become floats.

    Raises:
        ValueError: If the file is empty or not JSON; the message says where.
        NotText: If it is not text; a ValueError too.
        RecursionError: If it is nested too deep.
    """
    text = decode_text(content)
    if not text.strip():
        raise ValueError("the file is empty")
    return json.loads(text, parse_int=lambda digits: int(digits) if len(digits) <= _SAFE_DIGITS else float(digits))


def name_format(content: bytes) -> str:
    """What a file is by its first bytes, e.g. "a PDF"; empty when it may be plain text or is not known."""
    magic, offset = _TAR
    if content[offset : offset + len(magic)] == magic:
        return "a tar archive"
    return next((name for beginning, name in _FORMATS.items() if content.startswith(beginning)), "")
