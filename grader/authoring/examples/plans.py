"""What each student of an example class did right and wrong, and the files that come of it."""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice

from grader.authoring.composing.submission import compose
from grader.authoring.examples.refused import BAD_ZIPS
from grader.course.records import Person
from grader.manifest import load_manifest
from grader.rubric import Assignment
from grader.solutions import Variation, load_accepted, load_mistakes, model_file

# What the students of a class are like, again and again: how many known mistakes and accepted ways are in their work,
# and what else became of it.
PATTERN = (
    (2, 0, ""), (0, 0, ""), (0, 0, "bad zip"), (1, 2, ""), (0, 5, ""), (0, 1, "syntax error"), (3, 0, ""),
    (0, 1, "weaker model"), (1, 0, "module missing"), (0, 0, "bad zip"), (4, 2, ""), (0, 0, "stubs only"),
    (1, 1, "module untouched"), (0, 6, ""), (2, 1, "no model"), (1, 0, ""), (0, 0, "bad zip"), (3, 3, ""),
    (0, 3, "model pickled whole"), (2, 2, ""),
)  # fmt: skip
WEAK = 0.6  # noise in the weights of a weaker model, by their standard deviation: 78% right in place of 93%
SLIP = b"\n\ndef unfinished(x:\n    return x\n"


@dataclass(frozen=True)
class ExamplePlan:
    """One student's work.

    Attributes:
        variations: Ids of the mistakes and accepted ways in it.
        spoilt: What else became of it, as in PATTERN; empty for nothing.
        part: The module or model file that this is about.
        bad_zip: What is wrong with the zip as a whole, as in BAD_ZIPS; empty for nothing.
    """

    variations: tuple[str, ...] = ()
    spoilt: str = ""
    part: str = ""
    bad_zip: str = ""

    def mistakes(self, assignment: Assignment) -> tuple[str, ...]:
        """Ids of the known mistakes in it, sorted."""
        known = {each.id for each in load_mistakes(assignment)}
        return tuple(sorted(known & set(self.variations)))


def make_plans(count: int, assignment: Assignment, rng: random.Random) -> list[ExamplePlan]:
    """Plans for so many students; mistakes and accepted ways come up again only when all have."""
    mistakes = _Deck(load_mistakes(assignment), rng)
    others = _Deck(load_accepted(assignment), rng)
    bad_zips, parts = cycle(BAD_ZIPS), cycle(assignment.modules)
    models = cycle(load_manifest(assignment).model_files.values())
    plans = []
    for wrong, right, spoilt in islice(cycle(PATTERN), count):
        part = ""
        if spoilt in ("syntax error", "module missing", "module untouched"):
            part = next(parts)
        elif spoilt in ("no model", "weaker model"):
            part = next(models, "")
        chosen = _pickled_whole(assignment) if spoilt == "model pickled whole" else []
        mistakes.draw(wrong, chosen, spared=part, apart=True)
        others.draw(right, chosen, spared=part)
        names = tuple(each.id for each in chosen)
        plans.append(ExamplePlan(names, spoilt, part, next(bad_zips) if spoilt == "bad zip" else ""))
    return plans


def _pickled_whole(assignment: Assignment) -> list[Variation]:
    return [each for each in load_accepted(assignment) if each.id.endswith(".model_pickled_whole")]


class _Deck:
    """Variations in random order, to be drawn from."""

    def __init__(self, variations: Sequence[Variation], rng: random.Random) -> None:
        self._variations, self._rng = list(variations), rng
        self._left: list[Variation] = []

    def draw(self, count: int, chosen: list[Variation], *, spared: str, apart: bool = False) -> None:
        """Add so many to those that are chosen, fewer where no more fit together.

        Args:
            count: How many.
            chosen: Where they are added.
            spared: A module or a file that they leave alone.
            apart: Whether each is to be of another module.
        """
        for _ in range(count):
            fresh = self._rng.sample(self._variations, len(self._variations)) if len(self._left) < count else []
            self._left += [each for each in fresh if each not in self._left]
            fits = (each for each in self._left if _fits(each, chosen, spared, apart))
            if (drawn := next(fits, None)) is not None:
                self._left.remove(drawn)
                chosen.append(drawn)


def _fits(new: Variation, chosen: Sequence[Variation], spared: str, apart: bool) -> bool:
    """Whether it can stand beside the chosen in one submission; a variation of a whole module stands alone in it."""
    whole = {each.module for each in chosen if each.is_file and each.target.endswith(".py")}
    there = {each.module for each in chosen if not each.is_file}
    taken = there if new.is_file and new.target.endswith(".py") else whole
    return (
        new.target not in {each.target for each in chosen}
        and spared not in (new.target, new.target.split(".")[0])
        and new.module not in taken
        and not (apart and new.module in {each.module for each in chosen})
    )


def hand_in(plan: ExamplePlan, person: Person, assignment: Assignment) -> dict[str, bytes]:
    """The files of a student's work, by path.

    Args:
        plan: What the student did.
        person: Who; the name stands in every module, so that no two hand in the same.
        assignment: Which assignment.
    """
    known = {each.id: each for each in (*load_mistakes(assignment), *load_accepted(assignment))}
    files = compose(assignment, [known[name] for name in plan.variations])
    stubs = assignment.handout_folder
    part = f"{plan.part}.py"
    if plan.spoilt == "stubs only":
        files = {f"{name}.py": (stubs / f"{name}.py").read_bytes() for name in assignment.modules}
        files["answers.md"] = (stubs / "answers.md").read_bytes()
    elif plan.spoilt == "module untouched":
        files[part] = (stubs / part).read_bytes()
    elif plan.spoilt == "module missing":
        del files[part]
    elif plan.spoilt == "syntax error":
        files[part] += SLIP
    elif plan.spoilt == "no model":
        files.pop(plan.part, None)
    elif plan.spoilt == "weaker model" and plan.part in files:
        files[plan.part] = _weaken(files[plan.part], person)
    head = f"# {person.name}\n".encode()
    return {name: head + data if name.endswith(".py") else data for name, data in files.items()}


def _weaken(data: bytes, person: Person) -> bytes:
    """The state dict of a model file with noise in its weights, other noise for each person."""
    import torch

    seed = int.from_bytes(hashlib.sha256(person.name.encode()).digest()[:4], "big")
    generator = torch.Generator().manual_seed(seed)
    weights = torch.load(io.BytesIO(data), map_location="cpu")
    for name, weight in weights.items():
        if weight.ndim > 1:
            weights[name] = weight + WEAK * weight.std() * torch.randn(weight.shape, generator=generator)
    return model_file(weights)
