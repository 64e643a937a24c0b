"""In the students' kit: there are no reference models, and a public check can't ask for them."""

from __future__ import annotations

from typing import Any

from grader.errors import DataMissing

Reference = Any


def load_reference(assignment: object) -> Reference:
    """There are none."""
    raise DataMissing("A kit has no reference models.")
