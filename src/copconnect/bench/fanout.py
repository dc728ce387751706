"""``bench fanout``: one sealed message to every device of a large conversation.

The sender is the real client core; the workers are the real server on PostgreSQL and NATS; every
other device is simulated, connected, and a leaf of a real MLS tree. Times begin when the sender
begins to post. The floor is measured in the same run: as many processes that only write bytes that
are ready, as many bytes, to as many sockets, received by the same code.
"""

import contextlib
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import uvloop

from copconnect.bench import founding
from copconnect.bench.children import Child
from copconnect.bench.crowd import Crowd, new_keys
from copconnect.bench.deployment import Deployment, deployed
from copconnect.bench.figures import say
from copconnect.bench.force import Force
from copconnect.bench.founding import Conversation
from copconnect.bench.node import NodeProgram
from copconnect.services.processes import accepts, free_port

FULL_CLIENTS = "client/bench/full-clients.ts"
TEXT = "All units: road closed from 18:00 at the main junction. Divert traffic, report by radio."
LIMIT_S = 300
Figures = dict[str, float]


def run(
    force: Force, conversation: Conversation, folder: Path, processes: int, rounds: int
) -> Figures:
    """Measure; return the figures."""
    with contextlib.ExitStack() as stack:
        deployment = stack.enter_context(
            deployed(force.folder / "keys", conversation.database, folder, processes)
        )
        crowd = Crowd(conversation, deployment.addresses, processes, folder, stack)
        found(conversation, deployment, crowd)
        sender = stack.enter_context(
            contextlib.closing(full_clients(conversation, deployment, folder, [0]))
        )
        sender.ask("start")
        figures = connect(deployment, crowd)
        figures |= _messages(deployment, crowd, sender, rounds)
        crowd.ask("disconnect")
        sender.ask("close")
    figures |= _floor(int(figures["bytes_per_receiver"]), crowd.devices, processes, rounds)
    figures["ratio_to_floor"] = figures["last_receipt_ms"] / figures["floor_last_ms"]
    return {"members": crowd.devices, "cells": len(conversation.cells)} | figures


def found(conversation: Conversation, deployment: Deployment, crowd: Crowd) -> None:
    """Found every cell at the servers."""
    began = time.monotonic()
    key_ids = uvloop.run(founding.found(conversation, deployment.addresses))
    seeds = {cell.cell_id: cell.seed for cell in conversation.cells}
    crowd.publish({cell_id: (key_id, seeds[cell_id]) for cell_id, key_id in key_ids.items()})
    say(f"{len(key_ids)} cells are founded, in {time.monotonic() - began:.1f} s.")


def full_clients(
    conversation: Conversation, deployment: Deployment, folder: Path, cells: Sequence[int]
) -> NodeProgram:
    """Return whole clients: the founders of these cells."""
    clients = []
    for at in cells:
        device = conversation.devices[conversation.cells[at].client_ids[0]]
        clients.append(founding.planned(device) | {"token": device.token})
    plan = {
        "trust": conversation.founding.trust,
        "conversationId": conversation.founding.conversation_id,
        "clients": clients,
    }
    file = folder / "full-clients.msgpack"
    file.write_bytes(msgspec.msgpack.encode(plan))
    return NodeProgram(FULL_CLIENTS, str(file), *deployment.origins)


def connect(deployment: Deployment, crowd: Crowd) -> Figures:
    """Connect everybody."""
    before = deployment.rss_bytes()
    began = time.monotonic()
    ready = sum(one["ready"] for one in crowd.ask("connect"))
    seconds = time.monotonic() - began
    if ready != crowd.devices:
        raise RuntimeError(f"{ready} of {crowd.devices} devices are connected")
    say(f"{ready:,} devices are connected, in {seconds:.1f} s.")
    return {
        "connected": ready,
        "connections_per_s": ready / seconds,
        "rss_kb_per_connection": (deployment.rss_bytes() - before) / ready / 1024,
    }


