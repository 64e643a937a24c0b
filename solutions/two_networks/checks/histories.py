"""Learning curves: those of `history.json`, read here as plain JSON, and their plot beside the reference's.

The mistakes that reading recognises, declared for each network as `<network>.<name>`:

history_of_one_network      the curves stand at the top, not under the network's name
history_by_epoch            a list of epochs, each with its numbers, in place of a list per curve
history_lacks_curves        a curve that must be there is not
history_of_last_epoch       a single number in place of a curve
history_not_finite          nan or inf among the numbers
history_of_unequal_lengths  curves of different lengths
history_in_two_units        some accuracies of a curve as fractions, some in percent
history_constant            the training loss never changes, or is 0
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from grader.author import Failure, Implementation, LayOut, expect, parse_json, summarise
from grader.vision.accuracies import as_fractions
from solutions.two_networks.checks.claims import compare_claim

FILE = "history.json"
CURVES = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")
MOST_BYTES, MOST_EPOCHS = 1 << 20, 2000
LARGEST_DRAWN = 1e6  # a loss beyond it is drawn as this
FORM = '{"supervised": {"train_loss": [...], ...}, "rotation": {...}}'

History = dict[str, list[float]]


def judge_curves(
    student: Implementation,
    network: str,
    needed: tuple[str, ...],
    caption: str,
    accuracy: float | None,
    threshold: float,
    metrics: Mapping[str, Any],
    exhibit: LayOut,
) -> History:
    """Read the curves of one network and lay them out; the reference's are shown whatever the student's are.

    Args:
        student: Whose file.
        network: As for `read_history`, as is `needed`.
        needed: The curves that must be there.
        caption: What is shown; what the curves claim is told after it.
        accuracy: What was measured on the test images, if it was.
        threshold: The accuracy that earns the points.
        metrics: The reference network's.
        exhibit: Takes the plot.

    Returns:
        The student's curves.

    Raises:
        Missing, Failure: As `read_history`.
    """
    history: History | None = None
    try:
        history = read_history(student, network, needed)
    finally:
        told = f"{caption} {compare_claim(history, accuracy)}".strip()
        lay_out_curves(exhibit, history, metrics, accuracy, threshold, told)
    return history


def read_history(student: Implementation, network: str, needed: tuple[str, ...] = CURVES) -> History:
    """The curves of one network, as the student hands them in.

    Args:
        student: Whose file.
        network: "supervised" or "rotation".
        needed: The curves that must be there and well-formed; others are taken if they are, and left out if not.

    Returns:
        Finite numbers by curve, all curves equally long, 1 to 2,000 epochs; accuracies in [0, 1], also where the file
        has them in percent.

    Raises:
        Missing: If there is no such file.
        Failure: If it does not hold these curves; see this module for the mistakes that are named.
    """
    curves = _curves_of(_parse(student), network)
    lacking = [name for name in needed if name not in curves]
    expect(
        not lacking,
        f'"{network}" in {FILE} lacks {", ".join(lacking)}.',
        expected=", ".join(needed),
        got=list(curves)[:6],
        mistake=f"{network}.history_lacks_curves",
    )
    history = {name: _read_curve(network, name, curves[name]) for name in needed}
    lengths = {name: len(curve) for name, curve in history.items()}
    expect(
        len(set(lengths.values())) == 1,
        f'The curves of "{network}" in {FILE} are not equally long.',
        expected="a number per epoch in each",
        got=", ".join(f"{name}: {length}" for name, length in lengths.items()),
        mistake=f"{network}.history_of_unequal_lengths",
    )
    losses = history["train_loss"]
    is_single = len(losses) == 1
    where = "" if is_single else f" in each of {len(losses)} epochs"
    expect(
        losses[0] > 0 if is_single else max(losses) > min(losses),
        f'train_loss of "{network}" in {FILE} is {losses[0]:g}{where}.',
        expected="a loss above 0" if is_single else "what training gave: a loss that changes from epoch to epoch",
        got=summarise(losses),
        mistake=f"{network}.history_constant",
    )
    return history | _others(network, curves, needed, lengths[needed[0]])


def _parse(student: Implementation) -> dict[str, Any]:
    content = student.files.get(FILE)
    if content is None:
        raise student.lacks(FILE, help=f"Save your learning curves in it: {FORM}.")
    expect(len(content) <= MOST_BYTES, f"{FILE} is too large.", expected="1 MiB at most", got=f"{len(content)} bytes")
    try:
        parsed = parse_json(content)
    except (ValueError, RecursionError) as error:
        help = "Write it with json.dump; str() of a dict, or torch.save, gives something else."
        raise Failure(f"{FILE} is not JSON.", expected=FORM, got=str(error)[:200], help=help) from error
    expect(isinstance(parsed, dict), f"{FILE} must hold an object.", expected=FORM, got=summarise(parsed))
    return dict(parsed)


def _curves_of(parsed: Mapping[str, Any], network: str) -> dict[str, Any]:
    mistake = f"{network}.history_of_one_network" if set(CURVES) & parsed.keys() else None
    expect(
        network in parsed,
        f'{FILE} has no "{network}".',
        expected=FORM,
        got=list(parsed)[:6],
        mistake=mistake,
    )
    curves = parsed[network]
    mistake = f"{network}.history_by_epoch" if isinstance(curves, list) else None
    expect(
        isinstance(curves, dict),
        f'"{network}" in {FILE} must hold its curves by name.',
        expected="a list of numbers for each of " + ", ".join(CURVES),
        got=summarise(curves),
        mistake=mistake,
    )
    return dict(curves)


def _read_curve(network: str, name: str, curve: Any) -> list[float]:
    """One curve as it must be; raises Failure otherwise."""
    what = f'{name} of "{network}" in {FILE}'
    mistake = f"{network}.history_of_last_epoch" if _is_number(curve) else None
    expect(
        isinstance(curve, list), f"{what} is not a list.", expected="a number per epoch", got=summarise(curve),
        mistake=mistake,
    )  # fmt: skip
    expect(
        0 < len(curve) <= MOST_EPOCHS,
        f"{what} has {len(curve)} numbers.",
        expected=f"one per epoch, 1 to {MOST_EPOCHS:,}",
        got=str(len(curve)),
    )
    for epoch, value in enumerate(curve):
        at = f"Number {epoch + 1} of {what}"
        expect(_is_number(value), f"{at} is not a number.", expected="a number", got=summarise(value))
        expect(
            math.isfinite(value), f"{at} is {value}.", expected="a finite number", got=str(value),
            mistake=f"{network}.history_not_finite",
        )  # fmt: skip
    if name.endswith("accuracy"):  # each curve in a unit of its own: they may come from two scripts
        claimed = [(f"Number {epoch + 1} of {what}", value) for epoch, value in enumerate(curve)]
        return as_fractions(claimed, f"{network}.history_in_two_units")
    return [float(value) for value in curve]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _others(network: str, curves: Mapping[str, Any], needed: tuple[str, ...], length: int) -> History:
    """The curves that need not be there: those that are as they should be."""
    found = {}
    for name in CURVES:
        if name in curves and name not in needed:
            try:
                curve = _read_curve(network, name, curves[name])
            except Failure:
                continue
            if len(curve) == length:
                found[name] = curve
    return found


def chosen_epoch(history: Mapping[str, list[float]]) -> int | None:
    """Index of the epoch with the least validation error; None where there is no validation curve."""
    if accuracies := history.get("val_accuracy"):
        return max(range(len(accuracies)), key=accuracies.__getitem__)
    if losses := history.get("val_loss"):
        return min(range(len(losses)), key=losses.__getitem__)
    return None


def lay_out_curves(
    exhibit: LayOut,
    history: History | None,
    reference_metrics: Mapping[str, Any],
    accuracy: float | None,
    threshold: float,
    caption: str,
) -> None:
    """Lay out the figure `curves`: the student's beside the reference's, the chosen epoch, the measured accuracies.

    Args:
        exhibit: The fixture.
        history: The student's curves; None where they can't be read.
        reference_metrics: Of the reference network, as `Reference.metrics` holds them.
        accuracy: Of the student's network on the test images; None where it was not measured.
        threshold: The accuracy that earns the credit.
        caption: Of the figure.
    """
    series = [_series("Yours", history)] if history else []
    best = chosen_epoch(history) if history else reference_metrics["best_epoch"]
    lines = [{"label": "Your network", "accuracy": accuracy}] if accuracy is not None else []
    exhibit(
        "curves",
        "curves",
        caption,
        facts={
            "series": [*series, _series("Reference", reference_metrics["curves"])],
            "best_epoch": None if best is None else best + 1,
            "lines": [*lines, {"label": "Reference", "accuracy": reference_metrics["test_accuracy"]}],
            "threshold": threshold,
        },
    )


def _series(label: str, curves: Mapping[str, list[float]]) -> dict[str, Any]:
    drawn = {name: [_drawn(value) for value in curves[name]] for name in CURVES if name in curves}
    epochs = max((len(curve) for curve in drawn.values()), default=0)
    return {"label": label, "epochs": list(range(1, epochs + 1)), **drawn}


def _drawn(value: float) -> float:
    return max(-LARGEST_DRAWN, min(value, LARGEST_DRAWN))
