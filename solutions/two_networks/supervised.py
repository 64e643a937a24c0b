"""Task 2: train the network with labels.

Write the loss (2.1), one epoch of training, the evaluation and the choice of the epoch (2.2). Then run this file,

    python supervised.py

which downloads CIFAR-10, trains `SmallResNet` with your functions, saves `supervised.pth` and writes its learning
curves into `history.json`, both for your submission.

Shapes: N images in a batch; images (N, 3, 32, 32), float32, normalized by channel; K classes; labels (N,), int64.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset, random_split

MEAN = (0.4914, 0.4822, 0.4465)  # of CIFAR-10's training images by channel, pixels from 0 to 1
STD = (0.2470, 0.2435, 0.2616)
VALIDATION_IMAGES = 5_000  # of the 50,000 training images: kept back to choose the epoch by, never trained on
EPOCHS = 30
BATCH_SIZE = 128
PEAK_LEARNING_RATE = 0.2

Loader = Iterable[tuple[Tensor, Tensor]]  # a DataLoader: batches of (images, labels)
History = dict[str, list[float]]  # "train_loss", "train_accuracy", "val_loss", "val_accuracy": a number per epoch


def device_of(net: nn.Module) -> torch.device:
    """Where a network's parameters are, so that the same code runs on a CPU and on a GPU. Given."""
    return next((parameter.device for parameter in net.parameters()), torch.device("cpu"))


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy of a batch, written out.

    Args:
        logits: Scores before any softmax, (N, K), float32, of a size up to 1e4.
        targets: The right classes, (N,), int64 from 0 to K - 1.

    Returns:
        The mean over the batch of -log softmax(logits) at the right class; a scalar that gradients flow through.
    """
    # BEGIN SOLUTION 2.1
    #: `log_softmax` and `logsumexp` may be used; `F.cross_entropy`, `nn.CrossEntropyLoss` and `F.nll_loss` may not.
    #: exp(1e4) is infinite in float32: which of the formulas for log softmax never computes it?
    log_probabilities = F.log_softmax(logits, dim=1)  # (N, K)
    return -log_probabilities.gather(1, targets.unsqueeze(1)).mean()
    # END SOLUTION


def train_epoch(model: nn.Module, loader: Loader, optimizer: torch.optim.Optimizer) -> tuple[float, float]:
    """Train for one epoch, in training mode: for each batch, one step on its mean cross-entropy.

    Args:
        model: The network, any with K classes; its parameters (and its batch norm statistics) change.
        loader: Batches of images (N, 3, 32, 32) and labels (N,). Use them as they are.
        optimizer: Optimizer over the model's parameters. Use it as it is, with its learning rate.

    Returns:
        `(mean loss, accuracy)` over the epoch, over examples or batches; the accuracy is a fraction from 0 to 1.
    """
    # BEGIN SOLUTION 2.2
    #: For each batch: forward pass, loss, clear the old gradients, backward pass, optimizer step.
    #: Count right answers and images on the way: the last batch may be smaller than the others.
    device = device_of(model)
    model.train()
    total_loss, right, seen = 0.0, 0, 0
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        logits = model(images)  # (N, K)
        loss = cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        total_loss += loss.item() * len(labels)
        right += int((logits.argmax(dim=1) == labels).sum())
        seen += len(labels)
    return total_loss / seen, right / seen
    # END SOLUTION


def evaluate(model: nn.Module, loader: Loader) -> tuple[float, float]:
    """Measure a network in evaluation mode: loss and accuracy over all images of a loader.

    Args:
        model: The network, any with K classes. Its weights and buffers stay untouched; it may be left in either mode.
        loader: Batches of images (N, 3, 32, 32) and labels (N,).

    Returns:
        `(mean loss, accuracy)`; the accuracy is the fraction of all images, from 0 to 1.
    """
    # BEGIN SOLUTION 2.2
    #: In which mode must a network with batch norm or dropout be here? Are gradients needed?
    device = device_of(model)
    model.eval()
    total_loss, right, seen = 0.0, 0, 0
    with torch.no_grad():
        for images, labels in loader:
            images, labels = images.to(device), labels.to(device)
            logits = model(images)
            total_loss += cross_entropy(logits, labels).item() * len(labels)
            right += int((logits.argmax(dim=1) == labels).sum())
            seen += len(labels)
    return total_loss / seen, right / seen
    # END SOLUTION


def best_epoch(history: History) -> int:
    """Choose the epoch whose weights to keep: the one with the least validation error.

    Args:
        history: Lists `train_loss`, `train_accuracy`, `val_loss`, `val_accuracy`, a number per epoch.

    Returns:
        Index into the lists, from 0. The highest `val_accuracy` and the least `val_loss` are both fine; of equal ones,
        any.
    """
    # BEGIN SOLUTION 2.2
    #: Which of the four curves tells how the network does on images that it was not trained on?
    accuracies = history["val_accuracy"]
    return max(range(len(accuracies)), key=accuracies.__getitem__)
    # END SOLUTION


def create_optimizer(model: nn.Module, lr: float) -> torch.optim.Optimizer:
    """SGD with Nesterov momentum and weight decay over all parameters. Given; you are free to change it."""
    return torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9, nesterov=True, weight_decay=5e-4)


def shift_and_mirror(images: Tensor) -> Tensor:
    """Move a batch by up to 4 pixels, filling with 0, and mirror it in half of all cases. Given."""
    down, right = (int(offset) for offset in torch.randint(9, (2,)))
    height, width = images.shape[-2:]
    moved = F.pad(images, [4] * 4)[..., down : down + height, right : right + width]
    return moved.flip(-1) if torch.rand(()) < 0.5 else moved


class Changed:
    """A loader whose batches go through a function on their way. Given.

    Args:
        loader: Batches of (images, labels).
        change: Takes images and labels, returns images and labels.
    """

    def __init__(self, loader: Loader, change: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]) -> None:
        """Keep both; nothing is computed before the batches are asked for."""
        self.loader, self.change = loader, change

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the changed batches."""
        return (self.change(images, labels) for images, labels in self.loader)


