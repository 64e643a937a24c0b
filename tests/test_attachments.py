"""Attachments of one hand-in in Canvas are one zip; another attempt is another."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from sample_zip import Entry, zip_of

from grader.course.hand_in import HandIn
from grader.course.handed_in import find_hand_ins
from grader.course.joining import join_zips
from grader.course.records import Person
from grader.intake.opening import open_archive
from grader.intake.zipgate import read_zip

CODE, UNITS, OTHER = b"OTHER_LAYER = ''\n", b"SKY_UNIT = 1\n", b"def cross_entropy(): ...\n"


def zipped(**files: bytes) -> bytes:
    """A zip of these; two underscores stand for a slash, one for the dot before the suffix."""
    return zip_of(*(Entry(name.replace("__", "/").replace("_", ".").encode(), data) for name, data in files.items()))


def put(folder: Path, zips: dict[str, bytes]) -> Path:
    """Zips of Ann Lee's, by what follows her name, in a folder that is made."""
    folder.mkdir()
    for name, data in zips.items():
        (folder / f"leeann_{name}.zip").write_bytes(data)
    return folder


PACKAGE = zip_of(Entry(b"mine/__init__.py", b""), Entry(b"mine/x.py", b"y"))


def files_of(hand_in: HandIn) -> dict[str, bytes]:
    """What is graded."""
    return dict(open_archive(hand_in.read(), "leeann").files)


def test_code_and_weights(tmp_path: Path) -> None:
    """Two attachments of one hand-in are one submission of both, and that is told."""
    zips = {"41505_90871_code": zipped(hw__filters_py=CODE), "41505_90872_weights": zipped(w__model_pth=b"weights")}
    (ann,) = find_hand_ins(put(tmp_path / "in", zips), {})
    assert files_of(ann) == {"filters.py": CODE, "model.pth": b"weights"}
    assert ann.note.endswith("are attachments of one hand-in, and graded as one zip")
    assert ann.names == "leeann_41505_90871_code.zip + leeann_41505_90872_weights.zip"


def test_digest_is_stable(tmp_path: Path) -> None:
    """The digest depends on what the attachments hold and their order, not on how or when they were zipped."""
    code, weights = zipped(hw__filters_py=CODE), zipped(model_pth=b"weights")
    stored = zip_of(Entry(b"filters.py", CODE, method=0))
    (first,) = find_hand_ins(put(tmp_path / "a", {"41505_90871_code": code, "41505_90872_weights": weights}), {})
    (second,) = find_hand_ins(put(tmp_path / "b", {"41505_80871_c": stored, "41505_80872_w": weights}), {})
    assert first.digest() == second.digest() == hashlib.sha256(first.read()).hexdigest()


@pytest.mark.parametrize(
    ("zips", "files", "note"),
    [
        # both hold a file: the later attachment's counts, and a difference is told
        (
            {"41505_90871_a": zipped(filters_py=CODE, units_py=UNITS), "41505_90872_b": zipped(filters_py=CODE * 2)},
            {"filters.py": CODE * 2, "units.py": UNITS},
            "filters.py is in several of them: what leeann_41505_90872_b.zip holds counts",
        ),
        (
            {"41505_90871_a": zipped(filters_py=CODE), "41505_90872_b": zipped(Filters_py=UNITS, units_py=UNITS)},
            {"Filters.py": UNITS, "units.py": UNITS},
            "filters.py is in several",
        ),
        # half of the modules in each
        (
            {"41505_90871_a": zipped(a__filters_py=CODE), "41505_90872_b": zipped(b__units_py=UNITS)},
            {"filters.py": CODE, "units.py": UNITS},
            "one zip",
        ),
        # a second attempt, by Canvas' number
        ({"41505_90871_lab": zipped(units_py=UNITS), "41505_91000_lab-1": zipped(filters_py=CODE)},
         {"filters.py": CODE}, "of 2 zips, leeann_41505_91000_lab-1.zip counts"),
        # a second attempt of two attachments
        ({"41505_90871_code": zipped(units_py=UNITS), "41505_90872_weights": zipped(model_pth=b"old"),
          "41505_91000_code-1": zipped(filters_py=CODE), "41505_91001_weights-1": zipped(model_pth=b"new")},
         {"filters.py": CODE, "model.pth": b"new"}, "of 4 zips"),
        # code handed in again beside the weights of before
        ({"41505_90872_weights": zipped(model_pth=b"old"), "41505_91000_code-1": zipped(filters_py=CODE)},
         {"filters.py": CODE, "model.pth": b"old"}, "one zip"),
        # one that is late and one that is not are two attempts
        ({"41505_90871_a": zipped(filters_py=CODE), "LATE_41505_91000_b": zipped(units_py=UNITS)},
         {"filters.py": CODE}, "of 2 zips"),
        # of two assignments: the last
        ({"41505_90871_a": zipped(filters_py=CODE), "41505_90872_b": zipped(supervised_py=OTHER)},
         {"supervised.py": OTHER}, "of 2 zips"),
        # a broken one
        ({"41505_90871_a": zipped(filters_py=CODE), "41505_90872_b": b"PK"},
         {"filters.py": CODE}, "leeann_41505_90872_b.zip is left out: The zip is damaged"),
        # a package keeps its folder
        ({"41505_90871_a": zipped(filters_py=CODE), "41505_90872_b": PACKAGE},
         {"filters.py": CODE, "mine/__init__.py": b"", "mine/x.py": b"y"}, "one zip"),
    ],
)  # fmt: skip
def test_what_counts(tmp_path: Path, zips: dict[str, bytes], files: dict[str, bytes], note: str) -> None:
    """What is one hand-in is joined, another attempt is not, and what was done is told."""
    (ann,) = find_hand_ins(put(tmp_path / "in", zips), {})
    assert files_of(ann) == files
    assert note in ann.note


def test_two_people(tmp_path: Path) -> None:
    """Attachments of two people stay apart, and plain zips are never joined."""
    for name in ("leeann_11_100_a.zip", "leebob_12_101_b.zip", "zoe.zip", "zoe (1).zip"):
        (tmp_path / name).write_bytes(zipped(filters_py=CODE))
    ann, bob, zoe = find_hand_ins(tmp_path, {"ann": Person(student="ann", canvas_id="11")})
    assert (ann.person.student, bob.person.student) == ("ann", "leebob")
    assert ann.parts == bob.parts == zoe.parts == ()
    assert ann.digest() == hashlib.sha256((tmp_path / "leeann_11_100_a.zip").read_bytes()).hexdigest()


def test_clashing_paths() -> None:
    """A file where the later zip needs a folder goes, and the joined zip passes the gate."""
    first = zip_of(Entry(b"data", b"a file"), Entry(b"x.py", b"1"), Entry(b"lib/y.py", b"2"))
    second = zip_of(Entry(b"data/z.bin", b"3"), Entry(b"LIB", b"4"), Entry(b"x.py", b"1"))
    archive, notes = join_zips([("first.zip", first), ("second.zip", second)])
    assert read_zip(archive) == {"data/z.bin": b"3", "LIB": b"4", "x.py": b"1"}
    assert notes == ("data, lib/y.py are in several of them: what second.zip holds counts",)
