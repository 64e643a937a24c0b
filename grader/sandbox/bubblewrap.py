"""The *cold* wall: stock bubblewrap around a fresh process, a minimal read-only root, no network.

As root, no user namespace is made: the process starts as root with the three capabilities it needs to become an
ordinary kernel user, and gives them up in `worker.confine`. As an ordinary user, bubblewrap makes a user namespace.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path

from grader.errors import SandboxUnavailable
from grader.rubric import Limits
from grader.sandbox.cell import BOX_MARGIN_MIB, Cell

NAME = "bubblewrap"
FIRST_UID, UIDS = 61000, 4000  # kernel uids that no account uses; one is drawn for each cell
INSIDE = "/inside"
_CODE = (
    "__init__.py",
    "sandbox/__init__.py",
    *(f"sandbox/{n}.py" for n in ("protocol", "values", "servant", "worker")),
)
_START = f"import sys; sys.path.append({INSIDE!r}); from grader.sandbox.worker import main; main(int(sys.argv[1]))"
_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/tmp",
    "LANG": "C.UTF-8",
    "MPLBACKEND": "Agg",
    "PYTHONDONTWRITEBYTECODE": "1",
    # One thread until the worker is confined; it then asks torch for as many as the limits give.
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "passive",  # threads that spin while they wait cost a busy machine more than half its speed
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


def unavailable() -> str | None:
    """Why this backend can't work here, or None when it can."""
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed (apt-get install bubblewrap)"
    try:
        probe = [*_bubblewrap(64, ()), "--", "/usr/bin/true"]
        run = subprocess.run(probe, env={}, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False)
    except (SandboxUnavailable, OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None if run.returncode == 0 else f"bubblewrap fails: {run.stderr.decode(errors='replace').strip()[:300]}"


def start(limits: Limits, box_mib: int) -> Cell:
    """Start a worker; it imports torch while the caller goes on.

    Args:
        limits: What it may use.
        box_mib: Size of the submission's folder, MiB.

    Raises:
        SandboxUnavailable: If bubblewrap does not start.
    """
    with ExitStack() as undo:
        uid, release = _reserve_uid() if os.geteuid() == 0 else (None, _nothing)
        undo.callback(release)
        ours, theirs = socket.socketpair()
        undo.callback(ours.close)
        with theirs:
            process, kill = _spawn(theirs.fileno(), box_mib + BOX_MARGIN_MIB)
        undo.pop_all()
    return Cell(process, ours, kill, uid, limits.output_kib, release)


def _nothing() -> None:
    """There is no uid to give back."""


def _reserve_uid() -> tuple[int, Callable[[], None]]:
    """A kernel uid that no other cell has, for processes are counted per uid; and what gives it back.

    The abstract name of a socket holds it: free again when the socket is closed or its owner has ended, however it did.
    """
    first = secrets.randbelow(UIDS)
    for step in range(UIDS):
        uid = FIRST_UID + (first + step) % UIDS
        holder = socket.socket(socket.AF_UNIX)
        try:
            holder.bind(f"\0vision-autograder-{uid}")
            return uid, holder.close
        except OSError:
            holder.close()
    raise SandboxUnavailable(f"all of the {UIDS} user ids are in use")


def _spawn(channel: int, box_mib: int) -> tuple[subprocess.Popen[bytes], Callable[[], None]]:
    """Start bubblewrap around a worker that serves the descriptor `channel`; returns it and what kills the worker."""
    status_read, status_write = os.pipe()
    with open(status_read, "rb") as status:
        try:
            process = subprocess.Popen(
                [
                    *_bubblewrap(box_mib, ("--json-status-fd", str(status_write))),
                    *("--", sys.executable, "-I", "-B", "-c", _START, str(channel)),
                ],
                env={},  # bubblewrap is pid 1 inside, and its environment can be read there
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(channel, status_write),
            )
        except OSError as error:
            raise SandboxUnavailable(f"bubblewrap did not start: {error}") from error
        finally:
            os.close(status_write)
        return process, _killer(process, status.readline())


def _killer(process: subprocess.Popen[bytes], status: bytes) -> Callable[[], None]:
    """A function that kills the namespace's first process, and with it all others; bubblewrap then ends by itself."""
    try:
        first = int(json.loads(status)["child-pid"])
    except ValueError as error:  # it ended before it wrote anything
        output = process.communicate()[0].decode(errors="replace").strip()
        raise SandboxUnavailable(f"bubblewrap did not start: {output[:300]}") from error
    try:
        child = os.pidfd_open(first)
    except OSError as error:
        # Not bubblewrap itself: what it started would wait for it for ever. Until it is reaped, the number is its own.
        os.kill(first, signal.SIGKILL)
        process.communicate()
        raise SandboxUnavailable(f"bubblewrap did not start: {error}") from error

    def kill() -> None:
        try:
            signal.pidfd_send_signal(child, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it has ended by itself
        finally:
            os.close(child)

    return kill


def _bubblewrap(box_mib: int, status: Iterable[str]) -> list[str]:
    """The command line up to the program to run."""
    return [
        shutil.which("bwrap") or "bwrap",  # it is started without a PATH
        *("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"),
        *_privileges(),
        *("--die-with-parent", "--new-session", "--clearenv", "--hostname", "sandbox"),
        *status,
        *(part for name, value in _ENVIRONMENT.items() for part in ("--setenv", name, value)),
        *("--proc", "/proc", "--dev", "/dev"),
        *_scratch("/box", box_mib),
        *_scratch("/tmp", 64),
        *_scratch("/dev/shm", 64),
        *_root(),  # after the scratch folders: a project that lies below /tmp must not be covered
        *("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/box"),
    ]


def _privileges() -> list[str]:
    if os.geteuid() == 0:
        return ["--cap-drop", "ALL", *_repeat("--cap-add", ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"))]
    return ["--unshare-user", "--uid", "1000", "--gid", "1000", "--cap-drop", "ALL"]


def _root() -> list[str]:
    """A root of what the interpreter needs and nothing else: no project, no data sets, no /etc, /home, /run, /sys.

    Raises:
        SandboxUnavailable: If the interpreter's folders would show the project.
    """
    code = Path(__file__).resolve().parent.parent
    binds = [Path("/usr/lib"), Path("/usr/bin"), Path("/usr/local/lib"), Path("/etc/ld.so.cache")]
    if Path("/usr/lib64").exists():
        binds.append(Path("/usr/lib64"))
    # Debian's interpreter has /usr for its prefix; the whole of it would show Debian's data sets.
    binds += [path for path in (Path(sys.base_prefix), Path(sys.prefix)) if path != Path("/usr")]
    shown = [path for path in dict.fromkeys(binds) if not _is_covered(path, binds)]
    if open_to_students := next((path for path in shown if code.is_relative_to(path)), None):
        raise SandboxUnavailable(f"the sandbox must show {open_to_students}, and the grader lies inside: move it out")
    targets = [(path, path) for path in shown]
    targets += [(code / name, Path(INSIDE, "grader", name)) for name in _CODE]
    parents = dict.fromkeys(parent for _, target in targets for parent in reversed(target.parents) if parent.name)
    return [
        # bubblewrap makes missing parents with mode 0700, which the ordinary user can't enter.
        *(part for parent in parents for part in ("--perms", "0755", "--dir", str(parent))),
        *(part for source, target in targets for part in ("--ro-bind", str(source), str(target))),
        *("--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64"),
    ]


def _is_covered(path: Path, binds: list[Path]) -> bool:
    """Whether a bind of one of its parents shows `path` already."""
    return any(other != path and path.is_relative_to(other) for other in binds)


def _scratch(path: str, size_mib: int) -> list[str]:
    return ["--perms", "1777", "--size", str(size_mib << 20), "--tmpfs", path]


def _repeat(flag: str, values: Iterable[str]) -> list[str]:
    return [part for value in values for part in (flag, value)]
