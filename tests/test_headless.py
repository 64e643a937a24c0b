"""What only shows, or needs what a grading machine lacks, does nothing and fails nowhere, behind every wall."""

from __future__ import annotations

import io
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import torch

from grader.rubric import Limits
from grader.sandbox import container, fork
from grader.sandbox.student import Implementation
from grader.sandbox.transport import WorkerTransport
from grader.sandbox.worker_pool import WorkerPool

BARS = """
import sys
from tqdm.notebook import tqdm, trange
from tqdm import tqdm_notebook
import tqdm as bars, tqdm.auto as auto, tqdm.rich as rich

def notebook():
    return sum(x for x in tqdm(range(5), desc="epoch", display=False)) + len(list(trange(3)))
def deprecated(): return len(list(tqdm_notebook(range(3))))
def plain(): return len(list(bars.tqdm(range(3), "text", 3, True, sys.stdout)))
def automatic(): return len(list(auto.tqdm(range(3)))) + len(list(rich.tqdm(range(2))))
def counted():
    with tqdm(total=10) as bar:
        bar.update(4)
        bar.set_postfix(loss=1)
        bar.container.children[0].value = "shown"
        return bar.n
"""
SHOWN = """
import IPython, webbrowser, matplotlib
matplotlib.use("TkAgg")
get_ipython().run_line_magic("matplotlib", "inline")
get_ipython().system("pip install nothing")
import matplotlib.pyplot as plt
import cv2, numpy as np
from PIL import Image
from IPython import display as screen, get_ipython as shell
from IPython.display import HTML, clear_output
from IPython.display import *
from IPython.core.magic import register_line_magic
plt.switch_backend("Qt5Agg")
plt.rcParams["backend"] = "nbAgg"

@register_line_magic
def magic(): return 3

def displayed():
    display(HTML("<b>"), display_id=True).update(1)
    screen.clear_output(wait=True)
    screen.display(IPython.display.Image("x.png"))
    list(shell().getoutput("ls"))
    return display(3), clear_output(), magic()
def plotted():
    for name in ("module://ipympl.backend_nbagg", "nbAgg", "inline", "widget", "Qt5Agg"):
        matplotlib.use(name)
    figure, axes = plt.subplots()
    axes.plot([1, 2])
    plt.show(block=True)
    plt.pause(60)
    figure.canvas.draw()
    return type(figure.canvas).__name__
def windows():
    cv2.namedWindow("w")
    cv2.imshow("w", np.zeros((3, 3)))
    key = cv2.waitKey(0)
    cv2.destroyAllWindows()
    Image.new("RGB", (2, 2)).show()
    return key, webbrowser.open("http://x"), input("Press Enter")
"""
COMPILED = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 2)
    @torch.compile(backend="nothing", fullgraph=True)
    def forward(self, x):
        return self.fc(x)
@torch.compile
def one(x): return x + 1
@torch.compile(mode="max-autotune", dynamic=True)
def two(x): return x + 2
def function(): return one(1), two(1), torch.compile(model=one)(2)
def module():
    net = Net()
    net.compile()
    both = torch.compile(net)
    return both is net, list(both.state_dict()), tuple(both(torch.ones(3, 2)).shape)
def dynamo(): return torch._dynamo.optimize("inductor")(one)(torch.ones(1)).tolist()
def saved():
    net = torch.load("compiled.pth", weights_only=False)
    return tuple(net(torch.ones(3, 2)).shape)
def scripted():
    return torch.jit.trace(nn.Linear(2, 2), torch.ones(1, 2))(torch.ones(3, 2)).shape[0]
"""
LOADED = """
import torch
from torch.utils.data import DataLoader, TensorDataset
data = TensorDataset(torch.arange(5.0))

def batches(**options): return [batch[0].tolist() for batch in DataLoader(data, batch_size=3, **options)]
def processes():
    return batches(num_workers=2, pin_memory=True, persistent_workers=True, prefetch_factor=4, timeout=9)
def by_position(): return len(DataLoader(data, 3, False, None, None, 2))
"""
PACKAGES = """
import cv2, pandas, scipy, seaborn, skimage.transform, numpy as np

def used():
    image = cv2.resize(np.zeros((4, 4), np.uint8), (2, 2))
    frame = pandas.DataFrame({"a": [1.0, 3.0]})
    small = skimage.transform.resize(np.zeros((4, 4)), (2, 2))
    seaborn.heatmap(small)
    return image.shape, frame.a.mean(), small.shape, scipy.special.expit(0.0)
"""
SOURCES = {"bars": BARS, "shown": SHOWN, "compiled": COMPILED, "loaded": LOADED, "packages": PACKAGES}
BATCHES = [[0, 1, 2], [3, 4]]


@pytest.fixture(
    scope="module",
    params=[fork, pytest.param(container, marks=pytest.mark.slow)],
    ids=lambda backend: str(backend.NAME),
)
def student(request: pytest.FixtureRequest) -> Iterator[Implementation]:
    """A student's modules behind a wall."""
    backend: ModuleType = request.param
    if reason := backend.unavailable():
        pytest.skip(reason)
    whole = io.BytesIO()
    torch.save(torch.compile(torch.nn.Linear(2, 2)), whole)
    files = {f"{name}.py": source.encode() for name, source in SOURCES.items()} | {"compiled.pth": whole.getvalue()}
    with pytest.MonkeyPatch.context() as change:
        change.setattr("grader.sandbox.worker_pool.choose_backend", lambda _weakest: backend)
        pool = WorkerPool(Limits(), tuple(SOURCES), files)
    transport = WorkerTransport(pool, Limits())
    yield Implementation(tuple(SOURCES), transport, files)
    output = transport.drop()
    pool.close()
    assert "%|" not in output  # no bar was drawn


@pytest.mark.parametrize(
    ("function", "answer"),
    [
        ("bars.notebook", 13),
        ("bars.deprecated", 3),
        ("bars.plain", 3),
        ("bars.automatic", 5),
        ("bars.counted", 4),
        ("shown.displayed", (None, None, 3)),
        ("shown.plotted", "FigureCanvasAgg"),
        ("shown.windows", (-1, False, "")),
        ("compiled.function", (2, 3, 3)),
        ("compiled.module", (True, ["fc.weight", "fc.bias"], (3, 2))),
        ("compiled.dynamo", [2]),
        ("compiled.saved", (3, 2)),
        ("compiled.scripted", 3),
        ("loaded.processes", BATCHES),
        ("loaded.by_position", 2),
        ("packages.used", ((2, 2), 2, (2, 2), 0.5)),
    ],
)
def test_does_nothing(student: Implementation, function: str, answer: Any) -> None:
    """It works as at home, but that nothing is shown, compiled or started; and what there is to import is there."""
    module, _, name = function.partition(".")
    assert getattr(getattr(student, module), name)() == answer
