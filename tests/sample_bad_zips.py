"""Zips that no honest program writes, by the name that `expected.toml` of a hostile submission gives."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Callable

from sample_zip import CODE, Entry, quoted_overlap, zip_of


def _bomb() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("filters.py", CODE)
        archive.writestr("model.pth", bytes(200 << 20))
    return buffer.getvalue()


def _many() -> bytes:
    return zip_of(*(Entry(b"%d.txt" % number, b"", zipfile.ZIP_STORED) for number in range(30_000)))


BAD_ZIPS: dict[str, Callable[[], bytes]] = {
    "bomb": _bomb,
    "overlap": quoted_overlap,
    "lying": lambda: zip_of(Entry(data=CODE * 100, size=len(CODE))),
    "link": lambda: zip_of(Entry(data=b"/etc/shadow", attributes=(stat.S_IFLNK | 0o777) << 16)),
    "twice": lambda: zip_of(Entry(), Entry(data=CODE + b"# another\n")),
    "two_names": lambda: zip_of(Entry(local_name=b"fashion.py")),
    "encrypted": lambda: zip_of(Entry(flags=1)),
    "many": _many,
    "odd_name": lambda: zip_of(Entry(), Entry("\x1b[31m\u202egnp.secret.py".encode(), flags=0x800)),
}


def picture_bomb() -> bytes:
    """A PNG of 20,000 by 20,000 pixels in half a megabyte."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(buffer, "PNG")
    return buffer.getvalue()
