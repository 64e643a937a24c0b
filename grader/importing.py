"""Imports modules of ours from a folder, such as the solutions of an assignment, anew and apart from all others.

A module finds its siblings by their plain names, as a student's module does at home. Python's own import would keep
them under these names for the whole process, where another assignment's, or a known mistake's, would be taken for them:
so each module gets an `import` statement of its own, which looks into the folder first. It is the module's for good,
also inside functions that run later; `sys.path` and `sys.modules` stay as they are.
"""

from __future__ import annotations

import builtins
import functools
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from grader.errors import GraderError

PREFIX = "grader_solution_"  # of modules' names, so that no class of ours claims to come from a library's module


def load_module(path: Path) -> ModuleType:
    """Execute one module, and the siblings that it imports, from its file, anew at each call."""
    return Siblings(path.parent).load(path.stem)


def load_modules(
    folder: Path,
    names: Iterable[str],
    blame: type[GraderError],
    adapt: Callable[[str, ModuleType], None] = lambda _name, _module: None,
) -> dict[str, ModuleType]:
    """Those of the named modules that a folder holds, by name; they see each other.

    Args:
        folder: Where they are.
        names: Without `.py`.
        blame: What to raise where one can't be imported.
        adapt: As for `Siblings`.

    Raises:
        blame: If a module can't be imported: a sentence with its file and line.
    """
    siblings, modules = Siblings(folder, adapt), {}
    for name in names:
        if (path := folder / f"{name}.py").is_file():
            with importing(path, blame):
                modules[name] = siblings.load(name)
    return modules


class Siblings:
    """The modules of one folder, each executed once; another `Siblings` of the same folder shares nothing with it.

    Args:
        folder: Where they are.
        adapt: Called with the name and the module when one has been executed, before those who import it see it.
    """

    def __init__(self, folder: Path, adapt: Callable[[str, ModuleType], None] = lambda _name, _module: None) -> None:
        self._folder = folder
        self._adapt = adapt
        self._modules: dict[str, ModuleType] = {}

    def load(self, name: str) -> ModuleType:
        """The folder's module of that name; whatever it raises while it is executed comes through."""
        if name not in self._modules:
            module = self._modules[name] = ModuleType(PREFIX + name)  # known at once: siblings may import each other
            try:
                self._execute(self._folder / f"{name}.py", module)
            except BaseException:
                del self._modules[name]
                raise
            self._adapt(name, module)
        return self._modules[name]

    def execute(self, path: Path) -> ModuleType:
        """Execute a file from anywhere as if it stood in the folder; no sibling can import it."""
        module = ModuleType(PREFIX + path.stem)
        self._execute(path, module)
        return module

    def _execute(self, path: Path, module: ModuleType) -> None:
        vars(module).update(
            __file__=str(path), __package__="", __builtins__={**vars(builtins), "__import__": self._import}
        )
        code = _compiled(path, path.stat().st_mtime_ns)
        with _known_to_python(module):
            exec(code, vars(module))

    def _import(
        self,
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        """What an import statement asks for: `name` whole, and what follows `import` where it begins with `from`."""
        first, _, rest = name.partition(".")
        if level or not (self._folder / f"{first}.py").is_file():
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        if rest:
            raise ModuleNotFoundError(f"No module named {name!r}; {first!r} is not a package", name=name)
        return self.load(first)


class ModulesOnDemand(Mapping[str, ModuleType]):
    """The modules of a submission, each imported when it is asked for; what it raises then comes through.

    Args:
        folder: Where they may be written.
        names: Those that can be asked for.
        files: The submission's files.
    """

    def __init__(self, folder: Path, names: tuple[str, ...], files: Mapping[str, bytes]) -> None:
        for path, data in files.items():
            if path.endswith(".py") and "/" not in path:
                (folder / path).write_bytes(data)
        self._folder, self._names = folder, [name for name in names if f"{name}.py" in files]
        self.renew()

    def renew(self) -> None:
        """Import them anew, as each task does in the sandbox."""
        self._siblings = Siblings(self._folder)

    def __getitem__(self, name: str) -> ModuleType:
        if name not in self._names:
            raise KeyError(name)
        return self._siblings.load(name)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@functools.cache
def _compiled(path: Path, _changed: int) -> CodeType:
    return compile(path.read_bytes(), str(path), "exec", dont_inherit=True)


@contextmanager
def _known_to_python(module: ModuleType) -> Iterator[None]:
    """Let Python find a module by its name for a while: dataclasses do so when a class is defined."""
    before = sys.modules.get(module.__name__)
    sys.modules[module.__name__] = module
    try:
        yield
    finally:
        if before is None:
            del sys.modules[module.__name__]
        else:
            sys.modules[module.__name__] = before


@contextmanager
def importing(path: Path, blame: type[GraderError]) -> Iterator[None]:
    """Wrap what imports a module: whatever goes wrong in it becomes a sentence with its file and line.

    Args:
        path: The module's file.
        blame: The exception that the sentence is raised as.

    Raises:
        blame: If anything is raised, `SystemExit` included; a `GraderError` comes through as it is.
    """
    try:
        yield
    except GraderError:
        raise
    except (Exception, SystemExit) as error:
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        if isinstance(error, SyntaxError):
            said = f"{type(error).__name__}: {error.msg}"  # without its own words for file and line
        raise blame(f"{_place(path, error)}: the module can't be imported: {said}") from error


def _place(path: Path, error: BaseException) -> str:
    """File and line in the module's folder where it went wrong; the file alone where no line of it was executed."""
    places = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        places.append((error.filename, error.lineno))
    own = [(file, line) for file, line in places if Path(file).parent == path.parent and line]
    return f"{own[-1][0]}, line {own[-1][1]}" if own else str(path)
