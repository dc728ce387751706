"""Cell key records: with commits and without, every refusal, what a sender is given."""

import pytest

from copconnect import errors, wire
from copconnect.database import Database
from copconnect.delivery.roster_head import count_and_root
from copconnect.delivery.roster_tree import proven_cell
from copconnect.ids import CellId, ConversationId
from copconnect.wire import MAX_RECORD_BYTES
from tests.contract.sealed_world import Device, SealedWorld, key_id

HOUR_MS = 3_600_000


@pytest.fixture
def world(database: Database) -> SealedWorld:
    return SealedWorld(database)


async def two_cells(
    world: SealedWorld,
) -> tuple[ConversationId, dict[CellId, list[Device]]]:
    conversation_id, devices = await world.large(6)
    return conversation_id, await world.cells(conversation_id, devices)


async def test_founding_brings_the_first_key(world: SealedWorld) -> None:
    c, cells = await two_cells(world)
    (k, (a, b, _)), (other, (x, *_)) = cells.items()
    keys = world.service.keys
    head, _ = await world.proof(c, a)
    none = wire.CellKeys(version=0, head=head, cells=[], keys=[])
    assert await keys.newest(a.caller, c, 0) == none
    record, proof = await world.record(c, k, 1, a)
    await world.upload(c, k, a, {0: (a, b"1"), 1: (b, b"2")}, founding=True, key=(record, proof))
    found = await keys.newest(x.caller, c, 0)
    assert (found.version, found.cells) == (1, [k])
    assert found.keys == [
        wire.CellKey(
            cell_id=k,
            epoch=1,  # type: ignore[arg-type]
            key_id=key_id(record),
            record=record,
            certificate=a.certificate,
            signer_proof=proof,
        )
    ]
    made = await world.service.membership.conversation(a.caller, c)
    assert (made.cells_total, made.cells_ready) == (2, 1)
    await world.found(c, other, [x])
    later = await keys.newest(a.caller, c, found.version)
    assert (later.version, [one.cell_id for one in later.keys]) == (2, [other])
    assert later.cells == sorted([k, other])
    assert (await keys.newest(a.caller, c, later.version)).keys == []
    with pytest.raises(errors.NotMember):
        await keys.newest(world.device().caller, c, 0)


async def test_a_signer_is_proven_under_the_newest_head_or_not_at_all(world: SealedWorld) -> None:
    c, devices = await world.large(10)
    (k, (a, b, *_)), (other, (x, y, *_)), *_ = (await world.cells(c, devices)).items()
    await world.found(c, k, [a, b])
    await world.found(c, other, [x, y])
    newest = world.service.keys.newest
    before = await newest(x.caller, c, 0)

    async def remove(device: Device) -> wire.CellKeys:
        async with world.database.transaction() as connection:
            await world.service.clients_removed(connection, [device.caller.client_id], "department")
        return await newest(x.caller, c, 0)

    def cell_of(found: wire.CellKeys, device: Device) -> str | None:
        count, root = count_and_root(found.head)
        key = next(one for one in found.keys if one.certificate == device.certificate)
        if not key.signer_proof:
            return None
        return proven_cell(key.signer_proof, device.certificate_hash, count, root)

    assert (cell_of(before, a), cell_of(before, x)) == (k, other)
    # Somebody else goes: there is another head, and the proofs are under that one.
    after = await remove(y)
    assert after.head != before.head
    assert (cell_of(after, a), cell_of(after, x)) == (k, other)
    # The signer goes: no head that is current now names it.
    gone = await remove(a)
    assert (cell_of(gone, a), cell_of(gone, x)) == (None, other)
    assert gone.cells == []  # Both have somebody to remove.


async def test_the_cells_of_the_newest_head_and_who_signed_their_keys(world: SealedWorld) -> None:
    c, devices = await world.large(10)
    cells = await world.cells(c, devices)
    (k, (a, b, *_)), (_other, (x, *_)), *_ = cells.items()
    await world.found(c, k, [a, b])
    rosters = world.service.rosters
    found = await rosters.cells(x.caller, c)
    head, _ = await world.proof(c, x)
    assert found.head == head
    assert [one.cell_id for one in found.cells] == sorted(cells)
    for one in found.cells:
        part = await rosters.of_cell(cells[one.cell_id][1].caller, c, one.cell_id)
        hashes = [bytes.fromhex(leaf.certificate_hash) for leaf in part.leaves]
        assert (one.count, one.first, one.last) == (len(hashes), hashes[0], hashes[-1])
        if one.cell_id != k:
            assert (one.signer, one.signer_place) == (None, None)
        else:
            assert one.signer == bytes.fromhex(a.certificate_hash)
            assert one.signer_place is not None
            assert hashes[one.signer_place] == one.signer
    async with world.database.transaction() as connection:
        await world.service.clients_removed(connection, [a.caller.client_id], "department")
    found = await rosters.cells(x.caller, c)
    assert [one.signer for one in found.cells] == [None] * len(cells)
    with pytest.raises(errors.NotMember):
        await rosters.cells(a.caller, c)
    with pytest.raises(errors.NotMember):
        await rosters.cells(world.device().caller, c)


