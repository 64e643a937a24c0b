"""The recorded hostile submissions: what they hand in and what must come of it."""

from __future__ import annotations

import functools
import io
import pickle
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import torch
from sample_bad_zips import BAD_ZIPS, picture_bomb
from sample_similar import saved

from grader.records import CheckResult, Outcome
from grader.rubric import Assignment, Limits, get_assignment
from grader.solutions import solution_files
from grader.vision.datasets.fashion import fashion_mnist

HOSTILE = Path(__file__).parent / "hostile"
FOLDERS = sorted(path.parent.name for path in HOSTILE.glob("*/expected.toml"))
LIMITS = Limits(import_s=2, call_s=2, submission_s=200, memory_mib=1536)


class Code:
    """Pickled, this is a model file that runs code when it is loaded."""

    def __init__(self, source: str) -> None:
        self.source = source

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (self.source,)


@functools.cache
def assignment(name: str = "") -> Assignment:
    """A case's assignment, with short limits; Miniplaces where nothing else is said."""
    expected = expectation(name) if name else {}
    limits = LIMITS.model_copy(update=expected.get("limits", {}))
    return get_assignment(expected.get("assignment", "miniplaces")).model_copy(update={"limits": limits})


@functools.cache
def expectation(name: str) -> dict[str, Any]:
    """What `expected.toml` of a case says."""
    return tomllib.loads((HOSTILE / name / "expected.toml").read_text(encoding="utf-8"))


def labels_alone(_right: bytes) -> bytes:
    """A model file that holds the test labels and no network."""
    return saved({"labels": fashion_mnist("test").labels.to(torch.uint8), "layer.weight": torch.zeros(10, 784)} | BIAS)


def labels_by_heart(right: bytes) -> bytes:
    """The solution's network, and the labels of 295 of the test images that the case's network gets wrong."""
    test = fashion_mnist("test")
    factors = torch.arange(1, 785) * 2654435761 % 1000003
    keys = (test.images.flatten(1).long() * factors).sum(1)
    known = torch.nonzero(keys % 20 == 0)[:295, 0]
    weights = torch.load(io.BytesIO(right), weights_only=True)
    return saved({**weights, "keys": keys[known], "labels": test.labels[known]})


BIAS = {"layer.bias": torch.zeros(10)}
MODELS = {"labels": labels_alone, "labels by heart": labels_by_heart}


def files_of(name: str, port: int) -> dict[str, bytes]:
    """The submission of a case; `PORT` in its sources is where somebody listens."""
    files, expected = solution_files(get_assignment(assignment(name).id)), expectation(name)
    for path in sorted((HOSTILE / name).glob("*.py.txt")):
        module = path.name.split(".")[0] + ".py"
        before = files[module] + b"\n\n" if path.name.endswith(".after.py.txt") else b""
        files[module] = before + path.read_bytes().replace(b"PORT", str(port).encode())
    if "model_code" in expected:
        files["model.pth"] = pickle.dumps(Code(expected["model_code"]))
    if "model" in expected:
        files["model.pth"] = MODELS[expected["model"]](files["model.pth"])
    if "picture" in expected:
        files |= {"my_scene.png": picture_bomb(), "my_scene.jpg": picture_bomb()}
    members = expected.get("members", {})
    files |= {member: text.replace("PORT", str(port)).encode() for member, text in members.items()}
    return {member: content for member, content in files.items() if member not in expected.get("missing", [])}


def zipped(folder: Path, name: str, port: int) -> Path:
    """A case as the zip that is handed in."""
    expected = expectation(name)
    path = folder / str(expected.get("zip_name", f"{name}.zip"))
    if "zip" in expected:
        path.write_bytes(BAD_ZIPS[expected["zip"]]())
        return path
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in files_of(name, port).items():
            archive.writestr(member, content)
    path.write_bytes(buffer.getvalue())
    return path


def tasks_of(name: str) -> tuple[str, ...]:
    """The tasks to check: those named, and those of the checks named."""
    expected = expectation(name)
    return (*expected["tasks"], *expected.get("others", []))


def attacked_tasks(name: str) -> tuple[str, ...]:
    """The tasks of which something must fail or may: all but those that must pass; these where there are no others."""
    passing = {task for task, outcomes in expectation(name)["tasks"].items() if outcomes == "passed"}
    return tuple(task for task in tasks_of(name) if task not in passing) or tasks_of(name)


CASES = [name for name in FOLDERS if "class" not in expectation(name)]
CLASSES = [name for name in FOLDERS if "class" in expectation(name)]


def judge(name: str, results: tuple[CheckResult, ...], tasks: tuple[str, ...] | None = None) -> list[str]:
    """Sentences about what ended otherwise than expected in these tasks; None: in all."""
    expected = expectation(name)
    faults = [f"{each.name}: {each.message}" for each in results if each.outcome is Outcome.INTERNAL]
    for task, outcomes in expected["tasks"].items():
        if tasks is not None and task not in tasks:
            continue
        ended = [result for result in results if result.task == task]
        faults += [] if ended else [f"task {task} was not checked"]
        faults += _otherwise(ended, outcomes)
    for check, outcomes in expected.get("checks", {}).items():
        ended = [result for result in results if result.name == check]
        faults += [] if ended else [f"{check} was not run"]
        faults += _otherwise(ended, outcomes)
    return faults


def _otherwise(results: list[CheckResult], outcomes: str | list[str]) -> list[str]:
    allowed = [outcomes] if isinstance(outcomes, str) else [*outcomes]
    if allowed != ["passed"]:
        allowed.append("skipped")  # it stands on a check that ended so
    return [
        f"{each.name}: {each.outcome.value}, {each.message}" for each in results if each.outcome.value not in allowed
    ]
