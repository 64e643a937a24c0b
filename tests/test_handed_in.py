"""Which zip is whose, and which of several counts."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sample_zip import Entry, zip_of

from grader.classroom.handed_in import METADATA, RESERVED, find_hand_ins, look_through
from grader.classroom.records import Person
from grader.errors import UsageError

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
    """A folder as Gradescope leaves it."""
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
    alice, bob = {"id": 1, "email": "Alice@x.org", "name": "Alice A"}, {"id": 2, "email": "bob@x.org", "name": "Bob B"}
    gradescope(tmp_path / "submission_7", IN_TIME, alice, bob)
    gradescope(tmp_path / "submission_8", LATE, {"id": 3, "email": "carol@x.org", "name": "Carol"})
    first, second = find_hand_ins(tmp_path, people(Person(student="aa1", email="alice@x.org", variant="6.819")))
    assert (first.person.student, first.person.variant, first.group) == ("aa1", "6.819", ("Alice@x.org", "bob@x.org"))
    assert first.submitted_at == datetime.fromisoformat(IN_TIME)
    assert (second.person.student, second.person.name, second.group) == ("carol", "Carol", ())


@pytest.mark.parametrize("content", ["{", "[]", '{"users": [], "created_at": "2022-03-30"}', '{"users": [1]}'])
def test_wrong_metadata(tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture) -> None:
    """Metadata that can't be read is told, and stops neither that student's grade nor another's."""
    gradescope(tmp_path / "one", IN_TIME)
    (tmp_path / "one" / METADATA).write_text(content)
    put(tmp_path, "bob.zip")
    bob, one = find_hand_ins(tmp_path, {})
    assert (bob.person.student, one.person.student) == ("bob", "one")
    assert "can't be read" in caplog.text
    assert METADATA in one.note


def test_other_folders_of_gradescope(tmp_path: Path) -> None:
    """A folder without a zip is told; of two zips in one the last by name counts."""
    gradescope(tmp_path / "one", IN_TIME, {"id": 1, "email": "alice@x.org", "name": "Alice"})
    put(tmp_path / "one", "tried.zip")
    gradescope(tmp_path / "two", IN_TIME, {"id": 2, "email": "bob@x.org", "name": "Bob"})
    (tmp_path / "two" / "submission.zip").rename(tmp_path / "two" / "filters.py")
    found = look_through(tmp_path, {})
    (alice,), (two,) = found.hand_ins, found.unread
    assert (alice.person.student, alice.path.name) == ("alice", "tried.zip")
    assert two.sentence.startswith("two is not read: it is a folder that is not zipped, with filters.py, ")
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
        gradescope(tmp_path / f"submission_{number}", moment, {"id": 1, "email": "alice@x.org", "name": "Alice"})
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
    ann, bob = {"id": 1, "email": "\u212aIM@x.org", "name": "K"}, {"id": 2, "email": "b@y.org", "name": "BOB Smith"}
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