async def test_k2_every_epoch_has_its_own_key_and_only_the_newest_is_given(
    world: SealedWorld,
) -> None:
    c, cells = await two_cells(world)
    (k, (a, b, _)), _ = cells.items()
    await world.found(c, k, [a, b])
    await world.rotate(c, b)
    found = await world.service.keys.newest(a.caller, c, 0)
    assert [(one.epoch, one.certificate) for one in found.keys] == [(2, b.certificate)]
    assert found.version == 2
    world.clock.at += 3 * 24 * HOUR_MS
    await world.service.retention.clean()
    assert await world.service.keys.newest(a.caller, c, 0) == found


async def test_a_cell_with_somebody_to_remove_needs_no_seal(world: SealedWorld) -> None:
    c, cells = await two_cells(world)
    (k, (a, b, _)), (other, (x, *_)) = cells.items()
    await world.found(c, k, [a, b])
    await world.found(c, other, [x])
    async with world.database.transaction() as connection:
        await world.service.clients_removed(connection, [b.caller.client_id], "department")
    assert (await world.service.keys.newest(x.caller, c, 0)).cells == [other]
    await world.rotate(c, a, without=[b])
    assert (await world.service.keys.newest(x.caller, c, 0)).cells == sorted([k, other])


async def test_k2_a_commit_comes_with_a_key_exactly_where_there_are_several_cells(
    world: SealedWorld,
) -> None:
    c, cells = await two_cells(world)
    k, (a, *_) = next(iter(cells.items()))
    record, proof = await world.record(c, k, 1, a)
    for key in ((None, None), (record, None), (None, proof)):
        with pytest.raises(errors.WrongMode) as wrong:
            await world.upload(c, k, a, {0: (a, b"1")}, founding=True, key=key)
        assert wrong.value.details == {"cells": 2}
    small, (one, *_) = await world.large(2)
    cell_id = await world.cell_of(small, one)
    with pytest.raises(errors.WrongMode):
        await world.upload(
            small, cell_id, one, {0: (one, b"1")}, founding=True, key=(record, proof)
        )
    await world.upload(small, cell_id, one, {0: (one, b"1")}, founding=True, key=(None, None))
    body = wire.UploadKeyRecord(record=record, signer_proof=proof)
    with pytest.raises(errors.WrongMode):
        await world.service.keys.put(one.caller, small, cell_id, body)


async def test_d8_every_refusal_of_a_record(world: SealedWorld) -> None:
    c, cells = await two_cells(world)
    (k, (a, b, _)), (other, (x, *_)) = cells.items()

    async def refused(error: type[errors.CopConnectError], key: tuple[bytes, bytes]) -> None:
        for _ in range(2):  # A refusal leaves nothing behind.
            with pytest.raises(error) as caught:
                await world.upload(c, k, a, {0: (a, b"1"), 1: (b, b"2")}, founding=True, key=key)
        reasons.append(str(caught.value.details.get("reason", caught.value.details)))

    reasons: list[str] = []
    record, proof = await world.record(c, k, 1, a)
    invalid = errors.KeyRecordInvalid
    await refused(invalid, (record[:-1], proof))
    await refused(invalid, (record + b"\0", proof))
    await refused(invalid, (b"", proof))
    now = world.clock.at
    bent: list[dict[str, bytes]] = [
        {"version": b"\2"},
        {"kem": b"\0\x21"},
        {"conversation_id": bytes(16)},
        {"cell_id": bytes.fromhex(other)},
        {"epoch": (2).to_bytes(8, "big")},
        {"tree_hash": bytes(32)},
        {"signer": bytes.fromhex(b.certificate_hash)},
        {"signer": bytes.fromhex(x.certificate_hash)},
        {"signer": bytes(32)},
        {"created_ms": (now - HOUR_MS - 1).to_bytes(8, "big")},
        {"created_ms": (now + HOUR_MS + 1).to_bytes(8, "big")},
    ]
    for fields in bent:
        await refused(invalid, await world.record(c, k, 1, a, fields))
    flipped = record[:-1] + bytes([record[-1] ^ 1])
    await refused(invalid, (flipped, proof))
    _, of_another = await world.proof(c, x)
    for bad in (proof[:-1], proof + bytes(32), bytes(16) + proof[16:], of_another, b""):
        await refused(invalid, (record, bad))
    for epoch in (0, 2):
        fields = {"roster_epoch": epoch.to_bytes(8, "big")}
        await refused(errors.StaleRoster, await world.record(c, k, 1, a, fields))
    assert len(set(reasons)) >= 14, reasons
    xwing = {"kem": b"\x64\x7a", "length": (1216).to_bytes(2, "big"), "public_key": bytes(1216)}
    post_quantum = await world.record(c, k, 1, a, xwing)
    assert len(post_quantum[0]) == MAX_RECORD_BYTES
    await refused(invalid, post_quantum)
    assert (await world.service.keys.newest(a.caller, c, 0)).keys == []
    await world.upload(c, k, a, {0: (a, b"1"), 1: (b, b"2")}, founding=True, key=(record, proof))


