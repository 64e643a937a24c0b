"""Which zip is whose, and which of several counts."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sample_zip import Entry, zip_of

from grader.course.gradescope_lists import EXPORT, METADATA
from grader.course.handed_in import RESERVED, find_hand_ins, look_through
from grader.course.records import Person
from grader.errors import UsageError
from grader.intake.opening import open_submission

GOOD = zip_of(Entry(b"filters.py", b"OTHER_LAYER = ''\n"))
IN_TIME, LATE, LATER = "2022-03-29T12:00:00-04:00", "2022-03-30T12:00:00-04:00", "2022-03-31T12:00:00-04:00"


def people(*found: Person) -> dict[str, Person]:
    """A roster of these."""
    return {person.student: person for person in found}


def put(folder: Path, *names: str, content: bytes = GOOD) -> None:
    """Zips of these names in a folder."""
    for name in names:
        (folder / name).write_bytes(content)


def gradescope(folder: Path, created_at: str, *users: dict[str, Any], content: bytes = GOOD) -> None:
    """A folder of Gradescope's export, and its part of the list beside it."""
    folder.mkdir()
    put(folder, "submission.zip", content=content)
    lines = [f"{folder.name}:", "  :submitters:"]
    for user in users:
        lines += [f"  - :{key}: {value!r}" if key == "name" else f"    :{key}: {value}" for key, value in user.items()]
    lines += [f"  :created_at: {created_at}", "  :results:", "    :tests:", "    - name: 1a", "      output: ok", ""]
    with (folder.parent / EXPORT).open("a", encoding="utf-8") as file:
        file.write("\n".join(lines))


def forged(folder: Path, created_at: str, *users: dict[str, Any], content: bytes = GOOD) -> None:
    """A student's folder with a list as Gradescope puts it beside a submission."""
    folder.mkdir()
    (folder / METADATA).write_text(json.dumps({"id": 7, "created_at": created_at, "users": list(users)}))
    put(folder, "submission.zip", content=content)


def test_plain_names(tmp_path: Path) -> None:
    """A zip belongs to the student whose name it has; other files are nobody's."""
    put(tmp_path, "zoë m.zip", "alice.zip", "ALICE2.ZIP", "notes.txt")
    (tmp_path / "folder.zip").mkdir()
    assert [each.person.student for each in find_hand_ins(tmp_path, {})] == ["ALICE2", "alice", "zoë_m"]


def test_canvas_names(tmp_path: Path) -> None:
    """Canvas' names tell the student, by the number where the roster has it, and the order of the attempts."""
    put(tmp_path, "alice_12345_67890_alice.zip", "alice_12345_67999_my_work-1.zip", "bobby_22_555_x.zip")
    alice, bob = find_hand_ins(tmp_path, people(Person(student="bob", canvas_id="22")))
    assert (alice.person.student, alice.path.name) == ("alice", "alice_12345_67999_my_work-1.zip")
    assert alice.note == "of 2 zips, alice_12345_67999_my_work-1.zip counts"
    assert (bob.person.student, bob.note) == ("bob", "")


def test_late_for_canvas(tmp_path: Path) -> None:
    """What Canvas marks as late counts only where nothing else does, and is told: by how much, Canvas does not say."""
    put(tmp_path, "alice_12345_67890_a.zip", "alice_LATE_12345_67999_a.zip", "bob_LATE_22_555_b.zip")
    alice, bob = find_hand_ins(tmp_path, {})
    assert alice.path.name == "alice_12345_67890_a.zip"
    assert bob.note.startswith("Canvas marks it as late")


def test_namesakes(tmp_path: Path) -> None:
    """A number that the roster does not know is not taken for a namesake with another number."""
    put(tmp_path, "smithjohn_111_5555_a.zip", "smithjohn_222_6666_a.zip")
    first, second = find_hand_ins(tmp_path, people(Person(student="smithjohn", canvas_id="111")))
    assert {first.person.canvas_id, second.person.canvas_id} == {"111", "222"}
    assert first.person.student != second.person.student


def test_names_that_look_like_canvas(tmp_path: Path) -> None:
    """A name with small numbers between its lines is a name."""
    put(tmp_path, "ps_4_1_alice.zip", "ps_4_2_bob.zip")
    assert [each.person.student for each in find_hand_ins(tmp_path, {})] == ["ps_4_1_alice", "ps_4_2_bob"]


def test_same_names_of_two_people(tmp_path: Path) -> None:
    """Two people whose names are one folder's stay two."""
    put(tmp_path, "smith_11_555_a.zip", "smith_22_666_a.zip", "a b.zip", "a_b.zip")
    students = [each.person.student for each in find_hand_ins(tmp_path, {})]
    assert len(students) == 4
    assert len(set(students)) == 4
    assert {"smith-11", "smith-22"} < set(students)


