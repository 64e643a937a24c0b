"""Does what honest submissions do, and answers that are too large."""

import io
import os
import sys
from typing import Any


def sizes(names: list[str]) -> dict[str, int]:
    """How large files of the submission are; -1 for those that are missing."""
    return {name: os.path.getsize(name) if os.path.exists(name) else -1 for name in names}


def return_large(mebibytes: int) -> Any:
    """An answer that is too large."""
    import torch

    return torch.zeros(1).expand(mebibytes << 18)


def return_many() -> list[str]:
    """An answer whose description is too large."""
    return ["some text"] * 200_000


def train(loaders: int) -> bool:
    """Whether training with so many loading processes lowers the loss, and its network can be saved and loaded."""
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    torch.manual_seed(0)
    images, labels = torch.randn(64, 1, 28, 28), torch.arange(64) % 4
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 8, 3), torch.nn.Flatten(), torch.nn.Linear(8 * 26 * 26, 4))
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)

    def loss_of_all() -> float:
        with torch.no_grad():
            return torch.nn.functional.cross_entropy(net(images), labels).item()

    before, steps = loss_of_all(), 0
    for _ in range(3):
        for batch, targets in DataLoader(TensorDataset(images, labels), 32, shuffle=True, num_workers=loaders):
            loss = torch.nn.functional.cross_entropy(net(batch), targets)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            steps += 1
    after = loss_of_all()
    buffer = io.BytesIO()
    torch.save(net.state_dict(), buffer)
    buffer.seek(0)
    net.load_state_dict(torch.load(buffer))
    torch.save(net, "net.pth")
    return steps == 6 and after < before


def keep_house() -> list[str]:
    """Copies, moves and removes files and folders, and works in one."""
    import shutil
    import tempfile

    here = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            with open("kept", "w", encoding="utf-8") as file:
                file.write("text")
            shutil.copy("kept", "moved")
            shutil.copy2("kept", "copied")
            shutil.copytree(folder, "copy")
            shutil.rmtree("copy")
            os.mkdir("copy")
            shutil.move("moved", "copy/moved")
            shutil.move("copied", "moved")
            return sorted(os.listdir("."))
        finally:
            os.chdir(here)


def use_libraries() -> dict[str, Any]:
    """What students import works."""
    import matplotlib.pyplot as plt
    import numpy as np
    import torch
    import torchvision
    from PIL import Image
    from sklearn.manifold import TSNE

    figure = io.BytesIO()
    plt.plot([1, 2])
    plt.savefig(figure)
    Image.new("RGB", (4, 4)).save("picture.png")
    points = np.random.rand(40, 5)
    return {
        "svd": tuple(torch.linalg.svd(torch.rand(64, 64)).S.shape),
        "fft": tuple(torch.fft.fft(torch.rand(8)).shape),
        "threads": torch.get_num_threads(),
        "figure": figure.getvalue()[:4].decode("latin-1"),
        "tsne": TSNE(perplexity=5, init="pca").fit_transform(points).shape,
        "resnet": type(torchvision.models.resnet18(num_classes=2)).__name__,
        "interpreter": sys.version_info[:2],
    }
