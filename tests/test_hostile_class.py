"""Hostile submissions that only a class shows: folders of `hostile/` whose `expected.toml` has a section `[class]`.

`files` are what lies in the class's folder, by path; behind the name of a zip, what is in it. `copies` are zips of an
example's code, as it is or disguised. `roster` is the roster; `outcomes` must come of each student, `zips` are whose
zip each grade is of, and `pairs` are those worth a look. No student's code is run.
"""

from __future__ import annotations

import csv
import hashlib
import io
import unicodedata
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sample_class import Here, no_digests, pretend
from sample_hostile import CLASSES, expectation
from sample_similar import padded, reordered, sources

from grader.course import grading
from grader.course.grading import grade_class
from grader.course.job import Graded, Job
from grader.course.plan import Options
from grader.course.similarity.pairs import find_pairs
from grader.intake.opening import open_submission, read_group
from grader.intake.zipgate import read_zip
from grader.rubric import get_assignment

DISGUISES: dict[str, Callable[[bytes], bytes]] = {
    "as it is": lambda source: source,
    "padded": lambda source: padded(source, "0"),
    "reordered": reordered,
}


def fill(folder: Path, case: dict[str, Any]) -> None:
    """Write what was handed in."""
    members = {path: text.encode() for path, text in case.get("files", {}).items()}
    for student, disguise in case.get("copies", {}).items():
        code = sources("examples/alice").items()
        members |= {f"{student}.zip/{name}": DISGUISES[disguise](source) for name, source in code}
    for path, content in members.items():
        name, ends, member = path.partition(".zip/")
        file = folder / (name + ".zip" if ends else path)
        file.parent.mkdir(parents=True, exist_ok=True)
        if not ends:
            file.write_bytes(content)
            continue
        with zipfile.ZipFile(file, "a") as archive:
            archive.writestr(zipfile.ZipInfo(member), content)


def done(job: Job) -> Graded:
    """As if a job were done; its group is what the zip says."""
    graded = pretend(job)
    assert graded.grade is not None
    group = read_group(read_zip(job.archive))
    return replace(graded, grade=graded.grade.model_copy(update={"group": group, "assignment": "two_networks"}))


@pytest.mark.parametrize("name", CLASSES)
def test_hostile_class(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever hands in what a class must not believe gets their own grade, and nobody else another one."""
    monkeypatch.setattr(grading, "take_digests", no_digests)
    case = expectation(name)["class"]
    folder, roster = tmp_path / "in", tmp_path / "roster.csv"
    folder.mkdir()
    fill(folder, case)
    roster.write_text(case.get("roster", ""), encoding="utf-8")
    options = Options(roster=roster if "roster" in case else None)
    rows = {row.student: row for row in grade_class(folder, tmp_path / "out", options, Here([], done))}
    if "outcomes" in case:
        assert {student: row.outcome for student, row in rows.items()} == case["outcomes"]
    for student, file in case.get("zips", {}).items():
        assert rows[student].sha256 == hashlib.sha256((folder / file).read_bytes()).hexdigest()
    handed = [(path.stem, open_submission(path)) for path in sorted(folder.glob("*.zip"))]
    pairs = find_pairs(handed, get_assignment("miniplaces"))
    assert sorted([pair.first, pair.second] for pair in pairs) == case.get("pairs", [])
    for table in (tmp_path / "out").glob("*.csv"):
        for worker in (worker for line in csv.reader(io.StringIO(table.read_text())) for worker in line):
            assert unicodedata.normalize("NFKC", worker)[:1] not in tuple("=+-@")
