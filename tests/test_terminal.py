"""What a person sees on the terminal, and in `feedback.txt`."""

from __future__ import annotations

import io

import pytest
import sample_grade as sample
from rich.cells import cell_len
from rich.console import Console

from grader.records import CheckResult, Grade, LedgerLine, Outcome, State, TaskGrade
from grader.terminal import AGAIN, WIDTH, feedback_text, show_grade, total_line

HELP = "You divided by the maximum without subtracting the minimum first, so negative weights wrap around."


def shown(grade: Grade, width: int = WIDTH, title: str = "Miniplaces") -> str:
    """What a console of this width shows."""
    console = Console(file=io.StringIO(), record=True, width=width, color_system=None)
    show_grade(console, grade, title)
    return console.export_text()


def failed(name: str, task: str = "1a", **fields: str | None) -> CheckResult:
    """A check that failed for a known mistake, unless `fields` say otherwise."""
    told = {"title": f"Title of {name}.", "mistake": "filters.divides", "help": HELP, "message": "Not so."} | fields
    return CheckResult(task=task, name=name, outcome=Outcome.FAILED, **told)  # type: ignore[arg-type]


def words(text: str) -> str:
    """The text on one line, as a reader hears it."""
    return " ".join(text.split())


def test_table() -> None:
    """Every task has a line with its id, title, checks and points, or what it waits for."""
    lines = [words(line) for line in shown(sample.grade()).splitlines()]
    assert "1a Normalise a kernel for viewing 2/3 0.67 / 1" in lines
    assert "2b Find the units that see sky and building 0/1 not checked" in lines
    assert "3d Class activation maps of your own scene waits for a person" in lines


def test_unasked() -> None:
    """A task that the variant does not ask for says so."""
    lines = [words(line) for line in shown(sample.unasked_grade()).splitlines()]
    assert "2c Deactivate units 2/2 not asked" in lines


def test_checks_in_words() -> None:
    """A check that did not pass is told with message, call, expectation and answer; one that passed is not told."""
    text = words(shown(sample.grade()))
    assert "1a failed: A constant kernel gives a constant image. The result holds values that are not numbers." in text
    assert "called: normalize_tensor(float32 tensor (7, 7), every value 0.25)" in text
    assert "expected: uint8 array (7, 7), one value everywhere" in text
    assert "2d took too long: None when no unit changes the prediction." in text
    assert "Normalised filters span 0 to 255." not in text


@pytest.mark.parametrize("width", [10, 20, 40, 60, 79, 100, 400])
def test_width(width: int) -> None:
    """No line is wider than the console, nor than a hundred columns; words are kept whole where there is room."""
    text = shown(sample.grade(), width)
    assert max(cell_len(line) for line in text.splitlines()) <= max(min(width, WIDTH), 16)
    if width >= 40:
        assert words(sample.RESHAPED_HELP) in words(text)


def test_hanging_indent() -> None:
    """What does not fit on a line goes on below its own beginning."""
    text = shown(sample.grade(checks=(failed("check_range"),)), width=60)
    assert text[text.index("1a failed") :].splitlines()[:4] == [
        "1a failed: Title of check_range.",
        "    Not so.",
        "    → You divided by the maximum without subtracting the",
        "      minimum first, so negative weights wrap around.",
    ]


def test_same_mistake_is_explained_once() -> None:
    """In one task a known mistake is explained at its first check; other tasks explain it again."""
    grade = sample.grade(checks=(failed("a"), failed("b"), failed("c", task="3a")))
    text = words(shown(grade))
    assert text.count(HELP) == 2
    assert text.index(HELP) < text.index(AGAIN) < text.rindex(HELP)


def test_other_help_is_not_shortened() -> None:
    """Only a known mistake is called the same: a check's own help, and another mistake's, stay."""
    own = (failed("a", mistake=None), failed("b", mistake=None), failed("c"), failed("d", mistake="m.x", help="Else."))
    text = words(shown(sample.grade(checks=own)))
    assert (text.count(HELP), text.count("Else."), text.count(AGAIN)) == (3, 1, 0)


HOSTILE = "\x1b[2J\x1b]0;gone\x07 [bold red]no markup[/] :smile: \u202etxt \r over \x9b31m"


def test_hostile_text() -> None:
    """Nothing that a student wrote moves the cursor, sets a colour, or is read as markup."""
    check = failed("a", title=HOSTILE, message=HOSTILE, called=HOSTILE, expected=HOSTILE, got=HOSTILE, help=HOSTILE)
    text = shown(sample.grade(checks=(check,), notes=(HOSTILE,), student=HOSTILE[:60]), title="A [title]")
    assert not {"\x1b", "\x07", "\r", "\u202e", "\x9b"} & set(text)
    assert text.count("[bold red]no markup[/] :smile:") >= 5
    assert "A [title]" in text


