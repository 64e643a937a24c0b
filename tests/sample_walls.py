"""The golden table: what student code is told behind each wall. `test_walls.py` asks, `sample_machine.py` holds how.

A wall is a backend, or a backend with `_user` where the grader is not root.
"""

from __future__ import annotations

import mmap
import signal
import socket
import sys
from dataclasses import dataclass
from typing import Any

import pyseccomp

from grader.rubric import Limits
from grader.sandbox import bubblewrap
from grader.sandbox.resource_monitor import most_cpu_s

WALLS = ("fork", "cold", "container", "fork_user", "cold_user", "container_user")
MODULES = ("reach", "powers", "limits", "others", "work")
LIMITS = Limits(call_s=60, import_s=60, memory_mib=1024)
FOLDER_MIB = LIMITS.scratch_mib
NAMESPACES = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"]
UNASKED = object()


@dataclass(frozen=True)
class Row:
    """One probe.

    Attributes:
        name: What is tried.
        question: Module and function of `probes/`, and its arguments; `{fact}` stands for a fact about the machine.
        answer: What it must answer; a set: one of these.
        but: Walls, or backends, with another answer; UNASKED where the question makes no sense.
    """

    name: str
    question: tuple[Any, ...]
    answer: Any
    but: dict[str, Any]

    def expected(self, wall: str) -> Any:
        """What must be answered behind a wall."""
        return self.but.get(wall, self.but.get(wall.removesuffix("_user"), self.answer))


def row(name: str, *question: Any, answer: Any, **but: Any) -> Row:
    """A row; `but` are walls that answer otherwise."""
    return Row(name, question, answer, but)


def number(name: str) -> int:
    """Of a system call."""
    found = int(pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name))
    assert found >= 0, name
    return found


# Beside a bubblewrap nothing of the machine is there; in a container it is, and closed.
ABSENT: dict[str, Any] = {"answer": "ENOENT", "container": "EACCES"}
READ_ONLY: dict[str, Any] = {"answer": {"EROFS", "EACCES"}}
REFUSED: dict[str, Any] = {"answer": "ENOSYS"}
ALONE: dict[str, Any] = {"answer": "ESRCH", "container": "EPERM"}  # other processes are not there, or out of reach
HUGE = 1 << 32  # a bit that the kernel does not look at
DEVICES = "console fuse full kmsg kvm loop0 mem null port ptmx random rtc0 sda tty tty0 urandom vda vsock zero".split()

FILES = (
    row("accounts", "reach.read", "/etc/passwd", **ABSENT),
    row("passwords", "reach.read", "/etc/shadow", **ABSENT),
    row("checks", "reach.read", "{project}/grader/checking/fixtures.py", **ABSENT),
    row("solutions", "reach.read", "{project}/pyproject.toml", **ABSENT),
    row("readable to all", "reach.read", "{secret}", **ABSENT),
    row("through a link", "reach.follow", "{secret}", **ABSENT),
    row("another name", "reach.link", "{secret}", answer="ENOENT", container={"EACCES", "EPERM", "EXDEV"}),
    row("in shared memory", "reach.read", "{shared}", **ABSENT),
    row("names of ours", "reach.visible", "{secrets}", "{skipped}", answer=[]),
    row("list /etc", "reach.names", "/etc", answer=["ld.so.cache"], container="EACCES"),
    *(row(f"list {folder}", "reach.names", folder, **ABSENT) for folder in ("/var", "/run", "/sys", "{public}")),
    row("write to all", "reach.open_for_writing", "{public_file}", **ABSENT),
    row("create for all", "reach.create", "{public}", **ABSENT),
    *(
        row(f"create in {folder}", "reach.create", folder, **READ_ONLY)
        for folder in ("/", "/usr/bin", "/etc", "/dev", "/dev/pts", "{prefix}", "{library}")
    ),
    row("create beside the worker", "reach.create", "/inside/grader", answer={"EROFS", "EACCES"}, container="ENOENT"),
    row("create in /tmp", "reach.create", "/tmp", answer="done", container="EACCES"),
    row("create in its folder", "reach.create", ".", answer="done"),
    row("mode", "reach.change_mode", "{public_file}", answer="ENOENT", container="without effect"),
    row("times", "reach.change_times", "{public_file}", answer="ENOENT", container="without effect"),
    row("watch", "reach.watch", "{public}", answer="ENOENT", container="ENOSYS"),
    row("devices", "reach.devices", DEVICES, answer=["full", "null", "random", "urandom"]),
    row("its own program", "reach.run_own_program", ".", answer="EACCES", container="ENOSYS"),
    row("the machine's programs", "reach.run_program", "/usr/bin/true", answer="", container="ENOSYS"),
    row("setting of the kernel", "reach.open_for_writing", "/proc/sys/kernel/core_pattern", answer={"EACCES", "EROFS"},
        fork="ENOENT"),
    row("magic key", "reach.open_for_writing", "/proc/sysrq-trigger", answer={"EACCES", "EROFS", "ENOENT"}),
    row("read a setting", "reach.read", "/proc/sys/kernel/osrelease", answer="ENOENT", cold="done", container="EACCES"),
    row("keys", "reach.read", "/proc/keys", answer="ENOENT", cold="done", container="EACCES"),
    row("its own memory file", "reach.open_for_writing", "/proc/self/mem", answer="EACCES"),
    row("the grader's environment", "reach.read", "/proc/{grader}/environ", **ABSENT),
    row("the grader's memory", "reach.read", "/proc/{grader}/mem", **ABSENT),
    row("the grader's root", "reach.names", "/proc/{grader}/root", **ABSENT),
    row("canary", "reach.contain", "{processes}", "{canary}", answer=[]),
)  # fmt: skip

