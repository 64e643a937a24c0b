"""`results.json`: the form that Gradescope reads, written whole and read back."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sample_exhibits
import sample_grade as sample

from grader.errors import UsageError
from grader.records import CheckResult, Exhibit, Grade, Outcome, State, TaskGrade
from grader.results import ARRAYS, RESULTS, read_results, results_json, write_results, write_whole
from grader.terminal import total_line

HOSTILE = "\x1b[2J\u202eevil \ud800 <script> \x00 é"


def written(folder: Path, grade: Grade, *exhibits: Exhibit) -> dict[str, Any]:
    """What stands in `results.json` after writing."""
    write_results(folder, grade, exhibits, sample.run_facts(), total_line(grade))
    content: dict[str, Any] = json.loads((folder / RESULTS).read_bytes())
    return content


def test_shape(tmp_path: Path) -> None:
    """Every key of the contract is there, Gradescope's at the top and ours below `extra_data`."""
    content = written(tmp_path, sample.grade(), *sample_exhibits.exhibits())
    top = {"score", "max_score", "output", "output_format", "execution_time", "tests", "extra_data"}
    assert content.keys() == top
    assert content["output_format"] == "text"
    ours = "student assignment variant submission_sha256 outcome tasks checks ledger sandbox seconds versions datasets"
    assert content["extra_data"].keys() >= {*ours.split(), "reference"}
    assert content["extra_data"]["tasks"][0].keys() >= {"id", "title", "score", "max_score", "state"}
    assert content["extra_data"]["checks"][0].keys() >= {"task", "name", "outcome", "mistake", "message"}
    assert content["extra_data"]["ledger"][0].keys() == {"label", "points"}


def test_one_test_per_task(tmp_path: Path) -> None:
    """Gradescope sees an entry per task, in the rubric's order, with the fields it knows."""
    tests = written(tmp_path, sample.grade())["tests"]
    assert [test["number"] for test in tests] == [task.id for task in sample.assignment().tasks]
    assert tests[0] == {
        "number": "1a",
        "name": "Normalise a kernel for viewing",
        "score": 0.67,
        "max_score": 1.0,
        "status": "failed",
        "output": tests[0]["output"],
        "output_format": "text",
        "visibility": "visible",
        "tags": ["miniplaces", "filters"],
    }
    assert "✗ A constant kernel gives a constant image." in tests[0]["output"]


@pytest.mark.parametrize(
    ("state", "score", "max_score", "status"),
    [
        (State.SCORED, 1.0, 1.0, "passed"),
        (State.SCORED, 0.99, 1.0, "failed"),
        (State.SCORED, 0.0, 0.0, "passed"),
        (State.WITHHELD, 0.0, 1.0, "failed"),
        (State.MANUAL, 0.0, 1.0, "failed"),
        (State.UNASKED, 0.0, 0.0, "failed"),
    ],
)
def test_status(tmp_path: Path, state: State, score: float, max_score: float, status: str) -> None:
    """A task has passed when its checks earned all its points."""
    task = TaskGrade(id="1a", title="t", score=score, max_score=max_score, state=state)
    assert written(tmp_path, sample.grade(tasks=(task,)))["tests"][0]["status"] == status


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State.WITHHELD, "withheld: The data set is not here."),
        (State.MANUAL, "waits for a person"),
        (State.UNASKED, "not asked by this variant"),
    ],
)
def test_unscored_tasks_say_why(tmp_path: Path, state: State, words: str) -> None:
    """A task without a score says why in Gradescope's text."""
    comment = "The data set is not here." if state is State.WITHHELD else ""
    task = TaskGrade(id="1a", title="t", score=0, max_score=1, state=state, comment=comment)
    content = written(tmp_path, sample.grade(tasks=(task,), checks=()))
    assert content["tests"][0]["output"] == words


def test_refused(tmp_path: Path) -> None:
    """A refused submission has a record with score 0, the outcome, and the reason in `output`."""
    content = written(tmp_path, sample.refused_grade("It is not a zip."))
    assert (content["score"], content["tests"], content["extra_data"]["outcome"]) == (0, [], "refused")
    assert "It is not a zip." in content["output"]


def test_round_trip(tmp_path: Path) -> None:
    """What was written is read back: the grade but for seconds of checks, exhibits, provenance."""
    grade, facts = sample.grade(), sample.run_facts()
    write_results(tmp_path, grade, sample_exhibits.exhibits(), facts, "output")
    again, exhibits, read_facts = read_results(tmp_path)
    without_times = tuple(check.model_copy(update={"seconds": 0.0}) for check in grade.checks)
    assert again == grade.model_copy(update={"checks": without_times})
    assert read_facts == facts
    for one, other in zip(sample_exhibits.exhibits(), exhibits, strict=True):
        assert (one.key, one.caption, json.dumps(one.facts)) == (other.key, other.caption, json.dumps(other.facts))
        assert one.arrays.keys() == other.arrays.keys()
        for name, array in one.arrays.items():
            np.testing.assert_array_equal(array, other.arrays[name], strict=True)


@pytest.mark.parametrize(
    "array",
    [
        np.array(3, np.int16),
        np.zeros((0, 3)),
        np.array([True, False]),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.arange(10)[::3],
        np.array([np.nan, np.inf], np.float32),
    ],
)
def test_arrays_come_back(tmp_path: Path, array: Any) -> None:
    """Arrays of any layout, rank and size come back as they were."""
    write_results(tmp_path, sample.grade(), [Exhibit("1a", "ramp", "x", "c", {"a": array})], sample.run_facts(), "")
    _, (exhibit,), _ = read_results(tmp_path)
    np.testing.assert_array_equal(exhibit.arrays["a"], array, strict=True)


