"""Zips made to fill the memory or to take for ever: the gate opens or refuses them in a moment."""

from __future__ import annotations

import contextlib
import functools
import time
import tracemalloc
from collections.abc import Callable

import pytest
from sample_tiers import tiered
from sample_zip import Entry, folder_entry, full_overlap, many_quoted, zip_of

from grader.errors import SubmissionRefused
from grader.intake.zipgate import MAX_UNPACKED, read_zip


class Packed(Entry):
    """A member whose data are given as they lie in the zip."""

    def packed(self) -> bytes:
        """They are packed already."""
        return self.data


BOMBS: dict[str, Callable[[], bytes]] = {
    "many zeros": lambda: zip_of(*(Entry(b"%d.txt" % number, bytes(2**20)) for number in range(200))),
    "full overlap": lambda: full_overlap(255),
    "quoted overlap": lambda: many_quoted(250),
    "a list of folders": lambda: zip_of(*[folder_entry(b"%d/" % number) for number in range(40_000)]),
    "marks": lambda: zip_of(*(Entry(b"%d" % number + "\u0301\u0316".encode() * 58, b"") for number in range(1000))),
    "extra fields": lambda: zip_of(*(Entry(b"%d" % number, b"", extra=b"\2\0\0\0" * 15_000) for number in range(33))),
    "empty blocks": lambda: zip_of(Packed(b"x.txt", b"\0\0\0\xff\xff" * 2_000_000 + b"\1\0\0\xff\xff", crc=0, size=0)),
}
INFLATING = ["many zeros", "full overlap", "quoted overlap", "empty blocks"]


@functools.cache
def bomb(name: str) -> bytes:
    """The zip of that name, made when it is first asked for."""
    return BOMBS[name]()


def open_bomb(raw: bytes) -> None:
    """Open it, or hear why not."""
    with contextlib.suppress(SubmissionRefused):
        read_zip(raw)


@pytest.mark.parametrize("name", tiered(BOMBS.keys(), slow=("many zeros", "a list of folders")))
def test_bombs_take_a_moment(name: str) -> None:
    """Whatever a zip was made to do, opening or refusing it takes a moment."""
    raw = bomb(name)
    started = time.process_time()
    open_bomb(raw)
    assert time.process_time() - started < 10  # a tenth of it, unless something hangs


@pytest.mark.slow
@pytest.mark.parametrize("name", INFLATING)
def test_bombs_stay_small(name: str) -> None:
    """No zip takes more memory than it may unpack to."""
    raw = bomb(name)
    tracemalloc.start()
    try:
        open_bomb(raw)
        assert tracemalloc.get_traced_memory()[1] < MAX_UNPACKED + 2**24
    finally:
        tracemalloc.stop()
