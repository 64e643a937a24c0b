"""Stand-ins for what can't be imported: an import that fails costs only what uses it.

`install` changes what happens when an import statement of a student's fails: its name is bound to a `StandIn`, which
raises when it is used. Where the student's own code handles the failure, that code decides, as at home. No stand-in is
in `sys.modules`; nobody but the importing module sees it.

While a module is being imported, a stand-in gives another one for whatever is done with it, so that a decorator, a base
class or a value at the top level costs what it is for, and not the whole module.
"""

from __future__ import annotations

import builtins
import dis
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any

from grader.sandbox.handled import Owns, is_handled, own_frames

_IMPORT = dis.opmap["IMPORT_NAME"]
_ABSENT = object()
_OPERATORS = (
    "getitem setitem delitem add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv mod rmod pow rpow matmul "
    "rmatmul and rand or ror xor rxor lshift rshift lt le gt ge neg pos abs invert enter"
).split()
_ANSWERS = "iter next len bool contains int float index complex array reversed await aiter aenter".split()


@dataclass(frozen=True)
class _Why:
    """Why something is not there.

    Attributes:
        error: What its import has raised.
        traceback: Of that; None where the place of the import says nothing.
        owns: Whether a file is the student's.
    """

    error: BaseException
    traceback: TracebackType | None
    owns: Owns

    def tell(self) -> Any:
        raise self.error.with_traceback(self.traceback)


class StandIn:
    """What an import would have given.

    Args:
        name: What was imported, for people.
        why: Why it is not there.
        real: The module that is there, where only a part of it is missing.
    """

    __all__ = ()  # what a star import takes

    def __init__(self, name: str, why: _Why, real: Any = None) -> None:
        self.__dict__["_StandIn__name"], self.__dict__["_StandIn__why"] = name, why
        self.__dict__["_StandIn__real"] = real

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self.__real, name, _ABSENT)
        return StandIn(f"{self.__name}.{name}", self.__why) if found is _ABSENT else found

    def __setattr__(self, name: str, value: Any) -> None:
        if self.__real is None:
            self.__dict__[name] = value
        else:
            setattr(self.__real, name, value)

    def __call__(self, *_arguments: Any, **_options: Any) -> Any:
        """Raise, or give another one while a module is being imported."""
        return self.__use()

    def __mro_entries__(self, _bases: tuple[Any, ...]) -> tuple[type, ...]:
        """A class of it can be defined, and no object of that class made."""

        def new(_class: type, *_arguments: Any, **_options: Any) -> Any:
            return self.__use()

        def of_subclass(subclass: Any, **_options: Any) -> None:
            subclass.__new__ = new

        return (type(self.__name, (), {"__init_subclass__": of_subclass}),)

    def __instancecheck__(self, _instance: object) -> bool:
        return False  # nothing is of a class that is not there

    def __subclasscheck__(self, _class: type) -> bool:
        return False

    def __exit__(self, *_exception: object) -> None:
        pass

    def __repr__(self) -> str:
        return f"<{self.__name}, which can't be imported>"

    def __use(self) -> Any:
        if any(frame.f_code.co_name == "<module>" for frame in own_frames(sys._getframe(1), self.__why.owns)):
            return StandIn(f"{self.__name}(...)", self.__why)  # a module is being imported
        return self.__why.tell()

    def tell_why(self, *_arguments: Any, **_options: Any) -> Any:
        """Raise what the import has raised."""
        self.__why.tell()


for _word in _OPERATORS:
    setattr(StandIn, f"__{_word}__", StandIn.__call__)
for _word in _ANSWERS:
    setattr(StandIn, f"__{_word}__", StandIn.tell_why)


def install(owns: Owns) -> Callable[[], None]:
    """Give a student's import statements stand-ins for what fails, until the function that is returned is called.

    Args:
        owns: Whether a file is the student's; imports anywhere else are left alone.
    """
    original = builtins.__import__

    def import_or_stand_in(
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        frame = sys._getframe(1)
        try:
            module = original(name, globals, locals, fromlist or (), level)
        except (Exception, SystemExit) as error:
            is_absent = _is_absent(error, name)
            is_hidden = "*" in (fromlist or ()) and not is_absent  # nothing would be left that could tell
            if is_hidden or not _is_statement(frame, owns) or is_handled(frame, error, owns):
                raise
            why = _Why(error, None if is_absent else error.__traceback__, owns)
            if fromlist:
                return StandIn("." * level + name, why)
            top = name.partition(".")[0]
            return StandIn(top, why, sys.modules.get(top))
        if fromlist and _is_statement(frame, owns):
            return _with_names(module, fromlist, frame, owns)
        return module

    def remove() -> None:
        if builtins.__import__ is import_or_stand_in:
            builtins.__import__ = original

    builtins.__import__ = import_or_stand_in
    return remove


def _is_statement(frame: FrameType, owns: Owns) -> bool:
    """Whether a frame is at an import statement of the student's: C code imports in the name of whoever calls it."""
    return owns(frame.f_code.co_filename) and frame.f_code.co_code[frame.f_lasti] == _IMPORT


def _is_absent(error: BaseException, name: str) -> bool:
    """Whether a module is simply not there, the one that is asked for or a package that should hold it."""
    return isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}.")


def _with_names(module: Any, names: Sequence[str], frame: FrameType, owns: Owns) -> Any:
    """A module as `from module import names` needs it: with stand-ins for the names that it lacks."""
    full = str(getattr(module, "__name__", ""))
    lacking = {name: error for name in names if (error := _lack_of(module, full, name)) is not None}
    is_own = owns(str(getattr(module, "__file__", "")))  # what a notebook's guard leaves out is told otherwise
    if not lacking or any(is_handled(frame, error, owns, by_guards=is_own) for error in lacking.values()):
        return module  # where a name is lacking, Python's own exception comes next
    stand_in = StandIn(full, _Why(next(iter(lacking.values())), None, owns), module)
    for name, error in lacking.items():
        stand_in.__dict__[name] = StandIn(f"{full}.{name}", _Why(error, error.__traceback__, owns))
    return stand_in


def _lack_of(module: Any, full: str, name: str) -> Exception | None:
    """Why a module does not give a name; None where it does."""
    try:
        if name != "*" and f"{full}.{name}" not in sys.modules:
            getattr(module, name)
    except AttributeError:
        return ImportError(f"cannot import name {name!r} from {full!r}", name=full)
    except Exception as error:  # of a module that loads its parts when they are asked for
        return error
    return None
