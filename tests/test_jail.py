"""What a student's process can reach in a real cell: a probe is handed in as a module and tells."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyseccomp
import pytest
from sample_processes import descendants, of_users, uids, wait_until_gone

from grader.errors import SandboxUnavailable, StudentRaised
from grader.rubric import PROJECT, Limits
from grader.sandbox import bubblewrap
from grader.sandbox import jail as jail_module
from grader.sandbox.jail import Jail, choose_backend
from grader.sandbox.seccomp import build_filter
from grader.sandbox.student import Implementation
from grader.sandbox.transport import CellTransport

CANARY = "canary-4f1b9f30c7"
PROBE = (Path(__file__).parent / "sample_probe.py").read_bytes()
LIMITS = Limits(call_s=60, import_s=30, memory_mib=1024)
LONG_NAME = "\U0001f600" * 100 + ".txt"  # 404 bytes: more than a file system's 255
FILES = {
    "probe.py": PROBE,
    "torch.py": b"raise RuntimeError('shadowed')",
    "deep/er/data.bin": b"123",
    "empty.txt": b"",
    LONG_NAME: b"x",
    "large.bin": bytes(200 << 20),
    **{f"many/{number}": b"x" for number in range(900)},
}
SECRETS = [
    *(path.name for path in (PROJECT / "grader" / "checks").rglob("check_*.py")),
    "assignment.toml",
    "metrics.json",
    "solutions",
    "mistakes",
    "t10k-*",
    "train-labels*",
    "*-ubyte*",
    "*.safetensors",
    "results.json",
    "ARCHITECTURE.md",
    "FashionMNIST",
    "fashion-mnist",
    "cifar-10*",
    "shadow",
]
REFUSED = """
unshare setns mount umount2 pivot_root chroot ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd keyctl add_key
request_key memfd_create memfd_secret io_uring_setup bpf perf_event_open userfaultfd personality kexec_load init_module
swapon reboot open_by_handle_at name_to_handle_at mknod mknodat chown setuid setresuid capset shmget msgget semget
mq_open clone3 acct sethostname settimeofday syslog fsopen open_tree move_mount landlock_create_ruleset iopl
""".split()


def used_uids() -> set[int]:
    """Users from the sandbox's range that own a process below this one."""
    mine = descendants(os.getpid())
    found = {uid for pid, ids in uids().items() if pid in mine for uid in ids}
    return {uid for uid in found if bubblewrap.FIRST_UID <= uid < bubblewrap.FIRST_UID + bubblewrap.UIDS}


def implementation(jail: Jail) -> tuple[Implementation, CellTransport]:
    """The probe, addressed as a student's module."""
    transport = CellTransport(jail, LIMITS)
    return Implementation(("probe",), transport), transport


@pytest.fixture(scope="module")
def canary() -> Iterator[str]:
    """A secret in the grader's environment while cells are started."""
    os.environ["GRADER_CANARY"] = CANARY
    yield CANARY
    del os.environ["GRADER_CANARY"]


@pytest.fixture(scope="module")
def probe(canary: str) -> Iterator[Any]:
    """The probe in a confined cell that all tests share; its submission holds 200 MB and a file with a long name."""
    inherited = os.open("/", os.O_RDONLY)
    os.set_inheritable(inherited, True)
    jail = Jail(LIMITS, ("probe",), FILES)
    student, transport = implementation(jail)
    transport.renew(last=True)
    yield student.probe
    transport.drop()
    jail.close()
    os.close(inherited)


