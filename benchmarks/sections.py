"""A section of the page of results: tables, and the sentences that say how they came about."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table as Drawn

PAGE = Path(__file__).with_name("results.md")
HEAD = """# Benchmarks

`make bench` measures and writes this page; `make bench SECTIONS="checking report"` those sections alone. Seconds say
little about another machine; ratios within one section were taken in one run, and say more.
"""
LIBRARIES = ("torch", "torchvision", "numpy", "weasyprint", "matplotlib")


@dataclass(frozen=True)
class Table:
    """Rows below headings; the first column is text, the others are figures."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Section:
    """What one benchmark found.

    Attributes:
        name: The word that asks for it.
        title: Its heading.
        how: What was measured, and how; sentences.
        tables: The figures.
        remarks: What to read out of them, what was left out and why; a sentence each.
    """

    name: str
    title: str
    how: str
    tables: tuple[Table, ...]
    remarks: tuple[str, ...] = ()


def show(section: Section, console: Console) -> None:
    """Print a section."""
    console.print(f"\n[bold]{section.title}[/bold]\n{section.how}")
    for table in section.tables:
        drawn = Drawn(*table.headings)
        for column in drawn.columns[1:]:
            column.justify = "right"
        for row in table.rows:
            drawn.add_row(*row)
        console.print(drawn)
    for remark in section.remarks:
        console.print(f"- {remark}", markup=False)


def write(section: Section, order: Sequence[str], page: Path = PAGE) -> None:
    """Put a section in the page of results, in the place of its last one; the page has its sections in this order."""
    kept = dict(_sections_of(page.read_text(encoding="utf-8"))) if page.exists() else {}
    kept[section.name] = _as_markdown(section)
    page.write_text("\n".join([HEAD, *(kept[name] for name in order if name in kept)]), encoding="utf-8")


def machine() -> str:
    """The machine and the versions, in a line."""
    libraries = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES)
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    today = datetime.datetime.now(datetime.UTC).date()
    return (
        f"{today}; {_processor()}, {os.cpu_count()} processors, load {load}; "
        f"Linux {platform.release()}, Python {platform.python_version()}, {libraries}"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _as_markdown(section: Section) -> str:
    lines = [f"## {section.name}: {section.title}", "", section.how, ""]
    for table in section.tables:
        rules = ["---", *["---:"] * (len(table.headings) - 1)]
        lines += [f"| {' | '.join(row)} |" for row in (table.headings, tuple(rules), *table.rows)]
        lines.append("")
    lines += [f"- {remark}" for remark in section.remarks]
    return "\n".join([*lines, *([""] if section.remarks else []), f"*{machine()}*", ""])


def _sections_of(text: str) -> list[tuple[str, str]]:
    parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]
    return [(part.removeprefix("## ").partition(":")[0], part.rstrip("\n") + "\n") for part in parts]
