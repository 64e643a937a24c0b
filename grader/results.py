"""Step 6, record: a grade as `results.json` in the form that Gradescope reads, the arrays beside it, both read back.

`make report` renders again from these two files alone, so whatever a report shows is in them.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from grader.errors import UsageError
from grader.records import (
    CheckResult,
    Exhibit,
    Grade,
    LedgerLine,
    Outcome,
    RunFacts,
    State,
    TaskGrade,
    WorthALook,
)
from grader.text import clean_name, clean_text

RESULTS, ARRAYS = "results.json", "arrays.safetensors"
INSTRUCTOR_ONLY = "instructor only"  # a student's name holds no space, so that nobody's folder is in the way
MARKS = {Outcome.PASSED: "✓", Outcome.SKIPPED: "–", Outcome.INTERNAL: "?"}
PROSE = {"columns": 4096}  # bounds of `clean_text` for sentences, the report's: a paragraph may stand on one long line
ANSWER = {"lines": 120, "columns": 8192, "limit": 8192}  # the same for a written answer
STATES = {State.WITHHELD: "withheld: ", State.MANUAL: "waits for a person", State.UNASKED: "not asked by this variant"}


def results_json(grade: Grade, exhibits: Sequence[Exhibit], facts: RunFacts, output: str) -> dict[str, Any]:
    """The content of `results.json`.

    Args:
        grade: The grade.
        exhibits: What the figures are drawn from; their arrays go into `arrays.safetensors`.
        facts: Where and with what it was graded.
        output: One paragraph for the student.
    """
    return {
        "score": grade.score,
        "max_score": grade.max_score,
        "output": clean_text(output, **PROSE),
        "output_format": "text",
        "execution_time": round(sum(facts.seconds.values()), 3),
        "tests": [_test(task, grade) for task in grade.tasks],
        "extra_data": {
            "student": grade.student,
            "assignment": grade.assignment,
            "variant": grade.variant,
            "submission_sha256": grade.submission_sha256,
            "outcome": grade.outcome,
            "reason": clean_text(grade.reason, **PROSE),
            "days_late": grade.days_late,
            "is_time_known": grade.is_time_known,
            "group": [clean_name(name) for name in grade.group],
            "tasks": [_cleaned(task.model_dump(mode="json")) for task in grade.tasks],
            "checks": [_cleaned(check.model_dump(mode="json", exclude={"seconds"})) for check in grade.checks],
            "ledger": [line.model_dump(mode="json") for line in grade.ledger],
            "answers": {task: clean_text(answer, **ANSWER) for task, answer in grade.answers.items()},
            "notes": [clean_text(note, **PROSE) for note in grade.notes],
            "first": [clean_text(note, **PROSE) for note in grade.first],
            "exhibits": [_describe(exhibit) for exhibit in exhibits],
            **facts.model_dump(mode="json"),
        },
    }


def _test(task: TaskGrade, grade: Grade) -> dict[str, Any]:
    checks = [check for check in grade.checks if check.task == task.id]
    earned = task.state is State.SCORED and task.score >= task.max_score
    return {
        "number": task.id,
        "name": task.title,
        "score": task.score,
        "max_score": task.max_score,
        "status": "passed" if earned else "failed",
        "output": _task_output(task, checks),
        "output_format": "text",
        "visibility": "visible",
        "tags": [grade.assignment, *([task.module] if task.module else [])],
    }


def _task_output(task: TaskGrade, checks: Sequence[CheckResult]) -> str:
    lines = [STATES[task.state] + task.comment] if task.state in STATES else []
    for check in checks:
        lines.append(f"{MARKS.get(check.outcome, '✗')} {check.title}")
        lines += [f"    {part}" for part in (check.message, check.help) if part]
    return clean_text("\n".join(lines), lines=200, columns=4096, limit=16384)


def _cleaned(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: clean_text(value, **PROSE) if isinstance(value, str) else value for name, value in fields.items()}


def _describe(exhibit: Exhibit) -> dict[str, Any]:
    described = {name: getattr(exhibit, name) for name in ("task", "kind", "name", "caption")}
    return described | {"facts": _finite(exhibit.facts), "arrays": sorted(exhibit.arrays)}


def _finite(value: Any) -> Any:
    """The same facts with null for what JSON has no number for; a student's curve may hold nan."""
    if isinstance(value, Mapping):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    plain = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(plain, float) and not math.isfinite(plain) else plain


