"""D4: how long devices are asked for what one lacks, and what other nodes hear of it."""

import itertools
from typing import cast

import pytest

from copconnect.bus import LocalBus, ShareAskedWakeup
from copconnect.delivery.live.asking import HelpRequests
from copconnect.delivery.live.share_routing import AGAIN_MS
from copconnect.sockets.dispatch.fanout import Fanout
from tests.live.connected import Node
from tests.live.share_force import Force

pytestmark = pytest.mark.databases("sqlite")


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
