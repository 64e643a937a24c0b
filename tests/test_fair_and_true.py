"""What a check asks stands in the handout, right ways pass, and what is said of a wrong one is true of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sample_two_networks import implement
from sklearn.decomposition import PCA

from grader.checking.running import run_checks
from grader.errors import CheckStopped, Failure
from grader.packages import checks_folder
from grader.rubric import PROJECT, get_assignment
from grader.runner import context_of
from grader.solutions import accepted, accepted_value, implementation, load_accepted, load_mistakes
from solutions.miniplaces.checks import check_fashion, public_cam, public_fashion, public_units
from solutions.two_networks.checks import check_training, check_visualize, public_layout, public_visualize

MINIPLACES = get_assignment("miniplaces")
DEMANDS = [
    ("miniplaces", "visualize_filters", "check_filters_drawn", "Leave it in"),
    ("miniplaces", "generate_featuremap_unit", "check_unit_map", "any network that ends with a convolutional block"),
    ("miniplaces", "SKY_UNIT", "check_units_named", "two different units"),
    ("miniplaces", "SKY_UNIT", "check_sky_and_building", "both together"),
    ("miniplaces", "full model", "check_deactivated", "however many blocks its layers have"),
    ("miniplaces", "full model", "check_map", "images that are not square"),
    ("miniplaces", "lowest_dropped_units", "check_dropped_count", "that do not fire on this image are dropped"),
    ("miniplaces", "lowest_dropped_units", "check_count_keeps_model", "The model must be left as it was"),
    ("miniplaces", "MyNet", "check_accuracy", "use nothing in them that only `MyNet` has"),
    ("miniplaces", "train", "check_step", "one step of the given optimizer on the mean cross-entropy"),
    ("miniplaces", "train", "check_whole_epoch", "Take the batches and the optimizer as they are"),
    ("miniplaces", "train", "check_report", "the mean loss as a float, or a list of the batches' losses"),
    ("miniplaces", "evaluate", "check_evaluation_mode", "in evaluation mode"),
    ("miniplaces", "create_optimizer", "check_all_parameters", "whose `state_dict()` has `param_groups`"),
    ("miniplaces", "create_optimizer", "check_learning_rate", "moves it further when the learning rate is larger"),
    ("miniplaces", "Accuracies", "check_entries", "all are read as percent, so do not mix them"),
    ("miniplaces", "Accuracies", "check_entries", "may have 256 KiB at most"),
    ("two_networks", "SmallResNet", "check_registered", "All its weights are among its `parameters()`"),
    ("two_networks", "SmallResNet", "check_residual", "gradients flow from the logits back to the images"),
    ("two_networks", "SmallResNet", "check_residual", "a shortcut leads the image past convolutions that matter"),
    ("two_networks", "SmallResNet", "check_residual", "the shortcut has no layers, or fewer, one after another, than"),
    ("two_networks", "SmallResNet", "check_evaluation", "an image's logits depend on that image alone"),
    ("two_networks", "cross_entropy", "check_loss_gradient", "gradients flow through"),
    ("two_networks", "train_epoch", "check_step_per_batch", "for each batch, one step of the given optimizer"),
    ("two_networks", "evaluate", "check_measured_accuracy", "its accuracy is the fraction of all examples"),
    ("two_networks", "best_epoch", "check_best_epoch", "of equal epochs, any"),
    ("two_networks", "Accuracies", "check_supervised_curves", "a finite number for each epoch"),
    ("two_networks", "Accuracies", "check_supervised_curves", "is read as percent, so do not mix them"),
    ("two_networks", "rotation_model", "check_all_trainable", "all of it to be trained"),
    ("two_networks", "extreme_examples", "check_equal_losses", "no image twice in a list"),
    ("two_networks", "filter_images", "check_other_channels", "any other number, 1 and 2 too"),
    ("two_networks", "filter_images", "check_rgb", "but not of each color on its own"),
    ("two_networks", "filter_images", "check_constant_filter", "weights are all equal, or a layer, gives a finite"),
    ("two_networks", "LAYERS", "check_layers", "two different convolutions"),
    ("two_networks", "class_activation_map", "check_evidence_against", "also where all of it is negative"),
    ("two_networks", "embed_2d", "check_neighbours_kept", "run until it has settled"),
    ("two_networks", "nearest_neighbours", "check_found_again", "a query that is in the bank finds itself"),
]  # fmt: skip


def paragraphs(assignment: str) -> list[str]:
    """The handout's paragraphs and list items, each in one line."""
    text = (PROJECT / "assignment" / assignment / "README.md").read_text(encoding="utf-8")
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n|\n(?=- )", text)]


