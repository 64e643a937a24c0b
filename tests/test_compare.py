"""Expectations: fair to every way of writing a right answer, and never surprised by a wrong one."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.checking.compare import (
    as_drawn,
    as_image,
    compare,
    compare_parts,
    each,
    expect,
    expect_close,
    expect_finite,
    expect_shape,
    number,
    numbers,
    summarise,
)
from grader.errors import Failure
from grader.records import Array
from grader.sandbox.student import Handle, Implementation
from grader.sandbox.transport import LocalTransport

HANDLE = Handle(Implementation((), LocalTransport({}, {})), 1, "Sequential")

WEIRD: list[Any] = [
    None,
    "",
    "a string",
    b"bytes",
    {},
    {"loss": 1.0},
    {1, 2},
    HANDLE,
    [HANDLE, HANDLE],
    [1.0, HANDLE],
    [[1, 2], [3]],
    [[1, 2], 3],
    [np.zeros(2), np.zeros(3)],
    [np.zeros((2, 3)), 1.0],
    ["a", "b"],
    [1, "b"],
    [None, None],
    [[[[None]]]],
    [{"a": 1}],
    10**30,
    [10**30, 1],
    1j,
    np.array(["a", "b"]),
    np.array([None, 1], object),
    np.array([1j]),
    np.array("2020-01-01", "datetime64[D]"),
    np.zeros(1, [("a", "f4")]),
    object(),
    int,
]  # fmt: skip


def nested(depth: int) -> Any:
    """A list in a list in a list..."""
    value: Any = 1.0
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("value", [*WEIRD, nested(20), nested(900)], ids=lambda value: type(value).__name__)
def test_weird_values(value: Any) -> None:
    """What is no array of numbers is a failed expectation, whatever it is, and can be told in words."""
    for reading in (numbers, number):
        with pytest.raises(Failure) as caught:
            reading(value)
        assert caught.value.message
    assert isinstance(summarise(value), str)
    with pytest.raises(Failure):
        expect(False, "It is wrong.", got=value)


@pytest.mark.parametrize(
    ("value", "array"),
    [
        (3, np.array(3)),
        (2.5, np.array(2.5)),
        (True, np.array(True)),
        (np.float32(0.5), np.array(0.5, np.float32)),
        (np.int64(7), np.array(7)),
        (np.array(4.0), np.array(4.0)),
        ([1, 2], np.array([1, 2])),
        ((1.0, 2), np.array([1.0, 2.0])),
        ([True, False], np.array([True, False])),
        ([np.float32(1), np.float32(2)], np.array([1, 2], np.float32)),
        ([np.array(1.0), 2.0], np.array([1.0, 2.0])),
        ([np.zeros((2, 3)), np.ones((2, 3))], np.stack([np.zeros((2, 3)), np.ones((2, 3))])),
        ([[1, 2], [3, 4]], np.array([[1, 2], [3, 4]])),
        (([1, 2], (3, 4.5)), np.array([[1, 2], [3, 4.5]])),
        ([[np.arange(2)], [np.arange(2)]], np.array([[[0, 1]], [[0, 1]]])),
        ([], np.array([])),
        (np.array([1, 2], np.float16), np.array([1, 2], np.float16)),
    ],
)
def test_numbers(value: Any, array: Array) -> None:
    """Arrays, numbers, and lists and tuples of either are read alike."""
    np.testing.assert_array_equal(numbers(value), array, strict=True)


@pytest.mark.parametrize(
    ("value", "single"),
    [(3, 3.0), (np.array([[0.5]]), 0.5), ([2], 2.0), (np.float32(1), 1.0), (True, 1.0), ([[4]], 4.0)],
)
def test_number(value: Any, single: float) -> None:
    """One number may stand in as many brackets as it likes."""
    assert number(value) == single


@pytest.mark.parametrize("value", [[], [1, 2], np.nan, np.inf, np.array([np.nan]), np.zeros((2, 1))])
def test_no_number(value: Any) -> None:
    """None, several, and what is not finite is not one number."""
    with pytest.raises(Failure):
        number(value)


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (np.ones(3), np.ones(3)),
        (np.ones((1, 3)), np.ones(3)),
        (np.ones((3, 1)), np.ones(3)),
        (np.ones((1, 3, 1, 1)), np.ones((3, 1))),
        (np.ones(1), np.array(1.0)),
        (np.array(1.0), np.ones((1, 1, 1))),
        (np.zeros(0), np.zeros(0)),
        (np.zeros((0, 1)), np.zeros(0)),
        (np.ones(3, np.uint8), np.ones(3, np.float64)),
        (np.array([True, True]), np.ones(2)),
        (np.ones(3) + 0.009, np.ones(3)),
    ],
)
def test_close(got: Array, expected: Array) -> None:
    """Dimensions of size 1 and the dtype do not matter, nor do small differences."""
    expect_close(got, expected, within=0.01)


@pytest.mark.parametrize(
    ("got", "expected", "words"),
    [
        (np.ones(1), np.ones(1000), "wrong shape"),
        (np.ones(1000), np.ones(1), "wrong shape"),
        (np.array(1.0), np.ones(1000), "wrong shape"),
        (np.zeros(0), np.ones(1), "wrong shape"),
        (np.ones(1), np.zeros(0), "wrong shape"),
        (np.zeros(0), np.array(1.0), "wrong shape"),
        (np.ones((2, 3)), np.ones((3, 2)), "wrong shape"),
        (np.ones(6), np.ones((2, 3)), "wrong shape"),
        (np.array([1, np.nan]), np.ones(2), "finite"),
        (np.array([1, np.inf]), np.ones(2), "finite"),
        (np.array(np.nan), np.array(1.0), "finite"),
        (np.array([[1.0, 1.0], [1.0, 1.5]]), np.ones((2, 2)), "differ by up to 0.5 at index (1, 1)"),
        (np.array(2.0), np.array(1.0), "differ by up to 1,"),
        (np.array([1, 255], np.uint8), np.array([1, 0], np.uint8), "differ by up to 255"),
        (np.array([1e308]), np.array([-1e308]), "differ by up to inf"),
    ],
)
def test_not_close(got: Array, expected: Array, words: str) -> None:
    """Shapes are not broadcast, nan is no number, and the message says how far off it is and where."""
    with pytest.raises(Failure) as caught:
        expect_close(got, expected, within=0.01)
    assert words in caught.value.message
    assert caught.value.expected
    assert caught.value.got


@pytest.mark.parametrize(
    ("got", "words"),
    [
        (np.array([[np.nan, 1.0], [np.nan, np.nan]]), "The scores must be finite: of 4 numbers, 3 are NaN."),
        (np.array([np.inf, 1.0]), "The scores must be finite: of 2 numbers, 1 is infinite."),
        (np.array([np.nan, -np.inf, np.inf]), "The scores must be finite: of 3 numbers, 1 is NaN and 2 are infinite."),
        (np.array([[np.inf]]), "The scores must be finite, not inf."),
        (np.full(2000, np.nan, np.float32), "The scores must be finite: of 2,000 numbers, 2,000 are NaN."),
    ],
)
def test_not_finite(got: Array, words: str) -> None:
    """It is told how many numbers are NaN and how many infinite; the range is that of the others."""
    with pytest.raises(Failure) as caught:
        expect_finite(got, what="scores")
    assert caught.value.message == words
    assert "from nan" not in caught.value.got
    assert "inf to" not in caught.value.got


@pytest.mark.parametrize("got", [np.ones(3), np.zeros((0, 2)), np.array([True]), np.arange(3), np.array(1e308)])
def test_finite(got: Array) -> None:
    """Finite numbers of any type, and none at all, are fine."""
    expect_finite(got)


def test_shape() -> None:
    """The message of a wrong shape names both."""
    with pytest.raises(Failure) as caught:
        expect_shape(np.ones((2, 3)), (3, 2))
    assert (caught.value.expected, caught.value.got) == ("shape (3, 2)", "shape (2, 3)")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.arange(12.0).reshape(3, 4), "float64 (3, 4) from 0 to 11: [0, 1, 2, 3, 4, 5, ...]"),
        (np.array([1, 2], np.uint8), "uint8 (2,) from 1 to 2: [1, 2]"),
        (np.array([True, False]), "bool (2,), 1 of 2 True: [True, False]"),
        (np.array([np.nan, 2.0]), "float64 (2,), of which 1 is NaN, the others from 2 to 2: [nan, 2]"),
        (np.array([np.nan]), "float64 (1,), of which 1 is NaN: [nan]"),
        (np.array([np.inf, -np.inf]), "float64 (2,), of which 2 are infinite: [inf, -inf]"),
        (
            np.array([np.nan, 0.25, np.inf, np.nan]),
            "float64 (4,), of which 2 are NaN and 1 is infinite, the others from 0.25 to 0.25: [nan, 0.25, inf, nan]",
        ),
        (np.array([np.nan], np.float16), "float16 (1,), of which 1 is NaN: [nan]"),
        (np.zeros((0, 3)), "float64 (0, 3), empty"),
        (np.zeros((0, 3), bool), "bool (0, 3), empty"),
        (np.array(2.5, np.float32), "2.5 (float32)"),
        (np.array(np.nan, np.float32), "nan (float32)"),
        (np.array(True), "True (bool)"),
        (np.array([123456, 7]), "int64 (2,) from 7 to 123456: [123456, 7]"),
        (np.array([2**64 - 1], np.uint64), f"uint64 (1,) from {2**64 - 1} to {2**64 - 1}: [{2**64 - 1}]"),
        (np.array([-(2**63)]), f"int64 (1,) from {-(2**63)} to {-(2**63)}: [{-(2**63)}]"),
        (10**30, str(10**30)),
        (1j, "1j"),
        (HANDLE, "an object of type Sequential"),
        (Handle(HANDLE.owner, 2, "Tensor", "complex64"), "an object of type Tensor, complex64"),
        ("text", "'text'"),
        (list(range(100)), "list of 100"),
        (None, "None"),
    ],
)
def test_summarise(value: Any, text: str) -> None:
    """Arrays are told by shape, range and first numbers, the rest in a few words."""
    assert summarise(value) == text


SHAPES = st.lists(st.integers(0, 3), max_size=3).map(tuple)
ARRAYS = st.tuples(SHAPES, st.sampled_from(["float32", "uint8", "bool", "int64"])).map(lambda spec: np.ones(*spec))
VALUES = st.recursive(
    ARRAYS | st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.builds(lambda: HANDLE),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=8,
)


@given(value=VALUES, expected=ARRAYS)
def test_any_value(value: Any, expected: Array) -> None:
    """Whatever came back, it is right or a failed expectation, and it can be told and drawn."""
    assert len(summarise(value)) < 500
    try:
        got = numbers(value)
        assert as_drawn(got).shape == (got.size,)
        assert as_image(got).shape == got.shape
        expect_close(got, expected, within=0.1)
    except Failure:
        return
    assert got.size == expected.size


@pytest.mark.parametrize(("off", "right"), [(0.0, True), (0.9, True), (1.1, False)])
def test_compare_scales(off: float, right: bool) -> None:
    """The difference that is allowed grows with the answer's largest value, and is never less than stated."""
    oracle: Any = lambda x: 1000 * x  # noqa: E731 - a stand-in for a function of an implementation, typed as any
    student: Any = lambda x: 1000 * x + off  # noqa: E731 - likewise
    if right:
        np.testing.assert_array_equal(compare(student, oracle, np.ones(2), within=1e-3), 1000 + off * np.ones(2))
    else:
        with pytest.raises(Failure):
            compare(student, oracle, np.ones(2), within=1e-3)


