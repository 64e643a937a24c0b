"""A process with torch loaded forks for each module, and runs the checks in the child; no walls.

`python fork_server.py result.json alice.py bob.py` writes the seconds until it was ready, the seconds of each, and the
scores.
"""

import time

STARTED = time.perf_counter()

import importlib.util  # noqa: E402 -- the imports are a part of what is measured
import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

from plain_checks import CHECKS  # type: ignore[import-not-found]  # noqa: E402 -- beside this script; brings torch


def main(result: Path, modules: list[Path]) -> None:
    """Check them one after the other, each in a child."""
    seconds, scores, ready_s = [], {}, time.perf_counter() - STARTED
    for path in modules:
        started = time.perf_counter()
        read, write = os.pipe()
        child = os.fork()
        if not child:
            os.write(write, json.dumps(score(path)).encode())
            os._exit(0)
        os.close(write)
        with open(read, "rb") as answer:
            scores[path.stem] = json.loads(answer.read())
        os.waitpid(child, 0)
        seconds.append(time.perf_counter() - started)
    result.write_text(json.dumps({"ready_s": ready_s, "seconds": seconds, "scores": scores}), encoding="utf-8")


def score(path: Path) -> int:
    """How many of the checks a module passes."""
    spec = importlib.util.spec_from_file_location("basics", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    passed = 0
    for check in CHECKS:
        try:
            check(getattr(module, check.__name__.removeprefix("check_")))
            passed += 1
        except Exception:
            continue
    return passed


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