@pytest.mark.parametrize(
    ("assignment", "what", "check", "words"), DEMANDS, ids=[f"{check}-{what}" for _, what, check, _ in DEMANDS]
)
def test_demand_is_told(assignment: str, what: str, check: str, words: str) -> None:
    """What the check asks stands in the paragraph of what it is asked of."""
    sources = "".join(p.read_text() for p in checks_folder(get_assignment(assignment)).glob("*_*.py"))
    assert f"def {check}(" in sources
    assert any(what in paragraph and words in paragraph for paragraph in paragraphs(assignment))


# --- 4.1: the ranges of filters ---------------------------------------------------------------------------------------


def one_range(weight: torch.Tensor) -> torch.Tensor:
    """Three channels, one range for the whole layer."""
    channels = weight[:, [0, 1 % weight.shape[1], 2 % weight.shape[1]]]
    return ((channels - channels.min()) / (channels.max() - channels.min() + 1e-8)).permute(0, 2, 3, 1)


def one_range_alone(weight: torch.Tensor) -> torch.Tensor:
    """The same without a thought for fewer channels and for equal weights."""
    channels = weight[:, :3]
    return ((channels - channels.min()) / (channels.max() - channels.min())).permute(0, 2, 3, 1)


FILTER_CHECKS = (
    public_visualize.check_range,
    check_visualize.check_rgb,
    check_visualize.check_other_channels,
    public_visualize.check_constant_filter,
    public_visualize.check_weight_kept,
)


@pytest.mark.parametrize(
    ("draw", "stopped"), [(one_range, []), (one_range_alone, ["check_other_channels", "check_constant_filter"])]
)
def test_one_range_for_the_layer(draw: Callable[..., Any], stopped: list[str]) -> None:
    """One range for the whole layer is right; what is asked beside it is what the handout says."""
    who, found = implement(filter_images=draw), []
    for check in FILTER_CHECKS:
        try:
            check(who, np.random.default_rng(4))
        except CheckStopped:
            found.append(check.__name__)
    assert found == stopped
    assert {name for _, what, name, _ in DEMANDS if what == "filter_images"} >= set(stopped)


@pytest.mark.parametrize("fewer", [1, 2])
def test_few_channels(fewer: int) -> None:
    """Pictures have three colors where the convolution has one channel, and where it has two."""

    def draw(weight: torch.Tensor) -> torch.Tensor:
        return one_range(weight)[..., : 3 if weight.shape[1] != fewer else fewer]

    with pytest.raises(Failure, match="wrong shape"):
        check_visualize.check_other_channels(implement(filter_images=draw), np.random.default_rng(4))


# --- Right ways that were refused -------------------------------------------------------------------------------------


def test_penalty_on_weights() -> None:
    """A small penalty on the weights is no gradient of the batch before; loss and accuracy may be one array."""
    way = next(each for each in load_accepted(MINIPLACES) if each.id == "fashion.penalizes_weights")
    who = implementation(MINIPLACES, way)
    public_fashion.check_gradients_cleared(who, np.random.default_rng(2))
    check_fashion.check_report(who, np.random.default_rng(2))


def test_gradients_that_stay() -> None:
    """Half a gradient of the batch before is still found."""

    def train(dataloader: Any, model: Any, optimizer: Any, epoch: int) -> None:
        for images, labels in dataloader:
            F.cross_entropy(model(images), labels).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            for parameter in model.parameters():
                parameter.grad *= 0.5

    who = implementation(MINIPLACES, accepted("fashion.train", "keeps_half", "half of the gradients stays")(train))
    with pytest.raises(Failure, match="different after a second batch"):
        public_fashion.check_gradients_cleared(who, np.random.default_rng(2))


