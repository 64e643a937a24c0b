"""The *container* wall: for machines without namespaces, such as Gradescope's or a plain Docker container.

A process that is forked from a fork server, with a kernel user of its own (where the grader is root), behind Landlock,
which hides the machine's files, and a filter without network and without further processes. Existence and size of files
are not hidden, the folder for the submission is as large as its file system, and the number of threads is limited only
for a user of its own, because the kernel counts all of a user's.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from grader.errors import SandboxUnavailable
from grader.rubric import Limits
from grader.sandbox import bubblewrap, landlock, users
from grader.sandbox.forking import ForkServers
from grader.sandbox.launcher import start_process
from grader.sandbox.protocol import Header
from grader.sandbox.seccomp import build_filter
from grader.sandbox.worker import First, Worker

NAME = "container"
TITLE = "container (Landlock)"
Interpreter = tuple[str, list[Path]]
_READABLE = [
    *("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/sys/devices/system/cpu"),
    # Not all of /proc/self: its `net` lists the machine's connections, `mounts` its disks.
    *(f"/proc/self/{name}" for name in "cmdline comm environ fd fdinfo limits maps oom_score_adj smaps stat".split()),
    *(f"/proc/self/{name}" for name in ("smaps_rollup", "statm", "status")),
]


def unavailable() -> str | None:
    """Why this backend can't work here, or None when it can: a worker is confined and stopped."""
    if landlock.version() < (1 if bubblewrap.is_root() else 6):
        return "this kernel has no Landlock that is strong enough to hide files"
    limits = Limits()
    try:
        worker = start(limits, 1)
        try:
            worker.confine(limits, 1, {}, system_calls())
        finally:
            worker.stop()
    except SandboxUnavailable as error:
        return str(error)
    return None


def _interpreter() -> Interpreter:
    """A Python that the worker's user can run, and folders to import from beside its own.

    Where ours lies below a folder that is closed to others, it is the machine's own of the same version, with our
    packages.

    Raises:
        SandboxUnavailable: If there is none.
    """
    packages = Path(sysconfig.get_path("purelib"))
    machines = Path(f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}")
    if not bubblewrap.is_root() or all(map(_is_open_to_all, bubblewrap.shown_folders())):
        return sys.executable, []
    if machines.exists() and _is_open_to_all(packages):
        return str(machines), [packages]
    raise SandboxUnavailable(f"an ordinary user can't run {sys.executable}, and there is no other Python like it")


def _is_open_to_all(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o005 for folder in (path.resolve(), *path.resolve().parents) if folder.is_dir())


def system_calls() -> bytes:
    """The filter of these workers."""
    return build_filter(alone=False)


def start(limits: Limits, folder_mib: int) -> Worker:
    """Start a worker; it imports torch while the caller goes on.

    Args:
        limits: What it may use.
        folder_mib: Size of the largest file that it may write, MiB.

    Raises:
        SandboxUnavailable: If it does not start.
    """
    del folder_mib  # a file's size is limited by `worker.confine`; the folder's can't be
    with ExitStack() as undo:
        uid, release = users.take_user()
        undo.callback(release)
        worker = launch(_SERVERS, uid, files_here, limits.output_kib, release)
        undo.pop_all()
    return worker


def files_here(folder: Path) -> dict[str, list[str]]:
    """What Landlock leaves to a worker, paths by kind of right."""
    shown = [str(path) for path in bubblewrap.shown_folders()]
    return {"read": _READABLE, "execute": shown, "write": [str(folder)], "device": bubblewrap.DEVICES}


def launch(
    servers: ForkServers,
    uid: int | None,
    files: Callable[[Path], dict[str, list[str]]],
    output_kib: int,
    release: Callable[[], None],
) -> Worker:
    """Fork a worker as a process among others, with a folder of its own.

    Args:
        servers: What it is forked from.
        uid: Kernel user that it will become; None: it stays who it is.
        files: Its folder -> what Landlock leaves to it.
        output_kib: How much of the end of its output to keep.
        release: Gives back what the worker held.

    Raises:
        SandboxUnavailable: If it does not start.
    """
    with ExitStack() as undo:
        folder = Path(tempfile.mkdtemp(prefix=f"vision-autograder-{os.getpid()}-"))
        undo.callback(_remove, folder)
        setup: Header = {"uid": uid, "folder": str(folder), "files": files(folder)}
        if uid is None:  # the kernel counts the processes of a user: among them everything else that this one runs
            setup["limits"] = {"processes": None}
        else:
            os.chown(folder, uid, uid)

        def ended() -> None:
            if uid is not None:
                users.end_all(uid)
            _remove(folder)

        worker = servers.start({"folder": str(folder)}, setup, output_kib, release, ended)
        undo.pop_all()
    return worker


def _remove(folder: Path) -> None:
    """Remove a folder with all that a submission has made in it; none of its processes lives.

    Each folder is moved out before it is looked into: there may be ten thousand, one in another, where `shutil.rmtree`
    gives up, and `rm -rf` takes half a minute.
    """
    if folder.is_symlink() or not folder.is_dir():  # practice may have taken it away
        return
    aside = Path(tempfile.mkdtemp(prefix=f"vision-autograder-{os.getpid()}-", dir=folder.parent))
    folders: list[Path] = []

    def take(path: str | Path) -> None:
        os.chmod(path, 0o700)
        folders.append(aside / str(next(numbers)))
        os.rename(path, folders[-1])

    numbers = itertools.count()
    take(folder)
    while folders:
        folder = folders.pop()
        with os.scandir(folder) as entries:
            for path, is_folder in [(entry.path, entry.is_dir(follow_symlinks=False)) for entry in entries]:
                if is_folder:
                    take(path)
                else:
                    os.unlink(path)
        folder.rmdir()
    aside.rmdir()


def spawn(control: int, interpreter: Interpreter) -> tuple[subprocess.Popen[bytes], First]:
    """Start a fork server that is a process among others.

    Args:
        control: Its end of the socket on which it is asked.
        interpreter: Python, and folders to import from beside its own.

    Raises:
        SandboxUnavailable: If it does not start.
    """
    python, packages = interpreter
    try:
        process = start_process(
            [python, *bubblewrap.python("fork_server", control, [*packages, bubblewrap.CODE.parent])],
            env=bubblewrap.ENVIRONMENT,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(control,),
            start_new_session=True,
        )
    except OSError as error:
        raise SandboxUnavailable(f"a process did not start: {error}") from error
    try:
        return process, First(process.pid, os.pidfd_open(process.pid), process.wait)
    except OSError as error:
        process.kill()
        process.communicate()
        raise SandboxUnavailable(f"a process did not start: {error}") from error


_SERVERS = ForkServers(lambda control: spawn(control, _interpreter()))
