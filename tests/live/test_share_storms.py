"""D4, H4: many devices lack secrets at once; helpers are busy, and nothing grows without bound."""

from collections import Counter
from collections.abc import Collection

import pytest

from copconnect import wire
from copconnect.delivery.live import share_helpers, share_routing
from copconnect.delivery.live.share_helpers import (
    MOST_ASKS,
    Found,
    HelpedRequest,
    HelperChoice,
)
from copconnect.delivery.live.share_routing import AGAIN_MS
from copconnect.delivery.rules.limits import HELPED_MS
from copconnect.ids import ClientId, ConversationId
from copconnect.principals import Caller
from copconnect.sockets.feed import Online
from tests.contract.statements import Statements
from tests.live.rows import device
from tests.live.share_force import Force

pytestmark = pytest.mark.databases("sqlite")


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
