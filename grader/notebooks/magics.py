"""Takes the magics and shell lines out of a notebook's cell, so that what is left is Python, line for line."""

from __future__ import annotations

import re

# What follows these in a cell is no Python of the notebook: it is written into a file, or run elsewhere, or not at all.
_WRITES = ("%%writefile", "%%file")
_FOREIGN = frozenset(
    "%%! %%bash %%bigquery %%cmd %%cpp %%cu %%cython %%html %%javascript %%js %%julia %%latex %%markdown %%mermaid "
    "%%nvcc %%perl %%powershell %%pypy %%python %%python2 %%python3 %%r %%ruby %%scala %%script %%sh %%shell %%skip "
    "%%sql %%svg %%sx %%system %%writetemplate".split()
)
# At the start of a statement: `!pip`, `%matplotlib`, `?help`, `x = !ls`, `help?`.
_MAGIC = re.compile(r"(?P<indent>\s*)(?:(?:\w[\w.,\s]*=\s*)?[%!]|\?|%?[\w.]+\?{1,2}\s*$)")
_TIMED = re.compile(r"(?P<indent>\s*)%(?:time|prun)\s+(?P<rest>\w[\w.,\s]*=(?!=).*)")  # `%time net = fit()`
_RUN = re.compile(r"(?P<indent>\s*)%run\s+(?:\./)?(?P<module>[A-Za-z_]\w*)\.py\s*")
_SHOWN = 60  # characters of a magic's line in a sentence
_LEXEMES = re.compile(r"""\\.|'''|\"\"\"|['"#()\[\]{}]""")


def why_foreign(source: str) -> str:
    """Why a cell is no Python of the notebook, a clause; empty when it is."""
    first = next((line for line in source.split("\n") if line.strip()), "")
    name = first.split()[0] if first.startswith("%%") else ""
    if name.lower() in _WRITES:
        return f"`{first.strip()[:_SHOWN]}` writes it into a file instead of running it"
    elsewhere = name.lower() in _FOREIGN
    return f"`{first.strip()[:_SHOWN]}` hands it to something else than the notebook's Python" if elsewhere else ""


def without_magics(source: str) -> tuple[str, bool]:
    """A cell with `pass` for each shell line and magic, line by line, and whether there was one.

    `%time x = f()` becomes `x = f()`, and `%run mine.py` an import of all that `mine.py` defines. Nothing is left of a
    cell that is no Python.
    """
    lines = source.split("\n")
    if why_foreign(source):
        return "", True
    first = next(number for number, line in enumerate(lines) if line.strip())
    has_magics = lines[first].startswith("%%")
    if has_magics:
        lines[: first + 1] = [""] * (first + 1)
        first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    margin = len(lines[first]) - len(lines[first].lstrip())  # a cell may be indented as a whole
    kept = []
    depth, quote, joined, in_magic = 0, "", False, False
    for line in lines:
        line = line[margin:] if not line[:margin].strip() else line
        begins = not (depth or quote or joined) and not in_magic
        if begins and (plain := _as_python(line)):
            has_magics, line, begins = True, plain, False
        magic = _MAGIC.match(line) if begins else None
        if magic or in_magic:
            kept.append(f"{magic['indent']}pass" if magic else "")
            has_magics, in_magic = True, line.endswith("\\")
        else:
            kept.append(line)
            depth, quote, joined = _after(line, depth, quote)
    return "\n".join(kept), has_magics


def _as_python(line: str) -> str:
    """A magic that defines something, as Python; empty for any other line."""
    if timed := _TIMED.fullmatch(line):
        return timed["indent"] + timed["rest"]
    run = _RUN.fullmatch(line)
    return f"{run['indent']}from {run['module']} import *" if run else ""


def _after(line: str, depth: int, quote: str) -> tuple[int, str, bool]:
    """How many brackets and which quote are open after a line, and whether it goes on."""
    for match in _LEXEMES.finditer(line):
        lexeme = match[0]
        if quote:
            quote = "" if lexeme.startswith(quote) else quote
        elif lexeme == "#":
            return depth, quote, False
        elif lexeme[0] in "'\"":
            quote = lexeme
        elif lexeme in "([{":
            depth += 1
        elif lexeme in ")]}":
            depth = max(0, depth - 1)
    joined = line.endswith("\\")
    return depth, quote if len(quote) == 3 or joined else "", joined