def test_user(probe: Any) -> None:
    """The process is an ordinary user of the kernel, seen from inside and from outside, without any capability."""
    inside = probe.status()
    (uid,) = set(inside["Uid"].split())
    assert {uid} == set(inside["Gid"].split())
    assert inside["Groups"] == ""
    assert {inside[f"Cap{which}"] for which in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
    assert (inside["NoNewPrivs"], inside["Seccomp"]) == ("1", "2")
    if os.geteuid() == 0:
        assert used_uids() == {int(uid)}
        assert bubblewrap.FIRST_UID <= int(uid) < bubblewrap.FIRST_UID + bubblewrap.UIDS


def test_environment(probe: Any) -> None:
    """The environment is ours, to the last variable."""
    environment = probe.environment()
    environment.pop("PWD", None)  # bubblewrap sets it for --chdir
    assert environment == bubblewrap._ENVIRONMENT


def test_other_environments(probe: Any, canary: str) -> None:
    """No process that can be seen shows the grader's environment or command."""
    paths = [f"/proc/{pid}/{name}" for pid in probe.processes() for name in ("environ", "cmdline", "maps", "stat")]
    shown = probe.attempt_read(paths)
    assert canary not in repr(shown)
    assert "pytest" not in repr(shown)


def test_processes(probe: Any) -> None:
    """Only the cell's own processes can be seen, and its first one can't be signalled."""
    assert sorted(probe.processes().values()) in (["bwrap", "python"], ["bwrap", "python3"], ["bwrap", "python3.11"])
    assert probe.send_signals()["first"] == "EPERM"


def test_descriptors(probe: Any) -> None:
    """Nothing is open but the three standard ones and the channel."""
    kinds = {number: path.split(":")[0] for number, path in probe.descriptors().items()}
    assert kinds.pop(0) == "/dev/null"
    assert sorted(kinds.values()) == ["pipe", "pipe", "socket"]


def test_nothing_of_ours_is_visible(probe: Any) -> None:
    """Of checks, solutions, data sets, rubrics and accounts no name is visible; what should be there is found."""
    expected = ["/box/deep/er/data.bin", "/inside/grader", "/inside/grader/sandbox/servant.py"]
    assert sorted(probe.visible([*SECRETS, "data.bin", "servant.py", "grader"])) == expected
    code = ["__init__.py", "protocol.py", "servant.py", "values.py", "worker.py"]
    assert probe.folder("/inside/grader/sandbox") == code
    assert probe.folder("/inside/grader") == ["__init__.py", "sandbox"]


def test_writable_paths(probe: Any) -> None:
    """Only the three scratch folders can be written."""
    paths = probe.writable()
    assert {"/box", "/tmp", "/dev/shm"} <= set(paths)
    assert [path for path in paths if not path.startswith(("/box", "/tmp", "/dev/shm"))] == []
    folders = ["/", "/inside", "/inside/grader", "/usr/bin", "/dev", sys.prefix, str(Path(os.__file__).parent)]
    assert set(probe.write_everywhere(folders).values()) <= {"EROFS", "EACCES"}


def test_kernel_settings(probe: Any) -> None:
    """The kernel's settings, among them the program that is run at a crash, can't be opened for writing."""
    paths = ["/proc/sys/kernel/core_pattern", "/proc/sys/vm/drop_caches", "/proc/1/mem"]
    assert set(probe.attempt_open(paths).values()) <= {"EACCES", "EROFS", "EPERM"}


def test_network(probe: Any) -> None:
    """No socket can be made but one between processes of the cell."""
    assert probe.socket_families() == [socket.AF_UNIX]


@pytest.mark.parametrize("name", REFUSED)
def test_system_calls(probe: Any, name: str) -> None:
    """A system call that reaches further than a submission needs is unknown here."""
    number = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name)
    assert number >= 0
    assert probe.system_call(number, 0, 0, 0, 0, 0) == "ENOSYS"


@pytest.mark.parametrize("flag", [0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000])
def test_namespaces(probe: Any, flag: int) -> None:
    """A new process can't have a new namespace."""
    clone = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, "clone")
    assert probe.system_call(clone, flag | signal.SIGCHLD, 0, 0, 0, 0) == "ENOSYS"


@pytest.mark.parametrize("high", [0, 1 << 32])
def test_terminal_input(probe: Any, high: int) -> None:
    """Typing into a terminal is refused, also where the request's high bits are set."""
    ioctl = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, "ioctl")
    assert probe.system_call(ioctl, 0, 0x5412 | high, 0) == "ENOSYS"


def test_dumpable(probe: Any) -> None:
    """The process can't make its own memory file writable again."""
    assert probe.change_dumpable() == "ENOSYS"


def test_programs_run(probe: Any) -> None:
    """Programs can be started, and are as confined."""
    shown = probe.run_program("/usr/bin/env")
    assert "PATH=/usr/bin:/bin" in shown
    assert CANARY not in shown
    assert "Seccomp:\t2" in probe.run_program("/usr/bin/cat", "/proc/self/status")


def test_memory(probe: Any) -> None:
    """Taking more memory than the limit is an exception, after which the process goes on."""
    taken = int(probe.fill_memory().split()[0])
    assert 512 <= taken <= 1024


def test_oom_score(probe: Any) -> None:
    """When the machine runs out of memory, the student's process goes first."""
    assert probe.oom_score() >= 800


def test_number_of_processes(probe: Any) -> None:
    """Forking ends at the limit."""
    assert 1 <= probe.multiply() < LIMITS.processes


