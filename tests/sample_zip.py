"""Zips made by hand, byte by byte, so that every field of theirs can lie."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass

CODE = b"def normalize_tensor(tensor):\n    return tensor\n"
UTF8 = 0x800  # flag: the name is UTF-8
DESCRIPTOR = 0x8  # flag: the numbers follow the data


@dataclass
class Entry:
    """One member, made by hand; None stands for what an honest zip has."""

    name: bytes = b"filters.py"
    data: bytes = CODE
    method: int = zipfile.ZIP_DEFLATED
    flags: int = 0
    attributes: int = 0
    version: int = 20
    size: int | None = None
    packed_size: int | None = None
    crc: int | None = None
    offset: int | None = None
    local_name: bytes | None = None
    local_flags: int | None = None
    local_numbers: tuple[int, int, int] | None = None
    local_method: int | None = None
    extra: bytes = b""
    local_extra: bytes = b""

    def packed(self) -> bytes:
        """The data as it lies in the zip."""
        if self.method != zipfile.ZIP_DEFLATED:
            return self.data
        engine = zlib.compressobj(wbits=-15)
        return engine.compress(self.data) + engine.flush()

    def numbers(self) -> tuple[int, int, int]:
        """Checksum, packed size, unpacked size."""
        crc = zlib.crc32(self.data) if self.crc is None else self.crc
        packed = len(self.packed()) if self.packed_size is None else self.packed_size
        return crc, packed, len(self.data) if self.size is None else self.size

    def local(self) -> bytes:
        """Local header and data; with the descriptor flag the numbers follow the data."""
        flags = self.flags if self.local_flags is None else self.local_flags
        name = self.name if self.local_name is None else self.local_name
        numbers = self.local_numbers or ((0, 0, 0) if flags & DESCRIPTOR else self.numbers())
        method = self.method if self.local_method is None else self.local_method
        tail = b"PK\x07\x08" + struct.pack("<3L", *self.numbers()) if flags & DESCRIPTOR else b""
        head = struct.pack("<4s5H3L2H", b"PK\3\4", 20, flags, method, 0, 0, *numbers, len(name), len(self.local_extra))
        return head + name + self.local_extra + self.packed() + tail

    def central(self, at: int) -> bytes:
        """The directory's entry."""
        at = at if self.offset is None else self.offset
        sizes = (len(self.name), len(self.extra), 0, 0, 0, self.attributes, at)
        head = (b"PK\1\2", 0x0314, self.version, self.flags, self.method, 0, 0, *self.numbers(), *sizes)
        return struct.pack("<4s6H3L5H2L", *head) + self.name + self.extra


def zip_of(*entries: Entry, prefix: bytes = b"", comment: bytes = b"", zip64: bool = False) -> bytes:
    """A zip made by hand."""
    parts, directory, at = [], [], 0
    for entry in entries:
        directory.append(entry.central(at))
        parts.append(entry.local())
        at += len(parts[-1])
    count, size = len(entries), sum(map(len, directory))
    end64 = b""
    if zip64:
        end64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, at)
        end64 += struct.pack("<4sLQL", b"PK\6\7", 0, at + size, 1)
        count, size, at = 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, size, at, len(comment))
    return b"".join([prefix, *parts, *directory, end64, end, comment])


def folder_entry(name: bytes) -> Entry:
    """A folder as `zip -r` writes it."""
    return Entry(name, b"", zipfile.ZIP_STORED, attributes=(stat.S_IFDIR | 0o755) << 16 | 0x10)


def overlapping() -> bytes:
    """A member whose data reaches into the next one's header."""
    longer = len(CODE) + 8
    return zip_of(Entry(method=zipfile.ZIP_STORED, size=longer, packed_size=longer), Entry(b"units.py"))


def full_overlap(count: int = 200, kind: str = "file") -> bytes:
    """Many members that share one stretch of data, so that a little unpacks to much: files of one name, or folders."""
    one = Entry(b"zeros.txt", bytes(2**20)) if kind == "file" else folder_entry(b"hw/")
    return _with_directory(one.local(), [one.central(0)] * count)


def quoted_overlap() -> bytes:
    """A member stored around the next one's header, so that one stretch of data is unpacked twice (CVE-2024-0450)."""
    inner = Entry(b"units.py")
    outer = Entry(data=inner.local(), method=zipfile.ZIP_STORED)
    at = 30 + len(outer.name)
    return _with_directory(outer.local(), [outer.central(0), inner.central(at)])


def many_quoted(count: int = 200) -> bytes:
    """Members stored around the next ones, the last one packed well: each of them unpacks all that follow."""
    entries: list[Entry] = []
    kernel = Entry(b"%d.txt" % count, bytes(2**20)).local()
    for number in reversed(range(count)):
        entries.append(Entry(b"%d.txt" % number, kernel, zipfile.ZIP_STORED))
        kernel = entries[-1].local()
    at, directory = 0, []
    for entry in reversed(entries):
        directory.append(entry.central(at))
        at += 30 + len(entry.name)
    return _with_directory(kernel, directory)


def _with_directory(body: bytes, entries: list[bytes]) -> bytes:
    directory = b"".join(entries)
    count = len(entries)
    return body + directory + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(directory), len(body), 0)
