"""Prints while it is imported, as some libraries do."""

from __future__ import annotations

from pathlib import Path

print("\n-----\nthis library is looking for another one")


def main(folder: Path) -> None:
    """Do something."""
    (folder / "done").write_text("done")
