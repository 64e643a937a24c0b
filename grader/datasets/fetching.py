"""Fetches every data set and network that is not on this machine yet: `make data`."""

from __future__ import annotations

from collections.abc import Callable

from grader.datasets.cifar import fetch_cifar10
from grader.datasets.fashion import fetch_fashion
from grader.datasets.places import fetch_places365
from grader.errors import DataMissing


def fetch_data(report: Callable[[str], None]) -> None:
    """Obtain every data set and network that is not on this machine yet, where there is a network.

    Args:
        report: Receives one sentence per data set.

    Raises:
        DataMissing: After all were tried, if some are missing and can't be downloaded, or if a file is damaged.
    """
    missing = []
    for fetch in (fetch_fashion, fetch_cifar10, fetch_places365):
        try:
            report(fetch())
        except DataMissing as error:
            missing.append(str(error))
    if missing:
        raise DataMissing(" ".join(missing))
