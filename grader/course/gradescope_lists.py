"""Reads who handed in what, by the lists that Gradescope puts beside submissions, never by what lies in them.

A list counts only where Gradescope puts it: `submission_metadata.yml` beside the folders of an export, and
`submission_metadata.json` beside the folder `submission` in a container. Whatever lies in a student's own folder may be
written by the student.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from grader.course.records import Person
from grader.decoding import NotText, decode_text, parse_json
from grader.intake.opening import student_name

METADATA = "submission_metadata.json"  # beside one submission, in a container
EXPORT = "submission_metadata.yml"  # beside the folders of "Export Submissions"
_SUBMISSION = re.compile(r"(?P<name>[^\s:#-][^:]*):\s*")
_KEY = re.compile(r"(?P<before> *(?P<new>- +)?):?(?P<key>[a-z_]+):(?: +(?P<value>.*))?")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d*)? *(Z|UTC|[+-]\d\d:?\d\d)")


@dataclass
class Listed:
    """What the list of an export says of one folder.

    Attributes:
        users: Who handed it in together.
        submitted_at: When, with a time zone; None where it is not told.
    """

    users: list[Person] = field(default_factory=list)
    submitted_at: datetime | None = None


def read_metadata(path: Path) -> tuple[list[Person], datetime]:
    """Who handed in one submission together, and when.

    Raises:
        ValueError: If the file can't be read as Gradescope's.
    """
    try:
        content = parse_json(path.read_bytes())
        users = [_user(user) for user in content["users"]]
        submitted_at = datetime.fromisoformat(content["created_at"])
    except (OSError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error
    if submitted_at.tzinfo is None:
        raise ValueError("created_at names no time zone")
    return users, submitted_at


def read_export(path: Path) -> dict[str, Listed]:
    """Who handed in each folder of an export, and when; empty where there is no list that can be read.

    Of the list, which is YAML, only what stands in columns of its own is read: names and addresses of submitters, and
    the time. Texts of students (a name that goes on in the next line, the output of their code) are always indented
    further, so that nothing in them is taken for a key.
    """
    try:
        lines = decode_text(path.read_bytes()).splitlines()
    except (OSError, NotText):
        return {}
    found: dict[str, Listed] = {}
    for name, keys in _submissions(lines):
        listed = found[name] = Listed()
        users: list[dict[str, str]] = []
        for section, is_new, key, value in keys:
            if section == "created_at":
                listed.submitted_at = _moment(value)
            elif section == "submitters" and key in ("name", "email"):
                if is_new or not users:
                    users.append({})
                users[-1][key] = value
        listed.users = [_user({"id": name, **user}) for user in users if any(user.values())]
    return found


def _submissions(lines: list[str]) -> Iterator[tuple[str, list[tuple[str, bool, str, str]]]]:
    """Each submission's folder, and its keys: the section, whether an item begins with it, the key and its value."""
    name, keys = "", list[tuple[str, bool, str, str]]()
    section, columns = "", [-1, -1]  # of the sections' keys, and of the keys in a section's items
    for line in lines:
        if started := _SUBMISSION.fullmatch(line):
            if name:
                yield name, keys
            name, keys, section, columns = started["name"].strip("'\""), [], "", [-1, -1]
        elif name and (found := _KEY.fullmatch(line.rstrip())):
            column, value = len(found["before"]), (found["value"] or "").strip().strip("'\"").strip()
            if not found["new"] and columns[0] in (-1, column):
                section, columns = found["key"], [column, -1]
                keys.append((section, False, "", value))
            elif section and (columns[1] == column or (columns[1] == -1 and found["new"])):
                columns[1] = column
                keys.append((section, bool(found["new"]), found["key"], value))
    if name:
        yield name, keys


def _moment(text: str) -> datetime | None:
    found = _MOMENT.fullmatch(text)
    try:
        zone = "+00:00" if found and found[3] in ("Z", "UTC") else found and found[3]
        return datetime.fromisoformat(f"{found[1]}T{found[2]}{zone}") if found else None
    except ValueError:
        return None


def _user(user: Mapping[str, Any] | Any) -> Person:
    email, name = str(user.get("email") or ""), str(user.get("name") or "")
    return Person(
        student=student_name(Path(email.partition("@")[0] or name or str(user["id"]))), name=name, email=email
    )
