"""What lies in a class's folder and is not understood is told, by name, with whose it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from sample_zip import Entry, zip_of

from grader.course.handed_in import look_through
from grader.course.records import Person
from grader.course.unread import Unread

EXPORT = """\
---
submission_101:
  :submitters:
  - :name: Ann Lee
    :sid: '11'
    :email: ann@x.org
  - :name: Zoë Müller
    :sid: '12'
    :email: zoe@x.org
  :created_at: 2022-03-29 12:00:00.000000000 Z
  :score: 3.0
"submission_102":
  :submitters:
  - :name: "Bob Smith"
    :email: bob@x.org
"""
ROSTER = {
    person.student: person
    for person in (
        Person(student="ann", name="Ann Lee", email="ANN@x.org", canvas_id="11"),
        Person(student="bob", name="Bob Smith"),
        Person(student="carol", name="Carol"),
    )
}


def put(folder: Path, files: dict[str, bytes]) -> Path:
    """Files by path."""
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def unread(folder: Path, files: dict[str, bytes]) -> dict[str, Unread]:
    """What is not read of these files, by name."""
    return {each.name: each for each in look_through(put(folder, files), ROSTER).unread}


@pytest.mark.parametrize(
    ("name", "content", "what", "whose"),
    [
        ("leeann_11_205_miniplaces.ipynb", b"{}", "a notebook that is not in a zip", ["ann"]),
        ("smithbob_12_202_lab.7z", b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive; hand-ins must be zips", ["bob"]),
        ("doejane_LATE_14_202_lab.rar", b"Rar!\x1a\x07", "a RAR archive; hand-ins must be zips", ["doejane"]),
        ("anon_aB3xZ_90872_lab.tar.gz", b"\x1f\x8b\x08", "a gzip file; hand-ins must be zips", ["anon_aB3xZ"]),
        ("o_brienmary_41503_90872_cam.py", b"x = 1", "a module that is not in a zip", ["o_brienmary"]),
        ("team_12_41502_90871_model.pth", zip_of(Entry()), "a zip or an Office document", ["team_12"]),
        ("carol.pth", b"\x80\x02", "weights that are not in a zip", ["carol"]),
        ("Carol.tar.gz", b"\x1f\x8b\x08", "a gzip file", ["carol"]),
        ("Ann Lee.docx", zip_of(Entry()), "a zip or an Office document whose name does not end in .zip", ["ann"]),
        ("bob", zip_of(Entry()), "a zip or an Office document whose name does not end in .zip", ["bob"]),
        ("bob.zip.crdownload", b"PK", "an unfinished download", ["bob"]),
        ("notes.txt", b"Hello", "no zip", []),
        ("nothing", b"", "an empty file", []),
        ("grades.csv", b"a,b", "a table", []),
    ],
)
def test_files(tmp_path: Path, name: str, content: bytes, what: str, whose: list[str]) -> None:
    """A file that is no zip is told with what it is and, where its name or the roster says so, whose."""
    (one,) = unread(tmp_path, {name: content}).values()
    assert one.sentence.startswith(f"{name} is not read: it is ")
    assert what in one.what
    assert [person.student for person in one.people] == whose


@pytest.mark.parametrize(
    ("files", "what", "whose"),
    [
        (["carol/filters.py", "carol/cam.py"], "a folder that is not zipped, with cam.py, filters.py", ["carol"]),
        (["Ann Lee_1234567_assignsubmission_file/lab.zip"], "a folder of Moodle's export with lab.zip", ["ann"]),
        (["Jo Doe_7_assignsubmission_file_/lab.zip"], "Moodle's export", ["Jo_Doe"]),
        (["week1/bob.zip", "week1/leeann_11_205_x.zip"], "zips must lie in the class's folder itself", ["bob", "ann"]),
        (["a/b/c/d.txt"], "a folder with b/c/d.txt", []),
    ],
)
def test_folders(tmp_path: Path, files: list[str], what: str, whose: list[str]) -> None:
    """A folder is told with what it holds and whose it may be."""
    (one,) = unread(tmp_path, dict.fromkeys(files, b"")).values()
    assert one.name == files[0].partition("/")[0]
    assert what in one.what
    assert [person.student for person in one.people] == whose


def test_empty_folder_and_dead_link(tmp_path: Path) -> None:
    """An empty folder and a link that leads nowhere are told; a folder whose name ends in .zip is one."""
    (tmp_path / "carol.zip").mkdir()
    (tmp_path / "bob.zip").symlink_to(tmp_path / "gone.zip")
    found = unread(tmp_path, {})
    assert {name: (each.what, each.people[0].student) for name, each in found.items()} == {
        "bob.zip": ("a link that leads nowhere", "bob"),
        "carol.zip": ("an empty folder", "carol"),
    }


@pytest.mark.parametrize("top", ["", "assignment_7_export/"])
def test_export_of_gradescope(tmp_path: Path, top: str) -> None:
    """Gradescope's "Export Submissions" is told, with everybody whom its list names, wherever it lies."""
    files = {"submission_metadata.yml": EXPORT, "submission_101/cam.py": "x", "submission_102/cam.py": "x"}
    found = unread(tmp_path, {f"{top}{name}": text.encode() for name, text in files.items()})
    assert {person.student for each in found.values() for person in each.people} == {"ann", "zoe", "bob"}
    assert any("Gradescope" in each.what for each in found.values())
    if not top:
        assert [person.student for person in found["submission_101"].people] == ["ann", "zoe"]
        assert found["submission_102"].sentence.endswith("a folder that is not zipped, with cam.py")


def test_beside_gradescopes_zip(tmp_path: Path) -> None:
    """What lies beside the zip in a folder that Gradescope's list names is told."""
    files = {"submission_102/lab.zip": zip_of(Entry()), "submission_102/cam.py": b""}
    assert list(unread(tmp_path, {"submission_metadata.yml": EXPORT.encode(), **files})) == ["submission_102/cam.py"]


def test_namesakes(tmp_path: Path) -> None:
    """A file that is not read is no namesake's who handed in a zip."""
    put(tmp_path, {"smithjo_111_5555_a.zip": zip_of(Entry()), "smithjo_222_6666_b.7z": b"7z\xbc\xaf"})
    found = look_through(tmp_path, {})
    assert [each.person.student for each in found.hand_ins] == ["smithjo-111"]
    assert [person.student for each in found.unread for person in each.people] == ["smithjo-222"]


def test_what_is_not_told(tmp_path: Path) -> None:
    """What is read, what operating systems leave, the roster and the folder of grades are not told."""
    left = [".DS_Store", "Thumbs.db", "._x.zip", "Icon\r", "~$notes.docx", ".git/config"]
    put(tmp_path, {"ann.zip": zip_of(Entry()), **dict.fromkeys([*left, "roster.csv", "out/ann/report.pdf"], b"")})
    found = look_through(tmp_path, {}, others=[tmp_path / "roster.csv", tmp_path / "out"])
    assert found.unread == []
    assert [each.person.student for each in found.hand_ins] == ["ann"]


def test_names_of_a_students_files_name_nobody(tmp_path: Path) -> None:
    """In a folder that is one person's, files called like others are not theirs."""
    (one,) = unread(tmp_path, {"carol/ann": b"", "carol/filters": b""}).values()
    assert [person.student for person in one.people] == ["carol"]
