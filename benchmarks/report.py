"""A report of twenty figures: seconds for drawing and for rendering, and bytes."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from tempfile import TemporaryDirectory

from benchmarks.measuring import spread
from benchmarks.sections import Section, Table
from grader.bounded_process import ONE_THREAD
from grader.rubric import PROJECT

HOW = (
    "The report of a perfect submission of Miniplaces, and in its last section figures of Two Networks, {count:.0f} in "
    "all. The checks have run before; a process then does what the grader's does: it starts (once for all submissions "
    "of a grader), draws, fills in the page, lays it out and writes the PDF, with one thread. Beside it, turn by turn, "
    "a cold `import torch`. Seconds on the clock, medians (and smallest to largest)."
)
ROUNDS, QUICK_ROUNDS = 5, 2
PARTS = {"start": "starting, imports", "draw": "drawing", "page": "web page", "write_pdf": "layout and PDF"}
MOST_IMPORTS, MOST_MB = 4, 2.0  # the goals


def measure(quick: bool) -> Section:
    """Render one report again and again, each time in a new process, and import torch between."""
    found: list[dict[str, float]] = []
    imports: list[float] = []
    with TemporaryDirectory(prefix="benchmark-") as folder:
        _drawing("prepare", folder)
        for _ in range(QUICK_ROUNDS if quick else ROUNDS):
            imports.append(_import_torch())
            found.append(json.loads(_drawing("render", folder, str(time.monotonic()))))
    count, megabytes = found[0]["figures"], found[0]["bytes"] / 1e6
    together = [sum(each[part] for part in PARTS) for each in found]
    rows = [(name, *_row([each[part] for each in found], imports)) for part, name in PARTS.items()]
    rows += [("together", *_row(together, imports)), ("cold import of torch", *_row(imports, imports))]
    ratio = statistics.median(together) / statistics.median(imports)
    started = statistics.median(each["start"] for each in found) / statistics.median(imports)
    remarks = (
        f"{ratio:.1f} cold imports of torch together, and {ratio - started:.1f} in a grader that has rendered before; "
        f"goal: below {MOST_IMPORTS}.",
        f"{megabytes:.2f} MB for {count:.0f} figures; goal: below {MOST_MB:g} MB.",
    )
    table = Table((f"{count:.0f} figures", "s", "cold imports of torch"), tuple(rows))
    return Section("report", "A report", HOW.format(count=count), (table,), remarks)


def _row(values: Sequence[float], imports: Sequence[float]) -> tuple[str, str]:
    return spread(values), f"{statistics.median(values) / statistics.median(imports):.2f}"


def _import_torch() -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch"], cwd=PROJECT, check=True)
    return time.perf_counter() - started


def _drawing(*words: str) -> str:
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.drawing", *words],
        cwd=PROJECT, env={**os.environ, **ONE_THREAD}, text=True, stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    return run.stdout
