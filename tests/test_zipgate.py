"""The zip gate lets everyday zips in and hostile ones not."""

from __future__ import annotations

import io
import shutil
import stat
import struct
import subprocess
import unicodedata
import zipfile
from pathlib import Path
from typing import Any

import pytest
from sample_zip import (
    CODE,
    DESCRIPTOR,
    UTF8,
    Entry,
    folder_entry,
    full_overlap,
    many_quoted,
    overlapping,
    quoted_overlap,
    zip_of,
)

from grader.errors import SubmissionRefused
from grader.intake import zipgate
from grader.intake.zipgate import read_zip

NFD_NAME = unicodedata.normalize("NFD", "Größe.txt")
EVERYDAY = {
    "stored": zip_of(Entry(method=zipfile.ZIP_STORED)),
    "unix": zip_of(Entry(attributes=(stat.S_IFREG | 0o644) << 16)),
    "setuid": zip_of(Entry(attributes=(stat.S_IFREG | 0o4755) << 16)),
    "windows": zip_of(Entry(attributes=0x20)),
    "streamed": zip_of(Entry(flags=DESCRIPTOR), Entry(b"units.py", flags=DESCRIPTOR)),
    "timestamps": zip_of(Entry(extra=b"UT\5\0\3\0\0\0\0", local_extra=b"UT\x09\0\3\0\0\0\0\0\0\0\0")),
    "self-extracting": zip_of(Entry(), prefix=b"#!/bin/sh\nPK\3\4" * 9),
    "comment": zip_of(Entry(), comment=b"made with care"),
    "zip64 end": zip_of(Entry(), zip64=True),
    "zip64 sizes": zip_of(
        Entry(
            size=0xFFFFFFFF, packed_size=0xFFFFFFFF, extra=struct.pack("<2H2Q", 1, 16, len(CODE), len(Entry().packed()))
        )
    ),
    "folders": zip_of(folder_entry(b"hw/"), folder_entry(b"hw/"), Entry(b"hw/x.py"), Entry()),
    "top folder": zip_of(folder_entry(b"./"), Entry(b"./filters.py")),
    "finder": zip_of(
        Entry(flags=DESCRIPTOR), Entry(b"__MACOSX/._filters.py", b"\0\5\x16\7"), Entry(b".DS_Store", b"Bud1")
    ),
    "jupyter": zip_of(Entry(), Entry(b".ipynb_checkpoints/a.ipynb"), Entry(b"__pycache__/filters.cpython-311.pyc")),
}


@pytest.mark.parametrize("raw", EVERYDAY.values(), ids=EVERYDAY)
def test_everyday_zips_open(raw: bytes) -> None:
    """What common tools write is read, and what they leave behind is not."""
    files = read_zip(raw)
    assert files["filters.py"] == CODE
    assert set(files) <= {"filters.py", "units.py", "hw/x.py"}


@pytest.mark.parametrize(
    ("name", "flags", "path"),
    [
        (b"hw\\code\\filters.py", 0, "hw/code/filters.py"),
        ("Größe.txt".encode(), UTF8, "Größe.txt"),
        (NFD_NAME.encode(), UTF8, "Größe.txt"),
        (NFD_NAME.encode(), 0, "Größe.txt"),  # macOS does not set the flag
        ("Größe.txt".encode("cp437"), 0, "Größe.txt"),
        ("作业/滤波.py".encode(), UTF8, "作业/滤波.py"),
        (b".//a/./b.py", 0, "a/b.py"),
        (b"12:30 screenshot.png", 0, "12:30 screenshot.png"),
        ("👩\u200d💻.txt".encode(), UTF8, "👩\u200d💻.txt"),
        ("/".join(["d"] * 7 + ["f"]).encode(), 0, "d/d/d/d/d/d/d/f"),
        (b"f" * 120, 0, "f" * 120),
    ],
)
def test_names(name: bytes, flags: int, path: str) -> None:
    """A member lands on its POSIX path, in composed form, whatever its name was encoded in."""
    assert list(read_zip(zip_of(Entry(name, flags=flags)))) == [path]


def test_make_archive(tmp_path: Path) -> None:
    """A zip from `shutil.make_archive` opens."""
    folder = tmp_path / "alice"
    (folder / "plots").mkdir(parents=True)
    (folder / "filters.py").write_bytes(CODE)
    (folder / "plots" / "größe.txt").write_text("x")
    archive = shutil.make_archive(str(tmp_path / "alice"), "zip", tmp_path, "alice")
    assert set(read_zip(Path(archive).read_bytes())) == {"alice/filters.py", "alice/plots/größe.txt"}


