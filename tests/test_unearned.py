"""Implementations that do no work earn nothing, and `make validate` notices a check that gives them points."""

from __future__ import annotations

import functools
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from grader.authoring.validation import proving
from grader.authoring.validation.cases import Case, CaseFinding, CaseKind, list_targets
from grader.authoring.validation.lazy import Laziness, lazy_files, lazy_functions
from grader.authoring.validation.page import render_validation
from grader.authoring.validation.proving import examine
from grader.authoring.validation.recorded import Replayed
from grader.authoring.validation.unearned import examine_recorded, read_exemptions
from grader.checking.context import Context
from grader.errors import MachineError
from grader.records import Outcome
from grader.rubric import get_assignment
from grader.solutions import model_file

MINIPLACES = get_assignment("miniplaces")
FILTERS = ("1a", "1b")  # tasks whose checks take no time


@pytest.fixture
def only_filters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the checks of `filters.py` are run."""
    run = proving._run

    def run_few(assignment: Any, case: Case, who: Any, _tasks: Any = None, **options: Any) -> Any:
        return run(assignment, case, who, FILTERS, **options)

    monkeypatch.setattr(proving, "_run", run_few)


@pytest.mark.usefixtures("only_filters")
@pytest.mark.parametrize("replayed", list(Replayed))
def test_replay_is_faithful(replayed: Replayed) -> None:
    """Played back under the secret of the recording, the solutions' answers pass every check."""
    case = Case(MINIPLACES, CaseKind.RECORDED, replayed.value)
    run = functools.partial(proving._run, MINIPLACES, case, mistakes=())
    results, complaint, earned = examine_recorded(MINIPLACES, case, run, seed=case.secret)
    assert {result.outcome for result in results} == {Outcome.PASSED}
    assert [each.share for each in earned] == [1.0, 1.0]
    assert "it earns 100% of 1a without the work" in complaint


@pytest.mark.usefixtures("only_filters")
def test_broken_randomness(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check whose inputs are the same under every secret is named."""
    generator = Context.generator

    def constant_for_one(context: Context, name: str) -> np.random.Generator:
        return np.random.default_rng(0) if name == "check_whole_tensor" else generator(context, name)

    case = Case(MINIPLACES, CaseKind.RECORDED, Replayed.FUNCTIONS.value)
    assert "check_whole_tensor" not in examine(case).complaint
    monkeypatch.setattr(Context, "generator", constant_for_one)
    assert "check_whole_tensor (functions)" in examine(case).complaint


def test_targets() -> None:
    """What a student writes is replaced in turn: functions, classes, constants and files, but no `main`."""
    targets = list_targets(MINIPLACES)
    assert {"filters.normalize_tensor", "fashion.MyNet", "units.SKY_UNIT", "model.pth", "experiments.json"} <= {
        *targets
    }
    assert not any(target.endswith(".main") for target in targets)


def test_lazy_function() -> None:
    """A lazy function keeps the types and shapes of the answer at most, and leaves its arguments alone."""

    def double(numbers: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], int]:
        numbers *= 2
        return numbers, len(numbers)

    given = np.array([1.0, 2.0, 3.0])
    answers = {name: variation.replacement(given) for name, variation in lazy_functions("a.double", double)}
    assert answers.keys() == {each.value for each in Laziness}
    assert answers["None"] is None
    assert answers["its input"] is given
    assert answers["empty"] == ()
    for name, number in (("zeros", 0), ("ones", 1)):
        array, count = answers[name]
        assert (array == number).all()
        assert array.shape == (3,)
        assert count == number
    assert answers["random"][0].shape == (3,)
    assert given.tolist() == [1, 2, 3]


def test_lazy_network() -> None:
    """A lazy network is built as it should be; its outputs are replaced."""
    networks = {name: each.replacement for name, each in lazy_functions("a.Linear", torch.nn.Linear)}
    net = networks["zeros"](3, 2)
    assert isinstance(net, torch.nn.Linear)
    assert net(torch.ones(1, 3)).tolist() == [[0, 0]]


def test_lazy_files() -> None:
    """A lazy model file is empty, or holds weights that nobody trained; a lazy JSON file holds no run."""
    weights = {"w": torch.full((4, 4), 3.0), "n": torch.tensor(5)}
    models = {name: each.replacement({}) for name, each in lazy_files("model.pth", model_file(weights))}
    assert models["empty"] == b""
    zeros, untrained = (torch.load(io.BytesIO(models[name]), weights_only=True) for name in ("zeros", "untrained"))
    assert zeros["w"].abs().max() == 0
    assert zeros["n"] == untrained["n"] == 5
    assert 0 < untrained["w"].abs().max() < 3
    texts = {name: each.replacement({}) for name, each in lazy_files("a.json", b'[{"loss": 2.5}]')}
    assert json.loads(texts["zeros"]) == [{"loss": 0.0}]


def test_page(tmp_path: Path) -> None:
    """The page shows what each lazy implementation earned, and by which checks."""
    case = Case(MINIPLACES, CaseKind.LAZY, "filters.normalize_tensor")
    finding = examine(case)
    assert finding.results
    text = render_validation(MINIPLACES, [finding], tmp_path).read_text(encoding="utf-8")
    assert "Points without the work" in text
    assert "normalize" in text
    assert isinstance(finding, CaseFinding)


def test_exceptions_file(tmp_path: Path) -> None:
    """An exception names a check and a reason; one without is refused, with the file's name."""
    file = tmp_path / "solutions" / "miniplaces" / "exceptions.toml"
    file.parent.mkdir(parents=True)
    assert read_exemptions(MINIPLACES.at(tmp_path)) == ()
    file.write_text('[[exception]]\nkind = "lazy"\nchecks = ["check_a"]\nreason = "Students hand it in."\n')
    assert [each.checks for each in read_exemptions(MINIPLACES.at(tmp_path))] == [("check_a",)]
    file.write_text('[[exception]]\nkind = "lazy"\nchecks = ["check_a"]\n')
    with pytest.raises(MachineError, match=r"exceptions\.toml"):
        read_exemptions(MINIPLACES.at(tmp_path))
