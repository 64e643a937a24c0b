"""A zip becomes a submission: whose it is, which assignment, which files; or a sentence says why not."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sample_rubric import SMALL_RUBRIC
from sample_zip import CODE, Entry, folder_entry, zip_of

from grader.course.people import People
from grader.course.unread import find_unread
from grader.errors import SubmissionRefused, UsageError
from grader.intake.opening import MAX_STUDENT, file_digest, open_submission, student_name
from grader.records import Submission
from grader.rubric import find_assignments

Open = Callable[..., Submission]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two assignments."""
    folder = tmp_path_factory.mktemp("project")
    modules = {"miniplaces": '"filters", "units"', "two_networks": '"resnet", "rotation"'}
    for name, quoted in modules.items():
        (folder / "assignment" / name).mkdir(parents=True)
        (folder / "assignment" / name / "assignment.toml").write_text(SMALL_RUBRIC.format(id=name, modules=quoted))
    return folder


@pytest.fixture
def open_files(tmp_path: Path, project: Path) -> Open:
    """Opens a zip of files of these names, the name being the content."""
    found = find_assignments(project)

    def open_them(*names: str, among: Sequence[str] = ()) -> Submission:
        path = tmp_path / "alice.zip"
        path.write_bytes(zip_of(*(Entry(name.encode(), name.encode()) for name in names)))
        return open_submission(path, choices=[found[name] for name in among or found])

    return open_them


def test_submission_carries_its_facts(tmp_path: Path) -> None:
    """Student, assignment, digest, files and time are those of the zip, by the project's own rubric."""
    path = tmp_path / "alice b.zip"
    path.write_bytes(zip_of(Entry(), Entry(b"model.pth", b"\0")))
    at = datetime(2022, 3, 30, tzinfo=UTC)
    found = open_submission(path, submitted_at=at)
    assert (found.student, found.assignment.id, found.submitted_at) == ("alice_b", "miniplaces", at)
    assert found.files == {"filters.py": CODE, "model.pth": b"\0"}
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest() == file_digest(path)
    assert found.notes == ()


def test_nothing_is_written(tmp_path: Path, open_files: Open) -> None:
    """Opening leaves no file beside the zip."""
    open_files("hw/filters.py")
    assert os.listdir(tmp_path) == ["alice.zip"]


@pytest.mark.parametrize(
    ("names", "files"),
    [
        (["filters.py", "plots/a.png"], ["filters.py", "plots/a.png"]),
        (["hw/filters.py", "hw/plots/a.png"], ["filters.py", "plots/a.png"]),
        (["a/b/c/filters.py", "a/b/c/helper.py"], ["filters.py", "helper.py"]),
        (["hw\\filters.py", "hw\\lib\\x.py"], ["filters.py", "lib/x.py"]),
        (["old/backup/filters.py", "hw/filters.py"], ["filters.py"]),
        (["b/units.py", "a/filters.py", "b/filters.py"], ["filters.py", "units.py"]),
        (["filters.py", "old/filters.py"], ["filters.py", "old/filters.py"]),
        (["__MACOSX/filters.py", "hw/filters.py"], ["filters.py"]),
        (["filters.py", "notebook.ipynb"], ["filters.py", "notebook.ipynb"]),
        # What lies above comes along, the nearest first, where it has a place.
        (["hw/code/filters.py", "hw/model.pth", "answers.md"], ["answers.md", "filters.py", "model.pth"]),
        (["hw/code/filters.py", "hw/code/plots/a.png", "hw/Plots"], ["filters.py", "plots/a.png"]),
        (["hw/code/filters.py", "hw/models/model.pth"], ["filters.py"]),
    ],
)
def test_root(names: list[str], files: list[str], open_files: Open) -> None:
    """The shallowest folder with a module is the root; files above it come along, files beside it do not."""
    assert sorted(open_files(*names).files) == sorted(files)


def test_nearest_file_wins(open_files: Open) -> None:
    """Of two files of one name, the one nearer to the modules is taken."""
    found = open_files("a/b/c/filters.py", "a/answers.md", "a/b/Answers.md", "answers.md")
    assert found.files == {"filters.py": b"a/b/c/filters.py", "Answers.md": b"a/b/Answers.md"}


