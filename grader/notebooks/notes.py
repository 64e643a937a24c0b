"""Says in a few sentences what was taken of a submission's notebooks and what was not, for its student."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Set

from grader.installed import is_installed
from grader.notebooks.definition_index import DefinitionIndex
from grader.notebooks.statements import Statement
from grader.text import clean_name, clean_text, list_words

_RANGES = 20  # of cells in a sentence
_RUN = ("value", "part", "patch", "call", "block")  # kinds of statements that do something when a cell is run
_MOST = 5  # cells that don't parse, or libraries, of a notebook: a longer list is not read


def tell(
    shelf: DefinitionIndex,
    reached: Mapping[str, Set[Statement]],
    wanted: Mapping[str, Collection[str]],
    modules: Collection[str],
) -> list[str]:
    """Sentences about each notebook, and about what several have.

    Args:
        shelf: The notebooks.
        reached: The statements that each module was made of.
        wanted: Names asked for, by module.
        modules: Names of the modules that lie beside the notebooks, or are made of them.
    """
    asked = {name for names in wanted.values() for name in names}
    told = [
        f'"{clean_name(book.path)}": {sentence}'
        for number, book in enumerate(shelf.books)
        for sentence in _about(shelf, number, reached, asked, modules)
    ]
    return told + list(_of_several(shelf, asked))


def _about(
    shelf: DefinitionIndex,
    number: int,
    reached: Mapping[str, Set[Statement]],
    asked: Set[str],
    modules: Collection[str],
) -> Iterator[str]:
    book = shelf.books[number]
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
    left = {each.cell for each in book.statements if each not in used and each.kind in _RUN}
    if left := left | book.other:
        yield f"calls, loops and assignments that nothing asked for needs were not run, in {_cells(left)}."
    if book.magics:
        yield f"shell lines and magics were not run, in {_cells(book.magics)}."
    for number_of_cell, broken in sorted(book.broken.items())[:_MOST]:
        yield f"nothing was taken of cell {number_of_cell}: {clean_text(broken.why, lines=1)}."
    if len(book.broken) > _MOST:
        yield f"nor of {len(book.broken) - _MOST} more cells that can't be read."
    yield from _again(shelf, number, asked)
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


def _again(shelf: DefinitionIndex, number: int, asked: Set[str]) -> Iterator[str]:
    """Sentences on what was defined several times."""
    book = shelf.books[number]
    defined: dict[str, list[int]] = {}
    for each in book.statements:
        if each.kind in ("function", "class"):
            for name in each.binds & asked:
                defined.setdefault(name, []).append(each.cell)
    several = {name: cells for name, cells in sorted(defined.items()) if len(cells) > 1}
    counting = {name: shelf.find(number, name)[0] for name in several}
    above = [
        name for name, cells in several.items() if counting[name].book == number and counting[name].cell != cells[-1]
    ]
    if last := [f"{name} ({_cells(set(cells))})" for name, cells in several.items() if name not in above]:
        yield f"defined more than once, the last counts: {', '.join(last[:_MOST])}."
    for name in above[:_MOST]:
        cell, last_cell = counting[name].cell, several[name][-1]
        yield f"{name} counts as cell {cell} has it, because cell {last_cell} holds only the TODO."


def _of_several(shelf: DefinitionIndex, asked: Set[str]) -> Iterator[str]:
    """Sentences on what several notebooks have finished in different ways."""
    rivals: dict[tuple[int, tuple[int, ...]], list[str]] = {}
    for name in sorted(asked):
        owner = shelf.owner(name)
        ready = [number for number in range(len(shelf.books)) if name in shelf.finished(number)]
        if owner in ready:
            others = tuple(each for each in ready if shelf.forms(each, name) != shelf.forms(owner, name))
            if others:
                rivals.setdefault((owner, others), []).append(name)
    for (owner, others), names in rivals.items():
        taken, *rest = (f'"{clean_name(shelf.books[each].path)}"' for each in (owner, *others))
        more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
        yield (
            f"{list_words(names[:_MOST])}{more}: finished in {taken}, and in another way in {list_words(rest)}. "
            f"{taken} counts: of several notebooks it is the one with more parts finished, and then the last by name."
        )


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
