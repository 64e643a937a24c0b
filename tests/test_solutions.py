"""Known mistakes and accepted ways are declared once, in words, for checks that exist."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grader.errors import MachineError
from grader.rubric import PROJECT, find_assignments, get_assignment
from grader.solutions import (
    Variation,
    implementation,
    importers,
    load_accepted,
    load_mistakes,
    mistake,
    mistaken_value,
    solution_files,
)

MINIPLACES = get_assignment("miniplaces")
ASSIGNMENTS = [each for each in find_assignments() if (PROJECT / "solutions" / each / "mistakes").is_dir()]
MISTAKES = [each for name in ASSIGNMENTS for each in load_mistakes(get_assignment(name))]
ACCEPTED = [each for name in ASSIGNMENTS for each in load_accepted(get_assignment(name))]


def check_names() -> set[str]:
    """The names of all checks, read from their sources."""
    sources = [path.read_text(encoding="utf-8") for path in (PROJECT / "solutions").glob("*/checks/*_*.py")]
    return {name for source in sources for name in re.findall(r"^def (check_\w+)", source, re.MULTILINE)}


def test_checks_exist() -> None:
    """Every mistake names the check that catches it."""
    names = check_names()
    assert len(MISTAKES) > 100
    assert [known.id for known in MISTAKES if known.check not in names] == []


def sentences(text: str) -> list[str]:
    """The sentences of a help."""
    return re.split(r"(?<=[.?])\s+(?=[A-Z\"'`(])", text)


WHOLE = re.compile(r"[.?`)\]0-9]$|\w+\.\w+$|=\w+$")  # it ends in a period or in code


def is_readable(text: str) -> bool:
    """Whether a help is one to three sentences, short enough to be read, and whole."""
    is_tidy = text == " ".join(text.split())
    return is_tidy and 1 <= len(sentences(text)) <= 3 and len(text) <= 220 and bool(WHOLE.search(text))


def test_help() -> None:
    """Every help is one to three sentences, short enough to be read, and whole."""
    assert [known.id for known in MISTAKES if not is_readable(known.help)] == []
    assert not is_readable("One. Two. Three. Four.")
    assert not is_readable("It breaks off in the")
    assert not is_readable("It is too long." + " And longer" * 25 + ".")


ACCUSES = re.compile(r"\byou (?!can\b|may\b)|\byour (?:`|code\b|function\b|loop\b|hook\b|slice\b)", re.IGNORECASE)


def test_help_accuses_nobody() -> None:
    """What the answers show is stated; what the code may look like, which nobody has seen, is only asked."""
    stated = [(known.id, each) for known in MISTAKES for each in sentences(known.help) if not each.endswith("?")]
    assert [(name, sentence) for name, sentence in stated if ACCUSES.search(sentence)] == []


@pytest.mark.parametrize("sentence", ["You wrote 2048 into the code.", "Your `return` stands inside the loop."])
def test_accusation_is_found(sentence: str) -> None:
    """A sentence about code that nobody has seen is told from one about an answer."""
    assert ACCUSES.search(sentence)
    assert not ACCUSES.search("Your map is that of the network's top class.")


def test_accepted() -> None:
    """An accepted way says in a few words what is different about it."""
    assert len(ACCEPTED) > 50
    assert [other.id for other in ACCEPTED if other.is_mistake or not 0 < len(other.help) <= 120] == []


@pytest.mark.parametrize("assignment_id", ASSIGNMENTS)
def test_ids(assignment_id: str) -> None:
    """An id is unique within the assignment and begins with the module it belongs to."""
    variations = [*load_mistakes(get_assignment(assignment_id)), *load_accepted(get_assignment(assignment_id))]
    ids = [variation.id for variation in variations]
    assert len(set(ids)) == len(ids)
    modules = find_assignments()[assignment_id].modules
    assert all(
        variation.module in modules and re.fullmatch(r"[a-z]+\.[a-z0-9_]+", variation.id) for variation in variations
    )


def project_with(folder: Path, **sources: str) -> Path:
    """A project whose only assignment has these modules and mistakes."""
    (folder / "assignment" / "toy").mkdir(parents=True)
    tasks = "".join(f'[[task]]\nid = "{n}"\ntitle = "t"\npoints = 1\nmodule = "{m}"\n' for n, m in enumerate("abc", 1))
    rubric = f'id = "toy"\ntitle = "t"\ncourse = "c"\ndue_at = 2022-03-30T00:00:00Z\nmodules = ["a", "b", "c"]\n{tasks}'
    (folder / "assignment" / "toy" / "assignment.toml").write_text(rubric)
    for name, source in sources.items():
        path = folder / "solutions" / "toy" / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return folder


ONE = """
from grader.solutions import mistake
@mistake("a.f", "wrong", check="check_f", help="Wrong.")
def wrong(x):
    return x + 1
"""


@pytest.mark.parametrize(
    "sources",
    [
        {"mistakes__one": ONE, "mistakes__two": ONE},
        {"mistakes__one": ONE + 'again = mistake("a.g", "wrong", check="check_g", help="Wrong.")(len)\n'},
        {"mistakes__one": ONE + "alias = wrong\n"},
    ],
)
def test_declared_twice(tmp_path: Path, sources: dict[str, str]) -> None:
    """Two variations of one id are an error that names it, in one file or in two."""
    with pytest.raises(MachineError, match=r"declared twice: a\.wrong"):
        load_mistakes(get_assignment("toy", project_with(tmp_path, **sources)))


def test_declared_once(tmp_path: Path) -> None:
    """Mistakes are found in the files' order; a folder without any holds none."""
    project = project_with(tmp_path, mistakes__one=ONE, mistakes__two=ONE.replace('"wrong"', '"worse"'))
    assert [each.id for each in load_mistakes(get_assignment("toy", project))] == ["a.wrong", "a.worse"]
    assert load_accepted(get_assignment("toy", project)) == ()


