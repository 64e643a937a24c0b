"""Which zip is whose, and which of several counts."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sample_zip import Entry, zip_of

from grader.class_records import Person
from grader.errors import UsageError
from grader.handed_in import METADATA, RESERVED, find_hand_ins

GOOD = zip_of(Entry(b"filters.py", b"OTHER_LAYER = ''\n"))
IN_TIME, LATE, LATER = "2022-03-30T12:00:00-04:00", "2022-03-31T12:00:00-04:00", "2022-04-01T12:00:00-04:00"


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
    put(tmp_path, "alice_12345_67890_alice.zip", "alice_LATE_12345_67999_my_work-1.zip", "bobby_22_5_x.zip")
    alice, bob = find_hand_ins(tmp_path, people(Person(student="bob", canvas_id="22")))
    assert (alice.person.student, alice.path.name) == ("alice", "alice_LATE_12345_67999_my_work-1.zip")
    assert alice.note == "of 2 zips, alice_LATE_12345_67999_my_work-1.zip counts"
    assert (bob.person.student, bob.note) == ("bob", "")


def test_same_names_of_two_people(tmp_path: Path) -> None:
    """Two people whose names are one folder's stay two."""
    put(tmp_path, "smith_1_5_a.zip", "smith_2_6_a.zip", "a b.zip", "a_b.zip")
    students = [each.person.student for each in find_hand_ins(tmp_path, {})]
    assert len(students) == 4
    assert len(set(students)) == 4
    assert {"smith-1", "smith-2"} < set(students)


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
    assert (first.person.student, first.person.variant, first.group) == ("aa1", "6.819", ("Alice A", "Bob B"))
    assert first.submitted_at == datetime.fromisoformat(IN_TIME)
    assert (second.person.student, second.person.name, second.group) == ("carol", "Carol", ())


@pytest.mark.parametrize(
    ("content", "told"),
    [("{", "can't be read"), ("[]", "can't be read"), ('{"users": [], "created_at": "2022-03-30"}', "no time zone")],
)
def test_wrong_metadata(tmp_path: Path, content: str, told: str) -> None:
    """Metadata that can't be read is told, with its path."""
    gradescope(tmp_path / "one", IN_TIME)
    (tmp_path / "one" / METADATA).write_text(content)
    with pytest.raises(UsageError, match=told):
        find_hand_ins(tmp_path, {})


@pytest.mark.parametrize(
    ("times", "counts"),
    [
        ((IN_TIME, LATE), 0),  # the last before the deadline
        (("2022-03-29T12:00:00-04:00", IN_TIME, LATE), 1),
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


def test_no_folder(tmp_path: Path) -> None:
    """A folder that is not there is wrong usage; an empty one is an empty class."""
    assert find_hand_ins(tmp_path, {}) == []
    with pytest.raises(UsageError, match="no such folder"):
        find_hand_ins(tmp_path / "none", {})
