"""What nobody can go below: a bare Python that imports torch, loads a network and asks it about its test images.

    python -P benchmarks/floor.py FOLDER MODULE CLASS THREADS

The folder holds the module, `weights.pth` and `images.pt`, (N, C, H, W), float32, normalised. Nothing of the grader.
"""

import sys
from importlib import import_module
from pathlib import Path

import torch

BATCH = 200  # as the check of accuracy asks: quicker here than one batch of all


def main(folder: Path, module: str, maker: str, threads: int) -> int:
    """Ask about every image; returns how many there are."""
    torch.set_num_threads(threads)
    sys.path.insert(0, str(folder))
    net = getattr(import_module(module), maker)()
    net.load_state_dict(torch.load(folder / "weights.pth"))
    net.eval()
    with torch.no_grad():
        return sum(len(net(some).argmax(dim=1)) for some in torch.load(folder / "images.pt").split(BATCH))


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])))