@pytest.mark.skipif(shutil.which("zip") is None, reason="no zip command on this machine")
@pytest.mark.parametrize("arguments", [["-r", "a.zip", "."], ["-r", "-fd", "a.zip", "."], ["-0", "-r", "a.zip", "."]])
def test_zip_command(tmp_path: Path, arguments: list[str]) -> None:
    """A zip from Linux's `zip` opens, streamed or stored as well."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "filters.py").write_bytes(CODE)
    (tmp_path / "sub" / "größe.txt").write_text("x")
    subprocess.run(
        ["zip", "-q", *arguments], cwd=tmp_path, check=True, env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
    )
    assert set(read_zip((tmp_path / "a.zip").read_bytes())) == {"filters.py", "sub/größe.txt"}


def test_zip64_headers() -> None:
    """A zip whose local headers leave room for large sizes opens."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("filters.py", "w", force_zip64=True) as member,
    ):
        member.write(CODE)
    assert read_zip(target.getvalue()) == {"filters.py": CODE}


def linked(kind: int) -> bytes:
    """A zip whose member claims to be of this file type."""
    return zip_of(Entry(attributes=(kind | 0o777) << 16))


HOSTILE = {
    "empty file": (b"", "not a zip (it is empty)"),
    "text": (b"my homework", "not a zip (it is something else)"),
    "rar": (b"Rar!\x1a\x07\0", "not a zip (it is a RAR archive)"),
    "half a zip": (zip_of(Entry(data=bytes(range(256)) * 9))[:-30], "damaged or only a part"),
    "encrypted": (zip_of(Entry(flags=1)), '"filters.py" is encrypted'),
    "encrypted in local header": (zip_of(Entry(local_flags=1)), "encrypted"),
    "strong encryption": (zip_of(Entry(flags=0x41)), "encrypted"),
    "masked headers": (zip_of(Entry(flags=0x2000)), "encrypted"),
    "checksum": (zip_of(Entry(crc=1)), '"filters.py" is damaged (wrong checksum)'),
    "checksum of a stored file": (zip_of(Entry(crc=1, method=zipfile.ZIP_STORED)), "wrong checksum"),
    "cut deflate": (zip_of(Entry(packed_size=9)), "damaged"),
    "broken deflate": (
        zip_of(Entry()).replace(b"filters.py" + Entry().packed()[:4], b"filters.py" + b"\xff" * 4),
        "damaged",
    ),
    "absolute": (zip_of(Entry(b"/etc/passwd")), '"/etc/passwd" leads out'),
    "network share": (zip_of(Entry(b"\\\\host\\share\\x")), "leads out"),
    "dot dot": (zip_of(Entry(b"hw/../../x.py")), "leads out"),
    "dot dot with backslashes": (zip_of(Entry(b"hw\\..\\..\\x.py")), "leads out"),
    "drive": (zip_of(Entry(b"C:\\x.py")), "leads out"),
    "drive of a folder": (zip_of(Entry(b"hw/c:x.py")), "leads out"),
    "kelvin drive": (zip_of(Entry("\u212a:x.py".encode(), flags=UTF8)), "leads out"),
    "dot dot among the ignored": (zip_of(Entry(b"__MACOSX/../../x.py")), "leads out"),
    "newline": (zip_of(Entry(b"a\nb.py")), '"a\\u{a}b.py" has control characters'),
    "escape": (zip_of(Entry(b"\x1b[2Jb.py")), "control characters"),
    "nul": (zip_of(Entry(b"filters.py\0.txt")), '"filters.py\\u{0}.txt" has control characters'),
    "direction": (zip_of(Entry("\u202eyp.py".encode(), flags=UTF8)), '"\\u{202e}yp.py" has control characters'),
    "symbolic link": (linked(stat.S_IFLNK), "link or a device"),
    "character device": (linked(stat.S_IFCHR), "link or a device"),
    "block device": (linked(stat.S_IFBLK), "link or a device"),
    "pipe": (linked(stat.S_IFIFO), "link or a device"),
    "socket": (linked(stat.S_IFSOCK), "link or a device"),
    "bzip2": (zip_of(Entry(method=zipfile.ZIP_BZIP2)), "another method"),
    "lzma": (zip_of(Entry(method=zipfile.ZIP_LZMA, version=63)), "another method"),
    "deflate64": (zip_of(Entry(method=9)), "another method"),
    "shared data": (overlapping(), "overlaps"),
    "quoted overlap": (quoted_overlap(), "overlaps"),
    "many quoted": (many_quoted(), "overlaps"),
    "full overlap": (full_overlap(), "land on the same path"),
    "full overlap of folders": (full_overlap(kind="folder"), "overlaps"),
    "full overlap under other names": (
        zip_of(Entry(), *(Entry(b"%d.py" % number, offset=0) for number in range(9))),
        '"0.py" has another name in the zip',
    ),
    "into the directory": (zip_of(Entry(method=0, packed_size=len(CODE) + 9, size=len(CODE) + 9)), "overlaps"),
    "local name": (zip_of(Entry(local_name=b"conftest.x")), '"filters.py" has another name'),
    "local name of another length": (zip_of(Entry(local_name=b"c.py")), "another name"),
    "local header elsewhere": (zip_of(Entry(offset=3)), "not where"),
    "local header beyond the end": (zip_of(Entry(offset=2**32 - 2)), "not where"),
    "members": (zip_of(*(Entry(b"%d" % index, b"") for index in range(1001))), "more than 1,000 files"),
    "ignored members": (
        zip_of(*(Entry(b"__MACOSX/%d" % index, b"") for index in range(1001))),
        "more than 1,000 files",
    ),
    "list of members": (zip_of(*[folder_entry(b"d" * 60_000 + b"/")] * 40), "list of members is larger than 2 MiB"),
    "declared size": (zip_of(*(Entry(b"%d" % index, size=2**26 + 1) for index in range(4))), "larger than 256 MiB"),
    "zip64 place beyond everything": (
        zip_of(Entry(offset=0xFFFFFFFF, extra=struct.pack("<2HQ", 1, 8, 2**63))),
        "not where",
    ),
    "zip64 packed size beyond everything": (
        zip_of(Entry(packed_size=0xFFFFFFFF, extra=struct.pack("<2HQ", 1, 8, 2**64 - 1))),
        "overlaps",
    ),
    "zip64 without its numbers": (zip_of(Entry(size=0xFFFFFFFF, extra=struct.pack("<2H", 1, 0))), "damaged"),
    "zip64 end elsewhere": (zip_of(Entry(), zip64=True).replace(b"PK\6\7", b"PK\6\7\0\0\0\0\xff"), "damaged"),
    "declared size beyond 32 bits": (
        zip_of(Entry(size=0xFFFFFFFF, extra=struct.pack("<2HQ", 1, 8, 2**63))),
        "larger than 256 MiB",
    ),
    "unpacks to more": (zip_of(Entry(b"x.txt", bytes(2**20), size=100)), "unpacks to more than the zip's list says"),
    "unpacks to less": (zip_of(Entry(size=len(CODE) + 1)), "damaged"),
    "empty by its own word": (zip_of(Entry(size=0, crc=0)), "unpacks to more"),
    "levels": (zip_of(Entry(b"d/" * 8 + b"f")), "more than 8 levels"),
    "length": (zip_of(Entry(b"f" * 121)), "longer than 120 characters"),
    "length before normalising": (zip_of(Entry(b"__MACOSX/" + "\u0301\u0316".encode() * 300)), "longer than 120"),
    "ratio": (zip_of(Entry(b"zeros.txt", bytes(2**20 + 1))), '"zeros.txt" unpacks to more than 100 times'),
    "large module": (zip_of(Entry(data=b"#" * (2**18 + 1))), '"filters.py" is larger than 256 KiB'),
    "large module in capitals": (zip_of(Entry(b"A.PY", data=b"#" * (2**18 + 1))), "larger than 256 KiB"),
    "large notebook": (zip_of(Entry(b"a.ipynb", b"x", size=2**24 + 1, packed_size=2**23)), "larger than 16 MiB"),
    "twice": (zip_of(Entry(), Entry()), '"filters.py" and "filters.py" land on the same path'),
    "case": (zip_of(Entry(), Entry(b"Filters.PY")), "land on the same path"),
    "unicode form": (zip_of(Entry("é".encode()), Entry("e\u0301".encode())), "land on the same path"),
    "full case folding": (zip_of(Entry("straße".encode()), Entry(b"STRASSE")), "land on the same path"),
    "slashes": (zip_of(Entry(b"a/b"), Entry(b"a\\b")), "land on the same path"),
    "file as folder": (zip_of(Entry(b"a"), Entry(b"A/b")), '"a" and "A/b" land on the same path'),
    "file as empty folder": (zip_of(Entry(b"a"), folder_entry(b"a/")), '"a" and "a/" land on the same path'),
    "name that is not UTF-8": (zip_of(Entry(b"\xff.py", flags=UTF8)), "damaged"),
    "unknown version": (zip_of(Entry(version=99)), "damaged"),
}


