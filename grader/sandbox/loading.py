"""Loads what a student saved into a network, or says what was saved and why it is not that network.

A state dict may come out of a wrapper, which adds parts to the names, or hold what an averaged model or a profiler
counts. Both are taken off where the rest then fits exactly, in every name and shape, and in one way only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any

from grader.sandbox.describing import converted, describe, is_state, kind_of, odd_values, quoted
from grader.sandbox.unpickling import unwrap

STATE_KEYS = ("state_dict", "model_state_dict")
# Parts that wrappers of torch's put into names, those of the whole network or of one of its layers.
INSERTED = frozenset({"module", "_orig_mod", "_forward_module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"})
BATCHES = "num_batches_tracked"  # of batch norm, since torch 0.4.1; in evaluation nothing depends on it
COUNTERS = frozenset({"n_averaged", "total_ops", "total_params", BATCHES})  # of averaged models, and of thop
MOST_PREFIXES = 16  # that are tried
SHOWN = 3  # differences

Names = dict[str, str]  # whole names by the same without inserted parts


@dataclass(frozen=True)
class Fit:
    """One way in which a file's names stand for a network's.

    Attributes:
        prefix: What they begin with, inserted parts aside.
        names: The file's name of each of the network's.
        left_out: The file's names of what counts, or is no layer's weight.
        beside: The file's names of other weights, in the network's place or beside it.
    """

    prefix: str
    names: Names
    left_out: tuple[str, ...]
    beside: tuple[str, ...]

    @property
    def taken_off(self) -> tuple[str, ...]:
        """What wrappers have added to the names, each once."""
        return tuple(dict.fromkeys(added for own, name in self.names.items() if (added := _added(name, own))))


def load_into(net: Any, saved: Any) -> dict[str, Any]:
    """Load what was saved.

    Args:
        net: The network that a state dict is meant for; filled in place.
        saved: What the file held.

    Returns:
        `model` (`net`, or the network that was saved whole), `form`, `taken_off` and `left_out` (names); or, where no
        such network is, `problem` (a word), `found` (what was saved, in words) and `differences` (clauses).

    Raises:
        Exception: Whatever the network's own code raises.
    """
    import torch

    if isinstance(saved, torch.nn.Module):
        return _take_whole(net, saved)
    state, form = saved, "state_dict"
    for key in STATE_KEYS:
        if isinstance(state, Mapping) and isinstance(state.get(key), Mapping):
            state, form = state[key], f'{{"{key}": ...}}'
    if not is_state(state):
        return _problem(kind_of(state), describe(saved))
    own = net.state_dict()
    if (odd := odd_values(state)) and not odd_values(own):
        return _problem("converted", odd)
    try:
        net.load_state_dict(state)  # a network's own names come first, whatever they are
        return _loaded(net, form)
    except RuntimeError:
        fits = find_fits(state, own)
    if len(fits) == 1 and not fits[0].beside:
        names = fits[0].names
        net.load_state_dict({name: state[names[name]] if name in names else own[name] for name in own})
        return _loaded(net, form, fits[0].taken_off, fits[0].left_out)
    if told := converted(state):
        return _problem("converted", told)
    if len(fits) > 1:
        return _problem("several", f"{describe(saved)}; networks that fit begin with {_prefixes(fits)}")
    unfit = _at_most_three([f"{quoted(name)} is only in the file" for name in fits[0].beside] if fits else [])
    return _problem("layers", describe(saved), unfit or differences(state, own))


def _take_whole(net: Any, saved: Any) -> dict[str, Any]:
    """The network that was saved whole, out of its wrappers, if it is one of the student's."""
    network, wrappers = unwrap(saved)
    if _is_of_kind(network, net):
        return _loaded(network, "whole model", wrappers)
    return _problem("layers", describe(saved), differences(network.state_dict(), net.state_dict()))


def _is_of_kind(network: Any, net: Any) -> bool:
    """Whether a whole network is what a state dict would be loaded into: of its class, whatever its options, or alike.

    It may stand within another, such as one that normalizes the images first.
    """
    own = type(net)
    if not own.__module__.startswith("torch") and any(isinstance(part, own) for part in network.modules()):
        return True
    fits = find_fits(network.state_dict(), net.state_dict())
    return len(fits) == 1 and not fits[0].beside


def _loaded(net: Any, form: str, taken_off: Sequence[str] = (), left_out: Sequence[str] = ()) -> dict[str, Any]:
    return {"model": net, "form": form, "taken_off": [*taken_off[:SHOWN]], "left_out": [*left_out[:SHOWN]]}


def _problem(problem: str, found: str, differences: Sequence[str] = ()) -> dict[str, Any]:
    return {"problem": problem, "found": found, "differences": [*differences]}


