"""The data sets are read from where they are, checked, and refused with one sentence when something is wrong."""

from __future__ import annotations

import gzip
import hashlib
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision.datasets
from numpy.typing import NDArray

from grader import fetching
from grader.errors import DataMissing
from grader.folders import data_folder
from grader.manifest import Manifest
from grader.rubric import PROJECT
from grader.vision.datasets import fashion
from grader.vision.datasets.declared import FASHION_MNIST, Images
from grader.vision.datasets.fashion import FASHION_FILES, IdxFile, fashion_mnist, normalise_fashion, parse_idx, stand_in
from grader.vision.datasets.imageset import Split, without_downloads


def idx_bytes(array: NDArray[np.uint8]) -> bytes:
    """The IDX form of an array, written independently of the reader."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


class Tiny:
    """A FashionMNIST of six training and three test images that a test can place and damage."""

    def __init__(self) -> None:
        """Draw the pixels and labels."""
        rng = np.random.default_rng(0)
        self.arrays: dict[str, NDArray[np.uint8]] = {}
        for prefix, count in (("train", 6), ("t10k", 3)):
            self.arrays[f"{prefix}-images-idx3-ubyte"] = rng.integers(256, size=(count, 28, 28), dtype=np.uint8)
            self.arrays[f"{prefix}-labels-idx1-ubyte"] = rng.integers(10, size=count, dtype=np.uint8)

    def files(self) -> dict[Split, tuple[IdxFile, IdxFile]]:
        """What `FASHION_FILES` would say about it."""

        def described(name: str) -> IdxFile:
            array = self.arrays[name]
            return IdxFile(name, array.shape, hashlib.sha256(idx_bytes(array)).hexdigest())

        return {
            "train": (described("train-images-idx3-ubyte"), described("train-labels-idx1-ubyte")),
            "test": (described("t10k-images-idx3-ubyte"), described("t10k-labels-idx1-ubyte")),
        }

    def write(self, folder: Path, zipped: bool = False) -> None:
        """Write the four files."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, array in self.arrays.items():
            if zipped:
                (folder / f"{name}.gz").write_bytes(gzip.compress(idx_bytes(array)))
            else:
                (folder / name).write_bytes(idx_bytes(array))


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tiny:
    """Tiny files are the right ones, the Debian folder is empty, and there is no network."""
    tiny = Tiny()
    monkeypatch.setattr(fashion, "FASHION_FILES", tiny.files())
    monkeypatch.setattr(fashion, "DEBIAN_FOLDER", tmp_path / "debian")
    monkeypatch.setenv("GRADER_DATA", str(tmp_path / "data"))

    def offline(*args: object, **kwargs: object) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setattr(torchvision.datasets, "FashionMNIST", offline)
    return tiny


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(("split", "prefix"), [("train", "train"), ("test", "t10k")])
def test_torchvision_layout(tiny: Tiny, tmp_path: Path, split: Split, prefix: str, zipped: bool) -> None:
    """Files in torchvision's layout, compressed or not, give their pixels and labels."""
    tiny.write(tmp_path / "data" / "FashionMNIST" / "raw", zipped)
    found = fashion_mnist(split)
    pixels, labels = tiny.arrays[f"{prefix}-images-idx3-ubyte"], tiny.arrays[f"{prefix}-labels-idx1-ubyte"]
    assert found.images.shape == (len(labels), 1, 28, 28)
    assert (found.images.dtype, found.labels.dtype) == (torch.uint8, torch.int64)
    np.testing.assert_array_equal(found.images[:, 0].numpy(), pixels)
    np.testing.assert_array_equal(found.labels.numpy(), labels)
    assert found.source == "torchvision layout"
    assert found.digest == hashlib.sha256(pixels.tobytes() + labels.tobytes()).hexdigest()[:16]


def test_read_once(tiny: Tiny, tmp_path: Path) -> None:
    """A second call returns the same object without reading again."""
    tiny.write(tmp_path / "data" / "FashionMNIST" / "raw")
    assert fashion_mnist("test") is fashion_mnist("test", tmp_path / "data")


