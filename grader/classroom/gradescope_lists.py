"""Reads who handed in what, by the lists that Gradescope puts beside submissions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from grader.classroom.records import Person
from grader.decoding import NotText, decode_text, parse_json
from grader.intake.opening import student_name

METADATA = "submission_metadata.json"  # beside one submission
EXPORT = "submission_metadata.yml"  # beside the folders of "Export Submissions"
_SUBMISSION = re.compile(r"(?P<name>[^\s:#-][^:]*):\s*")
_FACT = re.compile(r"\s*(?P<new>-\s+)?:?(?P<key>name|email):\s*['\"]?(?P<value>[^'\"]*)['\"]?\s*")


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


def read_export(path: Path) -> dict[str, list[Person]]:
    """Who handed in each folder of an export; empty where there is no list that can be read.

    Of the list, which is YAML, only names and e-mail addresses are read, a line each.
    """
    try:
        lines = decode_text(path.read_bytes()).splitlines()
    except (OSError, NotText):
        return {}
    told: dict[str, list[dict[str, str]]] = {}
    submission = ""
    for line in lines:
        if started := _SUBMISSION.fullmatch(line):
            submission = started["name"].strip("'\"")
        elif submission and (fact := _FACT.fullmatch(line)):
            users = told.setdefault(submission, [])
            if fact["new"] or not users:
                users.append({})
            users[-1][fact["key"]] = fact["value"].strip()
    return {name: [_user({"id": name, **user}) for user in users] for name, users in told.items()}


def _user(user: Mapping[str, Any] | Any) -> Person:
    email, name = str(user.get("email") or ""), str(user.get("name") or "")
    return Person(
        student=student_name(Path(email.partition("@")[0] or name or str(user["id"]))), name=name, email=email
    )
