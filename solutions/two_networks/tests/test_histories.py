"""`history.json` is read whatever it holds, and its curves are laid out so that they can be drawn."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from grader.errors import Failure, Missing
from grader.records import Exhibit
from grader.sandbox.student import Implementation
from grader.sandbox.transport import LocalTransport
from grader.vision.figures import curves
from solutions.two_networks.checks.claims import compare_claim
from solutions.two_networks.checks.histories import (
    CURVES,
    History,
    chosen_epoch,
    lay_out_curves,
    read_history,
)

GOOD: History = {
    "train_loss": [2.0, 1.0, 0.5],
    "train_accuracy": [0.2, 0.6, 0.8],
    "val_loss": [1.9, 1.2, 1.3],
    "val_accuracy": [0.3, 0.55, 0.6],
}


def student(content: Any) -> Implementation:
    """A student whose file holds these bytes, or this as JSON."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Implementation((), LocalTransport({}, {}), {"history.json": data})


def changed(**curves: Any) -> dict[str, Any]:
    """The good curves with some replaced; None takes one out."""
    return {"supervised": {name: curve for name, curve in {**GOOD, **curves}.items() if curve is not None}}


@pytest.mark.parametrize(
    "content", [{"supervised": GOOD}, changed(lr=[0.1], notes="more"), changed(val_loss=[1, 2, 0])]
)
def test_good(content: dict[str, Any]) -> None:
    """Four equally long lists are read; more keys and whole numbers do no harm."""
    assert read_history(student(content), "supervised") == {name: content["supervised"][name] for name in CURVES}


@pytest.mark.parametrize("curve", ["train_accuracy", "val_accuracy"])
def test_percent(curve: str) -> None:
    """An accuracy curve in percent is read as fractions, whatever the other one's unit, so no claim looks untrue."""
    content = changed(**{curve: [100 * value for value in GOOD[curve]]})
    read = read_history(student(content), "supervised")
    assert read[curve] == pytest.approx(GOOD[curve])
    assert read == {**GOOD, curve: read[curve]}
    assert "far apart" not in compare_claim(read, 0.61)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings(encoding: str) -> None:
    """The file is read in the encodings that Python, Notepad and PowerShell write."""
    content = json.dumps({"supervised": GOOD}).encode(encoding)
    assert read_history(student(content), "supervised") == GOOD


def test_missing() -> None:
    """A submission without the file is told so."""
    with pytest.raises(Missing, match=r"history\.json"):
        read_history(Implementation((), LocalTransport({}, {})), "supervised")


NAMED = [
    (GOOD, "history_of_one_network"),
    ({"supervised": [GOOD]}, "history_by_epoch"),
    (changed(val_accuracy=None), "history_lacks_curves"),
    (changed(val_loss=1.5), "history_of_last_epoch"),
    (changed(val_loss=[1.0, math.nan, 1.0]), "history_not_finite"),
    (changed(train_loss=[1.0, math.inf, 1.0]), "history_not_finite"),
    (changed(train_loss=[1.0] * 70), "history_of_unequal_lengths"),
    (changed(val_accuracy=[0.3, 55, 60]), "history_in_two_units"),
    (changed(train_loss=[0.7] * 3), "history_constant"),
    ({"supervised": {name: [0] for name in CURVES}}, "history_constant"),
]


@pytest.mark.parametrize(("content", "name"), NAMED)
@pytest.mark.parametrize("network", ["supervised", "rotation"])
def test_named(content: Any, name: str, network: str) -> None:
    """What is known to go wrong is named, for either network."""
    content = {network if key == "supervised" else key: value for key, value in content.items()}
    with pytest.raises(Failure) as caught:
        read_history(student(content), network)
    assert caught.value.mistake == f"{network}.{name}"


