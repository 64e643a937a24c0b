"""Runs the jobs of a class, on this machine's cores or on a cluster, and outlives what they do to their processes.

Both are a `concurrent.futures.Executor`. A job whose process dies, or whose machine is lost, is tried again alone, and
given up if that fails too. One that is not done by its deadline is ended with its process and given up at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from importlib import import_module
from typing import Any, Protocol, TypeVar

from grader.errors import MachineError, TookTooLong, UsageError
from grader.process_pool import Processes, do_in_time

In = TypeVar("In")
Out = TypeVar("Out")
DEADLINE_S = 3600.0  # of a job that names none


class Place(Protocol):
    """Somewhere to run jobs."""

    width: int  # how many jobs are under way at once
    has_our_disk: bool  # whether the jobs find what this process writes

    def open(self) -> Executor:
        """An executor; the one before is of no more use."""

    def stop(self) -> None:
        """End everything, also what is under way."""

    def ask(self, question: Callable[[str], str], argument: str) -> dict[str, str]:
        """The answer of each other machine, by its address."""


class Machine:
    """This machine's cores."""

    has_our_disk = True

    def __init__(self, jobs: int) -> None:
        self.width = jobs
        self._pool: Executor | None = None

    def open(self) -> Executor:
        """A pool of processes."""
        self.stop()
        self._pool = Processes(self.width, deadline_of)
        return self._pool

    def stop(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        self._pool = None

    def ask(self, question: Callable[[str], str], argument: str) -> dict[str, str]:
        """There is no other machine."""
        return {}


class Cluster:
    """Dask workers behind a scheduler.

    Args:
        address: The scheduler's, e.g. "tcp://host:8786".
        patience_s: How long it may take to answer.

    Raises:
        UsageError: If dask is not installed.
        MachineError: If nobody answers there, or there is no worker.
    """

    has_our_disk = False

    def __init__(self, address: str, patience_s: float = 20) -> None:
        try:
            distributed: Any = import_module("distributed")
        except ImportError as error:
            raise UsageError("CLUSTER= needs dask: .venv/bin/python -m pip install 'distributed>=2024.8'") from error
        try:
            self._client = distributed.Client(address, timeout=patience_s, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise MachineError(f"no Dask scheduler answers at {address}: {error}") from error
        workers = self._client.nthreads()
        if not workers:
            self._client.close()
            raise MachineError(f"the scheduler at {address} has no workers: start some with `dask worker {address}`")
        self.width = sum(workers.values())

    def open(self) -> Executor:
        """The workers as an executor; a job may be run again elsewhere, and its result is the same."""
        return _Remote(self._client.get_executor(pure=False, retries=0))

    def stop(self) -> None:
        """Leave; the workers drop what was asked of them."""
        self._client.close()

    def ask(self, question: Callable[[str], str], argument: str) -> dict[str, str]:
        """The answer of each worker."""
        answers: dict[str, str] = self._client.run(question, argument, on_error="return")
        return {address: str(answer) for address, answer in answers.items()}


class _Remote(Executor):
    """Gives each job its deadline, which the worker that does it keeps."""

    def __init__(self, workers: Executor) -> None:
        self._workers = workers

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have `fn(job)` done somewhere."""
        (job,) = args
        assert not kwargs
        return self._workers.submit(do_in_time, fn, job, deadline_of(job))


def deadline_of(job: Any) -> float:
    """Seconds by the clock that a job may take."""
    return float(getattr(job, "deadline_s", DEADLINE_S))


def run_jobs(place: Place, function: Callable[[In], Out], jobs: Iterable[In]) -> Iterator[tuple[In, Out | Exception]]:
    """Each job with its result, as they are ready; an exception for one that is overdue or whose process died twice.

    Args:
        place: Where to.
        function: Of a module that the processes can import; it raises nothing.
        jobs: Taken one by one, one more than run at once: what they hold is never all in memory together.
    """
    waiting, suspects = iter(jobs), deque[In]()
    under_way: dict[Future[Out], In] = {}
    executor = place.open()
    try:
        while True:
            while not suspects and len(under_way) <= place.width and (job := next(waiting, None)) is not None:
                try:
                    under_way[executor.submit(function, job)] = job
                except BrokenExecutor:  # by one that is under way: this job may be innocent
                    suspects.append(job)
            if not under_way and not suspects:
                return
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                job, result = under_way.pop(future), _outcome(future)
                if isinstance(result, Exception) and not isinstance(result, TookTooLong):
                    suspects.append(job)
                else:
                    yield job, result
            if suspects and not under_way:
                while suspects:
                    job = suspects.popleft()
                    yield job, _outcome(place.open().submit(function, job))
                executor = place.open()
    finally:
        place.stop()


def _outcome(future: Future[Out]) -> Out | Exception:
    try:
        return future.result()
    except Exception as error:
        return error
