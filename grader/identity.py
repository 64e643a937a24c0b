"""Compares names, e-mail addresses and ids of people as different programs write them."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

_SAME = str.maketrans(dict.fromkeys("’‘ʼ´`", "'") | dict.fromkeys("‐‑‒–—−", "-"))
_QUOTED = re.compile(r"""=?["'’#]*(?P<inner>[^"]*)"?""")  # ="007", '007 and #007: how a column is kept a text
_GROUPED = re.compile(r"\d{1,3}(?P<mark>[.,' ])\d{3}(?:(?P=mark)\d{3})*")
_WHOLE = re.compile(r"(?P<whole>\d+)[.,]0+")
_SCIENTIFIC = re.compile(r"\d(?:[.,](?P<digits>\d+))?[eE]\+?(?P<exponent>\d{1,3})")


def person_key(text: str) -> str:
    """The same text for all spellings of a name or an e-mail address that people take for one.

    Case, Unicode form (composed, decomposed, full width, the Kelvin sign), kinds of spaces, apostrophes and hyphens,
    and characters that can't be seen don't count.
    """
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).translate(_SAME).casefold())
    return " ".join("".join(char for char in text if unicodedata.category(char) != "Cf").split())


def id_key(text: str) -> str:
    """The same text for all forms that spreadsheets give an id: 11 for `11.0`, `1.1E+1`, `0011`, `'11` and ` 11 `.

    An id that is not a number is compared as a name.

    Raises:
        ValueError: If digits of it are lost, or it may be two numbers; the text says why.
    """
    inner = _QUOTED.fullmatch(person_key(text))
    plain = (inner["inner"] if inner else text).strip()
    if scientific := _SCIENTIFIC.fullmatch(plain):
        if int(scientific["exponent"]) > len(scientific["digits"] or ""):
            raise ValueError("a spreadsheet has rounded it: give the column the number format 0")
        return str(int(Decimal(plain.replace(",", "."))))
    if _GROUPED.fullmatch(plain):
        if _WHOLE.fullmatch(plain):
            raise ValueError(f"it may be {plain[:-4]} or {plain[:-4]}000: give the column the number format 0")
        return str(int(re.sub(r"\D", "", plain)))
    if whole := _WHOLE.fullmatch(plain):
        plain = whole["whole"]
    return str(int(plain)) if plain.isascii() and plain.isdecimal() else plain