HOSTILE = [
    b"", b"\xff\xfe\x00", b"null", b"[]", b"3", b'"text"', b"{'supervised': 1}", b"{}" + b" " * (1 << 20),
    b"[" * 100_000, b'{"a":' * 50_000, b'{"supervised": null}', b'{"supervised": "x"}', b'{"\\ud800": 1}',
    b'{"supervised": {"\\ud800": 1}}', b'{"supervised": {"train_loss": [' + b"9" * 500_000 + b"]}}",
    {"supervised": {}}, changed(val_loss=[]), changed(val_loss=None), changed(val_loss="abc"),
    changed(val_loss=[True] * 3), changed(val_loss=["1", "2", "3"]), changed(val_loss=[[1], [2], [3]]),
    changed(val_loss={"0": 1}), changed(val_loss=[None] * 3), changed(val_loss=[1.0] * 2001),
    changed(val_accuracy=[0.1, 0.2, -0.1]), changed(val_accuracy=[0.1, 0.2, 1e300]), changed(val_accuracy=[10, 20, -1]),
    changed(val_accuracy=[10, 20, 101]), changed(val_accuracy=[0.1, 0.2, 1.3]),
]  # fmt: skip


@pytest.mark.parametrize("content", HOSTILE, ids=lambda content: repr(content)[:40])
def test_hostile(content: Any) -> None:
    """Nothing that the file holds is more than a failure, told in few words."""
    with pytest.raises(Failure) as caught:
        read_history(student(content), "supervised")
    told = " ".join((caught.value.message, caught.value.expected, caught.value.got))
    assert len(told) < 1000
    told.encode()


def test_only_the_needed() -> None:
    """Where only the training loss is needed, other curves are taken if they are well-formed, and left out if not."""
    content = {
        "rotation": {"train_loss": [2, 1, 0], "val_loss": [1, 2], "val_accuracy": [0.3, 0.4, 0.5], "train_accuracy": 3}
    }
    read = read_history(student(content), "rotation", needed=("train_loss",))
    assert read == {"train_loss": [2, 1, 0], "val_accuracy": [0.3, 0.4, 0.5]}


def test_chosen_epoch() -> None:
    """The epoch is chosen by validation accuracy, else by validation loss, else not."""
    assert chosen_epoch(GOOD) == 2
    assert chosen_epoch({"val_loss": GOOD["val_loss"]}) == 1
    assert chosen_epoch({"train_loss": GOOD["train_loss"]}) is None


def test_claim() -> None:
    """What the curves claim is put beside what was measured, with a remark where they are far apart."""
    assert compare_claim(None, 0.7) == compare_claim(GOOD, None) == compare_claim({"train_loss": [1.0]}, 0.7) == ""
    assert compare_claim(GOOD, 0.61).endswith("on the test images 61.0%.")
    assert "far apart" in compare_claim(GOOD, 0.3)


REFERENCE = {"curves": GOOD, "best_epoch": 1, "test_accuracy": 0.8}


@pytest.mark.parametrize(
    ("history", "accuracy", "best"),
    [
        (GOOD, 0.7, 3),
        (None, None, 2),
        ({"train_loss": [2.0, 1.0]}, 0.1, None),
        ({"train_loss": [-1e308, 1e308], "val_accuracy": [0.0, 1.0]}, 0.5, 2),
        ({name: [0.5] for name in CURVES}, 1.0, 1),
        ({name: [0.5] * 2000 for name in CURVES}, 0.0, 1),
    ],
)
def test_drawn(history: History | None, accuracy: float | None, best: int | None) -> None:
    """The layout can be drawn with and without a student's curves, whatever finite numbers these hold."""
    laid_out: list[Exhibit] = []

    def exhibit(kind: str, name: str, caption: str, facts: dict[str, Any]) -> None:
        laid_out.append(Exhibit("2.2", kind, name, caption, {}, facts))

    lay_out_curves(exhibit, history, REFERENCE, accuracy, 0.7, "Training.")
    assert laid_out[0].facts["best_epoch"] == best
    assert [one["label"] for one in laid_out[0].facts["series"]] == ["Yours", "Reference"][history is None :]
    assert curves.draw(laid_out[0]).caption == "Training."
