"""Text files as people's editors save them."""

from __future__ import annotations

import codecs
import contextlib
import json
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.decoding import NotText, decode_text, name_format, parse_json

TEXT = "## 3c\nMüller’s map – 空\n"
MARKED = {
    "utf-8": b"",
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}


@pytest.mark.parametrize("encoding", MARKED)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("marked", [True, False])
def test_unicode(encoding: str, newline: str, marked: bool) -> None:
    """Every Unicode encoding is read with and without its byte order mark, and every line break is a newline."""
    mark = (MARKED[encoding] or codecs.BOM_UTF8) if marked else b""
    assert decode_text(mark + TEXT.replace("\n", newline).encode(encoding)) == TEXT


def test_windows() -> None:
    """Bytes that are not UTF-8 are read as Windows-1252, and valid UTF-8 beside them stays what it is."""
    assert decode_text("Müller’s “map” – 5 €".encode("cp1252")) == "Müller’s “map” – 5 €"
    assert decode_text("Müller and ".encode() + "Zoë".encode("cp1252")) == "Müller and Zoë"
    assert decode_text(b"\x81") == "\ufffd"  # Windows-1252 has nothing there


def test_interrupted_save() -> None:
    """Zero bytes at the end, as a crash leaves them, are no part of the text; a file of zero bytes is empty."""
    assert decode_text(b"score = 1\n" + b"\0" * 500) == "score = 1\n"
    assert {decode_text(bytes(size)) for size in range(9)} == {""}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("most", range(8, 24))
def test_cut(encoding: str, most: int) -> None:
    """A cut between the bytes of a character leaves the characters before it."""
    assert "üüüüüüüüüüüü".startswith(decode_text("üüüüüüüüüüüü".encode(encoding), most))
    assert len(decode_text("ü".encode() * 9, 9)) == 4


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"%PDF-1.7\n", "it is a PDF, not plain text"),
        (b"{\\rtf1\\ansi ## 2b}", "it is rich text"),
        (b"PK\x03\x04...", "it is a zip or an Office document"),
        (b"\x89PNG\r\n", "it is a picture"),
        (b"\x7fELF" + b"\x02\x01\0\0\0\0" * 20, "it holds binary data"),
    ],
)
def test_not_text(content: bytes, told: str) -> None:
    """What is no plain text is told with what it is."""
    with pytest.raises(NotText, match=told):
        decode_text(content)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_json(encoding: str) -> None:
    """JSON is read in every encoding, with the numbers that `json.dump` writes for what is not finite."""
    content = json.dumps({"a": [1, 2.5, math.nan, "ü"]}, ensure_ascii=False)
    whole, fraction, nan, text = parse_json(content.encode(encoding))["a"]
    assert (whole, fraction, text) == (1, 2.5, "ü")
    assert isinstance(whole, int)
    assert math.isnan(nan)
    assert parse_json(b"9" * 5000) == math.inf


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (b"\0\0\0\0", "empty"),
        (b"\xef\xbb\xbf \r\n", "empty"),
        (b"%PDF-1.7", "a PDF"),
        (b'{"a": 1,\r\n"b": }', "line 2 column 6"),
        (b'{"a": 1} trailing', "line 1 column 10"),
    ],
)
def test_not_json(content: bytes, told: str) -> None:
    """What is wrong with a JSON file is told with its line."""
    with pytest.raises(ValueError, match=told):
        parse_json(content)


@given(st.binary(max_size=300), st.integers(0, 300))
def test_any_bytes(content: bytes, most: int) -> None:
    """Any bytes become a text that can be encoded, without carriage returns, or are told to be none."""
    try:
        text = decode_text(content, most)
    except NotText:
        return
    assert "\r" not in text
    text.encode()


@pytest.mark.parametrize("piece", [b"\xfc", b"\xff\xfe", b"\xef\xbb\xbf", b"\0a", b"\r"])
def test_time(piece: bytes) -> None:
    """Sixteen megabytes of anything are read in a moment."""
    started = time.process_time()
    with contextlib.suppress(NotText):
        decode_text(piece * ((16 << 20) // len(piece)))
    assert time.process_time() - started < 5


def test_formats() -> None:
    """Archives are told by their first bytes, a tar archive by those behind its first name; a text is none of them."""
    assert name_format(b"7z\xbc\xaf\x27\x1c") == "a 7-Zip archive"
    assert name_format(b"a.txt" + b"\0" * 252 + b"ustar\x0000") == "a tar archive"
    assert name_format(b"BZh is no archive") == name_format(b"") == ""
