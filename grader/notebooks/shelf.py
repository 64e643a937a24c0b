"""Which statements of a submission's notebooks give a name its meaning, and what they need in turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from grader.notebooks.cells import Notebook
from grader.notebooks.statements import STAR, Statement, public_names


class Shelf:
    """The notebooks of a submission, and which statements give a name its meaning.

    Args:
        books: The notebooks.
        helpers: Names of what lies beside them and can be imported.
        sources: The modules among them by dotted name: a star import takes their names.
    """

    def __init__(
        self, books: list[Notebook], helpers: frozenset[str], sources: Mapping[str, bytes] | None = None
    ) -> None:
        self.books = books
        self.helpers = helpers
        self._sources = sources or {}
        self._bindings: list[dict[str, list[Statement]]] = []
        for book in books:
            bindings: dict[str, list[Statement]] = {}
            for each in book.statements:
                for name in each.binds | self._taken_by_star(each):
                    bindings.setdefault(name, []).append(each)
            self._bindings.append({name: _own(found) for name, found in bindings.items()})

    def _taken_by_star(self, statement: Statement) -> frozenset[str]:
        """Names that `from mylib import *` takes of a module beside the notebook."""
        found = [self._sources[each] for each in statement.sources if each in self._sources]
        return frozenset().union(*map(public_names, found)) if STAR in statement.binds else frozenset()

    def defines(self, book: int) -> set[str]:
        """Names that a notebook defines, or takes from a module beside it."""
        return {name for name, found in self._bindings[book].items() if any(map(self._is_own, found))}

    def _is_own(self, statement: Statement) -> bool:
        return statement.kind != "import" or any(source.split(".")[0] in self.helpers for source in statement.sources)

    def owner(self, name: str) -> int | None:
        """The notebook whose definition counts: the last, but one in which the TODO is left only if all have it."""
        books = [number for number, names in enumerate(self._defined) if name in names]
        return max(books, key=lambda book: (not self._bindings[book][name][-1].todo, book), default=None)

    @cached_property
    def _defined(self) -> list[set[str]]:
        return [self.defines(number) for number in range(len(self.books))]

    def find(self, book: int, name: str, before: int | None = None) -> list[Statement]:
        """What gives a name its meaning, in order: the last definition and what changes it after.

        Args:
            book: The notebook that uses the name; another's counts where this one has none.
            name: Which.
            before: The place where it is used; None for what is used when everything has been run.
        """
        holder = next((each for each in (book, *range(len(self.books))) if name in self._bindings[each]), None)
        if holder is None:
            return []
        found: list[Statement] = self._bindings[holder][name]
        if before is not None and holder == book:
            found = [statement for statement in found if statement.place < before] or found
        whole = [number for number, statement in enumerate(found) if statement.is_whole]
        return found[whole[-1] :] if whole else found

    def needs(self, statement: Statement) -> Iterator[Statement]:
        """What a statement needs directly."""
        yield from self.needs_now(statement)
        for name in sorted(statement.later):
            yield from self.find(statement.book, name)

    def needs_now(self, statement: Statement) -> Iterator[Statement]:
        """What it needs directly when it is run."""
        for name in sorted(statement.now):
            yield from self.find(statement.book, name, statement.place)

    def reach(self, starts: Iterable[Statement]) -> set[Statement]:
        """The statements and all that they need, directly or through others, star imports included."""
        found = set(starts)
        waiting = list(found)
        while waiting:
            more = set(self.needs(waiting.pop())) - found
            found |= more
            waiting += more
        books = {statement.book for statement in found}
        return found | {star for book in books for star in self._bindings[book].get(STAR, ())}

    def classes(self) -> list[Statement]:
        """The classes of all notebooks, each name's last."""
        found = [(book, name) for book, bindings in enumerate(self._bindings) for name in bindings]
        return [each for book, name in found for each in self.find(book, name) if each.kind == "class"]


def _own(found: list[Statement]) -> list[Statement]:
    """Without what sets attributes of a library: `torch.backends.cudnn.benchmark = True`."""
    if any(statement.kind == "import" for statement in found):
        return [statement for statement in found if statement.kind != "part"]
    return found
