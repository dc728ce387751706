"""The ``copconnect bench`` commands."""

import json
import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from copconnect import wire
from copconnect.bench import audiences, founding
from copconnect.bench import fanout as fanning
from copconnect.bench import force as forces
from copconnect.bench import ingest as ingesting
from copconnect.bench import large as larges
from copconnect.bench import membership as transferring
from copconnect.bench import reconnect as reconnecting
from copconnect.bench import seals as sealing
from copconnect.bench import suites as suiting
from copconnect.bench import transport as transporting
from bench.figures import report, report_series, say
from copconnect.bench.force import Force

app = typer.Typer(
    name="copconnect bench", help="Measure this program on this machine.", no_args_is_help=True
)
Cache = Annotated[Path, typer.Option(help="Where forces and cells are kept between runs.")]
Whole = Annotated[int, typer.Option(min=1, help="Whole clients: the sender, and of other cells.")]
CACHE = Path(".bench-cache")
GROWTH = (1_000, 10_000, 63_000, 100_000)
MOST_OF_A_PROCESS = 17_000  # Sockets: where a process may hold 20,000 descriptors.


def _force(cache: Path, members: int) -> Force:
    say(f"A force of {members:,} devices …")
    made = forces.cached(cache.resolve(), members)
    say(f"It is in {made.folder}.")
    return made


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


@app.command()
def force(members: int = 63_000, cache: Cache = CACHE) -> None:
    """Make a force: people, registered devices, certificates."""
    _force(cache, members)


@app.command()
def transport(
    clients: Annotated[int, typer.Option(help="How many sockets.")] = 15_000,
    size: Annotated[int, typer.Option(help="Bytes of the frame.")] = 1_000,
    rounds: Annotated[int, typer.Option(help="How often.")] = 9,
) -> None:
    """Measure how fast one process writes to thousands of sockets, beside the floor."""
    report(transporting.measure(clients, size, rounds))


@app.command()
def seals(
    cells: Annotated[int, typer.Option(help="How many cells the message has.")] = 1_000,
    rounds: Annotated[int, typer.Option(help="How often.")] = 9,
) -> None:
    """Measure how many sealed messages one thread opens."""
    report(sealing.measure(cells, rounds))


@app.command()
def suites(
    suites: Annotated[str, typer.Option(help="MLS cipher suites.")] = "1,83",
    sizes: Annotated[str, typer.Option(help="Devices in a cell.")] = "64,128,256,512",
    rounds: Annotated[int, typer.Option(help="How often; the median counts.")] = 3,
    slowdown: Annotated[float, typer.Option(help="A phone's processor.")] = 6,
    cache: Cache = CACHE,
) -> None:
    """Measure both cipher suites in Chromium, at full speed and as slow as a phone."""
    found = suiting.run(cache.resolve(), _numbers(suites), _numbers(sizes), rounds, slowdown)
    typer.echo(suiting.table(found["rows"]))
    typer.echo(json.dumps(found | {"load_average": round(os.getloadavg()[0], 1)}))


@app.command()
def fanout(
    members: Annotated[int, typer.Option(help="How many devices.")] = 63_000,
    processes: Annotated[int, typer.Option(help="Workers, and simulator processes.")] = 4,
    rounds: Annotated[int, typer.Option(help="Messages that are measured.")] = 5,
    suite: Annotated[int, typer.Option(help="MLS cipher suite.")] = 1,
    whole: Whole = 8,
    cache: Cache = CACHE,
) -> None:
    """Measure one message to every device of a large conversation."""
    people = _force(cache, members + 1)  # And the sender.
    conversation = founding.cached(people, suite)
    with tempfile.TemporaryDirectory(prefix="copconnect-bench-") as folder:
        report(fanning.run(people, conversation, Path(folder), processes, rounds, whole))


@app.command()
def growth(
    members: Annotated[
        list[int] | None, typer.Option(help="How many devices; may be given several times.")
    ] = None,
    rounds: Annotated[int, typer.Option(help="Messages that are measured.")] = 5,
    suite: Annotated[int, typer.Option(help="MLS cipher suite.")] = 1,
    whole: Whole = 8,
    cache: Cache = CACHE,
) -> None:
    """Measure the fan-out at several sizes; a line for each, then one of all."""
    found = []
    for size in members or GROWTH:
        people = _force(cache, size + 1)
        conversation = founding.cached(people, suite)
        with tempfile.TemporaryDirectory(prefix="copconnect-bench-") as folder:
            processes = max(4, -(-size // MOST_OF_A_PROCESS))
            found.append(fanning.run(people, conversation, Path(folder), processes, rounds, whole))
        report(found[-1])
    report_series(found)


@app.command()
def reconnect(
    clients: Annotated[int, typer.Option(help="How many devices.")] = 63_000,
    processes: Annotated[int, typer.Option(help="Workers, and simulator processes.")] = 4,
    suite: Annotated[int, typer.Option(help="MLS cipher suite.")] = 1,
    cache: Cache = CACHE,
) -> None:
    """Measure how all devices come back when every worker is restarted at once."""
    people = _force(cache, clients + 1)  # And the sender.
    conversation = founding.cached(people, suite)
    with tempfile.TemporaryDirectory(prefix="copconnect-bench-") as folder:
        report(reconnecting.run(people, conversation, Path(folder), processes))


@app.command()
def membership(
    transfers: Annotated[int, typer.Option(help="How many people are moved, at once.")] = 1_000,
    members: Annotated[int, typer.Option(help="How many people the force has.")] = 8_000,
    joining: Annotated[
        int,
        typer.Option(min=2, help="Of the moved: come into their new cells. The others stay away."),
    ] = 40,
    watched: Annotated[
        int, typer.Option(min=2, help="Of the joining: whole clients before the transfers, too.")
    ] = 10,
    processes: Annotated[int, typer.Option(help="Workers.")] = 2,
    suite: Annotated[int, typer.Option(help="MLS cipher suite.")] = 1,
    cell_size: Annotated[int, typer.Option(help="Most devices of a cell.")] = wire.CELL_SIZE,
    cache: Cache = CACHE,
) -> None:
    """Measure what many transfers between two large conversations cost, and how long they take."""
    people = _force(cache, members)
    pair = audiences.cached(people, suite, cell_size)
    with tempfile.TemporaryDirectory(prefix="copconnect-bench-") as folder:
        report(
            transferring.run(
                people,
                pair,
                Path(folder),
                transfers=transfers,
                joining=min(joining, transfers),
                watched=min(watched, joining, transfers),
                processes=processes,
                cell_size=cell_size,
            )
        )


@app.command()
def large(
    members: Annotated[int, typer.Option(help="How many devices.")] = 63_000,
    rounds: Annotated[int, typer.Option(help="How often.")] = 9,
    cache: Cache = CACHE,
) -> None:
    """Measure what a conversation of a whole force costs the server alone."""
    people = _force(cache, members)
    with tempfile.TemporaryDirectory(prefix="copconnect-bench-") as folder:
        report(larges.measure(people, Path(folder), rounds))


@app.command()
def ingest(
    seconds: Annotated[float, typer.Option(help="How long each database is measured.")] = 15,
    cache: Cache = CACHE,
) -> None:
    """Measure how many messages one worker accepts."""
    people = _force(cache, ingesting.CONVERSATIONS * ingesting.MEMBERS)
    with tempfile.TemporaryDirectory(prefix="copconnect-bench-") as folder:
        report(ingesting.run(people, Path(folder), seconds))
