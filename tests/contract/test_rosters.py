"""Signed heads, stamps and proofs: what a device checks them by, under the newest head and older
ones; S1, R2 and docs/keys.md."""

import pytest

from copconnect import errors, wire
from copconnect.bus import RosterWakeup
from copconnect.database.engine import Database
from copconnect.delivery.dependencies import Options
from copconnect.ids import CellId, ConversationId, DeviceId, Epoch
from copconnect.records.conversation.roster import (
    CELL_LINE_BYTES,
    LEAF_BYTES,
    CellLine,
    HeadStamp,
    Leaf,
    RosterHead,
    check_proof,
)
from copconnect.records.primitives.fields import Reader, Refused
from copconnect.records.primitives.kem import X25519, XWING
from copconnect.records.primitives.merkle import MerkleTree, climb, leaf_hash
from tests.contract.delivery_world import MINUTE_MS, World
from tests.contract.device import Device, head_of, leaf_of


@pytest.fixture
def world(database: Database) -> World:
    """Cells of four, so that few people make several."""
    return World(database, Options(kem=X25519, cell_size=4))


def people(world: World, count: int) -> list[Device]:
    return [world.registry.register() for _ in range(count)]


async def heads(world: World, reader: Device, conversation: wire.Conversation) -> list[RosterHead]:
    """Return the whole chain, checked."""
    service, c = world.service, conversation.conversation_id
    newest = RosterHead.parse((await service.rosters.state(reader.caller, c)).head)
    found: list[RosterHead] = []
    for epoch in range(1, newest.epoch + 1):
        head = RosterHead.parse((await service.rosters.head(reader.caller, c, epoch)).head)
        head.check(world.authority.public_key, bytes.fromhex(c))
        if found:
            head.check_follows(found[-1])
        found.append(head)
    assert found[-1] == newest
    return found


@pytest.mark.databases("sqlite")
async def test_every_device_is_proven_in_several_cells(world: World) -> None:
    everybody = people(world, 11)
    made = await world.group(everybody[0], everybody[1:])
    assert (made.devices, made.cells, made.members, made.unregistered) == (11, 3, 11, 0)
    cells: dict[bytes, int] = {}
    for one in everybody:
        state = await world.service.rosters.state(one.caller, made.conversation_id)
        leaf = leaf_of(one, state)
        cells[leaf.cell_id] = cells.get(leaf.cell_id, 0) + 1
    assert sorted(cells.values()) == [3, 4, 4]


async def test_the_chain_of_heads_follows_and_a_removal_raises_rekey_epoch(world: World) -> None:
    everybody = people(world, 6)
    made = await world.group(everybody[0], everybody[1:5])
    admin = everybody[0].caller
    world.clock.at += MINUTE_MS
    await world.change(admin, made, add=everybody[5:])
    await world.change(admin, made, make_admin=[everybody[1].caller.person_id])
    await world.change(admin, made, remove=everybody[2:3])
    found = await heads(world, everybody[0], made)
    assert [one.rekey_epoch for one in found] == [1, 2, 2, 4]
    assert [one.devices for one in found] == [5, 6, 6, 5]
    with pytest.raises(errors.NotFound):
        await world.service.rosters.head(admin, made.conversation_id, 5)
    with pytest.raises(errors.NotMember):
        await world.service.rosters.head(everybody[2].caller, made.conversation_id, 1)


@pytest.mark.databases("sqlite")
async def test_r2_a_leaf_is_proven_under_any_kept_head(world: World) -> None:
    """With a cold process too: nothing depends on the trees in memory."""
    everybody = people(world, 9)
    made = await world.group(everybody[0], everybody[1:6])
    admin, c = everybody[0].caller, made.conversation_id
    await world.change(admin, made, add=everybody[6:])
    await world.change(admin, made, remove=everybody[1:2])
    await world.change(admin, made, make_admin=[everybody[2].caller.person_id])
    chain = await heads(world, everybody[0], made)
    listed = {
        1: {*range(6)},
        2: {*range(9)},
        3: {*range(9)} - {1},
        4: {*range(9)} - {1},
    }
    for service in (world.service, world.node()):
        for epoch, expected in listed.items():
            asked = wire.AskProofs(
                epoch=Epoch(epoch), devices=[DeviceId(one.device.hex()) for one in everybody]
            )
            answer = await service.rosters.proofs(everybody[0].caller, c, asked)
            assert RosterHead.parse(answer.head) == chain[epoch - 1]
            assert (answer.stamp is not None) == (epoch == 4)
            proven = {
                at
                for at, (one, proof) in enumerate(zip(everybody, answer.proofs, strict=True))
                if proof is not None
                and check_proof(chain[epoch - 1], one.device, proof, "R2")[0].device
            }
            assert proven == expected
    for proof in answer.proofs:
        if proof is not None:
            with pytest.raises(Refused):
                check_proof(chain[0], everybody[0].device, proof, "R2")


@pytest.mark.databases("sqlite")
async def test_cells_have_a_rekey_epoch_of_their_own(world: World) -> None:
    everybody = people(world, 8)
    made = await world.group(everybody[0], everybody[1:])
    admin, c = everybody[0].caller, made.conversation_id
    before = await lines(world, everybody[0], c)
    assert [one.rekey_epoch for one in before] == [1, 1]
    state = await world.service.rosters.state(everybody[7].caller, c)
    cell = leaf_of(everybody[7], state).cell_id
    await world.change(admin, made, remove=everybody[7:])
    after = {one.cell_id: one for one in await lines(world, everybody[0], c)}
    assert after[cell].rekey_epoch == 2
    assert {one.rekey_epoch for id_, one in after.items() if id_ != cell} == {1}


