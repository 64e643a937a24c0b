"""Makes one zip of the attachments of one hand-in, which Canvas exports as a file each.

The zip's bytes depend on the contents of the attachments and on their order alone, so that its digest stays the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from os.path import commonpath
from pathlib import PurePosixPath

from grader.errors import SubmissionRefused
from grader.intake.zipgate import read_zip
from grader.intake.zippaths import path_key
from grader.text import clean_name
from grader.zip_writer import store_files

_MOST_NAMED = 5


def join_zips(zips: Sequence[tuple[str, bytes]]) -> tuple[bytes, tuple[str, ...]]:
    """Make one zip of several.

    A folder that holds all of a zip is left out, unless it may be a package: files of one hand-in belong side by side.
    Where two zips hold the same file, that of the later one counts.

    Args:
        zips: Names and bytes, the first one first; one that the zip gate refuses is left out.

    Returns:
        The zip, or the last of them as it is where none can be read; and a sentence on files that several hold.
    """
    files: dict[str, bytes] = {}
    notes: list[str] = []
    has_any = False
    for name, raw in zips:
        try:
            added = _without_top(read_zip(raw))
        except SubmissionRefused:
            continue
        replaced = _replace(files, added)
        if replaced:
            verb = "are" if len(replaced) > 1 else "is"
            notes.append(f"{_few(replaced)} {verb} in several of them: what {clean_name(name)} holds counts")
        has_any = True
    return (store_files(files) if has_any else zips[-1][1]), tuple(notes)


def _without_top(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files without the folder that holds all of them; one that holds `__init__.py` is a package, and stays."""
    folders = [str(PurePosixPath(path).parent) for path in files]
    top = commonpath(folders) if folders else "."
    if top in ("", ".") or f"{top}/__init__.py" in files:
        return dict(files)
    return {path.removeprefix(f"{top}/"): data for path, data in files.items()}


def _replace(files: dict[str, bytes], added: Mapping[str, bytes]) -> list[str]:
    """Add files; those that were there under the same path, or where a folder is now, go. Returns what differed."""
    taken = {path_key(path) for path in added}
    needed = {path_key(folder) for path in added for folder in _folders(path)}
    replaced = []
    for path in list(files):
        own = {path_key(path), *(path_key(folder) for folder in _folders(path))}
        is_replaced = bool(own & taken) or path_key(path) in needed
        if is_replaced and files.pop(path) != added.get(path):
            replaced.append(path)
    files.update(added)
    return replaced


def _folders(path: str) -> Iterable[str]:
    return (str(folder) for folder in PurePosixPath(path).parents if str(folder) != ".")


def _few(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _MOST_NAMED} more" if len(paths) > _MOST_NAMED else ""
    return ", ".join(clean_name(path) for path in paths[:_MOST_NAMED]) + more
