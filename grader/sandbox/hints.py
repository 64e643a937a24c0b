"""Turn a student's exception into a message, and say what to do about it where its text leaves no doubt."""

from __future__ import annotations

import errno
import re
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from grader.environment import ALWAYS, import_names, listed, not_installed, package_words, python_words
from grader.errors import StudentRaised
from grader.installed import is_installed
from grader.notebooks.places import cell_place
from grader.sandbox.protocol import Header
from grader.sandbox.request_handler import MOST_LEFT_OUT

if TYPE_CHECKING:
    from grader.rubric import Limits

NEWER = ("3.12", "3.13", "3.14")  # versions that `newer_syntax.py` knows
OPEN_FILES = 256  # as `worker.confine` sets it
_STAR = re.compile(r"\bfrom[ \t]+(?P<name>\w{1,50}(?:\.\w{1,50}){0,9})[ \t]+import[ \t]+\*")
_ERRNO = re.compile(r"\[Errno (\d+)\]")
_MEMORY = ("can't allocate memory", "cannot allocate memory", "not enough memory", "bad_alloc")
LEFT_OUT = (
    "Of a notebook imports, definitions and the values that they use are taken. A value that fails where your code is "
    "checked (no network, no data sets, no GPU) is left out, and its name is not defined then."
)
NO_GPU = "There is no GPU where your code is checked"
NO_SCREEN = "There is no screen where your code is checked: leave out what chooses a window, or opens one."
NO_WORKERS = "Give the DataLoader num_workers=0: its worker processes can't do their work where your code is checked."
#: Regular expressions for the type and for the text of an exception, and what to do. The first that fits is told.
HINTS = (
    (
        "RuntimeError",
        "deserialize object on a CUDA device",
        f'{NO_GPU}: load with torch.load(..., map_location="cpu").',
    ),
    (
        "AcceleratorError|AssertionError|NotImplementedError|RuntimeError|DeferredCudaCallError",
        "NVIDIA (driver|GPU)|not compiled with (CUDA|XPU)|CUDA driver|CUDA initialization|No CUDA GPUs|no CUDA-capable"
        "|reset_peak_memory_stats|support for (mps|xla|cuda|xpu) dev|without MPS backend|the '(CUDA|MPS)' backend",
        f'{NO_GPU}: leave out .cuda() and .to("cuda"), or use the device of what you are given, such as x.device.',
    ),
    (
        "RuntimeError",
        r"numpy\(\) on Tensor that requires grad",
        "Call .detach() before .numpy(), compute under torch.no_grad(), or return the tensor itself.",
    ),
    (
        "NotImplementedError|RuntimeError",
        r"not implemented for '(Half|BFloat16)'|[Ll]ow precision dtypes not supported",
        "This operation is not there for 16-bit floats on a CPU: compute in float32, x.float().",
    ),
    (
        "UnpicklingError",
        "Weights only load failed",
        "This file holds whole objects: save a state_dict instead, or load it with weights_only=False.",
    ),
    ("RecursionError", "", "Functions call each other without end: look for the call that never stops."),
    ("ImportError", r"Cannot load backend .* (headless|requires)", NO_SCREEN),
    ("error", r"highgui|window\.cpp", NO_SCREEN),
    ("TclError", "display", NO_SCREEN),
    ("RuntimeError", r"DataLoader worker .*(exited unexpectedly|killed by signal)", NO_WORKERS),
    ("RuntimeError|OSError", r"shared memory|</torch_\d|torch_shm_manager", NO_WORKERS),
    (
        "RuntimeError",
        "^Dataset not found",
        "No data set is there where your code is checked: your functions are given the data that they need.",
    ),
)
ONLY_THE_ZIP = (
    "Of your files, only those in your zip are there where your code is checked: hand this one in too, and name it by "
    "a path relative to the zip's root."
)
AT_IMPORT = (
    "What stands at the top of a module runs when it is imported: put what reads a command line or calls sys.exit() "
    "under `if __name__ == '__main__':`."
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


def exception_hint(kind: str, text: str, library: str = "", importing: str = "") -> str:
    """What to do about an exception, wherever it was raised; empty where that is not known for sure.

    Args:
        kind: Its type.
        text: Its message.
        library: The library function that raised it.
        importing: The module that was being imported; empty for a call.
    """
    for kinds, words, hint in HINTS:
        if re.fullmatch(kinds, kind) and re.search(words, text):
            return hint
    if kind == "FileNotFoundError" and not library.startswith("subprocess.py"):
        return ONLY_THE_ZIP
    return AT_IMPORT if kind == "SystemExit" and importing else ""


def student_error(
    error: Mapping[str, Any],
    hint: str,
    files: Mapping[str, bytes],
    absent: Mapping[str, str] | None = None,
    packages: Iterable[str] = (),
    *,
    is_own: bool = True,
) -> StudentRaised:
    """The exception of ours for one of theirs.

    Args:
        error: What the student's process says, untrusted: `type`, `text`, `where`, `library`, `importing`,
            `not_started`, `left_out`, and `module` of an import, `newer` of a syntax error.
        hint: Which limit of the sandbox it has met; empty for none.
        files: The submission's.
        absent: What to say of names that a notebook's modules lack, by name.
        packages: What there is to import; none: what is always there.
        is_own: Whether the student's own code was called, not something that it returned or changed.
    """
    packages = packages or ALWAYS
    where, module = error.get("where"), _text(error.get("importing"), 100)
    kind, text = _text(error.get("type"), 80) or "an exception", _text(error.get("text"), 2000)
    library = _text(error.get("library"), 200)
    said = _text(where[-1], 200) if isinstance(where, list) and where else ""
    place = cell_place(said, files)
    if kind in ("ModuleNotFoundError", "ImportError"):
        hint = hint or import_hint(_text(error.get("module"), 200), files, packages)
    elif kind == "SyntaxError":
        hint = hint or syntax_hint(error.get("newer"))
    hint = hint or exception_hint(kind, text, library, module)
    if kind == "NameError":
        hint = hint or _name_hint(error, text, said, files, absent or {}, packages, is_in_notebook=place != said)
    else:
        hint = hint or left_out(error, files, is_missed=False)
    if error.get("not_started") is True:
        return StudentRaised("Not started: the TODO is still in place.", kind=kind, text=text, not_started=True)
    if module:
        what = f"`{module}.py` can't be imported:"
    else:
        what = "Your code raised" if is_own or said else "What the call returned or changed can't be used:"
    what += f" {kind}{f': {text}' if text else ''}{f' ({place})' if place else ''}"
    return StudentRaised(what, kind=kind, text=text, library=library, help=hint)


def _name_hint(
    error: Mapping[str, Any],
    text: str,
    said: str,
    files: Mapping[str, bytes],
    absent: Mapping[str, str],
    packages: Iterable[str],
    *,
    is_in_notebook: bool,
) -> str:
    """What to tell beside a name that means nothing: the star import or the cell that should have given it."""
    told = [star_hint(said.partition(",")[0], files, packages)]
    if is_in_notebook:
        missed = re.match(r"name '(\w{1,100})' is not defined", text)
        told += [left_out(error, files), absent.get(missed[1], "") if missed else "", LEFT_OUT]
    return " ".join(filter(None, told))


def left_out(answer: Mapping[str, Any], files: Mapping[str, bytes], *, is_missed: bool = True) -> str:
    """Sentences on the statements of a notebook that failed, and that an answer's error is due to.

    Args:
        answer: Its `left_out`, as the student's process says; untrusted.
        files: The submission's.
        is_missed: Whether the names mean nothing now; else it is what should change them that was left out.
    """
    start = "" if is_missed else "A statement on "
    told = []
    listed = answer.get("left_out")
    for each in listed[:MOST_LEFT_OUT] if isinstance(listed, list) else ():
        if isinstance(each, dict):
            name, kind, text = (_text(each.get(key), 500) for key in ("name", "type", "text"))
            place = cell_place(_text(each.get("where"), 200), files).removesuffix(", in <module>")
            told.append(
                f"{start}`{name}` was left out: {kind}{f': {text}' if text else ''}{f' ({place})' if place else ''}."
            )
    return " ".join(told)


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
