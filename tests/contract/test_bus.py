"""Both buses carry the same wake-ups; NATS also across nodes, outages and its size limit."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from copconnect.bus import (
    MAX_PUBLISHED_BYTES,
    AccountWakeup,
    AnyWakeup,
    Bus,
    ConversationWakeup,
    DutyWakeup,
    EntryWakeup,
    LocalBus,
    NatsBus,
    ReceiptsWakeup,
    open_bus,
)
from copconnect.ids import CellId, ClientId, ConversationId, PersonId
from tests.harness.nats import NatsServer

C, K = ConversationId("c" * 32), CellId("d" * 32)


def entry(seq: int, frame: bytes = b"frame") -> EntryWakeup:
    return EntryWakeup(conversation_id=C, cell_id=K, seq=seq, kind="message", frame=frame)


ALL: list[AnyWakeup] = [
    entry(1),
    ConversationWakeup(conversation_id=C, person_ids=[PersonId("a" * 32)]),
    ReceiptsWakeup(conversation_id=C, frame=b"\x81"),
    DutyWakeup(conversation_id=C, cell_id=K),
    AccountWakeup(event="signed_out", person_ids=[], client_ids=[ClientId("b" * 32)]),
]


class Ear:
    """Keeps what it hears."""

    def __init__(self, bus: Bus) -> None:
        self.heard: list[AnyWakeup] = []
        bus.subscribe(self._hear)

    async def _hear(self, wakeup: AnyWakeup) -> None:
        self.heard.append(wakeup)

    async def until(self, done: Callable[[list[AnyWakeup]], bool]) -> list[AnyWakeup]:
        async with asyncio.timeout(15):
            while not done(self.heard):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return self.heard


@pytest.fixture(params=["local", pytest.param("nats", marks=pytest.mark.nats)])
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[Bus]:
    url = "" if request.param == "local" else request.getfixturevalue("nats_server").url
    bus = open_bus(url)
    await bus.start()
    yield bus
    await bus.close()


async def test_this_node_hears_each_once_in_order(bus: Bus) -> None:
    one, two = Ear(bus), Ear(bus)
    await bus.publish(ALL)
    assert one.heard == two.heard == ALL
    await asyncio.sleep(0.2)
    assert one.heard == ALL


async def test_a_failing_receiver_keeps_nobody(bus: Bus) -> None:
    async def fail(_: AnyWakeup) -> None:
        raise RuntimeError("no")

    bus.subscribe(fail)
    ear = Ear(bus)
    await bus.publish(ALL)
    assert ear.heard == ALL


def test_kinds() -> None:
    assert isinstance(open_bus(""), LocalBus)


@pytest.mark.nats
async def test_other_nodes_hear_in_order_and_too_large_entries_without_frame(
    nats_server: NatsServer,
) -> None:
    here, there = NatsBus(nats_server.url), NatsBus(nats_server.url)
    ear = Ear(there)
    for one in (here, there):
        await one.start()
    large = entry(2, bytes(MAX_PUBLISHED_BYTES))
    await here.publish([*ALL, large])
    heard = await ear.until(lambda heard: len(heard) > len(ALL))
    assert heard == [*ALL, entry(2, b"")]
    for one in (here, there):
        await one.close()


@pytest.mark.nats
async def test_an_outage_loses_wakeups_and_nothing_else(nats_server: NatsServer) -> None:
    here, there = NatsBus(nats_server.url), NatsBus(nats_server.url)
    near, far = Ear(here), Ear(there)
    for one in (here, there):
        await one.start()
    nats_server.stop()
    try:
        await here.publish([entry(1)])
        assert near.heard == [entry(1)]
    finally:
        nats_server.start()
    seq = 1
    async with asyncio.timeout(20):
        while not far.heard:
            seq += 1
            await here.publish([entry(seq)])
            await asyncio.sleep(0.1)
    assert near.heard == [entry(n) for n in range(1, seq + 1)]
    for one in (here, there):
        await one.close()


@pytest.mark.nats
async def test_a_node_that_starts_before_nats_joins_later(nats_server: NatsServer) -> None:
    nats_server.stop()
    late = NatsBus(nats_server.url)
    try:
        await late.start()
        await late.publish([entry(1)])
    finally:
        nats_server.start()
    ear = Ear(late)
    other = NatsBus(nats_server.url)
    await other.start()
    async with asyncio.timeout(20):
        while not ear.heard:
            await other.publish([entry(5)])
            await asyncio.sleep(0.1)
    for one in (late, other):
        await one.close()


@pytest.mark.nats
async def test_junk_on_the_subject_is_ignored(nats_server: NatsServer) -> None:
    here, there = NatsBus(nats_server.url), NatsBus(nats_server.url)
    ear = Ear(there)
    for one in (here, there):
        await one.start()
    for junk in (b"", b"\xc1", b"\x92\xc4\x00\x80", bytes(1000)):
        await here._client.publish("copconnect.wakeups", junk)
    await here.publish([entry(3)])
    assert await ear.until(bool) == [entry(3)]
    for one in (here, there):
        await one.close()
