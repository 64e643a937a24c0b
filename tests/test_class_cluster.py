"""A class on Dask workers, one of which is killed half way."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import sample_class
from sample_class import fill, no_digests, pretend_slowly

from grader.course import grading
from grader.course.executors import Cluster
from grader.course.plan import Options
from grader.course.records import Row
from grader.errors import MachineError
from grader.rubric import PROJECT

CLASS = [f"student{number:02}" for number in range(16)]
PATHS = os.pathsep.join([str(PROJECT), str(Path(sample_class.__file__).parent)])


def start(until: ExitStack, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """A part of a cluster on this machine; ended with the test."""
    command = [sys.executable, "-m", "dask", *arguments, "--no-dashboard"]
    environment = {**os.environ, "PYTHONPATH": PATHS}
    process = until.enter_context(
        subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)
    )
    until.callback(process.kill)
    return process


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[str]]]]:
    """The address of a scheduler, and its two workers."""
    with ExitStack() as until:
        scheduler = start(until, tmp_path, "scheduler", "--host", "127.0.0.1", "--port", "0")
        assert scheduler.stderr is not None
        lines = iter(scheduler.stderr.readline, "")
        address = next(found[0] for line in lines if (found := re.search(r"tcp://127\.0\.0\.1:\d+", line)))
        only = ("--nthreads", "1", "--no-nanny", "--local-directory", str(tmp_path))
        workers = [start(until, tmp_path, "worker", address, *only) for _ in range(2)]
        for worker in workers:
            assert worker.stderr is not None
            assert any("Registered to" in line for line in iter(worker.stderr.readline, ""))
        yield address, workers


@pytest.mark.slow
def test_lost_worker(
    cluster: tuple[str, list[subprocess.Popen[str]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a lost worker had is graded elsewhere: nobody is lost, and nobody is there twice.

    It starts a cluster, and waits until a worker is missed.
    """
    address, workers = cluster
    monkeypatch.setattr(grading, "grade_job", pretend_slowly)
    monkeypatch.setattr(grading, "take_digests", no_digests)
    monkeypatch.setattr(grading, "own_digest", sample_class.no_whole)
    done: list[str] = []

    def note(row: Row) -> None:
        done.append(row.student)
        if len(done) == 5:
            workers[0].kill()

    place = Cluster(address)
    assert place.width == 2
    rows = grading.grade_class(fill(tmp_path / "in", *CLASS), tmp_path / "out", Options(), place, on_done=note)
    assert [row.student for row in rows] == CLASS
    assert {row.outcome for row in rows} == {"graded"}
    assert sorted(done) == CLASS
    with (tmp_path / "out" / "gradebook.csv").open(newline="") as file:
        assert [line["student"] for line in csv.DictReader(file)] == CLASS


def test_no_workers(tmp_path: Path) -> None:
    """A scheduler without workers is told at once."""
    with ExitStack() as until:
        scheduler = start(until, tmp_path, "scheduler", "--host", "127.0.0.1", "--port", "0")
        assert scheduler.stderr is not None
        lines = iter(scheduler.stderr.readline, "")
        address = next(found[0] for line in lines if (found := re.search(r"tcp://127\.0\.0\.1:\d+", line)))
        with pytest.raises(MachineError, match="has no workers"):
            Cluster(address)
