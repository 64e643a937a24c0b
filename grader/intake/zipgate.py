"""The zip gate: bytes that anyone may have made in, files by path or a refusal out (part of step 1).

The files stay in memory; nothing is ever written to disk. `zipfile` only reads the zip's directory: its own guard
against overlapping members came after Python 3.11.7 (CVE-2024-0450), and it cuts names at a NUL, so names, local
headers, spans and inflating are done here. The limits are the contract's, section 2.
"""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass
from itertools import pairwise
from typing import NoReturn

from grader.decoding import name_format
from grader.errors import SubmissionRefused
from grader.intake.zippaths import find_clash, is_ignored, member_path
from grader.text import clean_name

MIB = 2**20
MAX_PACKED = 128 * MIB  # bytes of the zip
MAX_MEMBERS = 1_000  # files, ignored ones too
MAX_UNPACKED = 256 * MIB  # bytes of all members
MAX_RATIO = 100  # of a member above RATIO_FREE bytes
RATIO_FREE = 1 * MIB
MAX_SIZES = {".py": 256 * 2**10, ".ipynb": 16 * MIB}  # bytes of a file, by suffix
# Not in the contract: what the zip's list of members may measure. A thousand members with the longest names and both
# kinds of extra field need 0.8 MiB; reading a longer list costs seconds before a member can be counted.
MAX_DIRECTORY = 2 * MIB

# APPNOTE.TXT 4.3.7 (local header) and 4.4.4 (flags: encrypted, strongly encrypted, masked header).
_LOCAL_HEADER = struct.Struct("<4s2xH18xHH")  # signature, flags, length of name, length of extra field
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_UTF8_NAME = 0x800
# What `zipfile` raises on a directory that is not one: its own refusals, unknown versions, names that are not UTF-8,
# offsets beyond 64 bits; the others stand for what other versions of it may raise.
_UNREADABLE = (
    zipfile.BadZipFile,
    NotImplementedError,
    ValueError,
    OverflowError,
    struct.error,
    LookupError,
    EOFError,
    OSError,
)


@dataclass(frozen=True, eq=False)
class _Member:
    """One entry of the zip's directory; `label` is its name as sentences quote it, `path` where it lands."""

    info: zipfile.ZipInfo
    raw_name: bytes
    label: str
    path: str
    is_folder: bool


def read_zip(raw: bytes, most: int = MAX_MEMBERS) -> dict[str, bytes]:
    """Check a zip as a whole and unpack it in memory.

    Args:
        raw: All bytes of the file.
        most: Files that it may hold.

    Returns:
        Contents by POSIX path from the zip's top, NFC; folders and what operating systems and tools leave behind
        (`__MACOSX`, `__pycache__`, ...) are left out.

    Raises:
        SubmissionRefused: If anything is wrong with the zip; nothing else is raised, whatever the bytes.
    """
    if len(raw) > MAX_PACKED:
        _refuse_size("The zip", MAX_PACKED, "leave out data sets, environments and weights that are not asked for")
    infos, directory_at = _read_directory(raw)
    members = [_read_member(info) for info in infos]
    _check_amounts(members, most)
    kept = [member for member in members if not is_ignored(member.path)]
    _check_clashes(kept)
    for member in kept:
        _check_size(member)
    spans = _data_spans(raw, members, directory_at)
    view = memoryview(raw)
    return {member.path: _inflate(member, view[spans[member]]) for member in kept if not member.is_folder}


def member_names(raw: bytes) -> list[str]:
    """The names in a zip's directory as they stand, unchecked, folders too.

    Raises:
        SubmissionRefused: If the bytes are no zip, or a damaged one.
    """
    return [info.orig_filename for info in _read_directory(raw)[0]]


def _refuse_size(what: str, limit: int, advice: str) -> NoReturn:
    """Refuse something larger than `limit` bytes."""
    size = f"{limit // MIB} MiB" if limit >= MIB else f"{limit // 2**10} KiB"
    raise SubmissionRefused(f"{what} is larger than {size}: {advice}.")


class _Reader(io.BytesIO):
    """The zip's bytes; refuses to be read in a piece as large as only a hostile directory is."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_DIRECTORY:
            _refuse_size("The zip's list of members", MAX_DIRECTORY, f"hand in at most {MAX_MEMBERS:,} files")
        return super().read(size)


def _read_directory(raw: bytes) -> tuple[list[zipfile.ZipInfo], int]:
    """The entries of the zip's directory, and the offset where it starts."""
    try:
        with zipfile.ZipFile(_Reader(raw)) as archive:
            return archive.infolist(), archive.start_dir
    except _UNREADABLE:
        pass
    if raw.startswith(b"PK"):
        raise SubmissionRefused(
            "The zip is damaged or only a part of it: make it again, open it to see, and upload it."
        )
    found = f"it is {name_format(raw) or 'something else'}" if raw else "it is empty"
    raise SubmissionRefused(f"The file is not a zip ({found}): make a zip of your files and hand that in.")


