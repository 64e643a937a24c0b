"""Leaves things for other workers to find, and looks for what others have left."""

import ctypes
import errno
import os
import socket
import time
from typing import Any

KEPT: list[Any] = []  # sockets that stay open


def _attempt(action: Any) -> str:
    try:
        action()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "done"


def leave(name: str) -> dict[str, str]:
    """Files, a listening socket and a process that whoever reaches them may use; how making each ended."""
    ways = {folder: _attempt(lambda folder=folder: _leave_file(f"{folder}/{name}")) for folder in ("/tmp", "/dev/shm")}
    ways["socket"] = _attempt(lambda: _listen(f"\0{name}"))
    ways["process"] = _attempt(_stay)
    _leave_file(name)
    with open("text.py", encoding="utf-8") as file:
        KEPT.append(file.read())
    return ways | {"folder": os.getcwd()}


def _leave_file(path: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(path)


def _listen(address: str) -> None:
    listener = socket.socket(socket.AF_UNIX)
    KEPT.append(listener)
    listener.bind(address)
    listener.listen()


def _stay() -> None:
    if os.fork() == 0:
        os.setsid()
        time.sleep(60)
        os._exit(0)


def stay(count: int) -> None:
    """Leave so many processes behind, each in a session of its own."""
    for _ in range(count):
        _stay()


def dig(depth: int) -> None:
    """Make a folder in a folder in a folder."""
    for _ in range(depth):
        os.mkdir("deeper")
        os.chdir("deeper")


def spin() -> None:
    """Never come back."""
    while True:
        time.sleep(0.01)


def read(path: str) -> str:
    """Reading a file."""
    return _attempt(lambda: open(path, "rb").close())


def connect(name: str) -> str:
    """Reaching an abstract socket."""

    def reach() -> None:
        with socket.socket(socket.AF_UNIX) as mine:
            mine.connect(f"\0{name}")

    return _attempt(reach)


def terminals() -> Any:
    """Terminals that there are, once one has been asked for."""
    asked = _attempt(lambda: KEPT.append(os.open("/dev/ptmx", os.O_RDONLY | os.O_NOCTTY)))
    try:
        return [asked, *sorted(name for name in os.listdir("/dev/pts") if name.isdecimal())]
    except OSError as error:
        return [asked, errno.errorcode[error.errno or 0]]


def count_in_memory(first: str, second: str) -> int:
    """How often `first` followed by `second` stands in this process's memory: the two never meet in the question."""
    search = ctypes.CDLL(None).memmem
    search.restype, search.argtypes = (
        ctypes.c_void_p,
        [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t],
    )
    found = 0
    for start, end in _mappings():
        place = search(start, end - start, first.encode(), len(first))
        while place:
            rest = ctypes.string_at(place + len(first), min(len(second), end - place - len(first)))
            found += rest == second.encode()
            place += 1
            place = search(place, end - place, first.encode(), len(first))
    return found


def _mappings() -> list[tuple[int, int]]:
    """Memory that was written: neither files nor what the kernel keeps for itself."""
    with open("/proc/self/maps", encoding="utf-8") as file:
        lines = [line.split() for line in file]
    own = [line for line in lines if line[1].startswith("rw") and not line[-1].startswith("[v")]
    return [(int(start, 16), int(end, 16)) for start, end in (line[0].split("-") for line in own)]