def test_notes(open_files: Open) -> None:
    """The notes say what was taken, what was left out, and which module lies too deep."""
    found = open_files("hw/filters.py", "hw/code/units.py", "answers.md", *(f"data/{index}" for index in range(7)))
    assert found.notes == (
        '"code/units.py": below the folder of your other modules, so not graded; move it up to them.',
        '"answers.md": taken from above the folder of your modules.',
        '"data/0", "data/1", "data/2", "data/3", "data/4" and 2 more: '
        "outside the folder of your modules (hw/), so not read.",
    )


@pytest.mark.parametrize(
    ("names", "assignment"), [(["units.py"], "miniplaces"), (["hw/rotation.py", "cam.py"], "two_networks")]
)
def test_recognised_by_modules(names: list[str], assignment: str, open_files: Open) -> None:
    """One module is enough to recognise the assignment."""
    assert open_files(*names).assignment.id == assignment


def test_both_assignments(open_files: Open) -> None:
    """A zip with modules of both is refused without an id, and opened as the one that is named."""
    with pytest.raises(
        SubmissionRefused, match=r"filters\.py of miniplaces and resnet\.py of two_networks.*ASSIGNMENT="
    ):
        open_files("filters.py", "sub/resnet.py")
    assert open_files("filters.py", "sub/resnet.py", among=["miniplaces"]).assignment.id == "miniplaces"
    assert list(open_files("filters.py", "sub/resnet.py", among=["two_networks"]).files) == [
        "resnet.py",
        "filters.py",
    ]


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ([], "which holds no files"),
        (["Filters.py", "hw.zip"], 'which holds "Filters.py", "hw.zip": hand in filters.py, units.py or resnet.py'),
        (["hw/lab.ipynb", "a.txt"], 'exactly its name; "hw/lab.ipynb" can\'t be read: it is not JSON. Hand in your'),
        (["\u200b.txt"], '"\\u{200b}.txt"'),
    ],
)
def test_no_module(names: list[str], sentence: str, open_files: Open) -> None:
    """A zip without a module is refused, saying what it holds and what is asked for."""
    with pytest.raises(SubmissionRefused) as refusal:
        open_files(*names)
    assert sentence in str(refusal.value)


def test_module_of_the_other_assignment(open_files: Open) -> None:
    """A zip without a module of the named assignment is refused."""
    with pytest.raises(SubmissionRefused, match=r"hand in resnet\.py, rotation\.py, with exactly"):
        open_files("filters.py", among=["two_networks"])


def test_folder_of_a_modules_name_is_none(tmp_path: Path, project: Path) -> None:
    """A folder called filters.py is not the module."""
    path = tmp_path / "alice.zip"
    path.write_bytes(zip_of(folder_entry(b"filters.py/"), Entry(b"filters.py/x.py")))
    with pytest.raises(SubmissionRefused, match="No module"):
        open_submission(path, choices=find_assignments(project).values())


def test_large_file_is_refused_unread(tmp_path: Path) -> None:
    """A file above 128 MiB is refused, however much larger it is."""
    path = tmp_path / "alice.zip"
    with path.open("wb") as file:
        file.truncate(2**28)  # sparse
    with pytest.raises(SubmissionRefused, match="larger than 128 MiB"):
        open_submission(path)


def test_wrong_usage(tmp_path: Path, open_files: Open) -> None:
    """No such file, a folder, an unknown assignment and a time without zone are the caller's fault."""
    for path in (tmp_path / "nobody.zip", tmp_path, tmp_path / ("x" * 300), Path("nul\0.zip")):
        with pytest.raises(UsageError):
            open_submission(path)
        with pytest.raises(UsageError):
            file_digest(path)
    with pytest.raises(UsageError, match="time zone"):
        open_submission(tmp_path, submitted_at=datetime(2022, 3, 30))


