"""A large conversation at running servers: its cells founded, its devices simulated, one sender."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import uvloop

from copconnect.bench import founding
from copconnect.bench.crowd import Crowd
from copconnect.bench.deployment import Deployment, deployed
from copconnect.bench.figures import Figures, say
from copconnect.bench.force import Device, Force
from copconnect.bench.founding import Conversation
from copconnect.bench.node import NodeProgram

FULL_CLIENTS = "client/bench/full-clients.ts"
CONNECT_LIMIT_S = 300


class Served(NamedTuple):
    """The servers, every simulated device, and the whole clients: the real client core. Client 0
    sends unless told otherwise."""

    deployment: Deployment
    crowd: Crowd
    sender: NodeProgram


@contextlib.contextmanager
def served(
    force: Force,
    conversation: Conversation,
    folder: Path,
    processes: int,
    whole: Sequence[Device] = (),
) -> Iterator[Served]:
    """Start everything and found the cells; stop it at the end. Nobody is connected yet.

    ``whole``: the devices of whole clients; the first cell's founder if none are named.
    """
    whole = whole or [conversation.devices[conversation.cells[0].client_ids[0]]]
    with contextlib.ExitStack() as stack:
        deployment = stack.enter_context(
            deployed(force.folder / "keys", conversation.database, folder, processes)
        )
        crowd = Crowd(
            conversation,
            deployment.addresses,
            processes,
            folder,
            stack,
            {device.client_id for device in whole},
        )
        _found(conversation, deployment, crowd)
        sender = stack.enter_context(
            contextlib.closing(full_clients(conversation, deployment.origins, folder, whole))
        )
        yield Served(deployment, crowd, sender)


def _found(conversation: Conversation, deployment: Deployment, crowd: Crowd) -> None:
    """Found every cell at the servers."""
    began = time.monotonic()
    key_ids = uvloop.run(founding.found(conversation, deployment.addresses))
    seeds = {cell.cell_id: cell.seed for cell in conversation.cells}
    crowd.publish({cell_id: (key_id, seeds[cell_id]) for cell_id, key_id in key_ids.items()})
    say(f"{len(key_ids)} cells are founded, in {time.monotonic() - began:.1f} s.")


def full_clients(
    conversation: Conversation, origins: Sequence[str], folder: Path, devices: Sequence[Device]
) -> NodeProgram:
    """Return whole clients on these devices, at these servers in turn."""
    plan = {
        "trust": conversation.founding.trust,
        "conversationId": conversation.founding.conversation_id,
        "clients": [founding.planned(device) | {"token": device.token} for device in devices],
    }
    file = folder / "full-clients.msgpack"
    file.write_bytes(msgspec.msgpack.encode(plan))
    return NodeProgram(FULL_CLIENTS, str(file), *origins)


def connect(deployment: Deployment, crowd: Crowd) -> Figures:
    """Connect everybody."""
    before, cpu = deployment.rss_bytes(), deployment.cpu_s()
    began = time.monotonic()
    crowd.ask("live", on=True)  # Who is refused for the moment comes again.
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
