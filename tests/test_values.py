"""Values on the wire: what is plain comes back equal and unshared, the rest is a handle, and nothing hostile passes."""

from __future__ import annotations

import json
import math
from collections import OrderedDict, namedtuple
from enum import IntEnum
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.sandbox.calls import describe_value
from grader.sandbox.protocol import DTYPES, MAX_RANK, Array, Header, ProtocolError
from grader.sandbox.values import LONG_LIST, MAX_DEPTH, MAX_PAIRS, MAX_TEXT, pack, unpack

QUICK = settings(deadline=None, max_examples=100)
KEPT = {"$": "object", "id": 1, "type": "kept"}
Point = namedtuple("Point", "x y")


class Colour(IntEnum):
    """An int that is not plain."""

    RED = 1


class Name(str):
    """A str that is not plain."""


class Tagged(np.ndarray[Any, Any]):
    """An array that lies about its shape."""

    def __getattribute__(self, name: str) -> Any:
        """Not the truth."""
        return (7, 7, 7) if name == "shape" else super().__getattribute__(name)


class Wrapped(torch.Tensor):
    """A subclass of tensors."""


def travel(value: Any, *, tensors: bool = False) -> Any:
    """A value after its way through JSON; what has to stay behind is the text "kept"."""
    arrays: list[Array] = []
    node = json.loads(json.dumps(pack(value, arrays, lambda _value: KEPT), allow_nan=False))
    return unpack(node, arrays, _kept, tensors=tensors)


def _kept(node: Header) -> str:
    if node == KEPT:
        return "kept"
    raise ProtocolError("a value of an unknown kind")


def refused(node: Any, *arrays: Array) -> str:
    """The sentence with which a node is refused."""
    with pytest.raises(ProtocolError) as refusal:
        unpack(node, list(arrays), _kept, tensors=False)
    return str(refusal.value)


