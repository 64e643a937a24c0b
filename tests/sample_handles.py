"""Networks as the checks hold them, for tests that need no sandbox."""

from __future__ import annotations

from types import ModuleType

from torch import nn

from grader.sandbox.student import Handle, Implementation
from grader.sandbox.transport import LocalTransport


def handle_of(net: nn.Module) -> Handle:
    """A handle of this very network."""
    module = ModuleType("resnet")
    vars(module)["make"] = lambda: net
    who = Implementation(("resnet",), LocalTransport({"resnet": module}, {}))
    held: Handle = who.resnet.make.with_options(keep=True)()
    return held