def test_first_notes_come_back(tmp_path: Path) -> None:
    """What comes before all other notes is kept, and a record of before it was kept is read."""
    grade = sample.grade(first=("Read me.",), notes=("Read me.", "A note."))
    content = written(tmp_path, grade)
    assert read_results(tmp_path)[0].first == ("Read me.",)
    del content["extra_data"]["first"]
    (tmp_path / RESULTS).write_text(json.dumps(content))
    assert read_results(tmp_path)[0].first == ()


def test_writing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    """A record that is read and written again has the same bytes."""
    write_results(tmp_path, sample.grade(), sample_exhibits.exhibits(), sample.run_facts(), "output")
    first = [(tmp_path / name).read_bytes() for name in (RESULTS, ARRAYS)]
    grade, exhibits, facts = read_results(tmp_path)
    write_results(tmp_path, grade, exhibits, facts, "output")
    assert [(tmp_path / name).read_bytes() for name in (RESULTS, ARRAYS)] == first


def test_long_texts_are_whole(tmp_path: Path) -> None:
    """A paragraph on one line of a thousand characters is not cut, in an answer or a message."""
    long = "word " * 200 + "end."
    check = CheckResult(task="1a", name="c", title="t", outcome=Outcome.FAILED, message=long, help=long)
    content = written(tmp_path, sample.grade(answers={"2b": long}, checks=(check,), notes=(long,)))["extra_data"]
    assert content["answers"]["2b"] == content["checks"][0]["message"] == content["checks"][0]["help"] == long
    assert content["notes"] == [long]


def test_hostile_text(tmp_path: Path) -> None:
    """Whatever a student wrote, the file is ASCII, holds no control character, and shows what was there."""
    check = CheckResult(
        task="1a", name="c", title=HOSTILE, outcome=Outcome.FAILED, message=HOSTILE, got=HOSTILE, help=HOSTILE,
        called=HOSTILE, expected=HOSTILE,
    )  # fmt: skip
    task = TaskGrade(id="1a", title="t", score=0, max_score=1, state=State.WITHHELD, comment=HOSTILE)
    grade = sample.grade(checks=(check,), notes=(HOSTILE,), answers={"2b": HOSTILE}, reason=HOSTILE, tasks=(task,))
    content = written(tmp_path, grade)
    raw = (tmp_path / RESULTS).read_bytes()
    assert raw.isascii()
    assert b"\\ud800" not in raw
    assert all(byte >= 32 or byte == 10 for byte in raw)
    text = json.dumps(content, ensure_ascii=False)
    assert not {"\x1b", "\u202e", "\x00", "\ud800"} & set(text)
    assert content["extra_data"]["checks"][0]["message"] == "\\u{1b}[2J\\u{202e}evil \\u{d800} <script> \\u{0} é"


def test_no_nan(tmp_path: Path) -> None:
    """JSON has no nan: a fact that is none becomes null, numpy's scalars become numbers."""
    facts = {"curve": [1.0, math.nan, (math.inf,)], "best": {"epoch": np.int64(3), "loss": np.float32("nan")}}
    content = written(tmp_path, sample.grade(), Exhibit("1a", "curves", "x", "c", {}, facts))
    assert content["extra_data"]["exhibits"][0]["facts"] == {
        "curve": [1.0, None, [None]],
        "best": {"epoch": 3, "loss": None},
    }


def test_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader finds the old content until the new one is complete."""
    path = tmp_path / "file"
    write_whole(path, b"old")

    def full(*_names: object) -> None:
        assert path.read_bytes() == b"old"
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="full"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"


def test_a_record_that_is_no_json_is_never_written(tmp_path: Path) -> None:
    """When the content can't be written down, the record from before stays."""
    content = written(tmp_path, sample.grade())
    with pytest.raises(TypeError):
        write_results(
            tmp_path, sample.grade(), [Exhibit("1a", "k", "x", "c", {}, {"odd": {1j}})], sample.run_facts(), ""
        )
    assert json.loads((tmp_path / RESULTS).read_bytes()) == content


def _edit(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        content = json.loads((folder / RESULTS).read_bytes())
        change(content)
        (folder / RESULTS).write_text(json.dumps(content))

    return spoil


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / RESULTS).unlink(),
        lambda folder: (folder / ARRAYS).unlink(),
        lambda folder: (folder / RESULTS).write_text("{"),
        lambda folder: (folder / RESULTS).write_text("[]"),
        lambda folder: (folder / RESULTS).write_bytes(b"\xff"),
        lambda folder: (folder / ARRAYS).write_bytes(b"not safetensors"),
        _edit(lambda content: content.pop("extra_data")),
        _edit(lambda content: content["extra_data"]["tasks"][0].pop("score")),
        _edit(lambda content: content["extra_data"]["checks"][0].update(outcome="splendid")),
        _edit(lambda content: content["extra_data"]["exhibits"][0].update(arrays=["missing"])),
    ],
)
def test_unreadable_record(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    """A record that is missing, damaged or of another form is wrong usage: grade first."""
    write_results(tmp_path, sample.grade(), sample_exhibits.exhibits(), sample.run_facts(), "")
    spoil(tmp_path)
    with pytest.raises(UsageError, match="grade the submission first"):
        read_results(tmp_path)


def test_execution_time() -> None:
    """Gradescope's time is the sum of ours."""
    content = results_json(sample.grade(), (), sample.run_facts(), "")
    assert content["execution_time"] == pytest.approx(11.84)
