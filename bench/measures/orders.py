"""``bench orders``: everybody acknowledges one order at once, while its issuer watches.

One worker on SQLite serves the conversation of the whole force. Each device's record is real: it is
signed by its key, sent over HTTP with its own token, and answered after the commit. The server
knows the tokens already, as it does of devices that are connected when an order comes. Nothing is
received or read here: bench fanout measures that. The issuer's device watches over a socket; a
frame's age is the time since so many records as it counts were answered. Afterwards the issuer
exports: the app's own code under Node fetches everything, verifies every signature and writes a
workbook, whose table is verified once more as ``copconnect orders verify`` does. The floor is what
the same records cost a program that verifies them and inserts them, nothing else.
"""

import asyncio
import bisect
import contextlib
import csv
import json
import os
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy.ext.asyncio import AsyncConnection
from websockets.asyncio.client import ClientConnection, connect

from bench.figures import Figures, percentile, say
from bench.force.conversations import Prepared
from bench.force.device import Device
from bench.force.making import opened, settings_of
from bench.machine import copying, workers
from bench.net import http_load
from bench.net.http_client import request
from copconnect import wire
from copconnect.auth_service.keys import authority
from copconnect.clock import SystemClock
from copconnect.ids import ConversationId, MessageId, PersonId, Seq, new_id
from copconnect.limits import ORDER_ITEMS
from copconnect.orders import exported
from copconnect.orders.rules import ACKNOWLEDGED, ISSUE
from copconnect.principals import AcceptedMessage
from copconnect.records.conversation.acknowledgement import NOTHING, Acknowledgement, Told
from copconnect.rights import WHOLE, HeldRights

CONNECTIONS = 256
CHOICES = 3
SETTLE_S = 20.0  # How long the last frame may take.
EXPORT_S = 1_800  # How long an export may take.
_ROOT = Path(__file__).parents[2]
_MOST_CELL = 100_000  # Characters in a cell of the exported table.
_BATCH = 150  # Records that the floor inserts in one transaction.
_HEADER_HASH = bytes(range(32))
_FRAME = msgspec.msgpack.Decoder(wire.ServerFrame)
_TERMS = wire.OrderTerms(
    priority="urgent",
    choices=CHOICES,
    items=ORDER_ITEMS,
    answers=False,
    photo=False,
    readers=[],
    valid_until_ms=None,
    remind_minutes=[],
    escalate_minutes=None,
    escalate_below=1,
)


def run(prepared: Prepared, folder: Path) -> Figures:
    """Measure; return the figures."""
    issuer, *officers = prepared.force.devices
    (folder / "keys").symlink_to(prepared.force.folder.resolve() / "keys")
    database = folder / "copconnect.sqlite3"
    copying.to_file(prepared.database, database)
    url = f"sqlite+aiosqlite:///{database}"
    conversation_id = prepared.conversations[0].conversation_id
    order_id = asyncio.run(_issue(folder, url, issuer, conversation_id))
    records = [_record(one, at, conversation_id, order_id) for at, one in enumerate(officers)]
    say(f"{len(records):,} records are signed.")
    worker = workers.Worker(folder, {"database_url": url})
    worker.start()
    try:
        worker.wait()
        figures = uvloop.run(_measure(worker, issuer, officers, records, order_id))
        figures |= _export(worker, issuer, order_id, folder)
    finally:
        worker.stop()
    floor_us = _floor(officers, records)
    ratio = figures["cpu_us_per_receipt"] / floor_us
    figures["lost"] = len(records) - figures["acknowledged"]
    return figures | {"floor_cpu_us_per_receipt": floor_us, "ratio_to_floor": ratio}


