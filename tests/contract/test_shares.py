"""D4 and the server's part of H1, H6: requests for secrets, shares on their way, saying done."""

import asyncio
from typing import Literal

import msgspec
import pytest

from copconnect import errors, wire
from copconnect.bus import ReceiptsWakeup, ShareAskedWakeup, ShareDoneWakeup, ShareWakeup
from copconnect.database.engine import Database
from copconnect.delivery.dependencies import Options
from copconnect.delivery.keys.shares import SHARES_OF_ONE_HELPER
from copconnect.delivery.live.feed import LiveFeed
from copconnect.delivery.rules.limits import PersonLimits
from copconnect.ids import DeviceId, Seq
from copconnect.records.conversation.conversation_key import ConversationKey
from copconnect.records.conversation.key_share import KeyShare, SecretKind, SecretName
from copconnect.records.primitives.kem import X25519
from copconnect.records.trust.device_key import DeviceKey
from copconnect.sealing import hpke
from copconnect.sealing.shares import check_shared, make_share, open_share
from copconnect.sockets.feed import SeenCursor
from tests.contract.delivery_world import MINUTE_MS, World
from tests.contract.device import Device, Talk
from tests.contract.statements import Statements

pytestmark = pytest.mark.databases("sqlite")


class Need:
    """A direct conversation of Alice and Bob; Bob's new phone lacks its key."""

    def __init__(self, world: World, talk: Talk, devices: list[Device], key_id: bytes) -> None:
        self.world, self.talk, self.key_id = world, talk, key_id
        self.alice, self.bob, self.phone = devices
        self.c, self.shares = talk.conversation_id, world.service.shares

    @classmethod
    async def of(cls, world: World) -> "Need":
        alice, bob = world.registry.register(), world.registry.register()
        made = await world.direct(alice, bob)
        talk = Talk(world.service, made.conversation_id)
        key_id = await talk.begin(alice, [bob])
        await talk.say(alice, key_id, b"before the new phone")
        phone = world.registry.register(bob.caller.person_id)
        await world.devices_changed(phone)
        world.wakeups.clear()
        return cls(world, talk, [alice, bob, phone], key_id)

    def request(self, *kinds: Literal[1, 2, 3]) -> wire.ShareRequest:
        reference = self.key_id[:16].hex()
        return wire.ShareRequest(
            references=[wire.ShareReference(kind=one, reference=reference) for one in kinds]
        )

    async def record(self) -> ConversationKey:
        found = await self.world.service.keys.read(self.bob.caller, self.c, self.key_id)
        assert found.key is not None
        return ConversationKey.parse(found.key.record)

    async def share(self, to: DeviceKey | None = None, **other: bytes) -> bytes:
        """Return a share of S, made by Bob's older phone."""
        key = to or self.phone.key
        assert key is not None
        secret = self.bob.secrets[self.key_id]
        c = other.get("conversation_id", bytes.fromhex(self.c))
        return make_share(c, key, [(await self.record(), secret)]).encode()

    def submission(self, share: bytes, device: Device | None = None) -> wire.SubmitShares:
        to = DeviceId((device or self.phone).device.hex())
        return wire.SubmitShares(shares=[wire.DeviceShare(device=to, share=share)])


@pytest.fixture
async def need(database: Database) -> Need:
    return await Need.of(World(database))


