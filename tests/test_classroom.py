"""A class: what is graded, what is scored again, what is left alone, and what comes of it."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sample_class import Here, fill, pretend, rows_of
from sample_zip import Entry, zip_of

from grader.course import grading, groups
from grader.course.digests import Digests
from grader.course.gradebook import record_path
from grader.course.handed_in import Found, look_through
from grader.course.job import Graded, Job
from grader.course.plan import Options
from grader.course.records import Row
from grader.course.remarks import NO_TIMES, class_remarks
from grader.course.roster import Roster, read_roster
from grader.errors import MachineError, SandboxUnavailable, TookTooLong, UsageError
from grader.manual import FORM

DIGESTS = Digests(run={"miniplaces": "checks"}, score={"miniplaces": "rubric"})


@pytest.fixture(autouse=True)
def _digests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grading, "take_digests", lambda *_: DIGESTS)


def grade(folder: Path, out: Path, roster: str = "", variant: str | None = None) -> tuple[list[Row], dict[str, str]]:
    """The rows, and for each student that was worked on whether the checks ran or only the score was made."""
    jobs: list[Job] = []
    path = out.parent / "roster.csv"
    path.write_text(roster)
    rows = list(rows_of(folder, out, Here(jobs, pretend), roster=path if roster else None, variant=variant))
    return rows, {job.student: "score" if job.recorded else "run" for job in jobs}


def gradebook(out: Path) -> list[dict[str, str]]:
    """What the gradebook holds."""
    with (out / "gradebook.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_only_new_and_changed(tmp_path: Path) -> None:
    """A second run grades what is new or changed and leaves the rest; the gradebook has all."""
    folder = fill(tmp_path / "in", "alice", "bob")
    assert grade(folder, tmp_path / "out")[1] == {"alice": "run", "bob": "run"}
    assert grade(folder, tmp_path / "out")[1] == {}
    fill(folder, "carol")
    fill(folder, "bob", content=b"OTHER_LAYER = 'conv1'\n")
    rows, worked = grade(folder, tmp_path / "out")
    assert worked == {"bob": "run", "carol": "run"}
    assert [row.student for row in rows] == ["alice", "bob", "carol"]
    assert [(line["student"], line["score"], line["1a"]) for line in gradebook(tmp_path / "out")] == [
        ("alice", "1", "1"),
        ("bob", "1", "1"),
        ("carol", "1", "1"),
    ]


def test_changed_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other checks, data sets or limits: all checks run again."""
    folder = fill(tmp_path / "in", "alice")
    grade(folder, tmp_path / "out")
    monkeypatch.setattr(grading, "take_digests", lambda *_: replace(DIGESTS, run={"miniplaces": "other"}))
    assert grade(folder, tmp_path / "out")[1] == {"alice": "run"}


def test_changed_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other points or deadlines: the score is made again of the recorded results, which no student code changes."""
    folder = fill(tmp_path / "in", "alice")
    grade(folder, tmp_path / "out")
    monkeypatch.setattr(grading, "take_digests", lambda *_: replace(DIGESTS, score={"miniplaces": "other"}))
    assert grade(folder, tmp_path / "out")[1] == {"alice": "score"}
    assert grade(folder, tmp_path / "out")[1] == {}


def test_changed_marks_and_times(tmp_path: Path) -> None:
    """A person's mark, another time or variant in the roster: scored again, for those concerned only."""
    folder, out = fill(tmp_path / "in", "alice", "bob", "carol"), tmp_path / "out"
    heading = "student,variant,submitted_at\n"
    grade(folder, out, heading + "alice,,\nbob,,\ncarol,,\n")
    (out / "alice" / FORM).write_text("score = 1")
    _, worked = grade(folder, out, heading + "alice,,\nbob,6.819,\ncarol,,2022-04-01T00:00Z\n")
    assert worked == {"alice": "score", "bob": "score", "carol": "score"}
    assert grade(folder, out, heading + "alice,,\nbob,6.819,\ncarol,,2022-04-01T00:00Z\n")[1] == {}


def test_lost_files(tmp_path: Path) -> None:
    """Where a student's folder or record is gone or unreadable, the submission is graded again."""
    folder, out = fill(tmp_path / "in", "alice", "bob", "carol"), tmp_path / "out"
    grade(folder, out)
    shutil.rmtree(out / "alice")
    record_path(out, "bob").write_text("{")
    assert grade(folder, out)[1] == {"alice": "run", "bob": "run"}


