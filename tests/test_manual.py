"""Scores that a person gives."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.errors import MarksRefused, UsageError
from grader.manual import FORM, find_form, marks_for, read_form, write_form
from grader.manual_merging import merge_form
from grader.records import CheckResult, Grade, Outcome, State, Submission, TaskGrade
from grader.rubric import Assignment, get_assignment
from grader.scoring import grade_submission, merge_marks

Fill = Callable[..., Path]


@pytest.fixture
def assignment() -> Assignment:
    """Miniplaces: 2b waits for a person where data are missing, 3d always does, 3c is scored by checks."""
    return get_assignment("miniplaces")


@pytest.fixture
def grade(assignment: Assignment) -> Grade:
    """A grade in which 2b could not be run, and everything else passed."""
    outcomes = {task.id: Outcome.INTERNAL if task.id == "2b" else Outcome.PASSED for task in assignment.tasks}
    checks = [CheckResult(task=task, name="check", title="t", outcome=end) for task, end in outcomes.items()]
    submission = Submission("alice", assignment, "ab" * 32, {}, answers={"2b": 'I looked.\n"""\\ done'})
    return grade_submission(submission, checks, "6.869")


@pytest.fixture
def fill(grade: Grade, assignment: Assignment, tmp_path: Path) -> Fill:
    """Writes the form and replaces parts of it, as a TA would."""

    def write(*changes: tuple[str, str]) -> Path:
        write_form(tmp_path, grade, assignment)
        path = tmp_path / FORM
        text = path.read_text()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        path.write_text(text)
        return path

    return write


def question(path: Path, task: str) -> dict[str, object]:
    """One question of a form."""
    return next(each for each in tomllib.loads(path.read_text())["question"] if each["task"] == task)


def test_form(fill: Fill) -> None:
    """The form lists each written question with its points and the student's answer, whatever is in it."""
    path = fill()
    assert [each["task"] for each in tomllib.loads(path.read_text())["question"]] == ["2b", "3c", "3d", "4c", "4d"]
    assert question(path, "2b")["points"] == 1
    assert question(path, "3c")["points"] == 0
    assert question(path, "2b")["answer"] == 'I looked.\n"""\\ done'


def test_merge(fill: Fill, grade: Grade, assignment: Assignment) -> None:
    """Scores and comments go into the grade, its ledger and its total; what checks scored stays."""
    text = fill().read_text().split("[[question]]")
    text[1] = text[1].replace("score = -1.0", "score = 0.75").replace('comment = ""', 'comment = "Nearly."')
    path = fill()
    path.write_text("[[question]]".join(text))
    merged = merge_marks(grade, assignment, marks_for(read_form(path), grade, assignment))
    task = next(task for task in merged.tasks if task.id == "2b")
    assert (task.state, task.score, task.comment) == (State.SCORED, 0.75, "Nearly.")
    assert merged.score == grade.score + 0.75
    assert sum(line.points for line in merged.ledger) == merged.score
    again = merge_marks(merged, assignment, marks_for(read_form(path), merged, assignment))
    assert again == merged


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("score = -1.0", "score = 1.5"), "task 2b has 0 to 1 points, not 1.5"),
        (("score = -1.0", "score = -0.5"), "not -0.5"),
        (('task = "2b"', 'task = "2B"'), "there is no task '2B'"),
        (('task = "3c"', 'task = "2b"'), "task '2b' is there twice"),
        (("ab" * 32, "cd" * 32), "another submission"),
    ],
)
def test_wrong_marks(fill: Fill, grade: Grade, assignment: Assignment, change: tuple[str, str], told: str) -> None:
    """A mark that the task can't have is refused in a sentence, whatever points the form claims."""
    path = fill(change, ("points = 1.0", "points = 100.0"))
    with pytest.raises(UsageError, match=told):
        marks_for(read_form(path), grade, assignment)


def test_score_of_checks(fill: Fill, grade: Grade, assignment: Assignment) -> None:
    """What checks score can be commented on, and not scored."""
    head, tail = fill().read_text().split('task = "3c"')
    path = fill()
    path.write_text(head + 'task = "3c"' + tail.replace("score = -1.0", "score = 0.0", 1))
    with pytest.raises(UsageError, match="task 3c is scored by checks; write only a comment"):
        marks_for(read_form(path), grade, assignment)


