"""How much memory a command and its processes hold, looked at again and again while it runs."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.measuring import descendants, proportional_kib

EVERY = 1.0  # seconds, unless told otherwise, between two looks: each walks through the tables of every process


@contextmanager
def memory_watched(every: float = EVERY) -> Iterator[list[tuple[float, float]]]:
    """Look at the processes below this one; moments of `time.time` and MiB, pages that several share counted once."""
    seen: list[tuple[float, float]] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(every):
            seen.append((time.time(), sum(map(proportional_kib, descendants(os.getpid()))) / 1024))

    watch = threading.Thread(target=look, daemon=True)
    watch.start()
    try:
        yield seen
    finally:
        over.set()
        watch.join()