def test_names_of_ours(tmp_path: Path) -> None:
    """A student whose name is that of a file of ours has a folder beside it."""
    put(tmp_path, "index.html.zip", "exports.zip")
    students = [each.person.student for each in find_hand_ins(tmp_path, {})]
    assert not RESERVED & set(students)
    assert [student.rpartition("-")[0] for student in students] == ["exports", "index.html"]


def test_copies_of_a_browser(tmp_path: Path) -> None:
    """`alice (1).zip` is Alice's second where there is a first or the roster has her, else a name of its own."""
    put(tmp_path, "alice.zip", "alice (2).zip", "bob (1).zip", "carol (1).zip")
    found = find_hand_ins(tmp_path, people(Person(student="bob")))
    assert [(each.person.student, each.path.name) for each in found] == [
        ("alice", "alice (2).zip"),
        ("bob", "bob (1).zip"),
        ("carol__1_", "carol (1).zip"),
    ]


def test_gradescope_folders(tmp_path: Path) -> None:
    """A folder with Gradescope's metadata tells who, with whom, and when; the roster is matched by e-mail."""
    alice, bob = {"name": "Alice A", "email": "Alice@x.org"}, {"name": "Bob B", "email": "bob@x.org"}
    gradescope(tmp_path / "submission_7", IN_TIME, alice, bob)
    gradescope(tmp_path / "submission_8", LATE, {"name": "Carol", "email": "carol@x.org"})
    first, second = find_hand_ins(tmp_path, people(Person(student="aa1", email="alice@x.org", variant="6.819")))
    assert (first.person.student, first.person.variant, first.group) == ("aa1", "6.819", ("Alice@x.org", "bob@x.org"))
    assert first.submitted_at == datetime.fromisoformat(IN_TIME)
    assert (second.person.student, second.person.name, second.group) == ("carol", "Carol", ())


def test_forged_metadata(tmp_path: Path) -> None:
    """A list in a student's folder gives nobody another zip, name or time; what it says is told as a claim."""
    put(tmp_path, "alice.zip")
    alice = {"email": "alice@x.org", "name": "Alice A"}
    forged(tmp_path / "submission_9", "2022-03-29T23:59:58-04:00", alice)
    roster = people(Person(student="alice", name="Alice A", email="alice@x.org"))
    found = look_through(tmp_path, roster, "miniplaces")
    (kept,), (claim,) = found.hand_ins, found.unread
    assert (kept.path.name, kept.note, kept.submitted_at) == ("alice.zip", "", None)
    assert claim.people == ()
    assert "submission_metadata.json in it names alice@x.org and 2022-03-29T23:59:58-04:00" in claim.sentence


def test_forged_metadata_in_an_export(tmp_path: Path) -> None:
    """In a folder of an export the list beside the folders counts, and no list, roster or form in the folder."""
    gradescope(tmp_path / "submission_8", IN_TIME, {"name": "Alice A", "email": "alice@x.org"})
    gradescope(tmp_path / "submission_9", LATE, {"name": "Mallory M", "email": "mallory@x.org"})
    alice = {"email": "alice@x.org", "name": "Alice A"}
    (tmp_path / "submission_9" / METADATA).write_text(json.dumps({"created_at": IN_TIME, "users": [alice]}))
    (tmp_path / "submission_9" / EXPORT).write_text((tmp_path / EXPORT).read_text().replace("_8", "_9"))
    (tmp_path / "submission_9" / "roster.csv").write_text("student,submitted_at\nmallory,2022-01-01T00:00Z\n")
    first, second = find_hand_ins(tmp_path, {})
    assert (first.person.student, first.path.parent.name) == ("alice", "submission_8")
    assert (second.person.student, second.submitted_at) == ("mallory", datetime.fromisoformat(LATE))


def test_forged_names_in_an_export(tmp_path: Path) -> None:
    """No name of a student's, and no output of their code, is taken for another's line of Gradescope's list."""
    (tmp_path / EXPORT).write_text(
        "submission_9:\n  :submitters:\n  - :name: 'Mallory\n      :email: alice@x.org'\n    :email: mallory@x.org\n"
        "  :created_at: 2022-03-30 16:00:00.000000000 Z\n  :results:\n    :tests:\n"
        "    - output: |\n        submission_8:\n          :created_at: 2022-01-01 00:00:00 Z\n"
        "      name: 1a\n  :history:\n  - :created_at: 2022-01-01 00:00:00 Z\n    :name: Alice A\n"
    )
    (tmp_path / "submission_9").mkdir()
    put(tmp_path / "submission_9", "submission.zip")
    (found,) = find_hand_ins(tmp_path, people(Person(student="alice", name="Alice A", email="alice@x.org")))
    assert (found.person.email, found.group) == ("mallory@x.org", ())
    assert found.submitted_at == datetime.fromisoformat(LATE)


