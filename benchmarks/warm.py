"""A grader that goes on after a submission, as within a class: `python -m benchmarks.warm` asks for zips on its input.

A line of the input is a JSON list, zip and folder for the reports; the answer is what was logged, and when.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from grader.pipeline import grade_zip
from grader.process_pool import make_pool


def grade(archive: str, out: str) -> list[tuple[float, str]]:
    """Grade a zip here; each line of the log, after so many seconds, and at last an empty one."""
    lines: list[tuple[float, str]] = []
    started = time.monotonic()
    grade_zip(Path(archive), Path(out), log=lambda line: lines.append((time.monotonic() - started, line)))
    return [*lines, (time.monotonic() - started, "")]


def main() -> None:
    """Answer every line of the input; the work is done in a process like those of a class."""
    with make_pool(1) as pool:
        for line in sys.stdin:
            print(json.dumps(pool.submit(grade, *json.loads(line)).result()), flush=True)


if __name__ == "__main__":
    main()
