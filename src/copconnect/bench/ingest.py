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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import uvloop

from copconnect import wire
from copconnect.app import Container, command_line
from copconnect.bench import copying, http_load, workers
from copconnect.bench.figures import say
from copconnect.bench.force import Device, Force
from copconnect.bench.postgresql import PostgreSQL
from copconnect.delivery import cell_store
from copconnect.delivery.mls.codec import vector
from copconnect.ids import CellId, ClientId, ConversationId, Epoch, PersonId, Seq, new_id
from copconnect.principals import Caller
from copconnect.settings import Settings

CONVERSATIONS = 1_000
MEMBERS = 20
CONNECTIONS = 128
WARM_UP = 2_000
CIPHERTEXT_BYTES = 300  # A message of some 80 characters, padded, with its tag.
_HOLE = "0" * 32


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
        on_postgresql = _measure(postgresql.url(), folder, places, seconds)
    figures["accepted_per_s_postgresql"] = on_postgresql["accepted_per_s"]
    figures["p50_ms_postgresql"] = on_postgresql["p50_ms"]
    figures["p99_ms_postgresql"] = on_postgresql["p99_ms"]
    figures["statements_per_message"] = on_postgresql["statements_per_message"]
    figures["server_cpu_us_per_message"] = on_postgresql["server_cpu_us_per_message"]
    figures["load_cpu_us_per_message"] = on_postgresql["load_cpu_us_per_message"]
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


def _measure(url: str, folder: Path, places: Sequence[_Place], seconds: float) -> dict[str, float]:
    worker = workers.Worker(folder, {"database_url": url, "demo": True})
    worker.start()
    try:
        worker.wait()
        return uvloop.run(_load(worker, places, seconds))
    finally:
        worker.stop()


async def _load(
    worker: workers.Worker, places: Sequence[_Place], seconds: float
) -> dict[str, float]:
    requests = _requests(places)
    warm = await http_load.run(worker.port, CONNECTIONS, _until(requests, WARM_UP, float("inf")))
    statements = worker.metric("copconnect_database_statements_total")
    cpu, own = workers.cpu_s(worker.pid), time.process_time()
    load = await http_load.run(
        worker.port, CONNECTIONS, _until(requests, None, time.perf_counter() + seconds)
    )
    own, cpu = time.process_time() - own, workers.cpu_s(worker.pid) - cpu
    statements = worker.metric("copconnect_database_statements_total") - statements
    if warm.failures or load.failures:
        raise RuntimeError(f"refused: {(warm.refused + load.refused)[:1]}")
    count = len(load.latencies_s)
    return {
        "accepted_per_s": count / load.seconds,
        "p50_ms": http_load.quantile(load.latencies_s, 0.5) * 1000,
        "p99_ms": http_load.quantile(load.latencies_s, 0.99) * 1000,
        "statements_per_message": statements / count,
        "server_cpu_us_per_message": cpu / count * 1e6,
        "load_cpu_us_per_message": own / count * 1e6,
    }


def _until(requests: Iterator[bytes], count: int | None, end: float) -> http_load.NextRequest:
    limited = itertools.islice(requests, count)

    def following() -> bytes | None:
        return next(limited, None) if time.perf_counter() < end else None

    return following


def _requests(places: Sequence[_Place]) -> Iterator[bytes]:
    """Yield POSTs for ever, each with a fresh entry id: conversations in turn, random members."""
    choose = random.Random(1)  # noqa: S311 - which member sends is no secret.
    bodies = [_body(place) for place in places]
    while True:
        for place, (path, before, after) in zip(places, bodies, strict=True):
            device = choose.choice(place.devices)
            body = b"".join((before, secrets.token_hex(16).encode(), after))
            yield b"".join(
                (
                    path,
                    b"Authorization: Bearer ",
                    device.token.encode(),
                    b"\r\nContent-Length: ",
                    str(len(body)).encode(),
                    b"\r\n\r\n",
                    body,
                )
            )


def _body(place: _Place) -> tuple[bytes, bytes, bytes]:
    """Return the request's head up to its token, and the body before and after its entry id."""
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
    before, hole, after = msgspec.msgpack.encode(message).partition(_HOLE.encode())
    if not hole:
        raise RuntimeError("the entry id is not where it was put")
    head = (
        f"POST /v1/conversations/{place.conversation_id}/messages HTTP/1.1\r\n"
        "Host: localhost\r\nContent-Type: application/msgpack\r\n"
        "Accept: application/msgpack\r\n"
    )
    return head.encode(), before, after
