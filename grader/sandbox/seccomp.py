"""The system calls that student code may make, as a BPF program built by libseccomp.

An allow-list: what CPU torch, numpy, Pillow and the standard library use, taken from Docker's default profile and a
trace of training, data loading, decompositions and saving. Everything else answers ENOSYS, so that libraries fall back
instead of failing. Absent on purpose: namespaces and mounts, ptrace and other processes' memory, keyrings, io_uring,
bpf, perf, userfaultfd, memfd (memory that no limit counts), SysV and POSIX IPC, changes of user, and every socket
family but AF_UNIX.
"""

from __future__ import annotations

import errno
import functools
import socket
import tempfile

import pyseccomp

_FREE = """
access alarm arch_prctl brk clock_getres clock_gettime clock_nanosleep close close_range dup dup2 dup3 epoll_create
epoll_create1 epoll_ctl epoll_pwait epoll_wait eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2
fadvise64 fallocate fchdir fchmod fchmodat fcntl fdatasync flock fork vfork fstat fstatfs fsync ftruncate futex
futex_waitv futex_wait futex_wake getcpu getcwd getdents getdents64 getegid geteuid getgid getgroups getitimer
get_mempolicy getpgid getpgrp getpid getppid getpriority getrandom getresgid getresuid getrlimit get_robust_list
getrusage getsid gettid gettimeofday getuid inotify_add_watch inotify_init inotify_init1 inotify_rm_watch kill link
linkat lseek lstat madvise membarrier mincore mkdir mkdirat mlock mlock2 mmap mprotect mremap msync munlock munmap
nanosleep newfstatat open openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 poll ppoll pread64 preadv
preadv2 prlimit64 pselect6 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv recvfrom recvmmsg recvmsg
rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo
rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sched_getaffinity sched_getattr sched_getparam
sched_get_priority_max sched_get_priority_min sched_getscheduler sched_rr_get_interval sched_setaffinity sched_yield
select sendfile sendmmsg sendmsg sendto setitimer setpgid setpriority setrlimit set_robust_list setsid set_tid_address
shutdown sigaltstack splice stat statfs statx symlink symlinkat sync_file_range sysinfo tee tgkill time timer_create
timer_delete timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime times tkill
truncate umask uname unlink unlinkat utime utimensat utimes wait4 waitid write writev
bind connect listen accept accept4 getsockname getpeername getsockopt setsockopt
""".split()

# Compared on the low 32 bits, as the kernel does: a value with high bits set is no way around (CVE-2019-10063).
_LOW_32 = 0xFFFFFFFF
_IOCTLS = {"TCGETS": 0x5401, "TIOCGWINSZ": 0x5413, "FIONREAD": 0x541B, "FIONBIO": 0x5421, "FIONCLEX": 0x5450}
_IOCTLS["FIOCLEX"] = 0x5451
# PR_SET_DUMPABLE is missing: it would make /proc/self/mem writable again after the change of user.
_PRCTLS = {"PR_SET_PDEATHSIG": 1, "PR_GET_DUMPABLE": 3, "PR_SET_NAME": 15, "PR_GET_NAME": 16, "PR_GET_SECCOMP": 21}
_PRCTLS |= {"PR_CAPBSET_READ": 23, "PR_SET_NO_NEW_PRIVS": 38, "PR_GET_NO_NEW_PRIVS": 39, "PR_SET_VMA": 0x53564D41}
_NEW_NAMESPACES = 0x7E020000  # CLONE_NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET


@functools.cache
def build_filter() -> bytes:
    """The filter as a program of 8-byte BPF instructions for this machine's architecture.

    Raises:
        OSError: If libseccomp is missing or refuses a rule.
    """
    policy = pyseccomp.SyscallFilter(pyseccomp.ERRNO(errno.ENOSYS))
    policy.set_attr(pyseccomp.Attr.ACT_BADARCH, pyseccomp.KILL_PROCESS)
    for name in _FREE:
        if _is_known(name):
            policy.add_rule(pyseccomp.ALLOW, name)
    # clone3 hides its flags behind a pointer, so it stays ENOSYS and glibc falls back to clone.
    policy.add_rule(pyseccomp.ALLOW, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, _NEW_NAMESPACES, 0))
    for request in _IOCTLS.values():
        policy.add_rule(pyseccomp.ALLOW, "ioctl", pyseccomp.Arg(1, pyseccomp.MASKED_EQ, _LOW_32, request))
    for option in _PRCTLS.values():
        policy.add_rule(pyseccomp.ALLOW, "prctl", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, _LOW_32, option))
    for name in ("socket", "socketpair"):
        policy.add_rule(pyseccomp.ALLOW, name, pyseccomp.Arg(0, pyseccomp.MASKED_EQ, _LOW_32, socket.AF_UNIX))
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