@pytest.mark.parametrize(
    ("unit", "is_right"), [(3, True), (np.int64(3), True), (torch.tensor([3]), True), (3.0, False), ("3", False)]
)
def test_chosen_unit(unit: Any, is_right: bool) -> None:
    """A unit is a whole number, of Python, NumPy or torch."""
    who = implementation(MINIPLACES, accepted_value("units.SKY_UNIT", "other", unit, "another unit"))
    if is_right:
        assert public_units.chosen_unit(who, "SKY_UNIT") == 3
        return
    with pytest.raises(Failure, match="must be an int"):
        public_units.chosen_unit(who, "SKY_UNIT")


def test_layout_of_components() -> None:
    """Fifty principal components may come first: no check has fewer features."""

    def embed(features: Any, seed: int = 0) -> Any:
        return PCA(50, random_state=seed).fit_transform(np.asarray(features))[:, :2]

    who = implement(embed_2d=embed)
    public_layout.check_any_features(who, np.random.default_rng(3))
    public_layout.check_same_seed(who, np.random.default_rng(3))


# --- What is said is true ---------------------------------------------------------------------------------------------


def helps(target: str, function: Callable[..., Any], task: str) -> dict[str, str]:
    """The help of each check of a Miniplaces task that fails for a function, by the check's name."""
    way = accepted(target, "tried", "a wrong way")(function)
    context = context_of(MINIPLACES, implementation(MINIPLACES, way), "true", most_images=100)
    run_checks(context, (task,))
    return {result.name: result.help for result in context.results if result.help}


def stated(help: str) -> list[str]:
    """The sentences of a help that are no questions."""
    return [sentence for sentence in re.split(r"(?<=[.?]) (?=[A-Z])", help) if not sentence.endswith("?")]


@pytest.mark.slow
def test_first_batch_without_return() -> None:
    """Of `next(iter(loader))` it is said that the first batch counts; whether there is a `return` is only asked."""

    def train(dataloader: Any, model: Any, optimizer: Any, epoch: int) -> tuple[float, float]:
        images, labels = next(iter(dataloader))
        optimizer.zero_grad()
        logits = model.train()(images)
        loss = F.cross_entropy(logits, labels)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss.item(), float((logits.argmax(dim=1) == labels).float().mean())

    found = helps("fashion.train", train, "4a")
    for check in ("check_whole_epoch", "check_report"):
        assert stated(found[check]) == ["Only the first batch counts.", "Move it one level out."]
        assert "Is there a `return` inside the loop?" in found[check]


def test_floats_are_not_called_nan() -> None:
    """A float image that is finite for equal weights too is not said to be nan."""

    def normalize(tensor: Any) -> Any:
        x = np.asarray(torch.as_tensor(tensor).detach(), np.float32)
        return (x - x.min()) / max(float(x.max() - x.min()), 1e-8) * 255

    found = helps("filters.normalize_tensor", normalize, "1a")
    assert found.keys() == {"check_type"}
    assert not any("nan" in sentence for sentence in stated(found["check_type"]))


@pytest.mark.parametrize(
    ("check", "names"),
    [
        (check_fashion.check_report, ("fashion.returns_in_the_loop", "fashion.skips_last_batch")),
        (check_training.check_report, ("supervised.returns_in_the_loop", "supervised.skips_last_batch")),
        (public_cam.check_map, ("cam.clips_at_zero", "cam.largest_unit_only")),
    ],
)
def test_told_apart(check: Callable[..., None], names: tuple[str, str]) -> None:
    """Two mistakes of which the help of one is false of the other give different answers in a check."""
    assignment = "two_networks" if names[0].startswith("supervised") else "miniplaces"
    known, answers = {each.id: each for each in load_mistakes(get_assignment(assignment))}, []
    for name in names:
        who = implementation(get_assignment(assignment), known[name])
        seeded = {"rng": np.random.default_rng(1)} if "rng" in check.__annotations__ else {}
        with pytest.raises(Failure):
            check(who, **seeded)
        answers.append(np.asarray(who.record[-1].value, np.float64))
    first, second = answers
    assert not np.allclose(first, second, atol=0.01)