@pytest.mark.parametrize(
    ("file", "student"),
    [
        ("alice.zip", "alice"),
        ("Alice.ZIP", "Alice"),
        ("alice", "alice"),
        ("alice.zip.zip", "alice.zip"),
        ("hw 3 (final)/alice & bob.zip", "alice___bob"),
        ("doe_late+1-2.v3.zip", "doe_late+1-2.v3"),
        ("=cmd|'x'.zip", "_cmd__x_"),
        ("zoe\u0308.zip", "zo\u00eb"),
        ("李雷.zip", "李雷"),
        (".zip", "_"),
        ("..zip", "_"),
        ("...zip", "__"),
        ("..", "__"),
        ("/", "_"),
        ("-.zip", "-"),
        ("a\\..\\b.zip", "a_.._b"),
        ("a\udcff\u202e\n.zip", "a___"),
        ("½².zip", "__"),
    ],
)
def test_student_name(file: str, student: str) -> None:
    """The student is the file's name, made safe."""
    assert student_name(Path(file)) == student


def test_long_names_stay_different() -> None:
    """Names too long for a file system are shortened, and two of them stay two."""
    first, second = (student_name(Path("名" * 100 + end + ".zip")) for end in "ab")
    assert first != second
    assert len(first.encode()) <= MAX_STUDENT


@given(st.text(st.characters(exclude_categories=())))
def test_student_name_is_one_safe_part(text: str) -> None:
    """Any file name gives one path part below out/."""
    name = student_name(Path(f"{text}.zip"))
    assert Path("out", name).resolve().parent == Path("out").resolve()
    assert len(name.encode()) <= MAX_STUDENT
    assert all(char.isalpha() or char.isdecimal() or char in "._+-" for char in name)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    raw=st.binary(max_size=99)
    | st.lists(st.sampled_from(["units.py", "a/units.py", "a/b", "c/a.md", "a"])).map(
        lambda names: zip_of(*(Entry(name.encode()) for name in names))
    )
)
def test_submission_or_refusal(raw: bytes, tmp_path: Path, project: Path) -> None:
    """Whatever the file holds, it is a submission or refused."""
    path = tmp_path / "alice.zip"
    path.write_bytes(raw)
    try:
        found = open_submission(path, choices=find_assignments(project).values())
    except SubmissionRefused:
        return
    assert "units.py" in found.files


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (
            "Ines Castellano\r\n\r\n Jonas Weber \n",
            "group.txt names Ines Castellano, Jonas Weber. This assignment is done alone, so nobody shares this grade.",
        ),
        ("\n", None),
        ("A\nB\nC\nD\nE\nF\nG\nH\nI\nJ\nK\nL", " more. This assignment is done alone"),
    ],
)
def test_group(tmp_path: Path, content: str, note: str | None) -> None:
    """The names of a group are told; an empty group.txt tells nothing."""
    path = tmp_path / "pair.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.writestr("filters.py", "")
        zipped.writestr("group.txt", content)
    notes = open_submission(path).notes
    assert note in notes[0] if note else notes == ()


def test_group_of_windows(tmp_path: Path) -> None:
    """A group.txt of PowerShell's or Notepad's gives the same names as one in UTF-8."""
    names = "Zoë Müller\r\nJosé Muñoz\r\n"
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp1252"):
        path = tmp_path / f"{encoding}.zip"
        with zipfile.ZipFile(path, "w") as zipped:
            zipped.writestr("filters.py", "")
            zipped.writestr("group.txt", names.encode(encoding))
        assert open_submission(path).group == ("Zoë Müller", "José Muñoz")


def test_files_that_are_not_text(tmp_path: Path) -> None:
    """An answers.md or group.txt that is another kind of file is told, and so are only these."""
    path = tmp_path / "pair.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.writestr("filters.py", "")
        zipped.writestr("answers.md", b"PK\x03\x04 of Word")
        zipped.writestr("group.txt", b"{\\rtf1 Ann Lee\\par}")
        zipped.writestr("report.pdf", b"%PDF-1.7")
    answers, group = open_submission(path).notes
    assert answers.startswith("answers.md could not be read: it is a zip or an Office document, not plain text.")
    assert group.startswith("group.txt could not be read: it is rich text (RTF)")


def test_zip_under_another_name(tmp_path: Path) -> None:
    """A zip that is called like another archive is refused with the name that it should have."""
    path = tmp_path / "eve.7z"
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.writestr("filters.py", "")
    with pytest.raises(UsageError, match=r"^eve\.7z is a zip under another name: rename it to eve\.zip$"):
        open_submission(path)
    (unread,) = find_unread(tmp_path, (), People({}), ())
    assert unread.sentence == "eve.7z is not read: it is a zip under another name: rename it to eve.zip"
