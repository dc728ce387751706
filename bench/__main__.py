"""``python -m bench …``: measures this program on this machine. The last line is JSON."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from bench.figures import report
from bench.force import caching, conversations
from bench.force.conversations import Prepared
from bench.measures import fanout as fanning

app = typer.Typer(name="bench", help=__doc__, no_args_is_help=True)
Cache = Annotated[Path, typer.Option(help="Where forces are kept between runs.")]
Processes = Annotated[int, typer.Option(help="Workers, and simulator processes.")]


def _everyone(cache: Path, members: int) -> Prepared:
    return conversations.prepared(caching.force(cache, members))


@app.command()
def force(members: int = 63_000, cache: Cache = caching.CACHE) -> None:
    """Make a force and its conversation, for the other benchmarks to find them made."""
    _everyone(cache, members)


@app.command()
def fanout(
    members: Annotated[int, typer.Option(help="How many devices receive.")] = 63_000,
    processes: Processes = 4,
    rounds: Annotated[int, typer.Option(help="Messages that are measured.")] = 5,
    cache: Cache = caching.CACHE,
) -> None:
    """Measure one message to every device of a conversation."""
    prepared = _everyone(cache, members + 1)  # And the sender.
    with tempfile.TemporaryDirectory(prefix="copconnect-bench-") as folder:
        report(fanning.run(prepared, Path(folder), processes, rounds))


if __name__ == "__main__":
    app()
