"""Checks of task 2d: how many units are dropped before the top class changes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from numpy.random import Generator

from grader.author import Implementation, LayOut, check, expect, numbers
from solutions.miniplaces.checks.counted_units import Countdown, draw_countdowns
from solutions.miniplaces.checks.dropped_units import dropping
from solutions.miniplaces.checks.networks import expect_as_sent
from solutions.miniplaces.checks.scenes import load_scene, scene_network

OTHER_COUNT = "The top class first changes at another count."


@check("2d", weight=3)
def check_dropped_count(student: Implementation, rng: Generator) -> None:
    """The count is the first at which another class comes out on top; None when none ever does."""
    _expect_counts(student, draw_countdowns(rng))


def _expect_counts(student: Implementation, countdowns: Sequence[Countdown]) -> None:
    """Expect the right answer for each network; units that do not fire count when they are dropped."""
    for each in countdowns:
        answer = student.units.lowest_dropped_units(each.seen.network(student, each.weight, each.bias), each.seen.image)
        if each.count is None:
            expect(answer is None, "The top class stays on top whatever is dropped.", expected="None", got=answer)
            continue
        expect(answer is not None, "A count was expected, not None.", expected=str(each.count), got="None")
        value = numbers(answer)
        expect(value.size == 1, "The count must be one number.", expected=str(each.count), got=value)
        got = float(value.reshape(-1)[0])
        expect(got == each.count, OTHER_COUNT, expected=str(each.count), got=f"{got:g}")


@check("2d", after=("check_dropped_count",))
def check_count_keeps_model(student: Implementation, rng: Generator) -> None:
    """Afterwards the network is as it was: the units are dropped for the count alone."""
    for each in draw_countdowns(rng)[:2]:
        net = each.seen.network(student, each.weight, each.bias)
        student.units.lowest_dropped_units(net, each.seen.image)
        expect_as_sent(net, each.seen, each.weight, each.bias)


@check("2d", diagnosed=False)
def check_real_count(student: Implementation, oracle: Implementation, rng: Generator, exhibit: LayOut) -> None:
    """On the network of the pictures the count is the reference's, and on networks drawn at random the right one."""
    scene = load_scene()
    nets = [scene_network(who, scene) for who in (oracle, student)]
    answers = [
        who.units.lowest_dropped_units(net, scene.image) for who, net in zip((oracle, student), nets, strict=True)
    ]
    curves = dropping(oracle, nets[0], scene.image)
    count = None if answers[1] is None else numbers(answers[1])
    value = float(count.reshape(-1)[0]) if count is not None and count.size == 1 else math.nan
    shown = int(value) if value.is_integer() else None
    facts = {"student_count": shown, "reference_count": answers[0], "label": scene.classes[curves[2]]}
    arrays = {"reference_probability": curves[0], "reference_runner_up": curves[1]}
    caption = (
        f"Probability of the top class of china.jpg, and of the best other one, as its units are dropped. {scene.note}"
    )
    exhibit("dropping", "dropping", caption, arrays, facts)
    is_right = answers[1] is None if answers[0] is None else shown == answers[0]
    expect(is_right, OTHER_COUNT, expected=str(answers[0]), got=answers[1])
    _expect_counts(student, draw_countdowns(rng)[1:])  # for the answer on one picture might be known
