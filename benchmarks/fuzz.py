"""Thousands of hostile zips, replies, files and texts in a row: how many were refused, how long, how much memory.

    python -m benchmarks.fuzz [--count 1000] [--seed 0] [zips replies files texts]

Each kind runs in a process of its own. Exit code 1 if a case raised what is no refusal, took more than 2 seconds of
computing, or if more than 50 MB were left behind. A case is made of its seed and number alone: `--only 17 zips` makes
the eighteenth again.
"""

from __future__ import annotations

import argparse
import gc
import random
import re
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import mutations
from benchmarks.honest import honest_files, honest_replies, honest_zips
from grader.checking.integrity_flags import IntegrityFlags
from grader.errors import CheckStopped, SubmissionRefused
from grader.intake.answers import read_answers
from grader.intake.opening import open_submission
from grader.records import Array
from grader.sandbox.calls import REPLY_BYTES, Terms, describe_value
from grader.sandbox.protocol import Channel, DeadlinePassed, Frame, Header, ProtocolError, until
from grader.sandbox.student import Implementation
from grader.sandbox.transport import LocalTransport
from grader.text import clean_name, clean_text
from solutions.miniplaces.checks.public_experiments import check_entries
from solutions.two_networks.checks.histories import read_history

MOST_CPU_S, MOST_LEFT_MB = 2.0, 50
WARM = 100  # cases before memory is first looked at
MOST_ENDS = 12  # listed
REPLY_S = 0.5  # deadline of a reply
DRIP, ENDLESS = 0.01, 0.01  # shares of the replies that come in drops, and that never end
Case = Callable[[random.Random], str]  # one case; returns in a word how it ended


def open_zip(folder: Path) -> Case:
    """A mutated zip through the gate and what recognises a submission."""
    seeds, path = honest_zips(), folder / "alice.zip"

    def case(rng: random.Random) -> str:
        path.write_bytes(mutations.mutate(rng, seeds, mutations.ZIP))
        try:
            submission = open_submission(path)
        except SubmissionRefused as refusal:
            return _reason(str(refusal))
        assert not any(".." in Path(name).parts or name.startswith("/") for name in submission.files)
        read_answers(submission.files.get("answers.md"), ["2b", "3c"])
        return "opened"

    return case


def _reason(sentence: str) -> str:
    """What a refusal says, without the names that it quotes."""
    assert sentence == clean_text(sentence, columns=4096)
    return re.sub(r'"[^"]*"', "…", sentence)[:50]


class _Wire:
    """Carries what a hostile process sends, over a real socket."""

    def __init__(self, data: bytes, manner: str) -> None:
        self._data, self._manner = data, manner

    def exchange(self, _header: Header, _arrays: list[Array], terms: Terms) -> Frame:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            sender = threading.Thread(target=self._send, args=(theirs,))
            sender.start()
            try:
                return Channel(ours).receive(until(time.monotonic() + REPLY_S), terms.max_body)
            finally:
                ours.close()
                sender.join()

    def _send(self, connection: socket.socket) -> None:
        try:
            if self._manner == "dripping":
                for byte in self._data:
                    connection.send(bytes([byte]))
                    time.sleep(0.01)
            while self._manner == "endless":
                connection.sendall(self._data or b"\0")
            connection.sendall(self._data)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            return  # the receiver has had enough


def read_reply(_folder: Path) -> Case:
    """A mutated reply over a socket, to the value that a check would see."""
    seeds = honest_replies()

    def case(rng: random.Random) -> str:
        data = mutations.mutate(rng, seeds, mutations.REPLY)
        manner = rng.choices(["at once", "dripping", "endless"], [1 - DRIP - ENDLESS, DRIP, ENDLESS])[0]
        try:
            value = Implementation(("m",), _Wire(data, manner)).ask({"op": "call"}, "m.f()", max_body=REPLY_BYTES)
        except (ProtocolError, DeadlinePassed, CheckStopped) as refusal:
            return type(refusal).__name__
        assert len(describe_value(value)) < 300
        return "value"

    return case


