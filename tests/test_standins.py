"""An import that fails costs only what uses it, and a student's own `except ImportError` still decides."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from grader.notebooks.guards import PREAMBLE, guarded
from grader.notebooks.places import first_line
from grader.sandbox import handled, standins

Load = Callable[..., ModuleType]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Writes modules of a student's into a folder and imports the first."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    remove = standins.install(lambda file: file.startswith(f"{tmp_path}/"))

    def import_first(**sources: str) -> ModuleType:
        for name, source in sources.items():
            (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
        importlib.invalidate_caches()
        return importlib.import_module(next(iter(sources)))

    yield import_first
    remove()
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


IMPORTS = [
    ("import wandb", "wandb.init()", "No module named 'wandb'"),
    ("import wandb", "wandb.sdk.x + 1", "No module named 'wandb'"),
    ("import wandb", "[x for x in wandb.runs()]", "No module named 'wandb'"),
    ("import wandb", "bool(wandb.run)", "No module named 'wandb'"),
    ("import wandb", "len(wandb.runs)", "No module named 'wandb'"),
    ("import wandb, json", "wandb.log(json.dumps(1))", "No module named 'wandb'"),
    ("import torchsummary as ts", "ts.summary(1)", "No module named 'torchsummary'"),
    ("import google.colab", "google.colab.drive.mount('/x')", "No module named 'google'"),
    ("from google.colab import drive, files", "files.upload()", "No module named 'google'"),
    ("import albumentations.pytorch as ap", "ap.ToTensorV2()", "No module named 'albumentations'"),
    ("from timm.models import create_model", "create_model('x')", "No module named 'timm'"),
    ("import json.nowhere", "json.nowhere.f()", "No module named 'json.nowhere'"),
    ("from json import dumps, nothing", "nothing()", "cannot import name 'nothing' from 'json'"),
    ("from . import helper", "helper.f()", "attempted relative import"),
    ("import A\ntf = A.Compose([A.Flip(), A.X(p=0.5)])", "tf(image=1)", "No module named 'A'"),
    ("import A\n@A.trace(3)\ndef g(): pass", "g()", "No module named 'A'"),
    ("import A\n@A.trace\ndef g(): pass", "g()", "No module named 'A'"),
    ("import A\nclass N(A.Module, A.Mixin):\n    pass", "N()", "No module named 'A'"),
    ("import A\nclass N(dict, A.Mixin, x=1):\n    pass", "N()", "No module named 'A'"),
    ("import A\nclass N:\n    layer = A.Layer(3)", "N.layer()", "No module named 'A'"),
    ("import A\ndef make():\n    return A.X()\nx = make()", "x()", "No module named 'A'"),
    ("import A\nwith A.scope():\n    y = 1", "A.f(y)", "No module named 'A'"),
]


@pytest.mark.parametrize(("imports", "use", "told"), IMPORTS)
def test_costs_what_uses_it(load: Load, imports: str, use: str, told: str) -> None:
    """Whatever the form of the import and of what a module does with it at once, only its use raises, and says why."""
    module = load(work=f"{imports}\ndef use():\n    return {use}\ndef fine():\n    return 7\n")
    assert module.fine() == 7
    with pytest.raises(ImportError, match=told):
        module.use()


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("try:\n    import nowhere\nexcept ImportError:\n    nowhere = 'own'\n", "nowhere"),
        ("try:\n    import nowhere\nexcept:\n    nowhere = 'own'\n", "nowhere"),
        ("try:\n    from nowhere import a\nexcept (OSError, ModuleNotFoundError):\n    a = 'own'\n", "a"),
        ("import builtins\ntry:\n    import nowhere\nexcept builtins.Exception:\n    x = 'own'\n", "x"),
        ("try:\n    from json import nothing\nexcept ImportError:\n    nothing = 'own'\n", "nothing"),
        ("x = 'own'\nfrom contextlib import suppress\nwith suppress(ImportError):\n    import nowhere as x\n", "x"),
        ("try:\n    import needy\nexcept ImportError:\n    needy = 'own'\n", "needy"),
        (
            "def f():\n    import nowhere\n    return 'its'\ntry:\n    x = f()\nexcept ImportError:\n    x = 'own'\n",
            "x",
        ),
        (
            "try:\n    try:\n        import nowhere\n    finally:\n        y = 1\nexcept ImportError:\n    x = 'own'\n",
            "x",
        ),
        ("class A:\n    try:\n        import nowhere\n    except ImportError:\n        x = 'own'\n", "A.x"),
        ("import importlib\ntry:\n    importlib.import_module('nowhere')\nexcept ImportError:\n    x = 'own'\n", "x"),
        ("try:\n    import broken\nexcept SyntaxError:\n    x = 'own'\n", "x"),
    ],
)
def test_own_fallback(load: Load, source: str, value: str) -> None:
    """Where a student's code catches the failure, in whichever form and frame, its fallback is taken."""
    module = load(work=source, needy="import nowhere\n", broken="def f(:\n")
    assert eval(value, vars(module)) == "own"


