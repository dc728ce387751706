"""Sealed messages: accepted once, in order with every cell's commits; refusals; late seals."""

import asyncio
import hashlib
import os
from collections.abc import Sequence

import msgspec
import pytest

from copconnect import errors, wire
from copconnect.bus import AnyWakeup, EntryWakeup, LateSealWakeup, SealWantedWakeup
from copconnect.database import Database
from copconnect.delivery import key_store, log_store, log_tails, sealed_store
from copconnect.ids import ConversationId, Seq, new_id
from copconnect.sockets.sealed_entry import SealedFrames
from tests.contract.sealed_world import Device, SealedWorld, seal, went
from tests.contract.statements import Statements

PAYLOAD = msgspec.msgpack.Decoder(wire.SealedPayload)
FRAME = msgspec.msgpack.Decoder(wire.EntryFrame)


@pytest.fixture
def world(database: Database) -> SealedWorld:
    return SealedWorld(database)


async def payload(
    world: SealedWorld, conversation_id: ConversationId, device: Device, seq: int
) -> wire.SealedPayload:
    found = await world.service.log.sealed(device.caller, conversation_id, Seq(seq))
    assert found.cell_id == await world.cell_of(conversation_id, device)
    return PAYLOAD.decode(found.payload)


async def member_added(world: SealedWorld, person_id: str) -> None:
    """Name the client that was registered last."""
    assert world.registry.clients[-1].person_id == person_id
    async with world.database.transaction() as connection:
        await world.service.client_added(connection, world.registry.clients[-1])