NETWORK = (
    row("families", "reach.families", answer=[socket.AF_UNIX], container=[]),
    row("loopback", "reach.connect", socket.AF_INET, socket.SOCK_STREAM, ["127.0.0.1", "{port}"], **REFUSED),
    row("named socket", "reach.connect", socket.AF_UNIX, socket.SOCK_STREAM, "{socket}", answer="ENOENT",
        container="ENOSYS"),
    row("named datagrams", "reach.connect_pair", "{datagrams}", answer="ENOENT", container="ENOSYS"),
    row("abstract socket", "reach.connect", socket.AF_UNIX, socket.SOCK_STREAM, "@{abstract}", answer="ECONNREFUSED",
        container="ENOSYS"),
    row("interfaces", "reach.interfaces", answer=["lo"], container="EACCES"),
)  # fmt: skip

PROCESSES = (
    row("programs", "powers.programs", answer=["python"], cold=["bwrap", "python"], container="EACCES"),
    row("signal the grader", "powers.signal_to", "{grader}", **ALONE),
    row("signal the first", "powers.signal_to", 1, answer="EPERM", fork="done"),  # which it is itself
    row("signal all", "powers.signal_to", -1, answer="ESRCH", container=UNASKED),  # says nothing where all refuse
    row("signal by descriptor", "powers.signal_through_descriptor", "{grader}", **ALONE),
    row("signal the peer", "powers.signal_to_peer", answer={"EINVAL", "ENOPROTOOPT"},
        container={"EPERM", "ENOPROTOOPT"}),
    row("limits of the grader", "powers.limit_of", "{grader}", **REFUSED),
    row("its own processors", "powers.pin", answer="without effect"),
    row("a session of its own", "powers.new_session", answer="without effect", container=UNASKED),
    row("priority of the grader", "powers.renice", "{grader}", answer="ESRCH", container="ENOSYS"),
    row("outlive the grader", "powers.outlive", answer="done", container="ENOSYS"),
    row("session", "powers.is_in_session", "{session}", answer=False),
    row("namespaces", "powers.shared_namespaces", "{namespaces}", answer=["user"], fork_user=[], cold_user=[],
        container=NAMESPACES),
)  # fmt: skip

# Arguments of 0 do nothing where the call is known, but for these.
ARGUMENTS = {"ptrace": (-1,), "msgget": (1,), "sethostname": (0, -1)}
CALLS = """
unshare setns mount umount2 pivot_root chroot ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd keyctl add_key
request_key memfd_create memfd_secret io_uring_setup bpf perf_event_open userfaultfd personality kexec_load init_module
swapon reboot open_by_handle_at name_to_handle_at mknod mknodat chown setuid setresuid capset shmget msgget semget
mq_open clone3 acct sethostname settimeofday syslog fsopen open_tree move_mount landlock_create_ruleset iopl
""".split()
FLAGS = {"mnt": 0x00020000, "cgroup": 0x02000000, "uts": 0x04000000, "ipc": 0x08000000, "user": 0x10000000}
FLAGS |= {"pid": 0x20000000, "net": 0x40000000}
KERNEL = (
    *(row(name, "powers.system_call", number(name), *ARGUMENTS.get(name, (0,) * 6), **REFUSED) for name in CALLS),
    *(row(f"new {name}", "powers.clone", number("clone"), flag, **REFUSED) for name, flag in FLAGS.items()),
    row("type", "powers.system_call", number("ioctl"), 0, 0x5412, 0, **REFUSED),
    row("type with high bits", "powers.system_call", number("ioctl"), 0, 0x5412 | HUGE, 0, **REFUSED),
    row("socket with high bits", "powers.system_call", number("socket"), socket.AF_INET | HUGE, 1, 0, **REFUSED),
    row("dumpable", "powers.change_dumpable", **REFUSED),
    row("other architecture", "powers.end_of_foreign_call", answer=signal.SIGSYS.name, container="ENOSYS"),
)

