"""Files of a zip that nothing reads and whose names are nearly expected ones: `Cam.py`, `model (1).pth`, `answers.txt`.

Names are fixed, so none of them is taken for what it may be; the student is told which it is and what to call it.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from grader.rubric import Assignment
from grader.text import clean_name

ALWAYS = ("answers.md", "group.txt")  # that any assignment reads
_WEIGHTS = frozenset(("pth", "pt", "ckpt", "pkl", "bin", "safetensors", "h5", "tar", "gz", "zip"))
_TEXT = frozenset(("md", "markdown", "txt", "text", "rst", "rtf", "doc", "docx", "odt", "html", "pdf"))
_PICTURE = frozenset(("jpg", "jpeg", "png", "heic", "heif", "webp", "gif", "bmp", "tif", "tiff"))
# Suffixes of what may be meant for a file of such a suffix, and those of them that only a name makes different.
_KINDS = {
    "py": frozenset(("py", "pyc", "py3", "pyw")),
    "pth": _WEIGHTS,
    "md": _TEXT,
    "txt": _TEXT,
    "json": frozenset(("json", "jsonl", "json5", "csv", "yaml", "yml")),
    **dict.fromkeys(("jpg", "jpeg", "png"), _PICTURE),
}
_SAME = {
    "py": {"py3", "pyw"},
    "pth": {"pt", "ckpt", "tar"},
    "md": {"markdown", "text"},
    "txt": {"text", "md"},
    "jpg": {"jpeg"},
}
_ADDED = frozenset(("txt", "zip", "bak", "old", "orig", "download"))  # by editors, browsers and systems
_SUFFIXES = frozenset().union(*_KINDS.values(), _ADDED)
_COPY = re.compile(r"^(?:copy (?:\(?\d+\)? )?of )+|[ _-]*(?:[ _-](?:copy|kopie|copie))?[ _-]*(?:\(\d*\)|[ _-]\d+)?$")
_CLOSE = 0.8  # difflib's ratio: `modle`, `answer`, `fasion`
_LEAST = 4  # letters that a name must share with an expected one that it holds


@dataclass(frozen=True)
class Lookalike:
    """A file that may be meant for an expected one.

    Attributes:
        path: In the zip, below the root where it lies there.
        expected: The name that it would need.
        is_sure: Whether only spelling, a copy's mark, a suffix or its folder differ.
        instead: Whether the expected file is there as well.
    """

    path: str
    expected: str
    is_sure: bool
    instead: bool

    def sentence(self) -> str:
        """What to do about it, for the student."""
        path, name = clean_name(self.path), self.expected
        if self.instead:
            return f"`{path}` was not read; `{name}` was."
        if self.path.rpartition("/")[2] == name:
            return f"There is `{path}`: it must lie in the folder of your modules."
        if not self.is_sure:
            return f"There is `{path}`: if that is meant, its name must be `{name}`."
        _, suffixes = _plain(self.path.rpartition("/")[2])
        suffix = name.rpartition(".")[2]
        if suffixes <= {suffix, *_SAME.get(suffix, ()), *_ADDED} - {"zip"}:
            return f"There is `{path}`: rename it to `{name}`, exactly so."
        return f"There is `{path}`: what it holds must be handed in as `{name}`."


def find_lookalikes(
    assignment: Assignment, files: Collection[str], elsewhere: Iterable[str] = (), made: Collection[str] = ()
) -> list[Lookalike]:
    """The lookalikes of a zip, the surest first.

    Args:
        assignment: What is expected.
        files: Paths below the root.
        elsewhere: Paths of the zip outside the root.
        made: Modules that were made of notebooks: a file of such a name is not missed.
    """
    modules = [f"{module}.py" for module in assignment.modules]
    expected = [*modules, *assignment.files, *ALWAYS]
    unread = [
        path
        for path in (*files, *elsewhere)
        if not (path in expected and path in files) and not _is_scene(path, expected)
    ]
    found: list[Lookalike] = []
    for name in expected:
        if name in made or (name not in files and any(_is_scene(path, [name]) for path in files)):
            continue
        likes = [
            Lookalike(path, name, sure, name in files) for path in unread if (sure := _is_like(path, name)) is not None
        ]
        if name in files:
            likes = [each for each in likes if each.is_sure and "/" not in each.path and not _could_be_read(each.path)]
        found += [each for each in likes if each.path.rpartition("/")[2] not in expected or not each.instead]
    found.sort(key=lambda each: (not each.is_sure, each.instead, expected.index(each.expected)))
    return list(_first_of_each(found))


def _first_of_each(found: Iterable[Lookalike]) -> Iterator[Lookalike]:
    """Each file once, and each expected one once."""
    seen: set[str] = set()
    for each in found:
        if each.path not in seen and (each.instead or each.expected not in seen):
            seen |= {each.path, each.expected}
            yield each


def _is_scene(path: str, expected: Collection[str]) -> bool:
    """Whether it is an expected picture: cameras write `.JPG`, so these are found in any case."""
    return "/" not in path and path.lower() in expected and path.lower().rpartition(".")[2] in _PICTURE


def _could_be_read(path: str) -> bool:
    """Whether a module may import it, or a notebook is it."""
    stem, _, suffix = path.rpartition(".")
    return (suffix == "py" and stem.isidentifier()) or suffix.lower() in ("ipynb", "pdf")


def _is_like(path: str, expected: str) -> bool | None:
    """Whether a file is surely meant for an expected one, perhaps (False), or not (None)."""
    base, suffixes = _plain(path.rpartition("/")[2])
    wanted, (suffix, *_) = _plain(expected)
    kind = _KINDS.get(suffix, frozenset((suffix,)))
    if not (suffixes <= _ADDED or suffixes & kind):
        return None
    if base == wanted:
        return True
    if suffix == "pth" and suffixes & {"pth", "pt", "ckpt", "safetensors"}:
        return False  # weights of whatever name: there is little else that they could be
    holds = len(wanted) >= _LEAST and wanted in base and suffix != "py"
    return False if holds or difflib.SequenceMatcher(None, base, wanted).ratio() >= _CLOSE else None


def _plain(name: str) -> tuple[str, set[str]]:
    """A file's name without marks of copies and all but letters and digits, and its suffixes."""
    stem, suffixes = unicodedata.normalize("NFKC", name).casefold().strip(" ~"), set[str]()
    while (parts := stem.rpartition("."))[0] and parts[2].strip() in _SUFFIXES:
        stem = parts[0]
        suffixes.add(parts[2].strip())
    stem = _COPY.sub("", _COPY.sub("", stem.strip()))
    return "".join(char for char in stem if char.isalnum()), suffixes