def write_results(folder: Path, grade: Grade, exhibits: Sequence[Exhibit], facts: RunFacts, output: str) -> None:
    """Write `results.json` and `arrays.safetensors`, each whole or not at all."""
    arrays = {
        f"{exhibit.key}/{name}": np.asarray(array, order="C")
        for exhibit in exhibits
        for name, array in exhibit.arrays.items()
    }
    write_whole(folder / ARRAYS, save(arrays))
    content = results_json(grade, exhibits, facts, output)
    text = json.dumps(content, indent=2, ensure_ascii=True, allow_nan=False) + "\n"
    write_whole(folder / RESULTS, text.encode())


def looks_path(folder: Path) -> Path:
    """Where the remarks on a submission stand: beside the student's folder, which may be handed out as it is."""
    return folder.parent / INSTRUCTOR_ONLY / f"{folder.name}.json"


def write_looks(folder: Path, looks: Sequence[WorthALook]) -> None:
    """Write the remarks on the submission whose results stand in `folder`; where there are none, there is no file."""
    path = looks_path(folder)
    if not looks:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(exist_ok=True)
    content = [_cleaned(look.model_dump(mode="json")) for look in looks]
    write_whole(path, (json.dumps(content, indent=2, ensure_ascii=True, allow_nan=False) + "\n").encode())


def read_looks(folder: Path) -> tuple[WorthALook, ...]:
    """What `write_looks` wrote.

    Raises:
        UsageError: If it can't be read.
    """
    path = looks_path(folder)
    try:
        content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        return tuple(WorthALook.model_validate(look) for look in content)
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"{path} holds no remarks that can be read: grade the submission again ({error})") from error


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that a reader finds the old or the new content, never a part."""
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(data)
    os.replace(part, path)


def read_results(folder: Path) -> tuple[Grade, tuple[Exhibit, ...], RunFacts]:
    """What `write_results` wrote.

    Raises:
        UsageError: If there is no readable record in `folder`.
    """
    try:
        content = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
        arrays = load_file(folder / ARRAYS)
        extra = content["extra_data"]
        names = "student assignment variant submission_sha256 outcome reason days_late answers group".split()
        grade = Grade(
            **{name: extra[name] for name in names},
            score=content["score"],
            max_score=content["max_score"],
            tasks=tuple(TaskGrade.model_validate(task) for task in extra["tasks"]),
            checks=tuple(CheckResult.model_validate(check) for check in extra["checks"]),
            ledger=tuple(LedgerLine.model_validate(line) for line in extra["ledger"]),
            notes=tuple(extra["notes"]),
            first=tuple(extra.get("first", ())),
            is_time_known=extra.get("is_time_known", True),
        )
        facts = RunFacts.model_validate({name: extra[name] for name in RunFacts.model_fields})
        return grade, tuple(_exhibit(described, arrays) for described in extra["exhibits"]), facts
    except (OSError, ValueError, LookupError, TypeError, SafetensorError) as error:
        raise UsageError(f"{folder} holds no record that can be read: grade the submission first ({error})") from error


def _exhibit(described: dict[str, Any], arrays: dict[str, Any]) -> Exhibit:
    bare = Exhibit(described["task"], described["kind"], described["name"], described["caption"])
    own = {name: arrays[f"{bare.key}/{name}"] for name in described["arrays"]}
    return Exhibit(bare.task, bare.kind, bare.name, bare.caption, own, described["facts"])
