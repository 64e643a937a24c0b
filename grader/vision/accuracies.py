"""Accuracies that a student's file claims: fractions, or percent."""

from __future__ import annotations

from collections.abc import Sequence

from grader.checking.compare import expect

UNITS = "fractions from 0 to 1, or percent from 0 to 100"


def as_fractions(claimed: Sequence[tuple[str, float]], mixed: str | None = None) -> list[float]:
    """Bring accuracies to [0, 1]; where one is above 1, all of them are percent.

    Args:
        claimed: Each accuracy, finite, with the words that say where it stands.
        mixed: Id of the known mistake of writing some as fractions and some in percent.

    Raises:
        Failure: If one is below 0 or above 100, or if fractions and percent are mixed: among percent, a number above 0
            that is not above 1 would be an accuracy that guessing never has.
    """
    for where, value in claimed:
        expect(0 <= value <= 100, f"{where} is not an accuracy.", expected=UNITS, got=str(value)[:40])
    largest = max((value for _, value in claimed), default=0.0)
    if largest <= 1:
        return [float(value) for _, value in claimed]
    for where, value in claimed:
        expect(
            value == 0 or value > 1,
            f"{where} is {value:g}, and {largest:g} stands beside it: is that a fraction, or percent?",
            expected=f"nothing but {UNITS}",
            got=f"{value:g} and {largest:g}",
            mistake=mixed,
        )
    return [value / 100 for _, value in claimed]
