"""The load simulator notices what is lost, repeated, changed or not for it, and nothing else."""

import copy
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from copconnect import wire
from copconnect.auth_service import authority
from copconnect.auth_service.authority import CertificateAuthority
from copconnect.bench.simulator import Population, PublishedKey, SimulatedDevice, Simulator
from copconnect.delivery import roster_head
from copconnect.delivery.roster_tree import RosterTree, leaf
from copconnect.delivery.sealed.format import X25519
from copconnect.ids import CellId, ClientId, ConversationId, EntryId, Seq, new_id
from tests.bench.fake_server import FakeServer
from tests.cells.sealing import SENT_MS, Cell, Sealed, Sender

MEMBERS = 200
CELLS = 4
ROSTER_EPOCH = 7  # The test sender's.


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    """A department."""
    keys = tmp_path_factory.mktemp("department") / "keys"
    authority.create(keys, "Test Police", SENT_MS)
    return CertificateAuthority(keys)


class World:
    """A conversation of 200 devices in 4 cells, a sender, a server that does what it is told."""

    def __init__(self, ca: CertificateAuthority) -> None:
        self.sender = Sender(X25519)
        issued = ca.issue(
            new_id(), new_id(), self.sender.key.public_key().public_bytes_raw(), SENT_MS, 90
        )
        self.sender.certificate = issued.der
        self.sender.certificate_hash = bytes.fromhex(issued.hash)
        self.cells = [self.sender.cell(f"cell {number}", 1) for number in range(CELLS)]
        leaves = [leaf(self.cells[0].cell_id.hex(), issued.hash)]
        leaves += [leaf(cell.cell_id.hex(), new_id() * 2) for cell in self.cells for _ in range(3)]
        tree = RosterTree(leaves)
        self.proof = tree.inclusion_proof(leaves[0])
        self.conversation_id = self.sender.conversation_id.hex()
        before = bytes(17) + (ROSTER_EPOCH - 1).to_bytes(8, "big") + bytes(144)
        head = roster_head.next_head(self.conversation_id, before, tree, SENT_MS, ca.roster.sign)
        self.sender.roster_hash = roster_head.roster_hash(head)
        self.population = Population(
            conversation_id=self.conversation_id,
            kem=X25519,
            roster_key=ca.roster.public_key,
            heads=[head],
            issuing=ca.issuing,
            cells=[cell.cell_id.hex() for cell in self.cells],
            devices=[SimulatedDevice(token=str(i), cell=i % CELLS) for i in range(MEMBERS)],
        )
        self.server = FakeServer(self.conversation_id, MEMBERS)
        self.posted: list[str] = []
        self.seals: list[bytes] = []  # Of the newest message, for every cell.
        self.simulator: Simulator

    async def start(self) -> None:
        """Connect everybody."""
        self.server.last_seq = 1
        self.simulator = Simulator(self.population, ("127.0.0.1", self.server.port))
        self.simulator.publish(
            [PublishedKey(i, cell.key_id, cell.seed) for i, cell in enumerate(self.cells)]
        )
        await self.simulator.connect(60)
        assert self.simulator.ready == MEMBERS

    def seal(self, text: str, cells: Sequence[Cell] | None = None) -> list[wire.LogEntry]:
        """Return the next message as the members of each cell get it."""
        self.seals = copy.copy(self.sender).seal(text.encode(), self.cells, text).seals
        sealed = self.sender.seal(text.encode(), cells or self.cells, text)
        self.server.last_seq += 1
        entries = self.entries(sealed, self.server.last_seq)
        self.posted.append(entries[0].entry_id)
        return entries

    def entries(self, sealed: Sealed, seq: int) -> list[wire.LogEntry]:
        """Return an entry for each cell."""
        found = []
        for cell in self.cells:
            seal = next((one for one in sealed.seals if one.startswith(cell.cell_id)), None)
            payload = wire.SealedPayload(
                sealed=sealed.header,
                seal=seal,
                certificate=self.sender.certificate,
                proof=self.proof,
                body=sealed.body,
            )
            found.append(
                wire.LogEntry(
                    conversation_id=ConversationId(self.conversation_id),
                    seq=Seq(seq),
                    kind="sealed",
                    cell_id=CellId(cell.cell_id.hex()),
                    epoch=None,
                    sender=ClientId(new_id()),
                    entry_id=EntryId(sealed.header[19:35].hex()),
                    sent_ms=SENT_MS,
                    payload=msgspec.msgpack.encode(payload),
                )
            )
        return found

    def push(self, entries: Sequence[wire.LogEntry], but: Sequence[int] = ()) -> None:
        """Put a message into every log and write it to every device but some."""
        for device in range(MEMBERS):
            self.server.logs[device].append(entries[device % CELLS])
            if device not in but:
                self.server.push(device, entries[device % CELLS])

    async def came(self, count: int) -> None:
        """Wait until so many entries came over sockets, and open them."""
        assert await self.simulator.until(lambda: self.simulator.entries >= count, 60)
        self.simulator.open_all()


