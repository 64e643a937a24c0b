"""`experiments.json` is read whatever it holds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.checks.miniplaces.check_experiments import MOST_BYTES, check_comparison, check_entries
from grader.errors import CheckStopped, Failure, Missing
from grader.sandbox.student import Implementation
from grader.sandbox.transport import LocalTransport

RUN = {"technique": "dropout", "setting": "0.5", "train_accuracy": 0.9, "val_accuracy": 0.8}
IGNORED: Any = lambda *_, **__: None  # noqa: E731  # stands for fixtures of several kinds


def student(content: bytes) -> Implementation:
    """A student whose file holds these bytes."""
    return Implementation((), LocalTransport({}, {}), {"experiments.json": content})


def read(content: bytes) -> None:
    """Both checks, the second only after the first has passed, as they are run."""
    check_entries(student(content), IGNORED, {}, IGNORED)
    check_comparison(student(content))


def with_value(value: bytes) -> bytes:
    """A run whose accuracy is written so."""
    return json.dumps([{**RUN, "train_accuracy": "?"}]).encode().replace(b'"?"', value)


def test_good() -> None:
    """Two techniques with two settings each pass, whatever settings are written as."""
    runs = [{**RUN, "technique": name, "setting": setting} for name in ("dropout", 7) for setting in ("a", 0.1, None)]
    read(json.dumps(runs).encode())


@pytest.mark.parametrize("unit", [1, 100])
def test_percent(unit: int) -> None:
    """Accuracies may be fractions or, where the largest is above 1, percent; what is drawn is a fraction."""
    runs = [RUN | {"setting": s, "train_accuracy": 0.9 * unit, "val_accuracy": s * unit} for s in (0.007, 0.5)]
    shown: list[Any] = []
    check_entries(student(json.dumps(runs).encode()), lambda *_, facts: shown.extend(facts["experiments"]), {}, IGNORED)
    assert [run["val_accuracy"] for run in shown] == pytest.approx([0.007, 0.5])
    assert [run["train_accuracy"] for run in shown] == pytest.approx([0.9, 0.9])


def test_missing() -> None:
    """A submission without the file is told so."""
    with pytest.raises(Missing, match=r"experiments\.json"):
        check_entries(Implementation((), LocalTransport({}, {})), IGNORED, {}, IGNORED)


HOSTILE = {
    "nothing": b"",
    "no text": b"\xff\xfe\0",
    "no list": b"3",
    "an empty list": b"[]",
    "depth": b"[" * 100_000,
    "lists in lists": b"[" * 900 + b"]" * 900,
    "too large": b" " * (MOST_BYTES + 1),
    "no objects": b"[[1]]",
    "lone surrogates": b'[{"\\ud800": 1}]',
    "long keys": b'[{"' + b"k" * 200_000 + b'": 1}]',
    "an integer beyond floats": with_value(b"1" * 400),
    "thousands of digits": with_value(b"1" * 4000),
    "too many digits": with_value(b"1" * 5000),
    "beyond floats": with_value(b"1e400"),
    "nan": with_value(b"NaN"),
    "true": with_value(b"true"),
    "a list": with_value(b"[" * 500 + b"]" * 500),
    "a long text": with_value(b'"' + b"x" * 200_000 + b'"'),
    "more than percent": with_value(b"101"),
    "less than nothing": with_value(b"-0.1"),
    "an integer beyond floats, negative": with_value(b"-" + b"1" * 400),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_hostile(content: bytes) -> None:
    """Nothing that the file holds is more than a failure that can be told."""
    with pytest.raises(Failure) as caught:
        read(content)
    assert len(caught.value.message) < 300
    f"{caught.value.message} {caught.value.expected}".encode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**40), 10**40) | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(RUN)), inner),
    max_leaves=9,
)
RUNS = st.lists(st.fixed_dictionaries(dict.fromkeys(RUN, JSON | st.floats(0, 1))), max_size=4)


@settings(deadline=None, max_examples=200)
@given(RUNS.map(json.dumps).map(str.encode) | JSON.map(json.dumps).map(str.encode) | st.binary(max_size=60))
def test_any_content(content: bytes) -> None:
    """Any content passes or fails in a check's own way."""
    try:
        read(content)
    except CheckStopped as stopped:
        stopped.message.encode("utf-8", "backslashreplace")
