"""Reads what `torch.save` or `pickle.dump` wrote, without the GPU that was used and without the script that ran.

It runs beside the student's code, because to unpickle is to run code.
"""

from __future__ import annotations

import functools
import io
import pickle
import sys
from types import ModuleType, SimpleNamespace
from typing import Any, BinaryIO

# How files of torch begin. Before 1.6 it was a pickled number, here without the pickle's protocol; before 0.2 a tar.
ZIP, NUMBER, NUMBER_WITHIN, TAR, TAR_AT = b"PK", bytes.fromhex("6cfc9c46f9206aa85019"), 32, b"ustar", 257
MAIN = ("__main__", "__mp_main__")
# What wraps a network may need a GPU, other processes or a compiler when it is unpickled: none of it runs here.
WRAPPERS = frozenset({"DataParallel", "DistributedDataParallel", "OptimizedModule", "AveragedModel"})
MACHINERY = ("torch._dynamo", "torch._inductor", "torch.distributed", "torch.nn.parallel", "torch.optim.swa_utils")
COMPILERS = "_TorchCompile"  # how the names of such classes in `torch` itself begin


class ClassMissing(Exception):
    """A pickle names a class or a function that is not here.

    Attributes:
        name: Its dotted name.
        reason: Why it was not found.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason


def read_saved(file: BinaryIO, module: ModuleType) -> Any:
    """Return the object that `torch.save` or `pickle.dump` wrote, its tensors on the CPU.

    Args:
        file: At its beginning; can be sought in.
        module: Where a class is looked for that was pickled in a script, in a notebook or in a module that is not here.

    Raises:
        ClassMissing: If the object is of a class that is not here.
        Exception: Whatever a damaged file, or the object's own code, raises.
    """
    import torch

    class Unpickler(pickle.Unpickler):
        def find_class(self, module_name: str, name: str) -> Any:
            if (stand_in := _stand_in(module_name, name)) is not None:
                return stand_in
            try:
                if module_name in MAIN:
                    raise ModuleNotFoundError("it was defined in the script or notebook that saved the file")
                return super().find_class(module_name, name)
            except (ImportError, AttributeError) as error:
                try:
                    return functools.reduce(getattr, name.split("."), module)
                except AttributeError:
                    is_here = module_name in sys.modules and module_name not in MAIN
                    reason = f"`{module_name}` has no `{name}`" if is_here else str(error)
                    raise ClassMissing(f"{module_name}.{name}", reason) from None

    start = file.read(TAR_AT + len(TAR))
    file.seek(0)
    if not (start.startswith(ZIP) or NUMBER in start[:NUMBER_WITHIN] or start.endswith(TAR)):
        return Unpickler(file).load()
    pickles = SimpleNamespace(
        __name__="pickle", Unpickler=Unpickler, load=lambda stream, **options: Unpickler(stream, **options).load()
    )
    return torch.load(file, map_location="cpu", weights_only=False, pickle_module=pickles)


def _stand_in(module_name: str, name: str) -> Any:
    """What is used in the place of a class of torch's that could not be unpickled on this machine."""
    if (module_name, name) == ("torch.storage", "_load_from_bytes"):
        return _storage_on_cpu
    is_machinery = module_name.startswith(MACHINERY) or (module_name == "torch" and name.startswith(COMPILERS))
    if is_machinery and name in WRAPPERS:
        return _wrapper(name)
    return Machinery if is_machinery else None


def _storage_on_cpu(data: bytes) -> Any:
    """The storage of a tensor that `pickle.dump` wrote; torch's own function would ask for the GPU it was on."""
    import torch

    return torch.load(io.BytesIO(data), map_location="cpu", weights_only=False)


class Machinery:
    """Takes the place of what compiles or distributes a network; takes every argument and does nothing."""

    def __new__(cls, *_args: Any, **_named: Any) -> Machinery:
        """Make one of anything."""
        return super().__new__(cls)

    def __init__(self, *_args: Any, **_named: Any) -> None:
        """Keep nothing."""

    def __setstate__(self, _state: Any) -> None:
        """Keep nothing."""

    def __getattr__(self, name: str) -> Any:
        """Have every method that a pickle may name."""
        if name.startswith("__"):
            raise AttributeError(name)
        return Machinery


@functools.cache
def _wrapper(name: str) -> Any:
    """A module of a wrapper's name that only calls the network in it."""
    from torch import nn

    def init(self: Any, network: Any = None, *_args: Any) -> None:
        nn.Module.__init__(self)
        self.module = network

    def forward(self: Any, *args: Any, **named: Any) -> Any:
        return next(self.children())(*args, **named)

    return type(name, (nn.Module,), {"__init__": init, "forward": forward, "is_wrapper": True})


def unwrap(network: Any) -> tuple[Any, tuple[str, ...]]:
    """Return the network in all wrappers, and the wrappers' names from the outside in."""
    names: list[str] = []
    while getattr(network, "is_wrapper", False) is True and (inner := next(network.children(), None)) is not None:
        names.append(type(network).__name__)
        network = inner
    return network, tuple(names)
