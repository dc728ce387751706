"""``python -m demo data-bank``: writes a synthetic data bank into a folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from copconnect.commands.options import console, stop
from demo import synthetic


def data_bank(
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    people: Annotated[int, typer.Option(help="How many people.")] = 3000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
) -> None:
    """Write a synthetic data bank: real units, invented people."""
    write(make(people, seed), out)
    console.print(f"Wrote {people:,} people to {out}.")


def make(people: int, seed: int) -> Mapping[str, bytes]:
    """Return the files of a data bank; ends the program when it cannot have so many people."""
    try:
        return synthetic.write(people, seed)
    except ValueError as error:
        raise stop(str(error)) from error


def write(files: Mapping[str, bytes], out: Path) -> None:
    """Write the files of a data bank."""
    out.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (out / f"{name}.csv").write_bytes(content)