def _prefixes(fits: Sequence[Fit]) -> str:
    return " and ".join(quoted(fit.prefix) if fit.prefix else "no prefix" for fit in fits[:SHOWN])


def find_fits(state: Mapping[str, Any], own: Mapping[str, Any]) -> list[Fit]:
    """Return every place in a file where all of a network stands, in each name and shape.

    Args:
        state: The file's state dict.
        own: The network's.
    """
    found, wanted = _names(state, own)
    anchor = max((name for name in wanted if _last(name) != BATCHES), key=len, default=None)
    if anchor is None:
        return []
    prefixes = {name.removesuffix(anchor) for name in found if name == anchor or name.endswith(f".{anchor}")}
    tried = [_fit_below(prefix, found, wanted, state, own) for prefix in sorted(prefixes, key=len)[:MOST_PREFIXES]]
    return [fit for fit in tried if fit is not None]


def _names(state: Mapping[str, Any], own: Mapping[str, Any]) -> tuple[Names, Names]:
    """The names of the file and of the network without inserted parts; whole where two would become one."""
    found, wanted = ({_bare(name): name for name in names} for names in (state, own))
    if len(found) == len(state) and len(wanted) == len(own):
        return found, wanted
    return {name: name for name in state}, {name: name for name in own}


def _bare(name: str) -> str:
    return ".".join(part for part in name.split(".") if part not in INSERTED)


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _fit_below(
    prefix: str, found: Names, wanted: Names, state: Mapping[str, Any], own: Mapping[str, Any]
) -> Fit | None:
    names: Names = {}
    left_out: dict[str, None] = {}
    beside: list[str] = []
    for bare, whole in found.items():
        name = bare.removeprefix(prefix) if bare.startswith(prefix) else None
        if name in wanted and _have_one_shape(state[whole], own[wanted[name]]):
            names[wanted[name]] = whole
        elif _last(bare) in COUNTERS:
            left_out[_last(bare)] = None
        elif name is None and not _is_weight(state[whole]):
            left_out[whole] = None
        else:
            beside.append(whole)
    if any(name not in names and _last(name) != BATCHES for name in own):
        return None
    return Fit(prefix, names, tuple(left_out), tuple(beside))


def _have_one_shape(theirs: Any, own: Any) -> bool:
    from torch.nn.parameter import is_lazy

    return bool(is_lazy(own) or getattr(theirs, "shape", None) == getattr(own, "shape", None))


def _is_weight(value: Any) -> bool:
    """Whether a layer may compute with it: losses and metrics keep rows of numbers, and counts."""
    return bool(getattr(value, "ndim", 0) > 1 and value.is_floating_point())


def _added(name: str, own: str) -> str:
    """The parts of a name that another lacks."""
    rest, added = own.split("."), []
    for part in reversed(name.split(".")):
        if rest and rest[-1] == part:
            rest.pop()
        else:
            added.append(part)
    return "".join(f"{part}." for part in reversed(added))


def differences(state: Mapping[str, Any], own: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what differs between a file's names and shapes and a network's, at most three clauses and a count."""
    found, wanted = _names(state, own)
    for _ in range(MOST_PREFIXES):
        first = _common_part(found)
        if not first or any(name.startswith(first) for name in wanted):
            break
        found = {name.removeprefix(first): whole for name, whole in found.items()}
    shapes = [
        f"{quoted(name)} has shape {_shape(state[found[name]])} in the file and {_shape(own[whole])} in the network"
        for name, whole in wanted.items()
        if name in found and not _have_one_shape(state[found[name]], own[whole])
    ]
    missing = [name for name in wanted if name not in found and _last(name) != BATCHES]
    unknown = [whole for name, whole in found.items() if name not in wanted and _last(name) not in COUNTERS]
    by_turns = zip_longest(
        (f"{quoted(name)} is missing in the file" for name in missing),
        (f"{quoted(name)} is only in the file" for name in unknown),
    )
    return _at_most_three([*shapes, *filter(None, chain.from_iterable(by_turns))])


def _at_most_three(told: Sequence[str]) -> tuple[str, ...]:
    return (*told[:SHOWN], *([f"and {len(told) - SHOWN:,} more"] if len(told) > SHOWN else []))


def _common_part(names: Iterable[str]) -> str:
    """The first part, with its dot, where all names have the same and another behind it."""
    firsts = {name.partition(".")[0] for name in names if "." in name} | {"" for name in names if "." not in name}
    return f"{first}." if len(firsts) == 1 and (first := firsts.pop()) else ""


def _shape(value: Any) -> str:
    return str(tuple(getattr(value, "shape", ())))
