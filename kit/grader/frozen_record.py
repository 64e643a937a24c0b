"""In the students' kit: what the records have in common, without pydantic."""

from __future__ import annotations

from dataclasses import dataclass, field


class Record:
    """A frozen record; the grader's own also checks the types."""

    def __init_subclass__(cls) -> None:
        """Make it a dataclass; a dictionary given as a default is copied for each record."""
        for name, value in list(vars(cls).items()):
            if isinstance(value, dict) and not name.startswith("__"):
                setattr(cls, name, field(default_factory=value.copy))
        dataclass(frozen=True, kw_only=True)(cls)
