"""The data sets in the form in which an assignment's manifest names them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from grader.errors import MachineError
from grader.folders import data_folder
from grader.vision.datasets.cifar import cifar10, fetch_cifar10
from grader.vision.datasets.fashion import fashion_mnist, fetch_fashion
from grader.vision.datasets.imageset import ImageSet, Split, without_downloads
from grader.vision.datasets.places import FILE, fetch_places365


@dataclass(frozen=True)
class Images:
    """Labelled images, a `grader.manifest.DataSet`.

    Attributes:
        name: As a report calls them.
        load: Gives a split.
        fetch: Obtains both splits; returns a sentence about them.
        folders: Names of the folders in which torchvision keeps them, in lower case.
    """

    name: str
    load: Callable[[Split], ImageSet]
    fetch: Callable[[], str]
    folders: tuple[str, ...] = ()

    def describe(self) -> str:
        """Where the test images come from and their digest, or why they are missing."""
        try:
            with without_downloads():  # the checks have tried
                images = self.load("test")
        except MachineError as error:
            return f"missing: {error}"
        return f"{images.source}, {images.digest}"


class Places365:
    """The network that was trained on Places365, a `grader.manifest.DataSet`."""

    name = "Places365 ResNet-50"
    folders: tuple[str, ...] = ()

    def describe(self) -> str:
        """How large its file is: reading it takes long."""
        path = data_folder() / FILE
        return f"{path.stat().st_size:,} bytes" if path.is_file() else "missing"

    def fetch(self) -> str:
        """Obtain its weights; returns a sentence about them."""
        return fetch_places365()


FASHION_MNIST = Images("FashionMNIST", fashion_mnist, fetch_fashion, ("fashionmnist", "mnist"))
CIFAR10 = Images("CIFAR-10", cifar10, fetch_cifar10, ("cifar-10-batches-py",))
PLACES365 = Places365()