def _read_member(info: zipfile.ZipInfo) -> _Member:
    """One entry, refused for what its directory entry alone shows.

    `filename` is cut at a NUL, `orig_filename` is not. macOS writes UTF-8 without saying so: whatever is UTF-8 is taken
    as such, the rest as code page 437, as the format has it.
    """
    raw_name = info.orig_filename.encode("utf-8" if info.flag_bits & _UTF8_NAME else "cp437")
    try:
        name = raw_name.decode("utf-8")
    except UnicodeDecodeError:
        name = info.orig_filename
    label = f'"{clean_name(name)}"'
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise SubmissionRefused(f"{label} is a link or a device: put the file itself in the zip.")
    if info.flag_bits & _ENCRYPTED:
        raise SubmissionRefused(f"{label} is encrypted: make the zip without a password.")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise SubmissionRefused(f'{label} is compressed by another method than "deflate": make a plain zip.')
    path = member_path(name, label)
    is_folder = not path or kind == stat.S_IFDIR or name.endswith(("/", "\\"))
    return _Member(info, raw_name, label, path, is_folder)


def _check_amounts(members: list[_Member], most: int) -> None:
    """Refuse too many members, and too many bytes by what the directory declares."""
    if sum(not member.is_folder for member in members) > most:
        raise SubmissionRefused(
            f"The zip holds more than {most:,} files: hand in your own files, no data sets or environments."
        )
    if sum(member.info.file_size for member in members) > MAX_UNPACKED:
        _refuse_size("What the zip unpacks to", MAX_UNPACKED, "leave out data sets and weights that are not asked for")
    for member in members:
        size, packed = member.info.file_size, member.info.compress_size
        if size > RATIO_FREE and size > MAX_RATIO * packed:
            raise SubmissionRefused(
                f"{member.label} unpacks to more than {MAX_RATIO} times its packed size: leave it out, or save less."
            )


def _check_size(member: _Member) -> None:
    """Refuse a module or a notebook that no person wrote; parsing one takes seconds and gigabytes."""
    for suffix, limit in MAX_SIZES.items():
        if member.path.lower().endswith(suffix) and not member.is_folder and member.info.file_size > limit:
            _refuse_size(member.label, limit, "hand in code only, without data, pictures or outputs in it")


def _check_clashes(members: list[_Member]) -> None:
    """Refuse two members that land on one path."""
    clash = find_clash(
        files=[member.path for member in members if not member.is_folder],
        folders=[member.path for member in members if member.is_folder],
    )
    if clash:
        first, second = (f'"{clean_name(path)}"' for path in clash)
        raise SubmissionRefused(f"{first} and {second} land on the same path: keep one of them.")


def _data_spans(raw: bytes, members: list[_Member], directory_at: int) -> dict[_Member, slice]:
    """Where each member's packed data lies; refuses members that share bytes, or reach into the directory."""
    data, whole = {}, []
    for member in members:
        at = member.info.header_offset
        start = _data_start(raw, at, member)
        end = start + member.info.compress_size
        data[member] = slice(start, end)
        whole.append((at, end, member.label))
    whole.sort()
    for (_, end, label), (start, _, _) in pairwise([*whole, (directory_at, directory_at, "")]):
        if end > start:
            raise SubmissionRefused(f"{label} overlaps with another part of the zip: make the zip again.")
    return data


def _data_start(raw: bytes, at: int, member: _Member) -> int:
    """Offset of a member's packed data; refuses a local header that is none, or names another file."""
    header = raw[at : at + _LOCAL_HEADER.size] if at >= 0 else b""
    if len(header) < _LOCAL_HEADER.size or not header.startswith(b"PK\3\4"):
        raise SubmissionRefused(f"{member.label} is not where the zip's list says (damaged): make the zip again.")
    flags: int
    name_length: int
    extra_length: int
    _, flags, name_length, extra_length = _LOCAL_HEADER.unpack(header)
    if flags & _ENCRYPTED:
        raise SubmissionRefused(f"{member.label} is encrypted: make the zip without a password.")
    name_at = at + _LOCAL_HEADER.size
    if raw[name_at : name_at + name_length] != member.raw_name:
        raise SubmissionRefused(f"{member.label} has another name in the zip than in its list: make the zip again.")
    return name_at + name_length + extra_length


def _inflate(member: _Member, packed: memoryview) -> bytes:
    """A member's contents; never more bytes than declared plus one are made."""
    size = member.info.file_size
    if member.info.compress_type == zipfile.ZIP_STORED:
        data, complete = bytes(packed), True
    else:
        engine = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            data = engine.decompress(packed, size + 1)  # 0 would mean "no limit"
        except zlib.error:
            data = b""
        complete = engine.eof
    if len(data) > size:
        raise SubmissionRefused(f"{member.label} unpacks to more than the zip's list says: make the zip again.")
    if not complete or len(data) != size or zlib.crc32(data) != member.info.CRC:
        raise SubmissionRefused(f"{member.label} is damaged (wrong checksum): make the zip again and upload it again.")
    return data