async def _issue(
    folder: Path, url: str, issuer: Device, conversation_id: ConversationId
) -> MessageId:
    """Store an order's row; its message is not needed to count."""
    order_id = MessageId(new_id())
    async with opened(settings_of(folder, database_url=url), SystemClock()) as container:
        message = AcceptedMessage(
            message_id=order_id,
            conversation_id=conversation_id,
            seq=Seq(1),
            header_hash=_HEADER_HASH,
            person_id=issuer.person_id,
            sent_ms=container.clock.now_ms(),
        )
        async with container.database.transaction() as connection:
            container.issuing.attach(_Commander())
            await container.issuing.accepted(connection, message, _TERMS)
    return order_id


class _Commander:
    """The rights of somebody who may issue orders to everybody."""

    async def of(self, _: AsyncConnection, _person_id: PersonId) -> HeldRights:
        """See ports.PersonRights."""
        everywhere = [
            wire.HeldRight(right=right, path=WHOLE, deep=True, heads=False)
            for right in ISSUE.values()
        ]
        return HeldRights(tuple(everywhere))


def _record(
    device: Device, at: int, conversation_id: ConversationId, order_id: MessageId
) -> Acknowledgement:
    return Acknowledgement(
        conversation_id=bytes.fromhex(conversation_id),
        message_id=bytes.fromhex(order_id),
        header_hash=_HEADER_HASH,
        text_hash=_HEADER_HASH,
        device=device.device,
        person_id=bytes.fromhex(device.person_id),
        told=Told.OWN,
        choice=1 + at % CHOICES,
        # Some items, others for each person.
        done=at * 2_654_435_761 >> 7 & (1 << ORDER_ITEMS) - 1,
        answer_hash=NOTHING,
        photo_hash=NOTHING,
        created=time.time_ns() // 1_000_000,
    ).signed(device.signer)


class _Dashboard:
    """The issuer's device, which watches: its frames, when they came, and their bytes."""

    def __init__(self, wanted: int) -> None:
        """``wanted``: how many records the last frame counts."""
        self.wanted = wanted
        self.complete = asyncio.Event()
        self.frames: list[tuple[float, int]] = []  # When, and how many had acknowledged.
        self.size = 0

    async def watch(self, socket: ClientConnection) -> None:
        """Read until cancelled."""
        async for data in socket:
            if isinstance(data, bytes):
                frame = _FRAME.decode(data)
                if isinstance(frame, wire.OrderProgressFrame):
                    self.size += len(data)
                    self.frames.append((time.perf_counter(), frame.total[ACKNOWLEDGED]))
                    if frame.total[ACKNOWLEDGED] == self.wanted:
                        self.complete.set()


async def _measure(
    worker: workers.Worker,
    issuer: Device,
    officers: Sequence[Device],
    records: Sequence[Acknowledgement],
    order_id: MessageId,
) -> Figures:
    path = f"/v1/orders/{order_id}/acknowledgements"
    requests = iter(
        [_request(path, device, record) for device, record in zip(officers, records, strict=True)]
    )
    dashboard = _Dashboard(len(records))
    async with connect(f"ws://127.0.0.1:{worker.port}/v1/socket", compression=None) as socket:
        hello = wire.Hello(version=wire.WIRE_VERSION, access_token=issuer.token, positions=[])
        await socket.send(msgspec.msgpack.encode(hello))
        await socket.recv()
        watch = wire.WatchOrder(order_id=order_id, unit_id=None)
        await socket.send(msgspec.msgpack.encode(watch))
        watching = asyncio.create_task(dashboard.watch(socket))
        await _greet(worker, officers)
        statements, cpu_s = _used(worker)
        sent: list[float] = []

        def following() -> bytes | None:
            sent.append(time.perf_counter())
            return next(requests, None)

        load = await http_load.run(worker.port, CONNECTIONS, following)
        later_statements, later_cpu_s = _used(worker)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(dashboard.complete.wait(), SETTLE_S)
        watching.cancel()
    if load.failures:
        raise RuntimeError(f"refused: {load.refused[:1]}")
    say(f"{len(records):,} records were answered in {load.seconds:.1f} s.")
    # A connection sends its next request when the one before is answered.
    answered = sorted(sent[CONNECTIONS:])
    ages = [_age(answered, at, count) for at, count in dashboard.frames]
    shown = dashboard.frames[-1][1] if dashboard.frames else 0
    return {
        "posted": len(records),
        "shown": shown,
        "complete_s": load.seconds,
        "answer_p99_ms": http_load.quantile(load.latencies_s, 0.99) * 1000,
        "statements_per_receipt": (later_statements - statements) / len(records),
        "cpu_us_per_receipt": (later_cpu_s - cpu_s) / len(records) * 1e6,
        "dashboard_p95_s": percentile(ages, 0.95),
        "issuer_bytes": dashboard.size,
        "frames": len(dashboard.frames),
    }


