"""``python -m bench …``: measures this program on this machine. The last line is JSON."""

import asyncio
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from bench.figures import report, say
from bench.force import caching, conversations
from bench.force.caching import Force
from bench.force.conversations import Prepared
from bench.measures import console, importing, reorganising, standing
from bench.measures import fanout as fanning
from bench.measures import ingest as ingesting
from bench.measures import insider as attacking
from bench.measures import membership as moving
from bench.measures import orders as ordering
from bench.measures import push as pushing
from bench.measures import reconnect as reconnecting
from bench.measures import search as searching
from bench.measures import transfers as transferring
from bench.measures.transfers import RULES, Move
from copconnect import wire

app = typer.Typer(name="bench", help=__doc__, no_args_is_help=True)
SEARCHES = 1_000
AUDIENCES = 200
SMALL = 60
Cache = Annotated[Path, typer.Option(help="Where forces are kept between runs.")]
Processes = Annotated[int, typer.Option(help="Workers, and simulator processes.")]
Members = Annotated[int, typer.Option(help="How many people the force has.")]
CellSize = Annotated[int, typer.Option(help="Most devices of a cell.")]
Small = Annotated[
    bool, typer.Option("--small", help="In seconds: shows that figures come, and is no figure.")
]


def _force(cache: Path, members: int) -> Force:
    """Return a force of so many people, and one more: the sender."""
    return caching.force(cache, members + 1)


def _everyone(cache: Path, members: int) -> Prepared:
    return conversations.prepared(_force(cache, members))


def _report_move(prepared: Prepared, move: Move, processes: int, cell_size: int) -> None:
    """Measure a move between two conversations, and print its figures."""
    with tempfile.TemporaryDirectory(prefix="copconnect-bench-") as folder:
        report(moving.run(prepared, Path(folder), move, processes=processes, cell_size=cell_size))


@app.command()
def force(members: int = 63_000, cache: Cache = caching.CACHE, small: Small = False) -> None:
    """Make a force and its conversation, for the other benchmarks to find them made."""
    if small:
        members = SMALL - 1
    _everyone(cache, members)


@app.command()
def fanout(
    members: Annotated[int, typer.Option(help="How many devices receive.")] = 63_000,
    processes: Processes = 4,
    rounds: Annotated[int, typer.Option(help="Messages that are measured.")] = 5,
    cache: Cache = caching.CACHE,
    small: Small = False,
) -> None:
    """Measure one message to every device of a conversation."""
    if small:
        members, processes, rounds = SMALL - 1, 1, 1
    prepared = _everyone(cache, members)
    with tempfile.TemporaryDirectory(prefix="copconnect-bench-") as folder:
        report(fanning.run(prepared, Path(folder), processes, rounds))


@app.command()
def reconnect(
    clients: Annotated[int, typer.Option(help="How many devices there are.")] = 63_000,
    keys: Annotated[int, typer.Option(help="So often a device signs out and the key changes.")] = 0,
    processes: Processes = 4,
    cache: Cache = caching.CACHE,
    small: Small = False,
) -> None:
    """Measure how all devices come back when every worker is restarted at once."""
    if small:
        clients, keys, processes = SMALL - 1, 1, 1
    prepared = _everyone(cache, clients)
    with tempfile.TemporaryDirectory(prefix="copconnect-bench-") as folder:
        report(reconnecting.run(prepared, Path(folder), processes, keys))


@app.command()
def orders(
    members: Annotated[int, typer.Option(help="How many people acknowledge.")] = 63_000,
    cache: Cache = caching.CACHE,
    small: Small = False,
) -> None:
    """Measure how everybody acknowledges one order while its issuer watches."""
    if small:
        members = SMALL - 1
    prepared = _everyone(cache, members)
    with tempfile.TemporaryDirectory(prefix="copconnect-bench-") as folder:
        report(ordering.run(prepared, Path(folder)))


@app.command()
def push(
    devices: Annotated[int, typer.Option(help="How many devices sleep.")] = 63_000,
    processes: Annotated[int, typer.Option(help="Workers.")] = 2,
    cache: Cache = caching.CACHE,
    small: Small = False,
) -> None:
    """Measure how one message wakes every device of a conversation."""
    if small:
        devices, processes = SMALL - 1, 1
    prepared = _everyone(cache, devices)
    with tempfile.TemporaryDirectory(prefix="copconnect-bench-") as folder:
        report(pushing.run(prepared, Path(folder), processes))


