"""Batches from images in memory, and the measure of a network on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Batches:
    """Batches from images in memory, as a solution's `train` takes them: an iterable that has a length.

    Args:
        images: (N, C, H, W), uint8.
        labels: (N,), int64.
        normalise: uint8 images -> float32 images, batch by batch.
        batch_size: Images per batch; the last batch may be smaller.
        shuffle: Take the images in a new random order each time, drawn from torch's global generator.
        augment: Shift and mirror them, see `shift_and_mirror`.
        shift: Largest offset of `augment`, pixels.
        hole: Side of the square that `augment` grays out, pixels; 0: none.
        views: Normalized images and labels of a batch -> what is yielded for them; None: as they are.
        advance: Called after each batch, for a progress bar.
    """

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        normalise: Callable[[Tensor], Tensor],
        batch_size: int,
        *,
        shuffle: bool = False,
        augment: bool = False,
        shift: int = 1,
        hole: int = 0,
        views: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None = None,
        advance: Callable[[], None] = lambda: None,
    ) -> None:
        """Keep the tensors; nothing is copied."""
        self.images, self.labels = images, labels
        self.normalise, self.batch_size = normalise, batch_size
        self.shuffle, self.augment, self.shift, self.hole = shuffle, augment, shift, hole
        self.views, self.advance = views, advance

    def __len__(self) -> int:
        """Number of batches."""
        return -(-len(self.labels) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield images (B, C, H, W), float32, and labels (B,), int64."""
        count = len(self.labels)
        order = torch.randperm(count) if self.shuffle else torch.arange(count)
        for start in range(0, count, self.batch_size):
            chosen = order[start : start + self.batch_size]
            images = shift_and_mirror(self.images[chosen], self.shift) if self.augment else self.images[chosen]
            normalised = self.normalise(images)
            if self.augment and self.hole:
                normalised = cut_out(normalised, self.hole)
            yield self.views(normalised, self.labels[chosen]) if self.views else (normalised, self.labels[chosen])
            self.advance()


def shift_and_mirror(images: Tensor, shift: int = 1) -> Tensor:
    """Move each image by its own random offset, filling with 0, and mirror half of them left to right.

    Args:
        images: (B, C, H, W), any type.
        shift: Largest offset, pixels, in both directions.

    Returns:
        New images of the same shape and type.
    """
    count, channels, height, width = images.shape
    padded = F.pad(images, [shift] * 4)
    rows = torch.randint(2 * shift + 1, (count, 1)) + torch.arange(height)  # (B, H)
    columns = torch.randint(2 * shift + 1, (count, 1)) + torch.arange(width)  # (B, W)
    columns = torch.where(torch.rand(count, 1) < 0.5, columns, columns.flip(1))
    each, channel = torch.arange(count)[:, None, None, None], torch.arange(channels)[:, None, None]
    return padded[each, channel, rows[:, None, :, None], columns[:, None, None, :]]


def cut_out(images: Tensor, hole: int) -> Tensor:
    """Set a square of each image to 0, the mean color of normalized images; its middle is anywhere in the image.

    Args:
        images: (B, C, H, W), float32, normalized.
        hole: Side of the square, pixels; near an edge, less of it is inside.

    Returns:
        New images of the same shape and type.

    Reference:
        DeVries & Taylor, 2017, Improved regularization of convolutional neural networks with cutout,
        https://arxiv.org/abs/1708.04552.
    """
    count, _, height, width = images.shape
    top, left = (torch.randint(size, (count, 1)) - hole // 2 for size in (height, width))
    rows, columns = torch.arange(height) - top, torch.arange(width) - left  # (B, H), (B, W): places in the square
    inside_rows, inside_columns = (rows >= 0) & (rows < hole), (columns >= 0) & (columns < hole)
    return images.masked_fill((inside_rows[:, :, None] & inside_columns[:, None, :])[:, None], 0)


def measure(net: nn.Module, batches: Batches, classes: int) -> tuple[float, Tensor]:
    """Evaluate a network.

    Args:
        net: Images -> logits; left in evaluation mode.
        batches: What to evaluate on.
        classes: Number of classes, K.

    Returns:
        `(mean cross-entropy, confusion)`, the latter (K, K), int64: images counted by true class, predicted class.
    """
    net.eval()
    total_loss, confusion = 0.0, torch.zeros(classes * classes, dtype=torch.int64)
    with torch.no_grad():
        for images, labels in batches:
            logits = net(images)
            total_loss += F.cross_entropy(logits, labels, reduction="sum").item()
            confusion += (labels * classes + logits.argmax(dim=1)).bincount(minlength=classes * classes)
    return total_loss / int(confusion.sum()), confusion.view(classes, classes)
