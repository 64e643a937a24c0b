"""Grade these zips with the grader on the path, tests only: `python ours.py result.json alice.zip bob.zip`.

Writes the seconds until it was ready for the first, the seconds of each, and the scores.
"""

import time

STARTED = time.perf_counter()

import json  # noqa: E402 -- the imports are a part of what is measured
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

from grader.sandbox import fork  # noqa: E402

fork.begin()  # as `grade` does

from grader.intake.opening import open_submission  # noqa: E402
from grader.runner import run_submission  # noqa: E402
from grader.sandbox.worker_pool import choose_backend  # noqa: E402
from grader.scoring import grade_submission  # noqa: E402


def main(result: Path, zips: list[Path]) -> None:
    """Grade them one after the other."""
    wall = choose_backend().NAME  # starts the process that cells are forked from
    seconds, scores, ready_s = [], {}, time.perf_counter() - STARTED
    for path in zips:
        started = time.perf_counter()
        submission = open_submission(path)
        run = run_submission(submission, submission.sha256)
        grade = grade_submission(submission, run.checks, submission.assignment.default_variant)
        scores[path.stem] = grade.score
        seconds.append(time.perf_counter() - started)
    found = {"ready_s": ready_s, "seconds": seconds, "scores": scores, "wall": wall}
    result.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
