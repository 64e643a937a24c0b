"""Exports: what Canvas, Gradescope and readers of JUnit XML get of a class, and what they don't."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from sample_grade import run_facts

from grader.course.exports import write_exports
from grader.course.junit import junit_xml
from grader.course.records import FAILED, GRADED, MISSING, REFUSED, UNREAD, Person, Row
from grader.errors import UsageError
from grader.records import CheckResult, Grade, Outcome, State, TaskGrade
from grader.results import results_json, write_results
from grader.rubric import get_assignment

TITLE = get_assignment("two_networks").title


def row(student: str, **changed: Any) -> Row:
    """A final row of Two Networks; `person` fields may be given as `person=dict(...)`."""
    person = Person(student=student, **changed.pop("person", {}))
    fields: dict[str, Any] = {
        "assignment": "two_networks",
        "variant": "default",
        "outcome": GRADED,
        "score": 20.5,
        "max_score": 33.0,
    }
    return Row(student=student, person=person, **(fields | changed))


def table(path: Path) -> list[list[str]]:
    """The cells of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def column(path: Path, name: str) -> list[str]:
    """One column below its heading."""
    header, *lines = table(path)
    return [line[header.index(name)] for line in lines]


def test_canvas_file(tmp_path: Path) -> None:
    """Canvas's file has its columns, the points in a row of their own, and a line for each final score."""
    write_exports(
        [
            row("zoe", person={"name": "Zoë Öz, Jr.", "canvas_id": "4711", "email": "zoe@uni.edu"}, score=28.123456),
            row("ann", score=33.0),
        ],
        tmp_path,
    )
    assert table(tmp_path / "exports/canvas.csv") == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", TITLE],
        ["    Points Possible", "", "", "", "", "33"],
        ["ann", "", "", "", "", "33"],
        ["Zoë Öz, Jr.", "4711", "", "", "", "28.1235"],
    ]
    assert (tmp_path / "exports/canvas.csv").read_bytes().count(b"\r\n") == 4
    assert table(tmp_path / "exports/left_out.csv")[1:] == []


NOT_FINAL = [
    row("failed", outcome=FAILED, score=0.0),
    row("gone", outcome=MISSING, score=0.0, assignment="", variant=""),
    row("held", withheld=("2.2", "3.2")),
    row("waits", waiting=("4.5",), withheld=("3.2",)),
    row("wrong", person={"canvas_id": "12b"}),
]


def test_what_is_not_final(tmp_path: Path) -> None:
    """A score that may change, or that nobody gave, is not in Canvas's file; another file says who is not, and why."""
    write_exports([row("ann"), *NOT_FINAL, row("none", outcome=REFUSED, score=0.0)], tmp_path)
    assert column(tmp_path / "exports/canvas.csv", "Student") == ["    Points Possible", "ann", "none"]
    assert column(tmp_path / "exports/canvas.csv", TITLE) == ["33", "20.5", "0"]
    left = tmp_path / "exports/left_out.csv"
    assert column(left, "student") == ["failed", "gone", "held", "waits", "wrong"]
    assert column(left, "reason") == [
        "the grader failed: every point is withheld",
        "nothing was handed in",
        "could not be checked: 2.2, 3.2",
        "could not be checked: 3.2; wait for a person: 4.5",
        "canvas_id is not a number",
    ]


def test_what_is_not_understood(tmp_path: Path) -> None:
    """Whose file the grader does not understand is neither graded nor missing."""
    unread = row("dan", outcome=UNREAD, assignment="", tasks={}, sha256="", score=0.0)
    write_exports([row("ann"), unread], tmp_path)
    assert column(tmp_path / "exports/left_out.csv", "reason") == ["what was handed in is not understood"]
    assert column(tmp_path / "exports/gradescope.csv", "Status") == ["Graded", "Ungraded"]


def test_one_number_for_two(tmp_path: Path) -> None:
    """Two students with one Canvas number get no grade there: it would be one's, and nobody knows whose."""
    both = {"canvas_id": "7"}
    write_exports([row("a", person=both), row("b", person=both), row("c", person={"canvas_id": "8"})], tmp_path)
    assert column(tmp_path / "exports/canvas.csv", "ID") == ["", "8"]
    assert column(tmp_path / "exports/left_out.csv", "student") == ["a", "b"]


