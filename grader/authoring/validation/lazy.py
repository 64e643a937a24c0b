"""Implementations that do no work: they return nothing, zeros, their input; a model file that nobody trained.

What they earn is earned by everybody, so `make validate` shows that it is nothing.
"""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any

import numpy as np
import torch

from grader.records import Array
from grader.solutions import Variation, model_file

RANDOM_RANGE = 10  # random whole numbers are below it


class Laziness(StrEnum):
    """What a function returns instead of an answer."""

    NOTHING = "None"
    ZEROS = "zeros"
    ONES = "ones"
    EMPTY = "empty"
    INPUT = "its input"
    RANDOM = "random"


def lazy_functions(target: str, original: Any) -> Iterator[tuple[str, Variation]]:
    """Lazy variations of a function, a class of networks or a constant, each with the name of its laziness.

    A function has no effect on its arguments: the original works on copies, and only the shapes and types of its
    answer are kept. A network is built as it should be, and its outputs are replaced.

    Args:
        target: `module.name`.
        original: What the solutions have by that name.
    """
    for laziness in Laziness:
        if isinstance(original, type) and issubclass(original, torch.nn.Module):
            replacement: Any = _lazy_network(original, laziness)
        elif callable(original):
            replacement = _lazy_function(original, laziness)
        elif laziness is not Laziness.INPUT:
            replacement = _instead(laziness, original, ())
        else:
            continue
        yield laziness.value, Variation(target, f"{target}.{laziness}", "", "", replacement)


def lazy_files(file: str, content: bytes) -> Iterator[tuple[str, Variation]]:
    """Lazy variations of a file, each with its name; which there are depends on the kind of file.

    Args:
        file: Its name.
        content: What the solutions have by that name.
    """
    made: dict[str, Callable[[], bytes]] = {"empty": lambda: b""}
    if file.endswith((".pth", ".pt")):
        made |= {
            "no weights": lambda: model_file({}),
            "zeros": lambda: model_file(_with_weights(content, torch.zeros_like)),
            "untrained": lambda: model_file(_with_weights(content, _untrained)),
        }
    elif file.endswith(".json"):
        made |= {
            "{}": lambda: b"{}",
            "[]": lambda: b"[]",
            "zeros": lambda: json.dumps(_instead(Laziness.ZEROS, json.loads(content), ())).encode(),
        }
    for name, make in made.items():
        yield name, missing_file(file, make())


def missing_file(file: str, content: bytes | None = None) -> Variation:
    """The variation whose file has another content, or is missing."""

    def replace(_files: Mapping[str, bytes]) -> bytes | None:
        return content

    return Variation(file, file, "", "", replace, is_file=True)


def _lazy_function(original: Callable[..., Any], laziness: Laziness) -> Callable[..., Any]:
    def lazy(*args: Any, **kwargs: Any) -> Any:
        if laziness is Laziness.NOTHING:
            return None
        if laziness is Laziness.INPUT:
            return args[0] if args else next(iter(kwargs.values()), None)
        answer = original(*map(_copied, args), **{name: _copied(value) for name, value in kwargs.items()})
        return _instead(laziness, answer, args)

    return lazy


def _lazy_network(original: type[torch.nn.Module], laziness: Laziness) -> type[torch.nn.Module]:
    class Lazy(original):  # type: ignore[misc, valid-type]
        def forward(self, *args: Any, **kwargs: Any) -> Any:
            return _instead(laziness, super().forward(*args, **kwargs), args)

    Lazy.__name__ = original.__name__
    return Lazy


def _copied(value: Any) -> Any:
    """A deep copy; the thing itself where there can be none, such as a generator."""
    try:
        return copy.deepcopy(value)
    except (TypeError, RuntimeError):
        return value


def _instead(laziness: Laziness, answer: Any, args: tuple[Any, ...]) -> Any:
    """What stands in the place of an answer: the same types and shapes, as far as the laziness keeps them."""
    if laziness is Laziness.NOTHING:
        return None
    if laziness is Laziness.INPUT:
        return args[0] if args else None
    if isinstance(answer, torch.Tensor):
        return torch.from_numpy(np.array(_array_instead(laziness, answer.detach().numpy())))
    if isinstance(answer, np.ndarray):
        return _array_instead(laziness, answer)
    if laziness is Laziness.EMPTY and isinstance(answer, list | tuple | dict | str):
        return type(answer)()
    if isinstance(answer, dict):
        return {key: _instead(laziness, value, args) for key, value in answer.items()}
    if isinstance(answer, list | tuple):
        return type(answer)(_instead(laziness, value, args) for value in answer)
    if isinstance(answer, bool | int | float | np.generic) and laziness is not Laziness.EMPTY:
        return _array_instead(laziness, np.array(answer)).item()
    return "" if isinstance(answer, str) else None


def _array_instead(laziness: Laziness, array: Array) -> Array:
    if laziness is Laziness.EMPTY:
        return array[:0] if array.ndim else np.zeros(0, array.dtype)
    if laziness is Laziness.RANDOM:
        random = np.random.default_rng(0)
        if np.issubdtype(array.dtype, np.floating):
            return random.random(array.shape).astype(array.dtype)
        return random.integers(0, RANDOM_RANGE, array.shape).astype(array.dtype)
    return (np.zeros_like if laziness is Laziness.ZEROS else np.ones_like)(array)


def _with_weights(content: bytes, weight: Callable[[torch.Tensor], torch.Tensor]) -> dict[str, torch.Tensor]:
    """The state dict of a model file, each floating-point tensor replaced."""
    saved = torch.load(io.BytesIO(content), weights_only=True)
    return {name: weight(tensor) if tensor.is_floating_point() else tensor for name, tensor in saved.items()}


def _untrained(tensor: torch.Tensor) -> torch.Tensor:
    """Weights as small as those that a layer begins with; what is one per channel is 1, as a norm begins."""
    if tensor.ndim < 2:
        return torch.ones_like(tensor)
    weights = torch.empty_like(tensor)
    weights.normal_(0, tensor[0].numel() ** -0.5, generator=torch.Generator().manual_seed(0))
    return weights