def test_missing_students(tmp_path: Path) -> None:
    """Who is on the roster and handed in nothing has a row; who left nothing in the folder any more has none."""
    folder, out = fill(tmp_path / "in", "alice", "bob"), tmp_path / "out"
    grade(folder, out)
    (folder / "bob.zip").unlink()
    rows, _ = grade(folder, out, 'student,name\nalice,"=HYPERLINK(""x"")"\ndave,Dave\n')
    assert [(row.student, row.outcome) for row in rows] == [("alice", "graded"), ("dave", "missing")]
    alice, dave = gradebook(out)
    assert alice["name"].startswith("'=")
    assert (dave["score"], dave["message"]) == ("", "Nothing was handed in.")


ROSTER = "student,name,email,group\nalice,Alice,,\nbob,Bob,bob@x.org,\nwei1,Wei Zhang,,\nwei2,Wei Zhang,,\n"


def in_groups(**names: tuple[str, ...]) -> Callable[[Job], Graded]:
    """As if jobs were done, with these names in the `group.txt` of each student."""

    def done(job: Job) -> Graded:
        graded = pretend(job)
        assert graded.grade is not None
        update = {"group": names.get(job.student, ()), "assignment": "two_networks"}
        return replace(graded, grade=graded.grade.model_copy(update=update))

    return done


def name_only(folder: Path, student: str, *names: str, file: bytes = b"group.txt") -> None:
    """Hand in a zip of a student's that holds only names."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{student}.zip").write_bytes(zip_of(Entry(file, "\n".join(names).encode())))


def of_class(tmp_path: Path, roster: str, **names: tuple[str, ...]) -> dict[str, Row]:
    """The rows of a class that is in `in`, by student; `names` are those in each student's `group.txt`."""
    (tmp_path / "roster.csv").write_text(roster, encoding="utf-8")
    given = tmp_path / "roster.csv" if roster else None
    return {
        row.student: row
        for row in rows_of(tmp_path / "in", tmp_path / "out", Here([], in_groups(**names)), roster=given)
    }


@pytest.mark.parametrize(
    ("names", "back", "shares"),
    [
        (("Alice", "BOB@x.org"), ("Alice", "Bob"), ["bob"]),
        (("bob",), ("ALICE",), ["bob"]),
        (("Alice", "wei zhang"), ("Alice",), []),  # which of the two?
        (("Alice", "bob", "wei1"), ("Alice",), []),  # three, where two may hand in together
        (("bob", "wei1"), ("Alice",), []),  # three with her who does not name herself
        (("Alice", "Bob"), ("Bob", "wei1"), []),  # he names somebody else
        (("Alice",), ("Alice", "Bob"), []),  # she does not name him
    ],
)
def test_groups(tmp_path: Path, names: tuple[str, ...], back: tuple[str, ...], shares: list[str]) -> None:
    """Two who name each other share a grade, where it is clear who they are; nobody else does."""
    fill(tmp_path / "in", "alice")
    name_only(tmp_path / "in", "bob", *back)
    rows = of_class(tmp_path, ROSTER, alice=names)
    assert [(row.student, row.score) for row in rows.values() if row.graded_as == "alice"] == [
        (name, 1.0) for name in shares
    ]
    assert rows["bob"].outcome == ("graded" if shares else "unread")
    assert shares or "holds only a group.txt" in rows["bob"].message


def test_claimed_partner(tmp_path: Path) -> None:
    """Who is only named in another's group.txt gets no grade; both rows tell of it, and hers what is missing."""
    fill(tmp_path / "in", "alice")
    rows = of_class(tmp_path, ROSTER, alice=("Alice", "Bob"))
    assert (rows["bob"].outcome, rows["bob"].score) == ("missing", 0.0)
    assert rows["bob"].message == "Nothing was handed in. The group.txt of alice names this student."
    assert "group.txt names bob, and nobody else says so: no grade is shared." in rows["alice"].message
    assert "It will be shared as soon as bob hands in a zip that holds only a group.txt" in rows["alice"].remarks[0]


@pytest.mark.parametrize("names", [("Bob",), ("Alice", "Bob")])
def test_done_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]) -> None:
    """Where an assignment is done alone, whoever names a partner is told that, and not how to form a group."""
    monkeypatch.setattr(groups, "_allowed", lambda _assignment: 1)
    fill(tmp_path / "in", "alice")
    name_only(tmp_path / "in", "bob", "Alice")
    rows = of_class(tmp_path, ROSTER, alice=names)
    assert "this assignment is done alone: the grade is shared with nobody" in rows["alice"].message
    assert "names Alice; this assignment is done alone, so no grade is shared" in rows["bob"].message
    assert "handed in for both" not in rows["bob"].message


