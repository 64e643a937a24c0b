"""Cases of a parametrized test in two tiers: those that take long are of the long one."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import Any

import pytest


def tiered(cases: Mapping[str, Any] | Iterable[str], slow: Container[str]) -> list[Any]:
    """Cases by name for `parametrize`, those in `slow` marked so; a bare name is its own value."""
    named = cases if isinstance(cases, Mapping) else {name: name for name in cases}
    return [
        pytest.param(value, id=name, marks=pytest.mark.slow if name in slow else ()) for name, value in named.items()
    ]
