"""Handed in as a student's module by `test_jail.py`: tries what must not work, and what must, and tells."""

import ctypes
import errno
import fnmatch
import io
import os
import resource
import socket
import stat
import subprocess
import sys
import time
from typing import Any

LIBC = ctypes.CDLL(None, use_errno=True)
WALKED = ("/proc", "/sys/kernel")


def status() -> dict[str, str]:
    """What the kernel says about this process."""
    with open("/proc/self/status", encoding="utf-8") as file:
        return {name: value.strip() for name, value in (line.split(":", 1) for line in file)}


def environment() -> dict[str, str]:
    """This process's environment."""
    return dict(os.environ)


def visible(patterns: list[str]) -> list[str]:
    """Every path of the file system whose name is like one of the patterns."""
    found = []
    for folder, folders, files in os.walk("/"):
        folders[:] = [name for name in folders if os.path.join(folder, name) not in WALKED]
        names = [name for name in (*folders, *files) if any(fnmatch.fnmatchcase(name, like) for like in patterns)]
        found += [os.path.join(folder, name) for name in names]
    return found


def writable() -> list[str]:
    """Every folder and regular file that can be written, /proc aside."""
    found = []
    for folder, folders, files in os.walk("/"):
        folders[:] = [name for name in folders if os.path.join(folder, name) not in WALKED]
        paths = [folder, *(os.path.join(folder, name) for name in files)]
        found += [path for path in paths if os.access(path, os.W_OK) and _is_plain(path)]
    return found


def _is_plain(path: str) -> bool:
    mode = os.lstat(path).st_mode
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def folder(path: str) -> list[str]:
    """What lies in a folder."""
    return sorted(os.listdir(path))


def attempt_open(paths: list[str]) -> dict[str, str]:
    """How opening each path for writing ends; nothing is written."""
    return {path: _outcome(lambda path=path: os.close(os.open(path, os.O_WRONLY))) for path in paths}


def attempt_read(paths: list[str]) -> dict[str, Any]:
    """The first bytes of each path, or how reading it ends."""
    found: dict[str, Any] = {}
    for path in paths:
        try:
            with open(path, "rb") as file:
                found[path] = file.read(100_000).decode("latin-1")
        except OSError as error:
            found[path] = errno.errorcode[error.errno or 0]
    return found


def _outcome(action: Any) -> str:
    try:
        action()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "done"


def system_call(number: int, *arguments: int) -> str:
    """How a system call ends."""
    ctypes.set_errno(0)
    result = LIBC.syscall(ctypes.c_long(number), *(ctypes.c_ulong(argument) for argument in arguments))
    return errno.errorcode[ctypes.get_errno()] if result == -1 else "done"


def change_dumpable() -> str:
    """How asking to be dumpable again ends."""
    return "done" if LIBC.prctl(4, 1, 0, 0, 0) == 0 else errno.errorcode[ctypes.get_errno()]


def socket_families() -> list[int]:
    """Numbers of the socket families that can be used, raw sockets included."""
    found = set()
    for family in range(50):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
            try:
                socket.socket(family, kind).close()
            except OSError:
                continue
            found.add(family)
    return sorted(found)


