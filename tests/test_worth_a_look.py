"""What is worth a look: networks that cheat are remarked on and keep their score, honest ones are not remarked on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sample_looks as sample
import sample_rotation
import torch
from sample_tiers import tiered

from grader.errors import DataMissing, Failure, MachineError
from grader.importing import load_modules
from grader.records import WorthALook
from grader.rubric import PROJECT, get_assignment
from grader.sandbox.student import Implementation
from grader.sandbox.transport import LocalTransport
from grader.solutions import implementation, load_accepted
from grader.vision.datasets.cifar import normalise_cifar
from grader.vision.datasets.fashion import fashion_mnist, normalise_fashion
from grader.vision.datasets.imageset import ImageSet
from solutions.miniplaces.checks.check_model import check_model_accuracy
from solutions.miniplaces.checks.public_experiments import check_entries
from solutions.two_networks.checks.check_rotation_training import check_rotation_accuracy, check_rotation_curve
from solutions.two_networks.checks.check_weights import check_supervised_accuracy, check_supervised_curves
from solutions.two_networks.checks.histories import CURVES
from solutions.two_networks.checks.networks import turned
from solutions.two_networks.checks.pictures import first, load_pictures

MINIPLACES = get_assignment("miniplaces")
Remarks = list[WorthALook]
PERFECT = {"too_good"}  # what is made up is easy: the networks of these tests are all right on every image


def lay_out(*_arguments: Any, **_options: Any) -> None:
    """Stands for the fixture `exhibit`."""


def generator() -> np.random.Generator:
    """The checks' random numbers."""
    return np.random.default_rng(7)


def look_at_fashion(
    who: Implementation, data: ImageSet, threshold: float = 0.8, training: ImageSet | None = None
) -> Remarks:
    """The remarks of the check of model.pth, which passes."""
    looks, found = sample.collector()
    reference = sample.reference("fashion")
    check_model_accuracy(who, generator(), {"accuracy": threshold}, data, training, reference, {}, lay_out, looks)
    return found


def look_at_supervised(who: Implementation, data: ImageSet, training: ImageSet | None = None) -> Remarks:
    """The remarks of the check of supervised.pth, which passes."""
    looks, found = sample.collector()
    check_supervised_accuracy(who, generator(), {"accuracy": 0.5}, data, training, {}, looks)
    return found


def look_at_rotation(who: Implementation, data: ImageSet, training: ImageSet | None = None) -> Remarks:
    """The remarks of the check of rotation.pth, which passes."""
    looks, found = sample.collector()
    check_rotation_accuracy(who, generator(), {"accuracy": 0.5}, data, training, {}, looks)
    return found


def student_of(folder: Path, kind: str, data: ImageSet, files: Mapping[str, bytes] | None = None) -> Implementation:
    """A student with a network of the samples, which may know these test images by heart."""
    normalise = normalise_fashion if data.images.shape[1] == 1 else normalise_cifar
    return sample.student(folder, kind, normalise(data.images), data.labels, files or {})


CHEATS = [
    ("Honest", set()),
    ("Table", {"altered_images", "table_in_network", "table_in_file"}),
    ("TableAndNetwork", {"altered_images", "table_in_network", "table_in_file"}),
    ("NearestImage", {"large_model_file", "table_in_network", "table_in_file"}),
    ("LabelsInWeights", {"altered_images"}),
    ("ByPlace", {"answers_vary"}),
    ("Dropping", {"answers_vary"}),
    ("BatchStatistics", {"answers_vary"}),
    ("Stopping", {"no_answer"}),
]


@pytest.mark.parametrize(("kind", "remarks"), CHEATS)
def test_cheats_in_model_file(tmp_path: Path, kind: str, remarks: set[str]) -> None:
    """Each way to cheat with model.pth passes its check, and is remarked on; the honest network is not."""
    data = sample.images(1, 28)
    assert sample.kinds(look_at_fashion(student_of(tmp_path, kind, data), data)) - PERFECT == remarks


@pytest.mark.parametrize(("kind", "remarks"), CHEATS)
def test_cheats_in_supervised_file(tmp_path: Path, kind: str, remarks: set[str]) -> None:
    """The same with supervised.pth."""
    data = sample.images(3, 32)
    assert sample.kinds(look_at_supervised(student_of(tmp_path, kind, data), data)) - PERFECT == remarks


@pytest.mark.parametrize(
    ("kind", "remarks"), [("Table", {"altered_images", "table_in_network", "table_in_file"}), ("", set())]
)
def test_cheats_in_rotation_file(tmp_path: Path, kind: str, remarks: set[str]) -> None:
    """A table of all turned views is told from a network that tells the turns."""
    if kind:
        data = sample.images(3, 32)
        views, turns = turned(data.images[:100])
        who = sample.rotation_student(tmp_path, kind, normalise_cifar(views), torch.from_numpy(turns))
    else:
        data = sample_rotation.pictures(is_cifar=True).test
        net = sample_rotation.looks_for_bright_quarter((0, 3, 2, 1))
        who = sample_rotation.tells_turns_by(net)
    assert sample.kinds(look_at_rotation(who, data)) - PERFECT == remarks


