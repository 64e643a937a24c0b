"""Which files a module is made of: its own, those of our modules that it imports, and so on.

Read from the sources, so that nothing has to be imported to know it. An import inside a function counts; so does a
module that is only named, in quotation marks, because something starts it by its name. What `if TYPE_CHECKING:` imports
is not needed to run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

OURS = r"(?:grader|solutions)(?:\.\w+)*"
_FROM = re.compile(rf"^[ \t]*from[ \t]+({OURS})[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)", re.MULTILINE)
_FOR_ANNOTATIONS = re.compile(r"^if TYPE_CHECKING:\n(?:[ \t]+[^\n]*\n)+", re.MULTILINE)
_IMPORT = re.compile(rf"^[ \t]*import[ \t]+({OURS})", re.MULTILINE)
_NAMED = re.compile(rf"[\"']({OURS})[\"']")


def imported_files(roots: Iterable[Path], *folders: Path) -> set[Path]:
    """The files of some modules and of all of ours that they import, directly or through another.

    Args:
        roots: Files of the modules.
        folders: Those that hold `grader/` and `solutions/`; the first that has a module counts.
    """
    found, todo = set[Path](), list(roots)
    while todo:
        path = todo.pop()
        if path not in found:
            found.add(path)
            todo += _imported(path, folders)
    return found


def _imported(path: Path, folders: Sequence[Path]) -> Iterator[Path]:
    source = _FOR_ANNOTATIONS.sub("", path.read_text(encoding="utf-8"))
    for package, listed in _FROM.findall(source):
        names = (name.split(" as ")[0].strip() for name in listed.split("#")[0].strip("()").split(","))
        yield from _files(package, folders)
        for name in names:
            yield from _files(f"{package}.{name}", folders)
    for name in (*_IMPORT.findall(source), *_NAMED.findall(source)):
        yield from _files(name, folders)


def _files(module: str, folders: Sequence[Path]) -> Iterator[Path]:
    """The file of a module, and those of the packages that it stands in; nothing where there is no such module."""
    for folder in folders:
        path = folder.joinpath(*module.split("."))
        if (file := path.with_suffix(".py")).is_file() or (file := path / "__init__.py").is_file():
            yield file
            above = (folder / each / "__init__.py" for each in path.relative_to(folder).parents)
            yield from (init for init in above if init.is_file())
            return
