"""The student's process: the only program of ours that runs beside the student's code.

Order matters. It starts with nothing but a socket, imports torch while no submission is near, waits for `setup`, gives
up every right it still has, and only then receives the student's files. From the first line of student code on, nothing
here can be trusted any more, and nothing outside does.
"""

from __future__ import annotations

import ctypes
import importlib.abc
import importlib.util
import os
import resource
import socket
import struct
import sys
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

import numpy as np

from grader.sandbox import headless, landlock, standins
from grader.sandbox.protocol import MAX_BODY, Channel, ChannelClosed, Header, ProtocolError
from grader.sandbox.request_handler import Absent, RequestHandler

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, PR_CAPBSET_DROP, SECCOMP_MODE_FILTER = 38, 22, 24, 2
PR_SET_PDEATHSIG, SIGKILL = 1, 9
CAPABILITY_VERSION_3 = 0x20080522


def main(descriptor: int) -> None:
    """Serve requests on an inherited socket until it closes."""
    close_all_but(descriptor)
    import torch  # while still trusted: what every submission needs

    del torch
    headless.prepare()
    serve_submission(Channel(socket.socket(fileno=descriptor)))


def serve_submission(channel: Channel) -> None:
    """Give up every right, receive the submission, and serve requests until the channel closes."""
    import torch  # imported before, and in the process that this one was forked from

    channel.send({"ready": True, "threads": len(os.listdir("/proc/self/task"))})
    try:
        header, arrays = channel.receive()
        fence = confine(header, bytes(arrays[0]))
        channel.send({"confined": True, "landlock": fence})
        folder = Path(header["folder"])
        receive_files(channel, folder)
        standins.install(lambda file: file.startswith(f"{folder}/"))
        torch.set_num_threads(header["limits"]["threads"])
        serve(channel, RequestHandler(FolderImporter(folder).load, FileOpener(folder), str(folder)))
    except ChannelClosed:
        return


def serve(channel: Channel, handler: RequestHandler) -> None:
    """Answer requests, one reply each, with the request's id."""
    while True:
        header, arrays = channel.receive()
        reply, results = handler.answer(header, arrays)
        try:
            channel.send({**reply, "id": header["id"]}, results, max_body=header.get("max_body", MAX_BODY))
        except ChannelClosed:
            raise
        except ProtocolError as error:
            text = f"what it returned is too large to be compared ({error})"
            channel.send({"error": {"type": "AnswerTooLarge", "text": text, "where": []}, "id": header["id"]})


def confine(setup: Header, seccomp_filter: bytes) -> int:
    """Give up every right: resource limits, files, user, capabilities, system calls.

    Args:
        setup: `limits` (name -> value, None for none), `uid` (kernel uid to become, or None when already an ordinary
            one), `files` (paths by kind of right, for Landlock).
        seccomp_filter: BPF program; empty: no filter.

    Returns:
        The version of Landlock that holds; 0 without.

    Raises:
        OSError: If the kernel refuses any of it; the process ends then.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    limits = setup["limits"]
    _offer_to_the_oom_killer()
    if len(os.listdir("/proc/self/task")) != 1:
        raise OSError("more than one thread: a filter would not hold for all of them")
    address_space = _address_space() + (limits["memory_mib"] << 20)
    values = {
        resource.RLIMIT_AS: address_space,
        resource.RLIMIT_NPROC: limits["processes"],
        resource.RLIMIT_FSIZE: limits["folder_mib"] << 20,
        resource.RLIMIT_NOFILE: 256,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: limits["cpu_s"],
    }
    for name, value in values.items():
        if value is not None:
            most = resource.getrlimit(name)[1]  # may be lower already, and can't be raised
            value = value if most == resource.RLIM_INFINITY else min(value, most)
            resource.setrlimit(name, (value, value))
    _prctl(libc, PR_SET_NO_NEW_PRIVS, 1)
    fence = landlock.restrict(setup["files"]) if setup["files"] else 0
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)  # refused past the last one, and where there are none to drop
    if setup["uid"] is not None:
        os.setgroups([])
        os.setresgid(setup["uid"], setup["uid"], setup["uid"])
        os.setresuid(setup["uid"], setup["uid"], setup["uid"])  # clears capabilities, but for the inheritable ones
    if libc.capset(struct.pack("=Ii", CAPABILITY_VERSION_3, 0), bytes(24)) != 0:
        raise OSError(ctypes.get_errno(), "capset was refused")
    _prctl(libc, PR_SET_PDEATHSIG, SIGKILL)  # setuid cleared it
    if seccomp_filter:
        _load_filter(libc, seccomp_filter)
    return fence


def _load_filter(libc: ctypes.CDLL, program: bytes) -> None:
    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))

    loaded = Program(len(program) // 8, program)
    _prctl(libc, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(loaded))


def _prctl(libc: ctypes.CDLL, option: int, value: Any, pointer: Any = 0) -> None:
    if libc.prctl(option, ctypes.c_ulong(value), pointer, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}) was refused")


def _address_space() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()


def _offer_to_the_oom_killer() -> None:
    """When the whole machine runs out of memory, this process goes before the grader does."""
    path = Path("/proc/self/oom_score_adj")
    path.write_text(str(max(int(path.read_text()), 800)))


def close_all_but(descriptor: int) -> None:
    """Close every inherited descriptor but the standard ones and this, which programs started here don't get."""
    os.closerange(3, descriptor)
    os.closerange(descriptor + 1, 4096)
    os.set_inheritable(descriptor, False)


def receive_files(channel: Channel, folder: Path) -> None:
    """Write the submission's files into the working folder until a frame says `done`.

    A file that the file system refuses, by its name's 255 bytes for example, is left out: its owner finds it missing.
    """
    while True:
        header, arrays = channel.receive()
        if header.get("done"):
            return
        path = folder / header["path"]
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                file.write(arrays[0].astype(np.uint8, copy=False).data)
        except OSError as error:
            print(f"{path.name}: {error.strerror}", flush=True)


class FileOpener:
    """Opens the submission's files by name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, name: str) -> BinaryIO:
        """Open `name` for reading; raises Absent when there is none."""
        try:
            return (self._folder / name).open("rb")
        except FileNotFoundError:
            raise Absent(name) from None


class FolderImporter(importlib.abc.MetaPathFinder):
    """Imports the assignment's modules and the student's helper modules from the working folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        sys.dont_write_bytecode = True
        sys.meta_path.insert(0, self)
        sys.path.append(str(folder))

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        """Find the student's own modules first, as at home; what is imported already stays what it is."""
        if path is not None:  # inside a package: its own affair
            return None
        spec = PathFinder.find_spec(fullname, [str(self._folder)])
        return spec if spec is not None and spec.origin is not None else None

    def load(self, name: str) -> ModuleType:
        """Import a module of the assignment; raises Absent when the submission has none."""
        if not (self._folder / f"{name}.py").is_file():
            raise Absent(f"{name}.py")
        return importlib.import_module(name)
