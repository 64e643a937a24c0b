"""Measure how long a request keeps the student's code busy: the same on a busy machine as on an idle one.

A thread of the worker computes, waits of its own accord (sleeps, waits for a lock or a child), or is ready to run while
the processors do something else. Only the last is the machine's doing and is not charged. The kernel tells all of it
from outside, in `/proc/<tid>/schedstat`, and nothing that the worker says or patches changes it.

Two things could stop the clock on purpose, and have bounds: threads of the worker that wait for each other's processor
(no wait is longer than what the machine did for others), and answers that are long to read (`OURS_S`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from grader.sandbox.processors import busy_seconds
from grader.sandbox.protocol import DeadlinePassed

FAR = 20  # seconds by the clock that count as one at least, however busy the machine is
EVERY_S = 0.1  # between two looks while a request is under way

SLACK_S = 0.1  # what the machine did for others is told in hundredths of a second, for all processors together
MOST_SLACK_S = 1.0
OURS_S, OURS_BYTES_S = (
    0.02,
    200e6,
)  # the grader's own computing for a request: that and its bytes; honest ones take less
FREE_BYTES, READ_BYTES_S = 64 << 10, 4e6  # of an answer's JSON: what is read for nothing, and how fast the rest is

#: What a worker has used so far: CPU seconds of all its processes, and by thread the seconds it was ready to run.
Reading = tuple[float, Mapping[int, float]]


@dataclass(frozen=True)
class Spent:
    """What one request took.

    Attributes:
        clock_s: By the clock.
        ours_s: The grader's own part of that: packing and reading, and waiting for a processor itself.
        cpu_s: Of all processes of the worker together.
        queued_s: The worker was ready to run and the processors were taken.
        threads: How many the worker may have; they share what `cpu_s` says.
    """

    clock_s: float
    ours_s: float
    cpu_s: float
    queued_s: float
    threads: int

    @property
    def seconds(self) -> float:
        """What is charged for it."""
        return max(self.cpu_s / self.threads, self.clock_s - self.ours_s - self.queued_s, self.clock_s / FAR)


def seconds_in_words(seconds: float) -> str:
    """E.g. "1,200 seconds", "1.5 seconds"."""
    return f"{seconds:,.{0 if seconds >= 10 else 1}f}".removesuffix(".0") + " seconds"


@dataclass
class Slack:
    """What one worker may have waited for the processors beyond what was measured of others during its requests."""

    seconds: float = SLACK_S


class Stopwatch:
    """Runs during one request, and ends the wait for its answer.

    Args:
        used: Tells what the worker has used so far.
        threads: How many the worker may have.
        limit_s: Seconds that the request may be charged.
        moved: Tells how many bytes were sent and received so far, and how many of the received ones are JSON.
        slack: The worker's; changed when the request's seconds are told.
    """

    def __init__(
        self,
        used: Callable[[], Reading],
        threads: int,
        limit_s: float,
        moved: Callable[[], tuple[int, int]] = lambda: (0, 0),
        slack: Slack | None = None,
    ) -> None:
        self._used, self._threads, self._limit_s = used, threads, limit_s
        self._moved, self._began_moved, self._slack = moved, moved(), slack or Slack()
        self._began_busy_s = busy_seconds()
        self._ours, self._own = (0.0, 0.0), _own_seconds()
        self._others_s = 0.0
        self._began_cpu_s, queued = used()
        self._began_queued, self._queued = queued, dict(queued)
        self._began = time.monotonic()
        self._next_look = self._began + min(EVERY_S, limit_s)
        self._is_over = self._is_passed = False

    def __call__(self) -> float:
        """How long to wait before asking again, seconds; raises DeadlinePassed when the limit is reached."""
        now, own = time.monotonic(), _own_seconds()
        if now < self._next_look:
            self._add(own)  # for a piece of the request or the answer
        else:
            left_s = self._limit_s - self.spent().seconds
            if left_s <= 0 and self._is_over:
                self._is_passed = True
                raise DeadlinePassed
            self._is_over = left_s <= 0  # once more: the kernel counts a wait for a processor when it is over
            self._next_look = now + (EVERY_S if self._is_over else min(EVERY_S, left_s))
            own = _own_seconds()
        self._own = own
        return max(self._next_look - now, 0.001)

    def _add(self, own: tuple[float, float]) -> None:
        cpu_s, queued_s = (total + now - then for total, now, then in zip(self._ours, own, self._own, strict=True))
        self._ours = cpu_s, queued_s

    def spent(self) -> Spent:
        """What the request has taken so far."""
        cpu_s, queued = self._used()
        cpu_s = max(0.0, cpu_s - self._began_cpu_s)
        self._queued.update(queued)  # threads that have ended stay as they were seen last
        waits = sorted(seconds - self._began_queued.get(thread, 0) for thread, seconds in self._queued.items())
        self._others_s = max(0.0, busy_seconds() - self._began_busy_s - cpu_s) + self._slack.seconds
        # No more threads than may run at once, and no longer than others had the processors: many that get in each
        # other's way would stop the clock.
        queued_s = min(sum(waits[-self._threads :]), self._others_s)
        own, before = _own_seconds(), self._ours
        self._add(own)
        (ours_cpu_s, ours_queued_s), self._ours = self._ours, before
        ours_s = ours_queued_s + min(ours_cpu_s, OURS_S + (self._moved()[0] - self._began_moved[0]) / OURS_BYTES_S)
        return Spent(time.monotonic() - self._began, ours_s, cpu_s, queued_s, self._threads)

    def seconds(self) -> float:
        """End the request; returns what is charged for it: what it took, or the limit where that has ended it."""
        spent = self.spent()
        self._slack.seconds = min(MOST_SLACK_S, self._others_s - spent.queued_s)
        to_read_s = max(0, self._moved()[1] - self._began_moved[1] - FREE_BYTES) / READ_BYTES_S
        return self._limit_s if self._is_passed else spent.seconds + to_read_s

    def limit_in_words(self) -> str:
        """After what a request was stopped, e.g. "20 seconds of computing"."""
        spent, limit = self.spent(), seconds_in_words(self._limit_s)
        computed = seconds_in_words(spent.cpu_s)
        if spent.seconds <= spent.clock_s / FAR:
            return f"{seconds_in_words(spent.clock_s)} by the clock; it computed for {computed}"
        if spent.cpu_s < spent.seconds / 2:
            return f"{limit}; it computed for {computed} and waited for the rest"
        return f"{limit} of computing"


def _own_seconds() -> tuple[float, float]:
    """How long this thread has computed, and stood ready to run."""
    return time.thread_time(), queued_seconds("thread-self")


def queued_seconds(thread: int | str) -> float:
    """How long a thread has been ready to run in vain; 0 when it has ended, or where the kernel does not tell."""
    try:
        with open(f"/proc/{thread}/schedstat", "rb") as file:
            return int(file.read().split()[1]) / 1e9
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
