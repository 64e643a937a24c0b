"""Processes of ours for work that is done in parallel: whole submissions, and the cases of `make validate`."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor

from grader import limited_process


def cores() -> int:
    """How many processes have a core each."""
    return len(os.sched_getaffinity(0))


def make_pool(jobs: int) -> ProcessPoolExecutor:
    """So many processes, which share the cores, leave Ctrl-C to the one that made them, and end with it."""
    # Spawned, because a fork of a process whose torch has threads may hang.
    return ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _begin, (os.getpid(),))


def wait_asleep() -> None:
    """Have torch's threads sleep while they wait, for other processes to compute; it must not be loaded yet."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def _begin(parent: int) -> None:
    end_with(parent)
    wait_asleep()
    import torch

    torch.set_num_threads(1)
    gc.collect()
    gc.freeze()  # pytest collects garbage around each run, and torch's modules are a lot to look through


def end_with(parent: int) -> None:
    """Have this process end when its parent does, and not before, as on Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limited_process.end_with(parent, signal.SIGTERM)