def make_loaders(root: str = "data", batch_size: int = BATCH_SIZE) -> tuple[Loader, Loader, Loader]:
    """Load CIFAR-10, downloading it when it is not there yet. Given.

    Args:
        root: Folder for the data; torchvision makes a folder `cifar-10-batches-py` in it.
        batch_size: Images per batch.

    Returns:
        `(train_loader, val_loader, test_loader)` over 45,000, 5,000 and 10,000 images, normalized by channel; the
        training images are shifted and mirrored at random. Choose the epoch by the validation images; the test images
        are for one last measurement.
    """
    from torchvision.datasets import CIFAR10  # here, because importing torchvision takes a second

    mean, std = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(STD).view(3, 1, 1)

    def tensors(train: bool) -> TensorDataset:
        dataset = CIFAR10(root, train=train, download=True)
        images = torch.from_numpy(dataset.data).permute(0, 3, 1, 2).float() / 255  # (N, 3, 32, 32)
        return TensorDataset((images - mean) / std, torch.tensor(dataset.targets))

    whole = tensors(train=True)
    split = [len(whole) - VALIDATION_IMAGES, VALIDATION_IMAGES]
    train_set, val_set = random_split(whole, split, generator=torch.Generator().manual_seed(0))
    return (
        Changed(DataLoader(train_set, batch_size, shuffle=True), lambda x, y: (shift_and_mirror(x), y)),
        DataLoader(val_set, batch_size),
        DataLoader(tensors(train=False), batch_size),
    )


def fit(model: nn.Module, train_loader: Loader, val_loader: Loader, epochs: int, path: str) -> History:
    """Train with the functions above, and keep the weights of the best epoch in a file. Given.

    Args:
        model: The network.
        train_loader: What to train on.
        val_loader: What to choose the epoch by.
        epochs: How many times to go through the training images.
        path: Where to save the state dict.

    Returns:
        The learning curves.
    """
    optimizer = create_optimizer(model, PEAK_LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.LambdaLR(  # up in a line, then down in a line
        optimizer, lambda epoch: min((epoch + 1) / (0.2 * epochs), 1, (epochs - epoch) / (0.8 * epochs))
    )
    history: History = {"train_loss": [], "train_accuracy": [], "val_loss": [], "val_accuracy": []}
    for epoch in range(epochs):
        numbers = (*train_epoch(model, train_loader, optimizer), *evaluate(model, val_loader))
        schedule.step()
        for curve, number in zip(history.values(), numbers, strict=True):
            curve.append(number)
        loss, accuracy, _, val_accuracy = numbers
        print(f"epoch {epoch + 1}/{epochs}: loss {loss:.3f}, training {accuracy:.2%}, validation {val_accuracy:.2%}")
        if best_epoch(history) == epoch:
            torch.save(model.state_dict(), path)
    return history


def add_to_history(name: str, curves: History, path: str = "history.json") -> None:
    """Write the curves of one network into `history.json`, beside those of the other. Given."""
    file = Path(path)
    histories = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    file.write_text(json.dumps(histories | {name: curves}, indent=1), encoding="utf-8")


def main() -> None:
    """Train `SmallResNet` with the functions above and save what you hand in. Given; you are free to change it."""
    from resnet import SmallResNet  # your task 1

    torch.manual_seed(0)
    train_loader, val_loader, test_loader = make_loaders()
    # channels_last: another order of the same numbers in memory, faster for convolutions
    model: nn.Module = SmallResNet().to(memory_format=torch.channels_last)
    model = model.to("cuda" if torch.cuda.is_available() else "cpu")
    add_to_history("supervised", fit(model, train_loader, val_loader, EPOCHS, "supervised.pth"))
    model.load_state_dict(torch.load("supervised.pth", weights_only=True))
    print(f"test {evaluate(model, test_loader)[1]:.2%}; supervised.pth and history.json are for your zip")


if __name__ == "__main__":
    main()