def test_hostile_refusal() -> None:
    """The reason of a refusal may quote a name, and is cleaned like everything else."""
    grade = sample.refused_grade(f"The member {HOSTILE} is a link.")
    assert not {"\x1b", "\x07", "\r", "\u202e", "\x9b"} & set(shown(grade) + total_line(grade))


@pytest.mark.parametrize("name", ["名前" * 60, "x" * 1000, "e\u0301" * 100])
def test_wide_and_long_names(name: str) -> None:
    """Names of any length and width stay within the console."""
    text = shown(sample.grade(student=name, checks=(failed("a", message=name, got=name),)), width=50)
    assert max(cell_len(line) for line in text.splitlines()) <= 50


def test_long_output_is_bounded() -> None:
    """A message of a million lines is cut, and says so."""
    text = shown(sample.grade(checks=(failed("a", message="x\n" * 1_000_000),)))
    assert len(text.splitlines()) < 200
    assert "(cut)" in text


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({}, "alice: 4.5 of 15 points"),
        ({"score": 15.0}, "alice: 15 of 15 points"),
        ({"score": 0.0}, "alice: 0 of 15 points"),
        ({"score": 11.17}, "alice: 11.17 of 15 points"),
        (
            {
                "ledger": (
                    LedgerLine(label="tasks", points=5),
                    LedgerLine(label="2 days late: 5.00 × 0.857 = 4.50", points=-0.5),
                )
            },
            "alice: 4.5 of 15 points (2 days late: 5.00 × 0.857 = 4.50)",
        ),
        (
            {"ledger": (LedgerLine(label="tasks", points=4), LedgerLine(label="bonus", points=0.5))},
            "alice: 4.5 of 15 points (bonus +0.5)",
        ),
        (
            {
                "tasks": (
                    TaskGrade(id="1a", title="t", score=0, max_score=1, state=State.WITHHELD),
                    TaskGrade(id="3d", title="t", score=0, max_score=1, state=State.MANUAL),
                    TaskGrade(id="4d", title="t", score=0, max_score=1, state=State.MANUAL),
                )
            },
            "alice: 4.5 of 15 points (waiting for a person: 3d, 4d; withheld: 1a)",
        ),
        ({"outcome": "refused", "reason": "It is not a zip."}, "alice: refused. It is not a zip."),
    ],
)
def test_total(fields: dict[str, object], line: str) -> None:
    """The total is one sentence, with what it is made of where that is not plain."""
    plain = sample.grade(
        student="alice", score=4.5, days_late=0, ledger=(LedgerLine(label="tasks", points=4.5),), tasks=()
    )
    assert total_line(plain.model_copy(update=fields)) == line


def test_refused() -> None:
    """A refused submission shows the reason and no table."""
    assert shown(sample.refused_grade("It is not a zip.")).strip() == "Refused. It is not a zip."


def test_feedback_is_what_the_terminal_shows() -> None:
    """`feedback.txt` holds what a console of a hundred columns shows, without colours."""
    assert feedback_text(sample.grade(), "Miniplaces") == shown(sample.grade())


def test_failed_import_is_told_once() -> None:
    """A module that can't be imported fails many checks, of several tasks; the reason is told at the first."""
    reason = "`filters.py` can't be imported: SyntaxError: invalid syntax (filters.py, line 1, in <module>)"
    checks = [failed(f"check_{n}", task, message=reason, mistake=None) for n, task in enumerate(("1a", "1a", "1b"))]
    text = words(shown(sample.grade().model_copy(update={"checks": tuple(checks)})))
    assert text.count("SyntaxError") == 1
    assert text.count("As above: `filters.py` can't be imported.") == 2


def test_what_comes_first() -> None:
    """What changes the meaning of all the rest stands above the checks, and once only; other notes stand at the end."""
    text = words(shown(sample.grade(first=("Read me.",), notes=("Read me.", "A note."))))
    assert text.count("Read me.") == 1
    assert text.index("Read me.") < text.index("1a failed:") < text.index("note: A note.")


def test_not_started_once() -> None:
    """A task whose TODO is untouched is told in one line, not once for each of its checks."""
    todo = failed("check_range").model_copy(update={"message": "Not started: the TODO is still in place."})
    text = words(shown(sample.grade(checks=(todo, todo.model_copy(update={"name": "check_other"})))))
    assert text.count("not started") == text.count("TODO") == 1
    assert f"{todo.task} not started: the TODO is still in place." in text


def test_plain_words_for_our_faults() -> None:
    """A check that could not be run is told in words that a student knows."""
    internal = failed("check_range").model_copy(update={"outcome": Outcome.INTERNAL})
    text = words(shown(sample.grade(checks=(internal,))))
    assert f"{internal.task} could not be checked: " in text
    assert "internal" not in text
