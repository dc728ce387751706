"""``bench ingest``: how many messages one worker accepts in a second, on SQLite and PostgreSQL.

1,000 conversations of 20; every message is sent by one of its members, over HTTP with keep-alive,
as fast as the server answers. Nobody listens: this measures the way from the request to the
answer after the commit. The ciphertext is framing around random bytes, which is all that the
Delivery Service can see of it.
"""

import itertools
import random
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import uvloop
from copconnect.bench.force import Device, Force
from copconnect.delivery.mls.codec import vector

from bench.figures import say
from bench.machine import copying, http_load, workers
from bench.machine.postgresql import PostgreSQL
from copconnect import wire
from copconnect.app import Container, command_line
from copconnect.delivery import cell_store
from copconnect.ids import CellId, ClientId, ConversationId, Epoch, PersonId, Seq, new_id
from copconnect.principals import Caller
from copconnect.settings import Settings

CONVERSATIONS = 1_000
MEMBERS = 20
CONNECTIONS = 128
WARM_UP = 2_000
CIPHERTEXT_BYTES = 300  # A message of some 80 characters, padded, with its tag.
_HOLE = "0" * 32
_PER_MESSAGE = (
    "statements_per_message",
    "server_cpu_us_per_message",
    "database_cpu_us_per_message",
    "load_cpu_us_per_message",
)


@dataclass(frozen=True, slots=True)
class _Place:
    conversation_id: ConversationId
    cell_id: CellId
    devices: Sequence[Device]


def run(force: Force, folder: Path, seconds: float) -> dict[str, float]:
    """Measure both databases; return the figures."""
    prepared = folder / "prepared.sqlite3"
    copying.to_file(force.database, prepared)
    places = uvloop.run(_prepare(force, prepared))
    (folder / "keys").symlink_to(force.folder / "keys")
    sqlite = folder / "copconnect.sqlite3"
    copying.to_file(prepared, sqlite)
    figures: dict[str, float] = {}
    on_sqlite = _measure(f"sqlite+aiosqlite:///{sqlite}", folder, places, seconds)
    figures["accepted_per_s_sqlite"] = on_sqlite["accepted_per_s"]
    figures["p99_ms_sqlite"] = on_sqlite["p99_ms"]
    with PostgreSQL() as postgresql:
        say(f"Copied {uvloop.run(copying.to_postgresql(prepared, postgresql.url())):,} rows.")
        on_postgresql = _measure(
            postgresql.url(), folder, places, seconds, lambda: workers.family_cpu_s(postgresql.pid)
        )
    for name in ("accepted_per_s", "p50_ms", "p99_ms"):
        figures[f"{name}_postgresql"] = on_postgresql[name]
    for name in _PER_MESSAGE:
        figures[name] = on_postgresql[name]
    return figures | {"connections": CONNECTIONS}


async def _prepare(force: Force, database: Path) -> list[_Place]:
    """Make the conversations as their creators would, and count their cells as founded."""
    settings = Settings(data_dir=force.folder, database_url=f"sqlite+aiosqlite:///{database}")
    places: list[_Place] = []
    async with command_line(settings) as container:
        for devices in itertools.islice(_groups(force.devices), CONVERSATIONS):
            places.append(await _create(container, devices))
        async with container.database.transaction() as connection:
            for place in places:
                await cell_store.set_epoch(connection, place.cell_id, Epoch(1), Seq(1))
    return places


def _groups(devices: Sequence[Device]) -> Iterator[Sequence[Device]]:
    return (devices[at : at + MEMBERS] for at in range(0, len(devices), MEMBERS))


async def _create(container: Container, devices: Sequence[Device]) -> _Place:
    creator = Caller(
        PersonId(devices[0].person_id), ClientId(devices[0].client_id), conduct_accepted=True
    )
    made = await container.delivery.membership.create(
        creator,
        wire.CreateConversation(
            conversation_id=new_id(),
            kind="group",
            cell_id=new_id(),
            person_ids=[one.person_id for one in devices[1:]],
            who_may_post="everyone",
        ),
    )
    return _Place(made.conversation_id, made.cells[0].cell_id, devices)


def _measure(
    url: str,
    folder: Path,
    places: Sequence[_Place],
    seconds: float,
    database_cpu_s: Callable[[], float] = float,  # SQLite is part of the server.
) -> dict[str, float]:
    worker = workers.Worker(folder, {"database_url": url, "demo": True})
    worker.start()
    try:
        worker.wait()
        return uvloop.run(_load(worker, places, seconds, database_cpu_s))
    finally:
        worker.stop()


async def _load(
    worker: workers.Worker,
    places: Sequence[_Place],
    seconds: float,
    database_cpu_s: Callable[[], float],
) -> dict[str, float]:
    def used() -> tuple[float, ...]:
        return (
            worker.metric("copconnect_database_statements_total"),
            workers.cpu_s(worker.pid) * 1e6,
            database_cpu_s() * 1e6,
            time.process_time() * 1e6,
        )

    requests = _requests(places)
    warm = await http_load.run(worker.port, CONNECTIONS, _until(requests, WARM_UP, float("inf")))
    before = used()
    load = await http_load.run(
        worker.port, CONNECTIONS, _until(requests, None, time.perf_counter() + seconds)
    )
    after = used()
    if warm.failures or load.failures:
        raise RuntimeError(f"refused: {(warm.refused + load.refused)[:1]}")
    count = len(load.latencies_s)
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


def _requests(places: Sequence[_Place]) -> Iterator[bytes]:
    """Yield POSTs for ever, each with a fresh entry id: conversations in turn, random members."""
    choose = random.Random()  # noqa: S311 - neither ids nor members are secrets here.
    prepared = [_prepared(place) for place in places]
    while True:
        for heads, after in prepared:
            entry_id = b"%032x" % choose.getrandbits(128)
            yield b"".join((choose.choice(heads), entry_id, after))


def _prepared(place: _Place) -> tuple[Sequence[bytes], bytes]:
    """Return each member's request up to the entry id, and what follows it."""
    payload = (
        b"\0\1\0\2"
        + vector(bytes.fromhex(place.conversation_id + place.cell_id))
        + (1).to_bytes(8, "big")
        + b"\1"
        + vector(b"")
        + vector(secrets.token_bytes(28))
        + vector(secrets.token_bytes(CIPHERTEXT_BYTES))
    )
    message = wire.PostMessage(
        entry_id=_HOLE,
        cell_id=place.cell_id,
        epoch=Epoch(1),
        payload=payload,
        attachment_ids=[],
    )
    body = msgspec.msgpack.encode(message)
    before, hole, after = body.partition(_HOLE.encode())
    if not hole:
        raise RuntimeError("the entry id is not where it was put")
    heads = []
    for device in place.devices:
        head = (
            f"POST /v1/conversations/{place.conversation_id}/messages HTTP/1.1\r\n"
            "Host: localhost\r\nContent-Type: application/msgpack\r\n"
            f"Accept: application/msgpack\r\nAuthorization: Bearer {device.token}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        heads.append(head.encode() + before)
    return heads, after