@pytest.mark.parametrize(
    ("source", "imports_a"),
    [
        ("import a", True),
        ("from a import f", True),
        ("from . import a", True),
        ("from .a import f", True),
        ("def g():\n    import a.x", True),
        ("import torch, a as other", True),
        ("import aa\nfrom torch import a\nfrom torch.a import b", False),
        ("a = 1  # import a", False),
        ("def main():\n    import a", False),
    ],
)
def test_importers(tmp_path: Path, source: str, imports_a: bool) -> None:
    """A module reaches those whose source imports it, in any form, and those that import these."""
    project = project_with(tmp_path, a="", b=source, c="import b")
    assert importers(get_assignment("toy", project), "a") == ({"a", "b", "c"} if imports_a else {"a"})
    assert importers(get_assignment("toy", project), "c") == {"c"}


def test_importers_in_a_circle(tmp_path: Path) -> None:
    """Modules that import each other reach each other."""
    project = project_with(tmp_path, a="import b", b="import a", c="")
    assert (
        importers(get_assignment("toy", project), "a") == importers(get_assignment("toy", project), "b") == {"a", "b"}
    )


def test_implementation_is_of_its_own() -> None:
    """A variation stands in one implementation and changes no other, and none changes the files of another."""
    wrong: Any = mistaken_value("filters.OTHER_LAYER", "x", "conv1", check="check_other_layer", help="Wrong.")
    varied, plain = implementation(MINIPLACES, wrong), implementation(MINIPLACES)
    assert varied.filters.OTHER_LAYER.value() == "conv1"
    assert plain.filters.OTHER_LAYER.value() == "layer2.0.conv2"


def test_function_is_replaced_for_its_callers() -> None:
    """What a solution calls by name is the variation: a function goes wrong through another that it uses."""
    wrong = mistake("filters.normalize_tensor", "x", check="check_range", help="Wrong.")(lambda tensor: tensor * 0 + 7)
    import torch

    images = implementation(MINIPLACES, wrong).filters.visualize_filters(torch.ones(2, 1, 3, 3))
    assert all((image == 7).all() for image in images)


def test_missing_file() -> None:
    """A file that a mistake leaves out is gone, and only that."""
    gone = Variation("model.pth", "fashion.gone", "check_x", "Gone.", lambda _files: None, is_file=True)
    names = set(solution_files(MINIPLACES))
    assert names - set(implementation(MINIPLACES, gone).files) == {"model.pth"}


@pytest.fixture
def related(tmp_path: Path) -> Path:
    """A project whose module `b` imports `a` at its top, and `c` imports both where it runs."""
    wrong = """
from a import f as right
from grader.solutions import mistake
@mistake("a.f", "adds_two", check="check_f", help="Wrong.")
def adds_two(x):
    return right(x) + 1
"""
    return project_with(
        tmp_path,
        a="def f(x):\n    return x + 1",
        b="from a import f\ndef g(x):\n    return 10 * f(x)",
        c="def h(x):\n    import a, b\n    return a.f(x), b.g(x)",
        mistakes__a=wrong,
        accepted__b="import b\nfrom grader.solutions import accepted\n"
        'other = accepted("b.g", "other", "adds and takes away")(lambda x: b.g(x) + 1 - 1)',
    )


def test_solutions_import_each_other(related: Path) -> None:
    """By plain names, at the top or where they run; a variation is seen by all of its implementation, by no other."""
    (wrong,) = load_mistakes(get_assignment("toy", related))
    (other,) = load_accepted(get_assignment("toy", related))
    oracle, mistaken = (
        implementation(get_assignment("toy", related), None),
        implementation(get_assignment("toy", related), wrong),
    )
    varied = implementation(get_assignment("toy", related), other)
    for _ in range(2):
        assert (oracle.b.g(1), oracle.c.h(1)) == (20, (2, 20))
        assert (mistaken.b.g(1), mistaken.c.h(1)) == (30, (3, 30))
        assert (varied.b.g(1), varied.c.h(1)) == (20, (2, 20))


@pytest.mark.parametrize(
    ("name", "load"),
    [
        ("b", lambda project: implementation(get_assignment("toy", project), None)),
        ("mistakes__b", lambda project: load_mistakes(get_assignment("toy", project))),
        ("accepted__b", lambda project: load_accepted(get_assignment("toy", project))),
    ],
)
def test_broken_solution(tmp_path: Path, name: str, load: Callable[[Path], object]) -> None:
    """A file of ours that can't be imported is our fault, told with file and line."""
    project = project_with(tmp_path, a="", **{name: "x = 1\nimport nowhere"})
    path = tmp_path / "solutions" / "toy" / f"{name.replace('__', '/')}.py"
    told = f"^{re.escape(str(path))}, line 2: the module can't be imported: ModuleNotFoundError: No module named"
    with pytest.raises(MachineError, match=told):
        load(project)
