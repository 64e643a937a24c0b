"""Which assignment a zip is for, and in which of its folders the submission lies (part of step 1).

It is the one that the zip holds more completely: a helper module may share its name with a module of another.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from grader.errors import SubmissionRefused
from grader.intake.lookalikes import find_lookalikes
from grader.intake.misplaced import defined_names, exported_notebook
from grader.notebooks.submitted import CLEARLY, asked_names, notebooks_in, recognise_notebooks
from grader.rubric import Assignment
from grader.text import clean_name, list_words

NAMES_QUOTED = 5  # a sentence with more is not read
_ARCHIVES = (".zip", ".rar", ".7z", ".tar", ".gz", ".tgz")


@dataclass(frozen=True)
class Held:
    """What a zip's modules hold of an assignment.

    Attributes:
        assignment: Which.
        root: The folder, with a final slash or "".
        modules: The module files that lie there, in the assignment's order.
        counting: How many of them define something that is asked of them; all, where nobody says what is asked.
        names: Share of all names asked for that they define, from 0 to 1.
    """

    assignment: Assignment
    root: str
    modules: tuple[str, ...]
    counting: int
    names: Fraction

    @property
    def share(self) -> Fraction:
        """Share of the assignment's modules, from 0 to 1."""
        return Fraction(self.counting, len(self.assignment.modules))


def recognise(members: Mapping[str, bytes], choices: list[Assignment]) -> tuple[Assignment, str, tuple[str, ...]]:
    """The assignment that a zip holds, the root of the submission, and notes on modules of other assignments.

    Args:
        members: The zip's files by path.
        choices: The assignments it may be.

    Returns:
        The root is a folder's path with a final slash, or "".

    Raises:
        SubmissionRefused: If it holds nothing that is asked for, or as much of one assignment as of another.
    """
    found = [held for choice in choices if (held := _held(members, choice)) is not None]
    if notebooks_in(members):
        work = {path: data for path, data in members.items() if not _is_stub(path, data, choices)}
        begun = [held for choice in choices if (held := _held(work, choice)) is not None]
        try:
            if not any(held.share == 1 for held in begun):
                chosen, root, share = recognise_notebooks(members, choices)
                if all(held.assignment is not chosen and held.names < share for held in begun):
                    return chosen, root, ()
        except SubmissionRefused:
            if not found:
                raise
    if not found:
        raise SubmissionRefused(_nothing(members, choices))
    best = _most_complete(found, members)
    return (
        best.assignment,
        best.root,
        tuple(_by_chance(best, other) for other in found if other.assignment is not best.assignment),
    )


def module_files(assignment: Assignment) -> list[str]:
    """File names of an assignment's modules, in its order."""
    return [f"{module}.py" for module in assignment.modules]


def quote_paths(paths: Iterable[str]) -> str:
    """Some paths, quoted, for a sentence; those beyond a handful are counted."""
    paths = sorted(paths)
    more = f" and {len(paths) - NAMES_QUOTED} more" if len(paths) > NAMES_QUOTED else ""
    return ", ".join(f'"{clean_name(path)}"' for path in paths[:NAMES_QUOTED]) + more


def _held(members: Mapping[str, bytes], assignment: Assignment) -> Held | None:
    """What a zip holds of an assignment's modules; None when it has none of them.

    The root is the shallowest folder with a module; among equals the one with most modules, then the first by name.
    """
    modules = module_files(assignment)
    folders: dict[str, set[str]] = {}
    for path in members:
        folder, slash, name = path.rpartition("/")
        if name in modules:
            folders.setdefault(folder + slash, set()).add(name)
    if not folders:
        return None
    root = min(folders, key=lambda folder: (folder.count("/"), -len(folders[folder]), folder))
    here = tuple(name for name in modules if name in folders[root])
    asked = asked_names(assignment)
    wanted = {name: set(asked.modules[name.removesuffix(".py")]) for name in here}
    defined = {name: wanted[name] & set(defined_names(members[root + name])) for name in here}
    counting = sum(bool(defined[name]) or not wanted[name] for name in here)
    return Held(assignment, root, here, counting, Fraction(sum(map(len, defined.values())), len(asked.all) or 1))


