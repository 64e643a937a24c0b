"""A class whose grading is killed again and again: nothing is lost, nothing is torn, and it ends like any other."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import sample_class
from sample_class import fill

from grader.course.grading import SCRATCH
from grader.course.records import GRADEBOOK
from grader.rubric import PROJECT

CLASS = [f"student{number:02}" for number in range(14)]


def start(folder: Path, out: Path) -> subprocess.Popen[str]:
    """A grading in a process of its own, with a pool of processes."""
    command = [sys.executable, sample_class.__file__, str(folder), str(out)]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT, env=environment)


def finished(process: subprocess.Popen[str]) -> list[str]:
    """Who was worked on until it ended."""
    shown, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return shown.split()


@pytest.mark.slow
def test_kills(tmp_path: Path) -> None:
    """Three kills at random moments and a last run: the gradebook of an undisturbed run, byte for byte.

    It grades a class five times in processes of its own.
    """
    folder = fill(tmp_path / "in", *CLASS)
    assert sorted(finished(start(folder, tmp_path / "calm"))) == CLASS
    out, chance, done = tmp_path / "killed", random.Random(5), list[str]()
    for _ in range(3):
        process = start(folder, out)
        assert process.stdout is not None
        for _ in range(chance.randrange(3)):  # the next moment after so many were finished
            done.append(process.stdout.readline().strip())
        process.kill()
        done += process.communicate(timeout=60)[0].split()  # who was finished between that moment and the kill
        if (out / GRADEBOOK).exists():
            lines = (out / GRADEBOOK).read_text().splitlines()[1:]
            assert {line.split(",")[0] for line in lines} >= set(done)
    done += finished(start(folder, out))
    assert (out / GRADEBOOK).read_bytes() == (tmp_path / "calm" / GRADEBOOK).read_bytes()
    assert set(done) <= set(CLASS)  # a kill may fall between a record and its line
    assert len(done) == len(set(done))  # nobody who was finished is worked on again
    assert not (out / SCRATCH).exists()
    assert not list(out.rglob(".*.part"))
