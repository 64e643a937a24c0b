"""Variations as a student's files: plain source that says the same as the variation."""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from test_solutions import project_with

from grader.authoring.composing import submission
from grader.authoring.composing.submission import compose
from grader.authoring.validation.proving import SAMPLE
from grader.checking.running import run_checks
from grader.errors import MachineError
from grader.importing import load_modules
from grader.rubric import get_assignment
from grader.runner import context_of
from grader.sandbox.student import Implementation
from grader.sandbox.transport import LocalTransport
from grader.solutions import Variation, implementation, load_accepted, load_mistakes, solution_files

TWO_NETWORKS = get_assignment("two_networks")
MINIPLACES = get_assignment("miniplaces")
ASSIGNMENTS = ("miniplaces", "two_networks")
CANNOT: dict[str, str] = {}  # variations that no student could write as plain source, each with the reason


def variations_of(assignment_id: str) -> dict[str, Variation]:
    """Every variation by its id."""
    return {
        each.id: each
        for each in (*load_mistakes(get_assignment(assignment_id)), *load_accepted(get_assignment(assignment_id)))
    }


def load(files: dict[str, bytes], folder: Path, *names: str) -> dict[str, ModuleType]:
    """The named modules out of composed files."""
    for name, data in files.items():
        if name.endswith(".py"):
            (folder / name).write_bytes(data)
    return load_modules(folder, names, MachineError)


def signature_of(function: Any) -> list[tuple[str, Any]]:
    """Names and kinds of the parameters."""
    return [(name, parameter.kind) for name, parameter in inspect.signature(function).parameters.items()]


@pytest.mark.parametrize("assignment_id", ["miniplaces", pytest.param("two_networks", marks=pytest.mark.slow)])
def test_every_variation(assignment_id: str, tmp_path: Path) -> None:
    """Each becomes source that parses, can be imported, does not name the grader, and holds the target as declared."""
    tried = 0
    for name, variation in variations_of(assignment_id).items():
        if name in CANNOT:
            with pytest.raises(MachineError):
                compose(get_assignment(assignment_id), [variation])
            continue
        files = compose(get_assignment(assignment_id), [variation])
        sources = {name: data for name, data in files.items() if name.endswith(".py")}
        for source in sources.values():
            ast.parse(source)
            assert b"grader" not in source.lower(), name
            assert b"SOLUTION" not in source, name
        if variation.is_file:
            continue
        tried += 1
        module = variation.target.split(".")[0]
        target = getattr(load(sources, tmp_path, module)[module], variation.name)
        if callable(variation.replacement):
            assert signature_of(target) == signature_of(variation.replacement), name
            assert target.__name__ == variation.name
        else:
            assert target == variation.replacement
    assert tried > 100