def same(one: Any, other: Any) -> bool:
    """Whether two values have equal types and contents, nan equal to itself."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(map(same, one.values(), other.values()))
    return bool(one == other)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats()
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
)
KEYS = st.booleans() | st.integers(-9, 9) | st.text("abc", max_size=3) | st.tuples(st.integers(0, 9))
PLAIN = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=5) | st.lists(inner, max_size=5).map(tuple) | st.dictionaries(KEYS, inner, max_size=5)
    ),
    max_leaves=30,
)


@QUICK
@given(PLAIN)
def test_plain_values(value: Any) -> None:
    """Plain values come back equal, of the same types."""
    assert same(travel(value), value)


@QUICK
@given(st.lists(st.integers(-(2**63) + 1, 2**63 - 1), min_size=40) | st.lists(st.floats(), min_size=40), st.booleans())
def test_long_lists(numbers: list[int] | list[float], as_tuple: bool) -> None:
    """Long lists and tuples of numbers, which travel as one array, come back as what they were."""
    value = tuple(numbers) if as_tuple else numbers
    assert same(travel(value), value)


@pytest.mark.parametrize("dtype", sorted(DTYPES))
@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (2, 3), (1,) * MAX_RANK])
def test_arrays(dtype: str, shape: tuple[int, ...]) -> None:
    """Arrays of every dtype and rank come back with both."""
    array = np.arange(math.prod(shape)).reshape(shape).astype(dtype)
    back = travel(array)
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert np.array_equal(back, array)


@pytest.mark.parametrize("tensors", [False, True])
def test_tensors(tensors: bool) -> None:
    """Tensors come back as tensors where asked for, as arrays where not."""
    back = travel(torch.arange(6).reshape(2, 3), tensors=tensors)
    assert isinstance(back, torch.Tensor if tensors else np.ndarray)
    assert back.tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (torch.ones(2, requires_grad=True), np.ones(2, np.float32)),
        (torch.nn.Parameter(torch.ones(2)), np.ones(2, np.float32)),
        (torch.ones(2, dtype=torch.bfloat16), np.ones(2, np.float32)),
        (torch.zeros(3).expand(2, 3), np.zeros((2, 3), np.float32)),
        (torch.arange(4).reshape(2, 2).T, np.array([[0, 2], [1, 3]])),
        (torch.ones(2).as_subclass(Wrapped), np.ones(2, np.float32)),
        (np.arange(3, dtype=">f4"), np.arange(3, dtype=np.float32)),
        (np.float64(2.5), np.array(2.5)),
        (np.bool_(True), np.array(True)),
        (np.arange(4).view(Tagged), np.arange(4)),
        (np.ma.masked_array([1, 2], [True, False]), np.array([1, 2])),
    ],
)
def test_array_likes(value: Any, expected: Array) -> None:
    """What holds numbers travels as a plain array: gradients, subclasses, byte orders and masks stay behind."""
    back = travel(value)
    assert type(back) is np.ndarray
    assert back.dtype == expected.dtype
    assert np.array_equal(back, expected)


@pytest.mark.parametrize(
    "value",
    [
        torch.ones(2, 2).to_sparse(),
        torch.ones(2, device="meta"),
        torch.ones(2, dtype=torch.complex64),
        torch.zeros(2).to(torch.float8_e5m2),
        np.ones(2, np.complex128),
        np.array(["text"]),
        np.array([object()]),
        np.datetime64("2022-03-30"),
        2**63,
        -(2**70),
        Colour.RED,
        Name("text"),
        "x" * (MAX_TEXT + 1),
        {1, 2},
        b"bytes",
        lambda: None,
        dict.fromkeys(range(MAX_PAIRS + 1)),
    ],
)
def test_what_stays_behind(value: Any) -> None:
    """What is not plain data stays in its process, also inside a list, and the rest of the list travels."""
    assert travel([1, value, "text"]) == [1, "kept", "text"]


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
def test_odd_tensors_stay_behind() -> None:
    """A tensor that has no one shape, or whose numbers are codes, stays in its process."""
    assert travel(torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])) == "kept"
    assert travel(torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.quint8)) == "kept"


def test_relatives_of_tuple_and_dict() -> None:
    """A named tuple comes back as a tuple, an ordered dict as a dict."""
    assert same(travel([Point(1, 2.5), OrderedDict(a=1)]), [(1, 2.5), {"a": 1}])


def test_surrogates_are_spelt_out() -> None:
    """Half a surrogate pair in a text becomes an escape that can be written anywhere."""
    assert travel("a\ud800b") == "a\\ud800b"


def test_nothing_keeps() -> None:
    """Where nothing can stay behind, a value that is not plain is refused, nan in a list is not."""
    arrays: list[Array] = []
    with pytest.raises(ProtocolError, match="object can't travel"):
        pack([object()], arrays, lambda _value: None)
    assert pack([float("nan")], arrays, lambda _value: None) == [{"$": "float", "value": "nan"}]


def test_depth() -> None:
    """Twelve levels of lists travel; what lies deeper, or holds itself, stays behind."""
    deep: list[Any] = []
    for _ in range(1000):
        deep = [deep]
    endless: list[Any] = []
    endless.append(endless)
    for value in (deep, endless):
        back = travel(value)
        for _ in range(MAX_DEPTH):
            (back,) = back
        assert back == "kept"


@pytest.mark.parametrize("tensors", [False, True])
def test_copies(tensors: bool) -> None:
    """A value that has travelled inside one process shares no memory with the original."""
    for original in (np.zeros(3), torch.zeros(3)):
        travel(original, tensors=tensors)[0] = 1
        assert float(original[0]) == 0


@pytest.mark.parametrize(
    ("node", "why"),
    [
        ({"$": "array", "index": 2}, "names no array"),
        ({"$": "array", "index": -1}, "names no array"),
        ({"$": "array", "index": True}, "names no array"),
        ({"$": "array", "index": 0.0}, "names no array"),
        ({"$": "array"}, "names no array"),
        ([{"$": "array", "index": 0}] * 2, "two values that name one array"),
        ([{"$": "numbers", "index": 0}, {"$": "array", "index": 0}], "two values that name one array"),
        ({"$": "numbers", "index": 1}, "a list of numbers that is none"),
        ({"$": "float", "value": "1e5"}, "unknown kind"),
        ({"$": "float", "value": ["nan"]}, "unknown kind"),
        ({"$": "tuple", "items": 3}, "unknown kind"),
        ({"$": "tuple"}, "unknown kind"),
        ({"$": ["array"]}, "unknown kind"),
        ({}, "unknown kind"),
        ({"$": "dict", "items": [[1]]}, "pairs"),
        ({"$": "dict", "items": [3]}, "pairs"),
        ({"$": "dict", "items": [[[1], 2]]}, "not plain"),
        ({"$": "dict", "items": [[{"$": "tuple", "items": [[1]]}, 2]]}, "not plain"),
        ({"$": "dict", "items": [[0, 0]] * (MAX_PAIRS + 1)}, "are the most"),
    ],
)
def test_refused_nodes(node: Any, why: str) -> None:
    """A node that `pack` never makes is refused with its reason."""
    assert why in refused(node, np.zeros(40), np.zeros((40, 1)))


def test_deep_nodes() -> None:
    """A node nested deeper than `pack` goes is refused, whatever it is made of."""
    for wrap in (lambda node: [node], lambda node: {"$": "tuple", "items": [node]}):
        node: Any = 0
        for _ in range(MAX_DEPTH + 2):
            node = wrap(node)
        assert "deep" in refused(node)


NODES = st.recursive(
    st.none() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.fixed_dictionaries(
            {"$": st.sampled_from(["array", "numbers", "float", "tuple", "dict", "object", "make", 1])},
            optional={"index": inner, "items": st.lists(inner | st.lists(inner, max_size=2)), "value": inner},
        )
    ),
    max_leaves=15,
)


@QUICK
@given(NODES)
def test_arbitrary_nodes(node: Any) -> None:
    """Any JSON gives a value or a refusal, and every value can be described in a few words."""
    try:
        value = unpack(node, [np.zeros(3), np.zeros((2, 2))], _kept, tensors=False)
    except ProtocolError:
        return
    assert len(describe_value(value)) < 200


def test_mixed_long_list() -> None:
    """A long list of whole and broken numbers comes back as the same numbers."""
    value = [1, 2.5] * LONG_LIST
    assert travel(value) == value


def test_describing_is_bounded() -> None:
    """A huge list inside a small one is described without writing it out."""
    text = describe_value([[0.123456789] * 5_000_000, {"key": ["x" * 10_000_000]}])
    assert text == "list of length 2"
