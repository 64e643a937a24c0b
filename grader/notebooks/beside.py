"""Modules that lie beside notebooks: which are as they were handed out, and what of a notebook nobody reads then."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Set

from grader.notebooks.cells import NotANotebook, Notebook, read_module, read_notebook
from grader.notebooks.definition_index import DefinitionIndex, HandedOut
from grader.text import clean_name, list_words


def read_handed_out(files: Mapping[str, bytes]) -> HandedOut:
    """What was handed out, read from stubs and notebook."""
    books = []
    for path, raw in files.items():
        try:
            book = read_notebook(path, raw) if path.endswith(".ipynb") else read_module(path, raw)
        except NotANotebook:
            continue
        books += [book] if book else []
    return HandedOut(books)


def replaced_modules(
    shelf: DefinitionIndex, wanted: Mapping[str, Collection[str]], present: Mapping[str, bytes]
) -> set[str]:
    """The modules that are made of a notebook although they were handed in: untouched, and not so in the notebook."""
    finished = _finished(shelf)
    candidates = [module for module in present if finished & set(wanted[module])]
    return {module for module in candidates if _is_untouched(shelf, wanted[module], _read(module, present))}


def first_notes(
    shelf: DefinitionIndex, wanted: Mapping[str, Collection[str]], present: Mapping[str, bytes], replaced: Set[str]
) -> list[str]:
    """Sentences that come before all others: which of modules and notebooks are graded, where that costs something."""
    notes = []
    books = list_words([f'"{clean_name(book.path)}"' for book in shelf.books])
    if replaced:
        untouched = list_words([f"{module}.py" for module in present if module in replaced])
        are, they = ("are", "they were") if len(replaced) > 1 else ("is", "it was")
        notes.append(
            f"{books} counts in the place of {untouched}, which {are} untouched, just as {they} handed out. "
            "Hand in the notebook alone."
        )
    for module in present:
        if module not in replaced and (unread := sorted(_unread(shelf, wanted[module], _read(module, present)))):
            names = list_words([f"`{name}`" for name in unread])
            notes.append(
                f"{module}.py is graded, where {names} {'are' if len(unread) > 1 else 'is'} not written yet. "
                f"What {books} has of it was not read: move it to {module}.py, or hand in the notebook alone."
            )
    return notes


def unread_names(
    shelf: DefinitionIndex, wanted: Mapping[str, Collection[str]], present: Mapping[str, bytes], replaced: Set[str]
) -> dict[str, str]:
    """What to say, by `module.name`, of a name that a module lacks and a notebook defines, which is not read for it."""
    told = {}
    for module in present.keys() - replaced:
        read = _read(module, present)
        defined = {name for each in read.statements for name in each.binds} if read else set()
        for name in set(wanted[module]) - defined if read else ():
            if (owner := shelf.owner(name)) is not None:
                book = clean_name(shelf.books[owner].path)
                told[f"{module}.{name}"] = (
                    f'`{module}.py` has no `{name}`. "{book}" defines it, but is not read where there is a {module}.py.'
                )
    return told


def _finished(shelf: DefinitionIndex) -> set[str]:
    return set[str]().union(*(shelf.finished(number) for number in range(len(shelf.books))))


def _read(module: str, present: Mapping[str, bytes]) -> Notebook | None:
    return read_module(f"{module}.py", present[module])


def _is_untouched(shelf: DefinitionIndex, names: Collection[str], module: Notebook | None) -> bool:
    """Whether a module defines all that is asked of it just as it was handed out."""
    if module is None or not names:
        return False
    defined = {name: each for each in module.statements for name in each.binds}
    return all(name in defined and shelf.handed_out.has(name, defined[name]) for name in names)


def _unread(shelf: DefinitionIndex, names: Collection[str], module: Notebook | None) -> Iterator[str]:
    """Names that are a TODO in a module and finished in a notebook."""
    defined = {name: each for each in module.statements for name in each.binds} if module else {}
    finished = _finished(shelf)
    return (
        name for name in names if name in finished and name in defined and shelf.handed_out.is_todo(name, defined[name])
    )
