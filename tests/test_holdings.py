"""The questions behind what is worth a look: how images are altered, how large files and networks may be."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import sample_looks as sample
import torch
from torch import Tensor, nn

from grader.checks.altered import FEWEST, IMAGES, Asked, alter, compare_altered, shift
from grader.checks.holdings import MOST_OTHER, MOST_SOURCE, compare_size, look_into, note_files
from grader.checks.looks import Looks
from grader.errors import MachineError
from grader.records import WorthALook
from grader.sandbox.student import Implementation
from grader.sandbox.transport import LocalTransport


def images(count: int = 40, channels: int = 3) -> Tensor:
    """Random images that hold black and white."""
    generator = torch.Generator().manual_seed(count)
    pixels = torch.randint(-60, 320, (count, channels, 20, 24), generator=generator)
    return pixels.clamp(0, 255).to(torch.uint8)


@pytest.mark.parametrize("spare_black", [True, False])
def test_altered_a_little(spare_black: bool) -> None:
    """Every image is changed, hardly to be seen, and black is spared where that is asked for."""
    before = images()
    after = alter(before, np.random.default_rng(1), spare_black=spare_black)
    assert after.dtype is torch.uint8
    assert all(not torch.equal(one, other) for one, other in zip(before, after, strict=True))
    assert (after.int() - before.int()).abs().max() <= 0.08 * 255 + 5 * 2
    assert torch.equal(before == 0, after == 0) is spare_black


def test_shifted_by_a_pixel() -> None:
    """Each image is moved by one pixel, in every direction there is, and none stays in place."""
    before = images(80)
    after = shift(before, np.random.default_rng(1))
    assert after.shape == before.shape
    found = set()
    for one, other in zip(before, after, strict=True):
        moves = [
            (dy, dx)
            for dy in (-1, 0, 1)
            for dx in (-1, 0, 1)
            if torch.equal(one.roll((dy, dx), (1, 2))[:, 1:-1, 1:-1], other[:, 1:-1, 1:-1])
        ]
        assert len(moves) == 1
        found.add(moves[0])
    assert found == {(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} - {(0, 0)}


LEVELS = 15 * 1.35 ** np.arange(10)  # of grey, a class each: further apart than any is altered


def named(some: Tensor) -> Any:
    """The class of each image by its brightness."""
    brightness = some.float().mean(dim=(1, 2, 3)).numpy()[:, None]
    return np.abs(np.log(brightness / LEVELS)).argmin(axis=1)


def asked_of(net: nn.Module, file: bytes = b"", *, count: int = 1000, seconds: float = 0.0) -> tuple[Asked, list[int]]:
    """What a check asked of this very network, held in this process; and how many images it is asked about later."""
    module = ModuleType("fashion")
    vars(module)["make"] = lambda: net
    files = {"model.pth": file}
    who = Implementation(("fashion",), LocalTransport({"fashion": module}, files), files)
    held = who.fashion.make.with_options(keep=True)()
    labels = np.arange(count) % 10
    batches: list[int] = []

    def answer(some: Tensor) -> Any:
        batches.append(len(some))
        return np.eye(10)[named(some)]

    pixels = torch.from_numpy(LEVELS[labels]).to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 8, 8)
    return Asked(who, "model.pth", held, pixels, labels, np.eye(10)[labels], answer, seconds), batches


@pytest.mark.parametrize(("seconds", "asked"), [(0.0, IMAGES), (100.0, IMAGES), (250.0, 200), (1e6, FEWEST)])
def test_slow_networks_are_asked_less(seconds: float, asked: int) -> None:
    """What the questions take is never more than a sixth of 100 seconds, but for a few that are always asked."""
    question, batches = asked_of(nn.Linear(1, 1), seconds=seconds)
    looks, _ = sample.collector()
    compare_altered(looks, question, np.random.default_rng(1))
    assert batches == [3 * asked]


def test_huge_logits_are_compared() -> None:
    """Logits as large as numbers get are compared without a fault."""
    question, _ = asked_of(nn.Linear(1, 1))
    largest = np.finfo(np.float64).max
    signs = np.where(np.eye(10) > 0, largest, -largest)
    for sign, remarks in ((1, set()), (-1, {"answers_vary", "altered_images"})):

        def answer(some: Tensor, sign: int = sign) -> Any:
            return sign * signs[named(some)]

        vast = replace(question, logits=signs[question.labels], answer=answer)
        looks, found = sample.collector()
        compare_altered(looks, vast, np.random.default_rng(1))
        assert sample.kinds(found) == remarks


def remarks_on_size(net: nn.Module, file: bytes, count: int = 1000) -> list[WorthALook]:
    """The remarks on a network's size."""
    looks, found = sample.collector()
    question, _ = asked_of(net, file, count=count)
    looks.ask(lambda: compare_size(looks, question))
    return found


def checkpoint(net: nn.Module) -> dict[str, Any]:
    """What a training script saves after a step of Adam: weights, their mean, and what the optimizer keeps."""
    optimizer = torch.optim.AdamW(net.parameters())
    sum(parameter.sum() for parameter in net.parameters()).backward()  # type: ignore[union-attr]
    optimizer.step()
    return {"state_dict": net.state_dict(), "mean": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 7}


