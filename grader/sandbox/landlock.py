"""Landlock: which files this process, and all that comes of it, may still open, and whom it may reach.

The kernel's own fence, without root: rights can only be taken away. Where the sandbox has namespaces it is a second
wall; where it has none, it is what hides the machine's files. Three system calls, made directly: Python has no binding
that is well kept.

Reference:
    https://docs.kernel.org/userspace-api/landlock.html
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Iterable, Mapping

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same numbers on every architecture
_VERSION_FLAG, _PATH_BENEATH = 1, 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
TRUNCATE, IOCTL_DEV = 1 << 14, 1 << 15
_OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV  # what a rule about a single file may say
_RIGHTS = ((1, 13), (2, 14), (3, 15), (5, 16))  # from which version on so many rights are known
_ALL = (1 << 16) - 1
KINDS = {
    "read": READ_FILE | READ_DIR,
    "execute": EXECUTE | READ_FILE | READ_DIR,
    "write": _ALL & ~EXECUTE & ~IOCTL_DEV,  # a program that was written here can't be run
    "device": READ_FILE | WRITE_FILE,
}
NO_TCP = 0b11  # neither bind nor connect, from version 4 on
TO_ITSELF = 0b11  # abstract sockets and signals reach only processes of the same fence, from version 6 on


def version() -> int:
    """The kernel's version of Landlock; 0 where there is none."""
    return max(0, int(_libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_FLAG))))


def restrict(allowed: Mapping[str, Iterable[str]]) -> int:
    """Take away every right to files, TCP and others' processes but those named; `PR_SET_NO_NEW_PRIVS` must be set.

    Args:
        allowed: Paths by kind of right (a key of `KINDS`); each for all that lies below. Missing ones are skipped.

    Returns:
        The version of Landlock that holds now; 0 if the kernel has none, and nothing was taken away.

    Raises:
        OSError: If the kernel refuses.
    """
    known = version()
    if known == 0:
        return 0
    rights = (1 << max(count for since, count in _RIGHTS if known >= since)) - 1
    fields = [rights, *([NO_TCP] if known >= 4 else []), *([TO_ITSELF] if known >= 6 else [])]
    ruleset = _call(_CREATE_RULESET, struct.pack(f"={len(fields)}Q", *fields), ctypes.c_size_t(8 * len(fields)), 0)
    try:
        for kind, paths in allowed.items():
            for path in paths:
                _allow(ruleset, path, KINDS[kind] & rights)
        _call(_RESTRICT_SELF, ctypes.c_int(ruleset), 0)
    finally:
        os.close(ruleset)
    return known


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            rights &= _OF_FILES
        _call(_ADD_RULE, ctypes.c_int(ruleset), _PATH_BENEATH, struct.pack("=Qi", rights, place), 0)
    finally:
        os.close(place)


def _call(number: int, *arguments: object) -> int:
    result = int(_libc().syscall(number, *arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), f"Landlock refused system call {number}")
    return result


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
