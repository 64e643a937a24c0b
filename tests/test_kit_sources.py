"""What the students' kit is made of: the grader's own sources, cut down, and recorded answers."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
from sample_kit import solved_lines
from sample_tiers import tiered

from grader.authoring.kit.making import find_public, kit_code, refuse_unfit
from grader.authoring.kit.recorded import RecordedTransport, Recording, asked_of, packed, read_recording
from grader.authoring.kit.sources import Tree
from grader.authoring.kit.student import own_path
from grader.errors import MachineError
from grader.packages import checks_folder
from grader.rubric import PROJECT, find_assignments, get_assignment
from grader.sandbox.student import Implementation
from grader.solutions import load_mistakes

KNOTS = dedent('''\
    """Knots."""

    from __future__ import annotations

    import json
    import math as m

    from grader.ropes import LENGTH, Rope, unused
    from pydantic import BaseModel

    TABLE = {}
    TABLE["loop"] = 2.0
    OTHER = {}
    OTHER["loop"] = LENGTH


    class Record(BaseModel):
        """A record."""


    # How many.
    def count(rope: Rope) -> float:
        """Count them."""
        from grader.inner import LATE

        return m.floor(TABLE["loop"]) + _half(LATE)  # a remark


    def _half(value):
        return value / 2


    def hidden():
        return json.dumps("secret")
''')


def write_project(folder: Path) -> Path:
    """A project whose package has three modules."""
    package = folder / "grader"
    package.mkdir()
    (package / "__init__.py").write_text('"""All."""\n')
    (package / "knots.py").write_text(KNOTS)
    (package / "ropes.py").write_text("class Rope: ...\n\n\nLENGTH = 3\nunused = 1\n")
    (package / "inner.py").write_text('LATE = 4.0\nLEFT = "secret"\n')
    return folder


def test_only_what_is_needed_is_taken(tmp_path: Path) -> None:
    """A name comes with what it needs, comments and changes of values included; what annotations name stays behind."""
    tree = Tree(write_project(tmp_path), {})
    tree.take("grader.knots", ["count"])
    files = {path: data.decode() for path, data in tree.files().items()}
    assert files.keys() == {"grader/__init__.py", "grader/knots.py", "grader/inner.py"}
    knots = files["grader/knots.py"]
    assert "import math as m" in knots
    assert 'TABLE["loop"] = 2.0' in knots
    assert "# How many.\ndef count(rope: Rope)" in knots
    assert "# a remark" in knots
    for absent in ("json", "hidden", "pydantic", "ropes", "OTHER"):
        assert absent not in knots
    assert "secret" not in files["grader/inner.py"]
    out = tmp_path / "out"
    for path, text in files.items():
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        (out / path).write_text(text)
    command = [sys.executable, "-c", "from grader.knots import count; print(count(None))"]
    assert subprocess.run(command, cwd=out, capture_output=True, text=True, check=True).stdout == "4.0\n"


def test_another_text_stands_in_place(tmp_path: Path) -> None:
    """A definition that is replaced leaves behind what only it needed, and brings the imports of its other text."""
    text = "from grader.ropes import Rope\n\nclass Record(Rope):\n    pass"
    tree = Tree(write_project(tmp_path), {"grader.knots.Record": text})
    tree.take("grader.knots", ["Record"])
    knots = tree.files()["grader/knots.py"].decode()
    assert "pydantic" not in knots
    assert "from grader.ropes import Rope" in knots
    assert "class Record(Rope):" in knots
    assert tree.has("grader.ropes.Rope")


def test_module_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A name of a module of ours that does not exist stops the release."""
    with pytest.raises(MachineError, match=r"needs grader\.nothing"):
        Tree(write_project(tmp_path), {}).take("grader.nothing", ["x"])


@pytest.mark.parametrize("assignment_id", tiered(list(find_assignments()), slow={"two_networks"}))
def test_no_solution_or_hidden_check_in_the_code(assignment_id: str) -> None:
    """The code of each assignment's kit parses, and holds no hidden check, recorded truth or mistake.

    It makes the whole kit.
    """
    files = {path: data.decode() for path, data in kit_code(get_assignment(assignment_id)).items()}
    whole = "\n".join(files.values())
    for path, text in files.items():
        ast.parse("" if path.endswith(".ini") else text, path)
    assert not re.search(r"^(from|import) (pydantic|safetensors|click|rich|nbformat)", whole, re.MULTILINE)
    folder = checks_folder(get_assignment(assignment_id))
    declared = {
        name for path in folder.glob("check_*.py") for name in re.findall(r"^def (check_\w+)", path.read_text(), re.M)
    }
    public = {check.name for check in find_public(get_assignment(assignment_id))}
    assert public
    assert not [name for name in declared - public if re.search(rf"\b{name}\b", whole)]
    assert not [mistake.id for mistake in load_mistakes(get_assignment(assignment_id)) if mistake.help in whole]
    lines = {line.strip() for line in whole.splitlines()}
    for solution in (PROJECT / "solutions" / assignment_id).glob("*.py"):
        assert not solved_lines(solution.read_text()) & lines
    for body in ("log_softmax = shifted - ", "softmax - one_hot"):  # of `right_losses` and `right_gradient`
        assert body in (checks_folder(get_assignment("two_networks")) / "losses.py").read_text(encoding="utf-8")
        assert body not in whole


def test_unfit_checks_are_refused() -> None:
    """A public check that asks for data, or stands on a hidden one, stops the release; those declared are fit."""
    checks = find_public(get_assignment("miniplaces"))
    refuse_unfit(checks)
    with pytest.raises(MachineError, match="no fashion_test"):
        refuse_unfit([replace(checks[0], fixtures=("student", "fashion_test"))])
    with pytest.raises(MachineError, match="stands on check_other, which is not"):
        refuse_unfit([replace(checks[0], after=("check_other",))])


def test_recorded_answers_are_given_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers come back by check, question and number; a question that was not recorded is our fault."""
    made, numbers = Recording(), np.arange(6.0).reshape(2, 3)
    monkeypatch.setenv("PYTEST_CURRENT_TEST", "folder/check_a.py::check_one (call)")
    for factor in (1, 2):
        made.frames[made.place("call.maps.draw")] = packed(factor * numbers)
    made.frames[made.place(asked_of("truth", (numbers, 3)))] = packed((1.5, "x"))
    made.write(tmp_path / "recorded.npz")
    oracle = Implementation(("maps",), RecordedTransport(read_recording(tmp_path / "recorded.npz")))
    monkeypatch.setenv("PYTEST_CURRENT_TEST", "elsewhere/folder/check_a.py::check_one (call)")
    assert (oracle.maps.draw(7) == numbers).all()
    assert (oracle.maps.draw(8) == 2 * numbers).all()
    with pytest.raises(MachineError, match=r"call\.maps\.draw 3"):
        oracle.maps.draw(9)
    again = read_recording(tmp_path / "recorded.npz")
    assert again.answer("truth((2, 3), 3)")[0] == {"value": {"$": "tuple", "items": [1.5, "x"]}}


def test_places_are_told_in_students_files_only(tmp_path: Path) -> None:
    """Below a student's folder, neither the kit nor a virtual environment is the student's code."""
    for name in ("kit/grader/errors.py", ".venv/lib/python3.11/site-packages/torch/nn/modules/linear.py"):
        assert own_path(tmp_path, str(tmp_path / name)) is None
    assert own_path(tmp_path, str(tmp_path / "more" / "layers.py")) == Path("more/layers.py")
    assert own_path(tmp_path, "/usr/lib/python3.11/json/decoder.py") is None
