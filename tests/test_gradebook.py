"""`gradebook.csv`: its columns, its order, and texts that mean no harm in a spreadsheet."""

from __future__ import annotations

import csv
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.course.gradebook import (
    FORMULA,
    ClassRecord,
    cell,
    read_record,
    record_path,
    write_gradebook,
    write_record,
)
from grader.course.records import Person, Row


def row(student: str, **fields: object) -> Row:
    """A graded row."""
    given = {"student": student, "person": Person(student=student), "outcome": "graded", "assignment": "miniplaces"}
    return Row.model_validate(given | fields)


def test_columns(tmp_path: Path) -> None:
    """The contract's columns, a line a student, sorted; the same rows in another order give the same bytes."""
    rows = [row("zoë", score=8.75, max_score=15, tasks={"1a": 1, "2c": 0.375}, withheld=("4c", "2d")), row("bob")]
    path = write_gradebook(tmp_path, rows)
    content = path.read_bytes()
    assert write_gradebook(tmp_path, reversed(rows)).read_bytes() == content
    heading, bob, zoe = csv.reader(content.decode().splitlines())
    assert heading[:8] == "student name score max_score late_days outcome withheld 1a".split()
    assert heading[-1] == "message"
    assert (bob[0], zoe[0]) == ("bob", "zoë")
    told = dict(zip(heading, zoe, strict=True))
    assert (told["score"], told["1a"], told["2c"], told["2a"], told["withheld"]) == ("8.75", "1", "0.375", "", "4c 2d")


def test_two_assignments(tmp_path: Path) -> None:
    """A class with both assignments has the tasks of both."""
    write_gradebook(tmp_path, [row("alice"), row("bob", assignment="two_networks", tasks={"2.1": 1})])
    lines = list(csv.DictReader((tmp_path / "gradebook.csv").read_text().splitlines()))
    assert {"1a", "4d", "2.1", "4.5"} <= lines[0].keys()
    assert (lines[0]["2.1"], lines[1]["2.1"]) == ("", "1")


def test_empty_class(tmp_path: Path) -> None:
    """Without students there is a heading."""
    assert write_gradebook(tmp_path, []).read_text().count("\n") == 1


@pytest.mark.parametrize("sign", "=+-@＝＋－＠﹣⁺")
def test_formulas_in_other_widths(sign: str) -> None:
    """A sign that a spreadsheet reads as the beginning of a formula is quoted in every width."""
    assert cell(f"{sign}1+1") == f"'{sign}1+1"


@pytest.mark.parametrize("sign", "|%−⁼₊﹦﹢﹫")
def test_other_signs(sign: str) -> None:
    """Bars, percents, the sign of minus, and raised, lowered and small forms of the signs are quoted as well."""
    assert cell(f"{sign}cmd") == f"'{sign}cmd"


@pytest.mark.parametrize("before", ["\t", "\n", " ", "\u00a0", "\u3000", "\u3164", "\u2800", "\u115f", "\u034f"])
def test_formulas_behind_what_is_not_seen(before: str) -> None:
    """What stands before a sign and can't be seen hides no formula."""
    assert cell(f"{before}=1+1").startswith("'")


@pytest.mark.parametrize("text", ["Ann;=1+1", "Ann; @SUM(1)", "Ann；＝1+1", "x;y;+1"])
def test_formulas_in_the_next_cell(text: str) -> None:
    """A spreadsheet that separates cells by semicolons makes no formula of a part of a cell."""
    assert not [
        part for part in re.split("[;；]", cell(text)) if unicodedata.normalize("NFKC", part.strip())[0] in FORMULA
    ]


def test_cells_as_they_are() -> None:
    """Names, and sentences with numbers, signs and semicolons in them, stay as they are."""
    for text in ("O'Brien-Smith", "9 of 10 = 90%; late: 1", "a+b@x.org", "3.1 | 4"):
        assert cell(text) == text


@given(st.text())
def test_cells(text: str) -> None:
    """No text is a formula, breaks a line or hides a character."""
    shown = cell(text)
    assert not shown.startswith(FORMULA)
    assert "\n" not in shown
    assert shown.isprintable() or shown == ""


def test_records(tmp_path: Path) -> None:
    """A record is read as it was written, and one that can't be read is none."""
    record = ClassRecord(run="a", score="b", results="c", row=row("zoë", tasks={"1a": 0.5}))
    write_record(tmp_path, record)
    assert read_record(tmp_path, "zoë") == record
    assert read_record(tmp_path, "bob") is None
    record_path(tmp_path, "zoë").write_text("{}")
    assert read_record(tmp_path, "zoë") is None


def test_unread(tmp_path: Path) -> None:
    """Who has handed in something that is not understood has no score, and the message says what lies there."""
    told = "bob.7z is not read: it is a 7-Zip archive"
    write_gradebook(tmp_path, [row("bob", outcome="unread", message=told, score=0.0)])
    with (tmp_path / "gradebook.csv").open(newline="", encoding="utf-8") as file:
        (line,) = csv.DictReader(file)
    assert (line["score"], line["max_score"], line["outcome"], line["message"]) == ("", "", "unread", told)
