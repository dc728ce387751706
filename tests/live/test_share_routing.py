"""D4: whom a node asks for what a device lacks, in which order, until when."""

import itertools
from collections import Counter
from collections.abc import Collection, Sequence
from typing import cast

import msgspec
import pytest
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.bus import LocalBus, ShareAskedWakeup, ShareDoneWakeup, ShareWakeup
from copconnect.database.engine import Database
from copconnect.delivery.live import share_helpers, share_routing
from copconnect.delivery.live.asking import HelpRequests
from copconnect.delivery.live.share_helpers import (
    MOST_ASKS,
    Found,
    HelpedRequest,
    HelperChoice,
)
from copconnect.delivery.live.share_routing import AGAIN_MS, PAUSE_MS
from copconnect.delivery.rules.limits import HELPED_MS
from copconnect.delivery.store import shares
from copconnect.delivery.store.shares import Asker
from copconnect.delivery.store.tables import SHARE_REQUESTS
from copconnect.ids import ClientId, ConversationId
from copconnect.principals import Caller
from copconnect.records.conversation.key_share import SecretName
from copconnect.records.conversation.roster import HeadStamp, RosterHead, check_proof
from copconnect.sockets.dispatch.fanout import Fanout
from copconnect.sockets.feed import Online
from tests.contract.statements import Statements
from tests.live.connected import AskingWorld, Node
from tests.live.rows import Rows, device, second

pytestmark = pytest.mark.databases("sqlite")


class Force(AskingWorld):
    """A conversation of an asker, their other device and five others."""

    async def fill(self, cells: int = 1) -> "Force":
        """Write it."""
        self.asker = device()
        self.own = second(self.asker)
        self.others = [device() for _ in range(5)]
        self.devices.add(self.asker, self.own, *self.others)
        self.rows = Rows(self.database, cells)
        await self.rows.roster([self.asker, *self.others, self.own])
        return self

    async def lack(self, kind: int = 1, count: int = 1) -> ShareAskedWakeup:
        """The asker lacks secrets."""
        for n in range(count):
            reference = n.to_bytes(16, "big")
            await self.rows.share_request(self.asker, kind, reference, self.clock.at)
        return self.announced(kind, count)

    def announced(self, kind: int = 1, count: int = 1) -> ShareAskedWakeup:
        """The announcement of the request."""
        return ShareAskedWakeup(
            conversation_id=self.rows.conversation_id,
            device=self.asker.device.hex(),
            client_id=self.asker.client_id,
            person_id=self.asker.person_id,
            cell_id=self.rows.cells[0],
            lacks=[bytes([kind]) + n.to_bytes(16, "big") for n in range(count)],
        )

    async def forget(self, askers: Sequence[Caller] | None = None) -> None:
        """These devices lack nothing any more; None: no device does."""
        query = delete(SHARE_REQUESTS)
        if askers is not None:
            query = query.where(SHARE_REQUESTS.c.device.in_([one.device for one in askers]))
        async with self.database.transaction() as connection:
            await connection.execute(query)

    async def join(self, people: Sequence[Caller]) -> None:
        """List more devices."""
        self.devices.add(*people)
        await self.rows.roster(people)

    async def all_lack(self, asking: HelpRequests, askers: Sequence[Caller]) -> None:
        """These devices lack a secret, the same."""
        for self.asker in askers:
            await asking.receive(await self.lack())

    async def help(self, asking: HelpRequests, askers: Sequence[Caller]) -> None:
        """A device has sent shares for these."""
        for one in askers:
            wakeup = ShareWakeup(
                conversation_id=self.rows.conversation_id,
                device=one.device.hex(),
                client_id=one.client_id,
                share=b"share",
            )
            await asking.receive(wakeup)
        places = [(self.rows.conversation_id, one.device) for one in askers]
        async with self.database.transaction() as connection:
            await shares.hold(connection, places, self.clock.at + HELPED_MS)

    def opened(self, by: Caller) -> ShareDoneWakeup:
        """The announcement that a device lacks nothing any more."""
        c = self.rows.conversation_id
        return ShareDoneWakeup(conversation_id=c, device=by.device.hex(), opened=[], lacks=[])

    async def turns(self, node: Node, asking: HelpRequests, count: int) -> list[Caller]:
        """Return who is asked in so many turns."""
        found = []
        for _ in range(count):
            await asking.work()
            found += node.asked()
            self.clock.at += AGAIN_MS
        return found


@pytest.fixture
async def force(database: Database) -> Force:
    return await Force(database).fill()


