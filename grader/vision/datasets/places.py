"""The Places365 ResNet-50: where it is looked for, and the proof that it is the network that it is said to be.

Source: Zhou et al., 2017, Places: a 10 million image database for scene recognition,
http://places2.csail.mit.edu/PAMI_places.pdf; weights and class names: https://github.com/CSAILVision/places365.

What is verified. No checksum of the weights is published by their authors, so none stands here. A file
`resnet50_places365.pth.tar.sha256` beside the weights (one line, as `sha256sum` prints it) is compared whenever they
are read; whoever knows the right checksum puts it there before `make data`. Where there is none, `make data` writes
the one of the file that it found: from then on every change is noticed, but that the first download was the right file
is shown only by its length and its structure. The file is read without running any code in it (`weights_only`), its
names and shapes must be exactly those of torchvision's `resnet50(num_classes=365)`, and its values finite.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from functools import cache
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import torch
from torch import Tensor

from grader.errors import DataMissing
from grader.folders import data_folder
from grader.vision.datasets.imageset import downloading

URL = "http://places2.csail.mit.edu/models_places365/resnet50_places365.pth.tar"  # the authors', about 97 MB
FILE = "resnet50_places365.pth.tar"
CATEGORIES = "categories_places365.txt"  # from the authors' repository; lines such as `/a/airfield 0`
CLASSES = 365
PIECE_BYTES = 1 << 20  # read and written at a time
DIFFERENCES_TOLD = 3  # of a wrong structure


def load_places365(data: Path | None = None) -> dict[str, Tensor]:
    """The weights of the Places365 ResNet-50, for torchvision's `resnet50(num_classes=365)`. Downloads nothing.

    Args:
        data: The data folder; None means `data_folder()`.

    Returns:
        The state dict: float32, counters int64, on the CPU, without the `module.` of `DataParallel`. The counters
        `num_batches_tracked`, which networks of that time did not have, are 0 where they are absent.

    Raises:
        DataMissing: If the file is not there, is damaged, or holds another network; the text says what differs.
    """
    path = (data or data_folder()) / FILE
    if not path.is_file():
        raise DataMissing(
            "The Places365 ResNet-50 is not on this machine: run `make data` where there is a network, or put "
            f"{FILE} into the data folder ($GRADER_DATA)."
        )
    _compare_checksum(path, _sha256(path))
    return _read(path)


def class_names(data: Path | None = None) -> tuple[str, ...]:
    """The names of the 365 classes, by label, e.g. "apartment building/outdoor".

    They are read from `categories_places365.txt` in the data folder; without it they are "class 0", "class 1", ...

    Args:
        data: The data folder; None means `data_folder()`.

    Raises:
        DataMissing: If the file is there and does not name each class once.
    """
    path = (data or data_folder()) / CATEGORIES
    if not path.is_file():
        return tuple(f"class {label}" for label in range(CLASSES))
    try:
        lines = [line.rsplit(maxsplit=1) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        names = {int(label): name[3:].replace("_", " ") for name, label in lines}  # without `/a/`
    except (OSError, ValueError) as error:
        raise DataMissing(_wrong_categories()) from error
    if len(lines) != CLASSES or set(names) != set(range(CLASSES)):
        raise DataMissing(_wrong_categories())
    return tuple(names[label] for label in range(CLASSES))


def fetch_places365(data: Path | None = None) -> str:
    """Obtain the weights if they are not there yet, check them, and record their checksum beside them.

    Args:
        data: The data folder; None means `data_folder()`.

    Returns:
        A sentence that says what is there and what was verified.

    Raises:
        DataMissing: If they can't be downloaded, are damaged, or are those of another network.
    """
    folder = data or data_folder()
    path = folder / FILE
    if not path.is_file():
        _download(folder)
    measured = _sha256(path)
    known = _compare_checksum(path, measured)
    _read(path)
    if not known:
        _checksum_file(path).write_text(f"{measured}  {FILE}\n", encoding="utf-8")
    said = f"checksum as in {FILE}.sha256" if known else f"checksum {measured[:16]}... recorded, not known beforehand"
    return f"Places365 ResNet-50: {len(_structure())} tensors, names and shapes right, {said}."


def _download(folder: Path) -> None:
    """Download beside the place where it belongs and check it there: nobody ever sees half a file or a wrong one."""
    otherwise = (
        f"The Places365 ResNet-50 is not on this machine and could not be downloaded from {URL}: put {FILE} into the "
        "data folder ($GRADER_DATA); without it, plots use a reference network of this project."
    )
    with downloading(otherwise):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as temporary:
            path = Path(temporary, FILE)
            try:
                _copy(URL, path)
            except HTTPException as error:  # the connection ended early
                raise OSError(str(error)) from error
            _compare_checksum(folder / FILE, _sha256(path))
            _read(path)
            path.replace(folder / FILE)


def _copy(url: str, path: Path) -> None:
    with urlopen(url) as response, path.open("wb") as file:
        promised = response.headers.get("Content-Length")
        while piece := response.read(PIECE_BYTES):
            file.write(piece)
        if promised is not None and file.tell() != int(promised):
            raise OSError(f"{file.tell():,} bytes of {promised}")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _checksum_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _compare_checksum(path: Path, measured: str) -> bool:
    """Whether the checksum is known; DataMissing when it is another."""
    file = _checksum_file(path)
    if not file.is_file():
        return False
    known = file.read_text(encoding="utf-8", errors="replace").split()[:1]
    if known != [measured]:
        raise DataMissing(_wrong(f"its SHA-256 is {measured[:16]}..., not the one in {file.name}"))
    return True


def _read(path: Path) -> dict[str, Tensor]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle or archive may raise whatever it likes
        raise DataMissing(_wrong("it is damaged or no file of weights")) from error
    found = content.get("state_dict", content) if isinstance(content, Mapping) else None
    if not isinstance(found, Mapping):
        raise DataMissing(_wrong("it holds no state dict"))
    weights = {str(name).removeprefix("module."): value for name, value in found.items()}
    for name, tensor in _structure().items():
        if name.endswith(".num_batches_tracked"):
            weights.setdefault(name, torch.zeros(tensor.shape, dtype=tensor.dtype))
    if differences := _differences(weights):
        more = len(differences) - DIFFERENCES_TOLD
        told = "; ".join(differences[:DIFFERENCES_TOLD]) + (f"; and {more:,} more" if more > 0 else "")
        raise DataMissing(_wrong(f"it is not torchvision's resnet50 with {CLASSES} classes: {told}"))
    weights = {name: weights[name].to(tensor.dtype) for name, tensor in _structure().items()}
    # numpy, because torch's threads wait for each other at every one of the many small tensors: seconds for all
    if infinite := [name for name, value in weights.items() if not np.isfinite(value.numpy()).all()]:
        raise DataMissing(_wrong(f"{infinite[0]} holds values that are not finite"))
    return weights


@cache
def _structure() -> dict[str, Tensor]:
    """The state dict that it must be, as shapes and types without values."""
    from torchvision.models import resnet50  # here, because importing torchvision takes a second

    with torch.device("meta"):
        structure: dict[str, Tensor] = resnet50(num_classes=CLASSES).state_dict()
    return structure


def _differences(weights: Mapping[str, Any]) -> list[str]:
    """What differs from the right structure, the last layer first: it tells most."""
    structure = _structure()
    wrong = [
        f"{name} is {_described(weights[name])} instead of {_described(tensor)}"
        for name, tensor in reversed(structure.items())
        if name in weights and _described(weights[name]) != _described(tensor)
    ]
    lacking = [f"{name} is missing" for name in reversed(structure) if name not in weights]
    return wrong + lacking + [f"{name} does not belong there" for name in weights if name not in structure]


def _described(value: Any) -> str:
    if not isinstance(value, Tensor):
        return f"a {type(value).__name__}"
    return f"{'real' if value.is_floating_point() else 'integer'} {tuple(value.shape)}"


def _wrong(reason: str) -> str:
    return f"{FILE} can't be used ({reason}): put another into the data folder, or delete it and run `make data`."


def _wrong_categories() -> str:
    return f"{CATEGORIES} in the data folder does not name the {CLASSES} classes: replace it, or delete it."
