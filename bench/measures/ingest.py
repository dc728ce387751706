"""``bench ingest``: how many messages one worker accepts in a second, on SQLite and PostgreSQL.

1,000 groups of 20; each message is real: signed, chained, encrypted under its group's key. They are
made beforehand, in rounds of one for each of the 20,000 devices, and sent over HTTP with keep-alive
as fast as the server answers. No device listens: this measures the way from the request to the
answer after the commit. The floor is what the same load gets from a server that answers at once
(net/answering.py).
"""

import itertools
import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import msgspec
import uvloop

from bench.figures import Figures, say
from bench.force.caching import Force
from bench.force.device import Device
from bench.force.groups import Group, groups
from bench.machine import copying, workers
from bench.machine.children import Child
from bench.machine.postgresql import PostgreSQL
from bench.net import http_load
from bench.net.http_client import request
from copconnect import wire
from copconnect.records.conversation.message import LOG_START, MessageHeader, message_hash
from copconnect.records.conversation.roster import RosterHead
from copconnect.records.primitives.fields import ZEROS
from copconnect.sealing.messages import seal_message
from copconnect.services.processes import accepts, free_port

GROUPS, MEMBERS = 1_000, 20
CONNECTIONS = 128
ROUNDS = 5
CHUNK = 50  # Groups whose messages one process makes at a time.
TEXT = b"x" * 120
_PER_MESSAGE = (
    "statements_per_message",
    "server_cpu_us_per_message",
    "database_cpu_us_per_message",
    "load_cpu_us_per_message",
)


def run(force: Force, folder: Path, seconds: float, count: int, rounds: int) -> Figures:
    """Measure both databases; return the figures. ``count``: of groups."""
    prepared, found = groups(force, count, MEMBERS)
    messages = [
        request("POST", one.path, one.token, one.body) for one in made(force, found, rounds)
    ]
    (folder / "keys").symlink_to(force.folder / "keys")
    sqlite = folder / "copconnect.sqlite3"
    copying.to_file(prepared, sqlite)
    figures: Figures = {
        "groups": count,
        "connections": CONNECTIONS,
        "floor_per_s": _floor(messages),
    }
    on_sqlite = _measure(f"sqlite+aiosqlite:///{sqlite}", folder, messages, seconds)
    figures["accepted_per_s_sqlite"] = on_sqlite["accepted_per_s"]
    figures["p99_ms_sqlite"] = on_sqlite["p99_ms"]
    with PostgreSQL() as postgresql:
        say(f"Copied {uvloop.run(copying.to_postgresql(prepared, postgresql.url())):,} rows.")
        on_postgresql = _measure(
            postgresql.url(),
            folder,
            messages,
            seconds,
            lambda: workers.family_cpu_s(postgresql.pid),
        )
    for name in ("accepted_per_s", "p50_ms", "p99_ms"):
        figures[f"{name}_postgresql"] = on_postgresql[name]
    return figures | {name: on_postgresql[name] for name in _PER_MESSAGE}


# --- Messages, made by as many processes as there are processors ----------------------------------


class Posted(NamedTuple):
    """A request that sends a message."""

    path: str
    token: str
    body: bytes


def made(force: Force, found: Sequence[Group], rounds: int) -> list[Posted]:
    """Return requests in the order in which they may be sent: each device's follow one another."""
    work = [(one, [force.devices[member] for member in one.members], rounds) for one in found]
    if len(work) <= CHUNK:
        by_group = [_of_group(one) for one in work]
    else:
        with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
            by_group = list(pool.map(_of_group, work, chunksize=CHUNK))
    say(f"{sum(map(len, by_group)):,} messages are made.")
    # One of each group in turn, so that conversations are not held by one another's messages.
    return [one for turn in zip(*by_group, strict=True) for one in turn]


def _of_group(work: tuple[Group, Sequence[Device], int]) -> list[Posted]:
    group, devices, rounds = work
    head = RosterHead.parse(group.head)
    previous = dict.fromkeys(range(len(devices)), ZEROS)
    posted: list[Posted] = []
    path = f"/v1/conversations/{group.conversation_id}/messages"
    for number in range(1, rounds + 1):
        for index, device in enumerate(devices):
            draft = MessageHeader(
                conversation_id=head.conversation_id,
                message_id=secrets.token_bytes(16),
                sender=device.device,
                seq=number,
                attempt=1,
                previous=previous[index],
                key_id=group.key_id,
                epoch=head.epoch,
                head=head.hash(),
                log_position=0,
                log_hash=LOG_START,
                sent=time.time_ns() // 1_000_000,
            )
            data = seal_message(draft, group.secret, TEXT, device.signer)
            previous[index] = message_hash(data)
            body = wire.SendMessage(
                message=data, attachment_ids=[], wakes=[], state=False, order=None
            )
            posted.append(Posted(path, device.token, msgspec.msgpack.encode(body)))
    return posted


# --- The load -------------------------------------------------------------------------------------


def _floor(messages: Sequence[bytes]) -> float:
    """Return how many requests a second this load sends to a server that does nothing."""
    port = free_port()
    with closing(Child("bench.net.answering", "127.0.0.1", str(port))):
        while not accepts(port):
            time.sleep(0.02)
        load = uvloop.run(
            http_load.run(port, CONNECTIONS, _until(iter(messages), None, float("inf")))
        )
    return len(load.latencies_s) / load.seconds


def _measure(
    url: str,
    folder: Path,
    messages: Sequence[bytes],
    seconds: float,
    database_cpu_s: Callable[[], float] = float,  # SQLite is part of the server.
) -> Figures:
    worker = workers.Worker(folder, {"database_url": url})
    worker.start()
    try:
        worker.wait()
        return uvloop.run(_load(worker, messages, seconds, database_cpu_s))
    finally:
        worker.stop()


async def _load(
    worker: workers.Worker,
    messages: Sequence[bytes],
    seconds: float,
    database_cpu_s: Callable[[], float],
) -> Figures:
    def used() -> tuple[float, ...]:
        return (
            worker.metric("copconnect_database_statements_total"),
            workers.cpu_s(worker.pid) * 1e6,
            database_cpu_s() * 1e6,
            time.process_time() * 1e6,
        )

    requests = iter(messages)
    warm_up = len(messages) // 10
    warm = await http_load.run(worker.port, CONNECTIONS, _until(requests, warm_up, float("inf")))
    before = used()
    end = time.perf_counter() + seconds
    load = await http_load.run(worker.port, CONNECTIONS, _until(requests, None, end))
    after = used()
    if warm.failures or load.failures:
        raise RuntimeError(f"refused: {(warm.refused + load.refused)[:1]}")
    count = len(load.latencies_s)
    say(f"{count:,} messages were accepted in {load.seconds:.1f} s.")
    return {
        "accepted_per_s": count / load.seconds,
        "p50_ms": http_load.quantile(load.latencies_s, 0.5) * 1000,
        "p99_ms": http_load.quantile(load.latencies_s, 0.99) * 1000,
    } | {
        name: (later - earlier) / count
        for name, earlier, later in zip(_PER_MESSAGE, before, after, strict=True)
    }


def _until(requests: Iterator[bytes], count: int | None, end: float) -> http_load.NextRequest:
    limited = itertools.islice(requests, count)

    def following() -> bytes | None:
        return next(limited, None) if time.perf_counter() < end else None

    return following
