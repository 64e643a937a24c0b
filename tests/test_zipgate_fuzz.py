"""The zip gate gives files or a refusal, whatever the bytes: never another exception."""

from __future__ import annotations

import struct
import zipfile

from hypothesis import given, settings
from hypothesis import strategies as st
from sample_zip import DESCRIPTOR, UTF8, Entry, folder_entry, full_overlap, overlapping, quoted_overlap, zip_of

from grader.errors import SubmissionRefused
from grader.intake.zipgate import read_zip
from grader.text import clean_text

TWO = (Entry(), Entry(b"units.py", b"x" * 99, zipfile.ZIP_STORED))
STREAMED = (Entry(flags=DESCRIPTOR), Entry(b"hw\\g.txt", flags=DESCRIPTOR))
SEEDS = [
    zip_of(*TWO),
    zip_of(*STREAMED, comment=b"comment"),
    zip_of(folder_entry(b"hw/"), Entry("hw/größe".encode(), flags=UTF8), zip64=True),
    overlapping(),
    quoted_overlap(),
    full_overlap(4, kind="folder"),
    zip_of(),
]
QUICK = settings(deadline=None, max_examples=300)  # an example takes under a millisecond


def opens_or_refuses(raw: bytes) -> None:
    """The property: files or a refusal."""
    try:
        files = read_zip(raw)
    except SubmissionRefused as refusal:
        sentence = str(refusal)
        assert sentence == clean_text(sentence, columns=1000)
    else:
        assert not any(path.startswith("/") or ".." in path.split("/") for path in files)


@QUICK
@given(st.binary())
def test_arbitrary_bytes(raw: bytes) -> None:
    """Arbitrary bytes give files or a refusal, also where a directory's signature stands in front of them."""
    opens_or_refuses(raw)
    opens_or_refuses(b"PK\1\2" + raw + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(raw) + 4, 0, 0))


@QUICK
@given(st.sampled_from(SEEDS), st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=4))
def test_mutated_zips(raw: bytes, changes: list[tuple[int, int]]) -> None:
    """A valid zip with a few bytes changed gives files or a refusal."""
    mutated = bytearray(raw)
    for at, value in changes:
        mutated[at % len(raw)] = value
    opens_or_refuses(bytes(mutated))


ENTRIES = st.builds(
    Entry,
    name=st.binary(max_size=12),
    flags=st.sampled_from([0, UTF8, DESCRIPTOR, 1]) | st.integers(0, 0xFFFF),
    method=st.sampled_from([0, 8, 9, 12]),
    attributes=st.just(0) | st.integers(0, 2**32 - 1),
    version=st.integers(0, 70),
    size=st.sampled_from([None, 0, 10, 2**20, 2**32 - 1]),
    packed_size=st.sampled_from([None, None, 0, 10, 2**32 - 1]),
    offset=st.sampled_from([None, None, 0, 1, 2**32 - 1]),
    local_numbers=st.none() | st.tuples(*[st.integers(0, 2**32 - 1)] * 3),
    local_method=st.none() | st.integers(0, 99),
    extra=st.binary(max_size=12) | st.binary(max_size=24).map(lambda data: b"\1\0\x18\0" + data),
)


@QUICK
@given(st.lists(ENTRIES, max_size=3), st.booleans())
def test_odd_headers(entries: list[Entry], zip64: bool) -> None:
    """Headers of any content give files or a refusal."""
    opens_or_refuses(zip_of(*entries, zip64=zip64))
