"""Says in a few sentences what was taken of a submission's notebooks and what was not, for its student."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Set

from grader.installed import is_installed
from grader.notebooks.cells import Notebook
from grader.notebooks.statements import Statement
from grader.text import clean_name

_RANGES = 20  # of cells in a sentence
_MOST = 5  # cells that don't parse, or libraries, of a notebook: a longer list is not read


def tell(
    books: Iterable[Notebook],
    reached: Mapping[str, Set[Statement]],
    wanted: Mapping[str, Collection[str]],
    modules: Collection[str],
) -> list[str]:
    """Sentences about each notebook.

    Args:
        books: In order.
        reached: The statements that each module was made of.
        wanted: Names asked for, by module.
        modules: Names of the modules that lie beside the notebooks, or are made of them.
    """
    asked = {name for names in wanted.values() for name in names}
    return [
        f'"{clean_name(book.path)}": {sentence}'
        for number, book in enumerate(books)
        for sentence in _about(book, number, reached, asked, modules)
    ]


def _about(
    book: Notebook,
    number: int,
    reached: Mapping[str, Set[Statement]],
    asked: Set[str],
    modules: Collection[str],
) -> Iterator[str]:
    used = set[Statement]().union(*reached.values())
    cells = {statement.cell for statement in used if statement.book == number}
    made = [module for module, found in reached.items() if any(each.book == number for each in found)]
    if not cells:
        yield "nothing of it is needed, so nothing was taken."
        return
    yield (
        f"graded as {', '.join(f'{module}.py' for module in made)}, made of its {_cells(cells)} of {book.cells} "
        '(code cells, numbered as "Restart and run all" numbers them).'
    )
    left = {each.cell for each in book.statements if each not in used and each.kind in ("value", "part", "block")}
    if left := left | book.other:
        yield f"calls, loops and assignments that nothing asked for needs were not run, in {_cells(left)}."
    if book.magics:
        yield f"shell lines and magics were not run, in {_cells(book.magics)}."
    for cell, reason in sorted(book.broken.items())[:_MOST]:
        yield f"nothing was taken of cell {cell}: {clean_name(reason)}."
    if len(book.broken) > _MOST:
        yield f"nor of {len(book.broken) - _MOST} more cells that can't be read."
    yield from _again(book, asked)
    sources = {(name, each.cell) for each in book.statements for name in each.sources}
    missing = sorted(
        (name, cell) for name, cell in sources if name.split(".")[0] not in modules and not is_installed(name)
    )
    for name, cell in missing[:_MOST]:
        yield f"the import of {clean_name(name)} in cell {cell} was skipped: where your code is checked there is none."
    if len(missing) > _MOST:
        yield f"{len(missing) - _MOST} more imports were skipped as well."
    if not book.ran:
        yield "no cell was ever run before it was handed in; it is graded all the same."


def _again(book: Notebook, asked: Set[str]) -> Iterator[str]:
    """A sentence on what was defined several times."""
    defined: dict[str, list[int]] = {}
    for each in book.statements:
        if each.kind in ("function", "class"):
            for name in each.binds & asked:
                defined.setdefault(name, []).append(each.cell)
    several = [f"{name} ({_cells(set(cells))})" for name, cells in sorted(defined.items()) if len(cells) > 1]
    if several:
        yield f"defined more than once, the last counts: {', '.join(several[:_MOST])}."


def _cells(cells: Set[int]) -> str:
    """`cells 1-3, 5` for 1, 2, 3 and 5."""
    parts: list[list[int]] = []
    for cell in sorted(cells):
        if parts and parts[-1][1] == cell - 1:
            parts[-1][1] = cell
        else:
            parts.append([cell, cell])
    told = [f"{first}-{last}" if last > first else str(first) for first, last in parts]
    return (
        f"cell{'s' if len(cells) > 1 else ''} {', '.join(told if len(told) <= _RANGES else [*told[:_RANGES], '...'])}"
    )
