"""What is said beside an exception that a limit of the sandbox has set off."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from typing import Any

import pytest

from grader.errors import StudentRaised
from grader.rubric import Limits
from grader.sandbox.hints import limit_hint
from grader.sandbox.jail import Jail
from grader.sandbox.student import Implementation
from grader.sandbox.transport import CellTransport

LIMITS = Limits(memory_mib=768, processes=16, scratch_mib=8)
CODE = b"""
import os, socket, threading, time, urllib.request
import torch

def memory(): return bytearray(8 << 30)
def tensors(): return torch.zeros(1 << 31)
def forks():
    for _ in range(100):
        if os.fork() == 0:
            time.sleep(20)
            os._exit(0)
def threads():
    for _ in range(100):
        threading.Thread(target=time.sleep, args=(20,), daemon=True).start()
def disk():
    with open("/tmp/fill", "wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 20))
def sparse():
    with open("sparse", "wb") as file:
        file.truncate(1 << 40)
def files(): return [open("/dev/null") for _ in range(1000)]
def network(): return urllib.request.urlopen("http://127.0.0.1:9/")
def sockets(): return socket.socket()
def writes(): open("/usr/lib/here", "w")
def fine(): raise ValueError("no [Errno 99999] of ours")
"""


@pytest.fixture(scope="module")
def code() -> Iterator[Any]:
    """A student's module that meets every limit."""
    jail = Jail(LIMITS, ("code",), {"code.py": CODE})
    transport = CellTransport(jail, LIMITS)
    yield Implementation(("code",), transport).code
    transport.drop()
    jail.close()


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("memory", "768 MiB of memory"),
        ("tensors", "768 MiB of memory"),
        ("disk", "8 MiB of files"),
        ("sparse", "8 MiB of files"),
        ("files", "256 files open"),
        ("network", "no network"),
        ("sockets", "there is no network"),
        ("writes", "its own folder and in /tmp only"),
        ("fine", ""),
        ("threads", "16 processes and threads"),
        ("forks", "16 processes and threads"),
    ],
)
def test_limits_are_named(code: Any, function: str, words: str) -> None:
    """An exception that a limit sets off comes with a sentence that names the limit, another without."""
    with pytest.raises(StudentRaised) as raised:
        getattr(code, function)()
    assert words in raised.value.help
    assert bool(words) == bool(raised.value.help)


@pytest.mark.parametrize(
    "error", [{}, {"type": 7, "text": None}, {"text": "[Errno 123456789123456789]"}, {"text": "x" * 10**6}]
)
def test_odd_errors(error: dict[str, Any]) -> None:
    """Whatever a process says about its error, there is a text to show."""
    assert limit_hint(error, LIMITS) == ""


@pytest.mark.parametrize("number", [errno.ENOMEM, errno.EAGAIN, errno.ENOSPC, errno.EMFILE, errno.EROFS])
def test_every_number(number: int) -> None:
    """The kernel's own words for a limit are enough."""
    assert limit_hint({"type": "OSError", "text": f"[Errno {number}] {os.strerror(number)}"}, LIMITS)
