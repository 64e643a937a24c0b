"""Takes functions of torch away from an implementation while one of its functions runs."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

_KERNELS = ("CompositeImplicitAutograd", "CompositeExplicitAutograd", "CPU")  # where torch keeps what it runs here


class ForbiddenCall(Exception):
    """The implementation called a function of torch that the task asks to write out; the text is its name."""


@contextmanager
def without(names: Collection[str]) -> Iterator[None]:
    """Let torch's functions of these names raise ForbiddenCall meanwhile, however the caller came by them.

    torch tells a mode of every call on tensors: an alias, `getattr` or a reference that was kept makes no difference.
    Compiled code, other threads, and code that switches modes off meet operators whose kernels are replaced.
    """
    if not names:
        yield
        return
    import torch
    from torch.overrides import TorchFunctionMode

    class Without(TorchFunctionMode):
        def __torch_function__(self, function: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
            name = getattr(function, "__name__", "").partition(".")[0]  # without the overload, as in "nll_loss.default"
            if name in names:
                raise ForbiddenCall(name)
            return function(*args, **(kwargs or {}))

    operators = torch.library.Library("aten", "IMPL")  # type: ignore[no-untyped-call]
    try:
        for name in names:
            for key in _KERNELS:
                if _has_kernel(f"aten::{name}", key):
                    operators.impl(name, functools.partial(_refuse, name), key)  # type: ignore[no-untyped-call]
        with Without():
            yield
    finally:
        operators._destroy()  # type: ignore[no-untyped-call]


def _has_kernel(operator: str, key: str) -> bool:
    """Whether torch has an operator of this name, with a kernel of its own for this key of its dispatcher."""
    import torch

    try:
        return bool(torch._C._dispatch_has_kernel_for_dispatch_key(operator, key))
    except RuntimeError:  # no such operator
        return False


def _refuse(name: str, *_args: Any, **_kwargs: Any) -> None:
    raise ForbiddenCall(name)
