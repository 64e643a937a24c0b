"""A student's checks as JUnit XML, for programs that show test results: `junit.xml` beside `results.json`.

A suite a task, a case a check. What the student's code got wrong is a `failure`; where it raised, hung or died, an
`error`; `skipped` is what could not be tried, also for a reason of ours, which costs no points.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from grader.errors import UsageError
from grader.records import Outcome, State
from grader.results import PROSE, RESULTS, STATES, write_whole
from grader.text import clean_text

JUNIT = "junit.xml"
ELEMENTS = {
    Outcome.FAILED: "failure",
    Outcome.MISSING: "failure",
    Outcome.ERROR: "error",
    Outcome.TIMEOUT: "error",
    Outcome.CRASHED: "error",
    Outcome.SKIPPED: "skipped",
    Outcome.INTERNAL: "skipped",
}
BODY = ("title", "message", "called", "expected", "got", "help")
OURS = "could not be checked for a reason that is not the student's: "


def write_junit(folder: Path) -> Path:
    """Write `junit.xml` from what step 6 recorded in a student's folder.

    Raises:
        UsageError: If there is no readable record.
    """
    try:
        text = junit_xml(json.loads((folder / RESULTS).read_text(encoding="utf-8")))
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UsageError(f"{folder} holds no record that can be read: grade the submission again ({error})") from error
    path = folder / JUNIT
    write_whole(path, text)
    return path


def junit_xml(results: Mapping[str, Any]) -> bytes:
    """The document; every character of it is one that XML allows.

    Args:
        results: The content of `results.json`.
    """
    extra = results["extra_data"]
    name = extra["assignment"] or "submission"
    top = Element("testsuites", name=_text(f"{extra['student']}: {name}"))
    if extra["outcome"] == "refused":
        case = _case(_suite(top, "submission"), name, "accepted")
        SubElement(case, "error", type="refused", message=_text(extra["reason"]))
    for task in extra["tasks"]:
        suite = _suite(top, f"{task['id']} {task['title']}")
        checks = [check for check in extra["checks"] if check["task"] == task["id"]]
        for check in checks:
            _add_check(suite, f"{name}.{task['id']}", check)
        if not checks and task["state"] in (State.MANUAL, State.WITHHELD):
            case = _case(suite, f"{name}.{task['id']}", "score")
            SubElement(case, "skipped", message=_text(STATES[State(task["state"])] + task["comment"]))
    _count(top)
    indent(top)
    document: bytes = tostring(top, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _suite(top: Element, name: str) -> Element:
    return SubElement(top, "testsuite", name=_text(name))


def _case(suite: Element, classname: str, name: str) -> Element:
    return SubElement(suite, "testcase", classname=_text(classname), name=_text(name))


def _add_check(suite: Element, classname: str, check: Mapping[str, Any]) -> None:
    case = _case(suite, classname, check["name"])
    outcome = Outcome(check["outcome"])
    if outcome is Outcome.PASSED:
        return
    ours = OURS if outcome is Outcome.INTERNAL else ""
    told = SubElement(case, ELEMENTS[outcome], type=outcome.value, message=_text(ours + check["message"]))
    told.text = "\n".join(f"{part}: {_text(check[part])}" for part in BODY if check[part])


def _count(top: Element) -> None:
    """Add the numbers of cases to each suite and to the whole."""
    for element in (top, *top):
        element.set("tests", str(len(element.findall(".//testcase"))))
        element.set("failures", str(len(element.findall(".//failure"))))
        element.set("errors", str(len(element.findall(".//error"))))
        if element is not top:
            element.set("skipped", str(len(element.findall(".//skipped"))))


def _text(text: str) -> str:
    """Without control characters and halves of surrogate pairs, which XML has no way to write."""
    return clean_text(text, **PROSE)
