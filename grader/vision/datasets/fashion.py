"""FashionMNIST, and its form that stands in for CIFAR-10.

A truncated or changed file would quietly give wrong grades, so every file is compared with its known SHA-256 before it
is used. FashionMNIST: Xiao et al., 2017, Fashion-MNIST: a novel image dataset for benchmarking machine learning
algorithms, https://arxiv.org/abs/1708.07747.
"""

from __future__ import annotations

import gzip
import hashlib
import tempfile
import zlib
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from grader.errors import DataMissing
from grader.folders import data_folder
from grader.vision.datasets.cifar import SIZE
from grader.vision.datasets.imageset import ImageSet, Split, digest_of, downloading

FASHION_CLASSES = tuple("T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot".split(","))
DEBIAN_PACKAGE = "dataset-fashion-mnist"
DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")


class IdxFile(NamedTuple):
    """One file as it must be: its name without `.gz`, its shape, and the SHA-256 of its decompressed bytes."""

    name: str
    shape: tuple[int, ...]
    sha256: str


# Digests of the decompressed files of Debian's dataset-fashion-mnist 0.0~git20200523.55506a9-1.
FASHION_FILES: dict[Split, tuple[IdxFile, IdxFile]] = {
    "train": (
        IdxFile(
            "train-images-idx3-ubyte",
            (60_000, 28, 28),
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        ),
        IdxFile(
            "train-labels-idx1-ubyte",
            (60_000,),
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        ),
    ),
    "test": (
        IdxFile(
            "t10k-images-idx3-ubyte",
            (10_000, 28, 28),
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        ),
        IdxFile(
            "t10k-labels-idx1-ubyte",
            (10_000,),
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
    ),
}


def fashion_mnist(split: Split, data: Path | None = None) -> ImageSet:
    """One split of FashionMNIST, read once per process.

    Looked for in the data folder (torchvision's layout), then in Debian's package, then downloaded by torchvision.

    Args:
        split: "train" (60,000 images) or "test" (10,000).
        data: The data folder; None means `data_folder()`.

    Returns:
        Images (N, 1, 28, 28), uint8, and labels (N,), int64. Shared by all callers: don't change them.

    Raises:
        DataMissing: If it is nowhere and can't be downloaded, or if a file is damaged.
    """
    return _fashion_mnist(split, (data or data_folder()).resolve())


def normalise_fashion(images: Tensor) -> Tensor:
    """Bring FashionMNIST's pixels to the range that networks get them in.

    Args:
        images: Any shape, uint8.

    Returns:
        The same shape, float32 in [-1, 1].
    """
    return images.to(torch.float32).div_(127.5).sub_(1)


def stand_in(split: Split, data: Path | None = None) -> ImageSet:
    """FashionMNIST in the form of CIFAR-10, for networks and plots where CIFAR-10 is missing; its `name` says so.

    Args:
        split: "train" (60,000 images) or "test" (10,000).
        data: The data folder; None means `data_folder()`.

    Returns:
        Images (N, 3, 32, 32), uint8: a border of two black pixels, the gray value in each of the three channels.

    Raises:
        DataMissing: As `fashion_mnist`.
    """
    return _stand_in(split, (data or data_folder()).resolve())


def fetch_fashion() -> str:
    """Look for both splits, or download them; one sentence that says what is here.

    Raises:
        DataMissing: If one is missing and can't be downloaded, or is damaged.
    """
    sets = [fashion_mnist(split) for split in FASHION_FILES]
    count = sum(len(images.labels) for images in sets)
    return f"FashionMNIST: {count:,} images, checksums right ({sets[0].source})."


def parse_idx(content: bytes) -> NDArray[np.uint8]:
    """Read the IDX format: two zero bytes, the type, the rank, the sizes as big-endian uint32, then the values.

    Args:
        content: A whole decompressed file, holding unsigned bytes (type 8).

    Returns:
        uint8 array of the shape that the header tells; read-only, it shares memory with `content`.

    Raises:
        ValueError: If it is not such a file, or its length is not what the header tells.

    Reference:
        LeCun et al., The MNIST database of handwritten digits, http://yann.lecun.com/exdb/mnist/.
    """
    if len(content) < 4 or content[:3] != b"\0\0\x08":
        raise ValueError("not an IDX file of unsigned bytes")
    rank = content[3]
    start = 4 + 4 * rank
    if len(content) < start:
        raise ValueError("an IDX file that ends within its header")
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", count=rank, offset=4))
    values = np.frombuffer(content, np.uint8, offset=start)
    if values.size != np.prod(shape):
        raise ValueError(f"an IDX file with {values.size:,} values where its header tells {shape}")
    return values.reshape(shape)


@cache
def _stand_in(split: Split, data: Path) -> ImageSet:
    fashion = fashion_mnist(split, data)
    border = (SIZE - fashion.images.shape[-1]) // 2
    images = F.pad(fashion.images, [border] * 4).repeat(1, 3, 1, 1)
    digest = digest_of(images.numpy(), fashion.labels.numpy().astype(np.uint8))
    return replace(fashion, name="FashionMNIST padded to 32x32 RGB, in place of CIFAR-10", images=images, digest=digest)


@cache
def _fashion_mnist(split: Split, data: Path) -> ImageSet:
    ours = data / "FashionMNIST" / "raw"
    for folder, source in ((ours, "torchvision layout"), (DEBIAN_FOLDER, f"Debian package {DEBIAN_PACKAGE}")):
        if all(_find(folder, file.name) for file in FASHION_FILES[split]):
            return _read_fashion(split, folder, source)
    _download_fashion(data)
    return _read_fashion(split, ours, "torchvision layout")


def _find(folder: Path, name: str) -> Path | None:
    candidates = (folder / name, folder / f"{name}.gz")
    return next((path for path in candidates if path.is_file()), None)


def _read_fashion(split: Split, folder: Path, source: str) -> ImageSet:
    images, labels = (_read_checked(folder, file, source) for file in FASHION_FILES[split])
    return ImageSet(
        name="FashionMNIST",
        split=split,
        images=torch.from_numpy(images.copy()).unsqueeze(1),  # (N, 1, 28, 28)
        labels=torch.from_numpy(labels.astype(np.int64)),
        classes=FASHION_CLASSES,
        source=source,
        digest=digest_of(images, labels),
    )


def _read_checked(folder: Path, file: IdxFile, source: str) -> NDArray[np.uint8]:
    try:
        path = _find(folder, file.name)
        content = b"" if path is None else path.read_bytes()
        if path is not None and path.suffix == ".gz":
            content = gzip.decompress(content)
        array = parse_idx(content)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise DataMissing(_damaged(file, source, str(error))) from error
    if array.shape != file.shape:
        raise DataMissing(_damaged(file, source, f"its shape is {array.shape} instead of {file.shape}"))
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise DataMissing(_damaged(file, source, "its SHA-256 is not the known one"))
    return array


def _damaged(file: IdxFile, source: str, reason: str) -> str:
    way_out = (
        f"reinstall the package {DEBIAN_PACKAGE}"
        if source.startswith("Debian")
        else "delete the folder FashionMNIST in the data folder and run `make data`"
    )
    return f"FashionMNIST's file {file.name} ({source}) is damaged ({reason}): {way_out}."


def _download_fashion(data: Path) -> None:
    """Let torchvision download into a folder of its own, then move the files: nobody ever sees half a file."""
    otherwise = (
        "FashionMNIST is not on this machine and could not be downloaded: install the Debian package "
        f"{DEBIAN_PACKAGE}, or put torchvision's folder FashionMNIST into the data folder ($GRADER_DATA)."
    )
    with downloading(otherwise):
        data.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=data, prefix=".download-") as folder:
            from torchvision.datasets import FashionMNIST  # here, because importing torchvision takes a second

            FashionMNIST(folder, train=True, download=True)  # fetches all four files
            raw = data / "FashionMNIST" / "raw"
            raw.mkdir(parents=True, exist_ok=True)
            for file in Path(folder, "FashionMNIST", "raw").iterdir():
                file.replace(raw / file.name)