def test_data_folder_comes_first(tiny: Tiny, tmp_path: Path) -> None:
    """The data folder is looked into before Debian's package, which stands in when the folder is incomplete."""
    tiny.write(tmp_path / "debian", zipped=True)
    assert fashion_mnist("train").source == "Debian package dataset-fashion-mnist"
    tiny.write(tmp_path / "other" / "FashionMNIST" / "raw")
    assert fashion_mnist("train", tmp_path / "other").source == "torchvision layout"
    (tmp_path / "other" / "FashionMNIST" / "raw" / "t10k-labels-idx1-ubyte").unlink()
    assert fashion_mnist("test", tmp_path / "other").source == "Debian package dataset-fashion-mnist"


def test_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """The data folder is $GRADER_DATA, or `data/` in the project where that is unset or empty."""
    monkeypatch.setenv("GRADER_DATA", "elsewhere")
    assert data_folder() == Path("elsewhere")
    monkeypatch.setenv("GRADER_DATA", "")
    assert data_folder() == PROJECT / "data"


def test_nowhere(tiny: Tiny, tmp_path: Path) -> None:
    """Without files and without a network, one sentence says how to get them, and nothing is left behind."""
    with pytest.raises(DataMissing, match=r"install the Debian package dataset-fashion-mnist, or put .*\.$"):
        fashion_mnist("train")
    assert list((tmp_path / "data").iterdir()) == []