SLIPS = {
    "score = 0,5": r"line 1: `score = 0,5`: write a decimal point, `score = 0\.5`",
    'student = "a"\n\n[[question]]\ntask = "2b"\nscore = 1/2': "line 5: `score = 1/2`: something",
    "# here\ncomment = Good work.": "line 2: `comment = Good work.`: write a text in quotes",
    'comment = "Good work.\nscore = 1': 'line 1: `comment = "Good work.`: the closing quote is missing',
    'x = 1\ncomment = """Good\nwork.': 'line 2: `comment = """Good`: the text that begins here has no closing quotes',
    "comment = “Good work.”": "line 1: .* write straight quotes",
    "score =": "line 1: `score =`: the value is missing",
    "score = 1\nscore = 0.5": "line 2: `score = 0.5`: this is set twice",
    "score: 1": "line 1: .*no `key = value`",
    'comment = "C:\\data"': "line 1: .*write a backslash inside a text twice",
    "[[question]]\ntask = 3": "line 2: `task` should be a valid string",
    "[[question]]\nscore = true\ntask='2b'": "line 2: `score`: write a number",
    "[[question]]\ntask = '2b'\nscoer = 1": "line 3: a form has no `scoer` here",
    'student = "a"\nsubmission_sha256 = "b"\n[[adjust]]\ntask = "2b"': "line 3: a form has no `adjust` here",
    "student = 'a'": "`submission_sha256` is missing",
    "": "is empty; delete it",
}


@pytest.mark.parametrize(("text", "told"), SLIPS.items())
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_slips(tmp_path: Path, grade: Grade, assignment: Assignment, text: str, told: str, encoding: str) -> None:
    """A slip is told with file, line and what is wrong there; the file stays as it is, and no other file is made."""
    path = tmp_path / FORM
    path.write_bytes(text.encode(encoding))
    with pytest.raises(MarksRefused, match=told) as caught:
        read_form(path)
    assert str(caught.value).startswith(f"{tmp_path.name}/{FORM}")
    assert "No mark in this file counts until it is corrected" in str(caught.value)
    assert write_form(tmp_path, grade, assignment) == str(caught.value)
    assert find_form(tmp_path, grade.submission_sha256) == path
    assert [each.read_bytes() for each in tmp_path.iterdir()] == [text.encode(encoding)]


def test_no_file_of_text(tmp_path: Path, grade: Grade, assignment: Assignment) -> None:
    """A document, zeros that a crash left, or a folder in the place of the form is told and stays."""
    (tmp_path / FORM).write_bytes(bytes(700))
    assert "is empty; delete it" in write_form(tmp_path, grade, assignment)
    assert (tmp_path / FORM).read_bytes() == bytes(700)
    (tmp_path / FORM).write_bytes(b"PK\x03\x04")
    assert "it is a zip or an Office document" in write_form(tmp_path, grade, assignment)
    (tmp_path / FORM).unlink()
    (tmp_path / FORM).mkdir()
    assert "Is a directory" in write_form(tmp_path, grade, assignment)
    assert (tmp_path / FORM).is_dir()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_editors(fill: Fill, grade: Grade, assignment: Assignment, encoding: str, newline: str) -> None:
    """A form is read as Notepad, PowerShell and old editors save it, with zeros that a crash left behind it."""
    path = fill(("score = -1.0", "score = 0.5"), ('comment = ""', 'comment = "Größe – gut"'))
    path.write_bytes(path.read_text().replace("\n", newline).encode(encoding) + b"\0" * 8)
    mark = marks_for(read_form(path), grade, assignment)["2b"]
    assert (mark.score, mark.comment) == (0.5, "Größe – gut")


def test_changed_form_stays(fill: Fill, tmp_path: Path, grade: Grade, assignment: Assignment) -> None:
    """Grading again leaves a form in which somebody changed anything; an unchanged one is renewed."""
    path = fill()
    fresh = path.read_text()
    path.write_text("# Ask Bo about 3c.\n" + fresh)
    assert write_form(tmp_path, grade, assignment) == ""
    assert path.read_text() == "# Ask Bo about 3c.\n" + fresh
    path.write_text(fresh)
    other = grade.model_copy(update={"submission_sha256": "ef" * 32})
    assert write_form(tmp_path, other, assignment) == ""
    assert read_form(path).submission_sha256 == "ef" * 32
    assert [each.name for each in tmp_path.iterdir()] == [FORM]


def test_zips_back_and_forth(fill: Fill, tmp_path: Path, grade: Grade, assignment: Assignment) -> None:
    """Marks of two versions of a zip are kept, whatever is graded in which order; each comes back with its zip."""
    first, second = grade, grade.model_copy(update={"submission_sha256": "ef" * 32})
    path = fill(("score = -1.0", "score = 0.5"))
    typed = [path.read_bytes()]
    kept = f"manual-{'ab' * 6}.toml"
    assert write_form(tmp_path, second, assignment) == f"marks of another zip are kept in {kept}"
    assert question(path, "2b")["score"] == -1
    for number, version in enumerate([second, first, second, first, second]):
        assert find_form(tmp_path, first.submission_sha256) is not None
        write_form(tmp_path, version, assignment)
        assert read_form(path).submission_sha256 == version.submission_sha256
        path.write_text(path.read_text() + f"# {number}\n")
        typed.append(path.read_bytes())
    there = [each.read_bytes() for each in tmp_path.glob("manual*.toml")]
    assert set(typed) <= set(there)
    assert question(path, "2b")["score"] == -1
    found = find_form(tmp_path, first.submission_sha256)
    assert found is not None
    assert question(found, "2b")["score"] == 0.5
    assert found.read_bytes() == typed[-2]


