"""The system calls that student code may make, as a BPF program built by libseccomp.

An allow-list: what CPU torch, numpy, Pillow and the standard library use, taken from Docker's default profile and a
trace of training, data loading, decompositions and saving. Everything else answers ENOSYS, so that libraries fall back
instead of failing. Absent on purpose: namespaces and mounts, ptrace and other processes' memory, keyrings, io_uring,
bpf, perf, userfaultfd, memfd and shared anonymous memory (which no limit counts), SysV and POSIX IPC, changes of user,
and every socket family but AF_UNIX.
"""

from __future__ import annotations

import errno
import functools
import socket
import tempfile

import pyseccomp

_FREE = """
access alarm arch_prctl brk chdir chmod clock_getres clock_gettime clock_nanosleep close close_range dup dup2 dup3
epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_wait eventfd eventfd2 execve execveat exit exit_group faccessat
faccessat2 fadvise64 fallocate fchdir fchmod fchmodat fcntl fdatasync fgetxattr flistxattr flock fork fstat fstatfs
fsync ftruncate futex futex_wait futex_waitv futex_wake get_mempolicy get_robust_list getcpu getcwd getdents getdents64
getegid geteuid getgid getgroups getitimer getpgid getpgrp getpid getppid getpriority getrandom getresgid getresuid
getrlimit getrusage getsid gettid gettimeofday getuid getxattr inotify_add_watch inotify_init inotify_init1
inotify_rm_watch kill lgetxattr link linkat listxattr llistxattr lseek lstat madvise membarrier mincore mkdir mkdirat
mlock mlock2 mprotect mremap msync munlock munmap nanosleep newfstatat open openat openat2 pause pidfd_open
pidfd_send_signal pipe pipe2 poll ppoll pread64 preadv preadv2 pselect6 pwrite64 pwritev pwritev2 read readahead
readlink readlinkat readv recvfrom recvmmsg recvmsg rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction
rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo
sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler
sched_rr_get_interval sched_yield select sendfile sendmmsg sendmsg sendto set_robust_list set_tid_address setitimer
setpgid setrlimit shutdown sigaltstack splice stat statfs statx symlink symlinkat sync_file_range sysinfo tee
tgkill time timer_create timer_delete timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime
timerfd_settime times tkill truncate umask uname unlink unlinkat utime utimensat utimes vfork wait4 waitid write writev
bind connect listen accept accept4 getsockname getpeername getsockopt
""".split()