def test_gradescope_file(tmp_path: Path) -> None:
    """Gradescope's file has everybody, with a status, a time, how late, and each task's points."""
    late = datetime.fromisoformat("2019-03-31T01:30:05-07:00")
    assert get_assignment("two_networks").due_at < late
    person = {"name": "Ann Lee", "email": "ann@uni.edu"}
    write_exports(
        [
            row("ann", person=person, submitted_at=late, days_late=4, tasks={"1": 2.0, "2.1": 0.5}),
            row("bob", days_late=2),
            *NOT_FINAL,
        ],
        tmp_path,
    )
    path = tmp_path / "exports/gradescope.csv"
    header = "Name,SID,Email,Total Score,Max Points,Status,Submission ID,Submission Time,Lateness (H:M:S)"
    assert ",".join(table(path)[0][:9]) == header
    assert table(path)[0][9].startswith("1: ")
    assert table(path)[0][9].endswith("(2.0 pts)")
    assert table(path)[1][:6] == ["Ann Lee", "ann", "ann@uni.edu", "20.5", "33", "Graded"]
    assert table(path)[1][7] == "2019-03-31 01:30:05 -0700"
    hours, minutes, seconds = (int(part) for part in table(path)[1][8].split(":"))
    assert 3600 * hours + 60 * minutes + seconds == (late - get_assignment("two_networks").due_at).total_seconds()
    assert table(path)[1][9:11] == ["2", "0.5"]
    assert column(path, "Lateness (H:M:S)")[1:4] == ["48:00:00", "00:00:00", ""]
    assert column(path, "Status") == ["Graded", "Graded", "Ungraded", "Missing", "Ungraded", "Ungraded", "Graded"]
    assert column(path, "Total Score") == ["20.5", "20.5", "", "", "", "", "20.5"]


def test_formulas(tmp_path: Path) -> None:
    """No text cell begins as a formula does, breaks a line or hides a character; numbers stay numbers."""
    names = ["=1+1", "+1", "-1", "@A1", "\t=1", "\r=1", '=HYPERLINK("x";"y")', "a\nb", "\u202eevil", " =1"]
    write_exports(
        [row(f"s{place:02}", person={"name": name}, score=-1.5) for place, name in enumerate(names)], tmp_path
    )
    for path in (tmp_path / "exports").iterdir():
        for line in table(path):
            assert not [cell for cell in line if cell.startswith(("=", "+", "@", "\t", "\r")) or "\n" in cell], path
    shown = column(tmp_path / "exports/canvas.csv", "Student")[1:]
    assert shown[:4] == ["'=1+1", "'+1", "'-1", "'@A1"]
    assert "\u202e" not in shown[8]
    assert set(column(tmp_path / "exports/canvas.csv", TITLE)[1:]) == {"-1.5"}


def test_two_assignments(tmp_path: Path) -> None:
    """A class with two assignments, and one under two variants, gets a file for each; the missing are in every one."""
    places = {"assignment": "miniplaces", "max_score": 15.0}
    rows = [
        row("a", **places, variant="6.869"),
        row("b", **places, variant="6.819"),
        row("c"),
        row("d", assignment="", variant="", outcome=MISSING),
        row("e", assignment="", variant="", outcome=REFUSED),
    ]
    write_exports([row("a", **places, variant="6.869")], tmp_path)
    write_exports(rows, tmp_path)
    made = sorted(path.name for path in (tmp_path / "exports").iterdir())
    parts = ("miniplaces-6.819", "miniplaces-6.869", "two_networks")
    assert made == [
        *(f"canvas-{part}.csv" for part in parts),
        *(f"gradescope-{part}.csv" for part in parts),
        "left_out.csv",
    ]
    assert column(tmp_path / "exports/canvas-miniplaces-6.819.csv", get_assignment("miniplaces").title) == [
        "10",
        "20.5",
    ]
    assert column(tmp_path / "exports/gradescope-two_networks.csv", "SID") == ["c", "d"]
    assert column(tmp_path / "exports/gradescope-miniplaces-6.869.csv", "SID") == ["a", "d"]
    left = table(tmp_path / "exports/left_out.csv")
    assert [line[0] for line in left] == ["student", "d", "e"]
    assert left[2][-1] == "the assignment is not known"


def test_refused_without_assignment(tmp_path: Path) -> None:
    """In a class with one assignment, a zip that was refused before it was recognised counts with its 0."""
    write_exports([row("a"), row("b", assignment="", variant="", outcome=REFUSED, score=0.0)], tmp_path)
    assert column(tmp_path / "exports/canvas.csv", TITLE) == ["33", "20.5", "0"]


def test_same_bytes(tmp_path: Path) -> None:
    """The same rows in another order give the same bytes, and a class of nobody gives a table of nobody."""
    for rows in ([row("b"), row("a"), *NOT_FINAL], [*NOT_FINAL, row("a"), row("b")]):
        write_exports(rows, tmp_path / str(len(list(tmp_path.iterdir()))))
    first, second = sorted(tmp_path.iterdir())
    for path in (first / "exports").iterdir():
        assert path.read_bytes() == (second / "exports" / path.name).read_bytes()
    assert [path.name for path in write_exports([], tmp_path / "2")] == ["left_out.csv"]


def check(task: str, name: str, outcome: Outcome, **told: Any) -> CheckResult:
    """A check of a task."""
    return CheckResult(task=task, name=name, title=f"Title of {name}.", outcome=outcome, **told)


HOSTILE = "a\0b\x1b[31m\ud800 ]]> <b>&amp; \ufffe"


