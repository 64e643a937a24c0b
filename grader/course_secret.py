"""The course secret: the key from which the inputs of all checks derive.

A submission's seed is the HMAC of its digest under the secret. One zip therefore always meets the same inputs, and
nobody without the secret can compute them: neither code in the sandbox that packs its own zip again, nor a student at
home who looks for a zip with convenient inputs. No process that runs student code ever holds the secret or a seed.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from grader.errors import MachineError, UsageError
from grader.results import INSTRUCTOR_ONLY

VARIABLE = "GRADER_SECRET"
FILE = "secret"  # below `out/instructor only/`
LENGTH = 32  # bytes of a secret that is made here
SHORTEST = 32  # characters of one that is given: half of the hex digits of one that is made here


def course_secret(out: Path) -> str:
    """Return the secret of the course graded in `out`, and make it at the first call.

    The secret is that of `GRADER_SECRET` where it is set, else the content of `out/instructor only/secret`.

    Args:
        out: Folder of all students' results.

    Raises:
        UsageError, MachineError: As `secret_of` does.
    """
    return secret_of(out / INSTRUCTOR_ONLY / FILE)


def secret_of(path: Path) -> str:
    """Return the secret of `GRADER_SECRET`, else that of a file, which is made with mode 0600 where it is missing.

    With the variable, machines that don't share a disk grade with the same inputs.

    Args:
        path: The file.

    Raises:
        UsageError: If `GRADER_SECRET` is shorter than 32 characters.
        MachineError: If the file can't be written or read, or holds too short a secret.
    """
    if given := os.environ.get(VARIABLE, "").strip():
        if len(given) < SHORTEST:
            raise UsageError(f"{VARIABLE} has {len(given)} characters; a secret has {SHORTEST} or more")
        return given
    try:
        if not path.exists():
            _create(path)
        secret = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise MachineError(f"the course secret {path} can't be read or written: {error}") from error
    if len(secret) < SHORTEST:
        raise MachineError(f"the course secret {path} is damaged: restore it, or delete it to have a new one made")
    return secret


def new_secret() -> str:
    """Return a fresh secret: 32 random bytes in hex."""
    return secrets.token_hex(LENGTH)


def submission_seed(secret: str, sha256: str) -> str:
    """Return the seed of a submission, 64 hex digits.

    Args:
        secret: The course's.
        sha256: Digest of the zip, hex.
    """
    return hmac.new(secret.encode(), sha256.encode(), hashlib.sha256).hexdigest()


def _create(path: Path) -> None:
    """Write a new secret, unless another grader does so at the same moment: then that one's counts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mode 0600
    try:
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(new_secret() + "\n")
        with suppress(FileExistsError):
            os.link(part, path)  # whole or not at all, and never in another's place
    finally:
        os.unlink(part)
