"""Task 2.1 wants the loss written out: however a student's function comes by torch's own, the call raises."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sample_modules import local

from grader.errors import Failure
from solutions.two_networks.checks.public_supervised import check_loss

F = "torch.nn.functional"
HALF, WHOLE = "supervised.uses_nll_loss", "supervised.uses_cross_entropy"
TORCH_LOSSES = {
    "alias of the module": (WHOLE, "F.cross_entropy(a, b)"),
    "kept at import": (WHOLE, "KEPT(a, b)"),
    "by the namespace": (WHOLE, 'vars(F)["cross" + "_entropy"](a, b)'),
    "by __dict__": (WHOLE, 'F.__dict__["cross_" + "entropy"](a, b)'),
    "by attrgetter": (WHOLE, 'operator.attrgetter("nn.functional.cross" + "_entropy")(torch)(a, b)'),
    "by eval": (WHOLE, 'eval("F.cross" + "_entropy")(a, b)'),
    "module": (WHOLE, "torch.nn.CrossEntropyLoss()(a, b)"),
    "module made at import": (WHOLE, "CRITERION(a, b)"),
    "probabilities as targets": (WHOLE, "F.cross_entropy(a, F.one_hot(b, a.shape[1]).float())"),
    "beneath the library": (WHOLE, "torch._C._nn.cross_entropy_loss(a, b)"),
    "as an operator": (WHOLE, "torch.ops.aten.cross_entropy_loss(a, b)"),
    "in another thread": (WHOLE, "POOL.submit(F.cross_entropy, a, b).result()"),
    "modes switched off": (WHOLE, "without_modes(a, b)"),
    "modes switched off, probabilities": (WHOLE, "without_modes(a, F.one_hot(b, a.shape[1]).float())"),
    "code of the function": (WHOLE, "types.FunctionType(KEPT.__code__, vars(F), 'f', KEPT.__defaults__)(a, b)"),
    "mapped": (WHOLE, "torch.func.vmap(F.cross_entropy)(a, b).mean()"),
    "in a function of its own": (WHOLE, "Own.apply(a, b)"),
    "half of it without modes": (HALF, "without_modes(a.log_softmax(1), b, F.nll_loss)"),
    "half of it": (HALF, "F.nll_loss(F.log_softmax(a, 1), b)"),
    "half of it as a module": (HALF, "torch.nn.NLLLoss()(a.log_softmax(1), b)"),
    "half of it as an operator": (
        HALF,
        "torch.ops.aten.nll_loss_forward.default(a.log_softmax(1), b, None, 1, -100)[0]",
    ),
}
HEAD = f"""
import operator, types
from concurrent.futures import ThreadPoolExecutor
import torch
import {F} as F
KEPT = F.cross_entropy
CRITERION = torch.nn.CrossEntropyLoss()
POOL = ThreadPoolExecutor(1)


def without_modes(a, b, loss=F.cross_entropy):
    with torch._C.DisableTorchFunction():
        return loss(a, b)


class Own(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, b):
        return F.cross_entropy(a, b)
"""


def source(expression: str) -> str:
    """A module whose `cross_entropy` returns the expression."""
    return f"{HEAD}\n\ndef cross_entropy(a, b):\n    return {expression}\n"


@pytest.mark.parametrize(("mistake", "expression"), TORCH_LOSSES.values(), ids=TORCH_LOSSES)
def test_named(tmp_path: Path, mistake: str, expression: str) -> None:
    """Every way to torch's own loss fails and is named."""
    student = local(tmp_path, supervised=source(expression))
    with pytest.raises(Failure, match="calls torch's own loss") as failure:
        check_loss(student, np.random.default_rng(0))
    assert failure.value.mistake == mistake


WRITTEN = {
    "log_softmax": "-F.log_softmax(a, 1)[torch.arange(len(b)), b].mean()",
    "logsumexp": "(a.logsumexp(1) - a.gather(1, b[:, None])[:, 0]).mean()",
    "one-hot": "-(F.one_hot(b, a.shape[1]) * a.log_softmax(1)).sum(1).mean()",
    "module for the logarithm": "-torch.nn.LogSoftmax(dim=1)(a).gather(1, b.view(-1, 1)).mean()",
}


@pytest.mark.parametrize("expression", WRITTEN.values(), ids=WRITTEN)
def test_written_out(tmp_path: Path, expression: str) -> None:
    """The formula passes, whichever of the allowed functions it uses, also in a module that names torch's own."""
    check_loss(local(tmp_path, supervised=source(expression)), np.random.default_rng(0))


def test_fallback(tmp_path: Path) -> None:
    """Training may call torch's own: only task 2.1 forbids it."""
    student = local(tmp_path, supervised=f"{source('a.sum()')}\n\ndef other(a, b):\n    return F.cross_entropy(a, b)\n")
    assert student.supervised.other(torch.zeros(2, 3), torch.tensor([0, 1])) == pytest.approx(np.log(3))
