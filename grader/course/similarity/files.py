"""Which files of a submission may hold a trained network: told by name or first bytes, whatever was asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from grader.course.similarity.models import EXACT
from grader.course.similarity.weights import LEAST_FILE, Model, compare_models, make_model, read_model

# Of one submission: the files that are asked for, then the largest. Of others only whether they are the same is known.
MOST_READ = 8
SUFFIXES = frozenset(
    ".bin .ckpt .dat .h5 .hdf5 .joblib .keras .model .npy .npz .onnx .params .pb .pickle .pkl .pt .pt2 .pth"
    " .safetensors .tar .tflite .weights".split()
)
STARTS = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"\x89HDF", b"\x93NUMPY", b"GGUF")
OTHER_SUFFIXES = frozenset(".docx .jar .odt .pages .pptx .whl .xlsx .zip".split())  # zips that are something else
UNPACKED = "data.pkl"  # of a file of torch's that something unpacked: names and shapes, which honest networks share


@dataclass(frozen=True, eq=False)
class Handout:
    """What an assignment hands out: that two students have the same of it says nothing.

    Attributes:
        digests: SHA-256 of each file.
        models: Those that may hold a network.
        data_folders: Names, in lower case, of folders that hold its data sets where somebody has fetched them.
    """

    digests: frozenset[bytes] = frozenset()
    models: tuple[Model, ...] = ()
    data_folders: frozenset[str] = frozenset()


def read_handout(*folders: Path, data_folders: Iterable[str] = ()) -> Handout:
    """Read all that lies in some folders; `data_folders` as in `Handout`."""
    contents = [(path, path.read_bytes()) for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    models = [read_model(data) for path, data in contents if may_be_model(path.name, data)]
    return Handout(frozenset(_digest(data) for _path, data in contents), tuple(models), frozenset(data_folders))


def find_models(files: Mapping[str, bytes], asked: Collection[str], handout: Handout) -> dict[str, Model]:
    """What is kept of each file that may hold a network, by path.

    Args:
        files: A submission's.
        asked: Names of the files that the assignment asks for.
        handout: What it gives: neither the same file counts nor one with the same numbers.
    """
    paths = [path for path, data in files.items() if path in asked or may_be_model(path, data, handout.data_folders)]
    paths.sort(key=lambda path: (path not in asked, -len(files[path]), path))
    read = {path: read_model(files[path]) for path in paths[:MOST_READ]}
    read |= {path: make_model(_digest(files[path]), len(files[path]), ()) for path in paths[MOST_READ:]}
    return {path: model for path, model in read.items() if not _is_given(model, handout)}


def may_be_model(path: str, data: bytes, data_folders: Collection[str] = ()) -> bool:
    """Whether a file is one that a network may be kept in, and no part of a data set."""
    parsed = PurePosixPath(path.lower())
    if len(data) < LEAST_FILE or not set(data_folders).isdisjoint(parsed.parts) or parsed.name == UNPACKED:
        return False
    is_safetensors = data[8:10] == b'{"' and int.from_bytes(data[:8], "little") < len(data)
    begins = data.startswith(STARTS) or is_safetensors
    return parsed.suffix in SUFFIXES or (begins and parsed.suffix not in OTHER_SUFFIXES)


def _is_given(model: Model, handout: Handout) -> bool:
    same = any(compare_models(model, given).share >= EXACT for given in handout.models)
    return same or model.sha256 in handout.digests


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
