"""A remark on an accuracy that a student's file claims and that was not measured here."""

from __future__ import annotations

from grader.checking.integrity_flags import IntegrityFlags


def note_claim(looks: IntegrityFlags, where: str, claimed: float, measured: float, most: float, *, both: bool) -> None:
    """Remark on a validation accuracy that is far from what was measured on the test images.

    Args:
        looks: Takes the remark.
        where: The file that claims it.
        claimed: The best that it claims.
        measured: On the test images.
        most: Points, as a share, that may lie between them.
        both: Whether claiming far too little is remarked on as well.
    """
    apart = claimed - measured
    if apart > most or (both and -apart > most):
        told = f"{where} claims {claimed:.1%} at best on validation images; the network that came with it is right on"
        looks.note("claim", f"{told} {measured:.1%} of the test images.", claimed=claimed, measured=measured)
