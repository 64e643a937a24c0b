"""How Python values become JSON nodes and arrays, and values again.

Plain data is JSON with tagged nodes for the rest: `{"$": "array"}`, `{"$": "tuple"}`, `{"$": "dict"}`, `{"$": "float"}`
(nan, inf), `{"$": "numbers"}` (a long flat list) and `{"$": "object"}`, which stands for something that stays in the
process it was made in.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, MutableSequence, Sequence
from typing import Any

import numpy as np

from grader.sandbox.protocol import DTYPES, MAX_INT, MAX_RANK, Array, Header, ProtocolError

Arrays = MutableSequence[Any]  # of arrays, or None where one has been taken out

MAX_DEPTH = 12
MAX_TEXT = 8192  # longer strings stay where they are, as objects
LONG_LIST = 32  # longer flat lists of numbers travel as one array
MAX_PAIRS = 4096  # larger dicts stay where they are; keys made to collide would take long to look up


def pack(value: Any, arrays: list[Array], keep: Callable[[Any], Header | None], depth: int = 0) -> Any:
    """Turn `value` into a JSON node, appending its arrays to `arrays`.

    Args:
        value: Anything.
        arrays: Grows by the arrays found.
        keep: Gives the node for what is not plain data; None when it has none.
        depth: Nesting so far.

    Raises:
        ProtocolError: If something is not plain data and `keep` has no node for it.
    """
    if value is None or isinstance(value, bool):
        return value
    if depth < MAX_DEPTH:
        for packer in (_pack_scalar, _pack_array, _pack_container):
            node = packer(value, arrays, keep, depth)
            if node is not None:
                return node
    node = keep(value)
    if node is None:
        raise ProtocolError(f"a {type(value).__name__} can't travel")
    return node


def _pack_scalar(value: Any, _arrays: list[Array], _keep: Any, _depth: int) -> Any:
    if type(value) is int and abs(value) < MAX_INT:
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"$": "float", "value": repr(value)}
    if type(value) is str and len(value) <= MAX_TEXT:
        return value.encode("utf-8", "backslashreplace").decode()
    return None


def _pack_array(value: Any, arrays: list[Array], _keep: Any, _depth: int) -> Header | None:
    if isinstance(value, np.ndarray | np.generic):
        array, library = np.asarray(value), "numpy"
    elif (torch := sys.modules.get("torch")) is not None and isinstance(value, torch.Tensor):
        if value.layout is not torch.strided or value.is_quantized or value.is_meta:
            return None
        plain = value.detach().cpu().resolve_conj().resolve_neg()
        try:
            array, library = (plain.float() if plain.dtype == torch.bfloat16 else plain).numpy(), "torch"
        except (TypeError, RuntimeError):  # a dtype that numpy lacks, a nested tensor
            return None
    else:
        return None
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if str(array.dtype) not in DTYPES or array.ndim > MAX_RANK:
        return None
    arrays.append(array)
    return {"$": "array", "index": len(arrays) - 1, "library": library}


def _pack_container(value: Any, arrays: list[Array], keep: Any, depth: int) -> Any:
    if type(value) in (list, tuple) and len(value) > LONG_LIST and _is_numeric(value):
        dtype = np.int64 if all(type(item) is int for item in value) else np.float64
        arrays.append(np.array(value, dtype))
        return {"$": "numbers", "index": len(arrays) - 1, "tuple": type(value) is tuple}
    if type(value) is list:
        return [pack(item, arrays, keep, depth + 1) for item in value]
    if type(value) is tuple or (isinstance(value, tuple) and hasattr(value, "_fields")):
        return {"$": "tuple", "items": [pack(item, arrays, keep, depth + 1) for item in value]}
    if isinstance(value, dict) and len(value) <= MAX_PAIRS:
        pairs = [[pack(item, arrays, keep, depth + 1) for item in pair] for pair in value.items()]
        return {"$": "dict", "items": pairs}
    return None


def _is_numeric(values: Sequence[Any]) -> bool:
    return all(type(item) is float or (type(item) is int and abs(item) < MAX_INT) for item in values)


def unpack(node: Any, arrays: Arrays, fetch: Callable[[Header], Any], *, tensors: bool, depth: int = 0) -> Any:
    """The value that a node stands for; arrays are copied, so the value shares no memory with the frame.

    Args:
        node: What `pack` made, or what a hostile process made up.
        arrays: The frame's arrays. Each is taken out when it is used: a small header that names a large array many
            times would fill the memory.
        fetch: Gives what a `{"$": "object"}` or other node unknown here stands for; raises ProtocolError.
        tensors: Whether arrays that were tensors become tensors again (else all are numpy arrays).
        depth: Nesting so far.

    Raises:
        ProtocolError: If the node is malformed.
    """
    if depth > MAX_DEPTH + 1:
        raise ProtocolError("a value nested too deeply")
    if node is None or type(node) in (bool, int, float, str):
        return node
    if isinstance(node, list):
        return [unpack(item, arrays, fetch, tensors=tensors, depth=depth + 1) for item in node]
    if not isinstance(node, dict):
        raise ProtocolError("a value of an unknown kind")
    tag = node.get("$")
    if tag in ("array", "numbers"):
        return _unpack_array(node, arrays, tensors=tensors)
    if tag == "float" and node.get("value") in ("nan", "inf", "-inf"):
        return float(node["value"])
    if tag == "tuple" and isinstance(node.get("items"), list):
        return tuple(unpack(item, arrays, fetch, tensors=tensors, depth=depth + 1) for item in node["items"])
    if tag == "dict" and isinstance(node.get("items"), list):
        return _unpack_dict(node["items"], arrays, fetch, tensors, depth)
    return fetch(node)


def _unpack_array(node: Header, arrays: Arrays, *, tensors: bool) -> Any:
    index = node.get("index")
    if type(index) is not int or not 0 <= index < len(arrays):
        raise ProtocolError("a value that names no array")
    taken, arrays[index] = arrays[index], None
    if taken is None:
        raise ProtocolError("two values that name one array")
    if node["$"] == "numbers":
        if taken.ndim != 1 or str(taken.dtype) not in ("int64", "float64"):
            raise ProtocolError("a list of numbers that is none")  # nested lists take far more memory than the array
        return tuple(taken.tolist()) if node.get("tuple") is True else taken.tolist()
    copy = np.array(taken)
    if tensors and node.get("library") == "torch":
        import torch  # the trusted side asks for arrays and never needs it here

        return torch.from_numpy(copy)
    return copy


def _unpack_dict(pairs: list[Any], arrays: Arrays, fetch: Any, tensors: bool, depth: int) -> dict[Any, Any]:
    result: dict[Any, Any] = {}
    if len(pairs) > MAX_PAIRS:
        raise ProtocolError(f"a dict of {len(pairs)} pairs; {MAX_PAIRS} are the most")
    for pair in pairs:
        if not (isinstance(pair, list) and len(pair) == 2):
            raise ProtocolError("a dict that is not made of pairs")
        key, value = (unpack(item, arrays, fetch, tensors=tensors, depth=depth + 1) for item in pair)
        if not isinstance(key, str | int | float | bool | tuple | None):
            raise ProtocolError("a dict with a key that is not plain")
        try:
            result[key] = value
        except TypeError as error:
            raise ProtocolError("a dict with a key that is not plain") from error
    return result