def test_group_of_the_roster(tmp_path: Path) -> None:
    """The roster's column `group` makes a group of two without a word of theirs, and never one of three."""
    fill(tmp_path / "in", "alice")
    roster = "Student,Group\nalice,Team 7\nbob,team  7\ncarol,\ndan,\n"
    assert of_class(tmp_path, roster)["bob"].graded_as == "alice"
    assert of_class(tmp_path, roster)["carol"].outcome == "missing"
    three = of_class(tmp_path, roster + "eve,team 7\n")
    assert (three["bob"].outcome, three["eve"].outcome) == ("missing", "missing")
    assert "shared with nobody" in three["alice"].message


def test_roster_before_claims(tmp_path: Path) -> None:
    """Where the roster has a group, a group.txt that names somebody else is told and changes nothing."""
    fill(tmp_path / "in", "alice")
    name_only(tmp_path / "in", "mallory", "alice", "mallory")
    roster = "student,group\nalice,7\nbob,7\nmallory,\n"
    rows = of_class(tmp_path, roster, alice=("alice", "mallory"))
    assert (rows["bob"].graded_as, rows["mallory"].outcome) == ("alice", "unread")
    assert "group.txt names mallory" in rows["alice"].message


def test_own_zip_before_a_group(tmp_path: Path) -> None:
    """Who handed in a zip of their own has its grade, whoever names them and whomever they name."""
    fill(tmp_path / "in", "alice", "bob")
    rows = of_class(tmp_path, ROSTER, alice=("alice", "bob"), bob=("alice", "bob"))
    assert [row.graded_as for row in rows.values()] == ["", "", "", ""]
    assert rows["bob"].outcome == "graded"


def test_group_without_a_roster(tmp_path: Path) -> None:
    """Two who name each other as their zips are called share a grade where there is no roster."""
    fill(tmp_path / "in", "alice")
    name_only(tmp_path / "in", "bob", "alice", "bob", file=b"hand in/Group.txt")
    name_only(tmp_path / "in", "mallory", "alice")
    rows = of_class(tmp_path, "", alice=("Alice", "Bob"))
    assert (rows["bob"].graded_as, rows["mallory"].outcome) == ("alice", "unread")


def test_code_beside_names(tmp_path: Path) -> None:
    """A zip that holds more than names is a submission: it is graded, or refused, as any other."""
    fill(tmp_path / "in", "alice")
    (tmp_path / "in" / "bob.zip").write_bytes(zip_of(Entry(b"group.txt", b"alice"), Entry(b"notes.txt", b"")))
    assert [each.person.student for each in look_through(tmp_path / "in", {}).hand_ins] == ["alice", "bob"]


@pytest.mark.parametrize(
    ("name", "person"),
    [
        ("José Muñoz", "Jose\u0301 Mun\u0303oz"),
        ("Jose\u0301  Mun\u0303oz\u00a0", "José Muñoz"),
        ("\u212aim O’Brien", "KIM O'BRIEN"),
        ("Straße", "STRASSE"),
    ],
)
def test_names_of_a_group(tmp_path: Path, name: str, person: str) -> None:
    """A partner is found whatever form of Unicode, case, spaces and apostrophes the roster and group.txt have."""
    fill(tmp_path / "in", "alice")
    name_only(tmp_path / "in", "jm", "Alice")
    rows = of_class(tmp_path, f"student,name\nalice,Alice\njm,{person}\n", alice=("Alice", name))
    assert [(row.student, row.outcome, row.graded_as) for row in rows.values()] == [
        ("alice", "graded", ""),
        ("jm", "graded", "alice"),
    ]


def test_strange_names_of_a_group(tmp_path: Path) -> None:
    """A name in group.txt that is nobody's on the roster is told."""

    def in_group(job: Job) -> Graded:
        done = pretend(job)
        assert done.grade is not None
        return replace(done, grade=done.grade.model_copy(update={"group": ("alice", "Bo & Cy")}))

    path = tmp_path / "roster.csv"
    path.write_text("student\nalice\nbo\n")
    rows = list(rows_of(fill(tmp_path / "in", "alice"), tmp_path / "out", Here([], in_group), roster=path))
    told = class_remarks(Found([], []), read_roster(path), rows)
    assert told[0] == "alice's group names Bo & Cy; roster.csv has nobody of that name, or several people"