def ended(assignment_id: str, who: Implementation, tasks: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """How the checks of some tasks end in this process, and the known mistakes that they name."""
    context = context_of(get_assignment(assignment_id), who, "composed", most_images=SAMPLE)
    run_checks(context, tasks)
    return [(result.name, result.outcome, result.mistakes) for result in context.results]


@pytest.mark.parametrize(
    ("assignment_id", "name", "task"),
    [
        ("miniplaces", "cam.in_numpy", "3b"),
        ("miniplaces", "cam.clips_scores", "3b"),
        ("miniplaces", "filters.changes_argument", "1a"),
        ("miniplaces", "filters.layer_in_brackets", "1b"),
        pytest.param("miniplaces", "fashion.switches_training_on", "4b", marks=pytest.mark.slow),
        pytest.param("miniplaces", "fashion.experiments_in_two_units", "4d", marks=pytest.mark.slow),
        pytest.param("two_networks", "resnet.concatenates", "1", marks=pytest.mark.slow),
        pytest.param("two_networks", "resnet.pre_activation", "1", marks=pytest.mark.slow),
        ("two_networks", "supervised.normaliser_detached", "2.1"),
        pytest.param("two_networks", "supervised.uses_nll_loss", "2.1", marks=pytest.mark.slow),
        pytest.param("two_networks", "rotation.views_for_permute", "3", marks=pytest.mark.slow),
        pytest.param("two_networks", "visualize.layers_only_one", "4.1", marks=pytest.mark.slow),
        pytest.param("two_networks", "neighbours.skips_itself", "4.4", marks=pytest.mark.slow),
    ],
)
def test_same_verdicts(assignment_id: str, name: str, task: str, tmp_path: Path) -> None:
    """The checks end for the composed files as they end for the variation, and name the same mistakes."""
    variation = variations_of(assignment_id)[name]
    files = compose(get_assignment(assignment_id), [variation])
    modules = load(files, tmp_path, *get_assignment(assignment_id).modules)
    composed = Implementation(get_assignment(assignment_id).modules, LocalTransport(modules, files), files)
    expected = ended(assignment_id, implementation(get_assignment(assignment_id), variation), (task,))
    assert ended(assignment_id, composed, (task,)) == expected
    assert any(name in mistakes for *_, mistakes in expected) == variation.is_mistake


def test_several_in_one_module(tmp_path: Path) -> None:
    """Helpers of one name stay apart, and a helper that two variations share comes once."""
    known = variations_of("two_networks")
    chosen = [known["supervised.in_percent"], known["supervised.training_in_percent"], known["supervised.last_epoch"]]
    files = compose(TWO_NETWORKS, chosen)
    source = files["supervised.py"].decode()
    assert source.count("def _totals(") == source.count("def _totals_2(") == 1
    module = load(files, tmp_path, "supervised")["supervised"]
    assert module.best_epoch({"val_loss": [1, 2, 3]}) == 2
    shared = compose(
        MINIPLACES,
        [variations_of("miniplaces")[f"cam.{name}"] for name in ("next_class", "clips_scores")],
    )
    assert shared["cam.py"].decode().count("def _parts(") == 1


def test_files() -> None:
    """A file variation sees what the others made of the files; one that leaves the file out leaves it out."""
    known = variations_of("two_networks")
    signed = Variation(
        "supervised.py",
        "supervised.signed",
        "check_x",
        "Signed.",
        lambda files: files["supervised.py"] + b"# Bo\n",
        is_file=True,
    )
    source = compose(TWO_NETWORKS, [signed, known["supervised.last_epoch"]])["supervised.py"]
    assert b'return len(history["val_loss"]) - 1' in source
    assert source.endswith(b"# Bo\n")
    gone = Variation("model.pth", "fashion.gone", "check_x", "Gone.", lambda _files: None, is_file=True)
    assert solution_files(MINIPLACES).keys() - compose(MINIPLACES, [gone]).keys() == {"model.pth"}


def test_one_target_once() -> None:
    """Two variations of one target can't be in one submission."""
    known = variations_of("miniplaces")
    with pytest.raises(MachineError, match=r"several variations of cam\.class_scores"):
        compose(MINIPLACES, [known["cam.in_numpy"], known["cam.clips_scores"]])


SOLUTION = '''"""Adds."""

STEP = 1  # SOLUTION 1: a number


def f(x):
    """Add."""
    # BEGIN SOLUTION 1
    #: Look at STEP.
    return x + helper(STEP)
    # END SOLUTION


def helper(x):
    return x


def g(x):
    return helper(f(x))
'''
DECLARED = """
from __future__ import annotations

import a
import math as m
import os.path
from a import f as right
from grader.solutions import mistake, mistaken_value, load_module

helper = 100
LIMIT, OTHER = 5, 6
step = mistaken_value("a.STEP", "step", (1 +
    LIMIT), check="c", help="Wrong.")


def make(n):
    def inner(x):
        helper = n
        return helper + x
    return inner


def decorate(function):
    return lambda x: function(x) * 1


@mistake("a.f", "recurs", check="c", help="Wrong.")
@decorate
def recurs(x):
    return 0 if x <= 0 else 2 + recurs.replacement(x - helper / 100)


@mistake("a.f", "leans", check="c", help="Wrong.")
def leans(x):
    from a import g
    return right(x) + a.f(x) + g(x) + m.floor(0.5) + len(os.path.sep)


made = mistake("a.f", "made", check="c", help="Wrong.")(make(LIMIT))
short = mistake("a.f", "short", check="c", help="Wrong.")(lambda x: x - helper)
calls = mistake("a.g", "calls", check="c", help="Wrong.")(lambda x: 1000 + recurs.replacement(x))


@mistake("a.f", "cheats", check="c", help="Wrong.")
def cheats(x):
    return load_module(x)


@mistake("a.f", "cheats_inside", check="c", help="Wrong.")
def cheats_inside(x):
    import grader.solutions
    return 1


@mistake("a.f", "odd", check="c", help="Wrong.")
def odd(x):
    return recurs.help
"""


@pytest.fixture
def toy(tmp_path: Path) -> Callable[..., Any]:
    """Composes variations of a toy assignment and loads its module `a`."""
    project = project_with(tmp_path / "project", a=SOLUTION, b="", c="", mistakes__a=DECLARED)
    known = {each.id: each for each in load_mistakes(get_assignment("toy", project))}

    @functools.cache
    def compose_and_load(*names: str) -> Any:
        files = compose(get_assignment("toy", project), [known[f"a.{name}"] for name in names])
        assert not any(b"grader" in data for data in files.values())
        folder = tmp_path / "_".join(names)
        folder.mkdir()
        return load(files, folder, "a")["a"]

    return compose_and_load


def test_odd_forms(toy: Callable[..., Any]) -> None:
    """Closures, lambdas, decorated and recursive functions, and computed values say what the variation says."""
    assert toy("step").STEP == 6
    assert toy("step").f(1) == 7
    assert toy("made").f(1) == 6
    assert toy("short").f(1) == -99
    assert toy("recurs").f(3) == 6
    both = toy("recurs", "calls")
    assert (both.f(3), both.g(3)) == (6, 1006)
    other = toy("short", "calls")
    assert (other.f(3), other.g(3), other.helper(3)) == (-97, 1006, 3)


def test_own_module_comes_along(toy: Callable[..., Any]) -> None:
    """Where a variation calls the solution it replaces, that comes along as a helper module, unchanged."""
    module = toy("leans")
    assert module.f(1) == 2 + 2 + 2 + 0 + 1
    assert Path(module.__file__).with_name("plain_a.py").read_text().count("return x + helper(STEP)") == 1


@pytest.mark.parametrize(
    ("name", "told"), [("cheats", "load_module"), ("cheats_inside", "grader"), ("odd", "used as a variation")]
)
def test_not_plain(toy: Callable[..., Any], name: str, told: str) -> None:
    """What needs the grader itself can't be handed in: an error with the file says so."""
    with pytest.raises(MachineError, match=rf"mistakes/a\.py.*{told}"):
        toy(name)


def test_marks_are_gone() -> None:
    """A solution's source without its marks is the same code."""
    plain = submission.plain_source(SOLUTION.encode()).decode()
    assert "#" not in plain
    assert ast.dump(ast.parse(plain)) == ast.dump(ast.parse(SOLUTION))


def test_names_in_texts(tmp_path: Path) -> None:
    """A name inside an f-string is renamed too, wherever it stands there."""
    wrong = """
from grader.solutions import mistake
f = "ü"
def f_2(x): return [f, f"ß {f} {[f for _ in 'ab']}"]
wrong = mistake("a.f", "w", check="c", help="Wrong.")(lambda x: f"ä {f_2(x)}" + f'''
  {f}{f_2(x)}{x:{len(f)}}''' + ("one "
    f"{f} " "two " f"{f_2(f)}"))
"""
    project = project_with(tmp_path / "p", a="def f(x): return x", b="", c="", mistakes__a=wrong)
    (variation,) = load_mistakes(get_assignment("toy", project))
    module = load(compose(get_assignment("toy", project), [variation]), tmp_path, "a")["a"]
    assert module.f(1) == variation.replacement(1)


def test_no_module_imports_in_a_circle(tmp_path: Path) -> None:
    """A variation that would import a module which imports its own is refused."""
    wrong = """
import b
from grader.solutions import mistake
f = mistake("a.f", "circular", check="c", help="Wrong.")(lambda x: b.g(x))
"""
    project = project_with(tmp_path, a="def f(x): return x", b="import a\ndef g(x): return x", c="", mistakes__a=wrong)
    with pytest.raises(MachineError, match=r"a\.py can't import b\.py"):
        compose(get_assignment("toy", project), load_mistakes(get_assignment("toy", project)))


def test_partial(tmp_path: Path) -> None:
    """A partial is written as the call that makes it."""
    wrong = """
from functools import partial
from grader.solutions import mistake
def add(n, x): return n + x
f = mistake("a.f", "partly", check="c", help="Wrong.")(partial(add, 3))
"""
    project = project_with(tmp_path / "p", a="def f(x): return x", b="", c="", mistakes__a=wrong)
    module = load(
        compose(get_assignment("toy", project), load_mistakes(get_assignment("toy", project))), tmp_path, "a"
    )["a"]
    assert isinstance(module.f, functools.partial)
    assert module.f(1) == 4
