"""Names and ids of people, as different programs write them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.identity import id_key, person_key


@pytest.mark.parametrize(
    "other",
    [
        unicodedata.normalize("NFD", "José Muñoz-O'Brien"),
        "JOSÉ MUÑOZ-O'BRIEN",
        " José\u00a0 Muñoz‑O’Brien\u200b ",
        "Ｊosé\tMuñoz–Oʼbrien",
        unicodedata.normalize("NFD", "josé muñoz‐o‘brien"),
    ],
)
def test_spellings(other: str) -> None:
    """Case, Unicode form, kinds of spaces, apostrophes and hyphens don't make another person."""
    assert person_key(other) == person_key("José Muñoz-O'Brien")


@pytest.mark.parametrize(
    ("one", "other"), [("\u212aim", "kim"), ("Straße", "STRASSE"), ("ﬁona", "Fiona"), ("ann@x.org", "Ann@X.org")]
)
def test_same_letters(one: str, other: str) -> None:
    """The Kelvin sign is a K, a ligature its letters, an address the same in any case."""
    assert person_key(one) == person_key(other)


@pytest.mark.parametrize(("one", "other"), [("Jose", "José"), ("Ann Lee", "Annlee"), ("Müller", "Muller"), ("", "a")])
def test_others(one: str, other: str) -> None:
    """An accent, a space or a letter more is another name."""
    assert person_key(one) != person_key(other)


@given(st.text(max_size=60))
def test_stable(text: str) -> None:
    """A key is its own key, whatever the text."""
    key = person_key(text)
    assert person_key(key) == key


@pytest.mark.parametrize(
    "text",
    [
        "11",
        "11.0",
        "11,00",
        "1.1E+1",
        "1,1e+01",
        "1.10E1",
        "0011",
        "'11",
        "’0011",
        '="0011"',
        " 11 ",
        "\u00a011",
        "#11",
        "１１",
    ],
)
def test_ids(text: str) -> None:
    """An id is the same number however a spreadsheet shows it."""
    assert id_key(text) == "11"


@pytest.mark.parametrize(
    "text", ["41505", "41,505", "41.505", "41 505", "41\u202f505", "41’505", "4.1505E+4", "41505.0"]
)
def test_separators(text: str) -> None:
    """Separators of thousands are no part of an id."""
    assert id_key(text) == "41505"


@pytest.mark.parametrize(
    ("text", "told"), [("4.15E+04", "rounded"), ("1.23457E+14", "rounded"), ("11.000", "may be 11 or 11000")]
)
def test_lost_digits(text: str, told: str) -> None:
    """An id of which digits are lost, or which may be two numbers, is told and never guessed."""
    with pytest.raises(ValueError, match=told):
        id_key(text)


@pytest.mark.parametrize(
    ("text", "key"), [("Xy9zQ", "xy9zq"), ("ann.lee", "ann.lee"), ("", ""), ("1.10", "1.10"), ("-3", "-3")]
)
def test_no_numbers(text: str, key: str) -> None:
    """What is no whole number is compared as a name."""
    assert id_key(text) == key
