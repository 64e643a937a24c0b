"""Names of zip members as paths: where one lands, which nobody wants, which two can't both be (part of step 1).

Only strings; no path here touches a file system.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from pathlib import PurePosixPath

from grader.errors import SubmissionRefused

# Contract, section 2. A level is a part of the path, the file's own name among them.
MAX_LEVELS = 8
MAX_PATH = 120  # characters
# Normalizing takes time quadratic in a row of combining marks. A path of 120 characters has at most four times as many
# when decomposed; ignored members are not spared this one.
_MAX_NAME = 4 * MAX_PATH

_IGNORED_FOLDERS = frozenset({"__MACOSX", "__pycache__", ".ipynb_checkpoints"})
# What operating systems leave beside files, in small letters (the first is a folder's icon on macOS), and at the top of
# a volume.
_IGNORED_FILES = frozenset({"icon\r", ".ds_store", "thumbs.db", "ehthumbs.db", "desktop.ini"})
_OF_VOLUMES = frozenset(
    {".Spotlight-V100", ".Trashes", ".fseventsd", ".TemporaryItems", "$RECYCLE.BIN", "System Volume Information"}
)
_APPLE_DOUBLE = "._"  # macOS keeps a file's Finder attributes in a twin of this prefix
_DRIVE = re.compile(r"[A-Za-z]:")
# Direction overrides and isolates make "gpj.py" look like "yp.jpg"; zero-width joiners spell words in some languages
# and stay.
_DIRECTIONS = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


def member_path(name: str, label: str) -> str:
    """Where a member lands: a POSIX path from the zip's top, NFC; "" for the top itself.

    Args:
        name: As the zip has it; backslashes separate folders as well.
        label: The name as a sentence quotes it.

    Raises:
        SubmissionRefused: If it leaves the folder, holds control characters or is too deep or too long.
    """
    if len(name) > _MAX_NAME:
        raise _too_long(label)
    # Normalized first: the Kelvin sign becomes a K, and would make a drive of "K:" later.
    name = unicodedata.normalize("NFC", name).replace("\\", "/")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts or any(_DRIVE.match(part) for part in parts):
        raise SubmissionRefused(f"{label} leads out of the zip's folder: zip the folder itself, without full paths.")
    path = "/".join(parts)
    if is_ignored(path):
        return path  # nobody sees it: `__MACOSX/` makes every path longer, and the icon's name holds a carriage return
    if any(_is_control(char) for char in name):
        raise SubmissionRefused(f"{label} has control characters in its name: rename the file.")
    if len(parts) > MAX_LEVELS:
        raise SubmissionRefused(f"{label} lies more than {MAX_LEVELS} levels deep: zip fewer folders in folders.")
    if len(path) > MAX_PATH:
        raise _too_long(label)
    return path


def is_ignored(path: str) -> bool:
    """Whether a member is what an operating system or a tool left behind."""
    parts = path.split("/")
    is_left_behind = parts[-1].casefold() in _IGNORED_FILES or parts[-1].startswith(_APPLE_DOUBLE)
    return is_left_behind or not (_IGNORED_FOLDERS | _OF_VOLUMES).isdisjoint(parts)


def path_key(path: str) -> str:
    """The same text for all spellings that some file system takes for one path (case, Unicode form)."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", path).casefold())


def find_clash(files: Collection[str], folders: Iterable[str]) -> tuple[str, str] | None:
    """Two members that can't both be unpacked: two files on one path, or a file where another needs a folder.

    Returns:
        Their paths, or None when all have a place.
    """
    needed: dict[str, str] = {}
    seen: dict[str, str] = {}
    for folder in folders:
        needed.setdefault(path_key(folder), f"{folder}/")
    for path in files:
        for parent in PurePosixPath(path).parents:
            needed.setdefault(path_key(str(parent)), path)
    for path in files:
        key = path_key(path)
        if other := seen.get(key) or needed.get(key):
            return path, other
        seen[key] = path
    return None


def _is_control(char: str) -> bool:
    """Whether a character of a name acts on the text around it instead of being shown."""
    return unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(char) in _DIRECTIONS


def _too_long(label: str) -> SubmissionRefused:
    """The refusal of a long path."""
    return SubmissionRefused(f"{label} has a path longer than {MAX_PATH} characters: shorten its names.")
