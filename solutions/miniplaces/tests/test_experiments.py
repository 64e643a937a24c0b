"""`experiments.json` is read whatever it holds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.checking.integrity_flags import IntegrityFlags
from grader.errors import CheckStopped, Failure, Missing
from grader.records import Exhibit, WorthALook
from grader.sandbox.student import Implementation
from grader.sandbox.transport import LocalTransport
from grader.vision.figures import techniques
from solutions.miniplaces.checks.public_experiments import MOST_BYTES, check_comparison, check_entries

RUN = {"technique": "dropout", "setting": "0.5", "train_accuracy": 0.9, "val_accuracy": 0.8}
IGNORED: Any = lambda *_, **__: None  # noqa: E731  # stands for fixtures of several kinds


def student(content: bytes) -> Implementation:
    """A student whose file holds these bytes."""
    return Implementation((), LocalTransport({}, {}), {"experiments.json": content})


def read(content: bytes) -> None:
    """Both checks, the second only after the first has passed, as they are run."""
    check_entries(student(content), IGNORED, {}, IntegrityFlags("4d", []))
    check_comparison(student(content))


def with_value(value: bytes) -> bytes:
    """A run whose accuracy is written so."""
    return json.dumps([{**RUN, "train_accuracy": "?"}]).encode().replace(b'"?"', value)


def test_good() -> None:
    """Two techniques with two settings each pass, whatever settings are written as."""
    runs = [{**RUN, "technique": name, "setting": setting} for name in ("dropout", 7) for setting in ("a", 0.1, None)]
    read(json.dumps(runs).encode())


@pytest.mark.parametrize(
    ("accuracies", "files", "told"),
    [
        ((0.9, 0.8, 0.92, 0.85), {"model.pth": b""}, []),
        ((0.5, 0.5, 0.5, 0.5), {"model.pth": b""}, ["same_accuracies"]),
        ((0.1, 0.1, 0.12, 0.1), {"model.pth": b""}, ["guessing"]),
        ((0.9, 0.8, 0.92, 0.85), {}, ["no_network"]),
    ],
)
def test_what_no_training_gives(accuracies: tuple[float, ...], files: dict[str, bytes], told: list[str]) -> None:
    """Equal numbers, guessing, and runs without a network earn what they report, and the instructor is told."""
    found: list[WorthALook] = []
    runs = [
        {**RUN, "setting": place, "train_accuracy": accuracies[2 * place], "val_accuracy": accuracies[2 * place + 1]}
        for place in range(2)
    ]
    who = Implementation((), LocalTransport({}, {}), {"experiments.json": json.dumps(runs).encode(), **files})
    check_entries(who, IGNORED, {}, IntegrityFlags("4d", found))
    assert [look.name for look in found] == told


PERCENT: list[dict[str, Any]] = [
    {**RUN, "technique": name, "setting": setting, "train_accuracy": 93, "val_accuracy": accuracy}
    for name in ("dropout", "flips")
    for setting, accuracy in (("off", 90.5), ("on", 91.4))
]


@pytest.mark.parametrize("first", [{}, {"train_accuracy": 10.0}, {"val_accuracy": 0}, {"train_accuracy": 100}])
def test_percent(first: dict[str, float]) -> None:
    """Where the largest accuracy of the file is above 1, all are percent, and are drawn as such."""
    shown: list[dict[str, Any]] = []

    def exhibit(*_: Any, facts: dict[str, Any]) -> None:
        shown.extend(facts["experiments"])

    runs = [PERCENT[0] | first, *PERCENT[1:]]
    content = json.dumps(runs).encode()
    check_entries(student(content), exhibit, {}, IntegrityFlags("4d", []))
    check_comparison(student(content))
    for key in ("train_accuracy", "val_accuracy"):
        assert [run[key] for run in shown] == pytest.approx([run[key] / 100 for run in runs])
    picture = techniques.draw(Exhibit("4d", "techniques", "techniques", "", {}, {"experiments": shown}))
    assert "best validation 91.4%" in picture.alt


def test_two_units() -> None:
    """A file that has some fractions and some percent is told which numbers can't stand together."""
    with pytest.raises(Failure, match=r"^train_accuracy of entry 2 is 0\.9, and 91 stands beside it") as caught:
        read(json.dumps([{**RUN, "train_accuracy": 91, "val_accuracy": 80}, RUN]).encode())
    assert caught.value.mistake == "fashion.experiments_in_two_units"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_encodings(encoding: str) -> None:
    """The file is read in the encodings that Python, Notepad and PowerShell write."""
    runs = [{**RUN, "technique": name, "setting": setting} for name in ("Größe", "Tiefe") for setting in (1, 2)]
    read(json.dumps(runs, ensure_ascii=False).encode(encoding))


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
    "below zero": with_value(b"-0.1"),
    "a little below zero, in percent": with_value(b"-1e-9"),
    "above a hundred": with_value(b"101"),
    "percent beside a fraction": with_value(b"91"),
    "a fraction above one beside a fraction": with_value(b"1.02"),
    "one percent beside a fraction": with_value(b"1.5"),
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


def test_missing_file_has_a_next_step() -> None:
    """Whoever hands in no experiments.json is told what to write and where to put it."""
    with pytest.raises(Missing) as caught:
        check_entries(Implementation((), LocalTransport({}, {}), {}), IGNORED, {}, IntegrityFlags("4d", []))
    assert "in the form that the handout shows in 4d" in caught.value.help