def test_what_lies_unread(tmp_path: Path) -> None:
    """Nobody whose file lies there unread has handed in nothing; they have a row that says what lies there."""
    folder, out = fill(tmp_path / "in", "alice"), tmp_path / "out"
    (folder / "smithbob_12_202_lab.7z").write_bytes(b"7z\xbc\xaf")
    (folder / "doejane_14_205_miniplaces.ipynb").write_bytes(b"{}")
    rows, _ = grade(folder, out, "student,name,canvas_id\nalice,,\nbob,Bob Smith,12.0\ncarol,,\n")
    told = {row.student: (row.outcome, row.message) for row in rows}
    assert told["bob"] == ("unread", "smithbob_12_202_lab.7z is not read: it is a 7-Zip archive; hand-ins must be zips")
    assert told["doejane"][1].endswith("a notebook that is not in a zip")
    assert told["carol"] == ("missing", "Nothing was handed in.")
    lines = {line["student"]: line for line in gradebook(out)}
    assert (lines["bob"]["score"], lines["bob"]["outcome"]) == ("", "unread")


def test_remarks_on_the_class(tmp_path: Path) -> None:
    """Lines of the roster that match nothing, zips of nobody on it and files that are not read are told."""
    folder, out = fill(tmp_path / "in", "alice", "leeann_41505_90871_lab"), tmp_path / "out"
    (folder / "notes.txt").write_text("Hello")
    path = tmp_path / "roster.csv"
    path.write_text("student,canvas_id\nalice,\nann,4.15E+04\n")
    seen: list[str] = []
    rows: list[Row] = []

    def keep(found: Found, roster: Roster) -> None:
        seen.extend(class_remarks(found, roster, rows))

    rows += rows_of(folder, out, Here([], pretend), roster=path)
    grading.grade_class(folder, out, Options(roster=path), Here([], pretend), on_found=keep)
    assert seen == [
        "notes.txt is not read: it is no zip",
        f"{path}, line 3: canvas_id '4.15E+04' is not used: a spreadsheet has rounded it: give the column the number "
        "format 0",
        "roster.csv: nothing that was handed in belongs to ann (line 3)",
        "roster.csv has no line for leeann (leeann_41505_90871_lab.zip)",
        NO_TIMES,
    ]


def test_unknown_variant_of_a_line(tmp_path: Path) -> None:
    """A variant that a spreadsheet changed is told with its line."""
    with pytest.raises(
        UsageError, match=r"roster.csv, line 3: no assignment has a variant '6,819'; there are 6.819, 6.869"
    ):
        grade(fill(tmp_path / "in", "alice", "bob"), tmp_path / "out", "student;variant\nalice;6.819\nbob;6,819\n")


def test_marks_while_it_is_graded(tmp_path: Path) -> None:
    """What a person writes into a form while its submission is graded is kept, and scored by the next run."""
    folder, out = fill(tmp_path / "in", "alice"), tmp_path / "out"

    def interrupted(job: Job) -> Graded:
        (out / "alice").mkdir(parents=True)
        (out / "alice" / FORM).write_text("score = 1")
        done = pretend(job)
        return replace(done, files={**done.files, FORM: b"a fresh form"})

    list(rows_of(folder, out, Here([], interrupted)))
    assert (out / "alice" / FORM).read_text() == "score = 1"
    assert grade(folder, out)[1] == {"alice": "score"}


def test_results_of_another_command(tmp_path: Path) -> None:
    """Results that are not those of the record, of another zip graded into the same folder, are not believed."""
    folder, out = fill(tmp_path / "in", "alice"), tmp_path / "out"
    grade(folder, out)
    (out / "alice" / "results.json").write_text("another")
    assert grade(folder, out)[1] == {"alice": "run"}


def test_one_at_a_time(tmp_path: Path) -> None:
    """A class is not graded twice at once into one folder."""
    folder, out = fill(tmp_path / "in", "alice"), tmp_path / "out"

    def again(job: Job) -> Graded:
        with pytest.raises(UsageError, match="already"):
            list(rows_of(folder, out, Here([], pretend)))
        return pretend(job)

    (row,) = rows_of(folder, out, Here([], again))
    assert row.outcome == "graded"


