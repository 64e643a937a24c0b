"""Names that Canvas and Moodle give files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.course.lms_names import read_canvas_name, read_moodle_name


@pytest.mark.parametrize(
    ("file", "who", "id", "attachment", "name", "is_late"),
    [
        ("doejane_14_205_x.zip", "doejane", "14", 205, "x.zip", False),
        ("doejane_LATE_14_205_x.zip", "doejane", "14", 205, "x.zip", True),
        ("o_brienmary_41503_90872_lab.zip", "o_brienmary", "41503", 90872, "lab.zip", False),
        ("team_12_41502_90871_lab.zip", "team_12", "41502", 90871, "lab.zip", False),
        ("team_12_LATE_41502_90871_lab.zip", "team_12", "41502", 90871, "lab.zip", True),
        ("2022_team_41502_90871_lab.zip", "2022_team", "41502", 90871, "lab.zip", False),
        ("anon_aB3xZ_67890_homework.zip", "anon_aB3xZ", "aB3xZ", 67890, "homework.zip", False),
        ("LATE_anon_Xy9zQ_90873_lab.zip", "anon_Xy9zQ", "Xy9zQ", 90873, "lab.zip", True),
        ("anon_12345_67890_lab_1.zip", "anon_12345", "12345", 67890, "lab_1.zip", False),
        ("leeann_41505_90871_lab_12_345_x.zip", "leeann", "41505", 90871, "lab_12_345_x.zip", False),
        ("leeann_41505_90871_6869_ps4.zip", "leeann", "41505", 90871, "6869_ps4.zip", False),
        ("leeann_41505_90871_90873_lab.zip", "leeann", "41505", 90871, "90873_lab.zip", False),
        ("leeann_41505_90871_LATE_12_345_x.zip", "leeann", "41505", 90871, "LATE_12_345_x.zip", False),
        ("müllerzoë_41505_90871_Übung 1.tar.gz", "müllerzoë", "41505", 90871, "Übung 1.tar.gz", False),
        ("smithbob_12_202_lab.7z", "smithbob", "12", 202, "lab.7z", False),
    ],
)
def test_canvas(file: str, who: str, id: str, attachment: int, name: str, is_late: bool) -> None:
    """Name, id, attachment, file and lateness are read as Canvas writes them, from the right."""
    found = read_canvas_name(file)
    assert found is not None
    assert (found.who, found.id, found.attachment, found.file, found.is_late) == (who, id, attachment, name, is_late)


@pytest.mark.parametrize(
    "file", ["alice.zip", "ps_4_1_alice.zip", "_12_345_x.zip", "ann_lee.zip", "a_12_345.zip", "anon.zip", ""]
)
def test_others(file: str) -> None:
    """A name that Canvas did not write is not read as one."""
    assert read_canvas_name(file) is None


def test_roster_decides() -> None:
    """Where a name can be read in two ways, that of a person on the roster counts; an id alone is not enough."""
    file = "leeann_14_205_90873_lab.zip"
    assert getattr(read_canvas_name(file), "who", None) == "leeann_14"
    known = read_canvas_name(file, lambda who, id: (who, id) == ("leeann", "14"))
    assert getattr(known, "file", None) == "90873_lab.zip"


@given(
    st.lists(st.text("abyzé", min_size=1, max_size=5), min_size=1, max_size=3),
    st.booleans(),
    st.integers(10**4, 10**6),
    st.integers(10**6, 10**9),
    st.text("abc_.- ", min_size=1, max_size=12),
)
def test_round_trip(words: list[str], is_late: bool, user: int, attachment: int, file: str) -> None:
    """What Canvas' own rules make of a name without digits is read back, whatever the file is called."""
    who = "_".join(words)
    found = read_canvas_name(f"{who}_{'LATE_' * is_late}{user}_{attachment}_{file}")
    assert found is not None
    assert (found.who, found.id, found.attachment, found.file) == (who, str(user), attachment, file)
    assert found.is_late is is_late


@given(st.lists(st.sampled_from(["anon", "LATE", "a", "12", "345", "90871", "", "²", "lab.zip"]), max_size=8))
def test_any_name(pieces: list[str]) -> None:
    """Any name is read, or is none of Canvas'; what is read stands in it."""
    file = "_".join(pieces)
    found = read_canvas_name(file)
    if found is not None:
        assert file.endswith(f"_{found.file}")
        assert found.id in pieces
        assert str(found.attachment) in pieces


@pytest.mark.parametrize(
    ("file", "upload", "base"),
    [
        ("lab.zip", 0, "lab"),
        ("lab-1.zip", 1, "lab"),
        ("my_lab-12.tar.gz", 0, "my_lab-12.tar"),
        ("ps-2022.zip", 0, "ps-2022"),
        ("-1", 1, ""),
    ],
)
def test_uploads(file: str, upload: int, base: str) -> None:
    """Canvas numbers files that were handed in again."""
    found = read_canvas_name(f"leeann_41505_90871_{file}")
    assert found is not None
    assert (found.upload, found.base) == (upload, base)


@pytest.mark.parametrize(
    ("name", "person"),
    [
        ("Ann Lee_1234567_assignsubmission_file", "Ann Lee"),
        ("Ann Lee_1234567_assignsubmission_file_", "Ann Lee"),
        ("Ann_Lee_1234567_assignsubmission_file_lab_2.zip", "Ann_Lee"),
        ("Ann Lee_1234567_assignsubmission_onlinetext", "Ann Lee"),
        ("Ann Lee_1234567", None),
        ("alice.zip", None),
    ],
)
def test_moodle(name: str, person: str | None) -> None:
    """Moodle's folders and files tell the person's full name."""
    assert read_moodle_name(name) == person
