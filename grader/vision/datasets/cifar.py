"""CIFAR-10, from torchvision's files or from a tree of pictures, decoded once into a memory-mapped cache.

Source: Krizhevsky, 2009, Learning multiple layers of features from tiny images,
https://www.cs.toronto.edu/~kriz/cifar.html. Torchvision's files are compared with the MD5 sums that torchvision knows.
Of a tree of pictures no checksum is known (each JPEG encoder gives other pixels): its classes, the number of pictures
in each and their size are checked, and the digest of what was decoded is recorded with all that is drawn from it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFile
from torch import Tensor

from grader.errors import DataMissing
from grader.folders import cache_folder, data_folder
from grader.vision.datasets.imageset import ImageSet, Split, digest_of, downloading

# Names and order of `batches.meta`, the data set's own; so are the counts and the size.
CIFAR_CLASSES = tuple("airplane automobile bird cat deer dog frog horse ship truck".split())
PER_CLASS: dict[Split, int] = {"train": 5_000, "test": 1_000}
SIZE = 32  # pixels, height and width
# Of the training images by channel (red, green, blue), pixels from 0 to 1. From the contract with the students: their
# loaders hold the same numbers.
CIFAR_MEAN = (0.4914, 0.4822, 0.4465)
CIFAR_STD = (0.2470, 0.2435, 0.2616)

BATCHES = "cifar-10-batches-py"  # torchvision's name of its folder
SUFFIXES = {".jpg", ".jpeg", ".png"}

Arrays = tuple[NDArray[np.uint8], NDArray[np.uint8]]  # images (N, 3, 32, 32), labels (N,)


def cifar10(split: Split, data: Path | None = None, *, per_class: int | None = None) -> ImageSet:
    """One split of CIFAR-10, read once per process.

    Looked for in the data folder's `cifar10`: torchvision's `cifar-10-batches-py`, then a tree `train/<class>/*.jpg`
    (or .png), `test/<class>/*`; then downloaded by torchvision. A tree's images are in the order of `CIFAR_CLASSES`
    and, within a class, of their names.

    Args:
        split: "train" (50,000 images) or "test" (10,000).
        data: The data folder; None means `data_folder()`.
        per_class: Images that each class must have; None means the real number. Tests have smaller trees.

    Returns:
        Images (N, 3, 32, 32), uint8, and labels (N,), int64. Shared by all callers: don't change them.

    Raises:
        DataMissing: If it is nowhere and can't be downloaded, or if it is not whole.
    """
    return _cifar10(split, (data or data_folder()).resolve(), per_class or PER_CLASS[split])


def normalise_cifar(images: Tensor) -> Tensor:
    """Bring CIFAR-10's pixels to what networks get: each channel less its mean, divided by its standard deviation.

    Args:
        images: (N, 3, H, W) or (3, H, W), uint8.

    Returns:
        The same shape, float32, roughly from -2 to 2.
    """
    mean, std = (255 * torch.tensor(values).view(3, 1, 1) for values in (CIFAR_MEAN, CIFAR_STD))
    return images.to(torch.float32).sub_(mean).div_(std)


def fetch_cifar10() -> str:
    """Obtain both splits if they are not there yet.

    Returns:
        A sentence that says what is there and what was verified.

    Raises:
        DataMissing: As `cifar10`.
    """
    sets = [cifar10(split) for split in PER_CLASS]
    count = sum(len(images.labels) for images in sets)
    checked = "checksums right" if sets[0].source == "torchvision layout" else "as many of each class as there must be"
    digests = ", ".join(f"{images.split} {images.digest}" for images in sets)
    return f"CIFAR-10: {count:,} images, {checked} ({sets[0].source}; {digests})."


@cache
def _cifar10(split: Split, data: Path, per_class: int) -> ImageSet:
    folder = data / "cifar10"
    if not any((folder / part).is_dir() for part in (BATCHES, *PER_CLASS)):
        _download(data)
    if (folder / BATCHES).is_dir():
        source, part, decode = "torchvision layout", folder / BATCHES, lambda: _read_batches(folder, split)
    else:
        source, part, decode = "image tree", folder / split, lambda: _read_tree(part, per_class)
        if not part.is_dir():
            raise DataMissing(_damaged(f"the folder {split} is missing"))
    (images, labels), digest = _through_cache(part, split, decode)
    if (counts := np.bincount(labels, minlength=len(CIFAR_CLASSES)).tolist()) != [per_class] * len(CIFAR_CLASSES):
        raise DataMissing(_damaged(f"its {split} images by class are {counts} instead of {per_class:,} of each"))
    return ImageSet(
        name="CIFAR-10",
        split=split,
        images=torch.from_numpy(images),
        labels=torch.from_numpy(labels.astype(np.int64)),
        classes=CIFAR_CLASSES,
        source=source,
        digest=digest,
    )


def _read_batches(folder: Path, split: Split) -> Arrays:
    from torchvision.datasets import CIFAR10  # here, because importing torchvision takes a second

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pickles of an old numpy: its own affair
            batches = CIFAR10(folder, train=split == "train")  # compares each file with its MD5 before unpickling it
    except (OSError, RuntimeError) as error:
        raise DataMissing(_damaged(f"a file of {BATCHES} is missing or has a wrong checksum")) from error
    return np.ascontiguousarray(batches.data.transpose(0, 3, 1, 2)), np.array(batches.targets, dtype=np.uint8)


def _read_tree(folder: Path, per_class: int) -> Arrays:
    """Decode `folder/<class>/*`; what the classes must hold is known before the first picture is opened."""
    pictures = {name: _pictures(folder / name) for name in CIFAR_CLASSES}
    if wrong := {name: len(paths) for name, paths in pictures.items() if len(paths) != per_class}:
        found = ", ".join(f"{count:,} of {name}" for name, count in wrong.items())
        raise DataMissing(_damaged(f"{folder.name} must hold {per_class:,} pictures of each class and holds {found}"))
    images = np.empty((per_class * len(CIFAR_CLASSES), 3, SIZE, SIZE), np.uint8)
    paths = [path for name in CIFAR_CLASSES for path in pictures[name]]
    for image, path in zip(images, paths, strict=True):
        image[:] = _decode(path)
    return images, np.repeat(np.arange(len(CIFAR_CLASSES), dtype=np.uint8), per_class)


def _pictures(folder: Path) -> list[Path]:
    """The pictures in a folder, by name; hidden files are none."""
    if not folder.is_dir():
        return []
    found = (path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and not path.name.startswith("."))
    return sorted(found, key=lambda path: path.name)


def _decode(path: Path) -> NDArray[np.uint8]:
    lenient, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False  # WeasyPrint turns it on for all
    try:
        with Image.open(path, formats=["JPEG", "PNG"]) as picture:
            if picture.size != (SIZE, SIZE):
                width, height = picture.size
                raise DataMissing(_damaged(f"the picture {_told(path)} is {width}x{height} instead of {SIZE}x{SIZE}"))
            return np.asarray(picture.convert("RGB"), dtype=np.uint8).transpose(2, 0, 1)
    except (OSError, SyntaxError, ValueError) as error:  # Pillow raises SyntaxError for a broken PNG
        raise DataMissing(_damaged(f"the picture {_told(path)} can't be read")) from error
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = lenient


def _told(path: Path) -> str:
    return "/".join(path.parts[-3:])


def _through_cache(part: Path, split: Split, decode: Callable[[], Arrays]) -> tuple[Arrays, str]:
    """The images and labels of a folder, mapped from the cache if they are there, else decoded and put there."""
    folder = cache_folder() / "datasets" / f"cifar10-{split}-{_tree_digest(part)}"
    with suppress(OSError, ValueError, KeyError):
        return _load(folder)
    images, labels = decode()
    digest = digest_of(images, labels)
    with suppress(OSError):  # a cache that can't be written costs time, nothing else
        _save(folder, images, labels, digest)
        return _load(folder)
    return (images, labels), digest


def _tree_digest(folder: Path) -> str:
    """A digest of the names, sizes and times of change of all files below a folder: cheap, opens none of them."""
    digest = hashlib.sha256()
    for entry in _entries(str(folder)):
        digest.update(json.dumps(entry).encode())
    return digest.hexdigest()[:16]


def _entries(folder: str, above: str = "") -> Iterator[tuple[str, int, int]]:
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        if entry.is_dir():
            yield from _entries(entry.path, f"{above}{entry.name}/")
        else:
            facts = entry.stat()
            yield f"{above}{entry.name}", facts.st_size, facts.st_mtime_ns


def _load(folder: Path) -> tuple[Arrays, str]:
    """Map what `_save` wrote; ValueError when it is damaged, which the digest tells."""
    facts: dict[str, Any] = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    # mode c: pages stay shared with the file until somebody writes to them, and the file never changes
    images: NDArray[np.uint8] = np.load(folder / "images.npy", mmap_mode="c")
    labels: NDArray[np.uint8] = np.load(folder / "labels.npy")
    if digest_of(images, labels) != facts["digest"]:
        raise ValueError("damaged")
    return (images, labels), facts["digest"]


def _save(folder: Path, images: NDArray[np.uint8], labels: NDArray[np.uint8], digest: str) -> None:
    """Write a folder whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".writing-") as temporary:
        whole = Path(temporary, "whole")
        whole.mkdir()
        np.save(whole / "images.npy", images)
        np.save(whole / "labels.npy", labels)
        (whole / "facts.json").write_text(json.dumps({"digest": digest}) + "\n", encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)  # a damaged one
        whole.rename(folder)


def _download(data: Path) -> None:
    """Let torchvision download into a folder of its own, then move the files: nobody ever sees half a file."""
    otherwise = (
        "CIFAR-10 is not on this machine and could not be downloaded: put torchvision's folder "
        f"{BATCHES}, or the folders train and test with a folder of pictures per class, into the folder cifar10 of the "
        "data folder ($GRADER_DATA)."
    )
    with downloading(otherwise):
        data.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=data, prefix=".download-") as folder:
            from torchvision.datasets import CIFAR10  # here, because importing torchvision takes a second

            CIFAR10(folder, download=True)
            (data / "cifar10").mkdir(exist_ok=True)
            Path(folder, BATCHES).rename(data / "cifar10" / BATCHES)


def _damaged(reason: str) -> str:
    return f"CIFAR-10 is not whole ({reason}): delete the folder cifar10 in the data folder and run `make data`."