async def test_d8_a_records_roster_may_have_been_replaced_an_hour_ago(world: SealedWorld) -> None:
    c, cells = await two_cells(world)
    (k, (a, b, _)), _ = cells.items()
    await world.found(c, k, [a, b])
    world.clock.at += 10 * HOUR_MS  # Nothing replaced it: it is still the newest.
    await world.rotate(c, a)
    record, proof = await world.record(c, k, 3, a)
    world.device(b.caller.person_id)
    async with world.database.transaction() as connection:
        await world.service.client_added(connection, world.registry.clients[-1])
    world.clock.at += HOUR_MS + 1
    stale = {"created_ms": world.clock.at.to_bytes(8, "big"), "roster_epoch": record[75:83]}
    _, fresh_proof = await world.proof(c, a)
    key = (await world.record(c, k, 3, a, stale))[0], proof
    with pytest.raises(errors.StaleRoster) as old:
        await world.rotate(c, a, key=key)
    assert old.value.details == {"epoch": 2}
    world.clock.at -= 2
    key = (await world.record(c, k, 3, a, stale))[0], proof
    with pytest.raises(errors.KeyRecordInvalid):  # The proof must be under that very head.
        await world.rotate(c, a, key=(key[0], fresh_proof))
    await world.rotate(c, a, key=key)


async def test_a_cell_that_got_neighbours_publishes_the_key_of_its_epoch(
    world: SealedWorld,
) -> None:
    c, devices = await world.large(4)
    a, b, *_ = devices
    k = await world.cell_of(c, a)
    await world.upload(c, k, a, {0: (a, b"1"), 1: (b, b"2")}, founding=True, key=(None, None))
    newcomer = world.device()
    await world.service.membership.change_members(
        a.caller,
        c,
        wire.ChangeMembers(
            change_id="1" * 32,
            add=[newcomer.caller.person_id],
            remove=[],
            make_admin=[],
            revoke_admin=[],
        ),
    )
    keys = world.service.keys

    async def body(signer: Device, epoch: int = 1) -> wire.UploadKeyRecord:
        record, proof = await world.record(c, k, epoch, signer)
        return wire.UploadKeyRecord(record=record, signer_proof=proof)

    assert (await keys.newest(a.caller, c, 0)).cells == []
    outside = devices[2]  # In the roster of the cell, but not in its tree yet.
    with pytest.raises(errors.KeyRecordInvalid):
        await keys.put(outside.caller, c, k, await body(outside))
    with pytest.raises(errors.KeyRecordInvalid):
        await keys.put(a.caller, c, k, await body(a, epoch=2))
    with pytest.raises(errors.KeyRecordInvalid):
        await keys.put(a.caller, c, k, await body(b))
    with pytest.raises(errors.NotMember):
        await keys.put(newcomer.caller, c, k, await body(newcomer))
    other = await world.cell_of(c, newcomer)
    with pytest.raises(errors.CellUnfounded):
        await keys.put(newcomer.caller, c, other, await body(newcomer))
    first = await body(b)
    await keys.put(b.caller, c, k, first)
    await keys.put(b.caller, c, k, first)
    await keys.put(a.caller, c, k, first)  # Whoever repeats it: it is there.
    with pytest.raises(errors.KeyRecordExists):
        await keys.put(a.caller, c, k, await body(a))
    found = await keys.newest(newcomer.caller, c, 0)
    assert (found.version, found.cells) == (1, [k])
    assert [one.record for one in found.keys] == [first.record]


async def test_no_key_is_published_while_somebody_is_to_be_removed(world: SealedWorld) -> None:
    c, devices = await world.large(4)
    a, b, *_ = devices
    k = await world.cell_of(c, a)
    await world.upload(c, k, a, {0: (a, b"1"), 1: (b, b"2")}, founding=True, key=(None, None))
    newcomer = world.device()
    add = wire.ChangeMembers(
        change_id="1" * 32,
        add=[newcomer.caller.person_id],
        remove=[],
        make_admin=[],
        revoke_admin=[],
    )
    await world.service.membership.change_members(a.caller, c, add)
    for _ in range(3):  # Enough people that the cells do not merge.
        other = world.device()
        add = wire.ChangeMembers(
            change_id=other.caller.client_id,
            add=[other.caller.person_id],
            remove=[],
            make_admin=[],
            revoke_admin=[],
        )
        await world.service.membership.change_members(a.caller, c, add)
    async with world.database.transaction() as connection:
        await world.service.clients_removed(connection, [b.caller.client_id], "department")
    record, proof = await world.record(c, k, 1, a)
    body = wire.UploadKeyRecord(record=record, signer_proof=proof)
    with pytest.raises(errors.RemovalPending):
        await world.service.keys.put(a.caller, c, k, body)
    await world.rotate(c, a, without=[b])
    assert (await world.service.keys.newest(a.caller, c, 0)).cells == [k]
