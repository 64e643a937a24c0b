"""How a module that is made of cells leaves a statement out that fails, and keeps why.

    with _cell_("net"): net = load()    the module goes on without `net`

`sandbox.handler` tells why where the name is missed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

# In each module that needs it: a submission's files are these modules and what was handed in, nothing else.
PREAMBLE = """\
class _cell_:  # leaves a statement out that fails, and keeps why
    why = {}

    def __init__(self, *names):
        self.names = names

    def __enter__(self):
        return None

    def __exit__(self, kind, error, place):
        for name in self.names if kind else ():
            self.why.setdefault(name, (kind.__name__, str(error), place.tb_lineno))
        return True

"""


def guarded(names: Iterable[str], statement: str) -> str:
    """A simple statement that is left out where it fails; its lines stay as they are."""
    return f"with _cell_({_quoted(names)}): {statement}"


def guarded_block(names: Iterable[str], place: str, text: str, *, nested: bool) -> str:
    """The same for a statement with a body, and the line that says where it is from."""
    return f"with _cell_({_quoted(names)}):\n{place}\n{text if nested else _indented(text)}"


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in sorted(names))


def _indented(text: str) -> str:
    """The text four columns to the right, but for what lies inside a string of several lines."""
    inside: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)):
            inside |= set(range(node.lineno, node.end_lineno or node.lineno))
    return "\n".join(
        line if number in inside or not line else f"    {line}" for number, line in enumerate(text.split("\n"))
    )
