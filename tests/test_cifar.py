"""CIFAR-10 is read from torchvision's files or from a tree of pictures, in its own order, and only when it is whole."""

from __future__ import annotations

import hashlib
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision.datasets
from numpy.typing import NDArray
from PIL import Image

from grader.errors import DataMissing
from grader.folders import data_folder
from grader.vision.datasets import cifar
from grader.vision.datasets.cifar import CIFAR_CLASSES, cifar10, fetch_cifar10, normalise_cifar
from grader.vision.datasets.imageset import Split, without_downloads

PER_CLASS = 3
Pixels = NDArray[np.uint8]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder and an empty cache, and no network."""
    monkeypatch.setenv("GRADER_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("GRADER_CACHE", str(tmp_path / "cache"))

    def offline(root: object, train: bool = True, download: bool = False) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setattr(torchvision.datasets, "CIFAR10", offline)
    return tmp_path / "data"


def write_tree(data: Path, suffix: str = ".png") -> dict[Split, dict[str, Pixels]]:
    """A tree of PNGs, the folders made in backward order; returns each class's pixels (3, 32, 32, 3) by file name."""
    rng = np.random.default_rng(0)
    written: dict[Split, dict[str, Pixels]] = {"train": {}, "test": {}}
    for split, classes in written.items():
        for name in reversed(CIFAR_CLASSES):
            classes[name] = rng.integers(256, size=(PER_CLASS, 32, 32, 3), dtype=np.uint8)
            folder = data / "cifar10" / split / name
            folder.mkdir(parents=True)
            for number in reversed(range(PER_CLASS)):
                Image.fromarray(classes[name][number]).save(folder / f"{number:04}{suffix}")
    return written


