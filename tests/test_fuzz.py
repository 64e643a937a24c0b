"""The fuzzing benchmark, a little of it: everything hostile is refused or read, and what goes wrong is told."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from benchmarks import fuzz, mutations
from benchmarks.honest import honest_files, honest_replies, honest_zips


@pytest.mark.slow
@pytest.mark.parametrize("kind", fuzz.KINDS)
def test_nothing_crashes(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Cases of every kind end as they should, within their bounds; `python -m benchmarks.fuzz` runs a thousand."""
    assert fuzz.run_kind(kind, range(60), seed=0)
    assert "60 cases, 0 crashed" in capsys.readouterr().out


def test_honest_ones_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the hostile ones are made of is accepted: none of them is refused for being what it was made of."""
    handed: list[bytes] = []
    monkeypatch.setattr(mutations, "mutate", lambda *_: handed[-1])
    for kind, seeds, ends in (
        ("zips", honest_zips(), {"opened"}),
        ("replies", honest_replies(), {"value", "StudentRaised", "Missing"}),
        ("files", honest_files()[:2], {"read"}),
    ):
        case = fuzz.KINDS[kind](tmp_path)
        for seed in seeds:
            handed.append(seed)
            assert case(random.Random("at once")) in ends


@pytest.mark.parametrize(
    ("edits", "seeds"),
    [(mutations.ZIP, honest_zips()), (mutations.REPLY, honest_replies()), (mutations.JSON_FILE, honest_files())],
)
def test_reproducible(edits: list[mutations.Edit], seeds: list[bytes]) -> None:
    """A case is made of its seed alone, and few are alike."""
    made = [[mutations.mutate(random.Random(f"0 {n}"), seeds, edits) for n in range(50)] for _ in range(2)]
    assert made[0] == made[1]
    assert len(set(made[0])) > 35


def test_crash_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A case that raises is told with the number that makes it again, and the others are still run."""

    def case(rng: random.Random) -> str:
        if rng.random() < 0.5:
            raise RuntimeError("boom")
        return "well"

    monkeypatch.setitem(fuzz.KINDS, "texts", lambda _folder: case)
    assert not fuzz.run_kind("texts", range(20), seed=1)
    shown = capsys.readouterr()
    assert "--seed 1 --only" in shown.err
    assert "well" in shown.out


@pytest.mark.parametrize("bound", ["MOST_CPU_S", "MOST_LEFT_MB"])
def test_bounds_are_judged(bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cases that take longer or leave more than allowed make the benchmark fail."""
    monkeypatch.setattr(fuzz, bound, -1000)
    assert not fuzz.run_kind("texts", range(3), seed=0)
