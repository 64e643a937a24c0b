"""Taking any one part of a wall away makes a probe get through, so the probes do look, and each part is needed."""

from __future__ import annotations

import json
import os
import re
import shutil
from types import ModuleType
from typing import Any

import pytest
import sample_parts
from sample_machine import ask_all
from sample_parts import FURNITURE, PARTS, REDUNDANT, USER, WORKER, Part, starting, told
from sample_user import NoUser, run_as_user
from sample_walls import TABLE, UNASKED, fits
from sample_without import BACKENDS, Filter, Flags, all_but_work, ask_without, skip_without, without

from grader.rubric import PROJECT, Limits
from grader.sandbox import bubblewrap, cold, process, seccomp
from grader.sandbox.worker import Worker

ROOTS = {key: part for key, part in PARTS.items() if part not in USER}
ROWS = [TABLE[name] for name in all_but_work() if name != "names of ours"]  # which looks through all that is shown
by_root = pytest.mark.skipif(os.geteuid() != 0, reason="the tests are not run by root")


def unfit(wall: str, answers: dict[str, Any]) -> set[str]:
    """Rows whose answers are not as the golden table says."""
    rows = [TABLE[name] for name in answers if name in TABLE and TABLE[name].expected(wall) is not UNASKED]
    return {row.name for row in rows if not fits(answers[row.name], row.expected(wall))}


def judge(part: Part, answers: list[dict[str, Any]]) -> None:
    """Fails unless the part's probes saw it fall."""
    whole, *covered = (unfit(part.wall, each) for each in answers)
    if not part.covers:
        assert ("fails" in answers[0]) == (not part.seen), answers
        assert whole == set(part.seen)
        return
    assert whole == set()  # others do the same: the part is seen once they are gone
    assert covered[-1] == set(part.seen)
    assert all(answers[2][name] != answers[1].get(name) for name in part.seen)


@pytest.mark.slow
@by_root
@pytest.mark.parametrize("wall", list(BACKENDS))
def test_whole_wall(wall: str) -> None:
    """With nothing taken away but torch, which the probes don't need, every probe is told what the table says."""
    skip_without(wall)
    answers = ask_without(wall, (), all_but_work())
    assert len(answers) > 140
    assert unfit(wall, answers) == set()


@pytest.mark.slow
@by_root
@pytest.mark.parametrize("part", ROOTS.values(), ids=["-".join(key) for key in ROOTS])
def test_part(part: Part) -> None:
    """Without this part, probes are told something else; or no worker can be had."""
    skip_without(part.wall)
    judge(part, told(part))


@pytest.mark.slow
@by_root
@pytest.mark.parametrize(("wall", "name"), REDUNDANT)
def test_redundant_part(wall: str, name: str) -> None:
    """What is listed as redundant is: without it every probe is told the same, as another part does what it does."""
    skip_without(wall)
    removals, reason = REDUNDANT[wall, name]
    assert reason
    assert unfit(wall, ask_without(wall, removals, all_but_work())) == set()


@pytest.mark.slow
@by_root
@pytest.mark.parametrize("wall", sorted({part.wall for part in USER}))
def test_parts_for_users(wall: str) -> None:
    """Parts that a kernel user of its own covers for root are needed where the grader is an ordinary user."""
    try:
        answers = json.loads(run_as_user(sample_parts.__file__, wall))
    except NoUser as reason:
        pytest.skip(str(reason))
    assert set(answers) == {part.name for part in USER if part.wall == wall}
    for name, each in answers.items():
        judge(PARTS[wall, name], each)


def test_every_flag_is_a_part() -> None:
    """No flag of bubblewrap's is left out above, but for those that furnish the worker or are tried elsewhere."""
    lines = [bubblewrap.command((), own_user=is_root, folder_mib=1) for is_root in (True, False)]
    flags = {word for line in lines for word in line if re.fullmatch("--[a-z-]+", word)}
    removals = [removal for part in PARTS.values() for removal in part.removals if isinstance(removal, Flags)]
    taken = {word for removal in removals for word in removal.old if word.startswith("--")}
    as_user = {"--unshare-user", "--uid", "--gid"}  # without them an ordinary user starts nothing
    assert flags - FURNITURE - as_user - {"--die-with-parent"} <= taken


def test_every_limit_is_a_part() -> None:
    """No resource limit is left out above."""
    assert set(re.findall(r"resource\.RLIMIT_(\w+):", WORKER)) == set(sample_parts.LIMITS_SEEN)


def test_every_rule_is_a_part() -> None:
    """No call that is allowed with certain arguments, or not in a container, is left out above, but for attributes."""
    removals = [removal for part in PARTS.values() for removal in part.removals if isinstance(removal, Filter)]
    others = {call for call in seccomp._ONLY_ALONE | seccomp._WITHOUT_EFFECT if not call.endswith("xattr")}
    assert {call for removal in removals for call in removal.calls} == {*seccomp._LIMITED, *seccomp._INERT, *others}


NAIVE = "--ro-bind / / --unshare-all --dev /dev --proc /proc --tmpfs /tmp"


@pytest.mark.slow
@by_root
def test_naive_command() -> None:
    """bubblewrap's usual options are no wall when root starts it: what the kernel runs at a crash can be written."""
    skip_without("cold")
    naive = ModuleType("naive")
    naive.start, naive.system_calls = naive_start, bytes  # type: ignore[attr-defined]
    with without(cold, ()), pytest.MonkeyPatch.context() as change:
        code, python = bubblewrap.CODE.parent, bubblewrap.python
        covered = [path for path in (PROJECT, code, *bubblewrap.shown_folders()) if path.is_relative_to("/tmp")]
        shown = [word for path in covered for word in ("--ro-bind", str(path), str(path))]  # as it shows them elsewhere
        line = [shutil.which("bwrap") or "", *NAIVE.split(), *shown, "--chdir", "/tmp"]
        change.setattr(bubblewrap, "command", lambda *_, **__: line)
        change.setenv("OPENBLAS_NUM_THREADS", "1")
        starting(cold, env=True).apply(change, code, cold)
        change.setattr(bubblewrap, "python", lambda program, channel: python(program, channel, [code]))
        failed = unfit("cold", ask_all(naive, ROWS))
    assert {"setting of the kernel", "passwords", "checks", "user", "filter", "keyctl", "new user"} <= failed
    assert len(failed) > 60


def naive_start(limits: Limits, folder_mib: int) -> Worker:
    """A worker whose inside is not confined any further."""
    worker = cold.start(limits, folder_mib)
    worker._setup = {"uid": None, "folder": "/tmp", "files": {}}
    return worker


@by_root
def test_practice() -> None:
    """Practice is no wall either, and does not pass for one."""
    with without(process, ()):
        failed = unfit("container", ask_all(process, ROWS))
    assert {"passwords", "checks", "loopback", "signal the grader", "create in /", "user"} <= failed
    assert len(failed) > 60