async def test_d4_a_new_phone_gets_what_it_lacks_and_reads(need: Need) -> None:
    world, phone = need.world, need.phone
    await need.shares.ask(phone.caller, need.c, need.request(1))
    (asked,) = world.told(ShareAskedWakeup)
    assert (asked.device, asked.lacks) == (phone.device.hex(), [b"\1" + need.key_id[:16]])
    share = await need.share()
    await need.shares.submit(need.bob.caller, need.c, need.submission(share))
    (told,) = world.told(ShareWakeup)
    assert (told.client_id, told.share) == (phone.caller.client_id, share)
    assert await need.shares.waiting(phone.caller, need.c) == wire.Shares(shares=[share])

    parsed = KeyShare.parse(X25519, share)
    opened = open_share(X25519, parsed, hpke.private_key(X25519, phone.seed))
    ((name, secret),) = opened.items()
    assert name == SecretName(SecretKind.CONVERSATION_KEY, need.key_id[:16])
    check_shared(await need.record(), secret)
    phone.secrets[need.key_id] = secret
    assert await need.talk.read(phone) == [b"before the new phone"]

    await need.shares.done(phone.caller, need.c, need.request(1))
    (done,) = world.told(ShareDoneWakeup)
    assert done.device == phone.device.hex()
    assert await need.shares.waiting(phone.caller, need.c) == wire.Shares(shares=[])
    with pytest.raises(errors.NotAsked):
        await need.shares.submit(need.alice.caller, need.c, need.submission(share))


async def test_d6_asking_sharing_and_done_may_be_repeated(need: Need) -> None:
    share = await need.share()
    for _ in range(2):
        await need.shares.ask(need.phone.caller, need.c, need.request(1))
        await need.shares.submit(need.bob.caller, need.c, need.submission(share))
    told = need.world.told(ShareWakeup)
    assert len(told) == 1
    assert len((await need.shares.waiting(need.phone.caller, need.c)).shares) == 1
    for _ in range(2):
        await need.shares.done(need.phone.caller, need.c, need.request(1))


async def test_d4_a_request_is_kept_until_its_own_secret_opened(need: Need) -> None:
    """A share that still carries something wanted stays too."""
    await need.shares.ask(need.phone.caller, need.c, need.request(1, 3))
    await need.shares.submit(need.bob.caller, need.c, need.submission(await need.share()))
    await need.shares.done(need.phone.caller, need.c, need.request(3))
    (told,) = need.world.told(ShareDoneWakeup)
    assert told.lacks == [b"\1" + need.key_id[:16]]
    assert len((await need.shares.waiting(need.phone.caller, need.c)).shares) == 1


async def test_r9_a_message_is_delivered_to_who_does_not_ask_for_its_key(need: Need) -> None:
    world, bob, phone = need.world, need.bob, need.phone
    key = need.key_id[:16].hex()
    person_id = bob.caller.person_id

    async def come(device: Device, delivered: int) -> None:
        caller = device.caller
        cursor = SeenCursor(need.c, caller.client_id, person_id, Seq(delivered), Seq(0))
        await LiveFeed(world.service.deps).store_cursors([cursor])

    async def told() -> wire.Receipt:
        """Return the receipt that the server announced last; members who ask get the same one."""
        frame = msgspec.msgpack.decode(world.told(ReceiptsWakeup)[-1].frame, type=wire.Receipts)
        page = await world.service.conversations.members(need.alice.caller, need.c, "", "")
        (member,) = [one for one in page.members if one.person_id == person_id]
        (receipt,) = frame.receipts
        assert page.receipts_version == frame.receipts_version
        assert receipt == wire.Receipt(
            person_id=person_id,
            delivered_seq=member.delivered_seq,
            read_seq=member.read_seq,
            lacks=member.lacks,
        )
        return receipt

    await come(phone, 1)
    assert await told() == wire.Receipt(
        person_id=person_id, delivered_seq=Seq(1), read_seq=Seq(0), lacks=[]
    )
    await need.shares.ask(phone.caller, need.c, need.request(1, 3))
    assert (await told()).lacks == [wire.LackedKey(key=key, delivered_seq=Seq(0))]
    versions = len(world.told(ReceiptsWakeup))
    await need.shares.ask(phone.caller, need.c, need.request(1))  # Asking again tells nothing.
    await need.shares.done(phone.caller, need.c, need.request(3))
    assert len(world.told(ReceiptsWakeup)) == versions
    await come(bob, 1)
    assert (await told()).lacks == []  # The person's older phone has it.
    await come(phone, 2)
    assert (await told()).lacks == [wire.LackedKey(key=key, delivered_seq=Seq(1))]
    await need.shares.done(phone.caller, need.c, need.request(1))
    assert await told() == wire.Receipt(
        person_id=person_id, delivered_seq=Seq(2), read_seq=Seq(0), lacks=[]
    )