async def test_a_page_has_all_its_seals_though_memory_holds_few(
    world: SealedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred messages to 63,000 devices have more post-quantum seals than are kept. Whoever were
    sent one without its seal would come to the end of its epoch before they can ask for it."""
    monkeypatch.setattr(log_tails, "MOST_SEAL_BYTES", 500)
    monkeypatch.setattr(log_tails, "READ_TOGETHER", 4)
    c, devices = await world.ready(6)
    for _ in range(10):
        post, _ = await world.send(c, devices[0])
        assert len(post.seals) == 2 * 112
    for device in (devices[0], devices[-1], devices[0]):
        page = await world.service.log.page(device.caller, c, 0, 100)
        payloads = [PAYLOAD.decode(one.payload) for one in page.entries if one.kind == "sealed"]
        assert len(payloads) == 10
        assert all(one.seal is not None for one in payloads)


async def test_a_gap_comes_in_parts_that_memory_holds(
    world: SealedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five hundred messages to 63,000 devices have 300 MB of post-quantum seals."""
    c, devices = await world.ready(6)
    sent = [await world.send(c, devices[0]) for _ in range(5)]
    first = sent[0][1].seq
    upto = sent[-1][1].seq
    feed = world.service.feed
    (one,) = await feed.entries(c, first - 1, first)
    monkeypatch.setattr(log_store, "GAP_BYTES", 2 * (len(one.frame) + sum(map(len, one.seals))))
    after, parts = first - 1, []
    while found := await feed.entries(c, after, upto):
        after = found[-1].seq
        parts.append([(len(each.seals), each.seq - first) for each in found])
    assert parts == [[(2, 0), (2, 1)], [(2, 2), (2, 3)], [(2, 4)]]
    monkeypatch.setattr(log_store, "GAP_BYTES", 1)
    assert [each.seq for each in await feed.entries(c, first - 1, upto)] == [first]


async def test_a_message_reaches_every_cell_with_its_own_seal(world: SealedWorld) -> None:
    c, devices = await world.ready(10)
    cells = await world.cells(c, devices)
    assert len(cells) == 3
    world.wakeups.clear()
    post, accepted = await world.send(c, devices[0])
    assert accepted.seq == 5  # After the roster and three foundings.
    seals = [post.seals[at : at + 112] for at in range(0, len(post.seals), 112)]
    own = dict(zip(cells, seals, strict=True))
    (wakeup,) = world.wakeups
    assert isinstance(wakeup, EntryWakeup)
    frames = SealedFrames(wakeup)
    for cell_id, those in cells.items():
        page = await world.service.log.page(those[-1].caller, c, 0, 100)
        entry = page.entries[-1]
        assert (entry.kind, entry.seq, entry.cell_id) == ("sealed", 5, cell_id)
        assert entry.entry_id == post.sealed[19:35].hex()
        assert entry.sender == devices[0].caller.client_id
        assert PAYLOAD.decode(entry.payload) == wire.SealedPayload(
            sealed=post.sealed,
            seal=own[cell_id],
            certificate=post.certificate,
            proof=post.sender_proof,
            body=post.body,
        )
        assert FRAME.decode(frames.frame(cell_id)).entry == entry
        assert await world.service.log.sealed(those[0].caller, c, Seq(5)) == entry


async def test_the_answer_does_not_wait_until_all_sockets_are_written_to(
    world: SealedWorld,
) -> None:
    c, devices = await world.ready(6)
    sockets_written, heard = asyncio.Event(), list[AnyWakeup]()

    async def hear(wakeup: AnyWakeup) -> None:
        await sockets_written.wait()
        heard.append(wakeup)

    world.bus.subscribe(hear)
    post = await world.sealed(c, devices[0])
    async with asyncio.timeout(10):
        accepted = await world.service.sealed.post(devices[0].caller, c, post)
    assert (await payload(world, c, devices[-1], accepted.seq)).sealed == post.sealed
    assert heard == []
    closing = asyncio.create_task(world.service.close())
    await asyncio.sleep(0.01)
    assert not closing.done()  # Nothing that was accepted goes unannounced at an orderly end.
    sockets_written.set()
    await closing
    (entry,) = heard
    assert isinstance(entry, EntryWakeup)


async def test_a_retry_is_answered_as_the_first_time_whatever_changed(world: SealedWorld) -> None:
    c, devices = await world.ready(6)
    a, b = devices[:2]
    post, accepted = await world.send(c, a)
    await world.send(c, a)
    await world.rotate(c, a)
    world.clock.at += 3_600_000
    async with world.database.transaction() as connection:
        await world.service.clients_removed(
            connection, [devices[-1].caller.client_id], "department"
        )
    again = await world.service.sealed.post(a.caller, c, post)
    assert again == accepted
    with pytest.raises(errors.BadRequest):  # Not another's to repeat.
        await world.service.sealed.post(b.caller, c, post)


async def test_d2_d3_chains_are_each_devices_own(world: SealedWorld) -> None:
    c, devices = await world.ready(6)
    a, b = devices[:2]
    sealed = world.service.sealed
    assert await sealed.chain(a.caller, c) == wire.SenderChain(seq=0, prev=bytes(32))
    first, _ = await world.send(c, a)
    await world.send(c, b)
    second, _ = await world.send(c, a)
    assert second.sealed[67:75] == (2).to_bytes(8, "big")
    assert second.sealed[75:107] == hashlib.sha256(first.sealed).digest()
    chain = await sealed.chain(a.caller, c)
    assert chain == wire.SenderChain(seq=2, prev=hashlib.sha256(second.sealed).digest())
    assert (await sealed.chain(b.caller, c)).seq == 1
    with pytest.raises(errors.NotMember):
        await sealed.chain(world.device().caller, c)
    # Numbers are used once, in order, each after the one before.
    number, prev = "seq", "prev"
    for bent in (
        {number: (2).to_bytes(8, "big"), prev: hashlib.sha256(first.sealed).digest()},
        {number: (4).to_bytes(8, "big")},
        {prev: hashlib.sha256(first.sealed).digest()},
        {prev: os.urandom(32)},
    ):
        with pytest.raises(errors.ChainBroken) as broken:
            await sealed.post(a.caller, c, await world.sealed(c, a, bent=bent))
        assert broken.value.details == {"seq": 2}


async def test_d1_d5_d6_what_the_bytes_themselves_say_wrong(world: SealedWorld) -> None:
    c, devices = await world.ready(6)
    a, b = devices[:2]
    other, _ = await world.ready(6)
    good = await world.sealed(c, a)
    replace = msgspec.structs.replace
    flipped = good.sealed[:-1] + bytes([good.sealed[-1] ^ 1])
    halves = good.seals[:112], good.seals[112:]
    bent = [
        replace(good, sealed=flipped),
        replace(good, body=b"another body"),
        replace(good, certificate=b.certificate),
        replace(good, certificate=b"no certificate"),
        replace(good, seals=good.seals[:-1]),
        replace(good, seals=halves[0]),
        replace(good, seals=halves[1] + halves[0]),
        replace(good, seals=good.seals + halves[1]),
        replace(good, seals=b""),
        await world.sealed(c, a, bent={"version": b"\2"}),
        await world.sealed(c, a, bent={"kem": b"\0\x21"}),
        await world.sealed(c, a, bent={"conversation_id": bytes.fromhex(other)}),
        await world.sealed(c, a, bent={"cells_digest": bytes(32)}),
        await world.sealed(c, a, bent={"seq": bytes(8)}),
        await world.sealed(c, a, bent={"seq": (2).to_bytes(8, "big")}),  # Without predecessor.
        await world.sealed(c, a, signed_body=b"what was signed"),
        await world.sealed(c, a, bent={"sender": bytes.fromhex(b.certificate_hash)}),
    ]
    for post in bent:
        with pytest.raises(errors.SealedInvalid):
            await world.service.sealed.post(a.caller, c, post)
    page = await world.service.log.page(a.caller, c, 0, 100)
    assert all(one.kind != "sealed" for one in page.entries)
    assert page.last_seq == 3  # The refused took no numbers.
    await world.service.sealed.post(a.caller, c, good)


async def test_an_xwing_message_does_not_enter_an_x25519_conversation(world: SealedWorld) -> None:
    c, devices = await world.ready(6)
    a = devices[0]
    keys = await world.service.keys.newest(a.caller, c, 0)
    head, proof = await world.proof(c, a)
    seals = [bytes.fromhex(k.cell_id) + k.key_id + os.urandom(1168) for k in keys.keys]
    post = seal(c, a, seals, head, proof, world.clock.at, bent={"kem": b"\x64\x7a"})
    with pytest.raises(errors.SealedInvalid) as refused:
        await world.service.sealed.post(a.caller, c, post)
    assert "KEM" in str(refused.value.details["reason"])


async def test_d1_only_members_with_their_own_certificate_post(world: SealedWorld) -> None:
    c, devices = await world.ready(6)
    a, b = devices[:2]
    post = world.service.sealed.post
    with pytest.raises(errors.NotMember):  # b's device with a's message.
        await post(b.caller, c, await world.sealed(c, a))
    with pytest.raises(errors.NotMember):
        await post(
            a.caller,
            ConversationId("0" * 32),
            await world.sealed(c, a, bent={"conversation_id": bytes(16)}),
        )
    before = await world.sealed(c, b)
    async with world.database.transaction() as connection:
        await world.service.clients_removed(connection, [b.caller.client_id], "department")
    with pytest.raises(errors.NotMember):
        await post(b.caller, c, before)


async def test_announcements_are_the_admins(world: SealedWorld) -> None:
    c, devices = await world.ready(6)
    policy = wire.ChangePolicy(who_may_post="admins")
    await world.service.membership.change_policy(devices[0].caller, c, policy)
    with pytest.raises(errors.MayNotPost):
        await world.send(c, devices[1])
    await world.send(c, devices[0])


async def test_one_cell_takes_no_sealed_message(world: SealedWorld) -> None:
    c, devices = await world.large(2)
    k = await world.cell_of(c, devices[0])
    leaves = {0: (devices[0], b"1")}
    await world.upload(c, k, devices[0], leaves, founding=True, key=(None, None))
    with pytest.raises(errors.WrongMode) as wrong:
        await world.send(c, devices[0])
    assert wrong.value.details == {"cells": 1}


async def test_the_roster_may_have_been_replaced_ten_minutes_ago(world: SealedWorld) -> None:
    c, devices = await world.ready(6)
    a = devices[0]
    world.clock.at += 24 * 3_600_000
    await world.send(c, a)  # An old head that is still the newest is good.
    old = await world.proof(c, a)
    newcomer = world.device(devices[1].caller.person_id)
    await member_added(world, newcomer.caller.person_id)
    keys = await world.service.keys.newest(a.caller, c, 0)
    seals = [bytes.fromhex(k.cell_id) + k.key_id + os.urandom(80) for k in keys.keys]
    world.clock.at += 600_001
    late = seal(c, a, seals, *old, world.clock.at)
    with pytest.raises(errors.StaleRoster) as stale:
        await world.service.sealed.post(a.caller, c, late)
    assert stale.value.details == {"epoch": 2}
    world.clock.at -= 1
    await world.service.sealed.post(a.caller, c, late)
    went(a, late)
    head, proof = await world.proof(c, a)
    for bent in ({"roster_epoch": (9).to_bytes(8, "big")}, {"roster_hash": os.urandom(32)}):
        post = seal(c, a, seals, head, proof, world.clock.at, bent=bent)
        with pytest.raises(errors.StaleRoster):
            await world.service.sealed.post(a.caller, c, post)
    for wrong in (old[1], proof[:-1], proof + bytes(32), b"", bytes(16) + proof[16:]):
        post = seal(c, a, seals, head, wrong, world.clock.at)
        with pytest.raises(errors.SealedInvalid):
            await world.service.sealed.post(a.caller, c, post)
    await world.send(c, a)


async def test_d4_d5_seals_are_for_exactly_the_cells_and_keys_of_now(world: SealedWorld) -> None:
    c, devices = await world.ready(10)
    cells = await world.cells(c, devices)
    a = devices[0]
    keys = await world.service.keys.newest(a.caller, c, 0)
    replace = msgspec.structs.replace
    fewer = replace(keys, cells=keys.cells[1:])
    more = replace(
        keys,
        cells=[*keys.cells, "f" * 32],
        keys=[*keys.keys, replace(keys.keys[0], cell_id="f" * 32)],
    )
    unknown = replace(keys, keys=[replace(one, key_id=os.urandom(16)) for one in keys.keys])
    for wrong in (fewer, more, unknown, replace(keys, cells=[])):
        with pytest.raises(errors.StaleEpoch) as stale:
            await world.send(c, a, keys=wrong)
        assert stale.value.details == {"cells": 3, "last_seq": 4}
    # The key of the epoch before is good for 30 s.
    someone = next(those for those in cells.values() if a not in those)[0]
    await world.rotate(c, someone)
    await world.send(c, a, keys=keys)
    world.clock.at += 30_001
    with pytest.raises(errors.StaleEpoch):
        await world.send(c, a, keys=keys)
    world.clock.at -= 30_001
    await world.rotate(c, someone)  # Now it is two epochs old.
    with pytest.raises(errors.StaleEpoch):
        await world.send(c, a, keys=keys)
    await world.send(c, a)


async def test_d4_d5_m6_m7_the_old_key_ends_at_once_when_a_commit_removes_somebody(
    world: SealedWorld,
) -> None:
    c, devices = await world.ready(10)
    cells = await world.cells(c, devices)
    a = devices[0]
    k, (x, y, *_) = next((k, those) for k, those in cells.items() if a not in those)
    before = await world.service.keys.newest(a.caller, c, 0)
    async with world.database.transaction() as connection:
        await world.service.clients_removed(connection, [y.caller.client_id], "department")
    with pytest.raises(errors.StaleEpoch):  # From now on that cell takes no seal.
        await world.send(c, a, keys=before)
    _, accepted = await world.send(c, a)
    assert (await payload(world, c, x, accepted.seq)).seal is None
    wanted = await world.service.sealed.wanted(a.caller, c)
    assert wanted == wire.SealsWanted(wanted=[], later=[accepted.seq])
    await world.rotate(c, x, without=[y])
    with pytest.raises(errors.StaleEpoch):
        await world.send(c, a, keys=before)
    await world.send(c, a)
    assert await world.service.sealed.wanted(a.caller, c) == wire.SealsWanted(
        wanted=[wire.WantedSeals(seq=accepted.seq, cell_ids=[k])], later=[]
    )


async def late_seals(
    world: SealedWorld, c: ConversationId, device: Device, cell_ids: Sequence[str]
) -> wire.LateSeals:
    keys = await world.service.keys.newest(device.caller, c, 0)
    key_of = {one.cell_id: one.key_id for one in keys.keys}
    return wire.LateSeals(
        seals=b"".join(
            bytes.fromhex(one) + key_of.get(one, bytes(16)) + os.urandom(80)  # type: ignore[call-overload]
            for one in sorted(cell_ids)
        )
    )


async def test_a_cell_that_is_founded_later_gets_its_seal_late(world: SealedWorld) -> None:
    c, devices = await world.large(10)
    a = devices[0]
    cells = await world.cells(c, devices)
    mine = await world.cell_of(c, a)
    first, second = (k for k in cells if k != mine)
    await world.found(c, mine, cells[mine])
    _, one = await world.send(c, a)
    _, two = await world.send(c, a)
    sealed = world.service.sealed
    assert (await sealed.wanted(a.caller, c)).wanted == []  # Nobody could open them yet.
    x = cells[first][0]
    assert (await payload(world, c, x, one.seq)).seal is None
    page = await world.service.log.page(x.caller, c, 0, 100)
    assert [PAYLOAD.decode(e.payload).seal for e in page.entries if e.kind == "sealed"] == [
        None,
        None,
    ]

    world.wakeups.clear()
    await world.found(c, first, cells[first])
    (asked,) = (w for w in world.wakeups if isinstance(w, SealWantedWakeup))
    assert (asked.cell_id, asked.client_ids) == (first, [a.caller.client_id])
    assert (await sealed.wanted(a.caller, c)).wanted == [
        wire.WantedSeals(seq=one.seq, cell_ids=[first]),
        wire.WantedSeals(seq=two.seq, cell_ids=[first]),
    ]
    late = await late_seals(world, c, a, [first])
    world.wakeups.clear()
    await sealed.late(a.caller, c, one.seq, late)
    (pushed,) = world.wakeups
    assert isinstance(pushed, LateSealWakeup)
    frame = msgspec.msgpack.decode(pushed.frame, type=wire.LateSeal)
    assert (pushed.cell_id, frame.seq, frame.seal) == (first, one.seq, late.seals)
    assert (await payload(world, c, x, one.seq)).seal == late.seals
    page = await world.service.log.page(x.caller, c, 0, 100)
    assert [PAYLOAD.decode(e.payload).seal for e in page.entries if e.kind == "sealed"] == [
        late.seals,
        None,
    ]
    own = await payload(world, c, a, one.seq)
    assert own.seal is not None
    assert own.seal != late.seals

    # Again: it is only passed on. Another seal does not take the first one's place.
    world.wakeups.clear()
    await sealed.late(a.caller, c, one.seq, late)
    await sealed.late(a.caller, c, one.seq, await late_seals(world, c, a, [first, mine]))
    assert world.wakeups == [pushed]
    assert (await payload(world, c, x, one.seq)).seal == late.seals
    # Two cells in one go, each in its place.
    await world.found(c, second, cells[second])
    await sealed.late(a.caller, c, two.seq, await late_seals(world, c, a, [first, second]))
    assert (await sealed.wanted(a.caller, c)).wanted == [
        wire.WantedSeals(seq=one.seq, cell_ids=[second])
    ]
    for those in cells.values():
        found = await payload(world, c, those[0], two.seq)
        assert found.seal is not None
        assert found.seal[:16].hex() == await world.cell_of(c, those[0])


async def test_a_cell_that_was_quiet_for_a_week_holds_nobody_up(world: SealedWorld) -> None:
    """Senders refuse its key by then: it gets its seals once a member has renewed it."""
    c, devices = await world.ready(10)
    cells = await world.cells(c, devices)
    a = devices[0]
    mine = await world.cell_of(c, a)
    quiet, other = (k for k in cells if k != mine)
    x = cells[quiet][0]
    world.clock.at += key_store.LONGEST_KEY_AGE_MS
    assert len((await world.service.keys.newest(a.caller, c, 0)).cells) == 3
    for cell_id in (mine, other):
        await world.rotate(c, cells[cell_id][0])
    before = await world.service.keys.newest(a.caller, c, 0)
    world.clock.at += 1
    keys = await world.service.keys.newest(a.caller, c, 0)
    assert keys.cells == sorted([mine, other])
    with pytest.raises(errors.StaleEpoch):
        await world.send(c, a, keys=before)
    _, accepted = await world.send(c, a)
    assert (await payload(world, c, x, accepted.seq)).seal is None
    assert (await world.service.sealed.wanted(a.caller, c)).wanted == []
    world.wakeups.clear()
    await world.rotate(c, x)
    (asked,) = (w for w in world.wakeups if isinstance(w, SealWantedWakeup))
    assert (asked.cell_id, asked.client_ids) == (quiet, [a.caller.client_id])
    late = await late_seals(world, c, a, [quiet])
    await world.service.sealed.late(a.caller, c, accepted.seq, late)
    assert (await payload(world, c, x, accepted.seq)).seal == late.seals
    post, _ = await world.send(c, a)
    assert len(post.seals) == 3 * 112


async def test_a_cell_whose_keys_signer_has_expired_holds_nobody_up(world: SealedWorld) -> None:
    """Senders refuse such a key (K4), however new it is."""
    c, devices = await world.ready(10)
    cells = await world.cells(c, devices)
    a = devices[0]
    x = next(those[0] for those in cells.values() if a not in those)
    k = await world.cell_of(c, x)
    signer = world.device(x.caller.person_id, days=2)
    await member_added(world, x.caller.person_id)
    assert await world.cell_of(c, signer) == k
    await world.service.commits.lease(signer.caller, c, k)
    leaves = world.trees[k].leaves
    after = leaves | {len(leaves): (signer, os.urandom(16))}
    await world.upload(c, k, signer, after, external=True)
    world.clock.at += 2 * 24 * 3_600_000 - key_store.SIGNER_CLOCK_MS - 1
    post, _ = await world.send(c, a)
    assert len(post.seals) == 3 * 112
    world.clock.at += 1
    assert k not in (await world.service.keys.newest(a.caller, c, 0)).cells
    post, accepted = await world.send(c, a)
    assert len(post.seals) == 2 * 112
    assert (await world.service.sealed.wanted(a.caller, c)).later == [accepted.seq]
    await world.rotate(c, x)
    (wanted,) = (await world.service.sealed.wanted(a.caller, c)).wanted
    assert wanted == wire.WantedSeals(seq=accepted.seq, cell_ids=[k])


async def test_who_came_in_since_gets_a_seal_of_their_own_late(world: SealedWorld) -> None:
    """A seal under the key of the epoch before is taken for 30 s; the next commit may have let in
    somebody who cannot open it."""
    c, devices = await world.ready(10)
    cells = await world.cells(c, devices)
    a = devices[0]
    k, (x, y, *_) = next((k, those) for k, those in cells.items() if a not in those)
    before = await world.service.keys.newest(a.caller, c, 0)
    await world.rotate(c, x)
    world.wakeups.clear()
    post, one = await world.send(c, a, keys=before)
    entry, asked = world.wakeups
    assert isinstance(entry, EntryWakeup)
    assert isinstance(asked, SealWantedWakeup)
    assert (asked.cell_id, asked.client_ids) == (k, [a.caller.client_id])
    sealed = world.service.sealed
    wanted = [wire.WantedSeals(seq=one.seq, cell_ids=[k])]
    assert (await sealed.wanted(a.caller, c)).wanted == wanted
    old = (await payload(world, c, y, one.seq)).seal
    assert old is not None
    assert old in post.seals

    # Not under the old key again, and not under one that has become old meanwhile.
    again = wire.LateSeals(seals=old)
    with pytest.raises(errors.StaleEpoch):
        await sealed.late(a.caller, c, one.seq, again)
    late = await late_seals(world, c, a, [k])
    await world.rotate(c, y)
    with pytest.raises(errors.StaleEpoch):
        await sealed.late(a.caller, c, one.seq, late)
    assert (await payload(world, c, y, one.seq)).seal == old
    late = await late_seals(world, c, a, [k])
    world.wakeups.clear()
    await sealed.late(a.caller, c, one.seq, late)
    (pushed,) = world.wakeups
    assert isinstance(pushed, LateSealWakeup)
    assert pushed.cell_id == k
    assert (await payload(world, c, y, one.seq)).seal == late.seals
    page = await world.service.log.page(y.caller, c, one.seq - 1, 1)
    assert PAYLOAD.decode(page.entries[0].payload).seal == late.seals
    assert (await sealed.wanted(a.caller, c)).wanted == []
    # The others keep theirs, and a message under the newest keys wants nothing.
    own = await payload(world, c, a, one.seq)
    assert own.seal is not None
    assert own.seal in post.seals
    world.wakeups.clear()
    await world.send(c, a)
    (entry,) = world.wakeups
    assert isinstance(entry, EntryWakeup)


async def test_who_may_send_late_seals_and_which(world: SealedWorld) -> None:
    c, devices = await world.large(10)
    a, b = devices[:2]
    cells = await world.cells(c, devices)
    mine = await world.cell_of(c, a)
    first, second = (k for k in cells if k != mine)
    await world.found(c, mine, cells[mine])
    _, one = await world.send(c, a)
    sealed = world.service.sealed
    with pytest.raises(errors.StaleEpoch):  # No key yet.
        await sealed.late(a.caller, c, one.seq, await late_seals(world, c, a, [first]))
    await world.found(c, first, cells[first])
    good = await late_seals(world, c, a, [first])
    with pytest.raises(errors.NotFound):
        await sealed.late(b.caller, c, one.seq, good)
    with pytest.raises(errors.NotMember):
        await sealed.late(world.device().caller, c, one.seq, good)
    for seq in (1, 2, 99):
        with pytest.raises(errors.NotFound):
            await sealed.late(a.caller, c, Seq(seq), good)
    for seals in (good.seals[:-1], good.seals * 2, b"x"):
        with pytest.raises(errors.SealedInvalid):
            await sealed.late(a.caller, c, one.seq, wire.LateSeals(seals=seals))
    bad_key = good.seals[:16] + bytes(16) + good.seals[32:]
    with pytest.raises(errors.StaleEpoch):
        await sealed.late(a.caller, c, one.seq, wire.LateSeals(seals=bad_key))
    both = await late_seals(world, c, a, [first, second])
    with pytest.raises(errors.StaleEpoch):
        await sealed.late(a.caller, c, one.seq, both)
    assert (await payload(world, c, cells[first][0], one.seq)).seal is None
    await sealed.late(a.caller, c, one.seq, good)
    for caller in (world.device().caller,):
        with pytest.raises(errors.NotMember):
            await sealed.wanted(caller, c)
        with pytest.raises(errors.NotMember):
            await world.service.log.sealed(caller, c, one.seq)
    with pytest.raises(errors.NotFound):
        await world.service.log.sealed(a.caller, c, Seq(1))


async def test_a_cell_that_is_given_up_hands_its_missing_seals_on(world: SealedWorld) -> None:
    c, devices = await world.large(10)
    a = devices[0]
    cells = await world.cells(c, devices)
    mine = await world.cell_of(c, a)
    dead = next(k for k in cells if k != mine)
    x, y, *_ = cells[dead]
    await world.found(c, mine, cells[mine])
    await world.found(c, dead, [x])
    _, sealed_for_it = await world.send(c, a)
    async with world.database.transaction() as connection:
        await world.service.clients_removed(connection, [x.caller.client_id], "department")
    fresh = await world.cell_of(c, y)
    assert fresh != dead
    _, unsealed = await world.send(c, a)
    # y's place was the dead cell when the first one was written, and its seal is still there.
    page = await world.service.log.page(y.caller, c, 0, 100)
    found = {
        e.seq: (e.cell_id, PAYLOAD.decode(e.payload).seal)
        for e in page.entries
        if e.kind == "sealed"
    }
    cell_id, seal_there = found[sealed_for_it.seq]
    assert cell_id == dead
    assert seal_there is not None
    assert found[unsealed.seq] == (fresh, None)
    await world.found(c, fresh, [y])
    late = await late_seals(world, c, a, [fresh])
    await world.service.sealed.late(a.caller, c, unsealed.seq, late)
    assert (await payload(world, c, y, unsealed.seq)).seal == late.seals


async def test_attachments_must_be_ready(world: SealedWorld) -> None:
    c, devices = await world.ready(6)
    attachment = new_id()
    post = await world.sealed(c, devices[0], attachment_ids=[attachment])
    with pytest.raises(errors.AttachmentIncomplete):
        await world.service.sealed.post(devices[0].caller, c, post)
    assert (await world.service.sealed.chain(devices[0].caller, c)).seq == 0
    world.attachments.known.add(attachment)
    await world.service.sealed.post(devices[0].caller, c, post)


async def test_the_log_forgets_seals_with_their_entries(world: SealedWorld) -> None:
    c, devices = await world.large(6)
    cells = await world.cells(c, devices)
    (k, (a, *_)), (other, (b, *_)) = cells.items()
    await world.found(c, k, cells[k])
    await world.send(c, a)
    world.clock.at += 200 * 24 * 3_600_000
    await world.service.retention.clean()
    await world.found(c, other, [b])
    assert (await world.service.sealed.wanted(a.caller, c)).wanted == []
    page = await SealedWorld(world.database).service.log.page(a.caller, c, 0, 100)
    assert [one.kind for one in page.entries] == []
    async with world.database.reading() as connection:
        seqs = range(1, page.last_seq + 1)
        assert await sealed_store.seals_of(connection, c, seqs) == {}


async def test_recent_entries_come_from_memory(world: SealedWorld) -> None:
    c, devices = await world.ready(6)
    cells = list((await world.cells(c, devices)).values())
    sent = [(await world.send(c, devices[0]))[1].seq for _ in range(3)]
    for those in cells:
        await world.service.log.page(those[0].caller, c, sent[0] - 1, 100)
    with Statements(world.database) as statements:
        for those in cells:
            for device in those:
                page = await world.service.log.page(device.caller, c, sent[0], 100)
                assert [one.seq for one in page.entries] == sent[1:]
                assert (page.more, page.last_seq) == (False, sent[-1])
                for one in page.entries:
                    found = PAYLOAD.decode(one.payload).seal
                    assert found is not None
                    assert found[:16].hex() == one.cell_id
    assert len([one for one in statements if one != "BEGIN"]) == len(devices)
    page = await world.service.log.page(cells[0][0].caller, c, sent[0] - 1, 1)
    assert ([one.seq for one in page.entries], page.more) == (sent[:1], True)
    # Once more is there it is read, once for all.
    _, accepted = await world.send(c, devices[0])
    for those in cells:
        page = await world.service.log.page(those[0].caller, c, sent[-1], 100)
        assert [one.seq for one in page.entries] == [accepted.seq]
    # Entries of the own cell come from the log.
    await world.rotate(c, cells[0][0])
    page = await world.service.log.page(cells[0][0].caller, c, sent[-1], 100)
    assert [one.kind for one in page.entries] == ["sealed", "commit"]
    page = await world.service.log.page(cells[1][0].caller, c, sent[-1], 100)
    assert [one.kind for one in page.entries] == ["sealed"]
