"""Which storages a model file holds, by listing its pickle's instructions: nothing is unpickled, so nothing can run.

torch writes a tensor as `_rebuild_tensor_v2(storage, offset, size, stride, ...)`, and a storage as a persistent id
`("storage", type, key, device, count)`; the numbers stand in the zip below the key's name.
"""

from __future__ import annotations

import io
import math
import pickletools
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from grader.errors import SubmissionRefused
from grader.intake.zipgate import read_zip

MOST_PICKLE = 4 << 20  # bytes; a residual network's has 10 kB
MOST_STEPS = 200_000
MOST_MEMBERS = 10_000  # of a zip of torch's: one for each storage
MOST_RANK = 8  # of a tensor
# By the name of torch's class; bfloat16 is read as the upper half of float32.
_DTYPES = {"FloatStorage": "f4", "DoubleStorage": "f8", "HalfStorage": "f2", "BFloat16Storage": "u2"}
_WHOLE = {"LongStorage": "i8", "IntStorage": "i4", "ShortStorage": "i2", "ByteStorage": "u1", "CharStorage": "i1"}
_SIZES = {"LongStorage": 8, "IntStorage": 4, "ShortStorage": 2, "ByteStorage": 1, "CharStorage": 1, "BoolStorage": 1}
_SIZES |= {kind: np.dtype(dtype).itemsize for kind, dtype in _DTYPES.items()}
_MARK = bytes.fromhex("6cfc9c46f9206aa85019")  # the number that files of torch before 1.6 begin with, as it is pickled
_MARK_WITHIN = 32  # bytes from the start, whatever the pickle's protocol
_STRINGS = ("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE", "SHORT_BINSTRING", "BINSTRING", "STRING")
_GETS, _PUTS = ("BINGET", "LONG_BINGET", "GET"), ("BINPUT", "LONG_BINPUT", "PUT")
_ENDS_SIZES = ("NEWFALSE", "NEWTRUE", "REDUCE", "BINPERSID", "STOP")


