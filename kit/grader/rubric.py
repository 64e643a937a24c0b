"""In the students' kit: where it stands."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
Assignment = object