# Compared on the low 32 bits, as the kernel does: a value with high bits set is no way around (CVE-2019-10063).
_LOW_32 = 0xFFFFFFFF
_IOCTLS = {"TCGETS": 0x5401, "TIOCGWINSZ": 0x5413, "FIONREAD": 0x541B, "FIONBIO": 0x5421, "FIONCLEX": 0x5450}
_IOCTLS["FIOCLEX"] = 0x5451
# PR_SET_DUMPABLE is missing: it would make /proc/self/mem writable again after the change of user.
_PRCTLS = {"PR_SET_PDEATHSIG": 1, "PR_GET_DUMPABLE": 3, "PR_SET_NAME": 15, "PR_GET_NAME": 16, "PR_GET_SECCOMP": 21}
_PRCTLS |= {"PR_CAPBSET_READ": 23, "PR_SET_NO_NEW_PRIVS": 38, "PR_GET_NO_NEW_PRIVS": 39, "PR_SET_VMA": 0x53564D41}
_NEW_NAMESPACES = 0x7E020000  # CLONE_NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET
_THREAD = 0x00010000  # CLONE_THREAD
_SHARED, _ANONYMOUS = 0x01, 0x20  # MAP_SHARED (a bit of MAP_SHARED_VALIDATE too), MAP_ANONYMOUS
# What is allowed with certain arguments only: alternatives of (position, mask, value).
_LIMITED: dict[str, list[tuple[tuple[int, int, int], ...]]] = {
    "ioctl": [((1, _LOW_32, request),) for request in _IOCTLS.values()],
    "prctl": [((0, _LOW_32, option),) for option in _PRCTLS.values()],
    "socket": [((0, _LOW_32, socket.AF_UNIX),)],
    "socketpair": [((0, _LOW_32, socket.AF_UNIX),)],
    # clone3 hides its flags behind a pointer, so it stays ENOSYS and glibc falls back to clone.
    "clone": [((0, _NEW_NAMESPACES, 0),)],
    # No shared memory without a file: pages of it that are mapped nowhere are in no process's account.
    "mmap": [((3, _SHARED | _ANONYMOUS, flags),) for flags in (0, _SHARED, _ANONYMOUS)],
    # Of the calling process only (0): without a pid namespace others' could be changed, the grader's for example.
    "prlimit64": [((0, _LOW_32, 0),)],
    "setpriority": [((0, _LOW_32, 0), (1, _LOW_32, 0))],
}
# For a worker that lives among the machine's files and processes: no process of its own that could outlive it, and
# nothing of what Landlock does not watch.
_AMONG_OTHERS = _LIMITED | {
    "clone": [((0, _NEW_NAMESPACES | _THREAD, _THREAD),)],
    # A named socket of the machine's, of the user's session manager for example, would do what it is told.
    "socket": [],
    "socketpair": [((0, _LOW_32, socket.AF_UNIX), (1, 0xF, socket.SOCK_STREAM))],  # others can be connected anew
    # Without PR_SET_PDEATHSIG: it would live on when the grader is killed.
    "prctl": [((0, _LOW_32, option),) for name, option in _PRCTLS.items() if name != "PR_SET_PDEATHSIG"],
}
_ONLY_ALONE = frozenset(
    """execve execveat fork vfork bind connect listen accept accept4 inotify_add_watch inotify_init inotify_init1
    getxattr lgetxattr fgetxattr""".split()
)
# These say that they are done and do nothing. The kernel divides processors among sessions where it groups them
# (sched_autogroup), so more sessions would be more of the machine; so would all processors where the grader chose some.
# Larger buffers of sockets would be memory that is in no process's account.
_INERT = frozenset({"setsid", "sched_setaffinity", "setsockopt"})
# The same in a container, as on a file system without modes and times: where the grader is an ordinary user, all of its
# files are the worker's too.
_WITHOUT_EFFECT = frozenset("chmod fchmod fchmodat utime utimensat utimes listxattr llistxattr flistxattr".split())


@functools.cache
def build_filter(alone: bool = True) -> bytes:
    """The filter as a program of 8-byte BPF instructions for this machine's architecture.

    Args:
        alone: Whether the worker sees its own files and processes only.

    Raises:
        OSError: If libseccomp is missing or refuses a rule.
    """
    policy = pyseccomp.SyscallFilter(pyseccomp.ERRNO(errno.ENOSYS))
    policy.set_attr(pyseccomp.Attr.ACT_BADARCH, pyseccomp.KILL_PROCESS)
    for name in filter(_is_known, _FREE):
        if alone or name not in _ONLY_ALONE | _WITHOUT_EFFECT:
            policy.add_rule(pyseccomp.ALLOW, name)
        elif name in _WITHOUT_EFFECT:
            policy.add_rule(pyseccomp.ERRNO(0), name)
    for name in sorted(_INERT):
        policy.add_rule(pyseccomp.ERRNO(0), name)
    for name, alternatives in (_LIMITED if alone else _AMONG_OTHERS).items():
        for conditions in alternatives:
            arguments = (pyseccomp.Arg(place, pyseccomp.MASKED_EQ, mask, value) for place, mask, value in conditions)
            policy.add_rule(pyseccomp.ALLOW, name, *arguments)
    with tempfile.TemporaryFile() as file:
        policy.export_bpf(file)
        file.seek(0)
        return file.read()


def _is_known(name: str) -> bool:
    """Whether this architecture has the call (arm64 has no `open`, older libraries no `futex_waitv`)."""
    try:
        return bool(pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name) >= 0)
    except (ValueError, OSError):
        return False
