"""Which model files of a class hold nearly the same network, among themselves and with the reference models."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import isnan, nan

import numpy as np
from safetensors.numpy import load_file

from grader.course.similarity.code import least_share, most_alike
from grader.course.similarity.weights import Likeness, Model, compare_models, make_model
from grader.errors import MachineError
from grader.records import Array
from grader.reference import load_reference
from grader.rubric import Assignment

# Correlations measured with `compare_models`, on a small CNN and 20,000 images of 28x28. Another seed: below 0.07.
# The same seed, which the given script sets, after four epochs: 0.56 with SGD for Adam, 0.975 with AdamW for Adam, 0.91
# with the images in another order; 0.985 between an epoch and the next, here and after eight epochs of 60,000 images.
# Residual networks trained apart, some of the same seed: 0.77 and below. A network rounded to bfloat16: 0.99999; with
# noise of 1% 0.99995, of 10% 0.995, of 30% 0.96.
LEAST_LIKENESS = 0.99
CERTAIN_LIKENESS = 0.995  # is worth a look in any class
EXACT = 0.999  # of the numbers: a storage may be left out
SHOWN = 3  # storages, the largest

SEED = (
    "The given script sets the seed: with the same settings, on a machine of the same kind, it gives the same network."
)
ANY_FILE = "A file that both were given or fetched would explain it, or one script with one seed that both have run."

Place = tuple[int, str]  # a student's position in the class, and a file


@dataclass(frozen=True)
class WeightMatch:
    """Two models that are alike; `first` and `second` are positions in the sequence that was compared."""

    first: int
    second: int
    likeness: Likeness
    typical: float  # the median over the class; nan in a small one


def compare_weights(models: Sequence[Model]) -> list[WeightMatch]:
    """The pairs of a class that are much more alike than the class is, in its order.

    What is the same in more than a third of a class is left out: so many have run the given script as it is.
    """
    count = len(models)
    likeness = {(i, j): compare_models(models[i], models[j]) for i in range(count) for j in range(i + 1, count)}
    shares = np.zeros((count, count), np.float32)
    for (row, column), alike in likeness.items():
        shares[row, column] = shares[column, row] = alike.share
    typical, least = least_share(shares, [True] * count, LEAST_LIKENESS, CERTAIN_LIKENESS)
    crowd = (shares >= EXACT).sum(axis=1) + 1 > most_alike(count)
    return [
        WeightMatch(row, column, alike, typical)
        for (row, column), alike in likeness.items()
        if alike.share >= least and not (alike.share >= EXACT and crowd[row] and crowd[column])
    ]


def same_elsewhere(held: Sequence[Mapping[str, Model]]) -> Iterator[tuple[Place, Place, WeightMatch]]:
    """The files of two students, whatever their names, that are the same or hold the same numbers.

    What more than a third of those who hold a network have is left out. One pass over all files finds them.

    Args:
        held: Each student's models by file.
    """
    owners: dict[bytes, dict[int, str]] = defaultdict(dict)
    for student, models in enumerate(held):
        for file, model in sorted(models.items()):
            for key in (model.sha256, *(blob.sorted for blob in model.blobs[:1])):  # the largest storage
                owners[key].setdefault(student, file)
    most = most_alike(sum(bool(models) for models in held))
    for _key, files in sorted(owners.items()):
        for first, second in combinations(sorted(files.items()), 2) if len(files) <= most else ():
            alike = compare_models(held[first[0]][first[1]], held[second[0]][second[1]])
            if first[1] != second[1] and alike.share >= EXACT:
                yield first, second, WeightMatch(first[0], second[0], alike, nan)


def compare_with(model: Model, reference: Model) -> WeightMatch | None:
    """A student's model and a reference's, if they are alike."""
    alike = compare_models(model, reference)
    return WeightMatch(0, 1, alike, nan) if alike.share >= LEAST_LIKENESS else None


def read_references(assignment: Assignment) -> dict[str, Model]:
    """The reference models of an assignment by name: those that ship with the project, and those trained here."""
    shipped = sorted((assignment.solutions_folder / "reference").glob("*.safetensors"))
    found = {path.stem: _model(path.stem, list(load_file(path).values())) for path in shipped}
    try:
        reference = load_reference(assignment)
    except MachineError:  # there are none
        return found
    if reference.source != "shipped":
        for name, weights in reference.weights.items():
            found[f"{name} trained here"] = _model(f"{name} here", [value.numpy() for value in weights.values()])
    return found


def _model(name: str, arrays: Sequence[Array]) -> Model:
    flat = (array.reshape(-1) for array in arrays if np.issubdtype(array.dtype, np.floating))
    return make_model(hashlib.sha256(name.encode()).digest(), 0, flat)


def told(match: WeightMatch) -> str:
    """What is alike, as the end of a sentence, and what is usual."""
    alike = match.likeness
    if alike.same_bytes:
        what = "are the same file, byte for byte."
    elif alike.same >= EXACT:
        what = "hold exactly the same numbers, saved differently."
    elif alike.reordered >= EXACT:
        what = "hold the same numbers, in another order or rounded."
    else:
        what = f"hold nearly the same numbers (correlation {alike.share:.4f})."
    usual = (
        "" if isnan(match.typical) else f" Between two students of this class the correlation is {match.typical:.2f}."
    )
    return f"{what}{usual}"


def model_evidence(first: Model, second: Model, match: WeightMatch) -> tuple[tuple[str, str, str], ...]:
    """What was compared: the digests, the sizes, and the largest storages."""
    both = (first, second)
    rows = [
        ("SHA-256 of the file", *(model.sha256.hex() if model.size else "of a reference" for model in both)),
        ("Numbers compared", *(f"{model.numbers:,} in {len(model.blobs)} storages" for model in both)),
    ]
    for place in range(min(SHOWN, len(first.blobs), len(second.blobs))):
        texts = [_storage(model, place) for model in both]
        rows.append((f"Storage {place + 1} by size", texts[0], texts[1]))
    return tuple((what, one, other) for what, one, other in rows)


def _storage(model: Model, place: int) -> str:
    blob = model.blobs[place]
    some = ", ".join(f"{number:+.4f}" for number in blob.first)
    return f"{blob.count:,} numbers, {some} …"
