"""The Places365 ResNet-50 is taken from a checkpoint of the right structure, and anything else is refused clearly."""

from __future__ import annotations

import hashlib
import urllib.error
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torchvision.models import resnet18, resnet50

from grader.errors import DataMissing
from grader.vision.datasets import places
from grader.vision.datasets.places import CATEGORIES, FILE, class_names, fetch_places365, load_places365

Weights = dict[str, Tensor]


def small(weights: Weights) -> Weights:
    """The same in float16, so that the files of these tests are half as large."""
    return {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}


@pytest.fixture(scope="module")
def weights() -> Weights:
    """A ResNet-50 with 365 classes whose weights are random."""
    torch.manual_seed(0)
    with torch.device("meta"):
        structure = resnet50(num_classes=365).state_dict()
    return small({name: torch.rand(value.shape).to(value.dtype) for name, value in structure.items()})


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """Save something as the checkpoint in an empty data folder; it is deleted after the test."""
    monkeypatch.setenv("GRADER_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(places, "URL", (tmp_path / "nothing").as_uri())
    path = tmp_path / "data" / FILE

    def write(content: Any, **options: Any) -> Path:
        path.parent.mkdir(exist_ok=True)
        torch.save(content, path, **options)
        return path

    yield write
    path.unlink(missing_ok=True)


@pytest.mark.parametrize("prefix", ["module.", ""])
def test_load(write: Callable[..., Path], weights: Weights, prefix: str) -> None:
    """A checkpoint with or without the prefix of `DataParallel` gives the names, shapes and values of a ResNet-50."""
    write({"epoch": 90, "arch": "resnet50", "state_dict": {prefix + name: value for name, value in weights.items()}})
    found = load_places365()
    net = resnet50(num_classes=365)
    net.load_state_dict(found)
    for name, value in net.state_dict().items():
        assert value.dtype == found[name].dtype
        assert torch.equal(value, weights[name].to(value.dtype))


def test_load_as_of_2017(write: Callable[..., Path], weights: Weights) -> None:
    """A file in PyTorch's old form, and without the counters that networks had not yet, is read as well."""
    old = {f"module.{name}": value for name, value in weights.items() if "num_batches" not in name}
    write({"state_dict": old, "best_prec1": 54.77}, _use_new_zipfile_serialization=False, pickle_protocol=2)
    found = load_places365()
    assert found.keys() == weights.keys()
    assert found["bn1.num_batches_tracked"] == 0
    assert torch.equal(found["fc.bias"], weights["fc.bias"].float())


def without(weights: Weights, name: str) -> Weights:
    """The same without one tensor."""
    return {other: value for other, value in weights.items() if other != name}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda weights: weights | small(torch.nn.Linear(2048, 1000, dtype=torch.half).state_dict(prefix="fc.")),
            "fc.bias is real (1000,) instead of real (365,); fc.weight is real (1000, 2048) instead of real (365, 204",
        ),
        (lambda weights: small(resnet18(num_classes=365).state_dict()), "fc.weight is real (365, 512) instead of"),
        (lambda weights: without(weights, "layer3.2.conv2.weight"), "classes: layer3.2.conv2.weight is missing)"),
        (lambda weights: weights | {"aux": torch.zeros(1)}, "classes: aux does not belong there)"),
        (lambda weights: weights | {"bn1.bias": 0.5}, "bn1.bias is a float instead of real (64,)"),
        (lambda weights: weights | {"bn1.bias": torch.zeros(64, dtype=torch.int8)}, "bn1.bias is integer (64,)"),
        (lambda weights: weights | {"bn1.bias": torch.full((64,), torch.nan)}, "bn1.bias holds values that are not"),
        (lambda weights: list(weights.values())[:1], "it holds no state dict"),
    ],
)
def test_wrong_structure(
    write: Callable[..., Path], weights: Weights, change: Callable[[Weights], Any], told: str
) -> None:
    """Another network, or one with a part missing, added or changed, is refused with what differs."""
    write({"state_dict": change(weights)})
    with pytest.raises(
        DataMissing, match=r"^resnet50_places365.pth.tar can't be used \(.*run `make data`\.$"
    ) as refused:
        load_places365()
    assert told in str(refused.value)
    assert len(str(refused.value)) < 500


