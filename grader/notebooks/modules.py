"""Makes modules of notebooks' cells: of all statements, those that an assignment's functions need.

Each module asked for that a notebook defines a name of gets what its names need, directly or through another; what
several need stands in one file that they import, so that a class is one class. The sources are plain: whoever reads
modules reads these too. Above each statement stands where it comes from. Runs in a process with bounds.
"""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from grader.notebooks.cells import NotANotebook, Notebook, read_notebook
from grader.notebooks.notes import tell
from grader.notebooks.places import first_line, place_line
from grader.notebooks.shelf import Shelf
from grader.notebooks.statements import GUARD, STAR, Statement
from grader.text import clean_name

ASKED, FOUND = "asked.pickle", "found.json"


@dataclass(frozen=True)
class Asked:
    """What the process is asked.

    Attributes:
        notebooks: Contents by path.
        helpers: Names of the modules that lie beside the notebooks.
        sources: The modules themselves, by dotted name.
        wanted: Names asked for, by module; None asks only which names each notebook defines.
        networks: Modules of `wanted` whose model files may hold any class.
    """

    notebooks: Mapping[str, bytes]
    helpers: frozenset[str]
    wanted: Mapping[str, tuple[str, ...]] | None = None
    networks: frozenset[str] = frozenset()
    sources: Mapping[str, bytes] = field(default_factory=dict)


def main(folder: Path) -> None:
    """What the process does: answers what the grader put into `folder`."""
    asked: Asked = pickle.loads((folder / ASKED).read_bytes())
    books: list[Notebook] = []
    broken: dict[str, str] = {}
    for path, raw in asked.notebooks.items():
        try:
            books.append(read_notebook(path, raw, len(books)))
        except NotANotebook as error:
            broken[path] = str(error)
    shelf = Shelf(books, asked.helpers, asked.sources)
    found: dict[str, object] = {"broken": broken}
    if asked.wanted is None:
        found["names"] = {book.path: sorted(shelf.defines(number)) for number, book in enumerate(books)}
    else:
        made = Made(shelf, asked.wanted, asked.networks)
        found["files"] = made.files()
        found["notes"] = tell(books, made.reached, asked.wanted, asked.helpers | set(asked.wanted))
    (folder / FOUND).write_text(json.dumps(found))


class Made:
    """The modules made of a shelf.

    Attributes:
        reached: What each module is made of.
    """

    def __init__(self, shelf: Shelf, wanted: Mapping[str, tuple[str, ...]], networks: frozenset[str]) -> None:
        self._shelf = shelf
        self._names: dict[str, dict[str, int]] = {}  # of each module, and the notebook that each is taken from
        self.reached: dict[str, set[Statement]] = {}
        for module, names in wanted.items():
            owners = {name: owner for name in names if (owner := shelf.owner(name)) is not None}
            if owners:
                starts = [each for name, owner in owners.items() for each in shelf.find(owner, name)]
                self._names[module] = owners
                self.reached[module] = shelf.reach(starts + (shelf.classes() if module in networks else []))

    @cached_property
    def _homes(self) -> dict[Statement, str]:
        """The file where each statement stands; imports stand wherever they are needed."""
        homes: dict[Statement, str] = {}
        for module, reached in self.reached.items():
            several = len({statement.book for statement in reached}) > 1
            for statement in reached:
                shared = several or statement in homes
                homes[statement] = self._shared[statement.book] if shared else module
        return {statement: home for statement, home in homes.items() if statement.kind != "import"}

    @cached_property
    def _shared(self) -> list[str]:
        """A module's name for what is shared, by notebook: `lab_ipynb` for `lab.ipynb`."""
        names: list[str] = []
        for book in self._shelf.books:
            stem = book.path.rpartition("/")[2].rpartition(".")[0].lower()
            name = re.sub(r"\W", "_", stem, flags=re.ASCII) + "_ipynb"
            name = name if name.isidentifier() else f"_{name}"
            while name in {*names, *self.reached, *(helper.lower() for helper in self._shelf.helpers)}:
                name += "_"
            names.append(name)
        return names

    def files(self) -> dict[str, str]:
        """Sources by file name."""
        files = {}
        for name in dict.fromkeys([*self.reached, *sorted(set(self._homes.values()))]):
            here = [statement for statement, home in self._homes.items() if home == name]
            files[f"{name}.py"] = self._source(name, here)
        return files

    def _source(self, name: str, here: list[Statement]) -> str:
        """The source of a file that holds these statements."""
        shelf = self._shelf
        owners = self._names.get(name, {})
        needed = {each for statement in here for each in shelf.needs(statement)}
        for asked, owner in owners.items():
            needed |= set(shelf.find(owner, asked))
        needed |= {each for each in self.reached.get(name, ()) if each.kind == "class"}  # for a pickled network
        books = {statement.book for statement in (*here, *needed)}
        imports = {each for each in needed if each.kind == "import"}
        imports |= {star for book in books for star in shelf.find(book, STAR) if star.book == book}
        elsewhere = [each for each in needed if self._homes.get(each, name) != name]
        # What is asked of the module comes last: of two notebooks' functions of one name it is the right one.
        taken = sorted(
            {(owners.get(bound) == each.book, self._homes[each], bound) for each in elsewhere for bound in each.binds}
        )
        paths = ", ".join(f'"{clean_name(shelf.books[book].path)}"' for book in sorted(books))
        lines = [first_line(paths), "from __future__ import annotations", ""]
        lines += [_tried(f"from {home} import {bound}") for _asked, home, bound in taken]
        for statement in self._ordered({*here, *imports}):
            where = place_line(clean_name(shelf.books[statement.book].path), statement.cell, statement.line)
            lines += ["", where, *_guarded(statement)]
        return "\n".join([*lines, ""])

    def _ordered(self, statements: set[Statement]) -> list[Statement]:
        """In the notebook's order, but what is needed to run a statement before it: cells were run out of order."""
        ordered: dict[Statement, None] = {}
        started: set[Statement] = set()

        def place(statement: Statement) -> None:
            if statement not in started:
                started.add(statement)
                for each in _sorted(self._shelf.reach(self._shelf.needs_now(statement)) & statements):
                    place(each)
                ordered[statement] = None

        for statement in _sorted(statements):
            place(statement)
        return list(ordered)


def _sorted(statements: Iterable[Statement]) -> list[Statement]:
    return sorted(statements, key=lambda statement: (statement.book, statement.place))


def _guarded(statement: Statement) -> Iterator[str]:
    """A statement's source; imports and values are left out where they fail."""
    if statement.kind == "import":
        yield from map(_tried, statement.text.split("\n"))
    else:
        yield _tried(statement.text) if statement.kind in ("value", "part") else statement.text


def _tried(statement: str) -> str:
    """A simple statement that is left out where it fails; its lines stay as they are."""
    return f"try: {statement}\nexcept {GUARD}: pass"
