"""The reference report: the solutions graded like a submission, told as what they are, each picture drawn once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from grader.figures import Picture
from grader.figures.style import label, percent
from grader.records import Exhibit, Grade, Outcome
from grader.report.tasks import Keyed

LEADS = frozenset({"comparison"})  # kinds of figures that open the report
STUDENT, REFERENCE = "student", "reference"
OF_BOTH = re.compile(r": yours(?: of (?P<of>[^\s,]+))?(?:,| and) the reference's(?: of \S+)?(?=\.(?:\s|$))")
WORDS = (  # what a caption says to a student, and what it is here
    (r",? (?:beside|and with|and) the reference's(?=[.,;:]|$)", ""),
    (r"\b[Yy]our network", "the reference network"),
    (r"\b[Yy]ours\b", "the solutions'"),
    (r"\b[Yy]our own\b", "the solutions'"),
    (r"\b[Yy]our\b", "the solutions'"),
    (r"\b[Yy]ou\b", "the solutions"),
)


@dataclass(frozen=True)
class ModelView:
    """How one reference network was trained; empty where its record does not say."""

    name: str
    data: str
    epochs: str
    seed: str
    parameters: str
    accuracy: str
    obtained: str


@dataclass(frozen=True)
class ReferenceView:
    """What the reference report shows beside the tasks."""

    lead: tuple[tuple[str, Keyed], ...]  # (id of its task, picture)
    models: tuple[ModelView, ...]
    passed: Mapping[str, int]  # checks by task
    checks: Mapping[str, int]


def as_reference(exhibit: Exhibit) -> Exhibit:
    """The exhibit with one side only: the solutions stand on both, so the student's side is left out.

    What there is only of the student's becomes the reference's; captions no longer speak to a student.
    """
    caption = str(exhibit.facts.get("reference_caption") or _reworded(exhibit.caption))
    facts = {name: value for name, value in exhibit.facts.items() if name not in ("problem", "reference_caption")}
    return replace(exhibit, caption=caption, arrays=_one_side(exhibit.arrays), facts=_told_once(facts))


def _one_side(named: Mapping[str, Any]) -> dict[str, Any]:
    """Without what starts with `student_`, unless there is no `reference_` beside it: then under that name."""
    kept = {}
    for name, value in named.items():
        side, _, rest = name.partition("_")
        twin = f"{REFERENCE}_{rest}" if rest else REFERENCE
        if side != STUDENT:
            kept[name] = value
        elif twin not in named:
            kept[twin] = value
    return kept


def _told_once(value: Any) -> Any:
    """The same for facts, at any depth; of a list's entries that are labeled as the student's, too."""
    if isinstance(value, Mapping):
        return {name: _told_once(inner) for name, inner in _one_side(value).items()}
    if not isinstance(value, list | tuple):
        return value
    labels = [str(entry.get("label", "")) if isinstance(entry, Mapping) else "" for entry in value]
    if any(name.startswith("Reference") for name in labels):
        value = [entry for entry, name in zip(value, labels, strict=True) if not name.startswith("Your")]
    return [_relabelled(_told_once(entry)) for entry in value]


def _relabelled(entry: Any) -> Any:
    if not isinstance(entry, dict) or not str(entry.get("label", "")).startswith("Your"):
        return entry
    return {**entry, "label": "Reference"}


def _reworded(caption: str) -> str:
    caption = OF_BOTH.sub(lambda found: f": {found['of']}" if found["of"] else "", caption)
    for pattern, words in WORDS:
        caption = re.sub(pattern, words, caption)
    # A sentence begins with a capital letter.
    return re.sub(r"(^|[.:] )(the (?:solutions|reference))", lambda found: found[1] + "T" + found[2][1:], caption)


def view_reference(
    grade: Grade, lead: Sequence[tuple[str, Picture]], models: Mapping[str, Mapping[str, Any]]
) -> ReferenceView:
    """What opens the report, how the networks were trained, and how many checks there are.

    Args:
        grade: Of the solutions.
        lead: The drawn exhibits that open the report, with the ids of their tasks.
        models: `Reference.metrics`: how each reference model was trained, by its name.
    """
    tasks = [task.id for task in grade.tasks]
    checks = {task: [check for check in grade.checks if check.task == task] for task in tasks}
    return ReferenceView(
        lead=tuple((task, (f"lead:{n}", picture)) for n, (task, picture) in enumerate(lead)),
        models=tuple(view_model(name, facts) for name, facts in models.items()),
        checks={task: len(results) for task, results in checks.items()},
        passed={task: sum(one.outcome is Outcome.PASSED for one in results) for task, results in checks.items()},
    )


def view_model(name: str, facts: Mapping[str, Any]) -> ModelView:
    """One model's line.

    Args:
        name: Of the model.
        facts: Its entry of `Reference.metrics`.
    """
    curves = facts.get("curves") or {}
    epochs = max((len(curve) for curve in curves.values()), default=0) or (facts.get("settings") or {}).get("epochs")
    best = facts.get("best_epoch")
    kept = f", the {_ordinal(int(best) + 1)} kept" if epochs and best is not None else ""
    seed, parameters, accuracy = (facts.get(key) for key in ("seed", "parameters", "test_accuracy"))
    return ModelView(
        name=label(name.replace("_stand_in", ", stand-in").replace("_", " "), 40),
        data=label((facts.get("data") or {}).get("name", ""), 80),
        epochs=f"{epochs}{kept}" if epochs else "",
        seed="" if seed is None else str(seed),
        parameters="" if parameters is None else f"{int(parameters):,}",
        accuracy="" if accuracy is None else percent(float(accuracy), 2),
        obtained=label(facts.get("obtained", ""), 1000),
    )


def _ordinal(number: int) -> str:
    teens = 11 <= number % 100 <= 13
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