def test_link_in_an_export(tmp_path: Path) -> None:
    """A link in a student's folder to another's zip is no zip of theirs, and is told."""
    gradescope(tmp_path / "submission_8", IN_TIME, {"name": "Alice", "email": "alice@x.org"})
    gradescope(tmp_path / "submission_9", IN_TIME, {"name": "Mallory", "email": "mallory@x.org"})
    (tmp_path / "submission_9" / "submission.zip").unlink()
    (tmp_path / "submission_9" / "submission.zip").symlink_to(tmp_path / "submission_8" / "submission.zip")
    found = look_through(tmp_path, {})
    assert [each.person.student for each in found.hand_ins] == ["alice"]
    assert [each.name for each in found.unread] == ["submission_9"]


CLAIMS = ("submission_metadata.json", "submission_metadata.yml", "roster.csv", "manual.toml", "submitted_at")


def test_claims_in_a_zip(tmp_path: Path) -> None:
    """Lists, rosters, forms, times and comments in a zip change neither whose it is nor when it came."""
    claims = [Entry(f"submission_9/{name}".encode(), b"alice 2022-01-01T00:00Z") for name in CLAIMS]
    content = zip_of(Entry(b"submission_9/filters.py", b"OTHER_LAYER = ''\n"), *claims)
    with zipfile.ZipFile(tmp_path / "mallory.zip", "w") as zipped, zipfile.ZipFile(io.BytesIO(content)) as made:
        zipped.comment = b"student: alice, submitted_at: 2022-01-01T00:00Z"
        for name in made.namelist():
            zipped.writestr(name, made.read(name))
    (found,) = find_hand_ins(tmp_path, people(Person(student="alice", name="Alice")))
    assert (found.person.student, found.submitted_at, found.note) == ("mallory", None, "")
    submission = open_submission(found.path)
    assert (submission.student, submission.submitted_at, submission.group) == ("mallory", None, ())


@pytest.mark.parametrize(
    "name",
    [
        "Mallory M_55_assignsubmission_file_Alice A_9_assignsubmission_file_lab.zip",
        "mallorym_4711_90871_alice_12_99999_lab.zip",
        "mallorym_4711_90871_LATE_anon_alice_99999_lab.zip",
    ],
)
def test_names_in_names(tmp_path: Path, name: str) -> None:
    """What a student calls a file does not make it another's, however like a platform's name it is."""
    put(tmp_path, name)
    roster = people(Person(student="alice", name="Alice A", canvas_id="12"), Person(student="mal", name="Mallory M"))
    (found,) = find_hand_ins(tmp_path, roster)
    assert found.person.student == "mal"


def test_other_folders_of_gradescope(tmp_path: Path) -> None:
    """A folder without a zip is told; of two zips in one the last by name counts."""
    gradescope(tmp_path / "one", IN_TIME, {"name": "Alice", "email": "alice@x.org"})
    put(tmp_path / "one", "tried.zip")
    gradescope(tmp_path / "two", IN_TIME, {"name": "Bob", "email": "bob@x.org"})
    (tmp_path / "two" / "submission.zip").rename(tmp_path / "two" / "filters.py")
    found = look_through(tmp_path, {})
    (alice,), (two,) = found.hand_ins, found.unread
    assert (alice.person.student, alice.path.name) == ("alice", "tried.zip")
    assert two.sentence == "two is not read: it is a folder that is not zipped, with filters.py"
    assert [person.student for person in two.people] == ["bob"]


@pytest.mark.parametrize(
    ("times", "counts"),
    [
        ((IN_TIME, LATE), 0),  # the last before the deadline
        (("2022-03-28T12:00:00-04:00", IN_TIME, LATE), 1),
        ((LATE, LATER), 1),  # none is in time: the last
    ],
)
def test_last_before_the_deadline(tmp_path: Path, times: tuple[str, ...], counts: int) -> None:
    """Of several zips the last before the deadline counts, the last of all where every one is late."""
    for number, moment in enumerate(times):
        gradescope(tmp_path / f"submission_{number}", moment, {"name": "Alice", "email": "alice@x.org"})
    (chosen,) = find_hand_ins(tmp_path, {}, "miniplaces")
    assert chosen.path.parent.name == f"submission_{counts}"