@pytest.mark.parametrize("folder", ["/tmp", "/dev/shm", "/box"])
def test_disk(probe: Any, folder: str) -> None:
    """Writing ends at the scratch folder's size, a huge empty file is not made."""
    written, outcome = probe.fill_disk(f"{folder}/fill")
    assert outcome in ("ENOSPC", "EFBIG")
    assert 60 <= written <= 64 + 8
    assert probe.sparse(f"{folder}/sparse") == "EFBIG"


def test_limits(probe: Any) -> None:
    """Resource limits are hard, so that they can't be raised."""
    limits = probe.limits()
    assert all(soft == hard for soft, hard in limits.values())
    assert limits["CORE"] == (0, 0)
    assert limits["NPROC"][0] == LIMITS.processes


def test_submission_is_there(probe: Any) -> None:
    """A submission of 200 MB arrives whole; a name that no file system takes is left out without harm."""
    wanted = {"large.bin": 200 << 20, "deep/er/data.bin": 3, "empty.txt": 0, LONG_NAME: -1, "many/899": 1}
    assert probe.sizes(list(wanted)) == wanted


def test_large_answers(probe: Any) -> None:
    """An answer too large to be compared is an error in a sentence, and the process lives on."""
    for function, arguments in ((probe.return_large, (65,)), (probe.return_large, (1 << 20,)), (probe.return_many, ())):
        with pytest.raises(StudentRaised, match="too large to be compared"):
            function(*arguments)
    assert probe.return_large(1).shape == (1 << 18,)


def test_training(probe: Any) -> None:
    """Training with loading processes and threads works, as do saving and loading."""
    losses = probe.train()
    assert len(losses) == 6
    assert losses[-1] < losses[0]


def test_libraries(probe: Any) -> None:
    """Decompositions, pictures, plots, t-SNE and torchvision's networks work, with as many threads as allowed."""
    assert probe.use_libraries() == {
        "svd": (64,),
        "fft": (8,),
        "threads": LIMITS.threads,
        "figure": "\x89PNG",
        "tsne": (40, 2),
        "resnet": "ResNet",
        "interpreter": sys.version_info[:2],
    }


def test_without_the_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the filter the probes do get through: they look at the wall, not past it."""
    monkeypatch.setattr(jail_module, "build_filter", lambda: b"")
    jail = Jail(LIMITS, ("probe",), {"probe.py": PROBE})
    student, transport = implementation(jail)
    transport.renew(last=True)
    try:
        memfd = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, "memfd_create")
        assert student.probe.system_call(memfd, 0, 0) == "EFAULT"
        assert len(student.probe.socket_families()) > 1
        assert student.probe.change_dumpable() == "done"
    finally:
        transport.drop()


def test_nothing_is_left() -> None:
    """Stopping a cell ends everything in it, also what has left its session, and gives its user id back."""
    jail = Jail(LIMITS, ("probe",), {"probe.py": PROBE})
    before = used_uids()
    student, transport = implementation(jail)
    student.probe.stay()
    users = used_uids() - before
    assert len(of_users(users)) >= 4
    started = time.monotonic()
    transport.drop()
    jail.close()
    assert time.monotonic() - started < 3
    assert of_users(users) == set()


def test_unconfined_cell_can_be_stopped() -> None:
    """A cell that was never given anything can be stopped, more than once."""
    before = descendants(os.getpid())
    cell = choose_backend().start(LIMITS, 64)
    assert len(descendants(os.getpid()) - before) >= 2
    cell.stop()
    cell.stop()
    assert descendants(os.getpid()) == before


def test_failing_confinement() -> None:
    """A cell that can't be confined is unavailable, says why, and is gone."""
    before = descendants(os.getpid())
    cell = choose_backend().start(LIMITS, 64)
    with pytest.raises(SandboxUnavailable, match="did not start"):
        cell.confine(LIMITS, 64, {}, bpf=b"\xff" * 8)
    assert descendants(os.getpid()) == before


def test_failing_confinement_leaves_no_spare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the next cell can't be started, the one in hand is stopped."""
    before = descendants(os.getpid())
    jail = Jail(LIMITS, ("probe",), {})
    jail.warm()

    def fail(*_arguments: Any) -> Any:
        raise SandboxUnavailable("no more")

    monkeypatch.setattr(bubblewrap, "start", fail)
    with pytest.raises(SandboxUnavailable, match="no more"):
        jail.take()
    jail.close()
    assert descendants(os.getpid()) == before


