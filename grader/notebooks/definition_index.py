"""Which statements of a submission's notebooks give a name its meaning, and what they need in turn.

Within a notebook the last definition counts, with what changes it after, as when the cells are run in order; but a TODO
that was handed out never undoes what is written. Of several notebooks each has its own names. A name that is asked for
is taken from the notebook that has it finished; where several have, from the one with more of its parts finished, and
then from the last by name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property

from grader.notebooks.cells import Notebook
from grader.notebooks.statements import STAR, Statement, public_names

# "Copy of lab" (Colab), "lab-Copy1" (Jupyter), "lab (1)" (browsers), "lab - Copy (2)", "lab copy 2", "lab2"
_COPY_OF = re.compile(r"(?:copy (?:\(?\d+\)? )?of )+")
_NUMBER = re.compile(r"(?P<copy>[ _-]*copy)?[ _-]*\(?(?P<number>\d*)\)?$")


class HandedOut:
    """What was handed out.

    Args:
        books: The assignment's stubs and its notebook.
    """

    def __init__(self, books: Iterable[Notebook] = ()) -> None:
        statements = [(name, each) for book in books for each in book.statements for name in each.binds]
        self._forms = {(name, each.form) for name, each in statements}
        self._todos = {(name, each.form) for name, each in statements if each.todo}

    def has(self, name: str, statement: Statement) -> bool:
        """Whether a statement is as it was handed out."""
        return (name, statement.form) in self._forms

    def is_todo(self, name: str, statement: Statement) -> bool:
        """Whether it is a TODO that was handed out, or a function that says no more."""
        return (name, statement.form) in self._todos or (statement.todo and statement.kind == "function")


class DefinitionIndex:
    """The notebooks of a submission, and which statements give a name its meaning.

    Args:
        books: The notebooks.
        helpers: Names of what lies beside them and can be imported.
        sources: The modules among them by dotted name: a star import takes their names.
        asked: Names that are asked for: of several notebooks' definitions the finished one counts.
        handed_out: Stubs and notebook of the assignment.
    """

    def __init__(
        self,
        books: list[Notebook],
        helpers: frozenset[str],
        sources: Mapping[str, bytes] | None = None,
        asked: Collection[str] = (),
        handed_out: HandedOut | None = None,
    ) -> None:
        self.books = books
        self.helpers = helpers
        self.handed_out = handed_out or HandedOut()
        self.asked = frozenset(asked)
        self._sources = sources or {}
        self._bindings = [self._index(book) for book in books]

    def _index(self, book: Notebook) -> dict[str, list[Statement]]:
        """The statements that give a name its meaning, in order, by name."""
        classes = {name for each in book.statements if each.kind == "class" for name in each.binds}
        setters = {name for each in book.statements if each.sets for name in each.binds}
        bindings: dict[str, list[Statement]] = {}
        for each in book.statements:
            names = each.binds | each.changes | self._taken_by_star(each)
            if each.kind != "call" or each.called in setters:
                names |= each.extends & classes
            for name in names:
                bindings.setdefault(name, []).append(each)
        return {name: _own(name, found) for name, found in bindings.items()}

    def _taken_by_star(self, statement: Statement) -> frozenset[str]:
        """Names that `from mylib import *` takes of a module beside the notebook."""
        found = [self._sources[each] for each in statement.sources if each in self._sources]
        return frozenset().union(*map(public_names, found)) if STAR in statement.binds else frozenset()

    def defines(self, book: int) -> set[str]:
        """Names that a notebook defines, or takes from a module beside it."""
        return {name for name, found in self._bindings[book].items() if any(self._is_own(name, each) for each in found)}

    def _is_own(self, name: str, statement: Statement) -> bool:
        if statement.kind == "import":
            return any(source.split(".")[0] in self.helpers for source in statement.sources)
        return name in statement.binds

    @cached_property
    def _defined(self) -> list[set[str]]:
        return [self.defines(number) for number in range(len(self.books))]

    def owner(self, name: str) -> int | None:
        """The notebook whose definition counts."""
        books = [number for number, names in enumerate(self._defined) if name in names]
        return max(books, key=lambda book: (*self.progress(book, name), *self._standing[book]), default=None)

    def progress(self, book: int, name: str) -> tuple[bool, bool]:
        """How far a notebook is with a name: whether no TODO is left in it, and whether it is not as handed out."""
        last = self._meaning(name, self._bindings[book][name])[0]
        return not last.todo, not self.handed_out.has(name, last)

    def finished(self, book: int) -> set[str]:
        """The names asked for that a notebook's author has finished, or changed."""
        return {name for name in self.asked & self._defined[book] if all(self.progress(book, name))}

    @cached_property
    def _standing(self) -> list[tuple[int, tuple[object, ...]]]:
        """What decides between notebooks that have the same name finished."""
        return [(len(self.finished(number)), _age(book.path)) for number, book in enumerate(self.books)]

    def find(self, book: int, name: str, before: int | None = None) -> list[Statement]:
        """What gives a name its meaning, in order: the last definition and what changes it after.

        Args:
            book: The notebook that uses the name; another's counts where this one has none, or only a TODO.
            name: Which.
            before: The place where it is used; None for what is used when everything has been run.
        """
        holder = self._holder(book, name)
        if holder is None:
            return []
        found: list[Statement] = self._bindings[holder][name]
        if before is not None and holder == book:
            found = [statement for statement in found if statement.place < before] or found
        return self._meaning(name, found)

    def _holder(self, book: int, name: str) -> int | None:
        """The notebook whose statements count where `book` uses a name."""
        if name in self._bindings[book]:
            if len(self.books) == 1 or name not in self.asked & self._defined[book] or self.progress(book, name)[0]:
                return book
            return self.owner(name)
        others = [number for number, bindings in enumerate(self._bindings) if name in bindings]
        return max(others, key=lambda number: self._standing[number], default=None)

    def _meaning(self, name: str, found: list[Statement]) -> list[Statement]:
        """Of all statements of a name, in order, those that count."""
        whole = [number for number, statement in enumerate(found) if statement.is_whole(name)]
        if not whole:
            return found
        written = [number for number in whole if not self.handed_out.is_todo(name, found[number])]
        start = (written or whole)[-1]
        # What changes a name above the only cell that defines it was run after that cell.
        early = [each for each in found[:start] if name not in each.binds] if start == whole[0] else []
        return [found[start], *early, *(found[n] for n in range(start + 1, len(found)) if n not in whole)]

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

    def forms(self, book: int, name: str) -> frozenset[int]:
        """Equal for two notebooks that mean the same by a name, all that it needs included."""
        return frozenset(each.form for each in self.reach(self.find(book, name)) if each.kind != "import")

    def classes(self) -> list[Statement]:
        """The classes of all notebooks; of each name those of one notebook, as `owner` chooses."""
        names = sorted(
            {name for each in self._bindings for name, found in each.items() if any(s.kind == "class" for s in found)}
        )
        owned = [(name, self.owner(name)) for name in names]
        return [each for name, book in owned if book is not None for each in self.find(book, name)]


def _own(name: str, found: list[Statement]) -> list[Statement]:
    """Of a library's name only what costs nothing: `torch.Tensor.cuda = kept`, not `torch.backends.x.y = f()`."""
    if any(statement.kind == "import" and name in statement.binds for statement in found):
        return [each for each in found if name in each.binds or each.kind == "patch"]
    return found


def _age(path: str) -> tuple[object, ...]:
    """What orders notebooks by name: numbers by their size, and a copy after what it is a copy of."""
    stem = path.rpartition("/")[2].rpartition(".")[0].casefold()
    start = _COPY_OF.match(stem)
    base = stem[start.end() :] if start else stem
    end = _NUMBER.search(base)
    assert end is not None
    return base[: end.start()], bool(start or end["copy"]), int(end["number"] or 0), stem
