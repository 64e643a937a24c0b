"""Runs this Python as an ordinary user of the machine, though its folders may be closed to all but root."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from grader.rubric import PROJECT

USER = 60999  # no account, and none of the sandbox's


class NoUser(Exception):
    """There is no way to run as an ordinary user here; the text says why."""


ENVIRONMENT = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT), "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/tmp"}


def run_as_user(*arguments: str, timeout: float = 300) -> str:
    """What `python arguments…` prints, run by an ordinary user: this one, or from root some other.

    Raises:
        NoUser: If root may not do that.
    """
    command = command_as_user(*arguments)
    run = subprocess.run(
        command, cwd="/", env=ENVIRONMENT, capture_output=True, text=True, timeout=timeout, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def command_as_user(*arguments: str) -> list[str]:
    """`python arguments…` as an ordinary user.

    Root opens the folders on the way to Python and the project in a mount namespace of the run's own, where the closed
    ones become empty but for those.

    Raises:
        NoUser: If root may not do that.
    """
    command = [sys.executable, *arguments]
    if os.geteuid() != 0:
        return command
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode != 0:
        raise NoUser("root may not make a mount namespace here, to open Python's folders to an ordinary user")
    become = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--", *command]
    lines = _opening((Path(sys.base_prefix), Path(sys.prefix), PROJECT))
    return ["unshare", "--mount", "sh", "-ec", "\n".join([*lines, shlex.join(["exec", *become])])]


def _opening(paths: Iterable[Path]) -> Iterable[str]:
    """Shell lines after which everybody may reach these folders."""
    kept = {path: closed for path in paths if (closed := _first_closed(path))}
    for number, path in enumerate(kept):
        aside = shlex.quote(f"/tmp/kept-{os.getpid()}-{number}")
        yield f"mkdir {aside}; mount --bind {shlex.quote(str(path))} {aside}"
    for closed in dict.fromkeys(kept.values()):
        yield f"mount -t tmpfs -o mode=755 tmpfs {shlex.quote(str(closed))}"
    for number, path in enumerate(kept):
        aside, target = shlex.quote(f"/tmp/kept-{os.getpid()}-{number}"), shlex.quote(str(path))
        yield f"mkdir -p {target}; mount --move {aside} {target}; rmdir {aside}"


def _first_closed(path: Path) -> Path | None:
    """The uppermost folder on the way that others may not enter."""
    return next((each for each in reversed([path, *path.parents]) if not each.stat().st_mode & 0o001), None)