def test_nobody_disappears(tmp_path: Path) -> None:
    """While a class is graded again, the gradebook keeps the rows of those who wait, and the missing."""
    folder, out = fill(tmp_path / "in", "alice", "bob"), tmp_path / "out"
    grade(folder, out, ROSTER)
    fill(folder, "bob", content=b"# changed\n")

    def look(job: Job) -> Graded:
        assert [line["student"] for line in gradebook(out)] == ["alice", "bob", "wei1", "wei2"]
        return pretend(job)

    assert len(list(rows_of(folder, out, Here([], look), roster=tmp_path / "roster.csv"))) == 4


def test_other_machines(tmp_path: Path) -> None:
    """A cluster with a machine that would grade otherwise is refused before the work; no path of ours is sent there."""
    jobs: list[Job] = []

    class There(Here):
        has_our_disk = False
        answer = DIGESTS.whole

        def ask(self, question: Callable[[str], str], argument: str) -> dict[str, str]:
            return {"tcp://a": DIGESTS.whole, "tcp://b": self.answer}

    folder, place = fill(tmp_path / "in", "alice"), There(jobs, pretend)
    assert len(list(rows_of(folder, tmp_path / "out", place))) == 1
    assert [job.scratch for job in jobs] == [None]
    place.answer = "other"
    with pytest.raises(MachineError, match="differ on tcp://b"):
        list(rows_of(folder, tmp_path / "out", place))


def test_overdue(tmp_path: Path) -> None:
    """A submission whose job is overdue has no score; the class goes on, and the next run grades it."""

    def hang(job: Job) -> Graded:
        if job.student == "bob":
            raise TookTooLong("it took longer than 2,700 seconds and was stopped")
        return pretend(job)

    folder, jobs = fill(tmp_path / "in", "alice", "bob", "carol"), list[Job]()
    rows = list(rows_of(folder, tmp_path / "out", Here(jobs, hang)))
    assert [row.outcome for row in rows] == ["graded", "failed", "graded"]
    assert len(jobs) == 3  # it is not tried again at once
    assert "2,700 seconds" in rows[1].message
    assert "no fault of the student" in rows[1].message
    assert gradebook(tmp_path / "out")[1]["score"] == ""
    assert grade(folder, tmp_path / "out")[1] == {"bob": "run"}


def test_grader_at_fault(tmp_path: Path) -> None:
    """What our side could not grade costs nobody anything, stops nobody, and is tried again."""

    def fail(job: Job) -> Graded:
        done = pretend(job)
        return done if job.student == "bob" else replace(done, grade=None, message="no space left")

    folder, out = fill(tmp_path / "in", "alice", "bob"), tmp_path / "out"
    alice, bob = rows_of(folder, out, Here([], fail))
    assert (alice.outcome, bob.outcome) == ("failed", "graded")
    assert gradebook(out)[0]["score"] == ""
    assert "no space left" in gradebook(out)[0]["message"]
    assert grade(folder, out)[1] == {"alice": "run"}


def test_no_sandbox(tmp_path: Path) -> None:
    """Without a sandbox nothing is graded, and the command ends."""

    def unavailable(job: Job) -> Graded:
        return replace(pretend(job), grade=None, message="no walls", unavailable=True)

    with pytest.raises(SandboxUnavailable, match="here: no walls"):
        list(rows_of(fill(tmp_path / "in", "alice"), tmp_path / "out", Here([], unavailable)))


@pytest.mark.parametrize("options", [{"assignment": "none"}, {"variant": "none"}])
def test_wrong_options(tmp_path: Path, options: dict[str, str]) -> None:
    """What no submission could be graded with is refused before the work."""
    jobs: list[Job] = []
    with pytest.raises(UsageError, match="none"):
        list(rows_of(fill(tmp_path / "in", "alice"), tmp_path / "out", Here(jobs, pretend), **options))
    assert jobs == []


def test_nothing_reaches_students(tmp_path: Path) -> None:
    """Records and remarks lie beside the students' folders, which may be handed out as they are."""
    out = tmp_path / "out"

    def look(job: Job) -> Graded:
        return replace(pretend(job), looks=json.dumps([]).encode())

    list(rows_of(fill(tmp_path / "in", "alice"), out, Here([], look)))
    assert sorted(path.name for path in (out / "alice").iterdir()) == ["arrays.safetensors", "results.json"]
    assert (out / "instructor only" / "alice.json").exists()
    assert not (out / grading.SCRATCH).exists()