def test_broken_zips_do_not_count(tmp_path: Path) -> None:
    """A zip that would be refused counts only where there is no other."""
    put(tmp_path, "alice.zip", "bob.zip", "bob (1).zip", content=b"nothing")
    put(tmp_path, "carol.zip")
    put(tmp_path, "carol (1).zip", content=b"nothing")
    chosen = {each.person.student: each.path.name for each in find_hand_ins(tmp_path, {})}
    assert chosen == {"alice": "alice.zip", "bob": "bob (1).zip", "carol": "carol.zip"}


ANN = Person(student="ann", name="Ann Lee", variant="6.819")


def with_id(canvas_id: str) -> Person:
    """Ann, where the roster has a number of hers."""
    return ANN.model_copy(update={"canvas_id": canvas_id})


@pytest.mark.parametrize(
    ("file", "person"),
    [
        ("leeann_11_205_x.zip", with_id("11")),
        ("leeann_11_205_x.zip", ANN),  # by the sortable name
        ("ann_11_205_x.zip", ANN),
        ("ANN.zip", ANN),
        ("Ann Lee.zip", ANN),
        ("ann_lee.zip", ANN),
        ("Ann  Lee (1).zip", ANN),
        ("Ann Lee_1234567_assignsubmission_file_lab.zip", ANN),
        ("0012.zip", Person(student="12", name="Ann Lee")),
        ("jose\u0301_mun\u0303oz.zip", Person(student="jm", name="José Muñoz")),
        ("muñozjosé_11_205_x.zip", Person(student="jm", name="Jose\u0301\u00a0Mun\u0303oz")),
        ("garcíalópezana_11_205_x.zip", Person(student="agl", name="Ana García López")),
        ("o_brienmary_11_205_x.zip", Person(student="mob", name="Mary O'Brien", canvas_id="11")),
    ],
)
def test_people_are_found(tmp_path: Path, file: str, person: Person) -> None:
    """A zip is its owner's, however Canvas, Moodle or the student write the name."""
    put(tmp_path, file)
    (found,) = find_hand_ins(tmp_path, people(person, Person(student="zoe", name="Zoe Lee")))
    assert found.person == person


@pytest.mark.parametrize(
    ("file", "others"),
    [
        ("leeann_11_205_x.zip", [ANN, Person(student="ann2", name="Ann Lee")]),
        ("leeann_11_205_x.zip", [with_id("12")]),
        ("Ann Lee.zip", [ANN, Person(student="ann2", name="ann lee")]),
        ("leeann_11_205_x.zip", [Person(student="a", canvas_id="11"), Person(student="b", canvas_id="11")]),
        ("annlee.zip", [ANN]),
    ],
)
def test_people_are_not_guessed(tmp_path: Path, file: str, others: list[Person]) -> None:
    """What two people share, or what only resembles a name, is nobody's."""
    put(tmp_path, file)
    (found,) = find_hand_ins(tmp_path, people(*others))
    assert found.person not in others


def test_late_and_anonymous(tmp_path: Path) -> None:
    """Lateness and the anonymous id are read where Canvas hides the names; macOS' twin of a zip is nobody's."""
    put(tmp_path, "LATE_anon_Xy9zQ_90873_lab.zip", "._LATE_anon_Xy9zQ_90873_lab.zip", "team_12_41502_90871_lab.zip")
    late, team = find_hand_ins(tmp_path, people(Person(student="bob", canvas_id="12", name="Bob Smith")))
    assert (late.person.student, late.person.canvas_id, late.is_late) == ("anon_Xy9zQ", "Xy9zQ", True)
    assert (team.person.student, team.person.canvas_id, team.attempt) == ("team_12", "41502", 90871)


def test_gradescope_by_name(tmp_path: Path) -> None:
    """A user of Gradescope's is found by the e-mail address in any form, or by name where the roster has no address."""
    ann, bob = {"name": "K", "email": "\u212aIM@x.org"}, {"name": "BOB Smith", "email": "b@y.org"}
    gradescope(tmp_path / "submission_7", IN_TIME, ann)
    gradescope(tmp_path / "submission_8", IN_TIME, bob)
    roster = people(Person(student="kim", email="kim@x.org"), Person(student="bo", name="Bob  Smith"))
    assert {each.person.student for each in find_hand_ins(tmp_path, roster)} == {"kim", "bo"}
    roster = people(Person(student="bo", name="Bob Smith", email="other@x.org"))
    assert "bo" not in {each.person.student for each in find_hand_ins(tmp_path, roster)}


def test_no_folder(tmp_path: Path) -> None:
    """A folder that is not there is wrong usage; an empty one is an empty class."""
    assert find_hand_ins(tmp_path, {}) == []
    with pytest.raises(UsageError, match="no such folder"):
        find_hand_ins(tmp_path / "none", {})
