"""A conversation at running servers: its devices simulated, one sender."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bench.crowd.crowd import Crowd
from bench.crowd.plan import populations
from bench.crowd.sending import Sender
from bench.figures import Figures, say
from bench.force.conversations import Prepared
from bench.machine.deployment import Deployment, deployed

CONNECT_LIMIT_S = 300


class Served(NamedTuple):
    """The servers, every simulated device but the sender's, and the sender."""

    deployment: Deployment
    crowd: Crowd
    sender: Sender


@contextlib.contextmanager
def served(
    prepared: Prepared,
    folder: Path,
    processes: int,
    without: frozenset[bytes] = frozenset(),
    **settings: Any,
) -> Iterator[Served]:
    """Start everything; stop it at the end. No device is connected yet. The sender is the first
    device of the force that belongs to the first conversation; ``without``: devices that no
    simulator plays."""
    conversation = prepared.conversations[0]
    devices = prepared.force.devices
    first = devices[min(member for cell in conversation.cells for member in cell.members)]
    with contextlib.ExitStack() as stack:
        deployment = stack.enter_context(
            deployed(
                prepared.force.folder / "keys", prepared.database, folder, processes, **settings
            )
        )
        played = populations(prepared, processes, without | {first.device})
        crowd = Crowd(played, deployment.addresses, folder, stack)
        by_id = {one.device: one for one in devices}
        sender = Sender(first, conversation.conversation_id, deployment.addresses[0], by_id)
        stack.callback(sender.client.close)
        yield Served(deployment, crowd, sender)


def connect(deployment: Deployment, crowd: Crowd) -> Figures:
    """Connect everybody."""
    crowd.ask("usage")  # Every process has started.
    before, cpu = deployment.rss_bytes(), deployment.cpu_s()
    began = time.monotonic()
    crowd.ask("live", on=True)  # A device that is refused for the moment comes again.
    ready = sum(one["ready"] for one in crowd.ask("connect", limit_s=CONNECT_LIMIT_S))
    seconds = time.monotonic() - began
    crowd.ask("live", on=False)
    if ready != crowd.devices:
        closed = [one["closed"] for one in crowd.ask("usage")]
        raise RuntimeError(f"{ready} of {crowd.devices} devices are connected; closed: {closed}")
    say(f"{ready:,} devices are connected, in {seconds:.1f} s.")
    return {
        "connected": ready,
        "connections_per_s": ready / seconds,
        "server_cpu_us_per_connection": (deployment.cpu_s() - cpu) / ready * 1e6,
        "rss_kb_per_connection": (deployment.rss_bytes() - before) / ready / 1024,
    }


def judged(crowd: Crowd, sent: list[str]) -> Figures:
    """Return what came of all messages. Raises RuntimeError if devices refused any."""
    found = crowd.verdict(sent)
    if found["refused"] or found["unexpected"] or found["alarms"] or found["without_key"]:
        raise RuntimeError(f"devices refused: {found}")
    return {
        "messages": len(sent),
        "decrypted": found["opened"] / len(sent),
        "lost": found["lost"],
        "duplicates": found["duplicates"],
        "repeated": found["repeated"],
    }