def test_download(tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What torchvision downloads lands whole in the data folder and is read from there, now and next time."""

    def download(root: str, train: bool, download: bool) -> None:
        tiny.write(Path(root) / "FashionMNIST" / "raw")

    monkeypatch.setattr(torchvision.datasets, "FashionMNIST", download)
    assert fashion_mnist("train").source == "torchvision layout"
    assert len(fashion_mnist("test").labels) == 3
    assert {path.name for path in (tmp_path / "data").rglob("*-ubyte")} == set(tiny.arrays)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("keep", [0, 2, 9, 500])
def test_truncated(tiny: Tiny, tmp_path: Path, keep: int, zipped: bool) -> None:
    """A file that was cut off is refused by name, wherever the cut is."""
    raw = tmp_path / "data" / "FashionMNIST" / "raw"
    tiny.write(raw, zipped)
    path = raw / ("train-images-idx3-ubyte" + (".gz" if zipped else ""))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataMissing, match=r"train-images-idx3-ubyte .* is damaged .* run `make data`\.$"):
        fashion_mnist("train")


def test_changed(tiny: Tiny, tmp_path: Path) -> None:
    """One changed pixel is refused, although the file has the right length."""
    tiny.arrays["train-images-idx3-ubyte"][3, 14, 14] ^= 1
    tiny.write(tmp_path / "debian")
    with pytest.raises(DataMissing, match=r"SHA-256 is not the known one\): reinstall the package"):
        fashion_mnist("train")


def test_wrong_count(tiny: Tiny, tmp_path: Path) -> None:
    """A well-formed file with another number of images is refused with both shapes."""
    tiny.arrays["t10k-images-idx3-ubyte"] = tiny.arrays["t10k-images-idx3-ubyte"][:2]
    tiny.write(tmp_path / "data" / "FashionMNIST" / "raw")
    with pytest.raises(DataMissing, match=r"\(2, 28, 28\) instead of \(3, 28, 28\)"):
        fashion_mnist("test")


@pytest.mark.parametrize(
    "content", [b"", b"\0\0\x0d\x01\0\0\0\x01\0\0\0\0", b"PK\x03\x04", b"\0\0\x08\x03\0\0", b"\0\0\x08\x01\0\0\0\x02\7"]
)
def test_not_idx(content: bytes) -> None:
    """Bytes that are no IDX file of unsigned bytes, or that end too early, are a ValueError."""
    with pytest.raises(ValueError, match="IDX file"):
        parse_idx(content)


def test_normalise() -> None:
    """Pixels 0 and 255 become -1 and 1, in float32, and the given images stay as they are."""
    images = torch.tensor([0, 51, 255], dtype=torch.uint8)
    torch.testing.assert_close(normalise_fashion(images), torch.tensor([-1.0, -0.6, 1.0]))
    assert images.tolist() == [0, 51, 255]


@pytest.fixture
def needed(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], str]], None]:
    """Let the assignments need FashionMNIST and CIFAR-10; takes what fetches CIFAR-10."""

    def need(fetch: Callable[[], str]) -> None:
        manifest = Manifest(data=(Images("CIFAR-10", fashion_mnist, fetch), FASHION_MNIST))
        monkeypatch.setattr(fetching, "load_manifest", lambda _assignment: manifest)

    return need


def test_fetch_reports(tiny: Tiny, tmp_path: Path, needed: Callable[[Callable[[], str]], None]) -> None:
    """`make data` says in a sentence what it has, and where from; what two assignments need is fetched once."""
    tiny.write(tmp_path / "debian", zipped=True)
    needed(lambda: "CIFAR-10 is here.")
    said: list[str] = []
    fetching.fetch_data(said.append)
    second = "FashionMNIST: 9 images, checksums right (Debian package dataset-fashion-mnist)."
    assert said == ["CIFAR-10 is here.", second]


def test_fetch_tries_all(tiny: Tiny, tmp_path: Path, needed: Callable[[Callable[[], str]], None]) -> None:
    """What can't be had keeps `make data` from nothing else, and is told at the end."""
    tiny.write(tmp_path / "debian", zipped=True)

    def missing() -> str:
        raise DataMissing("CIFAR-10 is not on this machine.")

    needed(missing)
    said: list[str] = []
    with pytest.raises(DataMissing, match=r"^CIFAR-10 is not on this machine\.$"):
        fetching.fetch_data(said.append)
    assert len(said) == 1


def test_without_downloads(tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where downloads are not allowed, a missing data set is missing at once, and later it may be downloaded again."""

    def download(root: str, train: bool, download: bool) -> None:
        tiny.write(Path(root) / "FashionMNIST" / "raw")

    monkeypatch.setattr(torchvision.datasets, "FashionMNIST", download)
    with without_downloads(), pytest.raises(DataMissing, match="FashionMNIST is not on this machine"):
        fashion_mnist("test")
    assert not (tmp_path / "data").exists()
    assert len(fashion_mnist("test").labels) == 3


def test_stand_in(tiny: Tiny, tmp_path: Path) -> None:
    """The stand-in for CIFAR-10 is FashionMNIST with a black border in three equal channels, and its name says so."""
    tiny.write(tmp_path / "debian", zipped=True)
    grey, found = fashion_mnist("train"), stand_in("train")
    assert (found.images.shape, found.images.dtype) == ((6, 3, 32, 32), torch.uint8)
    for channel in range(3):
        assert torch.equal(found.images[:, channel, 2:30, 2:30], grey.images[:, 0])
    assert found.images.sum(dtype=torch.int64) == 3 * grey.images.sum(dtype=torch.int64)
    assert torch.equal(found.labels, grey.labels)
    assert found.classes == grey.classes
    assert "FashionMNIST" in found.name
    assert "CIFAR-10" in found.name
    assert found.digest != grey.digest
    assert stand_in("train") is found


def test_real_files() -> None:
    """The real FashionMNIST is on this machine (the set-up installs it), whole, with equally many of each class."""
    try:
        sets = [fashion_mnist(split) for split in FASHION_FILES]
    except DataMissing as missing:
        pytest.fail(str(missing))
    assert [tuple(found.images.shape) for found in sets] == [(60_000, 1, 28, 28), (10_000, 1, 28, 28)]
    for found in sets:
        assert found.labels.bincount().tolist() == [len(found.labels) // 10] * 10
        assert found.labels.max() < len(found.classes)