@pytest.fixture
async def world(ca: CertificateAuthority) -> AsyncIterator[World]:
    """Everybody is connected."""
    made = World(ca)
    async with made.server:
        await made.start()
        try:
            yield made
        finally:
            await made.simulator.disconnect()


def changed(entry: wire.LogEntry, **fields: object) -> wire.LogEntry:
    """Return the entry with other fields in its payload."""
    payload = msgspec.msgpack.decode(entry.payload, type=wire.SealedPayload)
    bent = msgspec.structs.replace(payload, **fields)
    return msgspec.structs.replace(entry, payload=msgspec.msgpack.encode(bent))


def payload_of(entry: wire.LogEntry) -> wire.SealedPayload:
    """Return an entry's payload."""
    return msgspec.msgpack.decode(entry.payload, type=wire.SealedPayload)


async def test_everybody_opens_what_was_sent(world: World) -> None:
    for text in ("one", "two", "three"):
        world.push(world.seal(text))
    await world.came(3 * MEMBERS)
    assert world.simulator.verdict(world.posted) == {
        "opened": 3 * MEMBERS,
        "lost": 0,
        "duplicates": 0,
        "repeated": 0,
        "unexpected": 0,
        "refused": {},
        "waiting": 0,
    }
    times = world.simulator.deliveries[world.posted[0]].times_ns
    assert all(times)
    assert max(times) <= world.simulator.opened_ns


async def test_what_is_lost_or_repeated_is_counted(world: World) -> None:
    first = world.seal("one")
    world.push(first, but=[17, 40])
    world.push(world.seal("two"))
    world.server.push(5, first[5 % CELLS])
    await world.came(2 * MEMBERS - 1)
    found = world.simulator.verdict(world.posted)
    assert (found["lost"], found["duplicates"], found["unexpected"]) == (2, 0, 0)
    assert found["repeated"] == 1
    assert found["opened"] == 2 * MEMBERS - 2


async def test_what_was_changed_is_refused_at_its_step(world: World) -> None:
    entries = world.seal("one")
    wrong = [11, 12, 13, 14, 15, 16]
    world.push(entries, but=wrong)
    first = [entries[device % CELLS] for device in wrong]
    sealed = payload_of(first[0]).sealed
    body = payload_of(first[0]).body
    other_seal = payload_of(entries[(wrong[2] + 1) % CELLS]).seal
    seal = payload_of(first[3]).seal
    assert seal is not None
    stranger = Sender(X25519, key=Ed25519PrivateKey.generate()).certificate
    for device, bent in zip(
        wrong,
        [
            changed(first[0], sealed=sealed[:-1] + bytes([sealed[-1] ^ 1])),
            changed(first[1], body=body[:-1] + bytes([body[-1] ^ 1])),
            changed(first[2], seal=other_seal),
            changed(first[3], seal=seal[:-1] + bytes([seal[-1] ^ 1])),
            changed(first[4], certificate=stranger),
            changed(first[5], proof=world.proof[:-1] + bytes([world.proof[-1] ^ 1])),
        ],
        strict=True,
    ):
        world.server.push(device, bent)
    await world.came(MEMBERS)
    found = world.simulator.verdict(world.posted)
    assert found["lost"] == len(wrong)
    assert found["refused"] == {
        "bad_signature": 1,
        "body_mismatch": 1,
        "unknown_key": 1,
        "seal_broken": 1,
        "sender_refused": 2,
    }


