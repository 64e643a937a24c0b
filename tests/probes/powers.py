"""Tries what it may do to processes and the kernel."""

import ctypes
import errno
import os
import resource
import signal
import socket
import stat
from collections.abc import Callable
from typing import Any

LIBC = ctypes.CDLL(None, use_errno=True)
SO_PEERPIDFD, PR_SET_PDEATHSIG, PR_SET_DUMPABLE = 77, 1, 4


def outcome(action: Callable[[], Any]) -> str:
    """How something ends."""
    try:
        action()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "done"


def _called(result: int) -> str:
    return errno.errorcode[ctypes.get_errno()] if result == -1 else "done"


# Processes


def programs() -> Any:
    """The names of all processes that can be seen."""
    try:
        pids = [name for name in os.listdir("/proc") if name.isdecimal()]
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    found = []
    for pid in pids:
        with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
            found.append(file.read().strip()[:6])
    return sorted(found)


def signal_to(pid: int) -> str:
    """Signalling a process, or all of them (-1); it is the signal that does nothing."""
    return outcome(lambda: os.kill(pid, 0))


def signal_through_descriptor(pid: int) -> str:
    """Signalling a process by a descriptor of it."""

    def send() -> None:
        descriptor = os.pidfd_open(pid)
        try:
            signal.pidfd_send_signal(descriptor, 0)
        finally:
            os.close(descriptor)

    return outcome(send)


def signal_to_peer() -> str:
    """Signalling who made our channel, by the descriptor that a socket gives."""
    (number,) = (int(name) for name in os.listdir("/proc/self/fd") if _is_socket(int(name)))

    def send() -> None:
        with socket.socket(fileno=os.dup(number)) as channel:
            descriptor = int(channel.getsockopt(socket.SOL_SOCKET, SO_PEERPIDFD))
        try:
            signal.pidfd_send_signal(descriptor, 0)
        finally:
            os.close(descriptor)

    return outcome(send)


def _is_socket(number: int) -> bool:
    try:
        return stat.S_ISSOCK(os.fstat(number).st_mode)
    except OSError:  # it was the listing's own
        return False


def limit_of(pid: int) -> str:
    """Reaching another process's limits."""
    return outcome(lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE))


def pin() -> str:
    """Choosing its own processors: the first of those it has, or, where that is the only one, a second."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, [min(before)] if len(before) > 1 else [min(before), min(before) + 1])
    return "done" if os.sched_getaffinity(0) != before else "without effect"


def new_session() -> str:
    """Making a session of its own, in a child."""
    child = os.fork()
    if child == 0:
        before = os.getsid(0)
        os.setsid()
        os._exit(os.getsid(0) != before)
    return "done" if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) else "without effect"


def renice(pid: int) -> str:
    """Choosing another process's priority: the one it has."""
    return outcome(lambda: os.setpriority(os.PRIO_PROCESS, pid, os.getpriority(os.PRIO_PROCESS, pid)))


def outlive() -> str:
    """Asking not to be ended with the process that started it."""
    return _called(LIBC.prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0))


def is_in_session(number: int) -> bool:
    """Whether it belongs to a session, or to one that is outside of all it can see."""
    return os.getsid(0) in (0, number) or os.getpgrp() == 0


def shared_namespaces(ids: dict[str, str]) -> Any:
    """Which namespaces it shares with a process that has these."""
    return sorted(name for name, value in ids.items() if os.readlink(f"/proc/self/ns/{name}") == value)


# The kernel


def system_call(number: int, *arguments: int) -> str:
    """How a system call ends that makes no process."""
    return _called(LIBC.syscall(ctypes.c_long(number), *map(ctypes.c_ulong, arguments)))


def clone(number: int, flags: int) -> str:
    """How making a process ends; it ends at once itself."""
    result = LIBC.syscall(ctypes.c_long(number), ctypes.c_ulong(flags | signal.SIGCHLD), None, None, None, None)
    if result == 0:
        os._exit(0)
    if result > 0:
        os.waitpid(result, 0)
    return _called(result)


def change_dumpable() -> str:
    """Asking to be dumpable again, which would open its own memory file."""
    return _called(LIBC.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))


def end_of_foreign_call() -> str:
    """How a process ends that makes a system call of another architecture (x32)."""
    try:
        child = os.fork()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    if child == 0:
        LIBC.syscall(ctypes.c_long(0x40000000 + 39))
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    return signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else "done"
