"""Fetches what the assignments need from elsewhere and this machine lacks: `make data`."""

from __future__ import annotations

from collections.abc import Callable

from grader.errors import DataMissing
from grader.manifest import load_manifest
from grader.rubric import find_assignments


def fetch_data(report: Callable[[str], None]) -> None:
    """Obtain every data set and network that is not on this machine yet, where there is a network.

    Args:
        report: Receives one sentence per data set.

    Raises:
        DataMissing: After all were tried, if some are missing and can't be downloaded, or if a file is damaged.
    """
    needed = {data.name: data for each in find_assignments().values() for data in load_manifest(each).data}
    missing = []
    for data in needed.values():
        try:
            report(data.fetch())
        except DataMissing as error:
            missing.append(str(error))
    if missing:
        raise DataMissing(" ".join(missing))
