"""The training loop of PyTorch's CIFAR-10 tutorial: pictures one by one through PIL, a DataLoader, plain steps.

Step for step as in https://docs.pytorch.org/tutorials/beginner/blitz/cifar10_tutorial.html; what it trains is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

BATCH_SIZE, WORKERS, LEARNING_RATE, MOMENTUM = 4, 2, 0.001, 0.9  # as it is printed

Batch = tuple[Tensor, Tensor]  # images (N, C, H, W), float32, and labels (N,), int64


class Pictures(Dataset[tuple[Tensor, int]]):
    """Images in memory that come out as from torchvision's CIFAR10 and FashionMNIST: one by one, through PIL.

    Args:
        images: (N, C, H, W), uint8; C is 1 or 3.
        labels: (N,), int64.
        transform: A PIL picture -> a tensor (C, H, W).
    """

    def __init__(self, images: Tensor, labels: Tensor, transform: Callable[[Any], Tensor]) -> None:
        """Keep them as torchvision does: height, width and, with colours, channels."""
        grey = images.shape[1] == 1
        self.pixels = (images[:, 0] if grey else images.permute(0, 2, 3, 1)).contiguous().numpy()
        self.labels, self.transform = labels.tolist(), transform

    def __len__(self) -> int:
        """Number of images."""
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """One image, transformed, and its label."""
        return self.transform(Image.fromarray(self.pixels[index])), self.labels[index]


def loader(
    images: Tensor,
    labels: Tensor,
    normalise: Callable[[Tensor], Tensor],
    *,
    batch_size: int = BATCH_SIZE,
    workers: int = WORKERS,
    shuffle: bool = True,
    shift: int | None = None,
) -> DataLoader[tuple[Tensor, int]]:
    """The tutorial's loader, with torchvision's transforms that do to a picture what ours do to a batch.

    Args:
        images: (N, C, H, W), uint8.
        labels: (N,), int64.
        normalise: (N, C, H, W), uint8 -> float32; scales and moves each channel.
        batch_size: Images in a batch.
        workers: Processes that load and transform.
        shuffle: Take them in a new random order each time.
        shift: Largest offset of random shifts, pixels; half of the pictures are mirrored then. None: neither.
    """
    from torchvision import transforms  # here, because importing torchvision takes a second

    ends = torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, images.shape[1], 1, 1)
    black, white = normalise(ends).flatten(1)
    std = 1 / (white - black)
    steps = [transforms.ToTensor(), transforms.Normalize((-black * std).tolist(), std.tolist())]
    if shift is not None:
        random = transforms.RandomCrop(images.shape[-1], padding=shift), transforms.RandomHorizontalFlip()
        steps = [*random, *steps]
    pictures = Pictures(images, labels, transforms.Compose(steps))
    return DataLoader(pictures, batch_size=batch_size, shuffle=shuffle, num_workers=workers)


def train(batches: Iterable[Any], net: nn.Module, optimizer: torch.optim.Optimizer) -> float:
    """The tutorial's loop: one pass over `batches`; returns the sum of the losses."""
    criterion, running_loss = nn.CrossEntropyLoss(), 0.0
    net.train()
    for inputs, labels in batches:
        optimizer.zero_grad()
        outputs = net(inputs)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
    return running_loss


def evaluate(batches: Iterable[Any], net: nn.Module) -> float:
    """The tutorial's measure: the fraction right."""
    correct, total = 0, 0
    net.eval()  # the tutorial's own network needs none
    with torch.no_grad():
        for images, labels in batches:
            predicted = net(images).argmax(dim=1)
            total += labels.size(0)
            correct += int((predicted == labels).sum())
    return correct / total