def graded(checks: Sequence[CheckResult] = ()) -> Grade:
    """A grade with a task that is scored, one that is withheld and one that waits for a person."""
    tasks = [("1", State.SCORED), ("2.1", State.WITHHELD), ("2.1w", State.MANUAL)]
    return Grade(
        student="ann",
        assignment="two_networks",
        variant="default",
        submission_sha256="0" * 64,
        outcome="graded",
        score=1.0,
        max_score=33.0,
        tasks=tuple(TaskGrade(id=id, title=f"T <{id}>", score=0, max_score=1, state=state) for id, state in tasks),
        checks=tuple(checks),
    )


CHECKS = (
    check("1", "check_passed", Outcome.PASSED),
    check("1", "check_failed", Outcome.FAILED, message=HOSTILE, got=HOSTILE, help="Do\nthis."),
    check("1", "check_raised", Outcome.ERROR, message="it raised"),
    check("1", "check_hung", Outcome.TIMEOUT),
    check("1", "check_died", Outcome.CRASHED),
    check("1", "check_missing", Outcome.MISSING),
    check("1", "check_skipped", Outcome.SKIPPED),
    check("2.1", "check_ours", Outcome.INTERNAL, message="no data"),
)


def junit(grade: Grade) -> ElementTree.Element:
    """The parsed document of a grade."""
    return ElementTree.fromstring(junit_xml(results_json(grade, (), run_facts(), "")))


def test_junit_cases() -> None:
    """Each check is a case, with the element that tells how it ended; what waits for a person is skipped."""
    top = junit(graded(CHECKS))
    told = {
        case.get("name"): [(child.tag, child.get("type")) for child in case]
        for case in top.iterfind("./testsuite/testcase")
    }
    assert told == {
        "check_passed": [],
        "check_failed": [("failure", "failed")],
        "check_raised": [("error", "error")],
        "check_hung": [("error", "timeout")],
        "check_died": [("error", "crashed")],
        "check_missing": [("failure", "missing")],
        "check_skipped": [("skipped", "skipped")],
        "check_ours": [("skipped", "internal")],
        "score": [("skipped", None)],
    }


def test_junit_counts() -> None:
    """The numbers of each suite and of the whole are those of the cases in it."""
    top = junit(graded(CHECKS))
    assert {name: top.get(name) for name in ("tests", "failures", "errors")} == {
        "tests": "9",
        "failures": "2",
        "errors": "3",
    }
    assert [(suite.get("tests"), suite.get("skipped")) for suite in top] == [("7", "1"), ("1", "1"), ("1", "1")]


# The schema of Jenkins' xUnit plugin, junit-10.xsd: which element may hold which, and what each must say.
SCHEMA = {
    "testsuites": ({"testsuite"}, set(), {"name", "time", "tests", "failures", "errors"}),
    "testsuite": ({"testcase"}, {"name", "tests", "failures", "errors"}, {"skipped"}),
    "testcase": ({"failure", "error", "skipped"}, {"name"}, {"classname"}),
    "failure": (set(), set(), {"type", "message"}),
    "error": (set(), set(), {"type", "message"}),
    "skipped": (set(), set(), {"type", "message"}),
}


def test_junit_form() -> None:
    """The document keeps to the schema, and a student's control characters, halves of pairs and marks break nothing."""
    top = junit(graded(CHECKS))
    for element in top.iter():
        children, needed, allowed = SCHEMA[element.tag]
        assert {child.tag for child in element} <= children
        assert needed <= set(element.keys()) <= needed | allowed
    failure = next(top.iter("failure"))
    assert "]]> <b>&amp;" in (failure.get("message") or "")
    assert "\\u{0}" in (failure.get("message") or "")
    assert "help: Do\nthis." in (failure.text or "")


def test_junit_of_a_refused_zip() -> None:
    """A refused zip has one case, an error that says why."""
    top = junit(
        graded().model_copy(update={"outcome": "refused", "reason": "Not a zip.", "tasks": (), "assignment": ""})
    )
    (error,) = top.iter("error")
    assert error.get("message") == "Not a zip."


def test_junit_files(tmp_path: Path) -> None:
    """`junit.xml` stands beside each `results.json`, once for a group, and nowhere else."""
    (tmp_path / "ann").mkdir()
    write_results(tmp_path / "ann", graded(CHECKS), (), run_facts(), "")
    made = write_exports([row("ann"), row("ben", graded_as="ann"), row("gone", outcome=MISSING)], tmp_path)
    assert [path for path in made if path.name == "junit.xml"] == [tmp_path / "ann/junit.xml"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ann", "exports"]
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize("text", ["{", "[]", '{"extra_data": 3}', json.dumps({"extra_data": {"student": "a"}})])
def test_unreadable_record(tmp_path: Path, text: str) -> None:
    """A record that can't be read is told in a sentence, with the folder."""
    (tmp_path / "ann").mkdir()
    (tmp_path / "ann/results.json").write_text(text)
    with pytest.raises(UsageError, match="ann holds no record"):
        write_exports([row("ann")], tmp_path)