async def test_shares_nobody_asked_for_are_refused(need: Need) -> None:
    share = await need.share()
    with pytest.raises(errors.NotAsked):
        await need.shares.submit(need.bob.caller, need.c, need.submission(share))
    await need.shares.ask(need.phone.caller, need.c, need.request(2))
    with pytest.raises(errors.NotAsked):  # Another secret was asked for.
        await need.shares.submit(need.bob.caller, need.c, need.submission(share))
    stranger = need.world.registry.register()
    with pytest.raises(errors.NotAsked):  # H1: only to listed devices.
        await need.shares.submit(need.bob.caller, need.c, need.submission(share, stranger))
    with pytest.raises(errors.NotMember):
        await need.shares.submit(stranger.caller, need.c, need.submission(share))
    with pytest.raises(errors.NotMember):
        await need.shares.ask(stranger.caller, need.c, need.request(1))


async def test_h1_a_share_is_well_formed_and_sealed_to_its_device(need: Need) -> None:
    await need.shares.ask(need.phone.caller, need.c, need.request(1))
    good = await need.share()
    for bad in (
        good[:-1],
        b"\2" + good[1:],
        await need.share(conversation_id=bytes(16)),
        await need.share(to=need.alice.key),
    ):
        with pytest.raises(errors.RecordInvalid):
            await need.shares.submit(need.bob.caller, need.c, need.submission(bad))
    await need.shares.submit(need.bob.caller, need.c, need.submission(good))


