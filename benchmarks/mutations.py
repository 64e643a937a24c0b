"""Makes hostile zips, replies and texts out of honest ones: bits, lengths, and what the formats themselves mean.

Everything derives from a `random.Random`, so that a seed says which ones were made.
"""

from __future__ import annotations

import json
import random
import re
import struct
from collections.abc import Callable, Sequence
from typing import Any

Edit = Callable[[random.Random, bytes, Sequence[bytes]], bytes]

# Offset and size of the fields of a zip's records, by signature (APPNOTE.TXT 4.3.7, 4.3.12, 4.3.14, 4.3.15, 4.3.16).
FIELDS = {
    b"PK\3\4": [(4, 2), (6, 2), (8, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2)],
    b"PK\1\2": [(6, 2), (8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (32, 2), (38, 4), (42, 4)],
    b"PK\5\6": [(4, 2), (6, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2)],
    b"PK\6\6": [(4, 8), (16, 4), (20, 4), (24, 8), (32, 8), (40, 8), (48, 8)],
    b"PK\6\7": [(4, 4), (8, 8), (16, 4)],
}
NAMES = [b"../", b"/", b"C:", b"\\", b"\0", b"\x1b[2J", "\u202e".encode(), "\u0301".encode() * 9, b".", b"a/" * 9]
ODD_JSON: list[Any] = [
    None, True, -1, 0, 1, 2**31, 2**62, 2**63 - 1, -(2**63), 0.5, 1e308, "", "nan", "x" * 9000, "\u202e", [], {}, [[]],
    [0, 2**62], [2**16] * 4, [1] * 9, {"$": "array", "index": 0}, {"$": "numbers", "index": 0, "tuple": True},
    {"$": "dict", "items": [[[], 0]]}, {"$": "tuple", "items": [{"$": "float", "value": "inf"}]},
    {"$": "object", "id": 1, "type": "Net"}, {"$": "object", "id": "1"}, {"$": "make", "path": "os.system"},
    [["float32", [2, 3]]], [["object", [1]]], [["bool", [0]]] * 300, {"type": "E", "text": "boom", "where": [["x"]]},
]  # fmt: skip
ODD_TOKENS = [
    b"NaN", b"-Infinity", b"1e999", b"9" * 5000, b'"\\ud800"', b"[" * 5000, b'{"a":' * 5000, b'{"$":"a","$":"b"}',
    b"[" + b"[]," * 5000 + b"0]", b"\xff", b"\0", b"0." + b"1" * 20_000,
]  # fmt: skip
ODD_TEXT = ["\0", "\x1b[31m", "\u202e", "\u0301", "\u0344", "\ud800", "\ufdfa", "\u2028", "\U000e0041", "\t", "\r\n",
            "a", "<b>&amp;", "\\u{", "\U0001f469\u200d\U0001f4bb"]  # fmt: skip


def mutate(rng: random.Random, seeds: Sequence[bytes], edits: Sequence[Edit]) -> bytes:
    """One of the seeds after up to four edits; now and then as it is."""
    raw = rng.choice(seeds)
    for _ in range(rng.randint(0, 4)):
        raw = rng.choice(edits)(rng, raw, seeds)
    return raw


def flip_bits(rng: random.Random, raw: bytes, _seeds: Sequence[bytes]) -> bytes:
    """Some bits are others."""
    changed = bytearray(raw)
    for _ in range(rng.randint(1, 8) if raw else 0):
        changed[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def truncate(rng: random.Random, raw: bytes, _seeds: Sequence[bytes]) -> bytes:
    """The beginning or the end is missing."""
    at = rng.randint(0, len(raw))
    return raw[:at] if rng.random() < 0.7 else raw[at:]


def splice(rng: random.Random, raw: bytes, seeds: Sequence[bytes]) -> bytes:
    """The beginning of one and the end of another."""
    other = rng.choice(seeds)
    return raw[: rng.randint(0, len(raw))] + other[rng.randint(0, len(other)) :]


def repeat(rng: random.Random, raw: bytes, _seeds: Sequence[bytes]) -> bytes:
    """A stretch of it is there several times."""
    start, end = sorted((rng.randint(0, len(raw)), rng.randint(0, len(raw))))
    return raw[:end] + raw[start:end] * rng.randint(1, 5) + raw[end:]


def insert(rng: random.Random, raw: bytes, _seeds: Sequence[bytes]) -> bytes:
    """Bytes at random come in between."""
    at = rng.randint(0, len(raw))
    return raw[:at] + rng.randbytes(rng.randint(1, 40)) + raw[at:]


BYTES: list[Edit] = [flip_bits, truncate, splice, repeat, insert]


def set_field(rng: random.Random, raw: bytes, _seeds: Sequence[bytes]) -> bytes:
    """A field of one of a zip's records has an extreme value, or another record's."""
    signature, records = _records(rng, raw)
    if not records:
        return raw
    offset, size = rng.choice(FIELDS[signature])
    at, other = rng.choice(records) + offset, rng.choice(records) + offset
    old = int.from_bytes(raw[at : at + size], "little")
    top = (1 << 8 * size) - 1
    values = [0, 1, 8, 9, old + 1, old - 1, old * 2, top, top - 1, top >> 1, len(raw), rng.randint(0, top)]
    values.append(int.from_bytes(raw[other : other + size], "little"))
    return raw[:at] + (rng.choice(values) & top).to_bytes(size, "little") + raw[at + size :]


def rename(rng: random.Random, raw: bytes, _seeds: Sequence[bytes]) -> bytes:
    """A member's name begins with something nasty, in the directory, in the local header or in both."""
    found = [match.span() for match in re.finditer(rb"[\w/]+\.(py|md|txt|pth)", raw)]
    if not found:
        return raw
    start, end = rng.choice(found)
    old = raw[start:end]
    new = (rng.choice(NAMES) + old)[: len(old)]
    return raw.replace(old, new) if rng.random() < 0.7 else raw[:start] + new + raw[end:]


def point_elsewhere(rng: random.Random, raw: bytes, _seeds: Sequence[bytes]) -> bytes:
    """A member of the directory lies where another one lies, as in zips whose members overlap."""
    directory = [match.start() for match in re.finditer(rb"PK\x01\x02", raw)]
    if len(directory) < 2:
        return raw
    one, other = rng.sample(directory, 2)
    return raw[: one + 42] + raw[other + 42 : other + 46] + raw[one + 46 :]


ZIP: list[Edit] = [*BYTES, *[set_field] * 8, *[rename] * 3, *[point_elsewhere] * 2]


def _records(rng: random.Random, raw: bytes) -> tuple[bytes, list[int]]:
    signature = rng.choice([kind for kind in FIELDS if kind in raw] or [b"PK\3\4"])
    return signature, [match.start() for match in re.finditer(re.escape(signature), raw)]


def frame(head: bytes, body: bytes = b"") -> bytes:
    """A frame as the wire has it."""
    return struct.pack(">IQ", len(head), len(body)) + head + body


def edit_header(rng: random.Random, raw: bytes, _seeds: Sequence[bytes]) -> bytes:
    """A node of the header's JSON is another, and the lengths agree."""
    split = _split(raw)
    if split is None:
        return raw
    header, body = split
    _replace_node(rng, header)
    return frame(json.dumps(header).encode(), body)


def edit_token(rng: random.Random, raw: bytes, _seeds: Sequence[bytes]) -> bytes:
    """A number or text of the header is something that is no JSON, or costs much to read."""
    split = _split(raw)
    if split is None:
        return raw
    head = json.dumps(split[0]).encode()
    start, end = rng.choice([match.span() for match in re.finditer(rb'"[^"]*"|-?[\d.]+', head)] or [(0, 0)])
    return frame(head[:start] + rng.choice(ODD_TOKENS) + head[end:], split[1])


def in_a_file(edit: Edit) -> Edit:
    """The same edit for a file of JSON, which has no frame around it."""
    return lambda rng, raw, seeds: edit(rng, frame(raw), seeds)[12:]


def edit_lengths(rng: random.Random, raw: bytes, _seeds: Sequence[bytes]) -> bytes:
    """The prefix announces other lengths."""
    if len(raw) < 12:
        return raw
    head, body = struct.unpack(">IQ", raw[:12])
    heads = [head, 0, head + 1, max(0, head - 1), 1 << 20, (1 << 20) + 1, (1 << 32) - 1]
    bodies = [body, 0, body + 1, max(0, body - 1), 64 << 20, (64 << 20) + 1, (1 << 64) - 1]
    lengths = rng.choice(heads) % (1 << 32), rng.choice(bodies) % (1 << 64)
    return struct.pack(">IQ", *lengths) + raw[12:]


REPLY: list[Edit] = [*BYTES, *[edit_header] * 8, *[edit_token] * 4, *[edit_lengths] * 2]
JSON_FILE: list[Edit] = [*BYTES, *[in_a_file(edit_header)] * 6, *[in_a_file(edit_token)] * 4]


def _split(raw: bytes) -> tuple[dict[str, Any] | list[Any], bytes] | None:
    """Header and body of a frame that is still one."""
    try:
        length = int.from_bytes(raw[:4], "big")
        header = json.loads(raw[12 : 12 + length])
    except (ValueError, RecursionError):
        return None
    return (header, raw[12 + length :]) if isinstance(header, dict | list) else None


def _replace_node(rng: random.Random, node: Any) -> None:
    """Put something odd in the place of a node somewhere below."""
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            return
        key = rng.choice(keys)
        if not isinstance(node[key], dict | list) or rng.random() < 0.4:
            node[key] = rng.choice(ODD_JSON)
            return
        node = node[key]


def odd_text(rng: random.Random) -> str:
    """A text of what is hard to show, from nothing to a hundred thousand characters."""
    few = rng.sample(ODD_TEXT, rng.randint(1, 4))
    return "".join(rng.choices(few, k=rng.choice([0, 1, 10, 500, 5000, 100_000])))
