"""A notebook that anyone may have made is read cell by cell, or is none."""

from __future__ import annotations

import sys

import pytest
from sample_notebooks import notebook

from grader.notebooks.cells import MOST_CODE, NotANotebook, read_notebook
from grader.notebooks.magics import without_magics


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 100_000, "nested too deep"),
        (b"[1]", "no cells"),
        (b"{}", "no cells"),
        (b'{"cells": {}}', "no cells"),
        (b'{"worksheets": [3]}', "no cells"),
    ],
)
def test_no_notebook(content: bytes, why: str) -> None:
    """What holds no cells is no notebook, and the reason is told."""
    with pytest.raises(NotANotebook, match=why):
        read_notebook("a.ipynb", content)


X = '{"cell_type": "code", "source": "x = 1", "execution_count": '


@pytest.mark.parametrize(
    "content",
    [
        f'{{"cells": [{X}{"1" * 5000}}}]}}',
        f'{{"cells": [3, null, {{"cell_type": "code"}}, {{"cell_type": "code", "source": {{}}}}, {X}NaN}}]}}',
        '{"worksheets": [5, {}, {"cells": [{"cell_type": "code", "input": ["x = ", 3, "1"], "prompt_number": 4}]}]}',
        '{"cells": [{"cell_type": [], "source": "y"}, {"cell_type": "code", "source": "x = 1", "outputs": [NaN]}]}',
        f'\ufeff{{"cells": [{X}1}}]}}',
    ],
)
def test_odd_notebooks(content: str) -> None:
    """Older versions, wrong types, NaN, a mark in front and numbers beyond all bounds don't hide a cell."""
    book = read_notebook("a.ipynb", content.encode())
    assert [statement.text for statement in book.statements] == ["x = 1"]
    assert book.ran


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="nothing is newer")
@pytest.mark.parametrize(
    ("cell", "newer"),
    [
        ("%time\nx = t'{a}'", "3.14"),
        ("try:\n    a\nexcept OSError, KeyError:\n    b", "3.14"),
        ("def f(:", ""),
        ("x = '", ""),
    ],
)
def test_newer_syntax(cell: str, newer: str) -> None:
    """A cell of a newer Python's syntax is told as that, with the Python that grades; an ordinary error is not."""
    told = read_notebook("a.ipynb", notebook(cell, "y = 1")).broken[1]
    words = f"syntax of Python {newer}, and graded with Python {sys.version_info[0]}.{sys.version_info[1]}, line "
    assert told.why.startswith(words) is bool(newer)


def test_much_code() -> None:
    """A cell that goes beyond the bound is left out; small ones before and after it are not."""
    book = read_notebook("a.ipynb", notebook("a = 1", "b = '" + "x" * MOST_CODE + "'", "c = 1"))
    assert [sorted(statement.binds) for statement in book.statements] == [["a"], ["c"]]
    assert set(book.broken) == {2}


def test_magics_keep_lines() -> None:
    """Shell lines and magics become `pass`, line by line and indented as they were; texts and sums stay."""
    cell = "if a:\n    !ls \\\n  -l\nx = (1\n% 2)\ny = 'it''s' # '\n%time z\n? z"
    text, has_magics = without_magics(cell)
    assert has_magics
    assert text == "if a:\n    pass\n\nx = (1\n% 2)\ny = 'it''s' # '\npass\npass"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_encodings(encoding: str) -> None:
    """Windows' editors and shells write JSON in other encodings, with a mark in front or without."""
    assert read_notebook("a.ipynb", notebook("x = 'ü'").decode().encode(encoding)).statements[0].text == "x = 'ü'"


@pytest.mark.parametrize(
    ("first", "why"),
    [
        ("%%writefile a.py", "writes it into a file"),
        ("%%FILE a.py", "writes"),
        ("%%bash", "hands it to"),
        ("%%R", "hands"),
    ],
)
def test_cells_of_something_else(first: str, why: str) -> None:
    """What a magic writes away or hands to another program is no Python of the notebook; a mere command is a magic."""
    book = read_notebook("a.ipynb", notebook(f"\n{first}\nx = 1", f"{first}\nls -l"))
    assert why in book.broken[1].why
    assert (book.statements, set(book.broken), book.magics) == ([], {1}, {2})
