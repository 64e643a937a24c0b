"""Trains the network of the example student Alice and writes `examples/alice/model.pth`.

Alice took `MyNet` as given and trained it briefly: four epochs at a learning rate that falls after each, no
augmentation, all 60,000 training images. Her network earns the credit (above 90%) and stays below the reference.

    python -m examples.train_alice
"""

from __future__ import annotations

from pathlib import Path

import torch

from grader.importing import load_module
from grader.rubric import PROJECT
from grader.vision.datasets.fashion import fashion_mnist, normalise_fashion
from grader.vision.training.batches import Batches, measure

SEED = 819
EPOCHS = 4
LEARNING_RATE = 1e-3
BATCH_SIZE = 128
TARGET = Path(__file__).parent / "alice" / "model.pth"


def main() -> None:
    """Train, print the test accuracy, save `{"state_dict": ...}` in float32."""
    fashion = load_module(PROJECT / "solutions" / "miniplaces" / "fashion.py")
    train_set, test_set = fashion_mnist("train"), fashion_mnist("test")
    train_batches = Batches(train_set.images, train_set.labels, normalise_fashion, BATCH_SIZE, shuffle=True)
    test_batches = Batches(test_set.images, test_set.labels, normalise_fashion, BATCH_SIZE)

    torch.manual_seed(SEED)
    net = fashion.MyNet()
    optimizer = fashion.create_optimizer(net, LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=EPOCHS)
    for epoch in range(EPOCHS):
        loss, accuracy = fashion.train(train_batches, net, optimizer, epoch)
        schedule.step()
        print(f"epoch {epoch + 1}/{EPOCHS}: loss {loss:.3f}, training accuracy {accuracy:.2%}")

    _, confusion = measure(net, test_batches, len(test_set.classes))
    print(f"test accuracy {int(confusion.trace()) / len(test_set.labels):.2%}")
    TARGET.parent.mkdir(exist_ok=True)
    torch.save({"state_dict": net.state_dict()}, TARGET)


if __name__ == "__main__":
    main()