def descriptors() -> dict[int, str]:
    """What is open here."""
    listing = os.open("/proc/self/fd", os.O_RDONLY)
    try:
        names = [int(name) for name in os.listdir(listing)]
        return {name: os.readlink(f"/proc/self/fd/{name}") for name in names if _is_open(name) and name != listing}
    finally:
        os.close(listing)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def processes() -> dict[int, str]:
    """Every process that can be seen, and its name."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdecimal():
            with open(f"/proc/{name}/comm", encoding="utf-8") as file:
                found[int(name)] = file.read().strip()
    return found


def send_signals() -> dict[str, str]:
    """How signalling the first process and everybody ends."""
    return {"first": _outcome(lambda: os.kill(1, 9)), "others": _outcome(lambda: os.kill(-1, 0))}


def limits() -> dict[str, tuple[int, int]]:
    """The resource limits."""
    names = ("AS", "NPROC", "FSIZE", "NOFILE", "CORE", "CPU")
    return {name: resource.getrlimit(getattr(resource, f"RLIMIT_{name}")) for name in names}


def oom_score() -> int:
    """How readily the kernel takes this process when memory runs out."""
    with open("/proc/self/oom_score_adj", encoding="utf-8") as file:
        return int(file.read())


def fill_memory() -> str:
    """How taking far too much memory ends, in one piece and in many."""
    held = []
    try:
        bytearray(8 << 30)
    except MemoryError:
        pass
    else:
        return "8 GiB were given"
    try:
        for _ in range(800):
            held.append(bytearray(16 << 20))
    except MemoryError:
        return f"{16 * len(held)} MiB"
    return "no limit"


def fill_disk(path: str) -> tuple[int, str]:
    """How many MiB can be written to a file, and how writing more ends."""
    written = 0
    try:
        with open(path, "wb", buffering=0) as file:
            while written < 1000:
                file.write(bytes(1 << 20))
                written += 1
    except OSError as error:
        return written, errno.errorcode[error.errno or 0]
    finally:
        os.remove(path)
    return written, "no limit"


def sparse(path: str) -> str:
    """How making a huge empty file ends."""
    with open(path, "wb") as file:
        outcome = _outcome(lambda: os.ftruncate(file.fileno(), 1 << 45))
    os.remove(path)
    return outcome


def multiply() -> int:
    """How many children can be made at once; all end again."""
    children: list[int] = []
    try:
        while len(children) < 200:
            child = os.fork()
            if child == 0:
                time.sleep(30)
                os._exit(0)
            children.append(child)
    except OSError:
        pass
    for child in children:
        os.kill(child, 9)
        os.waitpid(child, 0)
    return len(children)


def write_everywhere(paths: list[str]) -> dict[str, str]:
    """How making a file in each folder ends."""
    return {path: _outcome(lambda path=path: open(f"{path}/probe", "x").close()) for path in paths}


def run_program(*command: str) -> str:
    """What a program prints."""
    return subprocess.run(command, capture_output=True, text=True, timeout=10, check=False).stdout


def sizes(names: list[str]) -> dict[str, int]:
    """How large files of the submission are; -1 for those that are missing."""
    return {name: os.path.getsize(name) if os.path.exists(name) else -1 for name in names}


def stay() -> int:
    """Leave children behind that would run for a minute."""
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            time.sleep(60)
            os._exit(0)
    return os.getpid()


def return_large(mebibytes: int) -> Any:
    """An answer that is too large."""
    import torch

    return torch.zeros(1).expand(mebibytes << 18)


def return_many() -> list[str]:
    """An answer whose description is too large."""
    return ["some text"] * 200_000


def train() -> list[float]:
    """A training loop with two loading processes and two threads; the losses."""
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    images, labels = torch.randn(64, 1, 28, 28), torch.arange(64) % 4
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 8, 3), torch.nn.Flatten(), torch.nn.Linear(8 * 26 * 26, 4))
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-2)
    losses = []
    for _ in range(3):
        for batch, targets in DataLoader(TensorDataset(images, labels), 32, shuffle=True, num_workers=2):
            loss = torch.nn.functional.cross_entropy(net(batch), targets)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            losses.append(loss.item())
    buffer = io.BytesIO()
    torch.save(net.state_dict(), buffer)
    buffer.seek(0)
    net.load_state_dict(torch.load(buffer))
    torch.save(net, "net.pth")
    return losses


def use_libraries() -> dict[str, Any]:
    """What students import works."""
    import matplotlib.pyplot as plt
    import numpy as np
    import torch
    import torchvision
    from PIL import Image
    from sklearn.manifold import TSNE

    figure = io.BytesIO()
    plt.plot([1, 2])
    plt.savefig(figure)
    Image.new("RGB", (4, 4)).save("picture.png")
    points = np.random.rand(40, 5)
    return {
        "svd": tuple(torch.linalg.svd(torch.rand(64, 64)).S.shape),
        "fft": tuple(torch.fft.fft(torch.rand(8)).shape),
        "threads": torch.get_num_threads(),
        "figure": figure.getvalue()[:4].decode("latin-1"),
        "tsne": TSNE(perplexity=5, init="pca").fit_transform(points).shape,
        "resnet": type(torchvision.models.resnet18(num_classes=2)).__name__,
        "interpreter": sys.version_info[:2],
    }
