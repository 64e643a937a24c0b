"""The questions behind what is worth a look: how images are altered, how large files and networks may be."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import sample_looks as sample
import torch
from torch import Tensor, nn

from grader.checking.integrity_flags import IntegrityFlags
from grader.errors import MachineError
from grader.records import WorthALook
from grader.sandbox.student import Implementation
from grader.sandbox.transport import LocalTransport
from grader.vision.artifact_size import MOST_OTHER, MOST_SOURCE, compare_size, look_into, note_files
from grader.vision.lookup_tables import count_literals, tables_in_file
from grader.vision.memorization import (
    FEWEST,
    IMAGES,
    AskedAgain,
    alter,
    alter_faintly,
    ask_network,
    compare_altered,
    lost_share,
    shift,
)
from grader.vision.training_images import compare_with_training


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


def asked_of(
    net: nn.Module, file: bytes = b"", *, count: int = 1000, seconds: float = 0.0
) -> tuple[AskedAgain, list[int]]:
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
    return AskedAgain(who, "model.pth", held, pixels, labels, np.eye(10)[labels], answer, seconds), batches


@pytest.mark.parametrize(
    ("seconds", "asked"), [(0.0, IMAGES), (100.0, IMAGES), (150.0, 250), (250.0, 120), (1e6, FEWEST)]
)
def test_slow_networks_are_asked_less(seconds: float, asked: int) -> None:
    """What the questions take is never more than a seventh of 100 seconds, but for a few that are always asked."""
    question, batches = asked_of(nn.Linear(1, 1), seconds=seconds)
    looks, _ = sample.collector()
    compare_altered(looks, question, np.random.default_rng(1), 0.5)
    assert batches == [3 * asked]


@pytest.mark.parametrize(("seconds", "asked"), [(0.0, 2000), (50.0, 2000), (80.0, 1000), (1e6, FEWEST)])
def test_slow_networks_are_asked_about_fewer_training_images(seconds: float, asked: int) -> None:
    """Training images are asked about in the same batch, never for more than a fifth of 50 seconds, but for a few."""
    question, batches = asked_of(nn.Linear(1, 1), count=4000, seconds=seconds)
    looks, found = sample.collector()
    training = question.images[:2000], question.labels[:2000]
    compare_altered(looks, question, np.random.default_rng(1), 0.5, training)
    assert batches[0] - asked in {3 * IMAGES, 3 * FEWEST}
    assert found == []


@pytest.mark.parametrize(
    ("on_test", "on_training", "count", "is_told"),
    [
        (0.91, 0.90, 2000, False),
        (0.91, 0.885, 2000, False),  # 2.5 points, for certain
        (0.91, 0.87, 2000, True),
        (0.62, 0.585, 2000, False),  # 3.5 points, by chance
        (0.62, 0.57, 2000, True),
        (0.62, 0.54, 100, False),
        (0.72, 1.0, 2000, False),
        (1.0, 1.0, 2000, False),
        (1.0, 0.1, 100, True),
    ],
)
def test_worse_on_training_images(on_test: float, on_training: float, count: int, is_told: bool) -> None:
    """A network is told where it is worse on training images by more than three points and more than chance."""
    looks, found = sample.collector()
    compare_with_training(looks, on_test, 10_000, on_training, count)
    assert sample.kinds(found) == ({"worse_on_training"} if is_told else set())


def test_seconds_are_the_submissions() -> None:
    """How long a network takes is what its answers were charged, not what the clock says meanwhile."""
    net = asked_of(nn.Linear(1, 1))[0].net
    images, labels = torch.full((20, 1, 8, 8), 100, dtype=torch.uint8), np.arange(20) % 10

    def answer(some: Tensor) -> Any:
        time.sleep(0.2)
        net.owner.charged_s += 7
        return np.eye(10)[named(some)]

    assert ask_network(net.owner, "model.pth", net, images, labels, answer).seconds == 7


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
        compare_altered(looks, vast, np.random.default_rng(1), 0.5)
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
    IntegrityFlags("4c", found, is_asking=False).ask(lambda: found.append(WorthALook(task="", name="", sentence="")))
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
        look_into(looks, question, np.random.default_rng(1), 0.5, best)
        assert sample.kinds(found) == remarks


def test_faintly_altered() -> None:
    """Every image is changed by a few grey levels, and so is which pixels are black."""
    before = images(20)
    after = alter_faintly(before, np.random.default_rng(1))
    assert (after.int() - before.int()).abs().max() <= 0.02 * 255 + 3 * 4 + 5
    assert not torch.equal(before == 0, after == 0)


def by_heart(known: int, key: Callable[[Any], bytes], count: int = 10_000) -> AskedAgain:
    """What a network answers that is wrong on 1,200 of the test images, but for as many as it knows by their key."""
    rng = np.random.default_rng(3)
    labels = np.arange(count) % 10
    pixels = rng.integers(0, 256, (count, 1, 16, 16)) * (rng.random((count, 1, 16, 16)) < 0.5)
    pixels[:, 0, :2] = (10 + 20 * labels)[:, None, None]  # what an honest network sees
    pixels[:1200, 0, :2] = (10 + 20 * ((labels[:1200] + 1) % 10))[:, None, None]
    table = {key(image): label for image, label in zip(pixels[:known].astype(np.uint8), labels, strict=False)}

    def answer(some: Tensor) -> Any:
        seen = np.clip(np.rint((some[:, 0, :2].float().mean(dim=(1, 2)).numpy() - 10) / 20), 0, 9).astype(int)
        return np.eye(10)[[table.get(key(image), each) for image, each in zip(some.numpy(), seen, strict=True)]]

    shown = torch.from_numpy(pixels.astype(np.uint8))
    question, _ = asked_of(nn.Linear(1, 1), sample.saved({}), count=count)
    return replace(question, images=shown, labels=labels, logits=answer(shown), answer=answer)


@pytest.mark.parametrize("key", [lambda image: image.tobytes(), lambda image: (image > 0).tobytes()])
@pytest.mark.parametrize(("known", "threshold", "is_told"), [(295, 0.9, True), (250, 0.9, True), (0, 0.8795, False)])
def test_labels_by_heart(key: Callable[[Any], bytes], known: int, threshold: float, is_told: bool) -> None:
    """An 88% network and some test labels by heart is told with what it loses; an honest one is not."""
    looks, found = sample.collector()
    compare_altered(looks, by_heart(known, key), np.random.default_rng(1), threshold)
    assert ("lost_margin" in sample.kinds(found)) is is_told
    if is_told:
        (look,) = (each for each in found if each.name == "lost_margin")
        assert look.numbers["lost"] == pytest.approx(known / 10_000, abs=0.003)
        assert look.numbers["margin"] == pytest.approx((known - 200) / 10_000)


def test_order_by_heart() -> None:
    """A network that knows answers by their place in the order loses them in another order."""
    question = by_heart(0, lambda image: image.tobytes())
    first = question.logits.copy()
    first[:295] = np.eye(10)[question.labels[:295]]
    looks, found = sample.collector()
    compare_altered(looks, replace(question, logits=first), np.random.default_rng(1), 0.9)
    assert "lost_margin" in sample.kinds(found)


@pytest.mark.parametrize(("worse", "better", "is_more"), [(30, 25, False), (60, 20, False), (120, 20, True)])
def test_what_is_certainly_lost(worse: int, better: int, is_more: bool) -> None:
    """A few answers more or less are chance; what is lost beyond it is told with what it is at least."""
    before, after = np.ones(10_000, bool), np.ones(10_000, bool)
    after[:worse], before[-better:] = False, False
    lost, least = lost_share(before, after)
    assert lost == (worse - better) / 10_000
    assert (least > 0.001) is is_more


RNG = np.random.default_rng(5)
SHOWN = torch.from_numpy(np.clip(RNG.normal(0, 8, (300, 1, 28, 28)).cumsum(2).cumsum(3) + 128, 0, 255).astype(np.uint8))
FLAT = SHOWN.flatten(1).float()
LABELS = torch.from_numpy(RNG.integers(0, 10, 295))


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ({"known": LABELS}, "int64 numbers of shape (295,) that look like labels"),
        ({"known": LABELS.to(torch.uint8).view(5, 59)}, "look like labels"),
        ({"known": nn.Parameter(LABELS.float())}, "look like labels"),
        ({"known": torch.eye(10)[LABELS]}, "look like labels, a 1 in each row"),
        ({"keys": torch.from_numpy(RNG.integers(0, 2**62, 295))}, "look like digests of images"),
        ({"fc.weight": FLAT[:40] / 127.5 - 1}, "40 of the test images, pixel by pixel"),
        ({"fc.weight": (FLAT[:40].T * 0.01).contiguous()}, "40 of the test images, pixel by pixel"),
        ({"conv.weight": SHOWN[:40].half()}, "40 of the test images, pixel by pixel"),
        ({"held": SHOWN[:40].clone()}, "look like pixels"),
        ({"order": torch.arange(400), "count": torch.tensor(3), "mask": torch.ones(20, 20).tril()}, ""),
        ({"prototypes": FLAT[:19] / 255}, ""),
        (nn.Linear(784, 300).state_dict(), ""),
        (checkpoint(nn.Sequential(nn.Linear(784, 50), nn.BatchNorm1d(50), nn.Linear(50, 10))), ""),
        (nn.Embedding(200, 10, _weight=torch.zeros(200, 10)).state_dict(), ""),
    ],
)
def test_tables_in_a_model_file(content: Any, what: str) -> None:
    """Labels, digests and test images in a model file are told by structure, whatever holds them; weights are none."""
    for is_zip in (True, False):
        buffer = io.BytesIO()
        torch.save({"state_dict": content, "epoch": 3}, buffer, _use_new_zipfile_serialization=is_zip)
        found = " ".join(tables_in_file(buffer.getvalue(), SHOWN, 10))
        assert (what in found) if what else not found


NUMBERS = [str(number) for number in LABELS.tolist()]
DIGESTS = [f"{number:016x}" for number in RNG.integers(2**60, 2**62, 295).tolist()]


@pytest.mark.parametrize(
    ("text", "is_told"),
    [
        (f"KNOWN = [{', '.join(NUMBERS)}]", True),
        (f"KNOWN = [{'., '.join(NUMBERS)}.]", True),
        (f"KNOWN = {dict(zip(DIGESTS, map(int, NUMBERS), strict=True))}", True),
        (f"KNOWN = {{3: {set(DIGESTS[:150])}}}", True),
        ("KNOWN = {\n" + "".join(f"    0x{i * 977:08x}: {n},  # {i}\n" for i, n in enumerate(NUMBERS)) + "}", True),
        (f'KNOWN = "{"".join(NUMBERS) * 6}"', True),
        ("KNOWN = b'" + "\\x03" * 700 + "'", True),
        ("\n".join(f"KNOWN[{i}] = {n}" for i, n in enumerate(NUMBERS)), False),  # as code goes
        (f"losses = [{', '.join(f'0.{n}5' for n in NUMBERS)}]", False),
        ("names = [" + ", ".join(f"'place {n}'" for n in NUMBERS) + "]", False),
        ("x = 1\n" * 400, False),
        ('"""' + "What a long text says. " * 400 + '"""', False),
    ],
)
def test_tables_in_a_source(text: str, is_told: bool) -> None:
    """Long rows of whole numbers, digests and encoded data are told; losses, names and code are none."""
    assert (count_literals(text) >= 150) is is_told


@pytest.mark.parametrize("piece", ['"', '"\\', '\\"""', "'", "1.", "9", "\\", "a1", "#"])
def test_sources_take_linear_time(piece: str) -> None:
    """No text makes the search for tables slow."""
    started = time.process_time()
    count_literals(piece * (200_000 // len(piece)))
    assert time.process_time() - started < 2


def test_sources_are_looked_into() -> None:
    """The module or text with a table is named, whatever else a zip holds."""
    looks, found = sample.collector()
    files = {"fashion.py": b"x = 1", "notes.json": f"[{', '.join(NUMBERS)}]".encode(), "history.json": b'{"a": [0.5]}'}
    note_files(looks, Implementation((), LocalTransport({}, files), files))
    (look,) = found
    assert look.sentence.startswith("notes.json holds 295 whole numbers")
