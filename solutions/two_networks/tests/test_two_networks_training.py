"""Tasks 1, 2.1 and 2.2 of A Tale of Two Networks, graded in real cells: other right ways, and what a mistake costs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from types import ModuleType

import pytest
import torch
from sample_handles import handle_of
from sample_tiers import tiered

from grader.checking.context import Context
from grader.records import CheckResult, Outcome, Run, Submission
from grader.rubric import Assignment, get_assignment
from grader.runner import run_submission
from grader.solutions import model_file, solution_files
from solutions.two_networks.checks.check_weights import better_range
from solutions.two_networks.checks.networks import logits_of

TWO_NETWORKS = get_assignment("two_networks")
TASKS = ("1", "2.1", "2.2")
GUESSING = 0.01  # an accuracy that the untrained networks of these tests have

OTHER_NETWORK = """
import time
import torch
from torch import nn

time.sleep(1)


class Tower(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.wide = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.GroupNorm(1, width)
        layers = nn.Conv2d(width, 4 * width, 1), nn.GELU(), nn.Dropout(0.2), nn.Conv2d(4 * width, width, 1)
        self.mix = nn.Sequential(*layers)
        self.scale = nn.Parameter(1e-6 * torch.ones(width, 1, 1))

    def forward(self, x):
        return torch.add(x, self.mix(self.norm(self.wide(x))) * self.scale)


class SmallResNet(nn.Module):
    def __init__(self, num_classes=10, width=24, depth=3, drop=0.5):
        super().__init__()
        self.patches = nn.Conv2d(3, width, 4, stride=4)
        self.towers = nn.ModuleList(Tower(width) for _ in range(depth))
        self.norm = nn.BatchNorm2d(width)
        self.drop = nn.Dropout(drop)
        self.fc = nn.Linear(width, num_classes)

    def feature_maps(self, x, upto=None):
        x = self.patches(x)
        for tower in self.towers[:upto]:
            x = tower(x)
        return self.norm(x)

    def features(self, x):
        return torch.einsum("nchw->nc", self.feature_maps(x)) / 64

    def forward(self, x):
        return self.fc(self.drop(self.features(x)))
"""

# In the place of a right cross-entropy; the solution's own train_epoch and evaluate use what bears the name.
WRONG_LOSSES = {
    "a float": "return F.cross_entropy(logits, targets).item()",
    "raises": "raise ValueError('later')",
    "nothing": "pass",
    "not finite": "return logits.sum() * float('nan')",
}


@pytest.fixture(autouse=True)
def _few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few test images tell as much here."""
    monkeypatch.setattr("grader.runner.Context", functools.partial(Context, most_images=100))


def rubric(**limits: float) -> Assignment:
    """The real one, which asks for no more accuracy than an untrained network has."""
    whole = TWO_NETWORKS
    tasks = tuple(t.model_copy(update={"thresholds": {name: GUESSING for name in t.thresholds}}) for t in whole.tasks)
    limits = {"threads": 1, **limits}  # where other tests run beside these, threads wait for each other
    return whole.model_copy(update={"tasks": tasks, "limits": whole.limits.model_copy(update=limits)})


def grade(files: Mapping[str, bytes], *tasks: str, **limits: float) -> Run:
    """A submission's checks of some tasks, run in a cell."""
    submission = Submission("s", rubric(**limits), "0" * 64, dict(files))
    return run_submission(submission, submission.sha256, tasks=tasks)


def not_passed(results: tuple[CheckResult, ...], *tasks: str) -> list[str]:
    """A line for each check of these tasks that did not pass."""
    assert {r.task for r in results} >= set(tasks)
    return [
        f"{r.name}: {r.outcome} {r.message}" for r in results if r.task in tasks and r.outcome is not Outcome.PASSED
    ]


def with_loss(body: str) -> bytes:
    """The solution's supervised.py with another cross-entropy."""
    source = solution_files(TWO_NETWORKS)["supervised.py"]
    return source + f"\n\ndef cross_entropy(logits, targets):\n    {body}\n".encode()


def untrained(source: str, saved: Callable[[torch.nn.Module], object]) -> bytes:
    """A model file of a network's random weights, the same each time: some would be worse than guessing."""
    module = ModuleType("other_network")
    exec(source.replace("time.sleep(1)", ""), vars(module))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return model_file(saved(module.SmallResNet()))


@pytest.mark.slow
def test_other_network() -> None:
    """A network of quite another kind, with dropout, more arguments and a slow import, earns every point.

    Each worker imports it again.
    """
    files = solution_files(TWO_NETWORKS) | {
        "resnet.py": OTHER_NETWORK.encode(),
        "supervised.pth": untrained(OTHER_NETWORK, lambda net: {"state_dict": net.state_dict()}),
    }
    run = grade(files, *TASKS)
    assert not_passed(run.checks, *TASKS) == []


@pytest.mark.slow
def test_helper_modules() -> None:
    """Helpers in modules and folders of the student's own, an unknown import order and prints do no harm."""
    files = solution_files(TWO_NETWORKS)
    resnet = files["resnet.py"].replace(b"class BasicBlock", b"print('hello')\n\n\nclass BasicBlock")
    files |= {
        "parts/blocks.py": resnet,
        "resnet.py": b"from parts.blocks import *\nfrom parts.blocks import SmallResNet\n",
        "losses.py": b"def mean_loss(x, y):\n    return (x.logsumexp(1) - x.gather(1, y[:, None])[:, 0]).mean()\n",
        "supervised.py": files["supervised.py"] + b"\n\nfrom losses import mean_loss as cross_entropy\n",
    }
    assert not_passed(grade(files, *TASKS).checks, *TASKS) == []


@pytest.mark.parametrize("body", tiered(WRONG_LOSSES, slow=WRONG_LOSSES.keys() - {"not finite"}))
def test_wrong_loss_costs_one_task(body: str) -> None:
    """Whatever is wrong with the cross-entropy costs task 2.1 alone: train_epoch is lent a right one."""
    results = grade(solution_files(TWO_NETWORKS) | {"supervised.py": with_loss(body)}, "2.1", "2.2").checks
    assert not_passed(results, "2.2") == []
    assert not_passed(results, "2.1") != []
    assert all(r.outcome is not Outcome.INTERNAL for r in results)


@pytest.mark.slow
def test_loss_that_hangs() -> None:
    """A cross-entropy that never ends costs task 2.1 alone, and the time of two calls."""
    files = solution_files(TWO_NETWORKS) | {"supervised.py": with_loss("while True: pass")}
    results = grade(files, "2.1", "2.2", call_s=3).checks
    assert not_passed(results, "2.2") == []
    assert {r.outcome for r in results if r.task == "2.1"} == {Outcome.TIMEOUT, Outcome.SKIPPED}


@pytest.mark.slow
def test_odd_networks() -> None:
    """Whatever SmallResNet is or gives, nothing is our fault, and the functions of task 2 keep their points."""
    odd = {
        "no class": "SmallResNet = 3",
        "no network": "def SmallResNet(num_classes=10): return None",
        "no tensors": "class SmallResNet:\n def __getattr__(self, name): return lambda *a, **k: 'x'",
        "odd tensors": "import torch\nclass SmallResNet(torch.nn.Module):\n"
        " def __init__(self, num_classes=10): super().__init__(); self.fc = torch.nn.Linear(1, 10)\n"
        " def forward(self, x): return torch.full((len(x), 10), float('nan'))\n"
        " feature_maps = features = lambda self, x: torch.zeros(0)",
        "own functions": "import torch\nclass Odd(torch.autograd.Function):\n"
        " forward = staticmethod(lambda ctx, x: x.mean((1, 2, 3))[:, None].repeat(1, 10))\n"
        " backward = staticmethod(lambda ctx, g: 1 / 0)\n"
        "class SmallResNet(torch.nn.Module):\n"
        " def __init__(self, num_classes=10): super().__init__(); self.fc = torch.nn.Identity()\n"
        " def forward(self, x): return Odd.apply(x)",
    }
    for source in odd.values():
        results = grade(solution_files(TWO_NETWORKS) | {"resnet.py": source.encode()}, "1", "2.2").checks
        assert all(r.outcome is not Outcome.INTERNAL for r in results), source
        lost = {r.name for r in results if r.task == "2.2" and r.outcome is not Outcome.PASSED}
        assert lost == {"check_supervised_accuracy"}, source
        assert not_passed(results, "1") != []


FINAL_LAYERS = {
    "another name": (b"self.fc", b"self.classifier"),
    "a sequence": (b"nn.Linear(128, num_classes)", b"nn.Sequential(nn.Dropout(0.1), nn.Linear(128, num_classes))"),
}


@pytest.mark.parametrize("change", tiered(FINAL_LAYERS, slow={"a sequence"}))
def test_final_layer(change: tuple[bytes, bytes]) -> None:
    """A final layer of another name or kind is told so, with help, and costs no other check but those behind it."""
    files = solution_files(TWO_NETWORKS)
    results = grade(files | {"resnet.py": files["resnet.py"].replace(*change)}, "1").checks
    ended = {r.name: r for r in results if r.outcome is not Outcome.PASSED}
    assert ended.keys() == {"check_final_layer", "check_features", "check_forward", "check_feature_maps"}
    assert "fc" in ended["check_final_layer"].message
    assert ended["check_final_layer"].help


class Brightness(torch.nn.Module):
    """Ten classes by the mean of an image, which must lie in a range: 0 to 9 from its lower end to its upper one."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.low, self.high = low, high

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) -> (N, 10)."""
        place = (x.mean(dim=(1, 2, 3)) - self.low) / (self.high - self.low) * 9
        return -((place[:, None] - torch.arange(10)) ** 2)


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [(0, 1, "from 0 to 1, 100"), (-1, 1, "from -1 to 1, 100"), (0, 255, "from 0 to 255, 100"), (-1.9, 2.0, "")],
)
def test_better_range(low: float, high: float, told: str) -> None:
    """A network that was trained on pixels of another range is recognised, and the range is told."""
    labels = torch.arange(200) % 10
    images = (labels * 255 / 9).round().to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 32, 32)
    net = handle_of(Brightness(low, high))
    accuracy = float((logits_of(net, images, 10).argmax(axis=1) == labels.numpy()).mean())
    assert (accuracy == 1) is (told == "")
    better = better_range(net, images, labels.numpy(), accuracy)
    assert told in better
    assert bool(better) is bool(told)


def test_curves_are_shown() -> None:
    """The student's curves and the reference's are laid out, with both accuracies and what the curves claim."""
    files = solution_files(TWO_NETWORKS)
    run = grade({name: data for name, data in files.items() if name != "history.json"}, "2.2")
    (shown,) = (each for each in run.exhibits if each.kind == "curves")
    assert [one["label"] for one in shown.facts["series"]] == ["Reference"]
    (ended,) = (r for r in run.checks if r.name == "check_supervised_curves")
    assert ended.outcome is Outcome.MISSING
    run = grade({name: data for name, data in files.items() if name != "supervised.pth"}, "2.2")
    (shown,) = (each for each in run.exhibits if each.kind == "curves")
    assert [one["label"] for one in shown.facts["series"]] == ["Yours", "Reference"]
    assert [line["label"] for line in shown.facts["lines"]] == ["Reference"]