@dataclass(frozen=True)
class Storage:
    """One storage of numbers.

    Attributes:
        path: Of its numbers within the zip.
        dtype: numpy's name, with the byte order.
        layout: Size and stride of the first tensor that is made of it, one after the other; empty when not known.
    """

    path: str
    dtype: str
    layout: tuple[int, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the first tensor that is made of it; empty when not known."""
        return self.layout[: len(self.layout) // 2]

    def numbers(self, members: Mapping[str, bytes]) -> NDArray[Any]:
        """Its numbers, (count,), in the order of the tensor's places where that is known, else as they stand."""
        raw = members[self.path]
        dtype = np.dtype(self.dtype)
        values = np.frombuffer(raw, dtype, len(raw) // dtype.itemsize)
        if dtype == np.uint16:  # bfloat16
            values = (values.astype(np.uint32) << 16).view(np.float32)
        rank = len(self.layout) // 2
        size, stride = self.layout[:rank], self.layout[rank:]
        order = sorted(range(rank), key=lambda axis: -stride[axis])
        if not 2 <= rank <= MOST_RANK or min(size) < 1 or math.prod(size) != len(values):
            return values
        if not _is_dense([(size[axis], stride[axis]) for axis in order]):
            return values
        return values.reshape([size[axis] for axis in order]).transpose(np.argsort(order)).reshape(-1)


def read_numbers(data: bytes) -> Iterator[tuple[tuple[int, ...], NDArray[Any]]]:
    """Shape and numbers, (count,), of whatever a model file holds, whole numbers too; nothing of an unknown form."""
    for members in unpack(data):
        for storage in read_storages(members, _DTYPES | _WHOLE):
            values = storage.numbers(members)
            whole = math.prod(storage.shape) == len(values) if storage.shape else False
            yield (storage.shape if whole else (len(values),)), values


def read_storages(members: Mapping[str, bytes], dtypes: Mapping[str, str] = _DTYPES) -> list[Storage]:
    """The storages that a model file's pickle names, each once, as far as their numbers are in the zip.

    Args:
        members: The zip's files by path.
        dtypes: The kinds to read, torch's name by numpy's; without whole numbers unless they are given.
    """
    pickles = sorted((path for path in members if path.rpartition("/")[2] == "data.pkl"), key=lambda path: len(path))
    if not pickles or len(members[pickles[0]]) > MOST_PICKLE:
        return []
    top = pickles[0].removesuffix("data.pkl")
    order = ">" if members.get(f"{top}byteorder") == b"big" else "<"
    found: dict[str, Storage] = {}
    try:
        for kind, key, layout in _named(members[pickles[0]]):
            path = f"{top}data/{key}"
            if kind in dtypes and path in members and path not in found:
                found[path] = Storage(path, order + dtypes[kind], layout)
    except (ValueError, OverflowError, IndexError):  # no pickle, or one that ends too early: what came before counts
        pass
    return list(found.values())


def unpack(data: bytes) -> Iterator[Mapping[str, bytes]]:
    """The parts of a model file, named as they are in a zip of torch's; nothing where it is of no form known here.

    `pickle.dump` writes each tensor's storage as a file of the old form, so that one file has many times its parts.
    """
    if data.startswith(b"PK"):
        with suppress(SubmissionRefused):
            yield read_zip(data, MOST_MEMBERS)
    elif _is_old(data):
        yield _unpack_old(data)
    else:
        with suppress(ValueError, OverflowError, LookupError):  # no pickle, or one that ends too early
            for _code, argument, _place in islice(pickletools.genops(data), MOST_STEPS):
                if isinstance(argument, str) and _MARK in argument[:_MARK_WITHIN].encode("latin-1", "replace"):
                    argument = argument.encode("latin-1", "replace")  # as bytes are kept before protocol 3
                if isinstance(argument, bytes) and _is_old(argument):
                    yield _unpack_old(argument)


def _is_old(data: bytes) -> bool:
    """Whether a file has the form that torch wrote before 1.6, and still does when asked."""
    return _MARK in data[:_MARK_WITHIN]


def _unpack_old(data: bytes) -> dict[str, bytes]:
    """The parts of a file of the old form, named as they are in a zip; as far as it can be followed.

    After the mark come a version, what machine it was, the pickle, one with the list of keys, and of each storage its
    number of elements, 8 bytes, and these.
    """
    stream = io.BytesIO(data)
    parts = {}
    try:
        for _ in range(3):
            _skip(stream)
        start = stream.tell()
        kinds = {key: kind for kind, key, _layout in _named(stream)}
        parts["data.pkl"] = data[start : stream.tell()]
        for key in [argument for code, argument in _skip(stream) if code in _STRINGS]:
            count = int.from_bytes(stream.read(8), "little")
            parts[f"data/{key}"] = stream.read(min(count * _SIZES[kinds[key]], len(data)))
    except (ValueError, OverflowError, LookupError):  # damaged, or of a kind of storage that is unknown
        pass
    return parts


def _skip(stream: BinaryIO) -> list[tuple[str, Any]]:
    """The instructions of the next pickle of a stream."""
    return [(code.name, argument) for code, argument, _place in islice(pickletools.genops(stream), MOST_STEPS)]


def _named(pickle: bytes | BinaryIO) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """Type and key of each storage in a pickle, with the tensor's size and stride as far as they follow."""
    said: list[Any] = []  # strings, classes and numbers, in the order in which they are pushed
    kept: dict[Any, Any] = {}
    storage: tuple[str, str] | None = None
    for code, argument, _place in islice(pickletools.genops(pickle), MOST_STEPS):
        if storage and code.name in _ENDS_SIZES:
            sizes = tuple(number for number in said[1:] if isinstance(number, int))  # without the offset
            yield *storage, sizes if len(sizes) % 2 == 0 else ()
            storage = None
        if code.name in _STRINGS or code.name == "GLOBAL" or code.name.startswith(("BININT", "INT", "LONG1")):
            said.append(argument)
        elif code.name == "STACK_GLOBAL" and len(said) > 1:
            said[-2:] = [f"{said[-2]} {said[-1]}"]
        elif code.name == "MEMOIZE" or code.name in _PUTS:
            kept[len(kept) if code.name == "MEMOIZE" else argument] = said[-1] if said else None
        elif code.name in _GETS:
            said.append(kept.get(argument))
        elif code.name == "BINPERSID":
            if len(said) > 4 and said[-5] == "storage":
                storage = str(said[-4]).rpartition(" ")[2], str(said[-3])
            said = []


def _is_dense(sides: list[tuple[int, int]]) -> bool:
    """Whether sizes and strides, the largest stride first, are those of numbers without gaps."""
    expected = 1
    for size, stride in reversed(sides):
        if size != 1 and stride != expected:
            return False
        expected *= size
    return True
