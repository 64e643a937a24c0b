"""Says in words what a student saved where a network's weights were asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

DEPTH = 2  # what is within what
SHOWN = 4  # entries of a dict, a list or a tuple; more arrays than that are counted
LONGEST = 60  # characters of a name
EXTRA = "_extra_state"  # how the names end of what is in a state dict and need not be a tensor
PLAIN = {"NoneType": "None", "str": "text", "int": "an int", "float": "a float", "bool": "a bool"}
# Weights that are kept in another way, by a part of their names: whose they are, and what to do before saving.
CONVERTED = {
    "_packed_params": "a quantised network: save it as it was before you quantised it",
    "weight_mask": "a pruned network: call torch.nn.utils.prune.remove on its layers, then save it",
    "parametrizations": "a parametrised network: call torch.nn.utils.parametrize.remove_parametrizations, then save it",
    "lora_A": "a network with adapters (LoRA): merge them, then save it",
}


def quoted(name: object) -> str:
    """Return a name as sentences show it."""
    text = name if isinstance(name, str) else repr(name)
    return f"`{text if len(text) <= LONGEST else f'{text[:LONGEST]}…'}`"


def is_state(value: Any) -> bool:
    """Whether something is a state dict: tensors by name."""
    import torch

    return (
        isinstance(value, Mapping)
        and len(value) > 0
        and all(isinstance(name, str) for name in value)
        and all(isinstance(inner, torch.Tensor) or name.endswith(EXTRA) for name, inner in value.items())
    )


def kind_of(value: Any) -> str:
    """Return a word for what was saved in the place of a state dict: "optimizer", "key" or "form"."""
    import torch

    if not isinstance(value, Mapping):
        return "form"
    if "param_groups" in value:
        return "optimizer"
    return "key" if any(is_state(each) or isinstance(each, torch.nn.Module) for each in value.values()) else "form"


def describe(value: Any, depth: int = DEPTH) -> str:
    """Return what something is, as in "a tuple of 2 (a state_dict of 8 tensors, a float)"."""
    import torch

    if isinstance(value, torch.nn.Module):
        return f"a whole module of type {quoted(type(value).__name__)}"
    if isinstance(value, torch.Tensor | np.ndarray):
        return f"a {_kind_of_array(value)} of shape {tuple(value.shape)}"
    if is_state(value):
        return f"a state_dict of {_count(len(value), 'tensor')}"
    if isinstance(value, Mapping):
        named = [(f"{quoted(name)}: ", each) for name, each in value.items()]
        return "an optimizer's state_dict" if kind_of(value) == "optimizer" else f"a dict{_within(named, depth)}"
    if isinstance(value, list | tuple):
        kind = "list" if isinstance(value, list) else "tuple"
        many = len(value) > SHOWN and all(isinstance(each, torch.Tensor) for each in value)
        within = " tensors" if many else _within([("", each) for each in value], depth)
        return f"a {kind} of {len(value):,}{within}"
    name = type(value).__name__
    return PLAIN.get(name, f"an object of type {quoted(name)}")


def _within(named: Sequence[tuple[str, Any]], depth: int) -> str:
    """What is in something, in brackets; nothing where it is empty or too deep within another."""
    import torch

    if not named or not depth:
        return "" if named else " without anything in it"
    arrays = [each for _name, each in named if isinstance(each, torch.Tensor | np.ndarray)]
    counted = [_count(len(arrays), _kind_of_array(arrays[0]))] if len(arrays) > SHOWN else []
    rest = [(name, each) for name, each in named if not counted or not isinstance(each, torch.Tensor | np.ndarray)]
    shown = counted + [f"{name}{describe(each, depth - 1)}" for name, each in rest[: SHOWN - len(counted)]]
    more = len(rest) - (len(shown) - len(counted))
    return f" ({', '.join(shown)}{f' and {more:,} more' if more else ''})"


def _kind_of_array(value: Any) -> str:
    return "numpy array" if isinstance(value, np.ndarray) else "tensor"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def odd_values(state: Mapping[str, Any]) -> str:
    """Return what a state dict's tensors hold in the place of ordinary numbers; empty where they hold these."""
    import torch

    tensors = [each for each in state.values() if isinstance(each, torch.Tensor)]
    if any(each.is_quantized for each in tensors):
        return CONVERTED["_packed_params"]
    if any(each.is_meta for each in tensors):
        return "tensors without numbers, on the device `meta`"
    return "complex numbers" if any(each.is_complex() for each in tensors) else ""


def converted(state: Mapping[str, Any]) -> str:
    """Return what kind of converted network a state dict is of, by its names; empty where it is of none."""
    return next((told for part, told in CONVERTED.items() if any(part in name for name in state)), "")
