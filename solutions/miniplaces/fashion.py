"""Task 4: train a small network of your own on FashionMNIST.

Write the training loop (4a), the prediction and the evaluation (4b) and the optimizer (4c). Then run this file,

    python fashion.py

which downloads the data, trains `MyNet` with your functions and saves `model.pth` for your submission. The network
below gets above 90% as it is. For 4d, change it, or the optimizer, or the data, and compare.

Shapes: N images in a batch; images (N, 1, 28, 28), float32 in [-1, 1]; labels (N,), int64 from 0 to 9.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset, random_split

CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
VALIDATION_IMAGES = 5_000  # of the 60,000 training images: kept back to choose settings by, never trained on
EPOCHS = 10
BATCH_SIZE = 128
LEARNING_RATE = 1e-3  # suits AdamW; SGD with momentum wants ten to fifty times as much

Loader = Iterable[tuple[Tensor, Tensor]]  # a DataLoader: batches of (images, labels)


class MyNet(nn.Module):
    """A small convolutional network for 28x28 gray images. Given; you are free to change it.

    The first convolution halves the picture and each pooling halves it again, so that the wide layers work on small
    maps: this is what makes it quick.
    """

    def __init__(self, num_classes: int = 10) -> None:
        """Build the layers; their weights start at random."""
        super().__init__()
        self.features = nn.Sequential(
            *convolution(1, 24, kernel_size=5, stride=2),  # (N, 24, 14, 14)
            *convolution(24, 48),  # (N, 48, 14, 14)
            nn.MaxPool2d(2),  # (N, 48, 7, 7)
            *convolution(48, 96),  # (N, 96, 7, 7)
            nn.MaxPool2d(2),  # (N, 96, 3, 3)
        )
        self.fc = nn.Linear(96 * 3 * 3, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """(N, 1, 28, 28) in [-1, 1] -> logits (N, num_classes)."""
        logits: Tensor = self.fc(self.features(images).flatten(1))
        return logits


def convolution(channels_in: int, channels_out: int, kernel_size: int = 3, stride: int = 1) -> list[nn.Module]:
    """Convolution, batch norm, ReLU; the size stays as it is, divided by `stride`."""
    return [
        # no bias: the batch norm that follows has its own
        nn.Conv2d(channels_in, channels_out, kernel_size, stride, padding=kernel_size // 2, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
    ]


def device_of(net: nn.Module) -> torch.device:
    """Where a network's parameters are, so that the same code runs on a CPU and on a GPU. Given."""
    return next((parameter.device for parameter in net.parameters()), torch.device("cpu"))


def train(dataloader: Loader, model: nn.Module, optimizer: torch.optim.Optimizer, epoch: int) -> tuple[float, float]:
    """Train for one epoch, in training mode: for each batch, one step on its mean cross-entropy.

    Args:
        dataloader: Batches of images (N, 1, 28, 28), float32 in [-1, 1], and labels (N,), int64. Use them as they are.
        model: The network, `MyNet` or another; its parameters (and its batch norm statistics) change.
        optimizer: Optimizer over the model's parameters. Use it as it is, with its learning rate.
        epoch: Number of this epoch, from 0. Use it for messages, or leave it.

    Returns:
        `(train_loss, accuracy)`: the mean loss (a list of the batches' losses is fine too, and so is an empty one), and
        the fraction of images classified right on the way, from 0 to 1; means over images or over batches.
    """
    # BEGIN SOLUTION 4a
    #: Put the model into training mode. Then, for each batch: forward pass, loss, clear the old gradients,
    #: backward pass, optimizer step.
    #: Count right answers and images on the way: the last batch may be smaller than the others.
    device = device_of(model)
    model.train()
    total_loss, right, seen = 0.0, 0, 0
    for images, labels in dataloader:
        images, labels = images.to(device), labels.to(device)
        logits = model(images)  # (N, 10)
        loss = F.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        total_loss += loss.item() * len(labels)
        right += int((logits.argmax(dim=1) == labels).sum())
        seen += len(labels)
    return total_loss / seen, right / seen
    # END SOLUTION


