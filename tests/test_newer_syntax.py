"""Syntax of a newer Python is recognised where it alone is the reason, and nothing else is taken for it."""

from __future__ import annotations

import time

import pytest

from grader.newer_syntax import newer_syntax

TRY = "try:\n    pass\nexcept {}:\n    pass\n"


@pytest.mark.parametrize(
    ("source", "version"),
    [
        ('print(f"{log["loss"]:.3f}")', "3.12"),
        ("def f(log):\n    return f'{log['a']}, {log[\"b\"]}'\n", "3.12"),
        ("x = f\"{'\\n'.join(a)}\"", "3.12"),
        ('x = f"{\n    a\n}"', "3.12"),
        ('x = f"""{\n    a  # why\n}"""', "3.12"),
        ('x = f"{f"{f"{1}"}"}"', "3.12"),
        ('x = f"{x:{"a"}}" "and" f"{y}"', "3.12"),
        ('f"{x!r:>{w}} {{}} {a != b}" + f"{d["k"]}"', "3.12"),
        ("type X = int", "3.12"),
        ("type Pair[A, B] = tuple[A, B]", "3.12"),
        ("def f[T](x: T) -> T:\n    return x", "3.12"),
        ("async def f[**P, *Ts](x): pass", "3.12"),
        ("class A[T: (int, str)](list[T]):\n    pass", "3.12"),
        ("class A[T = int]:\n    pass", "3.13"),
        (TRY.format("ValueError, json.JSONDecodeError"), "3.14"),
        ("x = t'{a}'", "3.14"),
        ('"""type X = int, except A, B:"""\nx = f"{d["k"]}"', "3.12"),
    ],
)
def test_newer(source: str, version: str) -> None:
    """Each form of the newer versions is told by the version that brought it."""
    assert newer_syntax(source, (3, 11)) == version


@pytest.mark.parametrize(
    "source",
    [
        "x = 1",
        "print 'a'",
        "def f(:",
        "x = (1, 2",
        "x = {",
        'x = "a',
        'x = f"{a b}"',
        'x = f"{log["loss"]:.3f}"\ny = (',
        'x = f"{log["loss" + ]}"',
        'x = f"{a["b"]"',
        "type = 3\nx = (",
        "if x = 3: pass",
        "def f[T(x): pass",
        TRY.format("ValueError, error"),
        "x = f'{y!}'",
        "x = y'z'",
        "for x in y print(x)",
        "\0",
        "",
    ],
)
def test_ordinary_errors(source: str) -> None:
    """An ordinary error is not told as newer syntax, nor is one that stands beside it, nor Python 2."""
    assert newer_syntax(source, (3, 11)) is None


@pytest.mark.parametrize(
    ("source", "than", "version"),
    [
        ("x = f'{d['k']}'", (3, 12), None),
        ("x = t'{a}'", (3, 12), "3.14"),
        ("type X = int\nx = t'{a}'", (3, 11), "3.14"),
    ],
)
def test_than(source: str, than: tuple[int, int], version: str | None) -> None:
    """What the Python that grades has is nothing new to it; of several versions the newest counts."""
    assert newer_syntax(source, than) == version


@pytest.mark.parametrize(
    "source",
    ["def f[" * 40_000, 'f"{' * 3_000, "'" * 100_001, "{" * 200_000, 'f"{x:{' * 50_000, "f'{a}'\n" * 40_000,
     "def f[T]():pass\n" * 16_000, 'f"{' * 90 + "1" + '}"' * 90],
)  # fmt: skip
def test_long_sources(source: str) -> None:
    """Whatever a module of 256 KiB holds, looking takes no longer than reading it."""
    started = time.process_time()
    newer_syntax(source, (3, 11))
    assert time.process_time() - started < 3