def work(**functions: Any) -> Any:
    """The module `work` of an implementation that has these functions."""
    module = ModuleType("work")
    vars(module).update(functions)
    return Implementation(("work",), LocalTransport({"work": module}, {})).work


def test_compare_where_the_sign_is_free() -> None:
    """An answer that is right up to its sign, or to an order, is compared in a form without it."""
    right, turned = work(f=lambda x: x), work(f=lambda x: -x)
    compare(turned.f, right.f, np.ones(3), canonical=np.abs)
    with pytest.raises(Failure):
        compare(turned.f, right.f, np.ones(3))


def test_compare_with_an_argument_of_each_side() -> None:
    """An argument may be made for each side, such as an object that is kept there."""
    right = work(make=lambda: {"factor": 2}, f=lambda held, x: held["factor"] * x)
    wrong = work(make=lambda: {"factor": 3}, f=lambda held, x: held["factor"] * x)
    own = each(lambda who: who.work.make.with_options(keep=True)())
    compare(right.f, right.f, own, np.ones(2))
    with pytest.raises(Failure):
        compare(wrong.f, right.f, own, np.ones(2))


def test_compare_parts() -> None:
    """A tuple is compared part by part, and the part that differs is named; parts may differ in shape."""
    right = work(f=lambda x: (x, x.sum()))
    first, second = compare_parts(work(f=lambda x: [x, x.sum()]).f, right.f, np.ones(3))
    assert (first.shape, second.shape) == ((3,), ())
    with pytest.raises(Failure, match="values of part 2 differ"):
        compare_parts(work(f=lambda x: (x, x.mean())).f, right.f, np.ones(3))
    with pytest.raises(Failure, match="must return 2 values"):
        compare_parts(work(f=lambda x: x[0]).f, right.f, np.ones(3))