def others(data: ImageSet) -> ImageSet:
    """As many training images of the same kind, other ones."""
    generator = torch.Generator().manual_seed(1)
    shift = torch.randint(-15, 16, data.images.shape, generator=generator)
    return replace(data, split="train", images=(data.images.int() + shift).clamp(1, 254).to(torch.uint8))


@pytest.mark.parametrize(("kind", "is_told"), [("Honest", False), ("TableAndNetwork", True), ("LabelsInWeights", True)])
def test_better_on_test_images(tmp_path: Path, kind: str, is_told: bool) -> None:
    """A network that is worse on training images than on the test images is told for either data set."""
    for data, look_at in ((sample.images(1, 28), look_at_fashion), (sample.images(3, 32), look_at_supervised)):
        found = look_at(student_of(tmp_path, kind, data), data, training=others(data))
        assert ("worse_on_training" in sample.kinds(found)) is is_told
        assert "worse_on_training" not in sample.kinds(look_at(student_of(tmp_path, kind, data), data))


@pytest.mark.parametrize("direction", [(0, 1, 2, 3), (0, 3, 2, 1)])
def test_turns_of_training_images(direction: tuple[int, ...], tmp_path: Path) -> None:
    """Training images are turned for the rotation network, in the direction that its labels count in."""
    data = sample_rotation.pictures(is_cifar=True).test
    net = sample_rotation.looks_for_bright_quarter(direction)
    who = sample_rotation.tells_turns_by(net)
    assert sample.kinds(look_at_rotation(who, data, data)) <= PERFECT
    data = sample.images(3, 32)
    views, turns = turned(data.images[:100])
    known = torch.from_numpy(np.array(direction)[turns])
    who = sample.rotation_student(tmp_path, "Table", normalise_cifar(views), known)
    assert "worse_on_training" in sample.kinds(look_at_rotation(who, data, others(data)))


def test_fitted_to_test_images() -> None:
    """A network that was fitted to the test images alone is told; one that was fitted to training images is not."""
    test, train = first(fashion_mnist("test"), 2000), fashion_mnist("train")
    for taught, remarks in ((first(train, 2000), set()), (test, {"worse_on_training"})):
        assert sample.kinds(look_at_fashion(linear_student(taught), test, 0.7, train)) == remarks


def test_remarks_have_numbers(tmp_path: Path) -> None:
    """A remark says what was measured, in words and in numbers."""
    data = sample.images(1, 28)
    found = look_at_fashion(student_of(tmp_path, "Table", data), data)
    (remark,) = (look for look in found if look.name == "altered_images")
    assert remark.numbers["as_it_is"] == 1.0
    assert remark.numbers["altered"] < 0.2
    assert remark.numbers["images"] == 400
    assert "right on 100.0% of 400 test images, but on 10.0% of the same images" in remark.sentence
    (remark,) = (look for look in found if look.name == "too_good")
    assert "right on 100.00% of the test images" in remark.sentence


def test_same_questions_for_the_same_zip(tmp_path: Path) -> None:
    """The remarks on one submission are the same each time."""
    data = sample.images(1, 28)
    once, again = (look_at_fashion(student_of(tmp_path, "TableAndNetwork", data), data) for _ in range(2))
    assert once == again


@pytest.mark.parametrize("kind", ["Honest", "Table"])
def test_too_low_an_accuracy_is_not_looked_into(tmp_path: Path, kind: str) -> None:
    """A network that earns nothing has nothing to gain: it is asked nothing more."""
    data = sample.images(1, 28)
    looks, found = sample.collector()
    who, reference = student_of(tmp_path, kind, data), sample.reference("fashion")
    with pytest.raises(Failure):
        check_model_accuracy(who, generator(), {"accuracy": 1.0}, data, None, reference, {}, lay_out, looks)
    assert found == []