class Harmful:
    """Something whose unpickling would run code."""

    def __reduce__(self) -> tuple[Callable[[str], Any], tuple[str]]:
        """Pickle as a call."""
        return pytest.fail, ("code in the checkpoint was run",)


def test_runs_no_code(write: Callable[..., Path]) -> None:
    """A checkpoint that would run code is refused and does not run it."""
    write({"state_dict": {}, "extra": Harmful()})
    with pytest.raises(DataMissing, match="it is damaged or no file of weights"):
        load_places365()


@pytest.mark.parametrize("keep", [0, 1_000, 40_000_000])
def test_truncated(write: Callable[..., Path], weights: Weights, keep: int) -> None:
    """A truncated file is refused in a sentence."""
    path = write({"state_dict": weights})
    with path.open("r+b") as file:
        file.truncate(keep)
    with pytest.raises(DataMissing, match="it is damaged or no file of weights"):
        load_places365()


def test_absent(write: Callable[..., Path]) -> None:
    """Without the file, loading downloads nothing and says what to do."""
    with pytest.raises(
        DataMissing, match=r"not on this machine: run `make data` where there is a network, or put .*\.$"
    ):
        load_places365()


def test_checksum(write: Callable[..., Path], weights: Weights) -> None:
    """`make data` records the checksum of the file that it finds, and every later change is noticed."""
    path = write({"state_dict": weights})
    measured = hashlib.sha256(path.read_bytes()).hexdigest()
    assert fetch_places365().endswith(f"checksum {measured[:16]}... recorded, not known beforehand.")
    record = path.with_name(f"{FILE}.sha256")
    assert record.read_text() == f"{measured}  {FILE}\n"
    assert fetch_places365().endswith(f"checksum as in {FILE}.sha256.")
    record.write_text("0" * 64)
    for call in (load_places365, fetch_places365):
        with pytest.raises(DataMissing, match=f"its SHA-256 is {measured[:16]}..., not the one in {FILE}.sha256"):
            call()


def test_download(
    write: Callable[..., Path], weights: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is downloaded is checked before it lands in the data folder, against a checksum that lies there already."""
    path = write({"state_dict": weights})
    there = path.rename(tmp_path / "there")
    monkeypatch.setattr(places, "URL", there.as_uri())
    record = path.with_name(f"{FILE}.sha256")
    record.write_text("0" * 64)
    with pytest.raises(DataMissing, match="not the one in"):
        fetch_places365()
    assert list(path.parent.iterdir()) == [record]
    record.unlink()
    assert "names and shapes right" in fetch_places365()
    assert {file.name for file in path.parent.iterdir()} == {FILE, record.name}
    there.unlink()


def test_download_fails(write: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a network one sentence says how to get the file, and nothing is left behind."""

    def offline(url: str) -> None:
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(places, "urlopen", offline)
    with pytest.raises(DataMissing, match=r"could not be downloaded from file:.*: put resnet50.*\.$"):
        fetch_places365()
    assert list((tmp_path / "data").iterdir()) == []


def test_wrong_download(write: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no checkpoint, such as the page of a captive portal, is thrown away."""
    (tmp_path / "page").write_text("<html>Please log in</html>")
    monkeypatch.setattr(places, "URL", (tmp_path / "page").as_uri())
    with pytest.raises(DataMissing, match="it is damaged or no file of weights"):
        fetch_places365()
    assert list((tmp_path / "data").iterdir()) == []


def test_class_names(tmp_path: Path) -> None:
    """The names come from the authors' file, in the order of its labels; without it the classes are numbered."""
    assert class_names(tmp_path)[:2] == ("class 0", "class 1")
    assert len(class_names(tmp_path)) == 365
    lines = [f"/n/name_{label}/outdoor {label}" for label in range(365)]
    (tmp_path / CATEGORIES).write_text("\n".join(reversed(lines)) + "\n")
    assert class_names(tmp_path)[7] == "name 7/outdoor"


@pytest.mark.parametrize(
    "text", ["", "/a/airfield\n", "/a/airfield 0\n" * 365, "\n".join(f"/a/x {n}" for n in range(9))]
)
def test_wrong_class_names(tmp_path: Path, text: str) -> None:
    """A file that does not name each class once is refused in a sentence."""
    (tmp_path / CATEGORIES).write_text(text)
    with pytest.raises(DataMissing, match=r"does not name the 365 classes: replace it, or delete it\.$"):
        class_names(tmp_path)