async def test_d4_own_devices_first_then_the_longest_connected_one_at_a_time(force: Force) -> None:
    node, asking = force.node(*force.others, force.own, force.asker)
    await asking.receive(await force.lack())
    await asking.work()
    assert node.asked() == [force.own]
    await asking.work()
    assert node.asked() == []
    force.clock.at += AGAIN_MS
    assert await force.turns(node, asking, 6) == force.others  # Then all were asked.
    force.clock.at += PAUSE_MS
    assert await force.turns(node, asking, 2) == [force.own, force.others[0]]  # By now, perhaps.


async def test_d4_a_device_that_lacks_the_same_is_not_asked(force: Force) -> None:
    """K4: of a key that was sealed as rubbish everybody else asks for a share."""
    author, *receivers = force.others
    node, asking = force.node(*receivers, author)
    for force.asker in receivers:
        await asking.receive(await force.lack())
    questions = []
    for _ in range(10):
        await asking.work()
        questions += node.questions()
        force.clock.at += AGAIN_MS
    assert questions == [(author, [one.device.hex() for one in receivers])]
    # A device that has opened it helps the others.
    force.asker = receivers[0]
    await asking.receive(force.opened(force.asker))
    asking.shares.entered()
    await asking.work()
    assert node.questions() == [(receivers[0], [one.device.hex() for one in receivers[1:]])]


@pytest.mark.databases("sqlite", "postgresql")
async def test_d4_one_question_is_about_up_to_16_devices_that_lack_the_same(force: Force) -> None:
    askers = [device() for _ in range(wire.SHARES_AT_ONCE + 4)]
    await force.join(askers)
    node, asking = force.node(*force.others[:2], *askers)
    await force.all_lack(asking, askers)
    await asking.work()
    asked = [one.device.hex() for one in askers]
    first, second = force.others[:2]
    assert node.questions() == [(first, asked[:16])]
    await asking.work()
    assert node.questions() == []
    await force.help(asking, askers[:16])
    await asking.work()
    assert node.questions() == [(first, asked[16:])]
    # The one whose share was no good asks on; the next device is asked about it alone.
    await force.help(asking, askers[16:])
    for one in askers[1:]:
        await asking.receive(force.opened(one))
    await force.forget(askers[1:])
    force.clock.at += HELPED_MS
    await asking.work()
    assert node.questions() == [(second, asked[:1])]


@pytest.mark.databases("sqlite", "postgresql")
async def test_d4_newcomers_of_a_slow_helper_wait_for_its_next_answer(force: Force) -> None:
    """100 newcomers come within ten seconds; each answer takes five. One helper answers about all:
    nobody else is asked meanwhile, at either node."""
    askers = [device() for _ in range(100)]
    await force.join(askers)
    node, asking = force.node(*force.others, *askers)
    other, elsewhere = force.node(*[device() for _ in range(3)])
    answers: list[tuple[int, list[Caller]]] = []
    by_name = {one.device.hex(): one for one in askers}
    helpers: Counter[Caller] = Counter()
    for tick in range(200):
        for force.asker in askers[tick : tick + 1]:
            wakeup = await force.lack()
            for one in (asking, elsewhere):
                await one.receive(wakeup)
        for one in (asking, elsewhere):
            await one.work()
        for helper, about in [*node.questions(), *other.questions()]:
            helpers[helper] += 1
            asking.shares.begun(helper.client_id, force.rows.conversation_id)
            answers.append((force.clock.at + 5_000, [by_name[one] for one in about]))
        helped = [asker for at, about in answers if at == force.clock.at for asker in about]
        for one in (asking, elsewhere):
            await force.help(one, helped)
            for asker in helped:
                await one.receive(force.opened(asker))
        await force.forget(helped)
        force.clock.at += 100
    assert helpers.total() <= 9
    assert len(asking.shares) == 0