def test_nothing_of_ours_costs_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault in a question leaves the check as it was, and is told to the instructor."""

    def fail(*_arguments: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("grader.vision.artifact_size.compare_altered", fail)
    data = sample.images(1, 28)
    found = look_at_fashion(student_of(tmp_path, "Honest", data), data)
    assert sample.kinds(found) - PERFECT == {"not_asked"}
    assert "ZeroDivisionError" in found[-1].sentence


@pytest.mark.parametrize(("claimed", "measured", "remarks"), [
    (0.99, 0.75, {"claim"}), (0.80, 0.75, set()), (0.70, 0.75, set()), (0.60, 0.75, {"claim"}), (0.99, None, set()),
])  # fmt: skip
@pytest.mark.parametrize("network", ["supervised", "rotation"])
@pytest.mark.parametrize("unit", [1, 100])
def test_claims_of_curves(network: str, claimed: float, measured: float | None, remarks: set[str], unit: int) -> None:
    """Curves, as fractions or in percent, that claim far more or less than was measured are remarked on, and pass."""
    looks, found = sample.collector()
    curves = {name: [0.1 * unit, claimed * unit, 0.2 * unit] for name in CURVES}
    files = {"history.json": json.dumps({network: curves}).encode()}
    check = check_supervised_curves if network == "supervised" else check_rotation_curve
    numbers = {} if measured is None else {f"{network}_accuracy": measured}
    who = Implementation((), LocalTransport({}, files), files)
    check(who, {"accuracy": 0.7}, sample.reference(network), numbers, lay_out, looks)
    assert sample.kinds(found) == remarks


@pytest.mark.parametrize("unit", [1, 100])
@pytest.mark.parametrize(("claimed", "measured", "remarks"), [
    (0.99, 0.91, {"claim"}), (0.93, 0.91, set()), (0.80, 0.91, set()), (0.99, None, set()),
])  # fmt: skip
def test_claims_of_experiments(claimed: float, measured: float | None, remarks: set[str], unit: int) -> None:
    """In either unit, runs that claim more than the network is worth are remarked on; those that claim less are not."""
    looks, found = sample.collector()
    run = {"technique": "dropout", "setting": "0.5", "train_accuracy": 0.9 * unit, "val_accuracy": claimed * unit}
    runs = json.dumps([run, run | {"val_accuracy": 0.5 * unit}]).encode()
    files = {"experiments.json": runs, "model.pth": b""}
    who = Implementation((), LocalTransport({}, files), files)
    check_entries(who, lay_out, {} if measured is None else {"fashion_accuracy": measured}, looks)
    assert sample.kinds(found) == remarks


def test_fashion_accuracy_is_kept(tmp_path: Path) -> None:
    """The accuracy of model.pth is there for the claims to be compared with."""
    data, measured, (looks, _) = sample.images(1, 28), dict[str, float](), sample.collector()
    who = student_of(tmp_path, "Honest", data)
    check_model_accuracy(
        who, generator(), {"accuracy": 0.9}, data, None, sample.reference("fashion"), measured, lay_out, looks
    )
    assert measured == {"fashion_accuracy": 1.0}


def example(name: str, assignment: str) -> Implementation:
    """An example student's submission, in this process."""
    folder = PROJECT / "examples" / name
    modules = load_modules(folder, get_assignment(assignment).modules, MachineError)
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    return Implementation(tuple(modules), LocalTransport(modules, files), files)


def linear_student(taught: ImageSet) -> Implementation:
    """A student with a linear network, which minds shifts most of all, fitted to these images."""
    pixels = normalise_fashion(taught.images).flatten(1).double()
    inputs = torch.cat([pixels, torch.ones(len(pixels), 1)], 1)
    targets = torch.nn.functional.one_hot(taught.labels, 10).double()
    solved = torch.linalg.solve(inputs.T @ inputs + 30 * torch.eye(785), inputs.T @ targets).T.float()  # (10, 785)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))
    net.load_state_dict({"1.weight": solved[:, :784], "1.bias": solved[:, 784]})
    return sample.student_of(net)


@pytest.mark.slow
def test_honest_networks_for_fashion() -> None:
    """The reference, the example student's network and a linear one, on real images, are not remarked on."""
    data = first(fashion_mnist("test"), 2000)
    train = fashion_mnist("train")
    assert look_at_fashion(implementation(MINIPLACES), data, training=train) == []
    assert look_at_fashion(example("alice", "miniplaces"), data, training=train) == []
    assert look_at_fashion(linear_student(first(train, 8000)), data, threshold=0.7, training=train) == []


@pytest.mark.slow
def test_honest_networks_for_cifar() -> None:
    """The reference trained with labels and the example group's trained on turns, on real images, are not remarked on.

    It asks both for thousands of images.
    """
    try:
        data = load_pictures(300)
    except DataMissing:
        pytest.skip("no images are on this machine")
    if not data.is_cifar:
        pytest.skip("CIFAR-10 is not on this machine")
    bank = load_pictures().bank
    assert look_at_supervised(implementation(get_assignment("two_networks")), data.test, bank) == []
    assert look_at_rotation(example("group", "two_networks"), data.test, bank) == []


ACCEPTED = [each.id for each in load_accepted(MINIPLACES) if each.target == "model.pth"]


@pytest.mark.parametrize("name", tiered(ACCEPTED, slow=ACCEPTED[4:]))
def test_accepted_forms(name: str) -> None:
    """Every accepted form of a model file is honest, whatever else is in it."""
    (way,) = (each for each in load_accepted(MINIPLACES) if each.id == name)
    assert look_at_fashion(implementation(MINIPLACES, way), first(fashion_mnist("test"), 500)) == []
