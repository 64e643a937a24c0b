"""Frames: whatever bytes arrive give a frame or a refusal, in bounded time and memory."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grader.sandbox.protocol import (
    DTYPES,
    MAX_ARRAYS,
    MAX_BODY,
    MAX_HEADER,
    Array,
    Channel,
    ChannelClosed,
    DeadlinePassed,
    Frame,
    ProtocolError,
    parse_header,
    until,
)

QUICK = settings(deadline=None, max_examples=100)


@pytest.fixture
def pair() -> Iterator[tuple[Channel, socket.socket]]:
    """A channel, and the socket at its other end."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Channel(ours), theirs


def frame(header: Any, body: bytes = b"", *, head_length: int | None = None, body_length: int | None = None) -> bytes:
    """A frame made by hand; `header` is JSON-able or bytes, and the lengths may lie."""
    head = header if isinstance(header, bytes) else json.dumps(header).encode()
    lengths = (
        len(head) if head_length is None else head_length,
        len(body) if body_length is None else body_length,
    )
    return struct.pack(">IQ", *lengths) + head + body


def receive(data: bytes, *, seconds: float = 5, max_body: int = MAX_BODY) -> Frame:
    """What a channel makes of `data`, after which the sender closes."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sender = threading.Thread(target=_send_all, args=(theirs, data))
        sender.start()
        try:
            return Channel(ours).receive(until(time.monotonic() + seconds), max_body)
        finally:
            ours.close()
            sender.join()


def _send_all(connection: socket.socket, data: bytes) -> None:
    try:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the receiver has refused and closed


def refusal(data: bytes) -> str:
    """The sentence with which `data` is refused."""
    with pytest.raises(ProtocolError) as refused:
        receive(data)
    return str(refused.value)


@QUICK
@given(st.binary(max_size=200))
def test_arbitrary_bytes(data: bytes) -> None:
    """Arbitrary bytes give a frame, a refusal, the end of the connection or a passed deadline."""
    for sent in (data, frame(data), frame({"arrays": []}, data)):
        try:
            header, arrays = receive(sent)
        except (ProtocolError, DeadlinePassed):
            continue
        assert isinstance(header, dict)
        assert all(isinstance(array, np.ndarray) for array in arrays)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["arrays", "$", "id"]), inner),
    max_leaves=12,
)
SIDES = st.integers(-1, 5) | st.sampled_from([2**28, 2**62, 2**70, True, 1.0, "1", None])
ENTRIES = st.tuples(st.sampled_from(sorted(DTYPES)) | JSON, st.lists(SIDES, max_size=10) | JSON).map(list) | JSON


@QUICK
@given(st.lists(ENTRIES, max_size=3) | JSON, st.binary(max_size=64))
def test_arbitrary_descriptions(entries: Any, body: bytes) -> None:
    """Arrays described in any way give arrays of just the bytes that came, or a refusal."""
    try:
        _, arrays = receive(frame({"arrays": entries}, body))
    except ProtocolError:
        return
    assert sum(array.nbytes for array in arrays) == len(body)
    assert all(str(array.dtype) in DTYPES for array in arrays)


ARRAYS = hnp.arrays(
    st.sampled_from(sorted(DTYPES)), hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4), fill=st.nothing()
)


@QUICK
@given(st.dictionaries(st.text(max_size=5), st.text(st.characters(exclude_categories=["Cs"]))), st.lists(ARRAYS))
def test_round_trip(header: dict[str, str], arrays: list[Array]) -> None:
    """What is sent arrives: the header's values, each array's dtype, shape and bytes."""
    header = {key.encode("utf-8", "replace").decode(): value for key, value in header.items()}
    ours, theirs = socket.socketpair()
    with ours, theirs:
        Channel(theirs).send(header, arrays)
        arrived, results = Channel(ours).receive(until(time.monotonic() + 5))
    assert {**header, "arrays": arrived["arrays"]} == arrived
    assert [(a.dtype, a.shape, a.tobytes()) for a in results] == [(a.dtype, a.shape, a.tobytes()) for a in arrays]


def test_views_are_sent_whole(pair: tuple[Channel, socket.socket]) -> None:
    """Transposed, strided and broadcast arrays arrive as what they show."""
    channel, theirs = pair
    whole = np.arange(24.0).reshape(4, 6)
    shown = [whole.T, whole[::2, ::-3], np.broadcast_to(np.float32(3), (2, 3)), whole[1, 1:2].reshape(())]
    Channel(theirs).send({}, shown)
    _, results = channel.receive(until(time.monotonic() + 5))
    assert all(np.array_equal(one, other) for one, other in zip(results, shown, strict=True))
    assert [array.shape for array in results] == [array.shape for array in shown]


@pytest.mark.parametrize(
    ("head_length", "body_length"), [(2**32 - 1, 0), (MAX_HEADER + 1, 0), (0, 2**64 - 1), (0, 4 << 30), (0, 2**28 + 1)]
)
def test_large_prefix(head_length: int, body_length: int) -> None:
    """A prefix that announces gigabytes is refused before anything is allocated."""
    tracemalloc.start()
    try:
        assert "too large" in refusal(struct.pack(">IQ", head_length, body_length))
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_body_is_refused_by_the_receivers_limit() -> None:
    """A receiver that expects little refuses a body that another would take."""
    data = frame({"arrays": [["uint8", [2000]]]}, bytes(2000))
    assert receive(data)[1][0].shape == (2000,)
    with pytest.raises(ProtocolError, match="too large"):
        receive(data, max_body=1999)


@pytest.mark.parametrize(
    ("frames", "why"),
    [
        (frame(b"["), "not JSON"),
        (frame(b"\xff\xfe"), "not JSON"),
        (frame(b"[" * MAX_HEADER), "not JSON: RecursionError"),
        (frame(b'{"a":' * 200_000), "not JSON: RecursionError"),
        (frame(b'{"arrays":[],"value":NaN}'), "not JSON"),
        (frame(b'{"arrays":[],"value":-Infinity}'), "not JSON"),
        (frame(b'{"arrays":[],"value":9223372036854775808}'), "not JSON"),
        (frame(b'{"arrays":[["uint8",[1e999]]]}'), "impossible"),
        (frame(b'{"arrays":[],"value":' + b"7" * 100_000 + b"}"), "not JSON"),
        (frame(b'{"arrays":[],"arrays":[]}'), "not JSON"),
        (frame(b'{"arrays":[],"value":{"$":"array","$":"tuple"}}'), "not JSON"),
        (frame(b'{"arrays":[],"text":"\\ud800"}'), "not JSON: UnicodeEncodeError"),
        (frame(b'{"arrays":[],"\\uDC00":0}'), "not JSON: UnicodeEncodeError"),
        (frame([]), "not an object"),
        (frame({}), "without its list"),
        (frame({"arrays": {"0": 1}}), "without its list"),
        (frame({"arrays": [["float32"]]}), "described"),
        (frame({"arrays": [[["float32"], [1]]]}, bytes(4)), "described"),
        (frame({"arrays": [[{}, [1]]]}, bytes(4)), "described"),
        (frame({"arrays": [["object", [1]]]}, bytes(8)), "described"),
        (frame({"arrays": [["U9", [1]]]}, bytes(36)), "described"),
        (frame({"arrays": [["float32", 1]]}, bytes(4)), "described"),
        (frame({"arrays": [["uint8", [-1]]]}), "impossible"),
        (frame({"arrays": [["uint8", [True]]]}, bytes(1)), "impossible"),
        (frame({"arrays": [["uint8", [1.0]]]}, bytes(1)), "impossible"),
        (frame({"arrays": [["uint8", [0, 2**62]]]}), "impossible"),
        (frame({"arrays": [["float64", [0, 2**27, 2**27, 2**27]]]}), "impossible"),
        (frame({"arrays": [["uint8", [1] * 9]]}, bytes(1)), "impossible"),
        (frame({"arrays": [["uint8", [3]]]}, bytes(2)), "add up"),
        (frame({"arrays": [["uint8", [3]]]}, bytes(4)), "add up"),
        (frame({"arrays": []}, bytes(1)), "add up"),
    ],
)
def test_refused_frames(frames: bytes, why: str) -> None:
    """A frame that no honest sender makes is refused with its reason."""
    assert why in refusal(frames)


def test_many_arrays() -> None:
    """No more than 16,384 arrays are accepted, even where more descriptions fit into a header, and none is sent."""
    entries = [["bool", []]] * (MAX_ARRAYS + 1)
    assert "are the most" in refusal(frame(json.dumps({"arrays": entries}, separators=(",", ":")).encode()))
    assert len(receive(frame({"arrays": [["bool", [0]]] * MAX_ARRAYS}))[1]) == MAX_ARRAYS
    assert "too large" in refusal(frame({"arrays": [["bool", [0]]] * 200_000}))


def test_surrogate_pairs_are_text() -> None:
    """A character outside the basic plane, which JSON writes as two escapes, is a text like any other."""
    assert parse_header(b'{"a":"\\ud83d\\ude00 \\\\ud800"}') == {"a": "\U0001f600 \\ud800"}


def test_bools_are_made_canonical() -> None:
    """A bool array holds only 0 and 1, whatever bytes came."""
    _, (array,) = receive(frame({"arrays": [["bool", [4]]]}, b"\x00\x01\x02\xff"))
    assert array.tobytes() == b"\x00\x01\x01\x01"


def test_drip_meets_the_deadline(pair: tuple[Channel, socket.socket]) -> None:
    """A sender that drips a byte at a time meets one deadline for the whole frame, not one for each byte."""
    channel, theirs = pair
    over = threading.Event()

    def drip() -> None:
        for byte in frame({"arrays": [["uint8", [9000]]]}, bytes(9000)):
            if over.wait(0.01):
                return
            theirs.send(bytes([byte]))

    sender = threading.Thread(target=drip)
    sender.start()
    started = time.monotonic()
    try:
        with pytest.raises(DeadlinePassed):
            channel.receive(until(started + 0.3))
        assert time.monotonic() - started < 1
    finally:
        over.set()
        sender.join()


def test_endless_frame(pair: tuple[Channel, socket.socket]) -> None:
    """Of a sender that never stops, one frame is taken, of the size announced; the rest waits at its side."""
    channel, theirs = pair
    whole = frame({"arrays": [["uint8", [9000]]]}, bytes(9000))
    sent = 0
    theirs.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while sent < 1 << 30:
            sent += theirs.send(whole)
    assert sent < 1 << 24  # the kernel's buffer is full: nothing of it is in this process
    tracemalloc.start()
    try:
        assert channel.receive(until(time.monotonic() + 5))[1][0].nbytes == 9000
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("data", [b"\0", b"\0\0\0\x01" + b"\0" * 7 + b"\x01{", b"\0\x10\0\0" + b"\0" * 8 + b"["])
def test_endless_rubbish(data: bytes) -> None:
    """A sender that never stops and sends no frame is refused, or stopped at the deadline, whatever it sends."""
    with pytest.raises((ProtocolError, DeadlinePassed)):
        receive(data * (1 << 20), seconds=5)


def test_patience_is_asked_again(pair: tuple[Channel, socket.socket]) -> None:
    """Whoever waits is asked now and then how much longer, and no byte that came meanwhile is lost."""
    channel, theirs = pair
    data = frame({"next": 1, "arrays": []})
    pieces = iter((data[:7], b"", data[7:]))

    def patience() -> float:
        theirs.sendall(next(pieces, b""))
        return 0.01

    assert channel.receive(patience)[0]["next"] == 1


def test_reader_that_never_reads(pair: tuple[Channel, socket.socket]) -> None:
    """Sending to somebody who never reads ends at the deadline."""
    channel, _theirs = pair
    started = time.monotonic()
    with pytest.raises(DeadlinePassed):
        channel.send({}, [np.zeros(64 << 20, np.uint8)], until(started + 0.3))
    assert time.monotonic() - started < 1


def test_passed_deadline(pair: tuple[Channel, socket.socket]) -> None:
    """A deadline that has passed already is met at once, in both directions."""
    channel, _theirs = pair
    with pytest.raises(DeadlinePassed):
        channel.send({}, [], until(time.monotonic() - 1))
    with pytest.raises(DeadlinePassed):
        channel.receive(until(time.monotonic() - 1))


@pytest.mark.parametrize("part", [0, 5, 12, 20, -1])
def test_end_in_the_middle(part: int) -> None:
    """A connection that ends anywhere in a frame is closed, not an empty frame."""
    whole = frame({"arrays": [["uint8", [9]]]}, bytes(9))
    with pytest.raises(ChannelClosed):
        receive(whole[:part])


def test_sending_to_nobody(pair: tuple[Channel, socket.socket]) -> None:
    """Sending after the other side has gone says so."""
    channel, theirs = pair
    theirs.close()
    with pytest.raises(ChannelClosed):
        channel.send({}, [np.zeros(1 << 20)], until(time.monotonic() + 5))


@pytest.mark.parametrize(
    ("header", "arrays", "max_body"),
    [
        ({"text": "x" * MAX_HEADER}, [], MAX_BODY),
        ({}, [np.zeros(11, np.uint8)], 10),
        ({}, [np.broadcast_to(np.float64(0), (1 << 40,))], MAX_BODY),
        ({}, [np.zeros(0)] * (MAX_ARRAYS + 1), MAX_BODY),
    ],
)
def test_too_large_to_send(
    pair: tuple[Channel, socket.socket], header: dict[str, Any], arrays: list[Array], max_body: int
) -> None:
    """A frame that the other side would refuse is not begun, and the next one arrives."""
    channel, theirs = pair
    with pytest.raises(ProtocolError, match="too large"):
        Channel(theirs).send(header, arrays, max_body=max_body)
    Channel(theirs).send({"next": 1})
    assert channel.receive(until(time.monotonic() + 5))[0]["next"] == 1
