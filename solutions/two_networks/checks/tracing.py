"""How a network computed its answer: torch's record for gradients, walked by messages.

It shows what was done, however it was written: `x + y`, `x += y`, `torch.add` or a module for it are all additions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

from torch import Tensor

from grader.author import Failure, Function, Handle, Implementation, Recipe, StudentRaised, make
from solutions.two_networks.checks.attributes import attribute

MOST_STEPS = 5_000  # a ResNet of 100 layers has 1,000; each takes some messages
MOST_SOURCES = 4 * MOST_STEPS  # of all steps together
MOST_SUMMANDS = 8  # of one addition that are looked at: torch's own have two, a stack has as many as it likes
LEAF = "AccumulateGrad"
# Names of torch's steps, without "Backward0". A stack of two that is summed is an addition too.
ADDITIONS = ("Add", "Sub", "Addcmul", "Addcdiv", "Lerp", "Stack", "ForeachAdd")
WEIGHTED = ("Convolution", "MkldnnConvolution", "SlowConv2D", "ThnnConv2D", "Addmm", "Mm", "Bmm", "Baddbmm")


@dataclass(frozen=True)
class Step:
    """One step of a computation.

    Attributes:
        name: As torch calls it, "ConvolutionBackward0"; "AccumulateGrad" for a tensor that came from outside.
        sources: The steps, by key, whose results it used.
        tensor: Of a tensor that came from outside: which one, as `identities` numbers them.
    """

    name: str
    sources: tuple[int, ...]
    tensor: int | None = None

    @property
    def kind(self) -> str:
        """The name without its ending."""
        return self.name.partition("Backward")[0]

    @property
    def is_hidden(self) -> bool:
        """Whether it is a function of the student's own, or a checkpoint, of whose inside nothing is known."""
        return self.name != LEAF and not self.name[-1:].isdigit()


@dataclass(frozen=True)
class Computation:
    """The steps of one forward pass.

    Attributes:
        steps: By key.
        images: Key of the images.
    """

    steps: dict[int, Step]
    images: int

    def is_residual(self, key: int) -> bool:
        """Whether a step adds two things made from the images, one of which more layers led to, one after another.

        A shortcut has fewer layers than what it bypasses. Equally many are two branches side by side.
        """
        return len({depth for _, depth in self._branches(key)}) > 1

    def is_parallel(self, key: int) -> bool:
        """Whether a step adds two things made from the images, each by a layer of its own, and no residual addition."""
        branches = [layers for layers, _ in self._branches(key)]
        has_own = any(one & ~other and other & ~one for one in branches for other in branches)
        return has_own and not self.is_residual(key)

    def _branches(self, key: int) -> list[tuple[int, int]]:
        """What an addition adds that is made from the images, as in `_behind`; nothing for another step."""
        step = self.steps[key]
        if step.kind not in ADDITIONS:
            return []
        behind = [self._behind[source] for source in dict.fromkeys(step.sources)][:MOST_SUMMANDS]
        return [(layers, depth) for layers, depth in behind if depth is not None]

    def has_residual(self) -> bool:
        """Whether there is such an addition, or may be one in a hidden step."""
        return any(step.is_hidden for step in self.steps.values()) or any(map(self.is_residual, self.steps))

    def has_parallel(self) -> bool:
        """Whether there is an addition of two branches with equally many layers, each with its own."""
        return any(map(self.is_parallel, self.steps))

    @cached_property
    def _behind(self) -> dict[int, tuple[int, int | None]]:
        """What each step depends on: the layers with weights, a bit each, and how many led there from the images.

        These are the most that come one after another; None for a step that does not depend on the images.

        A student's process can send any graph, so the work grows with its size only: each step is visited once.
        """
        bits = {key: 1 << place for place, key in enumerate(k for k, s in self.steps.items() if s.kind in WEIGHTED)}
        found: dict[int, tuple[int, int | None]] = {}
        for root in self.steps:
            waiting = [(root, False)]
            while waiting:
                key, are_sources_done = waiting.pop()
                if key in found and not are_sources_done:
                    continue
                sources = self.steps[key].sources
                if not are_sources_done:
                    found[key] = bits.get(key, 0), 0 if key == self.images else None  # what a forged loop finds
                    waiting += [(key, True), *((source, False) for source in sources if source not in found)]
                    continue
                layers, depth = found[key]
                depths = [deep for _, deep in (found[source] for source in sources) if deep is not None]
                for source in sources:
                    layers |= found[source][0]
                found[key] = layers, max(depths) + (key in bits) if depths else depth
        return found

    def has_doubling(self) -> bool:
        """Whether something made from the images is added to itself."""
        return any(
            step.kind in ADDITIONS and len(step.sources) > 1 and len(set(step.sources)) == 1
            for step in self.steps.values()
        )

    def tensors(self) -> set[int]:
        """The tensors from outside that the answer depends on, the images aside."""
        return {s.tensor for key, s in self.steps.items() if s.tensor is not None and key != self.images}


