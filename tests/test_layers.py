"""Which module of the grader may import which: downwards only, and no cycles."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from grader.rubric import PROJECT
from grader.sandbox.bubblewrap import _CODE

# Highest first. `name.*` stands for a package and all of it that is not named itself. ARCHITECTURE.md tells why a layer
# is where it is.
LAYERS = [
    layer.split()
    for layer in (
        "cli.* __main__",
        "course.grading gradescope.* authoring.linting authoring.new authoring.release "
        "authoring.examples.submissions authoring.examples.classes authoring.validation.*",
        "authoring.kit.*",
        "authoring.examples.*",
        "course.*",
        "pipeline",
        "author runner provenance report.* course.class_report.* terminal checking.* vision.* solutions "
        "course.similarity.* authoring.composing.*",
        "intake.* importing scoring figures.* results course_secret manual manual_reading manual_merging toml_slips "
        "vision.datasets.* vision.training.* reference manifest packages fetching imported zip_writer "
        "notebooks.submitted sandbox.student sandbox.transport",
        "sandbox.worker_pool sandbox.fork sandbox.forking sandbox.cold sandbox.container sandbox.process "
        "sandbox.bubblewrap sandbox.worker sandbox.seccomp sandbox.resource_monitor sandbox.cgroups sandbox.users "
        "sandbox.hints sandbox.launcher sandbox.clean sandbox.record sandbox.missing sandbox.budget sandbox.stopwatch "
        "sandbox.freezer sandbox.processors",
        "notebooks.* course.records report.job rubric records folders environment installed "
        "newer_syntax timestamps process_pool text decoding identity bounded_process preloading bounded_process_main "
        "frozen_record "
        "sandbox.protocol sandbox.values sandbox.calls sandbox.request_handler sandbox.forbidding sandbox.landlock "
        "sandbox.describing sandbox.loading sandbox.unpickling sandbox.headless sandbox.handled sandbox.standins "
        "sandbox.worker_main sandbox.fork_server",
        "errors sandbox authoring grader",  # the last three are packages' own __init__
    )
]
# What is mounted in the sandbox: it must not be able to reach anything else of ours.
BESIDE_STUDENTS = {path.removesuffix(".py").replace("/", ".") for path in _CODE if not path.endswith("__init__.py")}

Imports = dict[str, set[str]]  # names of modules below `grader`, and what each imports


def find_modules(package: Path) -> dict[str, Path]:
    """Every module of a package by its dotted name below it; a package's `__init__` has the package's name."""
    paths = {path.relative_to(package).with_suffix(""): path for path in sorted(package.rglob("*.py"))}
    return {".".join(part for part in name.parts if part != "__init__"): path for name, path in paths.items()}


def imported_names(tree: ast.Module, module: str, is_package: bool) -> Iterator[str]:
    """Every dotted name that a module imports, functions and `if TYPE_CHECKING` included, relative names resolved."""
    home = ["grader", *module.split(".")] if module else ["grader"]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = home[: len(home) - node.level + is_package] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{source}.{alias.name}" for alias in node.names)


def find_imports(package: Path, *, to_run: bool = False) -> Imports:
    """What each module of the package `grader` imports of the same package; `to_run` leaves out what is for types."""
    modules = find_modules(package)
    imports: Imports = {}
    for name, path in modules.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if to_run:
            tree.body = [node for node in tree.body if not ast.unparse(node).startswith("if TYPE_CHECKING:")]
        imports[name] = set()
        for imported in imported_names(tree, name, path.name == "__init__.py"):
            head, _, target = imported.partition(".")
            if head != "grader":
                continue
            # `from grader.records import Grade` names a thing inside a module: the longest part that is a module counts
            while target not in modules:
                target = target.rpartition(".")[0]
            imports[name].add(target)
    return imports


def layer_of(module: str) -> int | None:
    """Number of a module's layer, 0 the highest; None when the table does not place it. Its own name counts first."""
    numbers = {entry: number for number, layer in enumerate(LAYERS) for entry in layer}
    name = module or "grader"
    parts = name.split(".")
    packages = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return next((numbers[key] for key in [name, *(f"{each}.*" for each in packages)] if key in numbers), None)


def room_of(module: str) -> str:
    """The package that a module stands in, or itself if it stands in none."""
    return module.partition(".")[0]


