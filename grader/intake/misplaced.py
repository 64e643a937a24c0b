"""Names that are asked of a module and stand in another file, or nearly so in the module itself.

Sources are searched line by line, not parsed: a student's text can't keep this busy.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from grader.notebooks.absent import close_name
from grader.notebooks.cells import DEFINES
from grader.text import clean_name

_NOTEBOOK = re.compile(rb"^# (?:%%|In ?\[[\d ]*\]:|<codecell>)|^get_ipython\(\)|\bgoogle\.colab\b", re.MULTILINE)
_MOST_FILES, _MOST_BYTES = 40, 1 << 20  # of a zip that are searched


def find_misplaced(
    files: Mapping[str, bytes], wanted: Mapping[str, Collection[str]], made: Collection[str]
) -> dict[str, str]:
    """Sentences by `module.name`, for names that their module does not define at its top level.

    Args:
        files: The submission's.
        wanted: Names asked for, by module.
        made: Files that were made of notebooks, which tell for themselves what they lack.
    """
    sources = [path for path in files if path.endswith(".py") and path not in made][:_MOST_FILES]
    room = _MOST_BYTES
    defined: dict[str, set[str]] = {}
    for path in sources:
        defined[path] = set(defined_names(files[path][:room]))
        room -= len(files[path][:room])
    told = {}
    for module, names in wanted.items():
        own = f"{module}.py"
        for name in names:
            if own in made or name in defined.get(own, ()):
                continue
            other = next((path for path in sources if path != own and name in defined[path]), "")
            like = close_name(name, defined.get(own, set()) - {*names})
            if other:
                told[f"{module}.{name}"] = f"`{name}` stands in `{clean_name(other)}`: it must be in `{own}`."
                if exported_notebook(files[other]):
                    told[f"{module}.{name}"] += " That file was exported of a notebook: hand in the notebook itself."
            elif like:
                told[f"{module}.{name}"] = f"`{own}` defines `{like}`: if that is meant, call it `{name}`."
    return told


def defined_names(source: bytes) -> Iterator[str]:
    """Names that lines of a module's source define at the left margin."""
    for match in DEFINES.finditer(source.decode(errors="replace")):
        if not match["indent"]:
            yield match["defined"] or match["set"]


def exported_notebook(source: bytes) -> bool:
    """Whether a source is a notebook's, as Jupyter, Colab and VS Code export it."""
    return bool(_NOTEBOOK.search(source))
