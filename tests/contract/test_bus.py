"""Both buses carry the same wake-ups; NATS also across nodes, outages and its size limit."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import nats
import pytest

from copconnect.bus import (
    MAX_PUBLISHED_BYTES,
    AccountWakeup,
    AcknowledgedWakeup,
    AnyWakeup,
    Bus,
    CellKeyFlaggedWakeup,
    CellKeyWakeup,
    ConversationWakeup,
    CursorsMovedWakeup,
    EnteredWakeup,
    EntryWakeup,
    HeadsDueWakeup,
    KeyWakeup,
    LateSealsWakeup,
    LocalBus,
    NatsBus,
    PositionWakeup,
    ReceiptCountsWakeup,
    ReceiptsWakeup,
    RosterWakeup,
    ShareAskedWakeup,
    ShareDoneWakeup,
    ShareWakeup,
    SpentWakeup,
    TrustWakeup,
    open_bus,
    shortened,
)
from copconnect.bus import nats_bus as bus_module
from copconnect.ids import CellId, ClientId, ConversationId, MessageId, PersonId
from tests.harness.nats import NatsServer
from tests.harness.waiting import PATIENCE_S, until_async

C, K = ConversationId("c" * 32), CellId("d" * 32)
P, D = PersonId("a" * 32), ClientId("b" * 32)
DEVICE = "e" * 64


def entry(seq: int, frame: bytes = b"frame") -> EntryWakeup:
    return EntryWakeup(
        conversation_id=C,
        seq=seq,
        device=DEVICE,
        person_id=P,
        epoch=1,
        named_epoch=2,
        key_id="f" * 64,
        deletes=False,
        frame=frame,
    )


def roster(added: int = 1) -> RosterWakeup:
    clients = [ClientId(f"{n:032x}") for n in range(added)]
    return RosterWakeup(
        conversation_id=C,
        epoch=3,
        cells=2,
        devices=2,
        added=dict.fromkeys(clients, K),
        removed=[D],
        whole=True,
    )


def key(seals: bytes = b"seals") -> KeyWakeup:
    return KeyWakeup(conversation_id=C, key_id="f" * 64, record=b"record", seals=seals, size=5)


def cell_key(seals: bytes = b"seals") -> CellKeyWakeup:
    return CellKeyWakeup(
        conversation_id=C, cell_id=K, record=b"record", seals=seals, size=5, devices=[bytes(32)]
    )


ALL: list[AnyWakeup] = [
    entry(1),
    roster(),
    HeadsDueWakeup(),
    key(),
    cell_key(),
    LateSealsWakeup(conversation_id=C, key_id="", record=b"record", seals={K: b"s"}, helper=DEVICE),
    CellKeyFlaggedWakeup(conversation_id=C, cell_id=K),
    ShareWakeup(conversation_id=C, device="0a", client_id=D, share=b"share"),
    ShareAskedWakeup(
        conversation_id=C, device=DEVICE, client_id=D, person_id=P, cell_id=K, lacks=[bytes(17)]
    ),
    ShareDoneWakeup(conversation_id=C, device=DEVICE, opened=[bytes(17)], lacks=[]),
    TrustWakeup(person_ids=[P]),
    ConversationWakeup(conversation_id=C, person_ids=[P]),
    ReceiptsWakeup(conversation_id=C, frame=b"\x81"),
    PositionWakeup(conversation_id=C, client_id=D, data=b"position"),
    CursorsMovedWakeup(conversation_ids=[C]),
    ReceiptCountsWakeup(conversation_id=C, person_id=P, frame=b"\x81"),
    AcknowledgedWakeup(conversation_id=C, order_id=MessageId("f" * 32), people={P: D}),
    EnteredWakeup(clients={D: 1}),
    AccountWakeup(event="signed_out", person_ids=[], client_ids=[D]),
    SpentWakeup(node="a", limit="requests", spent={P: 1.5}),
]


class Ear:
    """Keeps what it hears."""

    def __init__(self, bus: Bus) -> None:
        self.heard: list[AnyWakeup] = []
        bus.subscribe(self._hear)

    async def _hear(self, wakeup: AnyWakeup) -> None:
        self.heard.append(wakeup)

    async def until(self, done: Callable[[list[AnyWakeup]], bool]) -> list[AnyWakeup]:
        await until_async(lambda: done(self.heard))
        return self.heard


@pytest.fixture(params=["local", pytest.param("nats", marks=pytest.mark.nats)])
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[Bus]:
    url = "" if request.param == "local" else request.getfixturevalue("nats_server").url
    bus = open_bus(url)
    try:
        await bus.start()
        yield bus
    finally:
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


MakeNode = Callable[..., Awaitable[NatsBus]]


@pytest.fixture
async def make_node(nats_server: NatsServer) -> AsyncIterator[MakeNode]:
    """Call it for a started node; ``joined=False`` does not wait until it hears and is heard."""
    async with AsyncExitStack() as nodes:

        async def make(*, port: int = nats_server.port, joined: bool = True) -> NatsBus:
            node = NatsBus(f"nats://127.0.0.1:{port}")
            nodes.push_async_callback(node.close)
            await node.start()
            if joined:
                async with asyncio.timeout(PATIENCE_S):
                    await node.joined.wait()
            return node

        yield make


async def publish_until_heard(speaker: Bus, ear: Ear) -> int:
    """Publish entries 1, 2, … until one is heard; return how many."""
    seq = 0
    async with asyncio.timeout(PATIENCE_S):
        while not ear.heard:
            seq += 1
            await speaker.publish([entry(seq)])
            await asyncio.sleep(0.1)
    return seq


def test_every_kind_is_carried() -> None:
    assert {type(one) for one in ALL} == set(AnyWakeup.__args__)


@pytest.mark.nats
async def test_other_nodes_hear_in_order_and_what_is_too_large_without_what_they_can_read(
    make_node: MakeNode,
) -> None:
    here, there = await make_node(), await make_node()
    ear = Ear(there)
    large = bytes(MAX_PUBLISHED_BYTES)
    endless = ShareWakeup(
        conversation_id=C, device="0a", client_id=D, share=large
    )  # A real share is smaller.
    await here.publish(
        [*ALL, entry(2, large), roster(60_000), key(large), cell_key(large), endless, entry(3)]
    )
    heard = await ear.until(lambda heard: bool(heard) and heard[-1] == entry(3))
    short = [shortened(one) for one in (entry(2), roster(), key(), cell_key())]
    assert heard == [*ALL, *short, entry(3)]


def test_what_is_shortened_says_so() -> None:
    assert shortened(entry(1)) == entry(1, b"")
    cut = shortened(roster(5))
    assert isinstance(cut, RosterWakeup)
    assert (cut.added, cut.removed, cut.whole, cut.epoch) == ({}, [], False, 3)
    assert shortened(key()) == key(b"")
    assert shortened(cell_key()) == cell_key(b"")
    assert shortened(ALL[-1]) is ALL[-1]


@pytest.mark.nats
async def test_this_node_hears_whatever_nats_does(
    make_node: MakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NATS takes nothing and says nothing: its client waits."""
    here = await make_node()
    near = Ear(here)

    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(here, "send", never)
    async with asyncio.timeout(PATIENCE_S):
        await here.publish([entry(1)])
    assert near.heard == [entry(1)]
    publishing = asyncio.create_task(here.publish([entry(2)]))
    await asyncio.sleep(0)
    publishing.cancel()  # The caller has gone; the announced entry is committed.
    with pytest.raises(asyncio.CancelledError):
        await publishing
    assert near.heard == [entry(1), entry(2)]