def read_files(_folder: Path) -> Case:
    """Mutated answers, histories and experiments, as the checks read them."""
    seeds = honest_files()
    ignored: Any = lambda *_, **__: None  # noqa: E731  # stands for fixtures of several kinds

    def case(rng: random.Random) -> str:
        content = mutations.mutate(rng, seeds, mutations.JSON_FILE)
        read_answers(content, ["2b", "3c"])
        student = Implementation((), LocalTransport({}, {}), {"history.json": content, "experiments.json": content})
        read = 0
        readers: list[Callable[[], Any]] = [
            lambda: read_history(student, "supervised"),
            lambda: check_entries(student, ignored, {}, IntegrityFlags("4d", [])),
        ]
        for reader in readers:
            try:
                reader()
                read += 1
            except CheckStopped as stopped:
                clean_text(f"{stopped.message} {stopped.expected} {stopped.got}").encode()
        return "read" if read else "refused"

    return case


def clean(_folder: Path) -> Case:
    """Texts of what is hard to show."""

    def case(rng: random.Random) -> str:
        text = mutations.odd_text(rng)
        shown, name = clean_text(text), clean_name(text)
        assert len(shown.encode()) <= 4 * 4096
        assert len(name) <= 80
        return "cut" if len(shown) < len(text) else "whole"

    return case


KINDS: dict[str, Callable[[Path], Case]] = {
    "zips": open_zip, "replies": read_reply, "files": read_files, "texts": clean,
}  # fmt: skip


def resident_mb() -> float:
    """Memory that this process holds, MB of 10^6 bytes."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def run_kind(kind: str, numbers: range, seed: int) -> bool:
    """Run the cases of one kind here, print what came out, and tell whether all of it is as it should be."""
    ends: Counter[str] = Counter()
    before, slowest, longest, crashed = 0.0, (0.0, 0), 0.0, 0
    with tempfile.TemporaryDirectory() as folder:
        case = KINDS[kind](Path(folder))
        for done, number in enumerate(numbers):
            if done == min(WARM, len(numbers) - 1):
                before = resident_mb()
            cpu, wall = time.process_time(), time.monotonic()
            try:
                ends[case(random.Random(f"{seed} {kind} {number}"))] += 1
            except Exception:
                traceback.print_exc()
                print(f"{kind}: --seed {seed} --only {number}", file=sys.stderr)
                crashed += 1
            slowest = max(slowest, (time.process_time() - cpu, number))
            longest = max(longest, time.monotonic() - wall)
    left = resident_mb() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(f"{kind}: {len(numbers)} cases, {crashed} crashed")
    print(f"  slowest {slowest[0]:.3f} s of computing (number {slowest[1]}), longest {longest:.2f} s by the clock")
    print(f"  memory {before:.0f} MB before, {left:+.1f} MB afterwards, {peak:.0f} MB at most")
    print("\n".join(f"{count:8}  {name}" for name, count in ends.most_common(MOST_ENDS)), flush=True)
    return not crashed and slowest[0] <= MOST_CPU_S and left <= MOST_LEFT_MB


def chosen(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="*", choices=[*KINDS, []], help="which; all by default")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="a single case, by its number")
    return parser.parse_args(arguments)


def main() -> bool:
    """Run each kind in a process of its own, or the only one asked for here; whether all was as it should be."""
    options = chosen()
    kinds = options.kinds or list(KINDS)
    if len(kinds) == 1:
        numbers = range(options.count) if options.only is None else range(options.only, options.only + 1)
        return run_kind(kinds[0], numbers, options.seed)
    command = [sys.executable, "-m", "benchmarks.fuzz", f"--count={options.count}", f"--seed={options.seed}"]
    codes = [subprocess.run([*command, kind], check=False).returncode for kind in kinds]
    return not any(codes)


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
