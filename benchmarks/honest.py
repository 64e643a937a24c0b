"""Zips, replies and files as honest students and their processes make them: what hostile ones are made of."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import numpy as np

from benchmarks.mutations import frame
from grader.records import Array
from grader.sandbox.values import pack


def honest_zips() -> list[bytes]:
    """Zips as students make them: stored, packed, streamed, with long sizes, in folders, well compressed."""
    names = ["filters.py", "units.py", "cam.py", "answers.md", "notes.txt", "model.pth"]
    zips = []
    for method, folder, streamed, large, kib in (
        (zipfile.ZIP_STORED, "", False, False, 5), (zipfile.ZIP_DEFLATED, "hw/", False, False, 5),
        (zipfile.ZIP_DEFLATED, "größe/", True, False, 5), (zipfile.ZIP_DEFLATED, "", False, True, 5),
        (zipfile.ZIP_DEFLATED, "a/b/c/", False, False, 1 << 10),
    ):  # fmt: skip
        target = io.BytesIO()
        with zipfile.ZipFile(_Unseekable(target) if streamed else target, "w", method) as archive:
            archive.comment = b"made with care"
            for i, name in enumerate(names):
                with archive.open(folder + name, "w", force_zip64=large) as member:
                    member.write(f"# {name}\n".encode() * (10 * i + 1) + bytes(kib * 1000 * (not name.endswith(".py"))))
        zips.append(target.getvalue())
    return zips


class _Unseekable(io.BytesIO):
    """A stream like a pipe: the numbers of a member follow its data."""

    def __init__(self, target: io.BytesIO) -> None:
        super().__init__()
        self._target = target

    def write(self, data: Any, /) -> int:
        return self._target.write(data)

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise OSError("a pipe")


def honest_replies() -> list[bytes]:
    """Replies with values of every kind, and with what stands for none."""
    values: list[Any] = [
        1.5, "text", None, [1, 2, 3], (0.25, [True, "x"]), {"loss": [1.0, 0.5], 3: (1,)}, np.arange(6.0).reshape(2, 3),
        [np.zeros((3, 4), np.uint8), np.ones(5, bool)], list(range(100)), float("nan"), object(),
    ]  # fmt: skip
    frames = []
    for value in values:
        arrays: list[Array] = []
        node = pack(value, arrays, lambda _value: {"$": "object", "id": 1, "type": "Net"})
        described = [[str(array.dtype), list(array.shape)] for array in arrays]
        head = json.dumps({"id": 1, "value": node, "arrays": described}).encode()
        frames.append(frame(head, b"".join(array.tobytes() for array in arrays)))
    error = {"type": "ValueError", "text": "boom", "where": ["filters.py, line 3"]}
    frames += [frame(json.dumps({"id": 1, "arrays": [], **more}).encode())
               for more in ({"error": error}, {"missing": "filters.py"})]  # fmt: skip
    return frames


def honest_files() -> list[bytes]:
    """Learning curves, experiments and written answers."""
    curve = {name: [0.5, 0.25] for name in ("train_loss", "train_accuracy", "val_loss", "val_accuracy")}
    run = {"technique": "dropout", "setting": "0.5", "train_accuracy": 0.9, "val_accuracy": 0.8}
    contents: list[Any] = [{"supervised": curve, "rotation": curve}, [run, run]]
    return [json.dumps(content).encode() for content in contents] + [
        b"## 2b\nSky.\n```\n# x\n```\n<!-- -->\n## 3c\nMap."
    ]