@app.command()
def ingest(
    seconds: Annotated[float, typer.Option(help="How long each database is measured.")] = 15,
    groups: Annotated[int, typer.Option(help="Groups of 20 that talk.")] = ingesting.GROUPS,
    rounds: Annotated[int, typer.Option(help="Messages of each device, made before.")] = 5,
    cache: Cache = caching.CACHE,
    small: Small = False,
) -> None:
    """Measure how many messages one worker accepts."""
    if small:
        seconds, groups, rounds = 1, SMALL // ingesting.MEMBERS, 1
    people = caching.force(cache, groups * ingesting.MEMBERS)
    with tempfile.TemporaryDirectory(prefix="copconnect-bench-") as folder:
        report(ingesting.run(people, Path(folder), seconds, groups, rounds))


@app.command()
def membership(
    transfers: Annotated[int, typer.Option(help="How many people are moved, at once.")] = 1_000,
    members: Members = 63_000,
    joining: Annotated[int, typer.Option(help="Of the moved: are online.")] = 1_000,
    processes: Processes = 4,
    cell_size: CellSize = wire.CELL_SIZE,
    cache: Cache = caching.CACHE,
    small: Small = False,
) -> None:
    """Measure many transfers between two large conversations."""
    if small:
        members, transfers, joining, processes = SMALL - 1, 3, 3, 1
    people = _force(cache, members)
    prepared = conversations.prepared(people, RULES, "halves", cell_size)
    move = transferring.transfers(prepared, transfers, min(joining, transfers))
    _report_move(prepared, move, processes, cell_size)


@app.command()
def reorganise(
    people: Annotated[int, typer.Option(help="How many people the moved units have.")] = 10_000,
    members: Members = 63_000,
    processes: Processes = 4,
    cell_size: CellSize = wire.CELL_SIZE,
    cache: Cache = caching.CACHE,
    small: Small = False,
) -> None:
    """Measure the move of units, with everybody in them, to another large conversation."""
    if small:
        members, people, processes = SMALL - 1, 4, 1
    everybody = _force(cache, members)
    units = reorganising.moved_units(everybody, people)
    say(f"These units move: {', '.join(units)}.")
    name = f"halves-and-{people}"
    prepared = conversations.prepared(everybody, reorganising.rules(units), name, cell_size)
    move = reorganising.reorganisation(prepared, units)
    _report_move(prepared, move, processes, cell_size)


@app.command()
def insider(
    members: Annotated[int, typer.Option(help="How many devices the conversation has.")] = 2_000,
    seconds: Annotated[float, typer.Option(help="How long each, quiet and attacked.")] = 60,
    processes: Annotated[int, typer.Option(help="Workers, and simulator processes.")] = 2,
    cache: Cache = caching.CACHE,
    small: Small = False,
) -> None:
    """Measure a commander's messages while one hostile member does its worst."""
    cell_size = wire.CELL_SIZE
    if small:
        members, seconds, processes, cell_size = SMALL - 1, 2, 1, SMALL // 4
    prepared = conversations.prepared(_force(cache, members), cell_size=cell_size)
    with tempfile.TemporaryDirectory(prefix="copconnect-bench-") as folder:
        report(attacking.run(prepared, Path(folder), processes, seconds, cell_size))


@app.command()
def directory(
    members: Members = 63_000,
    transfers: Annotated[int, typer.Option(help="How many of them are moved, at once.")] = 1_000,
    imported: Annotated[int, typer.Option(help="How many people the imported files have.")] = (
        100_000
    ),
    cache: Cache = caching.CACHE,
    small: Small = False,
) -> None:
    """Measure standing groups, audiences, transfers, searches, the console and imports."""
    searches, audiences = SEARCHES, AUDIENCES
    if small:
        members, transfers, imported, searches, audiences = SMALL, 4, SMALL, 10, 10
    people = caching.force(cache, members)
    with tempfile.TemporaryDirectory(prefix="copconnect-bench-") as folder:
        figures = standing.measure(people, Path(folder), transfers, audiences)
        say("Searches")
        figures |= asyncio.run(searching.run(Path(folder) / "search", members, searches))
        say("The console's pages")
        figures |= asyncio.run(console.run(Path(folder) / "console", members))
    report(figures | importing.measure(imported))


if __name__ == "__main__":
    app()
