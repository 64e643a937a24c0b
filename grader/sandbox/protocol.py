"""What travels between the grader and the student's process, and how it is checked on arrival.

A frame is `u32 header length | u64 body length | header | body`: the header is JSON, the body the raw bytes of the
arrays that the header's `arrays` list describes (dtype and shape, in order, no gaps). Both lengths are capped before
anything is allocated, and an array is built only when dtype, rank and byte count agree. Nothing is ever unpickled.

`values.py` says how Python values become headers and arrays. Both sides use the two; they import nothing else of ours.
"""

from __future__ import annotations

import json
import math
import socket
import struct
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Header = dict[str, Any]
Frame = tuple[Header, list[Array]]
#: Seconds, above 0, to wait for the other side before asking again; raises DeadlinePassed when it is over.
Patience = Callable[[], float]

MAX_HEADER = 1 << 20
MAX_BODY = 256 << 20
MAX_RANK = 8
MAX_ARRAYS = 1 << 14
MAX_INT = 1 << 63  # nothing larger is sent as a number
DTYPES = frozenset(
    ("bool", "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "float16", "float32", "float64")
)
_PREFIX = struct.Struct(">IQ")


class ProtocolError(Exception):
    """What arrived is not a valid frame or value."""


class ChannelClosed(ProtocolError):
    """The other side is gone."""


class DeadlinePassed(Exception):
    """Sending or receiving did not end in time."""


def until(deadline: float) -> Patience:
    """Wait until a moment of `time.monotonic()`'s clock."""

    def left() -> float:
        if (seconds := deadline - time.monotonic()) <= 0:
            raise DeadlinePassed
        return seconds

    return left


class Channel:
    """Sends and receives frames over a connected stream socket.

    Attributes:
        moved: Bytes that were sent and received.
        parsed: Bytes of headers that were received.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self.moved = self.parsed = 0

    def send(
        self,
        header: Header,
        arrays: Sequence[Array] = (),
        patience: Patience | None = None,
        max_body: int = MAX_BODY,
    ) -> None:
        """Send one frame.

        Args:
            header: JSON-able; its key `arrays` is set here.
            arrays: The frame's arrays, any shape, of the dtypes in `DTYPES`.
            patience: How long to wait; None waits for ever.
            max_body: Most bytes of arrays that the other side accepts.

        Raises:
            ProtocolError: If the frame is too large; nothing of it has been sent then.
            ChannelClosed: If the other side is gone.
            DeadlinePassed: If the other side does not read.
        """
        described = {**header, "arrays": [[str(array.dtype), list(array.shape)] for array in arrays]}
        head = json.dumps(described, allow_nan=False, separators=(",", ":")).encode()
        body = sum(array.nbytes for array in arrays)
        if len(head) > MAX_HEADER or body > max_body or len(arrays) > MAX_ARRAYS:
            raise ProtocolError(f"a frame of {len(arrays)} arrays, {len(head)} + {body} bytes; too large")
        self._send_bytes(_PREFIX.pack(len(head), body) + head, patience)
        for array in arrays:
            if array.nbytes:
                self._send_bytes(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data, patience)

    def receive(self, patience: Patience | None = None, max_body: int = MAX_BODY) -> Frame:
        """Receive one frame.

        Args:
            patience: How long to wait for the whole frame; None waits for ever.
            max_body: Most bytes of arrays to accept.

        Raises:
            ProtocolError: If the bytes are not a frame within the limits.
            ChannelClosed: If the other side is gone.
            DeadlinePassed: If the frame is not complete in time.
        """
        head_length, body_length = _PREFIX.unpack(self._receive_bytes(_PREFIX.size, patience))
        if head_length > MAX_HEADER or body_length > max_body:
            raise ProtocolError(f"a frame of {head_length} + {body_length} bytes; too large")
        header = parse_header(bytes(self._receive_bytes(head_length, patience)))
        self.parsed += head_length
        layout = check_layout(header, body_length)
        body = self._receive_bytes(body_length, patience)
        return header, cut_body(body, layout)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _send_bytes(self, data: bytes | memoryview, patience: Patience | None) -> None:
        view = memoryview(data)
        while view:
            view = view[self._once(self._socket.send, view[: 1 << 20], patience) :]

    def _receive_bytes(self, length: int, patience: Patience | None) -> bytearray:
        data = bytearray(length)
        view = memoryview(data)
        while view:
            received = self._once(self._socket.recv_into, view, patience)
            if not received:
                raise ChannelClosed("the connection ended")
            view = view[received:]
        return data

    def _once(self, move: Callable[[memoryview], int], view: memoryview, patience: Patience | None) -> int:
        """Send or receive once; returns the number of bytes."""
        while True:
            seconds = patience() if patience else None
            try:
                self._socket.settimeout(seconds)
                moved = move(view)
                self.moved += moved
                return moved
            except TimeoutError:
                continue
            except OSError as error:
                raise ChannelClosed(str(error)) from error


def parse_header(data: bytes) -> Header:
    """Parse a header; the result is a dict, nothing more is promised.

    Raises:
        ProtocolError: If it is not a JSON object in UTF-8.
    """
    try:
        text = data.decode("utf-8")
        header = json.loads(
            text, parse_int=_parse_int, parse_constant=_refuse_constant, object_pairs_hook=_refuse_duplicates
        )
        if "\\ud" in text.lower():  # half of a surrogate pair can't be written anywhere
            json.dumps(header, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"a header that is not JSON: {type(error).__name__}") from error
    if not isinstance(header, dict):
        raise ProtocolError("a header that is not an object")
    return header


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _parse_int(digits: str) -> int:
    if len(digits) > 20 or not -MAX_INT <= (number := int(digits)) < MAX_INT:
        raise ValueError("an integer of more than 64 bits")
    return number


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> Header:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object with two values for a key")
    return found


def check_layout(header: Header, body_length: int) -> list[tuple[str, tuple[int, ...], int]]:
    """Dtype, shape and byte count of each array that `header` announces.

    Raises:
        ProtocolError: Unless there are at most `MAX_ARRAYS`, dtypes are allowed, ranks at most `MAX_RANK`, and the
            sizes add up to the body.
    """
    announced = header.get("arrays")
    if not isinstance(announced, list):
        raise ProtocolError("a header without its list of arrays")
    if len(announced) > MAX_ARRAYS:
        raise ProtocolError(f"{len(announced)} arrays; {MAX_ARRAYS} are the most")
    layout = []
    for entry in announced:
        match entry:
            case [str(dtype), list(shape)] if dtype in DTYPES:
                pass
            case _:
                raise ProtocolError("an array that is not described by a dtype and a shape")
        if len(shape) > MAX_RANK or not all(type(side) is int and side >= 0 for side in shape):
            raise ProtocolError("an array of an impossible shape")
        if math.prod(side or 1 for side in shape) > MAX_BODY:  # of empty arrays as well: somebody may loop over them
            raise ProtocolError("an array of an impossible shape")
        layout.append((dtype, tuple(shape), math.prod(shape) * np.dtype(dtype).itemsize))
    if sum(size for _, _, size in layout) != body_length:
        raise ProtocolError("arrays whose sizes do not add up to the body")
    return layout


def cut_body(body: bytearray, layout: Sequence[tuple[str, tuple[int, ...], int]]) -> list[Array]:
    """The arrays of a body, as views into it."""
    arrays, start = [], 0
    for dtype, shape, size in layout:
        raw = np.frombuffer(body, np.uint8, count=size, offset=start) if size else np.empty(0, np.uint8)
        # A bool may only hold 0 and 1, whatever the sender wrote.
        array = raw.astype(bool) if dtype == "bool" else raw.view(dtype)
        arrays.append(array.reshape(shape))
        start += size
    return arrays
