"""Zips whose bytes depend on their contents only."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.zip_writer import pack_files, pack_folder


def write_files(folder: Path, *names: str) -> Path:
    """Make files that hold their own name."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name, encoding="utf-8")
    return folder


def test_same_files_same_bytes(tmp_path: Path) -> None:
    """Two folders with equal files give equal zips, whatever order, times and modes the files have."""
    first = write_files(tmp_path / "first", "b.py", "a.py", "deep/c.txt")
    second = write_files(tmp_path / "second", "deep/c.txt", "a.py", "b.py")
    os.utime(second / "a.py", (0, 0))
    (second / "b.py").chmod(0o700)
    zips = [pack_folder(folder, tmp_path / f"{folder.name}.zip").read_bytes() for folder in (first, second)]
    assert zips[0] == zips[1]


def test_pack_folder_paths_start_below_folder(tmp_path: Path) -> None:
    """A folder's files lie at the zip's root, sorted, with their contents; caches and dotfiles are left out."""
    folder = write_files(
        tmp_path / ".hidden" / "alice", "b.py", "a b.py", "é/c.txt", ".DS_Store", ".git/x", "__pycache__/b.pyc"
    )
    with zipfile.ZipFile(pack_folder(folder, tmp_path / "alice.zip")) as archive:
        assert archive.namelist() == ["a b.py", "b.py", "é/c.txt"]
        assert all(archive.read(name).decode() == name for name in archive.namelist())
        assert archive.testzip() is None


@pytest.mark.parametrize("files", [(), (".DS_Store",)], ids=["missing", "only-dotfiles"])
def test_nothing_to_pack(tmp_path: Path, files: tuple[str, ...]) -> None:
    """A folder that is missing, or holds nothing to pack, is a usage error and writes no zip."""
    write_files(tmp_path / "bob", *files)
    with pytest.raises(UsageError, match="bob is not a folder with files to pack"):
        pack_folder(tmp_path / "bob", tmp_path / "bob.zip")
    assert not (tmp_path / "bob.zip").exists()


def test_failed_pack_keeps_old_zip(tmp_path: Path) -> None:
    """A zip is replaced as a whole: when packing fails, the one before it is still there, and nothing else is."""
    target = pack_files({"a.txt": b"old"}, tmp_path / "out" / "a.zip")
    with pytest.raises(TypeError):
        pack_files({"a.txt": None}, target)  # type: ignore[dict-item]
    assert zipfile.ZipFile(target).read("a.txt") == b"old"
    assert list(target.parent.iterdir()) == [target]