@pytest.mark.parametrize(("raw", "sentence"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_zips_are_refused(raw: bytes, sentence: str) -> None:
    """Each kind of bad zip is refused with a sentence of its own."""
    with pytest.raises(SubmissionRefused) as refusal:
        read_zip(raw)
    assert sentence in str(refusal.value)
    assert str(refusal.value).isprintable()
    assert str(refusal.value).endswith(".")


@pytest.mark.parametrize(
    "lies",
    [
        {"local_numbers": (1, 2, 3)},
        {"local_numbers": (0, 2**32 - 1, 2**32 - 1)},
        {"local_method": zipfile.ZIP_STORED},
        {"local_method": zipfile.ZIP_LZMA},
        {"flags": DESCRIPTOR, "local_numbers": (9, 9, 9)},
    ],
)
def test_lies_of_local_headers(lies: dict[str, Any]) -> None:
    """What a member is stands in the directory alone: other numbers in front of its data change nothing."""
    assert read_zip(zip_of(Entry(**lies), Entry(b"units.py"))) == {"filters.py": CODE, "units.py": CODE}


def test_zip_in_a_zip() -> None:
    """A zip among the files stays a file."""
    inner = zip_of(Entry(b"../../x.py"))
    assert read_zip(zip_of(Entry(), Entry(b"inner.zip", inner)))["inner.zip"] == inner


def test_packed_size() -> None:
    """More than 128 MiB are refused before anything is parsed."""
    with pytest.raises(SubmissionRefused, match=r"larger than 128 MiB"):
        read_zip(bytes(zipgate.MAX_PACKED + 1))


def test_bounds_are_inclusive() -> None:
    """A thousand files, any number of folders, a full module and a well-packed MiB are all accepted."""
    folders = [folder_entry(b"folder%d/" % index) for index in range(2000)]
    files = [Entry(b"%d.txt" % index, b"") for index in range(998)]
    big = [Entry(data=b"#" * 2**18), Entry(b"zeros.bin", bytes(2**20))]
    assert len(read_zip(zip_of(*folders, *files, *big))) == 1000


def test_limits_on_paths_spare_the_ignored() -> None:
    """The twin that macOS adds under `__MACOSX` may be deeper and longer than the file it belongs to."""
    path = b"d/" * 7 + b"f" * 100
    assert list(read_zip(zip_of(Entry(path), Entry(b"__MACOSX/" + path)))) == [path.decode()]


@pytest.mark.parametrize(
    "name",
    [
        b"__MACOSX/alice/._Icon\r",
        b"alice/Icon\r",
        b"Icon\r",
        b"__MACOSX/a\nb",
        b"alice/__pycache__/x\x1b.pyc",
        b"alice/._two\nlines.py",
        "alice/._\u202eyp.py".encode(),
        b"alice/Thumbs.db",
        b"alice/desktop.ini",
        b".Trashes/501/cam.py",
        b".fseventsd/0000\r",
        b"$RECYCLE.BIN/$R1.py",
        b"System Volume Information/IndexerVolumeGuid",
    ],
)
def test_left_by_operating_systems(name: bytes) -> None:
    """What macOS and Windows leave is ignored, whatever its name holds; the files beside it are read."""
    assert list(read_zip(zip_of(Entry(b"alice/filters.py"), Entry(name)))) == ["alice/filters.py"]


@pytest.mark.parametrize("name", [b"Icon\r.py", b"Icon\r/x.py", b"icon\n", b"my._Icon\r", b"MACOSX/a\rb"])
def test_control_characters_elsewhere(name: bytes) -> None:
    """A control character in any other name refuses the zip."""
    with pytest.raises(SubmissionRefused, match="control characters"):
        read_zip(zip_of(Entry(), Entry(name)))


def test_ignored_files_count() -> None:
    """Ignored files count for what a zip may hold, and lead out of it no more than others."""
    icons = [Entry(b"%d/Icon\r" % index, b"") for index in range(1000)]
    with pytest.raises(SubmissionRefused, match="more than 1,000 files"):
        read_zip(zip_of(Entry(), *icons))
    with pytest.raises(SubmissionRefused, match="leads out"):
        read_zip(zip_of(Entry(), Entry(b"../Icon\r")))
    with pytest.raises(SubmissionRefused, match="larger than 256 MiB"):
        read_zip(zip_of(Entry(), Entry(b"Icon\r", size=2**28)))
