"""Tells what the process is, what it has, and how much it may take."""

import errno
import mmap
import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable
from typing import Any


def outcome(action: Callable[[], Any]) -> str:
    """How something ends."""
    try:
        action()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "done"


# What it is and has


def status(*names: str) -> list[str]:
    """What the kernel says about this process."""
    with open("/proc/self/status", encoding="utf-8") as file:
        lines = dict(line.split(":", 1) for line in file)
    return [" ".join(lines[name].split()) for name in names]


def is_ordinary() -> bool:
    """Whether it is one user and one group, without any name or right of root's."""
    users, groups = (set(line.split()) for line in status("Uid", "Gid"))
    return len(users) == 1 and users.isdisjoint({"0"}) and users == groups


def environment(expected: dict[str, str], free: list[str]) -> list[str]:
    """Variables that are not as expected, but for those that begin as `free` says."""
    names = {name for name in {*expected, *os.environ} if not name.startswith(tuple(free))}
    return sorted(name for name in names if expected.get(name) != os.environ.get(name))


def descriptors() -> list[str]:
    """What is open."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink(f"/proc/self/fd/{name}").split(":")[0])
        except FileNotFoundError:
            continue  # it was the listing's own
    return sorted(found)


def limit(name: str) -> list[int]:
    """A resource limit, soft and hard."""
    return list(resource.getrlimit(getattr(resource, f"RLIMIT_{name}")))


def goes_first() -> bool:
    """Whether the kernel takes this process before others when memory runs out."""
    with open("/proc/self/oom_score_adj", encoding="utf-8") as file:
        return int(file.read()) >= 800


# Limits


def memory(mebibytes: int) -> str:
    """Having so much memory, which is not touched."""
    return outcome(lambda: mmap.mmap(-1, mebibytes << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close())


def shared_memory(flags: int) -> str:
    """Having a page of shared memory that no file is behind."""
    return outcome(lambda: mmap.mmap(-1, mmap.PAGESIZE, flags=flags | mmap.MAP_ANONYMOUS).close())


def shared_zeros() -> str:
    """Having a page of shared memory that only a device is behind."""

    def share() -> None:
        with open("/dev/zero", "r+b", buffering=0) as file:
            mmap.mmap(file.fileno(), mmap.PAGESIZE, flags=mmap.MAP_SHARED).close()

    return outcome(share)


def enlarge_buffers() -> str:
    """Having more room in a socket."""
    one, other = socket.socketpair()
    with one, other:
        before = one.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * before)
        return "done" if one.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) != before else "without effect"


def processes(most: int) -> str:
    """Having so many children at once; all end again."""
    children: list[int] = []

    def multiply() -> None:
        while len(children) < most:
            child = os.fork()
            if child == 0:
                time.sleep(30)
                os._exit(0)
            children.append(child)

    try:
        return outcome(multiply)
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def threads(most: int) -> str:
    """Having so many threads at once; all end again."""
    go, started = threading.Event(), []
    try:
        for _ in range(most):
            thread = threading.Thread(target=go.wait)
            thread.start()
            started.append(thread)
    except RuntimeError:
        return "RuntimeError"
    finally:
        go.set()
        for thread in started:
            thread.join()
    return "done"


def fill(folder: str, mebibytes: int, files: int) -> str:
    """Writing so much to each of some files in a folder; they are removed again."""
    made: list[str] = []

    def write() -> None:
        for number in range(files):
            path = f"{folder}/fill-{number}"
            with open(path, "wb", buffering=0) as file:
                made.append(path)
                for _ in range(mebibytes):
                    file.write(bytes(1 << 20))

    try:
        return outcome(write)
    finally:
        for path in made:
            os.remove(path)


def many_files(folder: str, most: int) -> str:
    """Making so many files in a folder; they are removed again."""
    os.mkdir(f"{folder}/many-files")
    made: list[str] = []

    def make() -> None:
        while len(made) < most:
            path = f"{folder}/many-files/{len(made)}"
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
            made.append(path)

    try:
        return outcome(make)
    finally:
        for path in made:
            os.remove(path)
        os.rmdir(f"{folder}/many-files")


def sparse(folder: str) -> str:
    """Making a huge file of nothing."""
    path = f"{folder}/sparse"

    def make() -> None:
        with open(path, "wb") as file:
            os.ftruncate(file.fileno(), 1 << 45)

    try:
        return outcome(make)
    finally:
        os.remove(path)


def open_many(most: int) -> str:
    """Having so many files open."""
    held: list[int] = []

    def multiply() -> None:
        while len(held) < most:
            held.append(os.dup(0))

    try:
        return outcome(multiply)
    finally:
        for descriptor in held:
            os.close(descriptor)