@pytest.mark.parametrize("width", [3, 300])
def test_checkpoints_are_no_tables(width: int) -> None:
    """A checkpoint with an optimizer's state and a second copy of the weights is not remarked on."""
    net = nn.Sequential(nn.Linear(784, width), nn.BatchNorm1d(width), nn.Linear(width, 10))
    assert remarks_on_size(net, sample.saved(checkpoint(net))) == []
    assert remarks_on_size(net.half(), sample.saved(net.state_dict())) == []


def test_more_in_the_file() -> None:
    """A file with as much beside the weights as the test images take is remarked on."""
    net = nn.Linear(784, 10)
    more = {"state_dict": net.state_dict(), "images": torch.zeros(1000, 784, dtype=torch.uint8)}
    (look,) = remarks_on_size(net, sample.saved(more))
    assert look.name == "large_model_file"
    assert look.numbers["parameter_bytes"] == 4 * 7850
    assert "7,850 parameters of 31,400 bytes" in look.sentence


def test_more_parameters_than_pixels() -> None:
    """A network with more parameters than the test images have pixels, and than a ResNet-50 has, is remarked on."""
    wide = nn.Linear(5121, 5001, bias=False, dtype=torch.float16)  # 25.61 million
    assert sample.kinds(remarks_on_size(wide, b"")) == {"many_parameters"}
    assert remarks_on_size(nn.Linear(5119, 5000, bias=False, dtype=torch.float16), b"") == []


class Lying(nn.Module):
    """A network that tells what it likes about itself."""

    def __init__(self, told: Any, state: Any = None) -> None:
        super().__init__()
        self.told, self.state = told, state

    def parameters(self, recurse: bool = True) -> Any:
        """Anything."""
        return self.told

    def state_dict(self, *_args: Any, **_options: Any) -> Any:
        """Anything."""
        return self.state


LIES = {
    "nothing": (None, None),
    "no tensors": ([1, 2], {}),
    "no parameters": ([], {}),
    "no state": ([torch.zeros(3)], 3),
    "odd state": ([torch.zeros(3)], {"\x1b[2J": torch.zeros(1000, dtype=torch.int64)}),
    "not finite": ([torch.full((3,), torch.nan)], {"a": torch.full((1000, 2), torch.inf)}),
}


@pytest.mark.parametrize(("told", "state"), LIES.values(), ids=LIES)
def test_lies_about_size(told: Any, state: Any) -> None:
    """Whatever a network says of its size ends in a remark, never in an error."""
    found = remarks_on_size(Lying(told, state), b"")
    assert sample.kinds(found) <= {"no_answer", "table_in_network"}
    assert found


@pytest.mark.parametrize(("count", "each"), [(-1e308, 1e10), (1e308, 1e10), (3, 0), (-1, 4)])
def test_impossible_sizes(monkeypatch: pytest.MonkeyPatch, count: float, each: float) -> None:
    """A process that answers with impossible numbers gets a remark that can be written down."""
    vector = type("Vector", (), {"numel": lambda _self: count, "element_size": lambda _self: each})
    monkeypatch.setattr("torch.nn.utils.parameters_to_vector", lambda _parameters: vector())
    assert sample.kinds(remarks_on_size(nn.Linear(2, 2), b"")) == {"no_answer"}


def test_nothing_is_asked_of_variations() -> None:
    """Where many implementations of ours are tried, no question is put."""
    found: list[WorthALook] = []
    Looks("4c", found, is_asking=False).ask(lambda: found.append(WorthALook(task="", name="", sentence="")))
    assert found == []


def test_a_missing_machine_is_no_remark() -> None:
    """What is missing on this machine stays an error of the machine's."""
    looks, found = sample.collector()

    def question() -> None:
        raise MachineError("the disk is full")

    with pytest.raises(MachineError):
        looks.ask(question)
    assert found == []


@pytest.mark.parametrize(("files", "named"), [
    ({"answers.md": 1000, "my_scene.jpg": 9 << 20, "a.ipynb": 9 << 20, "model.pth": 9 << 20, "a.png": MOST_OTHER}, ""),
    ({"data/t10k-images-idx3-ubyte": 7_840_016, "fashion.py": 9000}, "data/t10k-images-idx3-ubyte (7,840,016 bytes)"),
    ({"table.py": MOST_SOURCE + 1, "cam.py": MOST_SOURCE}, "table.py (100,001 bytes)"),
    ({f"{n}.bin": (2 << 20) + n for n in range(5)}, "4.bin (2,097,156 bytes), 3.bin (2,097,155 bytes), 2.bin"),
    ({f"{n}.bin": (2 << 20) + n for n in range(5)}, "2.bin (2,097,154 bytes) and 2 more."),
    ({"\x1b[2J\u202e.bin": 2 << 20}, "\\u{1b}[2J\\u{202e}.bin"),
    ({"answers.md": 2 << 20}, "answers.md"),
])  # fmt: skip
def test_large_files(files: dict[str, int], named: str) -> None:
    """Large files that nobody asked for are named, the largest first; notebooks, the scene and the model are not."""
    looks, found = sample.collector()
    held = {name: bytes(size) for name, size in files.items()}
    note_files(looks, Implementation((), LocalTransport({}, held), held), "model.pth")
    assert (named in found[0].sentence) if named else found == []


def test_too_good() -> None:
    """An accuracy that nobody reaches is remarked on, one just below is not."""
    for best, remarks in ((0.99, {"too_good"}), (1.0, set())):
        looks, found = sample.collector()
        question, _ = asked_of(nn.Linear(1, 1), sample.saved({}))
        look_into(looks, question, np.random.default_rng(1), best)
        assert sample.kinds(found) == remarks
