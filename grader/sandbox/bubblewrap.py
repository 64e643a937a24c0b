"""bubblewrap's command line: namespaces, a minimal read-only root, no network.

As root, no user namespace is made: what is started has root's kernel uid and only the capabilities it needs, and gives
them up before it sees a submission. As an ordinary user, bubblewrap makes a user namespace.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from grader.errors import SandboxUnavailable
from grader.rubric import assignment_roots

PACKAGE = CODE = Path(__file__).resolve().parent.parent  # CODE: where the programs for the inside are taken from
FOLDER = "/submission"
INSIDE = "/inside"
SCRATCH_MIB = 64  # of /tmp and of /dev/shm
_BESIDE = (
    "protocol values request_handler forbidding landlock describing loading unpickling headless handled standins "
    "worker_main fork_server"
).split()
_CODE = ("__init__.py", "installed.py", "newer_syntax.py", "sandbox/__init__.py", *(f"sandbox/{n}.py" for n in _BESIDE))
ENVIRONMENT = {
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


def command(
    capabilities: Iterable[str], options: Sequence[str] = (), *, own_user: bool, folder_mib: int, as_root: bool = False
) -> list[str]:
    """The command line up to the program to run.

    Args:
        capabilities: What it may still do when it is started.
        options: Further options.
        own_user: Whether the grader is root: then there is no user namespace.
        folder_mib: Size of the folder for the submission, MiB.
        as_root: Whether it is user 0 of its user namespace, where there is one.

    Raises:
        SandboxUnavailable: If the interpreter's folders would show the project.
    """
    inside = "0" if as_root else "1000"
    user = [] if own_user else ["--unshare-user", "--uid", inside, "--gid", inside]
    return [
        shutil.which("bwrap") or "bwrap",  # it is started without a PATH
        *("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"),
        *user,
        *("--cap-drop", "ALL", *(part for name in capabilities for part in ("--cap-add", name))),
        *("--die-with-parent", "--new-session", "--clearenv", "--hostname", "sandbox"),
        *options,
        *(part for name, value in ENVIRONMENT.items() for part in ("--setenv", name, value)),
        *("--proc", "/proc", "--dev", "/dev"),
        *_scratch(FOLDER, folder_mib),
        *_scratch("/tmp", SCRATCH_MIB),
        *_scratch("/dev/shm", SCRATCH_MIB),
        *_root(),  # after the scratch folders: a project that lies below /tmp must not be covered
        *("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", FOLDER),
    ]


def python(program: str, descriptor: int, folders: Iterable[Path] = (Path(INSIDE),)) -> list[str]:
    """Arguments of Python that run `main(descriptor)` of one of our programs, with nothing of the environment."""
    paths = [str(folder) for folder in folders]
    start = f"import sys; sys.path += {paths!r}; from grader.sandbox.{program} import main"
    return ["-I", "-B", "-c", f"{start}; main(int(sys.argv[1]))", str(descriptor)]


def files_inside() -> dict[str, list[str]]:
    """What Landlock leaves to a worker, paths by kind of right: the root holds nothing else that could be read."""
    return {
        "read": ["/"],
        "execute": [str(path) for path in shown_folders()],
        "write": [FOLDER, "/tmp", "/dev/shm"],
        "device": DEVICES,
    }


# Without /dev/zero: a shared mapping of it is memory that is in no process's account once it is mapped nowhere.
DEVICES = ["/dev/null", "/dev/full", "/dev/random", "/dev/urandom"]


def shown_folders() -> list[Path]:
    """What the interpreter needs of this machine, and nothing else: no project, no data sets, no /etc, /home, /run.

    Raises:
        SandboxUnavailable: If the interpreter's folders hold the grader, or a folder of assignments.
    """
    binds = [Path("/usr/lib"), Path("/usr/bin"), Path("/usr/local/lib"), Path("/etc/ld.so.cache")]
    if Path("/usr/lib64").exists():
        binds.append(Path("/usr/lib64"))
    # Debian's interpreter has /usr for its prefix; the whole of it would show Debian's data sets.
    binds += [path for path in (Path(sys.base_prefix), Path(sys.prefix)) if path != Path("/usr")]
    shown = [path for path in dict.fromkeys(binds) if not _is_covered(path, binds)]
    ours = {"the grader": PACKAGE} | {str(root): root for root in assignment_roots()}
    for name, path in ours.items():
        if open_to_students := next((each for each in shown if path.is_relative_to(each)), None):
            raise SandboxUnavailable(f"the sandbox must show {open_to_students}, and {name} lies inside: move it out")
    return shown


def _root() -> list[str]:
    targets = [(path, path) for path in shown_folders()]
    targets += [(CODE / name, Path(INSIDE, "grader", name)) for name in _CODE]
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


def is_root() -> bool:
    """Whether the grader may give each worker a kernel user of its own."""
    return os.geteuid() == 0