@pytest.mark.nats
async def test_an_outage_loses_wakeups_and_nothing_else(
    nats_server: NatsServer, make_node: MakeNode
) -> None:
    here, there = await make_node(), await make_node()
    near, far = Ear(here), Ear(there)
    nats_server.stop()
    try:
        await here.publish([entry(0)])
        assert near.heard == [entry(0)]
    finally:
        nats_server.start()
    last = await publish_until_heard(here, far)
    assert near.heard == [entry(n) for n in range(last + 1)]


@pytest.mark.nats
async def test_a_node_that_starts_before_nats_joins_later(
    nats_server: NatsServer, make_node: MakeNode
) -> None:
    nats_server.stop()
    try:
        late = await make_node(joined=False)
        await late.publish([entry(1)])
    finally:
        nats_server.start()
    await publish_until_heard(await make_node(), Ear(late))


@pytest.mark.nats
async def test_junk_on_the_subject_is_ignored(nats_server: NatsServer, make_node: MakeNode) -> None:
    here, there = await make_node(), await make_node()
    ear = Ear(there)
    stranger = await nats.connect(nats_server.url)
    for junk in (b"", b"\xc1", b"\x92\xc4\x00\x80", bytes(1000)):
        await stranger.publish("copconnect.wakeups", junk)
    await stranger.close()  # NATS has it before what follows.
    await here.publish([entry(3)])
    assert await ear.until(bool) == [entry(3)]


PING_FIRST = (b"PONG\r\n", b"PING\r\nPONG\r\n")
REFUSED = (b"PONG\r\n", b"-ERR 'Maximum Connections Exceeded'\r\n")
CLOSED_LATER = (b"PONG\r\n", b"PONG\r\n-ERR 'Some Error'\r\n")
DEAF = (b"MSG ", b"PONG\r\nMSG_")
NONSENSE = (b"INFO {", b"INFO 0\r\n{")


@asynccontextmanager
async def meddling(upstream: int, change: tuple[bytes, bytes]) -> AsyncIterator[int]:
    """Yield a port that relays to NATS, and in its first connection alone puts what the server
    says otherwise: the first of ``change`` becomes the second, once."""
    connections = 0
    relays: set[asyncio.Task[None]] = set()

    async def pass_on(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, change: tuple[bytes, bytes]
    ) -> None:
        while data := await reader.read(65536):
            if change[0] and change[0] in data:
                data = data.replace(*change, 1)
                change = (b"", b"")
            writer.write(data)
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        task = asyncio.current_task()
        assert task is not None
        relays.add(task)
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", upstream)
        try:
            await asyncio.gather(
                pass_on(reader, up_writer, (b"", b"")),
                pass_on(up_reader, writer, change if connections == 1 else (b"", b"")),
            )
        except (OSError, asyncio.CancelledError):
            pass  # One side has gone.
        finally:
            for one in (writer, up_writer):
                one.transport.abort()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for relay in relays:
            relay.cancel()
        await asyncio.gather(*relays, return_exceptions=True)
    assert connections > 1, "the first connection was kept"


@pytest.mark.nats
@pytest.mark.parametrize("change", [PING_FIRST, REFUSED, CLOSED_LATER, DEAF, NONSENSE])
async def test_a_connection_that_is_of_no_use_is_replaced(
    nats_server: NatsServer,
    make_node: MakeNode,
    monkeypatch: pytest.MonkeyPatch,
    change: tuple[bytes, bytes],
) -> None:
    monkeypatch.setattr(bus_module, "ECHO_LIMIT_S", 2.0)
    here = await make_node()
    async with meddling(nats_server.port, change) as port:
        there = await make_node(port=port)
        near, far = Ear(here), Ear(there)
        await publish_until_heard(here, far)
        await publish_until_heard(there, near)
        await there.close()
