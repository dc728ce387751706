"""``bench fanout``: one sealed message to every device of a large conversation.

The sender is the real client core, and so is one device in each of a few other cells; the workers
are the real server on PostgreSQL and NATS; every other device is simulated, connected, and a leaf
of a real MLS tree. Before each message one of the whole clients, which has lost all that it had,
comes in anew, so that epochs change while the conversation talks. Times begin when the sender
begins to post. After each message comes one of the floor (floor_side.py): as many processes that
only write bytes that are ready, as many bytes, to as many sockets, and then that of decrypting: the
simulators' processes open as many seals by HPKE, and nothing else.
"""

import contextlib
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import uvloop

from copconnect.bench import browser, founding
from bench.crowd.crowd import Crowd, new_keys
from bench.machine.deployment import Deployment
from bench.figures import Figures, say
from bench.net.floor_side import Floor
from copconnect.bench.force import Force
from copconnect.bench.founding import Conversation
from bench.machine.node import NodeProgram
from copconnect.bench.served import connect, served

TEXT = "All units: road closed from 18:00 at the main junction. Divert traffic, report by radio."
LIMIT_S = 300
SETTLING_S = (
    7  # Who has come in asks for the group's name within 4.5 s, and that goes to everybody.
)


def run(
    force: Force,
    conversation: Conversation,
    folder: Path,
    processes: int,
    rounds: int,
    whole: int,
) -> Figures:
    """Measure; return the figures. ``whole``: how many devices are whole clients, the sender and
    one of each of the next cells."""
    devices = [
        conversation.devices[cell.client_ids[0]] for cell in conversation.cells[: max(1, whole)]
    ]
    with served(force, conversation, folder, processes, devices) as (deployment, crowd, sender):
        figures = connect(deployment, crowd)
        sender.ask("start")
        with contextlib.closing(Floor(crowd.devices, processes)) as floor:
            figures |= _messages(deployment, crowd, sender, floor, rounds, len(devices))
        figures |= _stored(sender, len(devices))
        records = uvloop.run(founding.records(conversation, deployment.addresses[0]))
        figures |= browser.seal_ms(records, TEXT, deployment.origins[0], folder)
        crowd.ask("disconnect")
        sender.ask("close")
    figures["decrypted"] += len(devices) - 1  # They show each message, as _messages has seen.
    members = crowd.devices + len(devices) - 1  # All but the sender.
    return {"members": members, "cells": len(conversation.cells)} | figures


