"""`make bench`, or `python -m benchmarks [--quick] [section ...]`: measures, prints, and writes results.md."""

from __future__ import annotations

import importlib

import click
from rich.console import Console

from benchmarks import sections
from benchmarks.measuring import adopt_orphans

# In the order of the page. Each module has `measure(quick: bool) -> Section`.
SECTIONS = ("checking", "submission", "classes", "training", "report")
ON_REQUEST = ("classes_whole", "accuracy")  # an hour, half an hour


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(SECTIONS + ON_REQUEST))
@click.option("--quick", is_flag=True, help="Fewer rounds, to see whether it works; the page stays as it is.")
def main(names: tuple[str, ...], quick: bool) -> None:
    """Measure these sections; without a name, all that take minutes."""
    adopt_orphans()
    console = Console()
    for name in names or SECTIONS:
        with console.status(name):
            section = importlib.import_module(f"benchmarks.{name}").measure(quick)
        sections.show(section, console)
        if not quick:
            sections.write(section, SECTIONS + ON_REQUEST)


if __name__ == "__main__":
    main()
