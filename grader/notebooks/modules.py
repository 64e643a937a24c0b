"""Makes modules of notebooks' cells: of all statements, those that an assignment's functions need.

Each module asked for that a notebook defines a name of gets what its names need, directly or through another; what
several need stands in one file that they import, so that a class is one class. The sources are plain: whoever reads
modules reads these too. Above each statement stands where it comes from. Runs in a process with bounds.
"""

from __future__ import annotations

import builtins
import json
import pickle
import re
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from grader.notebooks.absent import explain_cells, explain_names
from grader.notebooks.beside import first_notes, read_handed_out, replaced_modules, unread_names
from grader.notebooks.cells import NotANotebook, Notebook, read_notebook
from grader.notebooks.definition_index import DefinitionIndex
from grader.notebooks.guards import PREAMBLE, guarded, guarded_block
from grader.notebooks.notes import tell
from grader.notebooks.places import first_line, place_line
from grader.notebooks.statements import STAR, Statement
from grader.text import clean_name

ASKED, FOUND = "asked.pickle", "found.json"
_BUILTINS = frozenset(dir(builtins))


@dataclass(frozen=True)
class Asked:
    """What the process is asked.

    Attributes:
        notebooks: Contents by path.
        helpers: Names of the modules that lie beside the notebooks.
        sources: The modules themselves, by dotted name.
        wanted: Names asked for, by module; None asks only which names each notebook defines.
        networks: Modules of `wanted` whose model files may hold any class.
        given: What was handed out, stubs and notebook, by file name.
        present: Those modules of `wanted` that were handed in, by name; they are made of a notebook where they are as
            they were handed out.
    """

    notebooks: Mapping[str, bytes]
    helpers: frozenset[str]
    wanted: Mapping[str, tuple[str, ...]] | None = None
    networks: frozenset[str] = frozenset()
    sources: Mapping[str, bytes] = field(default_factory=dict)
    given: Mapping[str, bytes] = field(default_factory=dict)
    present: Mapping[str, bytes] = field(default_factory=dict)


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
    found: dict[str, object] = {"broken": broken}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes that Python does not know
        found |= _names(books, asked) if asked.wanted is None else _modules(books, asked, asked.wanted)
    (folder / FOUND).write_text(json.dumps(found))


def _names(books: list[Notebook], asked: Asked) -> dict[str, object]:
    """The names that each notebook defines, and why it may define no more."""
    shelf = DefinitionIndex(books, asked.helpers, asked.sources)
    names = {book.path: sorted(shelf.defines(number)) for number, book in enumerate(books)}
    return {"names": names, "why": {book.path: explain_cells(book) for book in books}}


def _modules(books: list[Notebook], asked: Asked, wanted: Mapping[str, tuple[str, ...]]) -> dict[str, object]:
    """Modules by file name, sentences about them, and what to say of a name that none of them has."""
    handed_out = read_handed_out(asked.given)
    names = {name for each in wanted.values() for name in each}
    # A module of the assignment is no helper: `from filters import normalize_tensor` finishes nothing.
    shelf = DefinitionIndex(books, asked.helpers - set(wanted), asked.sources, names, handed_out)
    replaced = replaced_modules(shelf, wanted, asked.present)
    missing = {module: each for module, each in wanted.items() if module in replaced or module not in asked.present}
    made = Made(shelf, missing, asked.networks, {*wanted, *asked.helpers})
    return {
        "files": made.files(),
        "notes": tell(shelf, made.reached, missing, asked.helpers | set(wanted)),
        "first": first_notes(shelf, wanted, asked.present, replaced),
        "missing": sorted(missing),
        "absent": unread_names(shelf, wanted, asked.present, replaced) | explain_names(shelf, missing) if books else {},
    }


class Made:
    """The modules made of a shelf.

    Args:
        shelf: The notebooks.
        wanted: Names asked for, by module.
        networks: Modules whose model files may hold any class.
        taken: Names of modules that are there, or asked for.

    Attributes:
        reached: What each module is made of.
    """

    def __init__(
        self,
        shelf: DefinitionIndex,
        wanted: Mapping[str, tuple[str, ...]],
        networks: frozenset[str],
        taken: Collection[str],
    ) -> None:
        self._shelf = shelf
        self._taken = {name.lower() for name in taken}
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
            while name in {*names, *self._taken}:
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
            {
                (owners.get(bound) == each.book, self._homes[each], bound)
                for each in elsewhere
                for bound in each.binds | each.changes
            }
        )
        paths = ", ".join(f'"{clean_name(shelf.books[book].path)}"' for book in sorted(books))
        body = [guarded((), f"from {home} import {bound}") for _asked, home, bound in taken]
        for statement in self._ordered({*here, *imports}):
            where = place_line(clean_name(shelf.books[statement.book].path), statement.cell, statement.line)
            body += ["", *_guarded(statement, where)]
        start = [first_line(paths), "from __future__ import annotations", ""]
        start += [PREAMBLE] if any(line.startswith("with _cell_(") for line in body) else []
        return "\n".join([*start, *body, ""])

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


def _guarded(statement: Statement, where: str) -> Iterator[str]:
    """A statement's source below the line that says where it is from; left out where it fails."""
    names = (statement.binds | statement.changes) - {STAR}
    if statement.kind == "import":
        yield where
        yield from (guarded(names, line) for line in statement.text.split("\n"))
    elif statement.kind in ("value", "part", "patch", "call") and not statement.nested:
        yield where
        yield guarded(names, statement.text)
    elif statement.kind == "block" or statement.nested or statement.now - _BUILTINS:
        yield guarded_block(names, where, statement.text, nested=statement.nested)
    else:
        yield where
        yield statement.text
