"""Tells by its bytes, and runs nothing for it, what a file is that was handed in as a network and holds none."""

from __future__ import annotations

import re
from dataclasses import dataclass

from grader.errors import SubmissionRefused
from grader.intake.zipgate import member_names
from grader.text import clean_name

HEAD = 1024  # bytes in which a text shows what it is
SHOWN = 40  # characters of a text that is quoted
UNPACK = "Unpack it, and hand in the file that torch.save wrote."
AGAIN = "Save or fetch the file again, look at its size, and hand that in."
MODELS = (".pth", ".pt", ".ckpt", ".bin", ".tar")
OLD_TAR = ("sys_info", "pickle", "storages", "tensors")  # of torch before 0.2
TAR_AT = 257
ZIP_END, ZIP_END_WITHIN = b"PK\x05\x06", 22 + 0xFFFF  # of a zip, and how far before its end this may stand
PAGES = (b"<!doctype", b"<html", b"<head", b"<?xml", b"<!--")
ONNX = re.compile(rb"\x08[\x01-\x40]\x12[\x01-\x40][\w .+-]+\x1a")  # the format's version, the program's name and its


@dataclass(frozen=True)
class Kind:
    """What a file is.

    Attributes:
        what: The end of a sentence that begins with "it is".
        advice: What to do, a sentence; empty where it is to save the network with `torch.save`.
    """

    what: str
    advice: str = ""


STARTS = {
    b"version https://git-lfs": Kind(
        "a pointer of Git LFS, a few lines of text in the file's place",
        "Run `git lfs pull`, and hand in the file itself.",
    ),
    b"\x89HDF\r\n\x1a\n": Kind("an HDF5 file, as Keras writes them"),
    b"\x93NUMPY": Kind("a numpy array, as numpy.save writes them"),
    b"GGUF": Kind("a GGUF file"),
    b"\x1f\x8b": Kind("packed with gzip", UNPACK),
    b"BZh": Kind("packed with bzip2", UNPACK),
    b"\xfd7zXZ\x00": Kind("packed with xz", UNPACK),
    b"\x28\xb5\x2f\xfd": Kind("packed with zstd", UNPACK),
    b"7z\xbc\xaf\x27\x1c": Kind("a 7-Zip archive", UNPACK),
    b"Rar!": Kind("a RAR archive", UNPACK),
    **{bytes([0x78, level]): Kind("compressed with zlib, as joblib does") for level in (0x01, 0x5E, 0x9C, 0xDA)},
    b"\x89PNG": Kind("a picture (PNG)"),
    b"\xff\xd8\xff": Kind("a picture (JPEG)"),
    b"%PDF": Kind("a PDF"),
    b"\x00\x05\x16\x07": Kind("what macOS keeps beside a file, without the file", AGAIN),
}


def tell_kind(data: bytes) -> Kind | None:
    """Return what a file is that can't be a saved network; None where it may be one.

    Args:
        data: The file's bytes; anything.
    """
    if not data:
        return Kind("empty, 0 bytes long", AGAIN)
    if data.startswith(b"PK"):
        return _kind_of_zip(data)
    if (kind := next((kind for start, kind in STARTS.items() if data.startswith(start)), None)) is not None:
        return kind
    if data[4:8] == b"TFL3":
        return Kind("a TensorFlow Lite file")
    if ONNX.match(data):
        return Kind("an ONNX file")
    if data[8:9] == b"{" and int.from_bytes(data[:8], "little") <= len(data):
        return Kind("a safetensors file")
    if data[TAR_AT:].startswith(b"ustar") and (first := data[:100].rstrip(b"\0").decode("latin-1")) not in OLD_TAR:
        return Kind(f"a tar archive that begins with `{clean_name(first)}`", UNPACK)
    if not data[:HEAD].strip(b"\0") and not data.strip(b"\0"):
        return Kind("nothing but zeros: copying it went wrong", AGAIN)
    return _kind_of_text(data)


def _kind_of_zip(data: bytes) -> Kind | None:
    try:
        names = [name for name in member_names(data) if "__MACOSX" not in name]
    except SubmissionRefused:
        has_end = (
            ZIP_END in data[-ZIP_END_WITHIN:]
        )  # its list is odd, or longer than is read here: torch may know better
        return None if has_end else Kind("cut off: the list of contents at its end is missing", AGAIN)
    ends = {name.rpartition("/")[2] for name in names}
    if "data.pkl" in ends:
        return Kind("a TorchScript program, as torch.jit.save writes them") if "constants.pkl" in ends else None
    if any(end.endswith(".npy") for end in ends):
        return Kind("a numpy archive, as numpy.savez writes them")
    if "model.weights.h5" in ends:
        return Kind("a model of Keras")
    if model := next((name for name in names if name.lower().endswith(MODELS)), None):
        return Kind(f"a zip that holds `{clean_name(model)}`", "Hand in that file, not a zip of it.")
    first = f" that holds `{clean_name(names[0])}`" if names else " without files"
    return Kind(f"a zip{first}, and no file of torch.save")


def _kind_of_text(data: bytes) -> Kind | None:
    """What a text is that begins as no pickle does."""
    head = data[:HEAD].removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.lower().startswith(PAGES):
        return Kind("a web page, which a server or a link gave in the file's place", AGAIN)
    if head.startswith((b"{", b"[")) and quote_text(data):
        return Kind(f"text (JSON?) that begins with {quote_text(data)}")
    return None


def quote_text(data: bytes) -> str:
    """Return how a text begins, in quotation marks; empty where it is no text."""
    try:
        text = data[:HEAD].decode("utf-8-sig", "strict" if len(data) <= HEAD else "ignore")
    except UnicodeDecodeError:
        return ""
    first = " ".join(text[: 4 * SHOWN].split())
    return (
        f"“{clean_name(first[:SHOWN])}”" if first and all(char.isprintable() or char.isspace() for char in text) else ""
    )
