"""The accuracy that a student's curves claim, beside the one measured here."""

from __future__ import annotations

from collections.abc import Mapping

from grader.author import IntegrityFlags
from grader.vision.claimed_accuracy import note_claim

FAR_APART = 0.1  # worth a remark: curves are noisy, and the last epoch may have been saved in place of the best

Curves = Mapping[str, list[float]]


def compare_claim(history: Curves | None, accuracy: float | None) -> str:
    """A sentence on the accuracy that the curves claim beside the one measured here; empty where one is missing."""
    claimed = _claimed(history)
    if accuracy is None or claimed is None:
        return ""
    told = f"Your best validation accuracy is {claimed:.1%}, your network's on the test images {accuracy:.1%}"
    if abs(claimed - accuracy) <= FAR_APART:
        return f"{told}."
    return f"{told}: that is far apart, so the curves and the file may not be of the same training."


def note_curves(looks: IntegrityFlags, history: Curves, accuracy: float | None) -> None:
    """Remark on curves that claim far more, or far less, than the network is worth."""
    claimed = _claimed(history)
    if accuracy is not None and claimed is not None:
        note_claim(looks, "history.json", claimed, accuracy, FAR_APART, both=True)


def _claimed(history: Curves | None) -> float | None:
    return max((history or {}).get("val_accuracy") or [], default=None)