def _messages(deployment: Deployment, crowd: Crowd, sender: NodeProgram, rounds: int) -> Figures:
    posted: list[str] = []
    measured: list[Figures] = []
    for number in range(rounds + 1):
        crowd.publish(new_keys(sender.seeds()))
        statements, cpu = deployment.statements(), deployment.cpu_s()
        own = sum(one["cpu_s"] for one in crowd.ask("usage"))
        sender.tell("send", text=f"{TEXT} ({number})")
        waited = crowd.ask("wait", entries=number + 1, limit_s=LIMIT_S)
        sent = sender.hear()
        after = deployment.cpu_s()
        spent = sum(one["cpu_s"] for one in crowd.ask("usage")) - own
        statements = deployment.statements() - statements
        opened = crowd.ask("open")
        posted.append(sent["entryId"])
        entries = sum(one["entries"] for one in waited)
        if entries != crowd.devices * (number + 1):
            raise RuntimeError(f"{entries} entries came, {crowd.devices * (number + 1)} were due")
        times = crowd.verdict(posted[-1:], times=True)["times_ns"][0]
        from_post = [(at - sent["postedNs"]) / 1e6 for at in times]
        measured.append(
            {
                "seal_ms_node": (sent["postedNs"] - sent["calledNs"]) / 1e6,
                "upload_bytes": sent["bytes"],
                "accepted_ms": (sent["acceptedNs"] - sent["postedNs"]) / 1e6,
                "last_receipt_ms": from_post[-1],
                "p50_ms": from_post[len(from_post) // 2],
                "p99_ms": from_post[int(len(from_post) * 0.99)],
                "last_decrypted_ms": (max(one["ended_ns"] for one in opened) - sent["postedNs"])
                / 1e6,
                "decrypt_cpu_us": sum(one["cpu_s"] for one in opened) / crowd.devices * 1e6,
                "receive_cpu_us": spent / crowd.devices * 1e6,
                "server_cpu_us_per_delivery": (after - cpu) / crowd.devices * 1e6,
                "statements": statements,
            }
        )
        say(", ".join(f"{name} {value:.1f}" for name, value in measured[-1].items()))
    # The first message fetches and judges the keys of all cells: it is not measured.
    medians = {name: statistics.median(one[name] for one in measured[1:]) for name in measured[0]}
    medians["statements"] = min(one["statements"] for one in measured[1:])
    medians["first_seal_ms_node"] = measured[0]["seal_ms_node"]
    return medians | _verdict(crowd, posted) | _receipts(deployment, crowd)


def _verdict(crowd: Crowd, posted: Sequence[str]) -> Figures:
    found = crowd.verdict(posted)
    if found["refused"] or found["unexpected"] or found["waiting"]:
        raise RuntimeError(f"devices refused: {found}")
    sizes = crowd.ask("sizes")
    return {
        "messages": len(posted),
        "decrypted": found["received"] / len(posted),
        "lost": found["lost"],
        "duplicates": found["duplicates"],
        "bytes_per_receiver": max(one["entry_bytes"] for one in sizes),
    }


def _receipts(deployment: Deployment, crowd: Crowd) -> Figures:
    """Let every device say how far it has come; count what storing that costs."""
    statements, cpu = deployment.statements(), deployment.cpu_s()
    crowd.ask("acknowledge")
    time.sleep(5)  # Cursors are flushed every second or two.
    return {
        "receipt_statements": deployment.statements() - statements,
        "receipt_cpu_us": (deployment.cpu_s() - cpu) / crowd.devices * 1e6,
    }


# --- The floor ----------------------------------------------------------------------------------


def _floor(size: int, sockets: int, processes: int, rounds: int) -> Figures:
    """Write ``size`` ready bytes to as many sockets from as many processes."""
    with contextlib.ExitStack() as stack:
        servers: list[Child] = []
        swarms: list[Child] = []
        for number in range(processes):
            port = free_port()
            arguments = ("127.0.0.1", str(port))
            servers.append(
                stack.enter_context(contextlib.closing(Child("copconnect.bench.floor", *arguments)))
            )
            while not accepts(port):
                time.sleep(0.02)
            swarms.append(
                stack.enter_context(contextlib.closing(Child("copconnect.bench.swarm", *arguments)))
            )
            count = len(range(number, sockets, processes))
            swarms[-1].tell("connect", tokens=[""] * count)
        for swarm in swarms:
            swarm.hear()
        last: list[float] = []
        cpu: list[float] = []
        for _ in range(rounds + 1):
            before = sum(server.ask("usage")["cpu_s"] for server in servers)
            for swarm in swarms:
                swarm.tell("expect", frames=1)
            began = time.monotonic_ns()
            for server in servers:
                server.tell("fire", size=size)
            for server in servers:
                server.hear()
            answers = [swarm.hear() for swarm in swarms]
            times = [at for answer in answers for at in answer["times_ns"]]
            if len(times) != sockets:
                raise RuntimeError(f"{len(times)} of {sockets} sockets of the floor received")
            last.append((max(times) - began) / 1e6)
            after = sum(server.ask("usage")["cpu_s"] for server in servers)
            cpu.append((after - before) / sockets * 1e6)
            say(f"floor: last {last[-1]:.1f} ms, CPU {cpu[-1]:.2f} µs")
    return {
        "floor_last_ms": statistics.median(last[1:]),
        "floor_cpu_us_per_delivery": statistics.median(cpu[1:]),
    }