async def test_what_nobody_posted_is_unexpected_and_an_old_message_is_refused(
    world: World,
) -> None:
    entries = world.seal("one")
    world.push(entries)
    strange = world.seal("nobody sent this")
    world.posted.pop()
    world.server.push(8, strange[8 % CELLS])
    for seq, device in ((50, 20), (51, 21)):
        again = msgspec.structs.replace(entries[device % CELLS], seq=Seq(seq))
        world.server.push(device, again)
    await world.came(MEMBERS + 3)
    found = world.simulator.verdict(world.posted)
    assert (found["lost"], found["unexpected"]) == (0, 1)
    assert found["refused"] == {"chain_broken": 2}
    assert found["duplicates"] == 2  # The same message under another seq.


async def test_who_was_cut_off_comes_back_and_misses_nothing(world: World) -> None:
    world.push(world.seal("one"))
    await world.came(MEMBERS)
    world.simulator.live = True
    away = range(0, MEMBERS, 3)
    for device in away:
        world.server.drop(device, 1012)
    for text in ("two", "three", "four"):
        world.push(world.seal(text), but=away)
    simulator = world.simulator
    assert await simulator.until(
        lambda: simulator.ready == MEMBERS and simulator.missing(world.posted) == 0, 60
    )
    simulator.open_all()
    found = simulator.verdict(world.posted)
    assert (found["lost"], found["duplicates"], found["repeated"]) == (0, 0, 0)
    assert (found["unexpected"], found["refused"]) == (0, {})
    assert simulator.closed == {1012: len(away)}
    assert world.server.asked >= len(away)


async def test_who_has_connected_elsewhere_does_not_come_back(world: World) -> None:
    simulator = world.simulator
    simulator.live = True
    world.server.drop(3, wire.CLOSE_REPLACED)
    world.server.drop(4, wire.CLOSE_RESTART)
    assert await simulator.until(
        lambda: simulator.closed.total() == 2 and simulator.ready == MEMBERS - 1, 60
    )
    assert not simulator.devices[3].ready


async def test_duties_are_told_and_what_comes_after_gone_is_counted(world: World) -> None:
    simulator, server = world.simulator, world.server
    conversation_id, cell_id = server.conversation_id, CellId(new_id())
    server.say(0, wire.Duty(conversation_id=conversation_id, cell_id=cell_id))
    server.say(1, wire.ConversationGone(conversation_id=conversation_id))
    assert await simulator.until(lambda: simulator.duties != [] and simulator.devices[1].gone, 60)
    assert simulator.duties == [cell_id]
    entries = world.seal("one")
    world.push(entries, but=[1])
    await world.came(MEMBERS - 1)
    assert simulator.after_gone == 0
    server.push(1, entries[1])
    await world.came(MEMBERS)
    assert simulator.after_gone == 1


async def test_what_is_forgotten_is_not_judged(world: World) -> None:
    simulator = world.simulator
    world.push(world.seal("one"))
    assert await simulator.until(lambda: simulator.entries == MEMBERS, 60)
    simulator.forget()
    world.posted.clear()
    world.push(world.seal("two"))
    await world.came(2 * MEMBERS)
    found = simulator.verdict(world.posted)
    assert (found["opened"], found["lost"], found["unexpected"]) == (MEMBERS, 0, 0)


async def test_a_late_seal_opens_what_waits(world: World) -> None:
    cells = world.cells[1:]
    entries = world.seal("one", cells)
    world.push(entries)
    await world.came(MEMBERS)
    found = world.simulator.verdict(world.posted)
    assert (found["lost"], found["waiting"]) == (MEMBERS // CELLS, MEMBERS // CELLS)
    assert found["refused"] == {}
    late = next(one for one in world.seals if one.startswith(world.cells[0].cell_id))
    for device in range(0, MEMBERS, CELLS):
        world.server.push_late_seal(device, world.server.last_seq, late)
    simulator = world.simulator
    assert await simulator.until(lambda: simulator.verdict(world.posted)["waiting"] == 0, 60)
    simulator.open_all()
    assert simulator.verdict(world.posted)["lost"] == 0


async def test_cursors_are_sent(world: World) -> None:
    world.push(world.seal("one"))
    await world.came(MEMBERS)
    assert world.simulator.acknowledge() == MEMBERS
    assert await world.simulator.until(lambda: len(world.server.cursors) == MEMBERS, 60)
    assert {update.delivered_seq for update in world.server.cursors.values()} == {2}


def test_a_population_is_a_file(ca: CertificateAuthority, tmp_path: Path) -> None:
    population = World(ca).population
    file = tmp_path / "population"
    file.write_bytes(msgspec.msgpack.encode(population))
    assert msgspec.msgpack.decode(file.read_bytes(), type=Population) == population
