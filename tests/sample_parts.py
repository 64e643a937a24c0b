"""The parts that walls are made of: how each is taken away, and which probes then get through.

Run as a program (`python sample_parts.py fork_user`), it prints as JSON what probes are told without each part of a
wall, by the part's name.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from sample_walls import FOLDER_MIB
from sample_without import Edit, Filter, Flags, Removal, Value, ask_without

from grader.sandbox import bubblewrap, cold, container, launcher
from grader.sandbox.worker import FOLDER_MARGIN_MIB


@dataclass(frozen=True)
class Part:
    """One part of a wall.

    Attributes:
        wall: The wall that it is taken from, as in the golden table.
        name: What it is.
        removals: How it is taken away.
        seen: Probes that must be told something else without it; none: a cell can't be started, used or ended then.
        covers: What else must be taken away for the probes to see it: other parts do the same.
    """

    wall: str
    name: str
    removals: tuple[Removal, ...]
    seen: tuple[str, ...] = ()
    covers: tuple[Removal, ...] = ()


def part(wall: str, name: str, *removals: Removal, seen: str = "", covers: tuple[Removal, ...] = ()) -> Part:
    """A part; `seen` are names with commas between them."""
    return Part(wall, name, removals, tuple(filter(None, seen.split(", "))), covers)


def line(old: str, new: str = "") -> Edit:
    """Takes a line out of `worker_main.py`, or puts another in its place."""
    return Edit("worker_main.py", old, new)


def lets(*calls: str) -> Filter:
    """Lets system calls pass."""
    return Filter(calls)


def starting(module: ModuleType, **change: bool) -> Value:
    """Has the processes of a backend inherit something of the grader: `env`, `fds` or `session`."""

    def start(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        if change.get("env"):
            options["env"] = {**os.environ, **options["env"]}
        if change.get("fds"):
            for descriptor in options.pop("pass_fds"):
                os.set_inheritable(descriptor, True)
            options["close_fds"] = False
        if change.get("session"):
            options["start_new_session"] = False
        return launcher.start_process(command, **options)

    return Value(module, "start_process", start)


WORKER = Path(bubblewrap.PACKAGE, "sandbox", "worker_main.py").read_text(encoding="utf-8")
LIMITS_SEEN = {"AS": "much memory", "NPROC": "NPROC", "FSIZE": "FSIZE, large file", "CORE": "CORE", "CPU": "CPU"}
LIMITS_SEEN |= {"NOFILE": "NOFILE, many descriptors"}
OWN_USER = line('        os.setresuid(setup["uid"], setup["uid"], setup["uid"])', "        pass")
LANDLOCK = line('landlock.restrict(setup["files"]) if setup["files"] else 0', "0")
PRIVILEGES = line("    _prctl(libc, PR_SET_NO_NEW_PRIVS, 1)\n")
PARENT = line("    _prctl(libc, PR_SET_PDEATHSIG, SIGKILL)  # setuid cleared it\n")
DIES = Flags(("--die-with-parent",))
CAPSET = line("libc.capset(", "(lambda *_: 0)(")
CLOSED = line("    os.closerange(3, descriptor)\n    os.closerange(descriptor + 1, 4096)\n")


def limit(name: str) -> Edit:
    """Takes a resource limit away."""
    return line("".join(each for each in WORKER.splitlines(keepends=True) if f"resource.RLIMIT_{name}:" in each))


def confined(wall: str) -> list[Part]:
    """What `worker.confine` does, which is in all walls."""
    fence = "accounts, checks, readable to all, devices" if wall == "container" else "its own program"
    group = line('        os.setresgid(setup["uid"], setup["uid"], setup["uid"])\n')
    can_dump = resource.getrlimit(resource.RLIMIT_CORE)[1] != 0
    return [
        part(wall, "oom score", line("    _offer_to_the_oom_killer()\n"), seen="oom score"),
        *(part(wall, name, limit(name), seen=seen) for name, seen in LIMITS_SEEN.items() if can_dump or name != "CORE"),
        part(wall, "bounding set", line("libc.prctl(PR_CAPBSET_DROP, ", "(lambda *_: 0)("), seen="rights to be had"),
        part(wall, "groups", line("        os.setgroups([])\n"), seen="groups"),
        part(wall, "own group", group, seen="user"),
        part(wall, "own user", OWN_USER, seen="" if wall == "container" else "user"),
        part(wall, "Landlock", LANDLOCK, seen=fence),
        part(wall, "filter", line("        _load_filter(libc, seccomp_filter)", "        pass"),
             seen="filter, new user, keyctl, families, bpf, io_uring_setup"),
        part(wall, "namespaces of a clone", lets("clone"), seen="new user, new mnt"),
        part(wall, "requests of ioctl", lets("ioctl"), seen="type, type with high bits"),
        part(wall, "options of prctl", lets("prctl"), seen="dumpable"),
        part(wall, "families of sockets", lets("socket"), seen="families, socket with high bits"),
        part(wall, "limits of others", lets("prlimit64"), seen="limits of the grader"),
        part(wall, "processors", lets("sched_setaffinity"), seen="its own processors"),
        part(wall, "buffers of sockets", lets("setsockopt"), seen="larger buffers"),
        part(wall, "no memory of zeros", Value(bubblewrap, "DEVICES", [*bubblewrap.DEVICES, "/dev/zero"]),
             seen="devices, shared memory of zeros"),
        part(wall, "flags of mmap", lets("mmap"), seen="shared memory without a file, the same by its other flag"),
    ]  # fmt: skip


UNSHARE = "CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET"
FOLDERS = '(("/submission", folder_mib), ("/tmp", 64), ("/dev/shm", 64))'


def server(old: str, new: str = "") -> Edit:
    """Takes lines out of `fork_server.py`, or puts others in their place."""
    return Edit("fork_server.py", old, new)


def shared(name: str) -> Edit:
    """Takes a namespace from those that the server makes for a cell."""
    return server(UNSHARE, UNSHARE.replace(f"CLONE_NEW{name}", "0"))


NO_PID = server('    _call("unshare", CLONE_NEWPID)\n')
FORK = [
    part("fork", "new mnt", shared("NS")),
    part("fork", "new cgroup", shared("CGROUP"), seen="another's namespaces"),
    part("fork", "new uts", shared("UTS"), seen="another's namespaces"),
    part("fork", "new ipc", shared("IPC"), seen="another's namespaces"),
    part("fork", "new net", shared("NET"), seen="another's namespaces, another's socket"),
    part("fork", "new pid", NO_PID, seen="another's namespaces"),
    part("fork", "own /submission", server(FOLDERS, FOLDERS.replace('("/submission", folder_mib), ', "")),
         seen="another's folder"),
    part("fork", "own /tmp", server(FOLDERS, FOLDERS.replace('("/tmp", 64), ', "")), seen="another's file in /tmp"),
    part("fork", "own /dev/shm", server(FOLDERS, FOLDERS.replace(', ("/dev/shm", 64)', "")),
         seen="another's shared memory"),
    part("fork", "size of folders", server("size={size_mib}m,"), seen="fill /tmp, fill /dev/shm, fill its folder"),
    part("fork", "number of files", server("nr_inodes={INODES},"), seen="many files"),
    part("fork", "own terminals", server('_mount("tmpfs", "/dev/pts", ', "(lambda *_: None)("), seen="terminals"),
    part("fork", "own /proc", server('_mount("proc", "/proc", ', "(lambda *_: None)("), seen="programs, keys"),
    part("fork", "subset of /proc", server("subset=pid,"), seen="read a setting, keys"),
    part("fork", "others' processes", server(",hidepid=invisible"), seen="programs", covers=(NO_PID,)),
    part("fork", "own session", server("    os.setsid()\n"), seen="session"),
    part("fork", "closed descriptors", server("    close_all_but(channel)\n"), seen="descriptors"),
    part("fork", "one session", lets("setsid"), seen="a session of its own"),
    part("fork", "capset", CAPSET, seen="rights"),
    *confined("fork"),
]  # fmt: skip

UNSHARED = {"ipc": "namespaces", "net": "interfaces, namespaces, abstract socket", "cgroup-try": "namespaces"}
SIZES = {"/submission": (FOLDER_MIB + FOLDER_MARGIN_MIB, "fill its folder")}
SIZES |= {folder: (bubblewrap.SCRATCH_MIB, f"fill {folder}") for folder in ("/tmp", "/dev/shm")}
ROOT = Flags(("--remount-ro", "/"))
AS_ROOT = (LANDLOCK, OWN_USER)  # what keeps a cell from writing where only the machine's root may
MORE = [*bubblewrap.shown_folders(), Path("/etc")]
COLD = [
    *(part("cold", f"--unshare-{name}", Flags((f"--unshare-{name}",)), seen=seen) for name, seen in UNSHARED.items()),
    part("cold", "--unshare-pid", Flags(("--unshare-pid",)), seen="programs, signal the grader, namespaces"),
    part("cold", "--unshare-uts", Flags(("--unshare-uts",)), Flags(("--hostname", "sandbox")), seen="namespaces"),
    part("cold", "--new-session", Flags(("--new-session",)), seen="session"),
    *(part("cold", f"--size {path}", Flags(("--size", str(mib << 20), "--tmpfs", path), ("--tmpfs", path)), seen=seen)
      for path, (mib, seen) in SIZES.items()),
    part("cold", "--dev", Flags(("--dev", "/dev"), ("--dev-bind", "/dev", "/dev")), seen="terminals"),
    part("cold", "minimal root", Value(bubblewrap, "shown_folders", lambda: MORE), seen="accounts, list /etc"),
    part("cold", "one session", lets("setsid"), seen="a session of its own"),
    part("cold", "capset", CAPSET, seen="rights"),
    part("cold", "--clearenv", Flags(("--clearenv",)), seen="environment", covers=(starting(cold, env=True),)),
    part("cold", "--remount-ro /", ROOT, seen="create in /", covers=AS_ROOT),
    part("cold", "--remount-ro /dev", Flags(("--remount-ro", "/dev")), seen="create in /dev", covers=AS_ROOT),
    part("cold", "--ro-bind", Flags(("--ro-bind", sys.prefix), ("--bind", sys.prefix)), seen="create in {prefix}",
         covers=AS_ROOT),
    part("cold", "--cap-drop", Flags(("--cap-drop", "ALL")), seen="rights", covers=(CAPSET, OWN_USER)),
    part("cold", "closed descriptors", CLOSED, seen="descriptors", covers=(starting(cold, fds=True),)),
    *confined("cold"),
]  # fmt: skip

SOCKETS = lets("socket", "socketpair", "connect", "bind", "listen", "accept", "accept4")
WIDE = Value(container, "_READABLE", ["/proc/self"])
CONTAINER = [
    part("container", "no new privileges", PRIVILEGES),
    part("container", "named sockets", SOCKETS, seen="named socket, named datagrams, abstract socket"),
    part("container", "no processes", lets("fork", "vfork", "clone", "execve", "execveat"), seen="some processes"),
    part("container", "modes", lets("chmod", "fchmod", "fchmodat"), seen="mode"),
    part("container", "times", lets("utime", "utimes", "utimensat"), seen="times"),
    part("container", "watching", lets("inotify_init", "inotify_init1", "inotify_add_watch"), seen="watch"),
    part("container", "priorities", lets("setpriority"), seen="priority of the grader"),
    part("container", "parent's death", lets("prctl"), seen="outlive the grader"),
    part("container", "part of /proc/self", WIDE, seen="interfaces"),
    part("container", "environment", starting(container, env=True), seen="environment"),
    part("container", "own session", server("    os.setsid()\n"), seen="session",
         covers=(starting(container, session=True),)),
    part("container", "no TCP", Edit("landlock.py", "[NO_TCP]", "[0]"), seen="loopback", covers=(SOCKETS,)),
    part("container", "closed descriptors", CLOSED, seen="descriptors"),
    part("container", "capset", CAPSET, seen="rights", covers=(OWN_USER,)),
    *confined("container"),
]  # fmt: skip

# Where the grader is an ordinary user, some parts are needed that its kernel user covers for root.
USER = [
    part("fork_user", "new user", server("    if not own_user:", "    if False:"), seen="user, another's namespaces"),
    part("fork_user", "bounding set", line("libc.prctl(PR_CAPBSET_DROP, ", "(lambda *_: 0)("), seen="rights to be had"),
    part("cold_user", "clean environment", starting(cold, env=True), seen="canary", covers=(LANDLOCK,)),
    part("container_user", "scope", Edit("landlock.py", "[TO_ITSELF]", "[0]"),
         seen="signal the grader, signal by descriptor, another's process"),
    part("container_user", "modes", lets("chmod", "fchmod", "fchmodat"), seen="mode"),
]  # fmt: skip

# Parts that no probe sees fall, because another can't be taken away: wall, removal -> what does the same.
NAMESPACES = tuple(Flags((f"--unshare-{name}",)) for name in ("ipc", "net", "cgroup-try"))
SAFE = server('tmpfs", MS_NOSUID | MS_NODEV, f"size', 'tmpfs", 0, f"size')
REDUNDANT: dict[tuple[str, str], tuple[tuple[Removal, ...], str]] = {
    ("fork", "bubblewrap's namespaces"): (NAMESPACES, "each cell has its own"),
    ("fork", "private mounts"): (
        (server('    _mount(None, "/", None, MS_REC | MS_PRIVATE, None)\n'),),
        "bubblewrap passes no mount on",
    ),
    ("fork", "no set-uid, no devices"): ((SAFE,), "no new privileges, and no call that makes a device"),
    ("fork", "closed by name"): (
        (server("            control.close()\n            os.close(home)\n"),),
        "the child closes all but its channel",
    ),
    ("fork", "no new privileges"): ((PRIVILEGES,), "bubblewrap sets it for all that it starts"),
    ("cold", "no new privileges"): ((PRIVILEGES,), "bubblewrap sets it for all that it starts"),
    ("fork", "parent's death"): ((PARENT,), "the namespace ends with its first process"),
    ("cold", "parent's death"): ((PARENT,), "the namespace ends with its first process"),
}
PARTS = {(part.wall, part.name): part for part in (*FORK, *COLD, *CONTAINER, *USER)}
# Flags of bubblewrap that are no wall: what the cell is given.
FURNITURE = set("--cap-add --setenv --hostname --proc --perms --tmpfs --dir --symlink --chdir".split())


def told(part: Part) -> list[dict[str, Any]]:
    """What probes are told without the part; if it has covers, then without these, and without all."""
    ways = [part.removals, *([part.covers, part.removals + part.covers] if part.covers else [])]
    return [ask_without(part.wall, way, part.seen) for way in ways]


if __name__ == "__main__":
    print(json.dumps({part.name: told(part) for part in USER if part.wall == sys.argv[1]}))
