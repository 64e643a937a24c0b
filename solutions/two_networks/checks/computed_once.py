"""What takes long to compute and is the same for every submission: kept on disk, computed once a machine."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

import numpy as np
from torch import Tensor

from grader.author import Array, Reference, cache_folder
from solutions.two_networks.checks.pictures import Pictures


def computed_once(name: str, key: str, compute: Callable[[], Mapping[str, Array]]) -> dict[str, Array]:
    """Arrays out of the cache folder, or computed and put there.

    Args:
        name: What it is, for people who look into the folder.
        key: Differs whenever something differs that the arrays depend on.
        compute: Computes them.
    """
    path = cache_folder() / "features" / f"{name}-{key}.npz"
    if path.is_file():
        with np.load(path) as found:
            return dict(found)
    arrays = dict(compute())
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.with_suffix(f".{np.random.default_rng().integers(1 << 62)}.npz")  # two graders at once
    np.savez(written, **arrays)  # type: ignore[arg-type]  # none of them is called allow_pickle
    written.replace(path)
    return arrays


def key_of(pictures: Pictures, reference: Reference | None = None, network: str = "") -> str:
    """A key of the pictures, and of a reference network's weights where one is named."""
    digest = hashlib.sha256(f"{pictures.test.digest} {pictures.bank.digest}".encode())
    digest.update(pictures.test.labels.numpy().tobytes() + pictures.bank.labels.numpy().tobytes())
    if reference is not None:
        _add_weights(digest, reference.weights[pictures.reference_model(network)])
    return digest.hexdigest()[:16]


def _add_weights(digest: hashlib._Hash, weights: Mapping[str, Tensor]) -> None:
    for name, value in weights.items():
        digest.update(name.encode() + value.contiguous().numpy().tobytes())