def faults(imports: Mapping[str, set[str]]) -> list[str]:
    """A sentence for each module without a layer, and each import that goes up."""
    found = [
        f"grader.{name} has no layer: add it to LAYERS in tests/test_layers.py"
        for name in imports
        if layer_of(name) is None
    ]
    for name, targets in imports.items():
        for target in sorted(targets):
            upper, lower = layer_of(name), layer_of(target)
            if upper is not None and lower is not None and lower < upper:
                found.append(f"grader.{name} imports grader.{target}, which stands in a higher layer")
            if name in BESIDE_STUDENTS and target not in BESIDE_STUDENTS:
                found.append(f"grader.{name} runs beside the student's code and imports grader.{target}")
    return found


def write_package(folder: Path, sources: Mapping[str, str]) -> Path:
    """A package `grader` with these files."""
    for name, source in sources.items():
        path = folder / "grader" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    return folder / "grader"


def test_imports_go_down() -> None:
    """Every module has a layer and imports from its own or a lower one, also inside functions."""
    assert faults(find_imports(PROJECT / "grader")) == []


def test_no_import_cycles() -> None:
    """No module imports itself through others."""
    try:
        TopologicalSorter(find_imports(PROJECT / "grader")).prepare()
    except CycleError as error:
        pytest.fail("import cycle: " + " -> ".join(f"grader.{name}" for name in error.args[1]))


def test_no_cycles_between_packages() -> None:
    """No package imports itself through others: each can be read after those that it imports."""
    rooms: Imports = {}
    for name, targets in find_imports(PROJECT / "grader").items():
        rooms.setdefault(room_of(name), set()).update({room_of(target) for target in targets} - {room_of(name)})
    try:
        TopologicalSorter(rooms).prepare()
    except CycleError as error:
        pytest.fail("import cycle: " + " -> ".join(f"grader.{name}" for name in error.args[1]))


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("import grader.pipeline", "pipeline"),
        ("from grader import pipeline", "pipeline"),
        ("from grader.pipeline import grade", "pipeline"),
        ("from .pipeline import grade", "pipeline"),
        ("from . import pipeline", "pipeline"),
        ("def f():\n    from grader.pipeline import grade", "pipeline"),
        ("if TYPE_CHECKING:\n    from grader.pipeline import grade", "pipeline"),
        ("from grader.checking import Check", "checking"),
        ("from grader.checking.compare import compare", "checking.compare"),
        ("from grader import VERSION", ""),
    ],
)
def test_imports_are_found(tmp_path: Path, source: str, target: str) -> None:
    """An import is found in every form Python has, wherever it stands."""
    package = write_package(
        tmp_path,
        {"__init__.py": "", "pipeline.py": "", "checking/__init__.py": "", "checking/compare.py": "", "it.py": source},
    )
    assert find_imports(package)["it"] == {target}


def test_relative_import_in_package(tmp_path: Path) -> None:
    """A relative import starts at the package itself in `__init__`, and beside the file elsewhere."""
    sources = {"__init__.py": "", "a/__init__.py": "from . import b", "a/b.py": "from .. import c", "c.py": ""}
    assert find_imports(write_package(tmp_path, sources)) == {"": set(), "a": {"a.b"}, "a.b": {"c"}, "c": set()}


@pytest.mark.parametrize(
    ("imports", "fault"),
    [
        ({"errors": {"records"}}, "imports grader.records, which stands in a higher layer"),
        ({"checking.compare": {"pipeline"}}, "imports grader.pipeline, which stands in a higher layer"),
        ({"sandbox.worker_main": {"errors"}}, "runs beside the student's code and imports grader.errors"),
        ({"novelty": set()}, "grader.novelty has no layer"),
    ],
)
def test_faults_are_named(imports: Imports, fault: str) -> None:
    """An upward import, a worker that reaches further than it may, and an unplaced module are told in a sentence."""
    (sentence,) = faults(imports)
    assert fault in sentence


@pytest.mark.parametrize("imports", [{"cli": {"errors"}}, {"rubric": {"records"}}, {"figures.cam": {"figures.style"}}])
def test_allowed_imports(imports: Imports) -> None:
    """Lower layers and the own one may be imported."""
    assert faults(imports) == []
