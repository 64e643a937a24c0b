"""The cross-entropy: what is right, whether a student's is, and a right one to lend where it is not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from grader.author import (
    CheckStopped,
    Failure,
    Handle,
    Implementation,
    StudentRaised,
    describe_call,
    expect,
    expect_close,
    make,
    number,
    numbers,
)
from grader.sandbox.protocol import Header
from solutions.two_networks.checks.attributes import attribute
from solutions.two_networks.checks.truths import right_gradient, right_losses

ALLOWED = 1e-4  # of the largest number
#: torch's functions that hold the formula that task 2.1 asks for, whoever calls them (its modules and `torch.ops` do).
WRITTEN_OUT = (
    *("cross_entropy", "cross_entropy_loss", "linear_cross_entropy"),
    *("nll_loss", "nll_loss_nd", "nll_loss2d", "nll_loss_forward", "nll_loss2d_forward"),
)
PROBE_S = 10.0  # one that takes longer for six images counts as wrong


class Trial:
    """One call of a student's `cross_entropy` whose result can be differentiated.

    Args:
        who: Whose.
        logits: (N, K), float32.
        targets: (N,), int64.
        recorded: Whether a known mistake is looked for in what it answers.
        forbid: Names of functions of torch that it may not call.
        timeout_s: Deadline of a call; None takes the usual one.
    """

    def __init__(
        self,
        who: Implementation,
        logits: Tensor,
        targets: Tensor,
        *,
        recorded: bool = True,
        forbid: Sequence[str] = (),
        timeout_s: float | None = None,
    ) -> None:
        self.who, self.recorded, self.timeout_s = who, recorded, timeout_s
        self.leaf = who.make(make("torch.Tensor.requires_grad_", logits))
        self.given = who.make(make("torch.mul", self.leaf, 1.0))  # what is no leaf may be changed in place
        target = {"module": "supervised", "name": "cross_entropy"}
        call: Header = {"op": "call", "target": target, "args": (self.given, targets), "kwargs": {}}
        call |= {"keep": True, "forbid": list(forbid)}
        self.loss: Handle = self._ask(call, describe_call("supervised.cross_entropy", (logits, targets), {}))

    def value(self) -> float:
        """The loss; raises Failure if it is no finite number."""
        return number(self._ask({"op": "make", "recipe": self.loss}, "the loss"))

    def gradient(self) -> NDArray[np.float64]:
        """Of the loss by logit, (N, K).

        Raises:
            Failure: If there is none.
            StudentRaised: If computing it raises.
        """
        try:
            has_one = self._ask(
                {"op": "read", "target": {"object": self.loss.id, "name": "requires_grad"}}, "loss.requires_grad"
            )
        except StudentRaised:  # a float or an array
            has_one = False
        if has_one is True:
            target = {"object": self.loss.id, "name": "backward"}
            self._ask({"op": "call", "target": target, "args": (), "kwargs": {}}, "loss.backward")
        found = self._ask({"op": "read", "target": {"object": self.leaf.id, "name": "grad"}}, "logits.grad")
        expect(
            found is not None,
            "No gradient flows from the loss to the logits: nothing can be trained with it.",
            expected="a tensor that requires grad",
            got=f"an object of type {self.loss.kind}",
            mistake="supervised.loss_without_gradient",
        )
        gradient: NDArray[np.float64] = numbers(found).astype(np.float64)
        return gradient

    def _ask(self, request: dict[str, Any], called: str) -> Any:
        return self.who.ask(request, called, timeout_s=self.timeout_s, recorded=self.recorded)


@contextmanager
def writing_it_out() -> Iterator[None]:
    """Tell a student's `cross_entropy` that calls one of `WRITTEN_OUT` what the task asks for.

    Raises:
        Failure: If it does.
    """
    try:
        yield
    except StudentRaised as raised:
        if "ForbiddenCall" not in raised.message:  # TorchScript raises exceptions of its own, which quote it
            raise
        is_half = "ForbiddenCall: nll_loss" in raised.message
        called = "F.nll_loss or nn.NLLLoss" if is_half else "F.cross_entropy or nn.CrossEntropyLoss"
        raise Failure(
            f"cross_entropy calls torch's own loss ({called}).",
            called=raised.called,
            expected="the formula written out, with log_softmax or logsumexp if you like",
            got=called,
            mistake="supervised.uses_nll_loss" if is_half else "supervised.uses_cross_entropy",
        ) from raised


def has_right_loss(who: Implementation) -> bool:
    """Whether a student's `cross_entropy` and its gradient are right for ordinary logits."""
    generator = torch.Generator().manual_seed(21)
    logits = 2 * torch.randn(6, 10, generator=generator)
    targets = torch.randint(10, (6,), generator=generator)
    try:
        trial = Trial(who, logits, targets, recorded=False, timeout_s=PROBE_S)
        expect_close(np.array(trial.value()), np.array(right_losses(logits, targets).mean()), within=10 * ALLOWED)
        expect_close(trial.gradient(), right_gradient(logits, targets), within=10 * ALLOWED)
    except CheckStopped:
        return False
    return True


def lend_loss(who: Implementation) -> None:
    """Put torch's own cross-entropy in the place of a student's that is wrong: task 2.2 must not cost what 2.1 did.

    Raises:
        CheckStopped: If the module can't be imported.
    """
    if not has_right_loss(who):
        request = {"op": "read", "target": {"module": "supervised", "name": "__dict__"}, "keep": True}
        names: Handle = who.ask(request, "supervised", recorded=False)
        right = attribute("torch.nn.functional", "cross_entropy")
        call = {"op": "call", "target": {"object": names.id, "name": "update"}, "args": ()}
        who.ask(call | {"kwargs": {"cross_entropy": right}}, "supervised", recorded=False)