async def test_d4_where_every_helper_is_busy_one_request_looks_for_one(
    force: Force, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thousands may wait for the same: a look costs as much for all of them as for one."""
    newcomers = [device() for _ in range(6 * wire.SHARES_AT_ONCE)]
    await force.join(newcomers)
    node, asking = force.node(*force.others)
    await force.all_lack(asking, newcomers)
    force.clock.at += AGAIN_MS
    await asking.work()
    assert node.asked() == force.others
    looks: list[bytes] = []
    choose = HelperChoice.choose

    def counted(
        self: HelperChoice,
        request: HelpedRequest,
        helpers: Found,
        busy: Collection[tuple[ClientId, ConversationId]],
    ) -> Online | None:
        looks.append(request.who.device)
        return choose(self, request, helpers, busy)

    monkeypatch.setattr(HelperChoice, "choose", counted)
    await asking.work()
    assert node.asked() == []
    assert len(set(looks)) == 1
    # One helper has answered: the last 16 are asked about.
    await force.help(asking, newcomers[: wire.SHARES_AT_ONCE])
    await asking.work()
    assert node.asked() == force.others[:1]


async def test_d4_a_free_device_of_the_person_is_asked_while_all_others_are_busy(
    force: Force, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a large group it is not among the devices that are looked at for everybody."""
    monkeypatch.setattr(share_helpers, "LOOKED_AT", len(force.others))
    owner, crowd = force.asker, [device() for _ in range(6 * wire.SHARES_AT_ONCE)]
    await force.join(crowd)
    node, asking = force.node(*force.others, force.own)
    await force.all_lack(asking, [*crowd[:-5], owner, *crowd[-5:]])
    force.clock.at += AGAIN_MS
    await asking.work()
    questions = dict(node.questions())
    assert [*questions] == [*force.others, force.own]
    assert questions[force.own] == [owner.device.hex()]


async def test_d4_a_helper_that_lets_time_pass_is_asked_no_more_for_a_minute(force: Force) -> None:
    node, asking = force.node(*force.others[:2], force.asker)
    await asking.receive(await force.lack())
    await asking.work()
    first, second = force.others[:2]
    assert node.asked() == [first]
    asking.shares.begun(first.client_id, force.rows.conversation_id)
    force.clock.at += HELPED_MS - 1
    await asking.work()
    assert node.asked() == []
    force.clock.at += 1
    await asking.work()
    assert node.asked() == [second]
    force.asker = force.others[2]
    node.there.append(force.asker)
    await asking.receive(await force.lack())
    force.clock.at += AGAIN_MS
    await asking.work()
    assert node.asked() == [second]


@pytest.mark.databases("sqlite", "postgresql")
async def test_d4_who_is_left_out_of_an_answer_asks_the_next_device(force: Force) -> None:
    askers = [device() for _ in range(3)]
    await force.join(askers)
    node, asking = force.node(*force.others[:2], *askers)
    await force.all_lack(asking, askers)
    await asking.work()
    node.questions()
    await force.help(asking, askers[:2])
    await asking.work()
    assert node.questions() == [(force.others[1], [askers[2].device.hex()])]


async def test_d4_the_next_device_is_asked_at_once_if_a_connection_ends(force: Force) -> None:
    node, asking = force.node(*force.others[:2], force.asker)
    await asking.receive(await force.lack())
    await asking.work()
    assert node.asked() == [force.others[0]]
    node.there.remove(force.others[0])
    await asking.work()
    assert node.asked() == [force.others[1]]


async def test_d4_of_two_nodes_one_asks(force: Force) -> None:
    nodes = [force.node(one) for one in force.others[:4]]
    wakeup = msgspec.structs.replace(await force.lack(), anybody=True)
    for _, asking in nodes:
        await asking.receive(wakeup)
        await asking.work()
    assert [len(node.asked()) for node, _ in nodes] == [1, 0, 0, 0]
    force.clock.at += AGAIN_MS
    for _, asking in reversed(nodes):
        await asking.work()
    assert [len(node.asked()) for node, _ in nodes] == [0, 0, 0, 1]


async def test_d4_a_removed_member_is_in_no_question(force: Force) -> None:
    askers = [device() for _ in range(4)]
    await force.join(askers)
    node, asking = force.node(force.others[0], *askers)
    await force.all_lack(asking, askers)
    await force.rows.roster(remove=[askers[2]])
    await asking.work()
    left = [one.device.hex() for one in askers if one is not askers[2]]
    assert node.questions() == [(force.others[0], left)]


async def test_d4_a_device_that_asks_again_ends_the_rest_of_its_request(force: Force) -> None:
    node, asking = force.node(force.others[0], force.asker)
    await asking.receive(await force.lack())
    assert await force.turns(node, asking, 3) == [force.others[0]]
    for _ in range(3):  # The helper was asked just now.
        await asking.receive(force.announced())
        await asking.work()
    assert node.asked() == [force.others[0]]


async def test_d4_asking_ends_but_waiting_does_not(force: Force) -> None:
    node, asking = force.node(force.others[0], force.asker)
    await asking.receive(await force.lack())
    asked_s = []
    for at_s in range(0, 4 * 3_600, 2):
        await asking.shares.work()
        asked_s += [at_s] * len(node.asked())
        force.clock.at += 2_000
    pauses = [b - a for a, b in itertools.pairwise(asked_s)]
    assert len(asked_s) < 12
    assert pauses == sorted(pauses)
    assert pauses[-1] > 3_500
    assert len(asking.shares) == 1


async def test_d4_a_helper_is_told_what_it_must_check(force: Force) -> None:
    node, asking = force.node(force.own, force.asker)
    await asking.receive(await force.lack(count=2))
    await asking.work()
    ((_, frame),) = node.frames
    assert isinstance(frame, wire.ShareWanted)
    head = RosterHead.parse(frame.head)
    stamp = HeadStamp.parse(frame.stamp)
    assert (stamp.head, stamp.time) == (head.hash(), force.clock.at)
    (asker,) = frame.askers
    leaf, _ = check_proof(head, force.asker.device, asker.proof, "H1")
    assert leaf.device == force.asker.device
    assert (asker.device, asker.person_id) == (force.asker.device.hex(), force.asker.person_id)
    assert asker.keys == [b"key of " + force.asker.device]
    assert frame.references == [
        wire.ShareReference(kind=1, reference=n.to_bytes(16, "big").hex()) for n in range(2)
    ]


async def test_d4_more_that_is_lacked_while_helpers_are_told(
    force: Force, monkeypatch: pytest.MonkeyPatch
) -> None:
    node, asking = force.node(force.own, force.asker)
    await force.lack(count=2)
    await asking.receive(force.announced(count=1))
    read = shares.requested

    async def early(
        connection: AsyncConnection, askers: Collection[Asker]
    ) -> dict[Asker, set[SecretName]]:
        """Read before the second was written; it is announced before any device is notified."""
        monkeypatch.undo()
        await asking.receive(force.announced(count=2))
        return {key: {min(found)} for key, found in (await read(connection, askers)).items()}

    monkeypatch.setattr(shares, "requested", early)
    await asking.work()
    told = [frame.references for _, frame in node.frames if isinstance(frame, wire.ShareWanted)]
    assert [len(references) for references in told] == [2]


@pytest.mark.databases("sqlite", "postgresql")
async def test_d4_until_the_asker_says_that_it_opened(force: Force) -> None:
    node, asking = force.node(*force.others, force.asker)
    await asking.receive(await force.lack())
    await asking.work()
    assert len(node.asked()) == 1
    await force.forget()
    await asking.receive(force.opened(force.asker))
    force.clock.at += AGAIN_MS
    await asking.work()
    assert node.asked() == []
    assert len(asking.shares) == 0


async def test_d4_though_the_word_of_the_end_was_lost(force: Force) -> None:
    node, asking = force.node(*force.others, force.asker)
    await asking.receive(await force.lack())
    await asking.work()
    assert len(node.asked()) == 1
    await force.forget()
    force.clock.at += AGAIN_MS
    await asking.work()
    assert node.asked() == []
    assert len(asking.shares) == 0


async def test_d4_another_node_asks_later_and_own_devices_first(force: Force) -> None:
    here, at_home = force.node(force.asker, force.others[0])
    there, elsewhere = force.node(*force.others[1:], force.own)
    wakeup = await force.lack()
    for asking in (elsewhere, at_home):
        await asking.receive(wakeup)
        await asking.work()
    assert here.asked() == [force.others[0]]
    assert there.asked() == []
    force.clock.at += AGAIN_MS
    await elsewhere.work()
    assert there.asked() == [force.own]


async def test_d4_a_node_with_nobody_to_ask_tells_the_others_at_once(force: Force) -> None:
    heard: list[ShareAskedWakeup] = []

    async def hear(wakeup: object) -> None:
        assert isinstance(wakeup, ShareAskedWakeup)
        heard.append(wakeup)

    bus = LocalBus()
    bus.subscribe(hear)
    at_home = HelpRequests(force.deps_with(bus), lambda: 0.0)
    at_home.attach(cast(Fanout, Node(force.rows, force.asker)))
    wakeup = await force.lack()
    await at_home.receive(wakeup)
    (told,) = heard
    assert told.anybody
    await at_home.receive(told)  # It hears itself.
    assert len(heard) == 1
    there, elsewhere = force.node(*force.others)
    await elsewhere.receive(told)
    await elsewhere.work()
    assert there.asked() == [force.others[0]]


async def test_d4_who_connects_is_asked_for_what_is_open(force: Force) -> None:
    """The old phone was off when the new one asked."""
    node, asking = force.node(force.asker)
    await asking.receive(await force.lack())
    await asking.work()
    assert node.asked() == []
    node.there.append(force.own)
    asking.shares.entered()
    await asking.work()
    assert node.asked() == [force.own]
    for _ in range(3):  # Others who connect do not have it asked again.
        asking.shares.entered()
        await asking.work()
    assert node.asked() == []


async def test_d4_what_was_not_announced_is_found(force: Force) -> None:
    """After a crash, or a lost wake-up."""
    await force.lack()
    node, asking = force.node(force.own, force.asker)
    await asking.work()
    assert node.asked() == [force.own]


async def test_d4_an_unlisted_device_gets_no_help(force: Force) -> None:
    node, asking = force.node(*force.others)
    wakeup = await force.lack()
    await force.rows.roster(remove=[force.asker])
    await asking.receive(wakeup)
    force.clock.at += AGAIN_MS
    await asking.work()
    assert node.asked() == []
    assert len(asking.shares) == 0


async def test_d4_devices_of_the_cell_are_asked_for_its_key_first(database: Database) -> None:
    force = await Force(database).fill(cells=2)
    # Asker and others 1, 3 sit in the first cell, others 0, 2, 4 in the second, own in the first.
    node, asking = force.node(*force.others, force.asker)
    await asking.receive(await force.lack(kind=2))
    found = []
    for _ in range(3):
        await asking.shares.work()
        found += node.asked()
        force.clock.at += AGAIN_MS
    assert found == [force.others[1], force.others[3], force.others[0]]


async def test_h4_a_storm_of_requests_spreads_over_devices(force: Force) -> None:
    askers = [device() for _ in range(MOST_ASKS + 2)]
    await force.join(askers)
    node, asking = force.node(*force.others[:2], *askers)
    for n, one in enumerate(askers[:-1]):
        await force.all_lack(asking, [one])
        await asking.work()
        assert node.asked() == [force.others[n // MOST_ASKS]], n
        await force.help(asking, [one])
        await asking.receive(force.opened(one))
    await force.forget()
    force.clock.at += 60_000  # Another minute.
    await force.all_lack(asking, askers[-1:])
    await asking.work()
    last = askers[-1].device.hex()
    assert [one for one, about in node.questions() if last in about] == [force.others[0]]


async def test_h4_a_storm_in_one_moment_spreads_over_devices(force: Force) -> None:
    askers = [device() for _ in range(2 * MOST_ASKS)]
    await force.join(askers)
    node, asking = force.node(*force.others[:2], *askers)
    await force.all_lack(asking, askers)
    counts = Counter[Caller]()
    by_name = {one.device.hex(): one for one in askers}
    for _ in range(2):
        await asking.work()
        for helper, about in node.questions():
            counts[helper] += len(about)
            await force.help(asking, [by_name[one] for one in about])
    assert counts == dict.fromkeys(force.others[:2], MOST_ASKS)


async def test_d4_many_secrets_are_asked_for_in_parts(
    force: Force, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "SHARE_SECRETS", 2)
    node, asking = force.node(*force.others, force.asker)
    await asking.receive(await force.lack(count=5))
    parts = []
    for _ in range(2):
        await asking.work()
        frames = {
            tuple(one.reference for one in frame.references)
            for _, frame in node.frames
            if isinstance(frame, wire.ShareWanted)
        }
        assert len(frames) == 1
        parts += [int(one, 16) for one in frames.pop()]
        node.asked()
        force.clock.at += AGAIN_MS
    assert parts == [0, 1, 2, 3]


async def test_requests_in_memory_are_bounded(
    force: Force, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(share_routing, "MOST_OPEN", 3)
    _, asking = force.node()
    for one in force.others:
        force.asker = one
        await asking.receive(force.announced())
    assert len(asking.shares) == 3


async def test_asking_costs_the_same_for_one_and_for_many(force: Force) -> None:
    costs = []
    for askers in (force.others[:1], force.others):
        await force.forget()
        node, asking = force.node(*force.others, force.own)
        await asking.work()  # Its first look at everything finds nothing.
        for one in askers:
            force.asker = one
            await asking.receive(await force.lack())
        force.clock.at += AGAIN_MS
        with Statements(force.database) as statements:
            await asking.work()
        assert sum(len(about) for _, about in node.questions()) >= len(askers)
        costs.append(len([one for one in statements if one != "BEGIN"]))
    assert costs[1] <= costs[0]
