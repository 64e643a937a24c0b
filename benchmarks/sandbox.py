"""What a worker costs behind each wall: `python -m benchmarks.sandbox [times]` prints medians in milliseconds.

*ready*: started, confined and holding a tiny submission, so that it can be asked. *check*: that, one function of the
submission imported and called, and everything ended. Both from a grader that has had a worker before. Started by root,
it measures as an ordinary user too.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from types import ModuleType

from grader.rubric import PROJECT, Limits
from grader.sandbox.worker_pool import BACKENDS

LIMITS = Limits()
FILES = {"tiny.py": b"def double(x):\n    return 2 * x\n"}
TIMES = 30
SLOW = 5  # those that import torch anew are not measured more often


def measure(backend: ModuleType) -> tuple[float, float]:
    """Milliseconds until a worker is ready, and until a trivial check is over."""
    started = time.perf_counter()
    worker = backend.start(LIMITS, LIMITS.scratch_mib)
    try:
        worker.confine(LIMITS, LIMITS.scratch_mib, FILES, backend.system_calls())
        ready = time.perf_counter()
        worker.exchange({"op": "import", "module": "tiny"}, [], worker.stopwatch(20), 1 << 20)
        request = {"op": "call", "target": {"module": "tiny", "name": "double"}, "args": [21], "kwargs": {}}
        reply, _ = worker.exchange(request, [], worker.stopwatch(20), 1 << 20)
        assert reply.get("value") == 42, reply
    finally:
        worker.stop()
    return 1e3 * (ready - started), 1e3 * (time.perf_counter() - started)


def measure_all(times: int) -> dict[str, list[list[float]] | str]:
    """Measurements by backend, or why it can't work here."""
    found: dict[str, list[list[float]] | str] = {}
    for backend in BACKENDS:
        reason = backend.unavailable()
        if reason is None:
            measure(backend)
            rounds = times if backend.NAME == "fork" else min(times, SLOW)
            found[backend.NAME] = [list(measure(backend)) for _ in range(rounds)]
        else:
            found[backend.NAME] = reason
    return found


def show(user: str, found: dict[str, list[list[float]] | str]) -> None:
    """Print a line for each backend: medians, and in brackets the slowest."""
    for name, measured in found.items():
        if isinstance(measured, str):
            print(f"{user:10} {name:10} {measured}")
            continue
        ready, check = zip(*measured, strict=True)
        workers = [f"{statistics.median(each):8.1f} ({max(each):7.1f})" for each in (ready, check)]
        print(f"{user:10} {name:10} {len(measured):5} {workers[0]:>19} {workers[1]:>19}")


def main(times: int) -> None:
    """Measure and print."""
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"Linux {platform.release()}, {os.cpu_count()} processors, load {load}; Python {platform.python_version()}")
    print(f"{'user':10} {'wall':10} {'times':>5} {'ready ms (max)':>19} {'check ms (max)':>19}")
    sys.path.append(str(PROJECT / "tests"))
    from sample_user import ENVIRONMENT, NoUser, command_as_user

    is_root = os.geteuid() == 0
    show("root" if is_root else "ordinary", measure_all(times))
    if is_root:
        try:
            command = command_as_user("-m", "benchmarks.sandbox", str(times), "--json")
        except NoUser as reason:
            print(f"{'ordinary':10} {reason}")
            return
        run = subprocess.run(command, cwd="/", env=ENVIRONMENT, stdout=subprocess.PIPE, text=True, check=True)
        show("ordinary", json.loads(run.stdout))


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else TIMES
    if "--json" in sys.argv:
        print(json.dumps(measure_all(number)))
    else:
        main(number)
