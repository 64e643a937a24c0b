"""Processes of ours for work that is done in parallel: whole submissions, and the cases of `make validate`."""

from __future__ import annotations

import gc
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from grader import bounded_process_main
from grader.errors import TookTooLong


def cores() -> int:
    """How many processes have a core each."""
    return len(os.sched_getaffinity(0))


def make_pool(jobs: int) -> ProcessPoolExecutor:
    """So many processes, which share the cores, leave Ctrl-C to the one that made them, and end with it."""
    # Spawned, because a fork of a process whose torch has threads may hang.
    return ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _begin, (os.getpid(),))


class OwnProcess:
    """A process of ours that does one thing at a time, started when it is needed and ended when one takes too long.

    With it end the cells that it has started.
    """

    def __init__(self) -> None:
        self._process: Any = None
        self._pipe: Connection | None = None
        self._lock = threading.Lock()
        self._is_ended = False

    def do(self, function: Callable[[Any], Any], argument: Any, deadline_s: float) -> Any:
        """Return `function(argument)`, computed over there.

        Raises:
            TookTooLong: If that took longer than `deadline_s` seconds by the clock.
            BrokenExecutor: If the process died.
            Exception: What the function raises.
        """
        with self._lock:
            pipe = self._pipe or self._start()
            if self._is_ended:
                self._stop()
                raise BrokenExecutor("nobody wants it any more")
            deadline = _Deadline(self._process, deadline_s)
            answer: tuple[bool, Any] | None = None
            with deadline, suppress(EOFError, OSError):  # the process ended
                pipe.send((function, argument))
                answer = pipe.recv()
            if deadline.is_passed:
                self._stop()
                raise TookTooLong(f"it took longer than {deadline_s:,.0f} seconds and was stopped")
            if answer is None:
                self._stop()
                raise BrokenExecutor("the process ended")
        is_value, result = answer
        if not is_value:
            raise result
        return result

    def _start(self) -> Connection:
        context = multiprocessing.get_context("spawn")  # a fork of a process whose torch has threads may hang
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, _begin, os.getpid()), daemon=True)
        this = multiprocessing.current_process()
        is_daemon, this.daemon = this.daemon, False  # as Dask's workers are: those may start none otherwise
        try:
            process.start()
        finally:
            this.daemon = is_daemon
            theirs.close()
        self._process, self._pipe = process, ours
        return ours

    def _stop(self) -> None:
        process, pipe, self._process, self._pipe = self._process, self._pipe, None, None
        if process is not None:
            process.kill()
            process.join()
        if pipe is not None:
            pipe.close()

    def end(self) -> None:
        """End the process and what it is at; it is not started again."""
        self._is_ended = True
        if (process := self._process) is not None:
            process.kill()  # whoever waits for its answer goes on
        with self._lock:
            self._stop()


class _Deadline:
    """Kills a process after so many seconds: whoever sends to it or waits for its answer goes on.

    Attributes:
        is_passed: Whether it did; settled once the block has ended.
    """

    def __init__(self, process: Any, seconds: float) -> None:
        self._process, self.is_passed = process, False
        self._timer = threading.Timer(seconds, self._pass)
        self._timer.daemon = True

    def _pass(self) -> None:
        self.is_passed = True
        self._process.kill()

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_error: object) -> None:
        self._timer.cancel()
        self._timer.join()


def _serve(pipe: Connection, begin: Callable[[int], None], parent: int) -> None:
    """Do what comes, to the end of the pipe."""
    begin(parent)
    while True:
        try:
            function, argument = pipe.recv()
        except EOFError:
            return
        try:
            answer = True, function(argument)
        except Exception as error:
            answer = False, error
        pipe.send(answer)


class Processes(Executor):
    """So many processes of ours; each thing that is submitted has a deadline.

    Args:
        count: How many.
        deadline_s: Tells the seconds that the argument of a function may take.
    """

    def __init__(self, count: int, deadline_s: Callable[[Any], float]) -> None:
        self._deadline_s = deadline_s
        self._all = [OwnProcess() for _ in range(count)]
        self._free: queue.SimpleQueue[OwnProcess] = queue.SimpleQueue()
        for process in self._all:
            self._free.put(process)
        self._threads = ThreadPoolExecutor(count, "job")

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have `fn(argument)` done by the next process that is free."""
        (argument,) = args
        assert not kwargs
        return self._threads.submit(self._do, fn, argument)

    def _do(self, function: Callable[[Any], Any], argument: Any) -> Any:
        process = self._free.get()
        try:
            return process.do(function, argument, self._deadline_s(argument))
        finally:
            self._free.put(process)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes, whatever they are at."""
        self._threads.shutdown(wait=False, cancel_futures=cancel_futures)
        for process in self._all:
            process.end()
        self._threads.shutdown(wait=wait)


_IDLE: queue.SimpleQueue[OwnProcess] = queue.SimpleQueue()


def do_in_time(function: Callable[[Any], Any], argument: Any, deadline_s: float) -> Any:
    """Do it in a process that nobody else uses meanwhile; arguments and errors as of `OwnProcess.do`.

    There are as many as were ever needed at once: one for each thread of a Dask worker.
    """
    try:
        process = _IDLE.get_nowait()
    except queue.Empty:
        process = OwnProcess()
    try:
        return process.do(function, argument, deadline_s)
    finally:
        _IDLE.put(process)


def wait_asleep() -> None:
    """Have torch's threads sleep while they wait, for other processes to compute; it must not be loaded yet."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def _begin(parent: int) -> None:
    end_with(parent)
    wait_asleep()
    import torch

    torch.set_num_threads(1)
    gc.collect()
    gc.freeze()  # pytest collects garbage around each run, and torch's modules are a lot to look through


def end_with(parent: int) -> None:
    """Have this process end when its parent does, and not before, as on Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    bounded_process_main.end_with(parent, signal.SIGTERM)