async def test_a_hostile_helper_fills_no_storage(
    need: Need, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("copconnect.delivery.keys.shares.SHARES_WAITING", 2)
    await need.shares.ask(need.phone.caller, need.c, need.request(1))
    for _ in range(2):
        await need.shares.submit(need.alice.caller, need.c, need.submission(await need.share()))
    with pytest.raises(errors.RateLimited) as caught:
        await need.shares.submit(need.alice.caller, need.c, need.submission(await need.share()))
    assert caught.value.details == {"limit": "waiting_shares"}


async def test_no_helper_fills_the_places_of_the_others(need: Need) -> None:
    """Nor does one with two devices: people are counted."""
    await need.shares.ask(need.phone.caller, need.c, need.request(1))
    second = need.world.registry.register(need.alice.caller.person_id)
    await need.world.devices_changed(second)
    for helper in [need.alice, second] * (SHARES_OF_ONE_HELPER // 2):
        await need.shares.submit(helper.caller, need.c, need.submission(await need.share()))
    for helper in (need.alice, second):
        with pytest.raises(errors.RateLimited) as caught:
            await need.shares.submit(helper.caller, need.c, need.submission(await need.share()))
        assert caught.value.details == {"limit": "waiting_shares"}
    honest = await need.share()
    await need.shares.submit(need.bob.caller, need.c, need.submission(honest))
    waiting = (await need.shares.waiting(need.phone.caller, need.c)).shares
    assert honest in waiting
    assert len(waiting) == SHARES_OF_ONE_HELPER + 1


async def test_when_all_places_are_taken_the_helper_with_most_gives_way(
    need: Need, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("copconnect.delivery.keys.shares.SHARES_WAITING", 3)
    await need.shares.ask(need.phone.caller, need.c, need.request(1))
    made = []
    for _ in range(3):
        made.append(await need.share())
        await need.shares.submit(need.alice.caller, need.c, need.submission(made[-1]))
        need.world.clock.at += 1
    honest = await need.share()
    for _ in range(2):  # A repetition pushes nothing out.
        await need.shares.submit(need.bob.caller, need.c, need.submission(honest))
    waiting = (await need.shares.waiting(need.phone.caller, need.c)).shares
    assert waiting == [*made[1:], honest]
    with pytest.raises(errors.RateLimited):  # The place does not go back.
        await need.shares.submit(need.alice.caller, need.c, need.submission(await need.share()))


async def test_askers_and_helpers_are_limited(database: Database) -> None:
    limits = PersonLimits(share_requests_per_minute=2, shares_per_minute=1)
    need = await Need.of(World(database, Options(kem=X25519, limits=limits)))
    for _ in range(2):
        await need.shares.ask(need.phone.caller, need.c, need.request(1))
    with pytest.raises(errors.RateLimited) as asking:
        await need.shares.ask(need.phone.caller, need.c, need.request(1))
    assert asking.value.details == {"limit": "share_requests_per_minute"}
    await need.shares.submit(need.bob.caller, need.c, need.submission(await need.share()))
    with pytest.raises(errors.RateLimited) as helping:
        await need.shares.submit(need.bob.caller, need.c, need.submission(await need.share()))
    assert helping.value.details == {"limit": "shares_per_minute"}
    need.world.clock.at += MINUTE_MS
    await need.shares.ask(need.phone.caller, need.c, need.request(1))


class Newcomers:
    """People who join a group with history and lack its key, all at once."""

    def __init__(self, world: World, people: list[Device], talk: Talk, key_id: bytes) -> None:
        self.world, self.people, self.key_id = world, people, key_id
        self.c, self.shares = talk.conversation_id, world.service.shares
        self.holder = people.pop(0)
        name = wire.ShareReference(kind=1, reference=key_id[:16].hex())
        self.request = wire.ShareRequest(references=[name])

    @classmethod
    async def of(cls, world: World, count: int) -> "Newcomers":
        people = [world.registry.register() for _ in range(count + 1)]
        made = await world.group(people[0], people[1:])
        talk = Talk(world.service, made.conversation_id)
        key_id = await talk.begin(people[0], people[1:])
        world.wakeups.clear()
        return cls(world, people, talk, key_id)

    async def ask(self) -> None:
        """All of them ask in the same moment."""
        asking = (self.shares.ask(one.caller, self.c, self.request) for one in self.people)
        await asyncio.gather(*asking)

    async def answer(self) -> list[wire.DeviceShare]:
        """Return a share for each, by the holder."""
        found = await self.world.service.keys.read(self.holder.caller, self.c, self.key_id)
        assert found.key is not None
        record = ConversationKey.parse(found.key.record)
        return [self._share(one, record) for one in self.people]

    def _share(self, to: Device, record: ConversationKey) -> wire.DeviceShare:
        assert to.key is not None
        secret = self.holder.secrets[self.key_id]
        share = make_share(bytes.fromhex(self.c), to.key, [(record, secret)]).encode()
        return wire.DeviceShare(device=DeviceId(to.device.hex()), share=share)

    async def post(self, shares: list[wire.DeviceShare]) -> None:
        """Submit an answer."""
        await self.shares.submit(self.holder.caller, self.c, wire.SubmitShares(shares=shares))

    async def waiting(self) -> list[int]:
        """Return how many shares wait for each."""
        return [len((await self.shares.waiting(one.caller, self.c)).shares) for one in self.people]


async def test_d4_a_start_asks_for_what_the_newest_page_needs(need: Need) -> None:
    """A newcomer asks for nothing: one request has all that it begins with."""
    world, phone = need.world, need.phone
    body = wire.StartConversation(entries=20)
    start = await world.service.starting.start(phone.caller, need.c, body)
    shown = await world.service.conversations.conversation(phone.caller, need.c)
    assert start.conversation == shown
    assert [one.seq for one in start.page.entries] == [1]
    assert start.asked == need.request(1).references
    (asked,) = world.told(ShareAskedWakeup)
    assert (asked.device, asked.lacks) == (phone.device.hex(), [b"\1" + need.key_id[:16]])
    older = await world.service.starting.start(need.bob.caller, need.c, body)
    assert older.asked == []  # It has a seal.
    stranger = world.registry.register()
    with pytest.raises(errors.NotMember):
        await world.service.starting.start(stranger.caller, need.c, body)


@pytest.mark.databases("sqlite", "postgresql")
async def test_d4_starts_of_one_moment_cost_the_same_for_2_and_for_16(database: Database) -> None:
    counts = []
    for newcomers in (2, wire.SHARES_AT_ONCE):
        world = World(database)
        alice, bob, *people = [world.registry.register() for _ in range(newcomers + 2)]
        made = await world.group(alice, [bob], history_days=30)
        talk = Talk(world.service, made.conversation_id)
        await talk.say(alice, await talk.begin(alice, [bob]), b"before they came")
        await world.change(alice.caller, made, add=people)
        starting, body = world.service.starting, wire.StartConversation(entries=20)
        with Statements(database) as statements:
            started = await asyncio.gather(
                *(starting.start(one.caller, talk.conversation_id, body) for one in people)
            )
        assert [len(one.asked) for one in started] == [1] * newcomers
        counts.append(_counted(statements))
    assert counts[0] == counts[1]


@pytest.mark.databases("sqlite", "postgresql")
async def test_d4_one_answer_costs_the_same_for_1_and_for_16(database: Database) -> None:
    counts = []
    for newcomers in (1, wire.SHARES_AT_ONCE):
        group = await Newcomers.of(World(database), newcomers)
        with Statements(database) as asking:
            await group.ask()
        answer = await group.answer()
        with Statements(database) as answering:
            await group.post(answer)
        assert await group.waiting() == [1] * newcomers
        assert len(group.world.told(ShareWakeup)) == newcomers
        with Statements(database) as opening:
            opened = (group.shares.done(one.caller, group.c, group.request) for one in group.people)
            await asyncio.gather(*opened)
        assert await group.waiting() == [0] * newcomers
        counts.append([_counted(one) for one in (asking, answering, opening)])
    ((ask_one, post_one, done_one), (ask_all, post_all, done_all)) = counts
    assert done_one == done_all <= 7
    assert post_one == post_all <= 7
    assert ask_one == ask_all <= 5


async def test_d4_a_bad_share_stops_no_other(database: Database) -> None:
    group = await Newcomers.of(World(database), 5)
    await group.ask()
    answer = await group.answer()
    good, rubbish, anothers, opened, removed = answer
    answer[1] = msgspec.structs.replace(rubbish, share=rubbish.share[:-1])
    answer[2] = msgspec.structs.replace(anothers, share=good.share)
    await group.shares.done(group.people[3].caller, group.c, group.request)
    await group.world.revoke(group.people.pop())
    for _ in range(2):  # A repetition stores nothing twice.
        await group.post(answer)
        assert await group.waiting() == [1, 0, 0, 0]
    assert len(group.world.told(ShareWakeup)) == 1
    with pytest.raises(errors.RecordInvalid):  # Nothing of this is kept.
        await group.post([answer[1], opened, removed])
    with pytest.raises(errors.RecordInvalid):
        await group.post([good, good])


async def test_d4_a_refused_request_stops_no_other(database: Database) -> None:
    """Requests of one moment share a transaction."""
    group = await Newcomers.of(World(database), 3)
    stranger = group.world.registry.register()
    group.people.append(stranger)
    asking = [group.shares.ask(one.caller, group.c, group.request) for one in group.people]
    results = await asyncio.gather(*asking, return_exceptions=True)
    assert results[:3] == [None] * 3
    assert isinstance(results[3], errors.NotMember)
    assert len(group.world.told(ShareAskedWakeup)) == 3


def _counted(statements: list[str]) -> int:
    """Return how many of these both databases execute."""
    return len([one for one in statements if not one.startswith("BEGIN")])
