"""What all tests share: settings, one real run of the command line, and a browser."""

from __future__ import annotations

import fcntl
import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from grader.rubric import PROJECT

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from sample_report import Rendered

os.environ["GRADER_SECRET"] = (
    "the secret of our own tests, the same in every process"  # so that all runs meet the same inputs
)
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch's, before it is imported: other workers have the other cores
settings.register_profile("patient", deadline=None)  # how long an example takes is the machine's business
settings.register_profile("quick", settings.get_profile("patient"), max_examples=25)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run those modules first that read the shared grading: while one worker makes it, no other waits for it."""
    reading = {item.path for item in items if "alice_run" in getattr(item, "fixturenames", ())}
    items.sort(key=lambda item: item.path not in reading)


def pytest_configure(config: pytest.Config) -> None:
    """Try fewer made-up examples in the fast tier."""
    settings.load_profile("quick" if config.getoption("markexpr") == "not slow" else "patient")


def _untraced(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of a library's, during which coverage does not follow what is called: that is no code of ours."""

    @functools.wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        tracer = sys.gettrace()
        sys.settrace(None)
        try:
            return function(*arguments, **options)
        finally:
            sys.settrace(tracer)

    return call


@pytest.fixture(scope="session", autouse=True)
def quick_coverage() -> Iterator[None]:
    """Lay out and draw without coverage, which makes WeasyPrint and matplotlib half as slow again."""
    if sys.gettrace() is None:
        yield
        return
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from weasyprint import HTML

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in ((HTML, "write_pdf"), (Figure, "savefig"), (FigureCanvasAgg, "draw")):
            patch.setattr(owner, name, _untraced(getattr(owner, name)))
        yield


@dataclass(frozen=True)
class CommandRun:
    """One run of `python -m grader` in a process of its own: how it ended, and the folder it wrote to."""

    code: int
    shown: str
    noted: str
    out: Path


def run_grader(*arguments: str | Path, out: Path, **environment: str) -> CommandRun:
    """Run `python -m grader` from the project's folder."""
    command = [sys.executable, "-m", "grader", *map(str, arguments)]
    ended = subprocess.run(
        command,
        cwd=PROJECT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    return CommandRun(ended.returncode, ended.stdout, ended.stderr, out)


@pytest.fixture(scope="session")
def alice_run(tmp_path_factory: pytest.TempPathFactory) -> CommandRun:
    """`grade examples/alice.zip`, run once however many processes the tests are spread over; leave its files alone."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base  # where the processes of one session meet
    with (base / "alice.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        record = base / "alice.json"
        if not record.exists():
            out = base / "alice-out"
            run = run_grader("grade", PROJECT / "examples" / "alice.zip", "--out", out, out=out)
            record.write_text(json.dumps([run.code, run.shown, run.noted, str(run.out)]))
        code, shown, noted, folder = json.loads(record.read_text())
        return CommandRun(code, shown, noted, Path(folder))


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    """The report of the sample grade with all its figures; laying it out takes seconds."""
    import sample_grade
    from sample_exhibits import exhibits
    from sample_report import render

    return render(tmp_path_factory.mktemp("full"), sample_grade.grade(), exhibits())


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    from sample_browser import start_browser  # few processes of the tests need it

    with start_browser() as started:
        yield started
