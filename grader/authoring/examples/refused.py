"""The zips of an example class that are refused, each for another reason; all small, and none eats time or memory."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping

from grader.zip_writer import EPOCH

ENCRYPTED = 1  # APPNOTE.TXT 4.4.4, the lowest bit of the flags
LOCAL_FLAGS, CENTRAL_FLAGS = 6, 8  # where the flags stand in a local header, and in one of the directory's


def _zip(files: Mapping[str, bytes]) -> bytes:
    """A zip of uncompressed members, whose bytes can be found again."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, EPOCH), data)
    return buffer.getvalue()


def _not_a_zip(files: Mapping[str, bytes]) -> bytes:
    """The modules one after the other, renamed to `.zip`."""
    return b"\n".join(data for _, data in sorted(files.items()))


def _cut_off(files: Mapping[str, bytes]) -> bytes:
    """As an upload that broke off."""
    whole = _zip(files)
    return whole[: len(whole) * 2 // 3]


def _wrong_checksum(files: Mapping[str, bytes]) -> bytes:
    """A byte of a member has changed on the way."""
    whole, (_, data) = bytearray(_zip(files)), min(files.items())
    whole[bytes(whole).index(data) + len(data) // 2] ^= 1
    return bytes(whole)


def _leaves_its_folder(files: Mapping[str, bytes]) -> bytes:
    return _zip({f"../{name}": data for name, data in files.items()})


def _no_module(files: Mapping[str, bytes]) -> bytes:
    """All in one file of another name."""
    return _zip({"homework/my_solution.py": _not_a_zip(files), "homework/notes.txt": b"see my_solution.py\n"})


def _encrypted(files: Mapping[str, bytes]) -> bytes:
    """Every header says that its member is encrypted."""
    whole = bytearray(_zip(files))
    for signature, flags in ((b"PK\3\4", LOCAL_FLAGS), (b"PK\1\2", CENTRAL_FLAGS)):
        at = whole.find(signature)
        while at >= 0:
            whole[at + flags] |= ENCRYPTED
            at = whole.find(signature, at + 4)
    return bytes(whole)


# From the student's modules to the bytes of a zip, by what is wrong with it.
BAD_ZIPS: dict[str, Callable[[Mapping[str, bytes]], bytes]] = {
    "not a zip": _not_a_zip,
    "cut off": _cut_off,
    "wrong checksum": _wrong_checksum,
    "leaves its folder": _leaves_its_folder,
    "no module": _no_module,
    "encrypted": _encrypted,
}
