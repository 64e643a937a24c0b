"""Recognises syntax of a Python that is newer than this one in a source that does not parse.

Nothing is guessed: what looks newer is rewritten as this Python has it, and only where the whole parses then was it the
reason. Runs in the student's process and in the one that reads notebooks, never in the grader's own.
"""

from __future__ import annotations

import ast
import re
import sys
import warnings
from collections.abc import Callable

Version = tuple[int, int]
_FSTRINGS, _TYPES, _DEFAULTS, _TEMPLATES, _BARE_EXCEPT = (3, 12), (3, 12), (3, 13), (3, 14), (3, 14)
_STRING = re.compile(r"(?<!\w)(?P<prefix>[a-zA-Z]{0,2})(?P<quote>'''|\"\"\"|'|\")|#[^\n]*")
_PREFIXES = {"", "r", "u", "b", "f", "t", "br", "rb", "fr", "rf", "tr", "rt"}
_HELD = "\0{}\0"  # stands for a string while the code around it is rewritten
_ALIAS = re.compile(r"^(?P<keep>[ \t]*)type[ \t]+(?P<name>\w+)(?=\s*[=\[])", re.MULTILINE)
_GENERIC = re.compile(r"\b(?P<keep>(?:def|class|type)[ \t]+\w+)[ \t]*\[")
# Names of exceptions begin with a capital; `except ValueError, error` is syntax of Python 2.
_CAUGHT = re.compile(
    r"^(?P<keep>[ \t]*except\*?[ \t]+)(?P<names>(?:\w+\.)*[A-Z]\w*(?:[ \t]*,[ \t]*(?:\w+\.)*[A-Z]\w*)+)[ \t]*:",
    re.MULTILINE,
)


def newer_syntax(source: str, than: Version = sys.version_info[:2]) -> str | None:
    """The version whose syntax alone keeps a source from being Python of another version, e.g. "3.12".

    Args:
        source: Of a module or a notebook's cell.
        than: The version that it should be, at most this Python's own.

    Returns:
        None where nothing newer is found, where something else is wrong as well, or where it is not known.
    """
    older = _Older(than)
    try:
        text = older.rewritten(source)
        if not older.found:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes that Python does not know
            for part in (text, *older.inside):
                ast.parse(part)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return ".".join(map(str, max(older.found)))


class _Older:
    """A source rewritten without what is newer than a version.

    Attributes:
        found: Versions of what was rewritten.
        inside: What stood in braces of strings that were left out, as statements.
    """

    def __init__(self, than: Version) -> None:
        self.found: set[Version] = set()
        self.inside: list[str] = []
        self._than = than

    def rewritten(self, source: str) -> str:
        """The source; raises SyntaxError where a string does not end."""
        held: list[str] = []
        code, place = [], 0
        while (match := _STRING.search(source, place)) is not None:
            code.append(source[place : match.start()])
            place, text = self._literal(source, match)
            code.append(_HELD.format(len(held)))
            held.append(text)
        text = "".join([*code, source[place:]])
        text = _CAUGHT.sub(self._change(_BARE_EXCEPT, lambda match: f"{match['keep']}({match['names']}):"), text)
        text = self._without_parameters(text)
        text = _ALIAS.sub(self._change(_TYPES, lambda match: match["keep"] + match["name"]), text)
        return re.sub(r"\0(\d+)\0", lambda match: held[int(match[1])], text)

    def _change(self, version: Version, new: Callable[[re.Match[str]], str]) -> Callable[[re.Match[str]], str]:
        def change(match: re.Match[str]) -> str:
            if version <= self._than:
                return match[0]
            self.found.add(version)
            return new(match)

        return change

    def _without_parameters(self, text: str) -> str:
        """Without the type parameters of `def f[T](...)`, `class A[T]` and `type A[T] = ...`."""
        kept, place = [], 0
        while (match := _GENERIC.search(text, place)) is not None:
            end, depth = match.end(), 1
            while depth:
                if end == len(text):
                    raise SyntaxError("brackets that do not end")
                depth += {"[": 1, "]": -1}.get(text[end], 0)
                end += 1
            version = _DEFAULTS if re.search(r"[^=]=[^=]", text[match.end() : end]) else _TYPES
            if version <= self._than:
                kept.append(text[place : match.end()])
                place = match.end()
            else:
                self.found.add(version)
                kept += [text[place : match.start()], match["keep"]]
                place = end
        return "".join([*kept, text[place:]])

    def _literal(self, source: str, match: re.Match[str]) -> tuple[int, str]:
        """Where a comment or a string ends, and what stands for it."""
        quote, prefix = match["quote"], (match["prefix"] or "").lower()
        if quote is None:
            return match.end(), match[0]
        if prefix not in _PREFIXES:
            raise SyntaxError("no string")
        formatted = {"f", "t"} & set(prefix)
        found: list[str] = []
        end, is_newer = self._end(source, match.end(), quote, found if formatted else None)
        version = _TEMPLATES if "t" in prefix else _FSTRINGS
        if version <= self._than or not (is_newer or "t" in prefix):
            return end, source[match.start() : end]
        self.found.add(version)
        self.inside += found
        return end, '""'

    def _end(self, source: str, place: int, quote: str, found: list[str] | None) -> tuple[int, bool]:
        """Where a string ends, and whether an older Python would not read what stands in its braces.

        Args:
            source: All.
            place: Behind the quote that begins the string.
            quote: That quote.
            found: Gets what stands in braces; None for a string in which braces are nothing special.
        """
        is_newer = False
        while not source.startswith(quote, place):
            char = source[place : place + 1]
            if not char or (char == "\n" and len(quote) == 1):
                raise SyntaxError("a string that does not end")
            if found is not None and char == "{" and source[place + 1 : place + 2] != "{":
                place, newer = self._field(source, place + 1, quote, found)
                is_newer |= newer
            else:
                place += 2 if char == "\\" or source.startswith("{{", place) else 1
        return place + len(quote), is_newer

    def _field(self, source: str, place: int, quote: str, found: list[str]) -> tuple[int, bool]:
        """Where the braces end that were opened before `place`, and whether an older Python would not read them."""
        start, depth, is_newer, parts = place, 0, False, []
        while True:
            char = source[place : place + 1]
            if not char:
                raise SyntaxError("braces that do not end")
            if (match := _STRING.match(source, place)) and (match["quote"] is None or match["prefix"] in _PREFIXES):
                parts.append(source[start:place])
                end, text = self._literal(source, match)
                inner = source[place:end]
                is_newer |= match["quote"] is None or quote in inner or "\\" in inner
                is_newer |= len(quote) == 1 and "\n" in inner
                parts.append("" if match["quote"] is None else text)
                start = place = end
                continue
            if depth == 0 and (char in "}:" or (char == "!" and source[place + 1 : place + 2] != "=")):
                break
            is_newer |= char == "\\" or (char == "\n" and len(quote) == 1)
            depth += (char in "([{") - (char in ")]}")
            place += 1
        expression = "".join([*parts, source[start:place]]).rstrip()
        found.append(f"(\n{expression.removesuffix('=')}\n)")
        return self._format(source, place, quote, found, is_newer)

    def _format(self, source: str, place: int, quote: str, found: list[str], is_newer: bool) -> tuple[int, bool]:
        """The same, from the conversion or the format on: what stands there may hold braces again."""
        while (char := source[place : place + 1]) != "}":
            if not char or (char == "\n" and len(quote) == 1):
                raise SyntaxError("braces that do not end")
            place += 1
            if char == "{":
                place, newer = self._field(source, place, quote, found)
                is_newer |= newer
        return place + 1, is_newer