@pytest.mark.parametrize("broken", ["pidfd", "flag", "missing"])
def test_failing_start(monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    """A bubblewrap that fails, is missing, or can't be watched is unavailable with its reason, and leaves nothing."""
    before = descendants(os.getpid())
    if broken == "pidfd":
        monkeypatch.setattr(os, "pidfd_open", _refuse_pidfd)
    elif broken == "flag":
        monkeypatch.setattr(bubblewrap, "_privileges", lambda: ["--no-such-flag"])
        assert "no-such-flag" in (bubblewrap.unavailable() or "")
    else:
        monkeypatch.setattr(shutil, "which", lambda _name: None)
        assert "apt-get install" in (bubblewrap.unavailable() or "")
        monkeypatch.setattr(shutil, "which", lambda _name: "/nonexistent/bwrap")
        assert "No such file" in (bubblewrap.unavailable() or "")
    with pytest.raises(SandboxUnavailable, match="did not start"):
        bubblewrap.start(LIMITS, 64)
    assert wait_for_descendants(before) == before


def _refuse_pidfd(_pid: int) -> int:
    raise OSError("no pidfd")


def wait_for_descendants(expected: set[int], seconds: float = 5) -> set[int]:
    """The processes below this one, once they are the expected ones or the time is over."""
    deadline = time.monotonic() + seconds
    while (now := descendants(os.getpid())) != expected and time.monotonic() < deadline:
        time.sleep(0.05)
    return now


def test_no_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any wall that works, nothing is graded, and the reasons are named."""
    choose_backend.cache_clear()
    monkeypatch.setattr(bubblewrap, "unavailable", lambda: "it is Tuesday")
    with pytest.raises(SandboxUnavailable, match="it is Tuesday"):
        choose_backend()
    monkeypatch.undo()
    assert choose_backend() is bubblewrap


def test_project_inside_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the interpreter's own folder holds the project, the sandbox would show it and is refused."""
    monkeypatch.setattr(sys, "prefix", str(PROJECT.parent))
    assert "the grader lies inside" in (bubblewrap.unavailable() or "")


def test_interpreter_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """With Debian's own interpreter, its libraries and programs are shown, not the whole of /usr with its data sets."""
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    monkeypatch.setattr(sys, "prefix", "/usr")
    assert bubblewrap.unavailable() is None
    listing = [*bubblewrap._bubblewrap(64, ()), "--", "/usr/bin/ls", "/usr"]
    shown = subprocess.run(listing, env={}, capture_output=True, text=True, check=True).stdout.split()
    assert {"bin", "lib"} <= set(shown) <= {"bin", "lib", "lib64", "local"}


def test_uids_do_not_collide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user id in use is not given again until it is given back."""
    monkeypatch.setattr(bubblewrap, "UIDS", 2)
    monkeypatch.setattr(bubblewrap, "FIRST_UID", 68_000)  # not in any grader's range
    (one, free_one), (other, free_other) = bubblewrap._reserve_uid(), bubblewrap._reserve_uid()
    assert {one, other} == {68_000, 68_001}
    with pytest.raises(SandboxUnavailable, match="in use"):
        bubblewrap._reserve_uid()
    free_one()
    again, free_again = bubblewrap._reserve_uid()
    assert again == one
    free_again()
    free_other()


GRADER = """
import sys, time
from pathlib import Path
from grader.rubric import Limits
from grader.sandbox.jail import Jail
from grader.sandbox.student import Implementation
from grader.sandbox.transport import CellTransport
jail = Jail(Limits(), ("probe",), {"probe.py": Path(sys.argv[1]).read_bytes()})
student = Implementation(("probe",), CellTransport(jail, Limits()))
student.probe.stay()
print(student.probe.status()["Uid"].split()[0], flush=True)
time.sleep(60)
"""


def test_killed_grader() -> None:
    """When the grader is killed in the middle, nothing of its cells is left within five seconds."""
    command = [sys.executable, "-c", GRADER, str(Path(__file__).parent / "sample_probe.py")]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as grader:
        assert grader.stdout is not None
        uid = int(grader.stdout.readline())
        below = descendants(grader.pid)
        assert len(below) >= 6  # two cells: the one with three children, and the next that warms up
        grader.kill()
    assert wait_until_gone({uid}) == set()
    deadline = time.monotonic() + 5
    while (left := {pid for pid in below if Path(f"/proc/{pid}").exists()}) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == set()


def test_filter_is_a_program() -> None:
    """The filter is a whole number of instructions, within the kernel's limit."""
    program = build_filter()
    assert len(program) % 8 == 0
    assert 100 < len(program) // 8 <= 4096


def test_binds_over_scratch() -> None:
    """What is shown of the machine is laid over the scratch folders, so that a project below /tmp is not covered."""
    command = bubblewrap._bubblewrap(64, ())
    assert len(command) - 1 - command[::-1].index("--tmpfs") < command.index("--ro-bind")