async def lines(world: World, reader: Device, c: ConversationId) -> list[CellLine]:
    found = await world.service.cell_keys.all(reader.caller, c, 0)
    count = len(found.lines) // CELL_LINE_BYTES
    reader_ = Reader(found.lines, "S3")
    parsed = [CellLine.read(reader_) for _ in range(count)]
    reader_.end()
    tree = MerkleTree([leaf_hash(one.encode()) for one in parsed])
    assert tree.root == RosterHead.parse(found.head).root
    return parsed


@pytest.mark.databases("sqlite")
async def test_a_cells_leaves_lead_to_the_head(world: World) -> None:
    everybody = people(world, 7)
    made = await world.group(everybody[0], everybody[1:])
    c, seen = made.conversation_id, set()
    for one in everybody:
        own = await world.service.rosters.cell(one.caller, c, None)
        parts = [own.leaves[at : at + LEAF_BYTES] for at in range(0, len(own.leaves), LEAF_BYTES)]
        line = CellLine.read(Reader(own.line, "S3"))
        assert MerkleTree([leaf_hash(part) for part in parts]).root == line.root
        top = climb(leaf_hash(own.line), Reader(own.path, "S3"))
        assert top == RosterHead.parse(own.head).root
        found = [Leaf.read(Reader(part, "S3")).device for part in parts]
        assert found == sorted(found)
        assert one.device in found
        seen |= set(found)
        # S4: any listed device may ask for another cell's leaves too.
        other = await world.service.rosters.cell(everybody[0].caller, c, CellId(line.cell_id.hex()))
        assert other.leaves == own.leaves
    assert seen == {one.device for one in everybody}
    with pytest.raises(errors.NotFound):
        await world.service.rosters.cell(everybody[0].caller, c, CellId("0" * 32))


@pytest.mark.databases("sqlite")
async def test_c3_a_device_stays_in_its_cell_and_new_ones_fill_the_emptiest(world: World) -> None:
    everybody = people(world, 12)
    made = await world.group(everybody[0], everybody[1:8])
    admin, c = everybody[0].caller, made.conversation_id

    async def cells() -> dict[bytes, bytes]:
        return {
            one.device: leaf_of(one, await world.service.rosters.state(one.caller, c)).cell_id
            for one in everybody[:8]
            if one not in gone
        }

    gone: list[Device] = []
    before = await cells()
    gone = [one for one in everybody[1:8] if before[one.device] == before[everybody[1].device]][:2]
    await world.change(admin, made, remove=gone)
    assert await cells() == {one: cell for one, cell in before.items() if one not in
                             {two.device for two in gone}}  # fmt: skip
    shown = await world.change(admin, made, add=everybody[8:10])
    assert (shown.devices, shown.cells) == (8, 2)
    shown = await world.change(admin, made, add=everybody[10:])
    assert (shown.devices, shown.cells) == (10, 3)


async def test_s1_a_stamp_is_reused_for_five_minutes_and_never_of_an_older_head(
    world: World,
) -> None:
    everybody = people(world, 2)
    made = await world.group(everybody[0], everybody[1:])
    c = made.conversation_id

    async def stamp() -> HeadStamp:
        state = await world.service.rosters.state(everybody[0].caller, c)
        found = HeadStamp.parse(state.stamp)
        head = RosterHead.parse(state.head)
        found.check(head, world.authority.public_key, world.clock.at, head.epoch)
        return found

    first, signatures = await stamp(), world.authority.signatures
    world.clock.at += 5 * MINUTE_MS - 1
    assert await stamp() == first
    assert world.authority.signatures == signatures
    world.clock.at += 1
    assert (await stamp()).time == world.clock.at
    await world.revoke(everybody[1])
    assert (await stamp()).head != first.head


async def test_a_higher_kem_raises_rekey_epoch_with_the_next_head(database: Database) -> None:
    world = World(database)
    everybody = people(world, 3)
    made = await world.group(everybody[0], everybody[1:2])
    world.options = Options(kem=XWING)
    world.service = world.node()
    await world.change(everybody[0].caller, made, make_admin=[everybody[1].caller.person_id])
    found = await heads(world, everybody[0], made)
    assert [(one.kem, one.rekey_epoch) for one in found] == [(X25519, 1), (XWING, 2)]
    world.options = Options(kem=X25519)
    world.service = world.node()
    await world.change(everybody[0].caller, made, add=everybody[2:])
    assert (await heads(world, everybody[0], made))[-1].kem == XWING


async def test_a_head_is_never_created_before_the_one_before(world: World) -> None:
    everybody = people(world, 3)
    made = await world.group(everybody[0], everybody[1:])
    world.clock.at -= MINUTE_MS
    await world.change(everybody[0].caller, made, remove=everybody[2:])
    first, second = await heads(world, everybody[0], made)
    assert second.created == first.created == head_of(made).created


@pytest.mark.databases("sqlite")
async def test_a_change_names_who_came_and_who_went(world: World) -> None:
    everybody = people(world, 4)
    made = await world.group(everybody[0], everybody[1:3])
    world.wakeups.clear()
    await world.change(everybody[0].caller, made, add=everybody[3:], remove=everybody[1:2])
    (told,) = world.told(RosterWakeup)
    assert (told.epoch, told.cells, told.whole) == (2, 1, True)
    assert list(told.added) == [everybody[3].caller.client_id]
    assert told.removed == [everybody[1].caller.client_id]