def _messages(
    deployment: Deployment,
    crowd: Crowd,
    sender: NodeProgram,
    floor: Floor,
    rounds: int,
    whole: int,
) -> Figures:
    measured: list[Figures] = []
    for number in range(rounds + 2):
        if number and whole > 1:
            sender.ask("rejoin", client=1 + number % (whole - 1))
        _settle(crowd, sender)
        statements, cpu = deployment.statements(), deployment.cpu_s()
        own = sum(one["cpu_s"] for one in crowd.ask("usage"))
        text = f"{TEXT} ({number})"
        sent = sender.ask("send", text=text)
        came = crowd.ask("wait", entry_id=sent["entryId"], limit_s=LIMIT_S)
        cpu = deployment.cpu_s() - cpu
        statements = deployment.statements() - statements
        spent = sum(one["cpu_s"] for one in crowd.ask("usage")) - own
        # The last one tells only what opening costs a device that shares nothing with others.
        opened = crowd.ask("open", sharing=number <= rounds)
        opening = sum(one["cpu_s"] for one in opened)
        if (count := sum(one["came"] for one in came)) != crowd.devices:
            raise RuntimeError(f"the message came to {count} of {crowd.devices} devices")
        sender.ask("shown", text=text)
        size = max(one["entry_bytes"] for one in crowd.ask("sizes"))
        beneath = floor.round(size)
        hpke = crowd.ask("hpke")
        hpke_ms = max(one["s"] for one in hpke) * 1e3
        times = crowd.verdict([sent["entryId"]], times=True)["times_ns"][0]
        decrypted_ms = (max(one["ended_ns"] for one in opened) - sent["postedNs"]) / 1e6
        from_post = [(at - sent["postedNs"]) / 1e6 for at in times]
        measured.append(
            {
                "seal_ms_node": (sent["postedNs"] - sent["calledNs"]) / 1e6,
                "upload_bytes": sent["bytes"],
                "accepted_ms": (sent["acceptedNs"] - sent["postedNs"]) / 1e6,
                "first_receipt_ms": from_post[0],
                "last_receipt_ms": from_post[-1],
                "p50_ms": from_post[len(from_post) // 2],
                "p99_ms": from_post[int(len(from_post) * 0.99)],
                "last_decrypted_ms": decrypted_ms,
                "ratio_decrypted": decrypted_ms / (beneath.last_ms + hpke_ms),
                "decrypt_cpu_us": opening / crowd.devices * 1e6,
                "hpke_cpu_us": sum(one["cpu_s"] for one in hpke) / crowd.devices * 1e6,
                "hpke_last_ms": hpke_ms,
                "receive_cpu_us": spent / crowd.devices * 1e6,
                "server_cpu_us_per_delivery": cpu / crowd.devices * 1e6,
                "statements": statements,
                "floor_last_ms": beneath.last_ms,
                "floor_cpu_us_per_delivery": beneath.cpu_us,
                "ratio_to_floor": from_post[-1] / beneath.last_ms,
                "bytes_per_receiver": size,
            }
        )
        say(", ".join(f"{name} {value:.1f}" for name, value in measured[-1].items()))
    # The first message fetches and judges the keys of all cells: it is not measured.
    first, *others, alone = measured
    medians = {name: statistics.median(one[name] for one in others) for name in first}
    medians["statements"] = min(one["statements"] for one in others)
    medians["first_seal_ms_node"] = first["seal_ms_node"]
    medians["decrypt_cpu_us_alone"] = alone["decrypt_cpu_us"]
    medians["last_decrypted_ms_alone"] = alone["last_decrypted_ms"]
    _settle(crowd, sender)
    return medians | _verdict(crowd, sender.posted) | _receipts(deployment, crowd)


def _settle(crowd: Crowd, sender: NodeProgram) -> None:
    """Let devices open what whole clients say by themselves: who has come in asks for the group's
    name."""
    time.sleep(SETTLING_S)
    crowd.publish(new_keys(sender.seeds()))
    crowd.ask("open")


def _verdict(crowd: Crowd, posted: Sequence[str]) -> Figures:
    found = crowd.verdict(posted)
    if found["refused"] or found["unexpected"] or found["waiting"]:
        raise RuntimeError(f"devices refused: {found}")
    return {
        "messages": len(posted),
        "decrypted": found["opened"] / len(posted),
        "lost": found["lost"],
        "duplicates": found["duplicates"],
        "repeated": found["repeated"],
    }


def _stored(whole: NodeProgram, count: int) -> Figures:
    """What the sender keeps in its encrypted store, and the most that another whole client does."""
    sizes = []
    for client in range(count):
        stored = whole.ask("stored", client=client)
        stores = {name: size for name, size in stored.items() if isinstance(size, int)}
        say(f"client {client} stores {stores}")
        sizes.append(sum(stores.values()))
    return {"sender_state_bytes": sizes[0], "member_state_bytes": max(sizes[1:], default=0)}


def _receipts(deployment: Deployment, crowd: Crowd) -> Figures:
    """Let every device say how far it has come; count what storing that costs."""
    statements, cpu = deployment.statements(), deployment.cpu_s()
    crowd.ask("acknowledge")
    time.sleep(5)  # Cursors are flushed every second or two.
    return {
        "receipt_statements": deployment.statements() - statements,
        "receipt_cpu_us": (deployment.cpu_s() - cpu) / crowd.devices * 1e6,
    }
