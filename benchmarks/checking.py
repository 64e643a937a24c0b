"""The same five checks of the same ten submissions, by this grader behind all its walls and by others."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.accounts import Account, account
from benchmarks.basics.submissions import SOLUTION, submissions
from benchmarks.peers import BASICS, Peers, PeersMissing, install_peers
from benchmarks.sections import Section
from benchmarks.standings import FORK, GRADESCOPE, NBGRADER, ONE_TASK, OTTER, OURS, TWO_JOBS, Found, standings, verdicts
from grader.rubric import PROJECT
from grader.zip_writer import pack_files

ROUNDS = 3
HOW = """Five small torch functions (standardise, softmax, blur, slopes, descend), a check of each with the same \
inputs, truths and tolerance in each grader's own form, and ten submissions: three right ones, six with mistakes, an \
untouched stub. Every grader must give the same points. Tests only, no report. Ours opens each zip and runs its checks \
in workers behind the strongest wall, a new worker for each task: five tasks of a check, or one of five, where the \
checks share a worker as the others' share a process; the fork server forks a child for each submission; unittest \
and `otter run` are a command for each submission, `nbgrader autograde` one for all ten. The graders take turns for \
{rounds}, otter with a share of the ten in each; memory is looked at in a run of its own. All use one torch. Seconds \
and computing seconds are those of a run over its submissions; *beyond the start* counts from when the first \
submission could be taken."""


def measure(quick: bool) -> Section:
    """Check ten submissions with every grader that is here, in turns."""
    remarks, rounds = [], 1 if quick else ROUNDS
    with tempfile.TemporaryDirectory(prefix="checking-") as scratch:
        bench = _Bench(Path(scratch))
        try:
            bench.peers = Peers(install_peers(), bench.folder / "peers", bench.sources)
        except PeersMissing as reason:
            remarks.append(f"otter, nbgrader and gradescope-utils are left out: they could not be installed: {reason}")
        bench.warm_up()
        for number in range(rounds):
            bench.run_round(bench.students[:2] if quick else bench.students[number::rounds])
        bench.look_at_memory()
    remarks += verdicts(bench.found)
    if not bench.counts_cells:
        remarks.append("No control group could be made here, so that our computing time lacks that of the workers.")
    how = HOW.format(rounds=f"{rounds} rounds" if rounds > 1 else "one round")
    return Section(
        "checking", "ten submissions, five small torch checks", how, (standings(bench.found),), tuple(remarks)
    )


class _Bench:
    """The submissions in the forms that are needed, and everybody who grades them.

    Args:
        folder: An empty one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.peers: Peers | None = None
        self.found: dict[str, Found] = {}
        self.counts_cells = True
        self._points = {student: float(points) for student, (_, points) in submissions().items()}
        self.sources = {student: source for student, (source, _) in submissions().items()}
        self.students = list(self.sources)
        for student, source in self.sources.items():
            pack_files({"basics.py": source.encode()}, folder / f"{student}.zip")
            (folder / f"{student}.py").write_text(source, encoding="utf-8")
        self._five = copy_project(folder / "five")
        self._one = _as_one_task(copy_project(folder / "one"))

    def warm_up(self) -> None:
        """Run what is short once, for caches of files and bytecode; the preparation of the others has warmed theirs."""
        with account() as spent:
            self.counts_cells = spent.is_whole
            self._ours(spent, self.students[:1])
            self._ours(spent, self.students[:1], project=self._one)
            self._fork_server(spent, self.students[:1])

    def run_round(self, for_otter: list[str]) -> None:
        """Everybody grades all ten, but otter, which grades these."""
        all_ten = self.students
        self._take(FORK, len(all_ten), lambda spent: self._fork_server(spent, all_ten))
        self._take(OURS, len(all_ten), lambda spent: self._ours(spent, all_ten))
        self._take(ONE_TASK, len(all_ten), lambda spent: self._ours(spent, all_ten, project=self._one))
        self._take(TWO_JOBS, len(all_ten), lambda spent: self._ours(spent, all_ten, jobs=2))
        if self.peers is not None:
            peers = self.peers
            self._take(GRADESCOPE, len(all_ten), lambda spent: self._one_by_one(peers.gradescope, spent, all_ten))
            self._take(NBGRADER, len(all_ten), lambda spent: self._nbgrader(peers, spent))
            self._take(OTTER, len(for_otter), lambda spent: self._one_by_one(peers.otter, spent, for_otter))

    def look_at_memory(self) -> None:
        """Run everybody again on a few submissions, and look at the memory meanwhile."""
        few = self.students[:2]
        runs: dict[str, Callable[[Account], object]] = {
            FORK: lambda spent: self._fork_server(spent, self.students),
            OURS: lambda spent: self._ours(spent, self.students),
            ONE_TASK: lambda spent: self._ours(spent, self.students, project=self._one),
            TWO_JOBS: lambda spent: self._ours(spent, self.students, jobs=2),
        }
        if self.peers is not None:
            peers = self.peers
            runs |= {
                GRADESCOPE: lambda spent: self._one_by_one(peers.gradescope, spent, few),
                NBGRADER: lambda spent: peers.nbgrader(spent, "--student", few[0]),
                OTTER: lambda spent: self._one_by_one(peers.otter, spent, few[:1]),
            }
        for name, run in runs.items():
            with account(watch=True) as spent:
                run(spent)
            self.found[name].peak_mib = spent.cost.peak_mib

    def _take(self, name: str, number: int, run: Callable[[Account], dict[str, float]]) -> None:
        with account() as spent:
            once = run(spent)
        self.found.setdefault(name, Found()).add(spent, number, **once)

    def _ours(
        self, spent: Account, students: list[str], jobs: int = 1, project: Path | None = None
    ) -> dict[str, float]:
        parts = [students[job::jobs] for job in range(jobs)]
        zips = [[self.folder / f"{student}.zip" for student in part] for part in parts]
        return self._servers(spent, "ours.py", zips, len(students), project or self._five)

    def _fork_server(self, spent: Account, students: list[str]) -> dict[str, float]:
        modules = [self.folder / f"{student}.py" for student in students]
        return self._servers(spent, "fork_server.py", [modules], len(students), self._five)

    def _servers(
        self, spent: Account, script: str, parts: list[list[Path]], number: int, project: Path
    ) -> dict[str, float]:
        results = [self.folder / f"result{each}.json" for each in range(len(parts))]
        both = zip(results, parts, strict=True)
        commands = [[sys.executable, str(BASICS / script), str(result), *map(str, part)] for result, part in both]
        spent.run_together(commands, self.folder, {**os.environ, "PYTHONPATH": str(project)})
        found: list[dict[str, Any]] = [json.loads(result.read_text(encoding="utf-8")) for result in results]
        for each in found:
            self._compare(script, each["scores"])
        return {
            "start_s": max(each["ready_s"] for each in found),
            "each_s": max(sum(each["seconds"]) for each in found) / number,
        }

    def _one_by_one(
        self, grade: Callable[[Account, str], float], spent: Account, students: list[str]
    ) -> dict[str, float]:
        self._compare(grade.__name__, {student: grade(spent, student) for student in students})
        return {}

    def _nbgrader(self, peers: Peers, spent: Account) -> dict[str, float]:
        peers.nbgrader(spent)
        self._compare("nbgrader", peers.nbgrader_points())
        return {}

    def _compare(self, grader: str, points: Mapping[str, float]) -> None:
        expected = {student: self._points[student] for student in points}
        if points != expected:
            raise RuntimeError(f"{grader} gave {points} where {expected} is right")


def copy_project(folder: Path) -> Path:
    """This grader with one assignment more, which is two folders."""
    for name in ("grader", "assignment", "solutions"):
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for source, target in (
        (BASICS / "assignment.toml", "assignment/basics/assignment.toml"),
        (SOLUTION, "solutions/basics/basics.py"),
        (BASICS / "check_basics.py", "solutions/basics/checks/check_basics.py"),
    ):
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, folder / target)
    return folder


def _as_one_task(project: Path) -> Path:
    """The five tasks of a project become one, of as many points."""
    rubric, checks = project / "assignment/basics/assignment.toml", project / "solutions/basics/checks/check_basics.py"
    head, *tasks = rubric.read_text(encoding="utf-8").split("[[task]]")
    one = tasks[0].replace("points = 1", f"points = {len(tasks)}")
    rubric.write_text(f"{head}[[task]]{one}", encoding="utf-8")
    checks.write_text(re.sub(r'@check\("\d"\)', '@check("1")', checks.read_text(encoding="utf-8")), encoding="utf-8")
    return project
