"""What to say of a name that no module made of notebooks has: where it stands, and why nothing was taken there."""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Collection, Iterator, Mapping

from grader.notebooks.cells import DEFINES, LeftOut, Notebook
from grader.notebooks.definition_index import DefinitionIndex
from grader.text import clean_name, clean_text, list_words

_MOST_NAMES = 300  # that something is said of
_MOST_CELLS = 3  # in a sentence
_CLOSE = 0.75  # difflib's ratio from which on a name is told as one that may be meant


def explain_names(shelf: DefinitionIndex, wanted: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Sentences by `module.name` for what is asked for and not there, and by name for what functions may miss."""
    told: dict[str, str] = {}
    books = [f'"{clean_name(book.path)}"' for book in shelf.books]
    for module, names in wanted.items():
        for name in names:
            if shelf.owner(name) is None:
                found = [sentence for book in shelf.books for sentence in _about(shelf, book, name)]
                found = found or [sentence for book in shelf.books for sentence in explain_cells(book)]
                told[f"{module}.{name}"] = " ".join(
                    [f"No cell of {list_words(books, 'or')} defines `{name}`.", *found[:_MOST_CELLS]]
                )
    defined = {name for number in range(len(shelf.books)) for name in shelf.defines(number)}
    missed = (each for book in shelf.books for each in _missed(book) if each[0] not in defined)
    return dict(itertools.islice(missed, _MOST_NAMES)) | told


def explain_cells(book: Notebook) -> list[str]:
    """A sentence on each of the first cells of which nothing was taken."""
    told = [f"Nothing was taken of {_cell(book, number)}: {_why(left)}." for number, left in book.broken.items()]
    if book.language not in ("", "python", "ipython"):
        told.insert(0, f'"{clean_name(book.path)}" says that it is written in {clean_name(book.language)}, not Python.')
    return told[:_MOST_CELLS]


def _about(shelf: DefinitionIndex, book: Notebook, name: str) -> list[str]:
    """Sentences on where else a notebook has a name, or else on one that is like it."""
    if told := list(_places(book, name)):
        return told
    like = close_name(name, shelf.defines(shelf.books.index(book)))
    cell = next((each.cell for each in book.statements if like in each.binds), 0)
    return [f"{_cell(book, cell, word='Cell')} defines `{like}`: if that is meant, call it `{name}`."] if like else []


def _places(book: Notebook, name: str) -> Iterator[str]:
    """Sentences on the places where a notebook has a name and nothing was taken."""
    for number, left in book.broken.items():
        if _line_of(left.source, name):
            yield f"{_cell(book, number, word='Cell')} does, but nothing of it was taken: {_why(left)}."
    for statement in book.statements:
        if statement.kind in ("class", "function") and (line := _line_of(statement.text, name, inside=True)):
            place = _cell(book, statement.cell, statement.line + line - 1)
            yield f"It stands inside another definition ({place}): move it out of that, to the left margin."
    if name in book.unset:
        cell, line, what = book.unset[name]
        yield f"It stands inside {what} that is not run ({_cell(book, cell, line)}): move it out of that."
    for number, left in book.prose:
        if _line_of(left.source, name):
            after = f"below {_cell(book, number)}" if number else f'at the top of "{clean_name(book.path)}"'
            yield f"The {left.kind} cell {after} does: make it a code cell."


def close_name(name: str, defined: Collection[str]) -> str:
    """The name most like another among some; empty when none is."""
    here = sorted(defined)[:_MOST_NAMES]
    plain = {each.casefold().replace("_", ""): each for each in here}
    if found := difflib.get_close_matches(name.casefold().replace("_", ""), plain, 1, _CLOSE):
        return plain[found[0]]
    return next((each for each in here if each.casefold().startswith(f"{name.casefold()}_")), "")


def _missed(book: Notebook) -> Iterator[tuple[str, str]]:
    """Names that are defined where nothing was taken, and a sentence on each."""
    for number, left in book.broken.items():
        for match in DEFINES.finditer(left.source):
            if not match["indent"]:
                name = match["defined"] or match["set"]
                yield name, f"`{name}` stands in {_cell(book, number)}, of which nothing was taken: {_why(left)}."
    for name, (number, line, what) in book.unset.items():
        yield (
            name,
            f"`{name}` stands inside {what} that is not run when your work is graded ({_cell(book, number, line)}).",
        )


def _line_of(source: str, name: str, *, inside: bool = False) -> int:
    """The line, from 1, on which a text defines a name, `inside` something else only if indented; 0 for none."""
    word = re.compile(rf"\b{re.escape(name)}\b")
    for match in DEFINES.finditer(source):
        found = match["defined"] or ("" if inside else match["set"])
        if found and word.fullmatch(found) and (match["indent"] or not inside):
            return source.count("\n", 0, match.start()) + 1
    return 0


def _cell(book: Notebook, cell: int, line: int = 0, word: str = "cell") -> str:
    return f'{word} {cell}{f", line {line}" if line else ""} of "{clean_name(book.path)}"'


def _why(left: LeftOut) -> str:
    """Why a cell was left out, with the line where Python stopped reading."""
    lines = left.source.split("\n")
    text = clean_name(lines[left.line - 1].strip()) if 0 < left.line <= len(lines) else ""
    return clean_text(left.why, lines=1) + (f": `{text}`" if text else "")
