"""What an exception of a student's code says, and which limit of the sandbox it has met, guessed from that."""

from __future__ import annotations

import errno
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from grader.environment import ALWAYS, import_names, listed, not_installed, package_words, python_words
from grader.errors import Missing, StudentRaised
from grader.installed import is_installed
from grader.notebooks.places import cell_place
from grader.rubric import Limits
from grader.sandbox.protocol import Header

NEWER = ("3.12", "3.13", "3.14")  # versions that `newer_syntax.py` knows
OPEN_FILES = 256  # as `worker.confine` sets it
_STAR = re.compile(r"\bfrom[ \t]+(?P<name>\w{1,50}(?:\.\w{1,50}){0,9})[ \t]+import[ \t]+\*")
_ERRNO = re.compile(r"\[Errno (\d+)\]")
_MEMORY = ("can't allocate memory", "cannot allocate memory", "not enough memory", "bad_alloc")
LEFT_OUT = (
    "Of a notebook imports, definitions and the values that they use are taken. A value that fails where your code is "
    "checked (no network, no data sets, no GPU) is left out, and its name is not defined then."
)
_THREAD = ("can't start new thread", "resource temporarily unavailable", "thread creation failed")
_NETWORK = ("urlopen error", "name resolution", "name or service not known", "max retries exceeded")


def limit_hint(error: Header, limits: Limits) -> str:
    """What to tell beside an exception; empty where no limit explains it.

    Args:
        error: `type` and `text` as the student's process says; untrusted.
        limits: What it may use.
    """
    kind, text = str(error.get("type"))[:100], str(error.get("text"))[:2000]
    said = text.lower()
    match = _ERRNO.search(text)
    number = int(match[1]) if match and len(match[1]) < 4 else 0
    if kind == "MemoryError" or number == errno.ENOMEM or any(words in said for words in _MEMORY):
        return f"Your code may use {limits.memory_mib:,} MiB of memory: work in smaller pieces."
    if number == errno.EAGAIN or any(words in said for words in _THREAD):
        return f"Your code may have {limits.processes} processes and threads at a time: start fewer, or none."
    if number in (errno.ENOSPC, errno.EFBIG):
        return f"Your code may write {limits.scratch_mib} MiB of files beside those that you handed in."
    if number == errno.EMFILE:
        return f"Your code may have {OPEN_FILES} files open at a time: close those that you have read."
    if number in (errno.EAFNOSUPPORT, errno.ENETUNREACH) or any(words in said for words in _NETWORK):
        return "There is no network where your code is checked: what it needs must lie in your zip."
    if number == errno.ENOSYS:
        return "Where your code is checked there is no network, and nothing beyond ordinary files and computing."
    if number in (errno.EROFS, errno.EACCES, errno.EPERM):
        return "Your code may write files in its own folder and in /tmp only, and read little else of the machine."
    return ""


def student_missing(name: str, called: str, files: Mapping[str, bytes], packages: Iterable[str]) -> Missing:
    """The exception of ours where a submission has no such module, name or file.

    Args:
        name: What it lacks, as the student's process says; untrusted.
        called: What was asked for.
        files: The submission's.
        packages: What there is to import; none: what is always there.
    """
    hint = star_hint(f"{name.partition('.')[0]}.py", files, packages or ALWAYS)
    return Missing(f"Your submission has no `{name}`.", called=called, help=hint)


def student_error(
    error: Mapping[str, Any], hint: str, files: Mapping[str, bytes], packages: Iterable[str] = ()
) -> StudentRaised:
    """The exception of ours for one of theirs.

    Args:
        error: What the student's process says, untrusted: `type`, `text`, `where`, `importing`, `not_started`, and
            `module` of an import, `newer` of a syntax error.
        hint: What to tell beside it.
        files: The submission's.
        packages: What there is to import; none: what is always there.
    """
    packages = packages or ALWAYS
    where, module = error.get("where"), _text(error.get("importing"), 100)
    kind, text = _text(error.get("type"), 80) or "an exception", _text(error.get("text"), 2000)
    said = _text(where[-1], 200) if isinstance(where, list) and where else ""
    place = cell_place(said, files)
    if kind in ("ModuleNotFoundError", "ImportError"):
        hint = hint or import_hint(_text(error.get("module"), 200), files, packages)
    elif kind == "SyntaxError":
        hint = hint or syntax_hint(error.get("newer"))
    elif kind == "NameError":
        star = star_hint(said.partition(",")[0], files, packages)
        hint = hint or " ".join(filter(None, [star, LEFT_OUT if place != said else ""]))
    if error.get("not_started") is True:
        return StudentRaised("Not started: the TODO is still in place.", kind=kind, not_started=True)
    what = f"`{module}.py` can't be imported:" if module else "Your code raised"
    what += f" {kind}{f': {text}' if text else ''}{f' ({place})' if place else ''}"
    return StudentRaised(what, kind=kind, help=hint)


def syntax_hint(newer: object) -> str:
    """What to tell beside a syntax error: `newer` is the version of Python whose syntax it is, where that is known."""
    if newer not in NEWER:
        return ""
    return f"This is syntax of Python {newer}; your code is graded with {python_words()}."


def import_hint(name: str, files: Iterable[str], packages: Iterable[str]) -> str:
    """What to tell beside an import that failed; empty where nothing is known.

    Args:
        name: Dotted name of the module; untrusted.
        files: Paths in the submission.
        packages: What there is to import.
    """
    top, ending = name.partition(".")[0], name.replace(".", "/")
    if not all(part.isidentifier() for part in name.split(".")):
        return ""
    own = {f"{ending}.py", f"{ending}/__init__.py"}
    endings = tuple(f"/{path}".lower() for path in own)
    if like := [path for path in files if path not in own and f"/{path}".lower().endswith(endings)]:
        return (
            f"Your zip holds `{min(like, key=len)}`, which an import of `{name}` does not find: a file must have "
            "exactly the name that is imported, and lie beside your modules."
        )
    if top in sys.stdlib_module_names or any(path.startswith((f"{top}.py", f"{top}/")) for path in files):
        return ""  # what the exception says is all that there is to say
    if package := next((each for each in packages if top in import_names(each)), None):
        return f"It was tried with {package_words(package)}." if not not_installed([package]) else ""
    return (
        f"`{top}` is no file of your zip, and no package that is there where your code is graded. There are, beside "
        f"the standard library, {listed(packages)}."
    )


def star_hint(file: str, files: Mapping[str, bytes], packages: Iterable[str]) -> str:
    """What to tell where a module lacks a name: which of its star imports brought nothing; empty where all did."""
    for match in _STAR.finditer(files.get(file, b"").decode(errors="replace")):
        hint = "" if is_installed(match["name"]) else import_hint(match["name"], files, packages)
        if hint:
            return f"`from {match['name']} import *` brought nothing. {hint}"
    return ""


def _text(value: Any, most: int) -> str:
    return value[:most] if isinstance(value, str) else ""
