"""Tries your work, and packs it: `python check.py`, `python check.py 2c`, `python check.py --pack ada_lovelace`."""

import sys
from importlib.util import find_spec
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
NEEDED = ("torch", "torchvision", "sklearn", "matplotlib", "pytest")


def check() -> int:
    """Say what is missing, or do what is asked."""
    if sys.version_info < (3, 11):  # noqa: UP036 - a student's Python may be any
        print("Python 3.11 or newer is needed.")
        return 3
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        names = " ".join("scikit-learn" if name == "sklearn" else name for name in missing)
        print(f"Install what is missing first: python -m pip install {names}")
        return 3
    sys.dont_write_bytecode = True
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # a terminal may lack a letter
    sys.path.insert(0, str(FOLDER / "kit"))
    from grader.authoring.kit.main import main

    return main(FOLDER, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(check())
