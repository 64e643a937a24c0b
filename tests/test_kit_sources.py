"""What the students' kit is made of: modules as they are, and recorded answers."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import pytest
from sample_guide import guide_files
from sample_kit import declared, solved_lines
from sample_tiers import tiered

from grader.authoring.kit.making import kit_code, kit_files
from grader.authoring.kit.recorded import RecordedTransport, Recording, asked_of, packed, read_recording
from grader.authoring.kit.student import own_path
from grader.errors import MachineError
from grader.packages import checks_folder
from grader.rubric import PROJECT, find_assignments, get_assignment
from grader.sandbox.student import Implementation
from grader.solutions import load_mistakes


def test_modules_are_copied_as_they_are() -> None:
    """Every module of a kit is a file of the project, but for the recorded truths; some stand in for the grader's."""
    for path, data in kit_code(get_assignment("two_networks")).items():
        below = Path(path).relative_to("kit")
        own = PROJECT / "kit" / below
        if below.name != "truths.py":
            assert data == (own if own.is_file() else PROJECT / below).read_bytes(), path


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
    assert declared(assignment_id, public=True)
    assert not [name for name in declared(assignment_id, public=False) if re.search(rf"\b{name}\b", whole)]
    assert not [mistake.id for mistake in load_mistakes(get_assignment(assignment_id)) if mistake.help in whole]
    lines = {line.strip() for line in whole.splitlines()}
    for solution in (PROJECT / "solutions" / assignment_id).glob("*.py"):
        assert not solved_lines(solution.read_text()) & lines
    for body in ("log_softmax = shifted - ", "softmax - one_hot"):  # of `right_losses` and `right_gradient`
        assert body in (checks_folder(get_assignment("two_networks")) / "truths.py").read_text(encoding="utf-8")
        assert body not in whole


UNFIT = {
    "There is no fashion_test": '@check("1")\ndef check_it(student, fashion_test):\n    """It."""\n',
    "skipped": '@check("1", after=("check_other",))\ndef check_it(student):\n    """It."""\n',
}


@pytest.mark.parametrize("told", UNFIT)
def test_unfit_checks_are_refused(tmp_path: Path, told: str) -> None:
    """A public check that asks for data, or stands on a hidden one, stops the release."""
    files = guide_files()
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "solutions/toy/checks/public_toy.py").write_text("from grader.author import check\n\n\n" + UNFIT[told])
    with pytest.raises(MachineError, match=f"check_it of task 1 can't be public: .*{told}"):
        kit_files(get_assignment("toy", tmp_path), {})


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
