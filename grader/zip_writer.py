"""Makes zips whose bytes depend on their contents only: the students' zip and the examples."""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from grader.errors import UsageError

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold
UNIX = 3  # "made on": zipfile writes 0 on Windows, and the mode bits below count on Unix only
FILE_MODE = 0o100644  # a plain file that everybody may read
EXECUTABLE = 0o100755


def pack_files(files: Mapping[str, bytes], target: Path, modes: Mapping[str, int] | None = None) -> Path:
    """Write a zip of `files`, sorted by name, with fixed times and modes.

    Args:
        files: Contents by POSIX path inside the zip.
        target: Where to write it; the folder is made. A zip that is there is replaced at once, never half written.
        modes: Type and permissions of those that are no plain files, by path.

    Returns:
        `target`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".packing-") as scratch:
        part = Path(scratch) / target.name
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            _write(archive, files, modes or {}, zipfile.ZIP_DEFLATED)
        os.replace(part, target)
    return target


def store_files(files: Mapping[str, bytes]) -> bytes:
    """The bytes of a zip of `files`, not compressed: the same whichever version of zlib there is."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        _write(archive, files, {}, zipfile.ZIP_STORED)
    return raw.getvalue()


def _write(archive: zipfile.ZipFile, files: Mapping[str, bytes], modes: Mapping[str, int], method: int) -> None:
    for name in sorted(files):
        member = zipfile.ZipInfo(name, EPOCH)
        member.create_system = UNIX
        member.external_attr = modes.get(name, FILE_MODE) << 16
        member.compress_type = method
        archive.writestr(member, files[name])


def pack_folder(folder: Path, target: Path) -> Path:
    """Zip the files below `folder`, their paths starting there; caches and dotfiles stay out.

    Args:
        folder: What to pack, e.g. `examples/alice`.
        target: The zip to write, e.g. `examples/alice.zip`.

    Returns:
        `target`.

    Raises:
        UsageError: If there is no such folder, or nothing in it to pack.
    """
    paths = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    files = {path.as_posix(): (folder / path).read_bytes() for path in paths if _belongs(path)}
    if not files:
        raise UsageError(f"{folder} is not a folder with files to pack")
    return pack_files(files, target)


def _belongs(path: Path) -> bool:
    return not any(part.startswith(".") or part == "__pycache__" for part in path.parts)
