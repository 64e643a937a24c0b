"""The reference report shows each picture once, says how the networks were trained, and speaks to no student."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sample_exhibits
import sample_networks
import sample_networks_grade as sample
from sample_report import Rendered, render

from grader import figures, pipeline
from grader.packages import figures_folder
from grader.records import Exhibit, Grade, Outcome, Submission
from grader.report.job import NO_ZIP, is_reference
from grader.report.reference import as_reference, view_model, view_reference
from grader.rubric import find_assignments, get_assignment

MODELS: dict[str, dict[str, Any]] = {
    "supervised": {
        "test_accuracy": 0.9134, "best_epoch": 27, "parameters": 445_698, "seed": 0, "settings": {"epochs": 30},
        "data": {"name": "CIFAR-10"}, "curves": {"val_accuracy": [0.5] * 30}, "obtained": "Trained on a CPU.",
    },
    "rotation_stand_in": {
        "test_accuracy": 0.771, "best_epoch": 0, "parameters": 445_698, "seed": 0, "settings": {"epochs": 1},
        "data": {"name": "FashionMNIST, padded to 32x32 RGB, in place of CIFAR-10"},
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    """The report on the solutions of A Tale of Two Networks, with all its figures."""
    folder = tmp_path_factory.mktemp("reference")
    exhibits = sample_networks.exhibits()
    return render(folder, sample.reference_grade(), exhibits, assignment=sample.assignment(), models=MODELS)


# ---- one side ----


OF_BOTH = [(each, "miniplaces") for each in sample_exhibits.exhibits()]
OF_BOTH += [(each, "two_networks") for each in sample_networks.exhibits()]


@pytest.mark.parametrize(("exhibit", "assignment"), OF_BOTH, ids=lambda value: getattr(value, "key", value))
def test_drawn_once(exhibit: Exhibit, assignment: str) -> None:
    """Every kind of figure can be drawn of the solutions alone, and then nothing of it belongs to a student."""
    once = as_reference(exhibit)
    assert not any(name.startswith("student") for name in once.arrays)
    picture = figures.draw(once, figures_folder(get_assignment(assignment)))
    assert "could not be drawn" not in picture.alt
    assert not re.search(r"\b(yours?|student's)\b", f"{picture.alt} {picture.caption}", re.IGNORECASE)


def test_reference_kept() -> None:
    """Where there are both sides the reference's stays; what there is only of the student's becomes the reference's."""
    arrays = {
        "student_maps": np.zeros(1),
        "reference_maps": np.ones(1),
        "student_input": np.ones(2),
        "image": np.ones(3),
    }
    facts = {"share": {"student": 0.5, "reference": 0.7}, "student_count": 3, "problem": "Your zip is odd.",
             "classes": ["a"], "rows": [{"measure": "m", "student_x": 1, "reference_x": 2}],
             "lines": [{"label": "Your network", "accuracy": 0.1}, {"label": "Reference", "accuracy": 0.2}],
             "series": [{"label": "Yours", "val_loss": [1.0]}]}  # fmt: skip
    once = as_reference(Exhibit("1", "x", "x", "", arrays, facts))
    assert {name: float(value[0]) for name, value in once.arrays.items()} == {
        "reference_maps": 1, "reference_input": 1, "image": 1,
    }  # fmt: skip
    assert once.facts == {
        "share": {"reference": 0.7}, "reference_count": 3, "classes": ["a"],
        "rows": [{"measure": "m", "reference_x": 2}], "lines": [{"label": "Reference", "accuracy": 0.2}],
        "series": [{"label": "Reference", "val_loss": [1.0]}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("caption", "words"),
    [
        ("Your network's most confident mistakes.", "The reference network's most confident mistakes."),
        ("Filters of layer2, the layer that you chose.", "Filters of layer2, the layer that the solutions chose."),
        ("Your own experiments.", "The solutions' experiments."),
        ("Drawn with your normalize_tensor, and with the reference's.", "Drawn with the solutions' normalize_tensor."),
        ("Training of your rotation network, beside the reference's.", "Training of the solutions' rotation network."),
        ("Filters: yours of conv1, the reference's of layer1.0.conv1. A note.", "Filters: conv1. A note."),
        ("The two networks: yours and the reference's.", "The two networks."),
        ("t-SNE of 100 images.", "t-SNE of 100 images."),
    ],
)
def test_captions_speak_to_nobody(caption: str, words: str) -> None:
    """What a caption says to a student is said of the solutions."""
    assert as_reference(Exhibit("1", "x", "x", caption)).caption == words


def test_own_caption_first() -> None:
    """A check can say itself what the caption is in the reference report."""
    assert (
        as_reference(Exhibit("1", "x", "x", "Your net.", {}, {"reference_caption": "The net."})).caption == "The net."
    )


# ---- whose report it is ----


def test_no_zip_is_the_reference() -> None:
    """The name of a zip makes no reference report: only what was never a zip has its digest."""
    assert is_reference(sample.reference_grade())
    assert not is_reference(sample.grade(student="reference-two_networks"))


@pytest.mark.parametrize("assignment_id", sorted(find_assignments()))
def test_pipeline_gives_it(assignment_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`make report` hands the solutions to the same steps as a zip, with the digest that stands for no zip."""

    def opened(submission: Submission, *_: object, **__: object) -> Grade:
        assert submission.sha256 == NO_ZIP
        return sample.reference_grade(student=submission.student)

    monkeypatch.setattr(pipeline, "solution_files", lambda _id: {})
    monkeypatch.setattr(pipeline, "grade_opened", opened)
    assert pipeline.report_reference(get_assignment(assignment_id), tmp_path).student == f"reference-{assignment_id}"


# ---- the document ----


def test_says_what_it_is(report: Rendered) -> None:
    """Title, first page and running head say that it is the reference report; no total is counted."""
    assert report.reader.metadata is not None
    assert report.reader.metadata.title == "A Tale of Two Networks: reference report"
    first = " ".join(report.reader.pages[0].extract_text().split())
    assert "Reference report" in first
    assert "reference-two_networks" not in report.html
    assert "of 33 points" not in report.text
    assert all("Reference report" in page.extract_text() for page in report.reader.pages)


def test_comparison_comes_first(report: Rendered) -> None:
    """The comparison of the networks stands on the first page, once, and its task says where."""
    assert "The networks beside each other" in report.reader.pages[0].extract_text()
    assert report.html.count("The two networks measured alike") == 1
    assert "Its figure stands at the beginning of this report" in " ".join(report.text.split())


def test_tells_training(report: Rendered) -> None:
    """A table says of each network on what, how long, from which seed it was trained, and how often it is right."""
    first = " ".join(report.reader.pages[0].extract_text().split())
    assert "supervised CIFAR-10 30, the 28th kept 0 445,698 91.34%" in first
    assert "rotation, stand-in FashionMNIST, padded" in first
    assert "1, the 1st kept 0 445,698 77.10%" in first
    assert "supervised: Trained on a CPU." in " ".join(report.text.split())


def test_every_figure_once(report: Rendered) -> None:
    """Every exhibit is a figure with an alternative text, in the PDF and on the web page."""
    count = len(sample_networks.exhibits())
    figures = [found for found in report.objects if found.get("/S") == "/Figure"]
    assert len(figures) == count == report.html.count("<img ")
    assert all(len(str(found["/Alt"])) > 40 for found in figures)
    assert not re.search(r"\byours?\b", report.text, re.IGNORECASE)
    assert report.logged == report.refused == []


def test_small_enough(report: Rendered) -> None:
    """The report with all its figures can be sent by mail."""
    assert len(report.pdf) < 2_000_000
    assert len(report.reader.pages) <= 9


def test_checks_in_a_word(report: Rendered) -> None:
    """Checks that pass are counted, not listed."""
    assert report.text.count("2 of 2 checks pass") == 10
    assert "A small ResNet is roughly what it should be" not in report.text
    assert "do not pass every check" not in report.text


@pytest.mark.slow
def test_failures_are_loud(tmp_path: Path) -> None:
    """Checks that the solutions don't pass are told at the beginning and in their task."""
    rendered = render(tmp_path, sample.reference_grade(checks=sample.checks()), assignment=sample.assignment())
    first = " ".join(rendered.reader.pages[0].extract_text().split())
    assert "The solutions do not pass every check here." in first
    assert "The map has steps." in rendered.text
    assert "1 of 2 checks pass" in rendered.text
    assert rendered.logged == []


def test_stand_in_said(tmp_path: Path) -> None:
    """Where a figure is drawn with the stand-in, its caption says so, also in the reference report."""
    exhibit = sample_networks.cam_grid()
    noted = Exhibit("4.2", exhibit.kind, "x", f"Maps. {sample_networks.NOTE}", exhibit.arrays, exhibit.facts)
    rendered = render(tmp_path, sample.reference_grade(), [noted], assignment=sample.assignment())
    assert sample_networks.NOTE in " ".join(rendered.text.split())


@pytest.mark.slow
def test_same_bytes(report: Rendered, tmp_path: Path) -> None:
    """Rendering it again gives the same bytes."""
    exhibits = sample_networks.exhibits()
    again = render(tmp_path, sample.reference_grade(), exhibits, assignment=sample.assignment(), models=MODELS)
    assert again.pdf == report.pdf
    assert again.html == report.html


# ---- how a network was trained ----


def test_model_without_record() -> None:
    """A model whose record says little leaves its cells empty."""
    view = view_model("fashion", {})
    assert (view.name, view.data, view.epochs, view.seed, view.accuracy) == ("fashion", "", "", "", "")


@pytest.mark.parametrize(
    ("best", "words"), [(0, "1st"), (1, "2nd"), (2, "3rd"), (10, "11th"), (20, "21st"), (111, "112th")]
)
def test_epoch_that_was_kept(best: int, words: str) -> None:
    """The epoch is counted from one."""
    assert view_model("m", {"settings": {"epochs": 200}, "best_epoch": best}).epochs == f"200, the {words} kept"


def test_no_models() -> None:
    """Without readable reference models the report has no table of them, and is made all the same."""
    assert view_reference(sample.reference_grade(), (), {}).models == ()


def test_failed_check_is_not_passed() -> None:
    """Only checks that passed are counted as such."""
    checks = tuple(check.model_copy(update={"outcome": Outcome.INTERNAL}) for check in sample.checks())
    view = view_reference(sample.reference_grade(checks=checks), (), MODELS)
    assert set(view.passed.values()) == {0}
    assert view.checks["1"] == 2