def _export(worker: workers.Worker, issuer: Device, order_id: MessageId, folder: Path) -> Figures:
    """Let the issuer export, and verify the table again without the server."""
    file = folder / "exported"
    environment = os.environ | {
        "COPCONNECT_URL": f"http://127.0.0.1:{worker.port}",
        "COPCONNECT_TOKEN": issuer.token,
        "COPCONNECT_ORDER": order_id,
        "COPCONNECT_FILE": str(file),
    }
    ended = subprocess.run(
        ["node", "--import", "tsx", "client/bench/order-export.ts"],  # noqa: S607
        cwd=_ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        timeout=EXPORT_S,
        check=True,
    )
    figures: Figures = json.loads(ended.stdout.splitlines()[-1])
    csv.field_size_limit(_MOST_CELL)
    began = time.perf_counter()
    with file.with_suffix(".csv").open(encoding="utf-8-sig", newline="") as lines:
        again = exported.verify(csv.DictReader(lines), authority.issuing_keys(folder / "keys"))
    return figures | {
        "acknowledged": again.signatures_verified,
        "verified_again": again.signatures_verified,
        "verified_again_s": time.perf_counter() - began,
    }


async def _greet(worker: workers.Worker, officers: Sequence[Device]) -> None:
    """Let the server know every device's token."""
    asked = (request("GET", "/v1/push/key", one.token) for one in officers)
    load = await http_load.run(worker.port, CONNECTIONS, lambda: next(asked, None))
    if load.failures:
        raise RuntimeError(f"refused: {load.refused[:1]}")


def _age(answered: Sequence[float], at: float, count: int) -> float:
    """Return for how long more records than a frame counts had been answered when it came."""
    known = bisect.bisect_right(answered, at)
    return 0.0 if count >= known else at - answered[count]


def _request(path: str, device: Device, record: Acknowledgement) -> bytes:
    item = wire.AcknowledgementItem(record=record.encode(), answer=None, photo=None)
    body = wire.SubmitAcknowledgements(acknowledgements=[item])
    return request("POST", path, device.token, msgspec.msgpack.encode(body))


def _used(worker: workers.Worker) -> tuple[float, float]:
    return worker.metric("copconnect_database_statements_total"), workers.cpu_s(worker.pid)


def _floor(officers: Sequence[Device], records: Sequence[Acknowledgement]) -> float:
    """Return the processor's microseconds for each record that is verified and inserted."""
    signed = [
        (one.signer.public_key().public_bytes_raw(), record)
        for one, record in zip(officers, records, strict=True)
    ]
    with (
        tempfile.TemporaryDirectory(prefix="copconnect-floor-") as folder,
        contextlib.closing(
            sqlite3.connect(Path(folder) / "floor.sqlite3", isolation_level=None)
        ) as database,
    ):
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("CREATE TABLE records (person BLOB PRIMARY KEY, record BLOB)")
        began = time.process_time()
        for at in range(0, len(signed), _BATCH):
            rows = []
            for key, record in signed[at : at + _BATCH]:
                data = record.LABEL + record.unsigned()
                Ed25519PublicKey.from_public_bytes(key).verify(record.signature, data)
                rows.append((record.person_id, data))
            database.execute("BEGIN IMMEDIATE")
            database.executemany("INSERT INTO records VALUES (?, ?)", rows)
            database.execute("COMMIT")
        return (time.process_time() - began) / len(records) * 1e6
