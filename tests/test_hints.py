"""What is said beside an exception: which limit of the sandbox it has met, and what to do about others."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from typing import Any

import pytest

from grader.errors import StudentRaised
from grader.rubric import Limits
from grader.sandbox.hints import exception_hint, limit_hint, student_error
from grader.sandbox.student import Implementation
from grader.sandbox.transport import WorkerTransport
from grader.sandbox.worker_pool import WorkerPool

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

def to_cuda(): return torch.ones(2).to("cuda")
def module_to_cuda(): return torch.nn.Linear(2, 2).cuda()
def made_on_cuda(): return torch.zeros(2, device="cuda:0")
def cuda_stream(): return torch.cuda.Stream()
def cuda_name(): return torch.cuda.get_device_name(0)
def made_on_mps(): return torch.zeros(2, device="mps")
def to_mps(): return torch.ones(2).to("mps")
def numpy_of_grad(): return torch.ones(2, requires_grad=True).numpy()
def half(): return torch.linalg.svd(torch.ones(2, 2).half())
def half_inverse(): return torch.inverse(torch.eye(2).bfloat16())
def drive(): return torch.load("/content/drive/MyDrive/model.pth")
def windows(): return open("C:\\\\Users\\\\me\\\\model.pth")
def listing(): return os.listdir("/kaggle/input")
def endless(): return endless()
def whole():
    torch.save(torch.nn.Linear(2, 2), "/tmp/whole.pth")
    return torch.load("/tmp/whole.pth")
def types(): return torch.nn.Linear(2, 2)(torch.ones(1, 2).double())
"""


@pytest.fixture(scope="module")
def code() -> Iterator[Any]:
    """A student's module that meets every limit."""
    pool = WorkerPool(LIMITS, ("code",), {"code.py": CODE})
    transport = WorkerTransport(pool, LIMITS)
    yield Implementation(("code",), transport).code
    transport.drop()
    pool.close()


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


ON_A_GPU = "no GPU where your code is checked: leave out .cuda()"


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("to_cuda", ON_A_GPU),
        ("module_to_cuda", ON_A_GPU),
        ("made_on_cuda", ON_A_GPU),
        ("cuda_stream", ON_A_GPU),
        ("cuda_name", ON_A_GPU),
        ("made_on_mps", ON_A_GPU),
        ("to_mps", ON_A_GPU),
        ("numpy_of_grad", ".detach()"),
        ("half", "float32"),
        ("half_inverse", "float32"),
        ("drive", "only those in your zip"),
        ("windows", "only those in your zip"),
        ("listing", "only those in your zip"),
        ("endless", "without end"),
        ("whole", "save a state_dict"),
        ("types", ""),
    ],
)
def test_what_to_do_is_said(code: Any, function: str, words: str) -> None:
    """An exception whose cause is certain comes with what to do about it, one that is the student's own without."""
    with pytest.raises(StudentRaised) as raised:
        getattr(code, function)()
    assert words in raised.value.help
    assert bool(words) == bool(raised.value.help)


# What other builds of the libraries say, or what takes too much to bring about.
TEXTS = [
    ("AssertionError", "Torch not compiled with CUDA enabled", "x.device"),
    ("RuntimeError", "No CUDA GPUs are available", "x.device"),
    ("AssertionError", "Torch not compiled with XPU enabled", "x.device"),
    (
        "RuntimeError",
        "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False. If you are running "
        "on a CPU-only machine, please use torch.load with map_location=torch.device('cpu').",
        "map_location",
    ),
    ("RuntimeError", '"slow_conv2d_cpu" not implemented for \'Half\'', "float32"),
    ("ImportError", "Cannot load backend 'TkAgg' which requires the 'tk' interactive framework, as 'headless' is "
     "currently running", "no screen"),
    ("error", "OpenCV(5.0.0) /io/opencv/modules/highgui/src/window.cpp:1215: error: (-2)", "no screen"),
    ("TclError", "no display name and no $DISPLAY environment variable", "no screen"),
    ("RuntimeError", "DataLoader worker (pid(s) 123) exited unexpectedly", "num_workers=0"),
    ("RuntimeError", "DataLoader worker (pid 12) is killed by signal: Killed. ", "num_workers=0"),
    ("RuntimeError", "unable to write to file </torch_12_34>: No space left on device (28)", "num_workers=0"),
    ("RuntimeError", "Dataset not found. You can use download=True to download it", "No data set"),
    ("RuntimeError", "CUDA out of memory. Tried to allocate 2.00 GiB.", ""),
    ("RuntimeError", "mat1 and mat2 must have the same dtype, but got Half and Float", ""),
    ("RuntimeError", "expected scalar type Byte but found Float", ""),
    ("AssertionError", "", ""),
    ("KeyError", "'cuda'", ""),
    ("SystemExit", "2", ""),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "words"), TEXTS)
def test_texts_of_other_builds(kind: str, text: str, words: str) -> None:
    """What to do is known by an exception's type and text; another type or text is left alone."""
    hint = exception_hint(kind, text)
    assert words in hint
    assert bool(words) == bool(hint)


def test_end_at_import() -> None:
    """What ends the program while a module is imported belongs under `if __name__ == '__main__'`."""
    assert "__main__" in exception_hint("SystemExit", "2", importing="fashion")


def test_missing_file_of_a_command() -> None:
    """A command that is not there is no file of the student's."""
    assert exception_hint("FileNotFoundError", "'nvidia-smi'", "subprocess.py: _execute_child") == ""


@pytest.mark.parametrize(
    "error", [{}, {"type": 7, "text": None}, {"text": "[Errno 123456789123456789]"}, {"text": "x" * 10**6}]
)
def test_odd_errors(error: dict[str, Any]) -> None:
    """Whatever a process says about its error, there is a text to show."""
    assert limit_hint(error, LIMITS) == ""
    assert student_error({**error, "library": 3, "where": [None]}, "", {}).help == ""


@pytest.mark.parametrize("number", [errno.ENOMEM, errno.EAGAIN, errno.ENOSPC, errno.EMFILE, errno.EROFS])
def test_every_number(number: int) -> None:
    """The kernel's own words for a limit are enough."""
    assert limit_hint({"type": "OSError", "text": f"[Errno {number}] {os.strerror(number)}"}, LIMITS)