def _is_stub(path: str, data: bytes, choices: list[Assignment]) -> bool:
    """Whether a file is a module just as it was handed out: beside a notebook it tells nothing."""
    name = path.rpartition("/")[2]
    stubs = (choice.handout_folder / name for choice in choices if name in module_files(choice))
    return any(stub.is_file() and stub.read_bytes() == data.replace(b"\r\n", b"\n") for stub in stubs)


def _most_complete(found: list[Held], members: Mapping[str, bytes]) -> Held:
    """The assignment of whose modules the largest share is there.

    Of two that are there in equal share, one is chance where the other has many more modules, or imports its modules.

    Raises:
        SubmissionRefused: If there is another of which as much is.
    """
    if not any(held.counting for held in found):
        found = [Held(each.assignment, each.root, each.modules, len(each.modules), each.names) for each in found]
    equal = [held for held in found if held.share == max(each.share for each in found)]
    works = [held for held in equal if not any(_is_by_chance(held, other, members) for other in equal)]
    best = works[0] if works else equal[0]
    if len(works) != 1:
        modules = list_words([f"{held.modules[0]} of {held.assignment.id}" for held in found])
        raise SubmissionRefused(
            f"The zip holds modules of several assignments ({modules}): hand in a zip for each, rename a helper module "
            f"that has such a name by chance, or have it graded with ASSIGNMENT={found[0].assignment.id}."
        )
    return best


def _is_by_chance(held: Held, other: Held, members: Mapping[str, bytes]) -> bool:
    """Whether what a zip holds of one assignment is by chance named so, as helpers of its work for another are."""
    if CLEARLY * held.counting <= other.counting:
        return True
    return _imports(other, held, members) and not _imports(held, other, members)


def _imports(importing: Held, imported: Held, members: Mapping[str, bytes]) -> bool:
    """Whether the modules of one import each of the other's that are not their own, by their sources."""
    sources = b"\n".join(members[importing.root + name] for name in importing.modules)
    names = [name.removesuffix(".py") for name in imported.modules if name not in importing.modules]
    statements = (rf"^[ \t]*(?:from[ \t]+{name}|import[ \t]+(?:[^\n]*,[ \t]*)?{name})\b" for name in names)
    return bool(names) and all(re.search(each.encode(), sources, re.MULTILINE) for each in statements)


def _by_chance(best: Held, other: Held) -> str:
    return (
        f"Graded as {best.assignment.id}, of which the zip holds {len(best.modules)} of "
        f"{len(best.assignment.modules)} modules; of {other.assignment.id} it holds "
        f"{len(other.modules)} of {len(other.assignment.modules)} ({list_words(other.modules)})."
    )


def _nothing(members: Mapping[str, bytes], choices: list[Assignment]) -> str:
    """Why a zip without a module is refused, and which of its files may be meant for one."""
    expected = " or ".join(", ".join(module_files(choice)) for choice in choices)
    told = [
        f"No module of the assignment is in the zip, which holds {quote_paths(members) or 'no files'}: "
        f"hand in {expected}, with exactly these names."
    ]
    modules = {name for choice in choices for name in module_files(choice)}
    likes = [each for choice in choices for each in find_lookalikes(choice, members)]
    told += [each.sentence() for each in likes if each.expected in modules][:NAMES_QUOTED]
    if archives := [path for path in members if path.lower().endswith(_ARCHIVES)]:
        told.append(f"{quote_paths(archives)}: put the files themselves into the zip, not another archive.")
    asked = {name for choice in choices for name in asked_names(choice).all}
    for path in [path for path in sorted(members) if path.endswith(".py")][:NAMES_QUOTED]:
        if names := sorted(asked & set(defined_names(members[path]))):
            form = (
                "the notebook itself" if exported_notebook(members[path]) else "each in the module that it is asked of"
            )
            what = f"`{names[0]}`" + (f" and {len(names) - 1} more that are asked for" if len(names) > 1 else "")
            told.append(f'"{clean_name(path)}" defines {what}: hand in {form}.')
    return " ".join(told)