def trace(net: Handle, images: Tensor) -> Computation:
    """Run a network once, in the mode that it is in, and read how it came to its answer.

    Args:
        net: A network.
        images: (N, C, H, W), float32.

    Raises:
        Failure: If no gradient flows from the answer to the images.
    """
    who = net.owner
    leaf = who.make(make("torch.Tensor.requires_grad_", images))
    given = make("torch.clone", leaf)  # what is no leaf may be changed in place
    answer = Function(who, {"object": net.id}, net.kind).with_options(keep=True)(given)
    try:
        root = _read(answer, "grad_fn")
    except StudentRaised:  # no tensor
        root = None
    steps = _walk(root) if isinstance(root, Handle) else {}
    own = identity(leaf)
    found = next((key for key, step in steps.items() if step.tensor == own), None)
    if found is None:
        raise Failure(
            "No gradient flows from the logits back to the images.",
            expected="a network that gradients flow all the way through",
            got=f"a {answer.kind} {'whose gradient ends on the way' if steps else 'without one'}",
            mistake="resnet.cuts_gradient",
        )
    return Computation(steps, found)


def _walk(root: Handle) -> dict[int, Step]:
    steps: dict[int, Step] = {}
    waiting = [(identity(root), root)]
    asked = 0
    while waiting and len(steps) < MOST_STEPS and asked < MOST_SOURCES:
        key, node = waiting.pop()
        if key in steps:
            continue
        name = str(_ask(node, {"op": "call", "target": {"object": node.id, "name": "name"}, "args": (), "kwargs": {}}))
        found = islice(_sources(_read(node, "next_functions")), MOST_SOURCES - asked)
        sources = [(identity(source), source) for source in found]
        asked += len(sources)
        variable = _read(node, "variable", keep=True) if name.endswith(LEAF) else None
        name = LEAF if name.endswith(LEAF) else name[:80]
        steps[key] = Step(name, tuple(k for k, _ in sources), identity(variable) if variable else None)
        waiting += sources
    missing = {source for step in steps.values() for source in step.sources} - steps.keys()
    return steps | {key: Step("?", ()) for key in missing}


def _sources(pairs: Any) -> Iterable[Handle]:
    """The nodes among torch's pairs (node or None, number)."""
    for pair in pairs if isinstance(pairs, list | tuple) else ():
        if isinstance(pair, list | tuple) and pair and isinstance(pair[0], Handle):
            yield pair[0]


def identities(who: Implementation, tensors: Recipe | Handle) -> set[int]:
    """Which tensors an iterable over there gives."""
    found = who.make(make("builtins.list", make("builtins.map", attribute("builtins", "id"), tensors)))
    numbers = _ask(found, {"op": "call", "target": {"object": found.id, "name": "copy"}, "args": (), "kwargs": {}})
    return {number for number in numbers if isinstance(number, int)} if isinstance(numbers, list) else set()


def identity(held: Handle) -> int:
    """Which object a handle stands for: two handles may stand for one."""
    return int(_ask(held, {"op": "make", "recipe": make("builtins.id", held)}))


def _read(held: Handle, name: str, *, keep: bool = False) -> Any:
    return _ask(held, {"op": "read", "target": {"object": held.id, "name": name}, "keep": keep})


def _ask(held: Handle, request: dict[str, Any]) -> Any:
    return held.owner.ask(request, held.kind, recorded=False)
