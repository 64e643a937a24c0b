"""Headers of the largest size, made to cost as much as they can: a frame or a refusal in a moment."""

from __future__ import annotations

import contextlib
import time
import tracemalloc

import pytest
from sample_tiers import tiered

from grader.sandbox.protocol import MAX_HEADER, ProtocolError, check_layout, parse_header


def filled(item: bytes, *, before: bytes = b'{"arrays":[],"value":[', after: bytes = b"]}") -> bytes:
    """A header as large as it may be, full of one thing."""
    return before + b",".join([item] * ((MAX_HEADER - len(before) - len(after)) // (len(item) + 1))) + after


BOMBS = {
    "lists": filled(b"[]"),
    "objects": filled(b"{}"),
    "numbers": filled(b"1"),
    "huge numbers": filled(b"1e999"),
    "texts": filled(b'""'),
    "pairs of surrogates": filled(b'"\\ud83d\\ude00"'),
    "digits": b'{"arrays":[],"value":0.' + b"1" * (MAX_HEADER - 30) + b"}",
    "an exponent": b'{"arrays":[],"value":1e' + b"9" * (MAX_HEADER - 30) + b"}",
    "keys": b'{"arrays":[],' + b",".join(b'"%x":0' % number for number in range(90_000)) + b"}",
    "arrays": filled(b'["bool",[]]', before=b'{"arrays":[', after=b"]}"),
    "empty arrays of any shape": filled(b'["f8",[0,4611686018427387904]]', before=b'{"arrays":[', after=b"]}"),
    "depth": b"[" * MAX_HEADER,
    "deep objects": b'{"a":' * (MAX_HEADER // 5),
    "one text": b'{"arrays":[],"value":"' + b"\\u00e9" * ((MAX_HEADER - 30) // 6) + b'"}',
}


@pytest.mark.parametrize("head", tiered(BOMBS, slow=("numbers", "objects")))
def test_header_bombs(head: bytes) -> None:
    """A header of the largest size gives a frame or a refusal in a moment, in a hundred times its size at most."""
    assert len(head) <= MAX_HEADER
    started = time.process_time()
    tracemalloc.start()
    try:
        with contextlib.suppress(ProtocolError):
            check_layout(parse_header(head), 0)
        assert tracemalloc.get_traced_memory()[1] < 100 * MAX_HEADER
    finally:
        tracemalloc.stop()
    assert time.process_time() - started < 20  # a hundredth of it, unless something hangs