class Known:
    """Torchvision's CIFAR-10 with the checksums of tiny files."""

    def __init__(self, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Write three batches of ten images, a test batch and the names; tell torchvision their checksums."""
        rng = np.random.default_rng(1)
        self.folder = data / "cifar10" / "cifar-10-batches-py"
        self.folder.mkdir(parents=True)
        self.pixels = rng.integers(256, size=(4, 10, 3, 32, 32), dtype=np.uint8)
        self.labels = np.stack([rng.permutation(10) for _ in range(4)])
        names = [f"data_batch_{number}" for number in range(3)] + ["test_batch"]
        for name, pixels, labels in zip(names, self.pixels, self.labels, strict=True):
            self._write(name, {"data": pixels.reshape(10, -1), "labels": labels.tolist()})
        self._write("batches.meta", {"label_names": list(CIFAR_CLASSES)})
        known = [[name, hashlib.md5((self.folder / name).read_bytes()).hexdigest()] for name in names]
        meta = hashlib.md5((self.folder / "batches.meta").read_bytes()).hexdigest()

        class Tiny(torchvision.datasets.cifar.CIFAR10):  # type: ignore[misc]
            train_list, test_list = known[:3], known[3:]
            meta = {"filename": "batches.meta", "key": "label_names", "md5": ""}

        Tiny.meta["md5"] = meta
        monkeypatch.setattr(torchvision.datasets, "CIFAR10", Tiny)

    def _write(self, name: str, content: dict[str, Any]) -> None:
        (self.folder / name).write_bytes(pickle.dumps(content))


def test_tree(data: Path) -> None:
    """A tree gives the classes in CIFAR's own order whatever the order of the folders, and the files by name."""
    written = write_tree(data)
    for split, classes in written.items():
        found = cifar10(split, per_class=PER_CLASS)
        expected = np.concatenate([classes[name] for name in CIFAR_CLASSES]).transpose(0, 3, 1, 2)
        assert (found.images.dtype, found.labels.dtype) == (torch.uint8, torch.int64)
        np.testing.assert_array_equal(found.images.numpy(), expected)
        assert found.labels.tolist() == [label for label in range(10) for _ in range(PER_CLASS)]
        assert (found.name, found.split, found.source) == ("CIFAR-10", split, "image tree")
        assert found.classes[0] == "airplane"
        assert found.classes[9] == "truck"
        labels = np.repeat(np.arange(10, dtype=np.uint8), PER_CLASS)
        assert found.digest == hashlib.sha256(expected.tobytes() + labels.tobytes()).hexdigest()[:16]


def test_jpeg_and_grey(data: Path) -> None:
    """JPEGs are read too, whatever the case of their names, and a grey picture gives three equal channels."""
    write_tree(data)
    folder = data / "cifar10" / "test" / "cat"
    (folder / "0001.png").unlink()
    Image.new("L", (32, 32), 77).save(folder / "0001.JPG")
    (folder / ".0002.png").write_bytes(b"another system's hidden file")
    (folder / "notes.txt").write_text("not a picture")
    image = cifar10("test", per_class=PER_CLASS).images[3 * PER_CLASS + 1]
    assert bool((image == 77).all())


def test_torchvision_layout(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Torchvision's files give their pixels and labels, and are preferred to a tree beside them."""
    known = Known(data, monkeypatch)
    write_tree(data)
    train, test = cifar10("train", per_class=3), cifar10("test", per_class=1)
    np.testing.assert_array_equal(train.images.numpy(), known.pixels[:3].reshape(30, 3, 32, 32))
    assert train.labels.tolist() == known.labels[:3].flatten().tolist()
    np.testing.assert_array_equal(test.images.numpy(), known.pixels[3])
    assert test.labels.tolist() == known.labels[3].tolist()
    assert train.source == "torchvision layout"


@pytest.mark.parametrize("name", ["data_batch_1", "batches.meta"])
def test_torchvision_damaged(data: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A file of torchvision's with a wrong checksum is refused before it is unpickled."""
    known = Known(data, monkeypatch)
    (known.folder / name).write_bytes(b"cos\nsystem\n")
    with pytest.raises(DataMissing, match="is missing or has a wrong checksum"):
        cifar10("train", per_class=3)


def test_decoded_once(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second process maps the decoded images from the cache, and nothing else is left there."""
    write_tree(data)
    first = cifar10("test", per_class=PER_CLASS)
    cifar._cifar10.cache_clear()
    monkeypatch.setattr(cifar, "_decode", lambda path: pytest.fail("decoded again"))
    again = cifar10("test", per_class=PER_CLASS)
    assert again is not first
    assert torch.equal(again.images, first.images)
    assert again.digest == first.digest
    assert cifar10("test", data, per_class=PER_CLASS) is again
    (folder,) = (tmp_path / "cache" / "datasets").iterdir()
    assert {path.name for path in folder.iterdir()} == {"images.npy", "labels.npy", "facts.json"}


def test_cache_is_not_written_through(data: Path) -> None:
    """Who changes the images by mistake changes no file."""
    write_tree(data)
    first = cifar10("test", per_class=PER_CLASS).images
    kept = first.clone()
    first.zero_()
    cifar._cifar10.cache_clear()
    assert torch.equal(cifar10("test", per_class=PER_CLASS).images, kept)


@pytest.mark.parametrize("change", ["content", "name", "time"])
def test_cache_follows_the_tree(data: Path, change: str) -> None:
    """A picture that is changed, renamed or touched is decoded anew."""
    write_tree(data)
    before = cifar._tree_digest(data / "cifar10" / "test")
    path = data / "cifar10" / "test" / "dog" / "0001.png"
    facts = path.stat()
    if change == "content":
        Image.new("RGB", (32, 32)).save(path)
        os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    elif change == "name":
        path.rename(path.with_name("0009.png"))
    else:
        os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns + 1))
    assert cifar._tree_digest(data / "cifar10" / "test") != before


@pytest.mark.parametrize("name", ["images.npy", "labels.npy", "facts.json"])
@pytest.mark.parametrize("how", ["truncated", "changed", "gone"])
def test_damaged_cache(data: Path, tmp_path: Path, name: str, how: str) -> None:
    """A damaged cache is noticed, and the tree decoded anew."""
    write_tree(data)
    kept = cifar10("test", per_class=PER_CLASS).images.clone()
    (path,) = (tmp_path / "cache" / "datasets").glob(f"*/{name}")
    content = path.read_bytes()
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(content[:-20] + (b"" if how == "truncated" else b"0" * 20))
    cifar._cifar10.cache_clear()
    assert torch.equal(cifar10("test", per_class=PER_CLASS).images, kept)
    assert path.read_bytes() == content


def test_cache_that_cannot_be_written(data: Path, tmp_path: Path) -> None:
    """Without a place for the cache the images are decoded in memory."""
    written = write_tree(data)
    (tmp_path / "cache").write_text("a file where a folder should be")
    found = cifar10("test", per_class=PER_CLASS)
    np.testing.assert_array_equal(found.images[0].numpy(), written["test"]["airplane"][0].transpose(2, 0, 1))


def spoil(folder: Path, how: str) -> None:
    """Make a tree wrong in one way."""
    picture = folder / "frog" / "0001.png"
    if how == "missing":
        picture.unlink()
    elif how == "more":
        (folder / "frog" / "0007.png").write_bytes(picture.read_bytes())
    elif how == "no class":
        (folder / "frog").rename(folder / "toad")
    elif how == "no split":
        folder.rename(folder.with_name("validation"))
    elif how == "size":
        Image.new("RGB", (32, 31)).save(picture)
    else:
        picture.write_bytes({"truncated": picture.read_bytes()[:60], "format": b"GIF89a"}[how])


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("missing", "test must hold 3 pictures of each class and holds 2 of frog"),
        ("more", "holds 4 of frog"),
        ("no class", "holds 0 of frog"),
        ("no split", "the folder test is missing"),
        ("size", "the picture test/frog/0001.png is 32x31 instead of 32x32"),
        ("truncated", "the picture test/frog/0001.png can't be read"),
        ("format", "the picture test/frog/0001.png can't be read"),
    ],
)
def test_wrong_tree(data: Path, how: str, told: str) -> None:
    """A tree that is not whole is refused with one sentence that says what is wrong and what to do."""
    write_tree(data)
    spoil(data / "cifar10" / "test", how)
    with pytest.raises(DataMissing, match=r"^CIFAR-10 is not whole .*run `make data`\.$") as refused:
        cifar10("test", per_class=PER_CLASS)
    assert told in str(refused.value)
    assert len(cifar10("train", per_class=PER_CLASS).labels) == 30


def test_small_tree_needs_the_parameter(data: Path) -> None:
    """A tree with fewer pictures than CIFAR-10 has is not taken for it."""
    write_tree(data)
    with pytest.raises(DataMissing, match="train must hold 5,000 pictures of each class and holds 3 of airplane"):
        cifar10("train")


def test_nowhere(data: Path) -> None:
    """Without files and without a network, one sentence says how to get them, and nothing is left behind."""
    with pytest.raises(
        DataMissing, match=r"could not be downloaded: put torchvision's folder cifar-10-batches-py.*\.$"
    ):
        cifar10("train")
    assert list(data.iterdir()) == []


def test_download(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What torchvision downloads lands whole in the data folder; where downloads are not allowed, nothing is asked."""
    known = Known(tmp_path / "elsewhere", monkeypatch)
    tiny = torchvision.datasets.CIFAR10

    def download(root: Path, train: bool = True, download: bool = False) -> Any:
        if download:
            known.folder.rename(Path(root) / known.folder.name)
        return tiny(root, train=train)

    monkeypatch.setattr(torchvision.datasets, "CIFAR10", download)
    with without_downloads(), pytest.raises(DataMissing):
        cifar10("test", per_class=1)
    assert cifar10("test", per_class=1).source == "torchvision layout"
    assert [path.name for path in data.iterdir()] == ["cifar10"]


def test_fetch(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`make data` says how many images there are, what was checked, and the digests of what was read."""
    write_tree(data)
    monkeypatch.setattr(cifar, "PER_CLASS", {"train": PER_CLASS, "test": PER_CLASS})
    digests = [cifar10(split).digest for split in cifar.PER_CLASS]
    assert fetch_cifar10() == (
        "CIFAR-10: 60 images, as many of each class as there must be (image tree; "
        f"train {digests[0]}, test {digests[1]})."
    )


def test_normalise() -> None:
    """Each channel is brought to mean 0 and deviation 1 of the contract's figures, one image or many."""
    images = torch.randint(256, (5, 3, 4, 6)).to(torch.uint8)
    found = normalise_cifar(images)
    mean, std = np.array([0.4914, 0.4822, 0.4465]), np.array([0.2470, 0.2435, 0.2616])
    expected = (images.numpy().transpose(0, 2, 3, 1) / 255 - mean) / std
    np.testing.assert_allclose(found.numpy().transpose(0, 2, 3, 1), expected, rtol=1e-4, atol=1e-5)
    assert found.dtype == torch.float32
    assert images.dtype == torch.uint8
    torch.testing.assert_close(normalise_cifar(images[0]), found[0])


def test_real_images() -> None:
    """The real test images, where they are, have the mean and the deviation that the contract gives for CIFAR-10."""
    if not (data_folder() / "cifar10").is_dir():
        pytest.skip("CIFAR-10 is not in the data folder")
    found = cifar10("test")
    assert found.images.shape == (10_000, 3, 32, 32)
    assert found.labels.bincount().tolist() == [1_000] * 10
    normalised = normalise_cifar(found.images)
    assert normalised.mean(dim=(0, 2, 3)).abs().max() < 0.03
    assert (normalised.std(dim=(0, 2, 3)) - 1).abs().max() < 0.03
