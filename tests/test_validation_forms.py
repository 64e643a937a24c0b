"""The same variation written as functions of ours, as modules and as a notebook."""

from __future__ import annotations

import pytest
from sample_tiers import tiered

from grader.authoring.composing.submission import compose
from grader.authoring.validation import forms
from grader.authoring.validation.cases import FIRST, ONCE, Case, CaseKind, SourceForm, list_cases
from grader.authoring.validation.proving import examine
from grader.records import Outcome
from grader.rubric import get_assignment

MINIPLACES = get_assignment("miniplaces")
MISTAKES = ("filters.layer_is_first", pytest.param("cam.reshape_without_transpose", marks=pytest.mark.slow))
WRITTEN = (SourceForm.MODULES, SourceForm.NOTEBOOK)


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name: str) -> None:
    """A mistake is caught and named by the same checks, with the same words, in every form."""
    first, *others = [examine(Case(MINIPLACES, CaseKind.MISTAKE, name, form=form)) for form in SourceForm]
    for other in others:
        assert other.complaint == first.complaint == ""
        told = [(result.name, result.outcome, result.mistakes, result.help) for result in other.results]
        assert told == [(result.name, result.outcome, result.mistakes, result.help) for result in first.results]


@pytest.mark.parametrize("form", tiered({str(form): form for form in WRITTEN}, slow={"modules"}))
def test_lost_function(form: SourceForm, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a form loses on the way is a complaint that names the form."""

    def lose(*arguments: object) -> dict[str, bytes]:
        files = compose(*arguments)  # type: ignore[arg-type]
        return files | {"cam.py": files["cam.py"].replace(b"flatten_activations", b"flatten")}

    monkeypatch.setattr(forms, "compose", lose)
    found = examine(Case(MINIPLACES, CaseKind.ACCEPTED, accepted_of("cam"), form=form))
    assert found.complaint.startswith("not passed")
    assert any(result.outcome is Outcome.MISSING for result in found.results)
    assert form in found.case.written


def accepted_of(module: str) -> str:
    """An accepted way of a module."""
    cases = list_cases(MINIPLACES)
    return next(each.name for each in cases if each.kind is CaseKind.ACCEPTED and each.name.startswith(f"{module}."))


def test_all_forms() -> None:
    """In all forms there is each mistake and accepted way three times; stubs, and what does no work, once."""
    first, everything = (
        list_cases(MINIPLACES, forms=FIRST),
        list_cases(MINIPLACES, forms=tuple(SourceForm)),
    )
    assert len(everything) == 3 * len(first) - 2 * sum(case.kind in ONCE for case in first)
    assert len(set(everything)) == len(everything)
