"""Has what only shows, or needs what a grading machine lacks, do nothing: windows, notebooks' displays, compilers.

Student code ran on another machine, with a screen, a browser, a C++ compiler and processes to spare. What it does with
them is no part of its answers, so none of it may fail here. `prepare` changes the libraries that are loaded, and others
as soon as they are: none is loaded for it.
"""

from __future__ import annotations

import builtins
import importlib.abc
import inspect
import sys
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, cast

IPYTHON = "IPython"
_DISPLAYED = "display clear_output Audio HTML IFrame Image Javascript JSON Latex Markdown Math SVG Video".split()


class Nothing:
    """Does nothing, whatever is asked of it: what notebooks' objects are here."""

    config: dict[str, Any] = {}

    def __init__(self, *_arguments: Any, **_options: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Nothing()

    def __call__(self, *arguments: Any, **_options: Any) -> Any:
        """Nothing again; as a decorator, the function that it is given."""
        return arguments[0] if len(arguments) == 1 and callable(arguments[0]) else Nothing()

    def __getitem__(self, _index: object) -> Any:
        return Nothing()

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __bool__(self) -> bool:
        return False

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_exception: object) -> None:
        pass


class _Nowhere:
    """A file to write to that keeps nothing."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return False


def prepare() -> None:
    """Change what is loaded, and have the rest changed when it is; once in a process."""
    vars(builtins).update(NOTEBOOK_NAMES, input=_answer)
    sys.meta_path.insert(0, _Finder())
    for name in [name for name in CHANGES if name in sys.modules]:
        CHANGES[name](sys.modules[name])


def _display(*_objects: Any, display_id: Any = None, **_options: Any) -> Nothing | None:
    return Nothing() if display_id else None


def _shell() -> Nothing:
    return _SHELL


def _answer(prompt: object = "") -> str:
    """What `input` gets: nobody is there, and pressed Enter."""
    print(prompt, end="")
    return ""


def _nothing(*_arguments: Any, **_options: Any) -> None:
    return None


def _same(model: Any = None, **_options: Any) -> Any:
    """What is given, or what gives back what it is given: `@compile` and `@compile(mode="default")`."""
    return (lambda given: given) if model is None else model


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds IPython, which is ours, and the libraries that are changed when they have been loaded."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if fullname.partition(".")[0] == IPYTHON:
            return ModuleSpec(fullname, self, is_package=True)
        if fullname not in CHANGES or (spec := PathFinder.find_spec(fullname, path, target)) is None:
            return None
        if (loader := spec.loader) is not None:
            load = loader.exec_module

            def load_and_change(module: ModuleType) -> None:
                load(module)
                CHANGES[fullname](module)

            cast(Any, loader).exec_module = load_and_change
        return spec

    def exec_module(self, module: ModuleType) -> None:
        """Make a module of IPython: all that it holds does nothing."""
        vars(module).update(get_ipython=_shell, display=_display, clear_output=_nothing, __all__=_DISPLAYED)
        vars(module).update(__getattr__=_attribute, __version__="9.0.0", version_info=(9, 0, 0))
        if module.__name__ == IPYTHON:
            vars(module)["display"] = importlib.import_module(f"{IPYTHON}.display")


def _attribute(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return Nothing()


def _change_torch(torch: Any) -> None:
    torch.compile = _same
    torch.nn.Module.compile = _nothing
    loader = torch.utils.data.DataLoader
    initialise, signature = loader.__init__, inspect.signature(loader.__init__)

    def without_processes(*arguments: Any, **options: Any) -> None:
        """The batches are the same, and behind some walls no process can be started."""
        given = signature.bind(*arguments, **options)
        given.arguments.update({name: value for name, value in _ALONE.items() if name in given.arguments})
        initialise(*given.args, **given.kwargs)

    loader.__init__ = without_processes


# What a loader that starts processes may be told, and what a loader without them must be.
_ALONE = {
    "num_workers": 0,
    "timeout": 0,
    "prefetch_factor": None,
    "persistent_workers": False,
    "multiprocessing_context": None,
}


def _change_dynamo(frames: Any) -> None:
    """Whole networks that were saved compiled are compiled again when they are loaded."""
    frames._TorchDynamoContext.__call__ = frames.OptimizeContext.__call__ = lambda _self, function: function


def _change_bars(std: Any) -> None:
    """Progress bars count, and write nothing."""
    initialise = std.tqdm.__init__

    def without_output(self: Any, *arguments: Any, **options: Any) -> None:
        options.pop("display", None)  # of a notebook's bar
        if len(arguments) > 4:
            arguments = (*arguments[:4], _NOWHERE, *arguments[5:])
        else:
            options["file"] = _NOWHERE
        initialise(self, *arguments, **options)

    std.tqdm.__init__, std.tqdm.monitor_interval, std.tqdm.container = without_output, 0, Nothing()


def _use_plain_bars(module: Any) -> None:
    std = sys.modules["tqdm.std"]
    for name in vars(module).keys() & {"tqdm", "tqdm_notebook", "tqdm_gui", "tqdm_rich"}:
        setattr(module, name, std.tqdm)
    for name in vars(module).keys() & {"trange", "tnrange", "tgrange", "trrange"}:
        setattr(module, name, std.trange)


def _keep_backend(matplotlib: Any) -> None:
    matplotlib.use = _nothing


def _change_pyplot(pyplot: Any) -> None:
    switch = pyplot.switch_backend
    pyplot.switch_backend = lambda _name: switch("agg")
    pyplot.show = pyplot.pause = _nothing


def _change_opencv(cv2: Any) -> None:
    windows = "imshow namedWindow moveWindow resizeWindow setWindowTitle setWindowProperty destroyWindow".split()
    windows += (
        "destroyAllWindows startWindowThread setMouseCallback createTrackbar setTrackbarPos displayOverlay".split()
    )
    for name in windows:
        setattr(cv2, name, _nothing)
    for name in ("waitKey", "waitKeyEx", "pollKey"):
        setattr(cv2, name, lambda *_arguments, **_options: -1)  # no key was pressed


def _change_pictures(module: Any) -> None:
    module.Image.show = _nothing


def _change_viewer(module: Any) -> None:
    module.show = lambda *_arguments, **_options: False


def _change_browser(webbrowser: Any) -> None:
    webbrowser.open = webbrowser.open_new = webbrowser.open_new_tab = lambda *_arguments, **_options: False


NOTEBOOK_NAMES: dict[str, Any] = {"display": _display, "get_ipython": _shell}  # which need no import there
_SHELL, _NOWHERE = Nothing(), _Nowhere()
CHANGES: dict[str, Callable[[Any], None]] = {
    "torch": _change_torch,
    "torch._dynamo.eval_frame": _change_dynamo,
    "tqdm.std": _change_bars,
    "tqdm.notebook": _use_plain_bars,
    "tqdm.gui": _use_plain_bars,
    "tqdm.rich": _use_plain_bars,
    "matplotlib": _keep_backend,
    "matplotlib.pyplot": _change_pyplot,
    "cv2": _change_opencv,
    "PIL.Image": _change_pictures,
    "PIL.ImageShow": _change_viewer,
    "webbrowser": _change_browser,
}
