"""The process that workers are forked from: it has imported torch, and no submission ever comes near it.

Behind the *fork* wall it runs inside bubblewrap and holds what only a trusted process may hold: the right to make
namespaces and mounts. A request brings two descriptors, the worker's channel and the pipe for its output; both go to
the child alone, so that what one student sends is in no memory that another student's process is forked from.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import itertools
import json
import os
import signal
import socket
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

from grader.sandbox import headless
from grader.sandbox.protocol import Channel
from grader.sandbox.worker_main import PR_SET_PDEATHSIG, close_all_but, serve_submission

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x2000000, 0x4000000, 0x8000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 0x1, 0x2, 0x4, 0x8, 0x1000, 0x4000, 0x40000
INODES = 8192
GATHER_AFTER = 100  # workers: it takes a second of computing, and saves about a hundredth of that for each worker
LARGE, MADV_COLLAPSE = 2 << 20, 25
# What submissions import, or torch does at the first step of an optimizer: seconds that each worker would pay anew.
PRELOADED = ("torch", "torch._dynamo", "torchvision", "sklearn.manifold")
_INSIDE_UID = 61000  # who a worker is to itself where the machine gives it no user of its own


def main(descriptor: int) -> None:
    """Fork a worker for each request on an inherited SEQPACKET socket, until it closes."""
    close_all_but(descriptor)
    _call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    control = socket.socket(fileno=descriptor)
    preload()
    headless.prepare()
    home = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    gc.collect()
    gc.freeze()  # the collector leaves alone what children share
    _answer(control, {"ready": True, "threads": _threads()})
    for number in itertools.count():
        if number == GATHER_AFTER:
            gather_pages()
        request, descriptors, _, _ = socket.recv_fds(control, 4096, 2)
        if not request:
            return
        asked = json.loads(request)
        try:
            if "reap" in asked:
                os.waitpid(asked["reap"], 0)
                _answer(control, {})
            else:
                child = _fork(control, home, asked, descriptors)
                _answer(control, {"is_reaped": "folder_mib" in asked}, child)
        except OSError as error:
            _answer(control, {"error": str(error)})
        finally:
            for each in descriptors:
                os.close(each)


def gather_pages() -> None:
    """Have our memory in large pages: a fork copies an entry for each. Linux 6.1 can; others leave it as it is."""
    libc = ctypes.CDLL(None)
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, rights, _offset, _device, _inode, *name = line.split(maxsplit=5)
        if rights.startswith("rw") and name in ([], ["[heap]"]):
            start, end = (int(each, 16) for each in span.split("-"))
            start, end = -(-start // LARGE) * LARGE, end // LARGE * LARGE
            if end > start:
                libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), MADV_COLLAPSE)


def preload() -> None:
    """Do for all workers what each would have to do anew."""
    for name in PRELOADED:
        importlib.import_module(name)
    import torch

    # It looks at the processor when float16 is first converted; a worker's /proc does not tell.
    torch.ones(2).copy_(torch.ones(2, dtype=torch.float16))


def _answer(control: socket.socket, reply: dict[str, object], descriptor: int | None = None) -> None:
    if descriptor is None:
        control.send(json.dumps(reply).encode())
        return
    socket.send_fds(control, [json.dumps(reply).encode()], [descriptor])
    os.close(descriptor)


def _threads() -> int:
    return len(os.listdir("/proc/self/task"))


def _fork(control: socket.socket, home: int, request: dict[str, Any], descriptors: list[int]) -> int:
    """A descriptor of the new worker's first process.

    Args:
        control: Our socket, which the child closes.
        home: Our pid namespace.
        request: Either `folder_mib` and `own_user`, for a worker with namespaces of its own, the first process of one
            for pids, which the kernel reaps; or the `folder` that a worker without namespaces works in, which waits to
            be reaped until `reap` asks for it.
        descriptors: The worker's channel and the pipe for its output.
    """
    if _threads() != 1:
        raise OSError("the fork server has threads: its children would hang")
    if "folder_mib" in request:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        # One unshare makes one namespace: go back to our own before each.
        _call("setns", home, CLONE_NEWPID)
        _call("unshare", CLONE_NEWPID)
    child = os.fork()
    if child == 0:
        try:
            control.close()
            os.close(home)
            _live(request, *descriptors)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    return os.pidfd_open(child)


def _live(request: dict[str, Any], channel: int, output: int) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.dup2(output, 1)
    os.dup2(output, 2)
    close_all_but(channel)
    if "folder_mib" in request:
        _enter(request["folder_mib"], own_user=request["own_user"])
        os.chdir("/submission")
    else:
        os.chdir(request["folder"])
        os.environ.update(HOME=request["folder"], TMPDIR=request["folder"])
        tempfile.tempdir = None  # what was imported may have asked for it
    serve_submission(Channel(socket.socket(fileno=channel)))


def _enter(folder_mib: int, *, own_user: bool) -> None:
    """Namespaces and folders of the worker's own; without `own_user`, the worker becomes nobody in a user namespace."""
    os.umask(0o022)  # the grader's may be closed: the worker's user must be able to enter the folders made here
    _call("unshare", CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET)
    _mount(None, "/", None, MS_REC | MS_PRIVATE, None)
    folders = (("/submission", folder_mib), ("/tmp", 64), ("/dev/shm", 64))
    covered = {path: os.open(path, os.O_PATH | os.O_CLOEXEC) for path in _interpreter_below(*dict(folders))}
    for path, size_mib in folders:
        _mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, f"size={size_mib}m,nr_inodes={INODES},mode=1777")
    for path, folder in covered.items():  # imports go on in a worker: it must not lose Python to a folder of its own
        os.makedirs(path, mode=0o755, exist_ok=True)
        _mount(f"/proc/self/fd/{folder}", path, None, MS_BIND | MS_REC, None)  # read-only, as it was
        os.close(folder)
    # The terminals of bubblewrap's /dev are one instance for all workers, where each could see the others'.
    _mount("tmpfs", "/dev/pts", "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,mode=755")
    _mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "subset=pid,hidepid=invisible")
    if not own_user:
        uid, gid = os.geteuid(), os.getegid()
        _call("unshare", CLONE_NEWUSER)
        for name, content in (
            ("setgroups", "deny"),
            ("uid_map", f"{_INSIDE_UID} {uid} 1"),
            ("gid_map", f"{_INSIDE_UID} {gid} 1"),
        ):
            Path("/proc/self", name).write_text(content)


def _interpreter_below(*folders: str) -> list[str]:
    """The interpreter's folders that lie below others, outer ones first."""
    inner = tuple(f"{folder}/" for folder in folders)
    return [path for path in dict.fromkeys((sys.base_prefix, sys.prefix)) if path.startswith(inner)]


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None) -> None:
    texts = [None if text is None else text.encode() for text in (source, target, kind, options)]
    _call("mount", texts[0], texts[1], texts[2], ctypes.c_ulong(flags), texts[3])


def _call(name: str, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
