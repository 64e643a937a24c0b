"""A reply, whatever it says, is a value or a failure with a name; it costs neither time nor memory to speak of."""

from __future__ import annotations

import json
import math
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.errors import CheckStopped, Missing, StudentCrashed, StudentRaised
from grader.sandbox.calls import Terms, describe_value
from grader.sandbox.protocol import (
    MAX_HEADER,
    Array,
    Frame,
    Header,
    ProtocolError,
    check_layout,
    cut_body,
    parse_header,
)
from grader.sandbox.student import Implementation

QUICK = settings(deadline=None, max_examples=200)


class Told:
    """A transport whose reply is these bytes of a header, and a body of zeros as long as it says."""

    def __init__(self, head: bytes) -> None:
        self._head = head

    def exchange(self, _header: Header, _arrays: list[Array], _terms: Terms) -> Frame:
        """The reply, checked like any other."""
        header = parse_header(self._head)
        size = sum(math.prod(shape) * np.dtype(dtype).itemsize for dtype, shape in header["arrays"])
        return header, cut_body(bytearray(size), check_layout(header, size))


def ask(reply: Any) -> Any:
    """What a check gets from a call that is answered so."""
    head = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
    return Implementation(("m",), Told(head)).ask({"op": "call"}, "m.f()")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["$", "id", "index", "items"]), inner),
    max_leaves=12,
)
PARTS = {
    "value": JSON,
    "error": JSON | st.fixed_dictionaries({}, optional=dict.fromkeys(("type", "text", "where", "not_started"), JSON)),
    "missing": JSON,
    "id": JSON,
}
ARRAYS = st.lists(st.sampled_from([["float32", [2, 3]], ["bool", []], ["int64", [40]]]), max_size=3)


@QUICK
@given(st.fixed_dictionaries({"arrays": ARRAYS}, optional=PARTS))
def test_any_reply(reply: dict[str, Any]) -> None:
    """Any JSON in any place of a reply gives a value that can be told in a few words, or a failure with a name."""
    try:
        value = ask(reply)
    except (CheckStopped, ProtocolError) as stopped:
        str(stopped).encode()
    else:
        assert len(describe_value(value)) < 200


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        ({}, StudentCrashed, "nothing that can be read"),
        ({"value": {"$": "object", "id": "1", "type": "Net"}}, StudentCrashed, "unknown kind"),
        ({"value": {"$": "make", "path": "os.system"}}, StudentCrashed, "unknown kind"),
        ({"error": {}}, StudentRaised, "an exception"),
        ({"error": {"type": 3, "text": [], "where": "x"}}, StudentRaised, "an exception"),
        ({"error": {"type": "E" * 9000, "text": "t" * 9000, "where": ["w" * 9000]}}, StudentRaised, "EEE"),
        ({"missing": "m" * 9000}, Missing, "mmm"),
    ],
)
def test_failures_have_names(reply: dict[str, Any], kind: type[CheckStopped], words: str) -> None:
    """Each kind of reply that is no value stops the check in its way, in a sentence of bounded length."""
    with pytest.raises(kind, match=words) as stopped:
        ask({"arrays": [], **reply})
    assert len(stopped.value.message) < 3000


def colliding(count: int) -> list[tuple[int, int]]:
    """Different pairs of one hash: those of tuples are not random, so that anybody can make them.

    Python adds up the elements' hashes with xxHash's constants (Objects/tupleobject.c), which can be undone.
    """
    top, mask = 1 << 64, (1 << 64) - 1
    first, second, fifth = 11400714785074694791, 14029467366897019727, 2870177450012600261

    def turned(number: int, bits: int) -> int:
        return ((number << bits) | (number >> (64 - bits))) & mask

    wanted = turned((hash((1, 2)) - (2 ^ (fifth ^ 3527539))) * pow(first, -1, top) & mask, 33)
    pairs: list[tuple[int, int]] = []
    number = 0
    while len(pairs) < count:
        number += 1
        so_far = turned((fifth + number * second) & mask, 31) * first & mask
        other = (wanted - so_far) * pow(second, -1, top) & mask
        if other < (1 << 61) - 1:  # larger ones are no hash of an int
            pairs.append((number, other))
    return pairs


def test_colliding_keys() -> None:
    """Keys that were made to have one hash, as many as a header holds, cost seconds at most."""
    pairs = colliding(4096)
    assert len({hash(pair) for pair in pairs}) == 1
    node = {"$": "dict", "items": [[{"$": "tuple", "items": list(pair)}, 0] for pair in pairs]}
    head = json.dumps({"arrays": [], "value": [node] * 4}, separators=(",", ":")).encode()
    assert len(head) <= MAX_HEADER
    started = time.process_time()
    assert [len(found) for found in ask(head)] == [4096] * 4
    assert time.process_time() - started < 20  # a twentieth of it, unless something hangs
