"""Tries to reach files, programs and other machines, and tells how that ended.

A student's module, as all in this folder: the tests hand them in and ask. Nothing here does harm where it succeeds,
because the same questions are asked where a wall is missing, or all are. Most answers are a word: `done`, or what the
kernel said.
"""

import ctypes
import errno
import fnmatch
import os
import socket
import stat
import subprocess
from collections.abc import Callable
from typing import Any

LIBC = ctypes.CDLL(None, use_errno=True)


def outcome(action: Callable[[], Any]) -> str:
    """How something ends."""
    try:
        action()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "done"


def _called(result: int) -> str:
    return errno.errorcode[ctypes.get_errno()] if result == -1 else "done"


# Files


def read(path: str) -> str:
    """Reading a file."""

    def first() -> None:
        with open(path, "rb") as file:
            file.read(1)

    return outcome(first)


def names(path: str) -> Any:
    """What lies in a folder."""
    try:
        return sorted(os.listdir(path))
    except OSError as error:
        return errno.errorcode[error.errno or 0]


def visible(patterns: list[str], skipped: list[str]) -> list[str]:
    """Every path of the file system whose name is like one of the patterns, the insides of some folders left out."""
    found = []
    for folder, folders, files in os.walk("/"):
        matching = [name for name in (*folders, *files) if any(fnmatch.fnmatchcase(name, like) for like in patterns)]
        found += [os.path.join(folder, name) for name in matching]
        folders[:] = [name for name in folders if os.path.join(folder, name) not in skipped]
    return sorted(found)


def open_for_writing(path: str) -> str:
    """Opening a file for writing; nothing is written."""
    return outcome(lambda: os.close(os.open(path, os.O_WRONLY)))


def create(folder: str) -> str:
    """Making a file in a folder."""
    path = f"{folder}/probe-{os.getpid()}"

    def make() -> None:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        os.remove(path)

    return outcome(make)


def link(path: str) -> str:
    """Making another name for a file."""
    return outcome(lambda: os.link(path, f"linked-{os.getpid()}"))


def follow(path: str) -> str:
    """Reading a file through a symbolic link."""
    os.symlink(path, "followed")
    try:
        return read("followed")
    finally:
        os.remove("followed")


def change_mode(path: str) -> str:
    """Changing a file's mode, and whether it has changed; it is changed back."""

    def change() -> str:
        before = os.stat(path).st_mode
        os.chmod(path, stat.S_IMODE(before) ^ 1)
        after = os.stat(path).st_mode
        os.chmod(path, stat.S_IMODE(before))
        return "without effect" if after == before else "done"

    return _told(change)


def change_times(path: str) -> str:
    """Changing a file's times, and whether they have changed."""

    def change() -> str:
        before = os.stat(path).st_mtime_ns
        os.utime(path, ns=(before, before + 1_000_000_000))
        return "without effect" if os.stat(path).st_mtime_ns == before else "done"

    return _told(change)


def _told(action: Callable[[], str]) -> str:
    try:
        return action()
    except OSError as error:
        return errno.errorcode[error.errno or 0]


def watch(path: str) -> str:
    """Being told what happens in a folder."""
    watcher = LIBC.inotify_init()
    if watcher == -1:
        return _called(watcher)
    try:
        return _called(LIBC.inotify_add_watch(watcher, path.encode(), 0x100))
    finally:
        os.close(watcher)


def devices(usual: list[str]) -> list[str]:
    """Devices that can be opened for reading and writing, of those that are listed and the usual ones."""
    listed = names("/dev")
    found = []
    for name in {*usual, *(listed if isinstance(listed, list) else [])}:
        path = f"/dev/{name}"
        if os.path.exists(path) and not stat.S_ISLNK(os.lstat(path).st_mode) and _open_device(path) == "done":
            found.append(name)
    return sorted(found)


def _open_device(path: str) -> str:
    return outcome(lambda: os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY)))


def run_own_program(folder: str) -> str:
    """Running a program that it wrote itself."""
    path = f"{folder}/program"
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o755), "w") as file:
        file.write("#!/bin/sh\nexit 0\n")
    return outcome(lambda: subprocess.run([path], check=True, timeout=10))


def run_program(*command: str) -> str:
    """What one of the machine's programs prints."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=False).stdout
    except OSError as error:
        return errno.errorcode[error.errno or 0]


def contain(paths: list[str], needle: str) -> list[str]:
    """Which of these files can be read and contain a text."""
    found = []
    for path in paths:
        try:
            with open(path, "rb") as file:
                content = file.read(1 << 20)
        except OSError:
            continue
        found += [path] if needle.encode() in content else []
    return found


# Network


def families() -> list[int]:
    """Numbers of the socket families that can be used, raw sockets included."""
    found = set()
    for family in range(50):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
            if _make_socket(family, kind) == "done":
                found.add(family)
    return sorted(found)


def _make_socket(family: int, kind: int) -> str:
    return outcome(lambda: socket.socket(family, kind).close())


def connect(family: int, kind: int, address: Any) -> str:
    """Reaching an address; `@` begins an abstract name."""
    if isinstance(address, str) and address.startswith("@"):
        address = f"\0{address[1:]}"

    def reach() -> None:
        with socket.socket(family, kind) as mine:
            mine.connect(tuple(address) if isinstance(address, list) else address)

    return outcome(reach)


def connect_pair(address: str) -> str:
    """Reaching a named socket from one half of a pair."""

    def reach() -> None:
        one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with one, other:
            one.connect(address)

    return outcome(reach)


def interfaces() -> Any:
    """The network interfaces there are."""
    try:
        with open("/proc/self/net/dev", encoding="utf-8") as file:
            return [line.split(":")[0].strip() for line in file if ":" in line]
    except OSError as error:
        return errno.errorcode[error.errno or 0]
