"""The small print tells what a grade was made with."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from grader.provenance import run_facts
from grader.rubric import get_assignment

MINIPLACES = get_assignment("miniplaces")


def test_facts() -> None:
    """Data sets, versions, sandbox and the reference models are named."""
    facts = run_facts(MINIPLACES, "bubblewrap", {"checks": 2.0})
    assert (facts.sandbox, facts.seconds) == ("bubblewrap", {"checks": 2.0})
    assert set(facts.datasets) == {"FashionMNIST", "CIFAR-10", "Places365 ResNet-50"}
    assert facts.versions["torch"] == torch.__version__.split("+")[0]
    assert facts.reference["source"]


def test_missing_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A data set that is not on the machine is told as missing, and nothing is downloaded for the small print."""
    monkeypatch.setenv("GRADER_DATA", str(tmp_path))
    monkeypatch.setattr("torchvision.datasets.CIFAR10", lambda *_, **__: pytest.fail("asked the network"))
    assert run_facts(MINIPLACES, "bubblewrap", {}).datasets["CIFAR-10"].startswith("missing: CIFAR-10")
