"""A cell that takes what it can get of a machine: tasks, processors, and time in which nothing is asked of it.

Run as a program (`python sample_taking.py container`), it prints what came of that as JSON: so an ordinary user tries.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from types import ModuleType
from typing import Any

from sample_machine import open_worker
from sample_without import BACKENDS, without

from grader.errors import CheckStopped
from grader.sandbox.cgroups import ControlGroups
from grader.sandbox.student import Implementation

GREEDY = b"""
import os
import threading
import time

COUNT = [0]


def multiply(most, seconds):
    end, started = time.monotonic() + seconds, 0
    threading.stack_size(1 << 16)
    while started < most and time.monotonic() < end:
        try:
            threading.Thread(target=time.sleep, args=(max(0, end - time.monotonic()),)).start()
            started += 1
        except RuntimeError:
            break
    time.sleep(max(0, end - time.monotonic()))
    return started


def spin(count, seconds):
    end = time.monotonic() + seconds
    for _ in range(count):
        try:
            child = os.fork()
        except OSError:
            try:
                threading.Thread(target=run, args=(end,)).start()
            except RuntimeError:
                break
            continue
        if child == 0:
            os.setsid()
            run(end)
            os._exit(0)
    run(end)


def run(end):
    while time.monotonic() < end:
        pass


def linger(seconds):
    end = time.monotonic() + seconds

    def count():
        while time.monotonic() < end:
            COUNT[0] += 1

    threading.Thread(target=count).start()


def compute(seconds):
    began, before = time.monotonic(), time.thread_time()
    while time.thread_time() - before < seconds:
        pass
    return time.monotonic() - began
"""
FILES = {"reach.py": GREEDY}


def threads(backend: ModuleType) -> Any:
    """How many threads there could be, or what ended the cell that wanted 1,500."""
    with open_worker(backend, FILES) as (student, _):
        try:
            return student.reach.multiply(1500, 1.5)
        except CheckStopped as stopped:
            return stopped.message


def idle_seconds(backend: ModuleType) -> float:
    """Seconds that a thread computes in half a second in which the cell is asked nothing; it goes on afterwards."""
    with open_worker(backend, FILES) as (student, cell):
        student.reach.linger(6)
        before = _used(cell)
        time.sleep(0.5)
        took = _used(cell) - before
        assert student.reach.compute(0.1) > 0
        assert _used(cell) - before > 0.1
        return took


def _used(cell: Any) -> float:
    return float(cell.stopwatch(1)._began_cpu_s)


def slowdown(backend: ModuleType) -> float:
    """How many times as long an honest cell computes beside one with 28 busy processes or threads, as alone."""
    with open_worker(backend, FILES) as (greedy, _), open_worker(backend, FILES) as (honest, _):
        alone = honest.reach.compute(0.4)
        beside = threading.Thread(target=_spin, args=(greedy,))
        beside.start()
        time.sleep(0.5)
        took = honest.reach.compute(0.4)
        beside.join()
        return float(took / alone)


def _spin(greedy: Implementation) -> None:
    greedy.reach.spin(28, 3)


def take(name: str, *, groups: bool = True) -> dict[str, Any]:
    """All of it, behind one wall; without control groups where they are not wanted."""
    backend, here = BACKENDS[name], ControlGroups.here
    if not groups:
        ControlGroups.here = staticmethod(lambda: None)  # type: ignore[method-assign]
    try:
        with without(backend, ()):
            tried = threads, idle_seconds, slowdown
            return {each.__name__: each(backend) for each in tried}
    finally:
        ControlGroups.here = staticmethod(here)  # type: ignore[method-assign]


if __name__ == "__main__":
    print(json.dumps(take(sys.argv[1])))