NONE = "0" * 16
STATE = (
    row("user", "limits.is_ordinary", answer=True),
    row("groups", "limits.status", "Groups", answer=[""], fork_user=UNASKED, cold_user=UNASKED, container_user=UNASKED),
    row("rights", "limits.status", "CapInh", "CapPrm", "CapEff", "CapAmb", answer=[NONE] * 4),
    row("rights to be had", "limits.status", "CapBnd", answer=[NONE], container_user=UNASKED),
    row("filter", "limits.status", "NoNewPrivs", "Seccomp", answer=["1", "2"]),
    row(
        "environment",
        "limits.environment",
        bubblewrap.ENVIRONMENT,
        ["KMP_", "TORCHINDUCTOR_"],
        answer=["PWD"],
        container=["HOME", "TMPDIR"],
    ),
    row("descriptors", "limits.descriptors", answer=["/dev/null", "pipe", "pipe", "socket"]),
    row("oom score", "limits.goes_first", answer=True),
    row("CORE", "limits.limit", "CORE", answer=[0, 0]),
    row("NOFILE", "limits.limit", "NOFILE", answer=[256, 256]),
    row("NPROC", "limits.limit", "NPROC", answer=[LIMITS.processes] * 2, container_user=UNASKED),
    row("FSIZE", "limits.limit", "FSIZE", answer=[FOLDER_MIB << 20] * 2),
    row("CPU", "limits.limit", "CPU", answer=[most_cpu_s(LIMITS)] * 2),
    row("much memory", "limits.memory", LIMITS.memory_mib + 256, answer="ENOMEM"),
    row("some memory", "limits.memory", LIMITS.memory_mib // 4, answer="done"),
    row("shared memory without a file", "limits.shared_memory", mmap.MAP_SHARED, **REFUSED),
    row("the same by its other flag", "limits.shared_memory", mmap.MAP_SHARED | 0x02, **REFUSED),  # MAP_SHARED_VALIDATE
    row("shared memory of zeros", "limits.shared_zeros", answer="EACCES"),
    row("larger buffers", "limits.enlarge_buffers", answer="without effect"),
    row("many processes", "limits.processes", LIMITS.processes, answer="EAGAIN", container="ENOSYS"),
    row("some processes", "limits.processes", LIMITS.processes // 4, answer="done", container="ENOSYS"),
    row("many threads", "limits.threads", LIMITS.processes, answer="RuntimeError", container_user=UNASKED),
    row("some threads", "limits.threads", LIMITS.processes // 4, answer="done"),
    *(row(f"fill {f}", "limits.fill", f, 36, 2, answer="ENOSPC", container="EACCES") for f in ("/tmp", "/dev/shm")),
    row("fill its folder", "limits.fill", ".", 40, 2, answer="ENOSPC", container="done"),
    row("large file", "limits.fill", ".", 68, 1, answer="EFBIG"),
    row("huge file", "limits.sparse", ".", answer="EFBIG"),
    row("many files", "limits.many_files", ".", 9000, answer="done", fork="ENOSPC"),
    row("many descriptors", "limits.open_many", 300, answer="EMFILE"),
)

OTHERS = (
    row("another's folder", "others.read", "{other_folder}/{other}", **ABSENT),
    row("another's file in /tmp", "others.read", "/tmp/{other}", answer="ENOENT"),
    row("another's shared memory", "others.read", "/dev/shm/{other}", answer="ENOENT"),
    row("another's socket", "others.connect", "{other}", answer="ECONNREFUSED", container="ENOSYS"),
    row("another's namespaces", "powers.shared_namespaces", "{other_namespaces}", answer=["user"], fork_user=[],
        cold_user=[], container=NAMESPACES),
    row("another's process", "powers.signal_to", "{other_process}", **ALONE),
    row("terminals", "others.terminals", answer=["ENOENT"], cold=["done", "0"], container=["EACCES", "EACCES"]),
    row("another's text", "others.count_in_memory", "{marker}", "{marked}", answer=0),
)  # fmt: skip
# What honest submissions do works, with as many threads as allowed.
LIBRARIES = {"svd": [64], "fft": [8], "threads": LIMITS.threads, "figure": "\x89PNG", "tsne": [40, 2]}
LIBRARIES |= {"resnet": "ResNet", "interpreter": list(sys.version_info[:2])}
WORK = (
    row("training", "work.train", 2, answer=True, container=UNASKED),
    row("training alone", "work.train", 0, answer=True),
    row("libraries", "work.use_libraries", answer=LIBRARIES),
    row("files and folders", "work.keep_house", answer=["copy", "kept", "moved"]),
)
TABLE = {row.name: row for row in (*WORK, *FILES, *NETWORK, *PROCESSES, *KERNEL, *STATE, *OTHERS)}
# Asked of the other worker: that it did leave these, and finds its own text.
LEFT = {"/tmp": "done", "/dev/shm": "done", "socket": "done", "process": "done"}
LEFT_IN_A_CONTAINER = {"/tmp": "EACCES", "/dev/shm": "EACCES", "socket": "ENOSYS", "process": "ENOSYS"}


def fits(answer: Any, expected: Any) -> bool:
    """Whether an answer is the expected one, or one of them."""
    return answer in expected if isinstance(expected, set) else bool(answer == expected)