@pytest.mark.parametrize(
    "source",
    [
        "try:\n    import nowhere\nexcept OSError:\n    raise\n",
        "try:\n    import nowhere\nfinally:\n    x = 1\n",
        "try:\n    x = 1\nexcept ImportError:\n    pass\nimport nowhere\n",
        "try:\n    x = 1\nexcept ImportError:\n    pass\nelse:\n    import nowhere\n",
        "try:\n    def f():\n        import nowhere as n\n        return n\n"
        "except ImportError:\n    pass\nnowhere = f()\n",
        "import warnings\nwith warnings.catch_warnings():\n    import nowhere\n",
    ],
)
def test_handler_of_something_else(load: Load, source: str) -> None:
    """A `try` that does not catch this, or stands elsewhere, changes nothing: the name is a stand-in."""
    assert isinstance(load(work=source).nowhere, standins.StandIn)


@pytest.mark.parametrize(
    ("helper", "kind", "told"),
    [
        ("def f(:\n", SyntaxError, "invalid syntax"),
        ("x = 1 / 0\n", ZeroDivisionError, "division"),
        ("raise OSError('no network')\n", OSError, "no network"),
        ("import sys\nsys.exit(3)\n", SystemExit, "3"),
    ],
)
def test_own_module_that_fails(load: Load, helper: str, kind: type[BaseException], told: str) -> None:
    """A helper that raises costs what uses it, which raises the same with the helper's place."""
    module = load(work="import helper\nfrom helper import f\ndef fine():\n    return 7\n", helper=helper)
    assert module.fine() == 7
    for use in (module.f, module.helper.g, module.f):
        with pytest.raises(kind, match=told) as caught:
            use()
        assert "helper.py" in str(caught.traceback[-1].path) or kind is SyntaxError


def test_star_import_of_a_broken_helper(load: Load) -> None:
    """A star import raises what the helper raises, since nothing else could tell; of nothing, it brings nothing."""
    with pytest.raises(SyntaxError):
        load(work="from helper import *\n", helper="def f(:\n")
    assert load(other="from nowhere import *\nx = 3\n").x == 3


def test_nobody_else_is_changed(load: Load) -> None:
    """No stand-in is in `sys.modules`, C code and libraries get the real exception, and what is there is what it is."""
    source = "import nowhere, json, pickle\nfrom os.path import join\ndef f(data):\n    return pickle.loads(data)\n"
    module = load(work=source)
    assert "nowhere" not in sys.modules
    assert (module.json, module.join) == (sys.modules["json"], sys.modules["os.path"].join)
    with pytest.raises(ModuleNotFoundError, match="No module named 'nothing'"):
        module.f(b"cnothing\nx\n.")
    with pytest.raises(ModuleNotFoundError):
        exec("import nowhere", {})


def test_what_a_stand_in_is_not(load: Load) -> None:
    """Nothing is an instance of it, it has no special attributes, and it can be shown."""
    asks = "def f(z: A.T | None = None) -> 'A.S':\n    return isinstance(z, A.T)\n"
    module = load(work=f"import A\nfrom A import b\nA.y = 4\n{asks}")
    assert not module.f(3)
    assert not hasattr(module.A, "__wrapped__")
    assert repr(module.b) == "<A.b, which can't be imported>"


def test_guards_of_notebooks() -> None:
    """How a notebook's modules begin, and what their guards catch, is the same here and where they are made."""
    assert first_line("x").startswith(handled.MADE)
    assert PREAMBLE.startswith(f"class {handled.GUARD}:")
    assert guarded((), "x").startswith(f"with {handled.GUARD}(")


def test_module_of_a_notebook(load: Load) -> None:
    """In a module made of a notebook, an import's guard gives way to a stand-in, and a value's stays."""
    made = first_line('"lab.ipynb"')
    imports = f"{PREAMBLE}{guarded(['nowhere'], 'import nowhere')}\n{guarded(['x'], 'from shared import x')}"
    uses = "def f():\n    return nowhere.g()\ndef g():\n    return x"
    shared = f"{made}\n{PREAMBLE}{guarded(['x'], 'x = 1 / 0')}\n"
    module = load(work=f"{made}\n{imports}\n{uses}\n", shared=shared)
    with pytest.raises(ModuleNotFoundError, match="nowhere"):
        module.f()
    with pytest.raises(NameError, match="'x' is not defined"):
        module.g()
