"""K1, D5: how long rows are kept, and which outlive trimming."""

import pytest

from copconnect import wire
from copconnect.database.engine import Database
from copconnect.ids import DeviceId, Epoch
from copconnect.records.conversation.conversation_key import ConversationKey
from copconnect.records.conversation.message import message_hash, next_log_hash
from copconnect.records.conversation.roster import RosterHead, check_proof
from copconnect.records.primitives.fields import ZEROS
from tests.contract.delivery_world import DAY_MS, HOUR_MS, World
from tests.contract.device import Device, Talk, header_of, keys_of


class Kept:
    """A group of two with a state and messages under three keys, months apart."""

    def __init__(self, world: World, talk: Talk, a: Device, b: Device) -> None:
        self.world, self.talk, self.a, self.b = world, talk, a, b
        self.keys: list[bytes] = []

    @classmethod
    async def of(cls, database: Database) -> "Kept":
        world = World(database)
        a, b = world.registry.register(), world.registry.register()
        made = await world.group(a, [b], history_days=30)
        return cls(world, Talk(world.service, made.conversation_id), a, b)

    async def page(self) -> wire.LogPage:
        found: wire.LogPage = await self.world.service.log.page(
            self.b.caller, self.talk.conversation_id, after=0, before=None, limit=99
        )
        return found

    async def count(self, table: str) -> int:
        async with self.world.database.reading() as connection:
            return len((await connection.exec_driver_sql(f"SELECT 1 FROM {table}")).all())


@pytest.fixture
async def kept(database: Database) -> Kept:
    return await Kept.of(database)


async def test_k1_messages_and_their_keys_go_with_the_log_and_the_state_stays(kept: Kept) -> None:
    world, talk = kept.world, kept.talk
    first = await talk.begin(kept.a, [kept.b])
    await talk.say(kept.a, first, b"name", state=True)
    await talk.say(kept.b, first, b"old")
    await world.revoke(world.registry.register(kept.b.caller.person_id))  # No place yet.
    world.clock.at += 100 * DAY_MS
    second = await talk.begin(kept.a, [kept.b])
    await talk.say(kept.a, second, b"middle")
    world.clock.at += 100 * DAY_MS
    third = await talk.begin(kept.b, [kept.a])
    await talk.say(kept.b, third, b"new")
    await world.service.retention.clean()
    found = await kept.page()
    assert [one.seq for one in found.entries] == [3, 4]
    assert [kept.b.open_message(one) for one in found.entries] == [b"middle", b"new"]
    # Everything that proves and opens the state is there.
    service, c, reader = world.service, talk.conversation_id, kept.b.caller
    state = (await service.conversations.conversation(reader, c)).state
    assert state is not None
    assert kept.b.open_message(state) == b"name"
    header = header_of(state.message)
    asked = wire.AskProofs(epoch=Epoch(header.epoch), devices=[DeviceId(header.sender.hex())])
    proofs = await service.rosters.proofs(reader, c, asked)
    assert proofs.proofs[0] is not None
    check_proof(RosterHead.parse(proofs.head), header.sender, proofs.proofs[0], "R2")
    key = (await service.keys.read(reader, c, first)).key
    assert key is not None
    assert ConversationKey.parse(key.record).hash() == first
    assert await kept.count("conversation_keys") == 3
    # A newer state takes the older one's place.
    await talk.say(kept.a, third, b"other name", state=True)
    await world.service.retention.clean()
    assert [one.seq for one in (await kept.page()).entries] == [3, 4, 5]
    assert await kept.count("conversation_keys") == 2
    world.clock.at += 100 * DAY_MS
    await world.service.retention.clean()
    assert [one.seq for one in (await kept.page()).entries] == [4, 5]
    assert await kept.count("conversation_keys") == 1