def get_prediction(image: Tensor, net: nn.Module) -> Tensor:
    """Predict the class of each image.

    Args:
        image: Batch of images, (N, 1, 28, 28), float32 in [-1, 1].
        net: The network. It may be left in evaluation mode.

    Returns:
        Class indices, (N,), int64.
    """
    # BEGIN SOLUTION 4b
    #: In which mode must a network with batch norm or dropout be when it predicts?
    #: No gradients are needed here: `torch.no_grad()` saves time and memory.
    net.eval()
    with torch.no_grad():
        logits: Tensor = net(image.to(device_of(net)))  # (N, 10)
    return logits.argmax(dim=1)
    # END SOLUTION


def evaluate(dataloader: Loader, net: nn.Module) -> float:
    """Measure how many images a network classifies right, in evaluation mode.

    Args:
        dataloader: Batches of images (N, 1, 28, 28) and labels (N,), as for `train`.
        net: The network, `MyNet` or another. Its weights and buffers stay untouched; it may be left in evaluation mode.

    Returns:
        Fraction of right answers over all images, from 0 to 1.
    """
    # BEGIN SOLUTION 4b
    #: Predict as in `get_prediction`. Divide by the number of images, not by the number of batches.
    device = device_of(net)
    net.eval()
    right, seen = 0, 0
    with torch.no_grad():
        for images, labels in dataloader:
            right += int((net(images.to(device)).argmax(dim=1) == labels.to(device)).sum())
            seen += len(labels)
    return right / seen
    # END SOLUTION


def create_optimizer(net: nn.Module, lr: float) -> torch.optim.Optimizer:
    """Create an optimizer over all parameters of a network.

    Args:
        net: The network.
        lr: Learning rate.

    Returns:
        Any optimizer of `torch.optim` whose learning rate is `lr`, or your own whose `state_dict()` has `param_groups`.
    """
    # BEGIN SOLUTION 4c
    #: SGD with momentum and AdamW both work well; they want quite different learning rates (see LEARNING_RATE).
    return torch.optim.AdamW(net.parameters(), lr=lr, weight_decay=0.01)
    # END SOLUTION


def make_loaders(root: str, batch_size: int) -> tuple[DataLoader[tuple[Tensor, ...]], ...]:
    """Load FashionMNIST, downloading it when it is not there yet. Given.

    Args:
        root: Folder for the data; torchvision makes a folder `FashionMNIST` in it.
        batch_size: Images per batch.

    Returns:
        `(train_loader, val_loader, test_loader)` over 55,000, 5,000 and 10,000 images, as `train` wants them. Choose
        settings by the validation images; the test images are for one last measurement.
    """
    from torchvision.datasets import FashionMNIST  # here, because importing torchvision takes a second

    def tensors(train: bool) -> TensorDataset:
        dataset = FashionMNIST(root, train=train, download=True)
        images = dataset.data.unsqueeze(1).float() / 127.5 - 1  # (N, 1, 28, 28): 0 ... 255 becomes -1 ... 1
        return TensorDataset(images, dataset.targets)

    whole = tensors(train=True)
    split = [len(whole) - VALIDATION_IMAGES, VALIDATION_IMAGES]
    train_set, val_set = random_split(whole, split, generator=torch.Generator().manual_seed(0))
    return (
        DataLoader(train_set, batch_size, shuffle=True),
        DataLoader(val_set, batch_size),
        DataLoader(tensors(train=False), batch_size),
    )


def main() -> None:
    """Train `MyNet` with the functions above and save its weights as `model.pth`. Given; you are free to change it."""
    torch.manual_seed(0)
    train_loader, val_loader, test_loader = make_loaders("data", BATCH_SIZE)
    # channels_last: another order of the same numbers in memory, faster for convolutions
    net = MyNet().to(memory_format=torch.channels_last).to("cuda" if torch.cuda.is_available() else "cpu")
    optimizer = create_optimizer(net, LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=EPOCHS)
    for epoch in range(EPOCHS):
        loss, accuracy = train(train_loader, net, optimizer, epoch)
        schedule.step()
        val_accuracy = evaluate(val_loader, net)
        print(f"epoch {epoch + 1}/{EPOCHS}: loss {loss:.3f}, training {accuracy:.2%}, validation {val_accuracy:.2%}")
    print(f"test {evaluate(test_loader, net):.2%}")
    torch.save(net.state_dict(), "model.pth")
    print("saved model.pth; put it at the root of your zip")


if __name__ == "__main__":
    main()
