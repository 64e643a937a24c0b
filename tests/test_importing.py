"""Modules of ours are imported from their folder, apart from all others, and what goes wrong is told with its line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from grader.errors import MachineError, UsageError
from grader.importing import Siblings, importing, load_module, load_modules


def write(folder: Path, **sources: str) -> Path:
    """A folder with these modules."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(source, encoding="utf-8")
    return folder


def test_executed_anew(tmp_path: Path) -> None:
    """Changing a name in one copy of a module changes no other copy, and a changed file is read again."""
    path = write(tmp_path, a="x = [1]") / "a.py"
    first = load_module(path)
    first.x.append(2)
    assert load_module(path).x == [1]


@pytest.mark.parametrize(
    "source",
    [
        "import a\nx = a.x",
        "from a import x",
        "from a import *",
        "import os.path, a as other\nx = other.x",
        "x = __import__('a').x",
        "def get():\n    from a import x\n    return x\nx = get()",
    ],
)
def test_forms_of_import(tmp_path: Path, source: str) -> None:
    """A sibling is found in every form that names it plainly, and is the one that others get."""
    siblings = Siblings(write(tmp_path, a="x = object()", b=source))
    assert siblings.load("b").x is siblings.load("a").x


def test_import_when_it_runs(tmp_path: Path) -> None:
    """A function that imports when it is called gets the sibling of its own copy."""
    folder = write(tmp_path, a="x = object()", b="def get():\n    import a\n    return a.x")
    one, other = Siblings(folder), Siblings(folder)
    assert one.load("b").get() is one.load("a").x
    assert other.load("b").get() is other.load("a").x
    assert one.load("a").x is not other.load("a").x


def test_same_names_in_two_folders(tmp_path: Path) -> None:
    """Modules of one name in two folders stay apart, also when both are in use."""
    source = "from a import x\ndef get():\n    import a\n    return a.x"
    loaded = [Siblings(write(tmp_path / each, a=f"x = {each!r}", b=source)).load("b") for each in ("one", "two")]
    assert [(module.x, module.get()) for module in loaded] == [("one", "one"), ("two", "two")]


def test_a_file_from_elsewhere(tmp_path: Path) -> None:
    """A file from another folder sees the siblings, even one of its own name, and none of its neighbours."""
    siblings = Siblings(write(tmp_path, a="x = 1", b="import a\nx = a.x"))
    write(tmp_path / "mistakes", a="import a\nx = a.x + 1", other="x = 3", c="import other")
    assert siblings.execute(tmp_path / "mistakes" / "a.py").x == 2
    assert siblings.load("b").x == 1
    with pytest.raises(ModuleNotFoundError, match="other"):
        siblings.execute(tmp_path / "mistakes" / "c.py")


def test_in_a_circle(tmp_path: Path) -> None:
    """Modules that import each other are each executed once."""
    siblings = Siblings(write(tmp_path, a="import b\ncount = [0]", b="import a\ndef get():\n    return a.count"))
    assert siblings.load("a").b.get() is siblings.load("a").count


def test_leaves_no_trace(tmp_path: Path) -> None:
    """Python's own modules, its path and its import are as before, and a library keeps its names."""
    source = (
        "from __future__ import annotations\nimport json, a\nfrom dataclasses import dataclass, field, fields\n"
        "@dataclass\nclass D:\n    x: list[int] = field(default_factory=list)\nassert json.loads('1') == 1"
    )
    before = dict(sys.modules), list(sys.path), __import__
    module = load_module(write(tmp_path, a="", b=source, string="x = 1") / "b.py")
    assert (dict(sys.modules), sys.path, __import__) == before
    assert module.D().x == []
    import string

    assert string.digits


def test_adapted_before_it_is_imported(tmp_path: Path) -> None:
    """What is changed in a module is changed for those who import names of it."""
    folder = write(tmp_path, a="from b import x", b="x = 1")
    found = load_modules(folder, ["a", "gone", "b"], MachineError, lambda name, module: setattr(module, "x", name))
    assert {name: module.x for name, module in found.items()} == {"a": "a", "b": "b"}
    siblings = Siblings(folder, lambda name, module: setattr(module, "x", 2) if name == "b" else None)
    assert siblings.load("a").x == 2


@pytest.mark.parametrize(
    ("source", "line", "said"),
    [
        ("x = 1\ndef f(:\n", 2, "SyntaxError: invalid syntax"),
        ("import nowhere", 1, "ModuleNotFoundError: No module named 'nowhere'"),
        ("from helper import nothing", 1, "ImportError: cannot import name 'nothing' from"),
        ("import helper.part", 1, "ModuleNotFoundError: No module named 'helper.part'; 'helper' is not a package"),
        ("from . import helper", 1, "ImportError: attempted relative import with no known parent package"),
        ("\n\nraise KeyError('x')", 3, "KeyError: 'x'"),
        ("def f():\n    import json\n    json.loads('?')\nf()", 3, "JSONDecodeError: Expecting value"),
        ("import sys\nsys.exit()", 2, "SystemExit"),
        ("eval('1 +')", 1, "SyntaxError: invalid syntax"),
        ("assert False", 1, "AssertionError"),
    ],
)
def test_what_goes_wrong_is_told(tmp_path: Path, source: str, line: int, said: str) -> None:
    """An error while a module is imported becomes a sentence with its file and line."""
    folder = write(tmp_path, b=source, helper="x = 1")
    with pytest.raises(UsageError) as caught:
        load_modules(folder, ["b"], UsageError)
    assert str(caught.value).startswith(f"{folder / 'b.py'}, line {line}: the module can't be imported: {said}")


def test_wrong_in_a_sibling(tmp_path: Path) -> None:
    """The line is that of the sibling in which it went wrong, and a second try goes wrong in the same way."""
    siblings = Siblings(write(tmp_path, a="import b", b="\nx = 1 / 0"))
    for _ in range(2):
        told = pytest.raises(UsageError, match=r"b\.py, line 2: .*: ZeroDivisionError: division by zero$")
        with told, importing(tmp_path / "a.py", UsageError):
            siblings.load("a")


@pytest.mark.parametrize("content", [b"x = 1\0", b"\xff\xfe"])
def test_no_text(tmp_path: Path, content: bytes) -> None:
    """A file that is no Python source at all is named."""
    (tmp_path / "a.py").write_bytes(content)
    with pytest.raises(UsageError, match=r"a\.py(, line \d)?: the module can't be imported: SyntaxError: "):
        load_modules(tmp_path, ["a"], UsageError)


def test_other_encodings(tmp_path: Path) -> None:
    """A file may name its encoding, as Python allows, or begin with a byte order mark."""
    (tmp_path / "a.py").write_bytes("# coding: latin-1\nx = 'ä'".encode("latin-1"))
    (tmp_path / "b.py").write_bytes("x = 'ä'".encode("utf-8-sig"))
    assert [load_module(tmp_path / name).x for name in ("a.py", "b.py")] == ["ä", "ä"]