def test_name_that_is_taken(fill: Fill, tmp_path: Path, grade: Grade, assignment: Assignment) -> None:
    """A form is kept beside other files of that name; a digest that somebody changed leads nowhere else."""
    path = fill(("score = -1.0", "score = 0.5"), ("ab" * 32, "../../ab"))
    (tmp_path / "manual-ab.toml").write_text("mine")
    (tmp_path / "manual-ab-2.toml").mkdir()
    typed = path.read_bytes()
    assert write_form(tmp_path, grade, assignment) == "marks of another zip are kept in manual-ab-3.toml"
    assert (tmp_path / "manual-ab.toml").read_text() == "mine"
    assert (tmp_path / "manual-ab-3.toml").read_bytes() == typed


def test_lines_in_an_answer(tmp_path: Path, grade: Grade, assignment: Assignment) -> None:
    """What a student wrote in the form of a form does not move the line that is told."""
    answer = "[[question]]\nscore = 7\n# no\n" + '"' * 3
    write_form(tmp_path, grade.model_copy(update={"answers": {"2b": answer}}), assignment)
    path = tmp_path / FORM
    lines = path.read_text().replace("score = -1.0", "score = 1.5").split("\n")
    path.write_text("\n".join(lines))
    (line,) = [at for at, text in enumerate(lines, 1) if text == "score = 1.5"][:1]
    with pytest.raises(MarksRefused, match=f"line {line}: task 2b has 0 to 1 points, not 1.5"):
        marks_for(read_form(path), grade, assignment)


def test_every_slip_is_told(fill: Fill, grade: Grade, assignment: Assignment) -> None:
    """All slips of a form are told at once, each with its line."""
    text = fill().read_text().split("[[question]]")
    text[2] = text[2].replace("score = -1.0", "score = 0.0")
    text[4] = text[4].replace("score = -1.0", "score = 1.0")
    text[1] = text[1].replace("score = -1.0", "score = 7")
    path = fill()
    path.write_text("[[question]]".join(text))
    changed = ("score = 0.0", "score = 1.0", "score = 7")
    lines = [at for at, line in enumerate(path.read_text().splitlines(), 1) if line in changed]
    with pytest.raises(UsageError) as caught:
        marks_for(read_form(path), grade, assignment)
    told = str(caught.value)
    assert f"line {lines[0]}: task 2b has 0 to 1 points, not 7; line {lines[1]}: task 3c is scored by checks" in told
    assert f"line {lines[2]}: task 4c is scored by checks" in told
    path.write_text(path.read_text().replace("score = 7", "score = [7]").replace("score = 1.0", "score = true"))
    with pytest.raises(UsageError, match=f"line {lines[0]}: `score` .*; line {lines[2]}: `score`: write a number"):
        read_form(path)


def test_points_for_nothing_are_told(grade: Grade, assignment: Assignment, tmp_path: Path) -> None:
    """Points for a bonus that was not handed in count as the person gave them, and a sentence says so."""
    absent = CheckResult(task="3d", name="check", title="t", outcome=Outcome.MISSING, message="There is no picture.")
    checks = [*(check for check in grade.checks if check.task != "3d"), absent]
    submission = Submission("alice", assignment, "ab" * 32, {})
    settled = grade_submission(submission, checks, "6.869")
    assert question_of(settled, "3d").comment == "Not handed in. There is no picture."
    write_form(tmp_path, settled, assignment)
    path = tmp_path / FORM
    head, tail = path.read_text().split('task = "3d"')
    path.write_text(f'{head}task = "3d"{tail.replace("score = -1.0", "score = 0.5", 1)}')
    told: list[str] = []
    merged, refusal = merge_form(settled, assignment, None, tmp_path, told.append)
    assert refusal is None
    assert merged.score == settled.score + 0.5
    assert question_of(merged, "3d").comment == ""
    assert told == ["alice: task 3d gets 0.5 from manual.toml, although nothing was handed in for it"]


def question_of(grade: Grade, task: str) -> TaskGrade:
    """One task of a grade."""
    return next(each for each in grade.tasks if each.id == task)
