"""What a function uses is read from the sources, through aliases, helpers and other modules, and nothing else."""

from __future__ import annotations

import pytest

from grader.checks.two_networks import sources
from grader.checks.two_networks.sources import Sources, read_uses
from grader.errors import Failure
from grader.limited import Bounds

F = "torch.nn.functional"


def used(**modules: str) -> set[str]:
    """What `supervised.cross_entropy` of these modules uses of torch's losses."""
    files = {f"{name}.py": text.encode() for name, text in modules.items()}
    names = Sources(files).uses("supervised", "cross_entropy")
    return {name for name in names if name.startswith("torch.") and ("ntropy" in name or "loss" in name.lower())}


USES = {
    "alias of the module": "import torch.nn.functional as F\ndef cross_entropy(a, b): return F.cross_entropy(a, b)",
    "whole name": "import torch\ndef cross_entropy(a, b): return torch.nn.functional.cross_entropy(a, b)",
    "import inside": "def cross_entropy(a, b):\n import torch.nn.functional as G\n return G.cross_entropy(a, b)",
    "name imported as another": f"from {F} import cross_entropy as ce\ndef cross_entropy(a, b): return ce(a, b)",
    "the import itself": f"from {F} import cross_entropy",
    "another name for it": "import torch\nF = torch.nn.functional\ncross_entropy = F.cross_entropy",
    "an alias inside": "import torch\ndef cross_entropy(a, b):\n G = torch.nn.functional\n"
    " return G.cross_entropy(a, b)",
    "getattr": "import torch.nn.functional as F\ndef cross_entropy(a, b): return getattr(F, 'cross_entropy')(a, b)",
    "a helper": "import torch.nn.functional as F\ndef h(a, b): return F.cross_entropy(a, b)\n"
    "def cross_entropy(a, b): return h(a, b)",
    "a class": "import torch.nn.functional as F\nclass Loss:\n def __call__(self, a, b): return F.cross_entropy(a, b)\n"
    "cross_entropy = Loss()",
    "inside if": f"if True:\n from {F} import cross_entropy as ce\n def cross_entropy(a, b): return ce(a, b)",
    "star": f"from {F} import *\ndef loss(a, b): return cross_entropy(a, b)",
}  # fmt: skip


@pytest.mark.parametrize("source", USES.values(), ids=USES)
def test_used(source: str) -> None:
    """However torch's cross-entropy is named, it is found."""
    assert used(supervised=source) == {f"{F}.cross_entropy"}


def test_value_at_the_top() -> None:
    """A value that the function refers to counts with what it was made of."""
    source = "from torch import nn\ncriterion = nn.CrossEntropyLoss()\ndef cross_entropy(a, b): return criterion(a, b)"
    assert used(supervised=source) == {"torch.nn.CrossEntropyLoss"}


def test_other_modules() -> None:
    """The student's other modules are followed, through both kinds of import."""
    losses = "import torch.nn as nn\nclass ce(nn.NLLLoss): pass"
    for source in (
        "from losses import ce\ndef cross_entropy(a, b): return ce()(a, b)",
        "import losses\ndef cross_entropy(a, b): return losses.ce()(a, b)",
        "from losses import *\ndef cross_entropy(a, b): return ce()(a, b)",
    ):
        assert used(supervised=source, losses=losses) == {"torch.nn.NLLLoss"}


UNUSED = {
    "comments": "import torch.nn.functional as F\ndef cross_entropy(a, b):\n 'F.cross_entropy'\n"
    " # F.nll_loss\n return a",
    "other functions": "import torch.nn.functional as F\ndef cross_entropy(a, b): return a\n"
    "def train_epoch(a, b): return F.cross_entropy(a, b)",
    "a method of that name": "def cross_entropy(a, b): return a.cross_entropy(b)",
    "a local name": f"from {F} import *\ndef cross_entropy(a, b):\n nll_loss = a\n return nll_loss",
    "an argument": f"from {F} import nll_loss\ndef cross_entropy(a, b, nll_loss=None): return nll_loss",
    "recursion": "def cross_entropy(a, b): return cross_entropy(a, b)",
    "aliases in a circle": "def cross_entropy(a, b): return x.f\nx = y.g\ny = x.h",
    "nothing": "",
    "no Python": "def cross_entropy(",
    "no text": "\0",
}  # fmt: skip


@pytest.mark.parametrize("source", UNUSED.values(), ids=UNUSED)
def test_not_used(source: str) -> None:
    """Mentions, other functions and other things of that name don't count, and what can't be parsed uses nothing."""
    assert used(supervised=source) == set()
    assert used() == set()


def numbered(name: str, count: int) -> str:
    """`name0, name1, ...`."""
    return ", ".join(f"{name}{i}" for i in range(count))


HOSTILE = {
    "fields of one text": 'x = f"' + "{a}" * 87_000 + '"',
    "names of one statement": f"{numbered('a', 16_000)} = 1\ndef cross_entropy(a, b): return {numbered('a', 16_000)}",
    "stars": "\n".join(f"from m{i} import *" for i in range(6000))
    + f"\ndef cross_entropy(a, b): return {numbered('b', 10_000)}",
    "a chain": "def cross_entropy(a, b): return a" + ".b" * 2000,
}  # fmt: skip


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE)
def test_hostile(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module of allowed size that would keep its reader busy for hours is a failure, and no more than that."""
    assert len(source) <= 256 << 10
    monkeypatch.setattr(sources, "BOUNDS", Bounds(cpu_s=2, wall_s=120, memory_mib=512, file_mib=1))
    with pytest.raises(Failure, match="could not be read from your sources: ") as caught:
        read_uses({"supervised.py": source.encode()}, "supervised", "cross_entropy")
    assert len(caught.value.message) < 200


@pytest.mark.parametrize("source", ["(" * 262_144, "-" * 262_143 + "1", "[" + "1," * 131_000 + "]", "\0", "\ud800"])
def test_odd_sources(source: str) -> None:
    """What can't be parsed, and what is only long, uses nothing."""
    assert read_uses({"supervised.py": source.encode("utf-8", "surrogatepass")}, "supervised", "cross_entropy") == set()


def test_process_reads_the_same() -> None:
    """The process that reads finds what is found here, and is given nothing but modules."""
    files = {"supervised.py": USES["a helper"].encode(), "model.pth": b"x"}
    assert read_uses(files, "supervised", "cross_entropy") == Sources(files).uses("supervised", "cross_entropy")