async def test_r4_a_page_continues_a_log_that_was_trimmed_before_it(database: Database) -> None:
    """A phone that had read everything compares L of its place when it comes back."""
    world = World(database)
    a, b = world.registry.register(), world.registry.register()
    made = await world.direct(a, b)
    talk = Talk(world.service, made.conversation_id)
    key_id = await talk.begin(a, [b])
    for number in range(3):
        await talk.say(a, key_id, b"%d" % number)

    async def read(after: int | None, before: int | None = None) -> wire.LogPage:
        found: wire.LogPage = await world.service.log.page(
            b.caller, made.conversation_id, after=after, before=before, limit=99
        )
        return found

    hashes = [ZEROS]
    for one in (await read(0)).entries:
        hashes.append(next_log_hash(hashes[-1], message_hash(one.message)))
    world.clock.at += 181 * DAY_MS
    key_id = await talk.begin(b, [a])
    await talk.say(a, key_id, b"new")
    await world.service.retention.clean()
    page = await read(3)
    assert ([one.seq for one in page.entries], page.log_hash) == ([4], hashes[3])
    # A new device begins with L too.
    page = await read(None, 5)
    assert ([one.seq for one in page.entries], page.log_hash) == ([4], hashes[3])


async def test_k1_a_key_that_nobody_used_goes_after_its_day(kept: Kept) -> None:
    await kept.talk.begin(kept.a, [kept.b])
    kept.world.clock.at += 25 * HOUR_MS
    await kept.world.service.retention.clean()
    assert await kept.count("conversation_keys") == 1
    kept.world.clock.at += 1 * HOUR_MS + 1
    await kept.world.service.retention.clean()
    assert await kept.count("conversation_keys") == 0


async def test_former_heads_leaves_and_lines_go_once_nothing_names_them(kept: Kept) -> None:
    world, talk = kept.world, kept.talk
    for _ in range(3):
        phone = world.registry.register(kept.b.caller.person_id)
        await world.devices_changed(phone)
        await world.revoke(phone)
    assert await kept.count("heads") == 7
    assert await kept.count("leaves") == 5
    world.clock.at += 181 * DAY_MS
    key_id = await talk.begin(kept.a, [kept.b])
    await talk.say(kept.a, key_id)
    await world.service.retention.clean()
    assert await kept.count("heads") == 1
    assert await kept.count("leaves") == 2
    assert await kept.count("cell_lines") == 1
    # Everything continues from there.
    await world.change(kept.a.caller, await shown(kept), make_admin=[kept.b.caller.person_id])
    assert (await talk.head(kept.b)).epoch == 8
    await talk.say(kept.b, key_id)
    assert len((await kept.page()).entries) == 2


async def shown(kept: Kept) -> wire.Conversation:
    found: wire.Conversation = await kept.world.service.conversations.conversation(
        kept.a.caller, kept.talk.conversation_id
    )
    return found


async def test_shares_and_notes_are_forgotten(kept: Kept) -> None:
    world, talk, c = kept.world, kept.talk, kept.talk.conversation_id
    head = await talk.head(kept.a)
    body = kept.a.post_key(head, keys_of([kept.a]), [kept.b.device])
    key_id = bytes.fromhex((await world.service.keys.submit(kept.a.caller, c, body)).key_id)
    request = wire.ShareRequest(
        references=[wire.ShareReference(kind=1, reference=key_id[:16].hex())]
    )
    await world.service.shares.ask(kept.b.caller, c, request)
    await world.change(kept.a.caller, await shown(kept), make_admin=[kept.b.caller.person_id])
    world.clock.at += 179 * DAY_MS
    await world.service.retention.clean()
    assert await kept.count("share_requests") == 1
    assert await kept.count("member_changes") == 0
    stranger = await Kept.of(world.database)  # World of a device that is not listed any more.
    await stranger.world.service.shares.ask(
        stranger.b.caller, stranger.talk.conversation_id, request
    )
    await stranger.world.revoke(stranger.b)
    assert await kept.count("share_requests") == 2
    await stranger.world.service.retention.clean()
    assert await kept.count("share_requests") == 1
    world.clock.at += 2 * DAY_MS
    await world.service.retention.clean()
    assert await kept.count("share_requests") == 0
