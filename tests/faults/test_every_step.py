"""Everybody receives each message once and opens it, whatever is killed or cut off at whatever step
of a message's or a key's path.

A part of the server dies when a message, a key or a cursor has just come to a step, and comes back.
All of it is one file, because what it runs on takes long to start.
"""

import asyncio
from collections.abc import Callable

import pytest

from tests.faults.phones import Place
from tests.faults.steps import (
    AT_HEARING,
    AT_KEYS,
    AT_SENDING,
    HearingStep,
    KeyStep,
    SendingStep,
    Step,
)
from tests.faults.stopping import StoppingWorker
from tests.faults.stream import streaming
from tests.faults.two_nodes import Talk, TwoNodes, talking

pytestmark = [pytest.mark.postgresql, pytest.mark.nats, pytest.mark.timeout(400)]
Dies = Callable[[TwoNodes, StoppingWorker], None]


def the_worker(_: TwoNodes, stopped: StoppingWorker) -> None:
    """The process that is at the step. After a commit nothing follows that would show the gap:
    reconciling must."""
    stopped.restart()


def postgresql(nodes: TwoNodes, stopped: StoppingWorker) -> None:
    """Each node has lost its connections, whatever they were used for."""
    nodes.crash_postgresql()
    stopped.go_on()
    nodes.shared.database.start()


def nats(nodes: TwoNodes, stopped: StoppingWorker) -> None:
    """No node hears another until it is back."""
    nodes.shared.nats.kill()
    stopped.go_on()
    nodes.shared.nats.start()


DYING = pytest.mark.parametrize(
    "dies", [the_worker, postgresql, nats], ids=lambda one: str(one.__name__)
)


@pytest.fixture(scope="module")
def place(nodes: TwoNodes) -> Place:
    """The conversation of messages."""
    return nodes.place()


async def dying(nodes: TwoNodes, stopped: StoppingWorker, step: Step, dies: Dies) -> None:
    """Wait until the worker is at the step, and let something die there. In this thread: a child
    of another would end with that."""
    await asyncio.to_thread(stopped.wait_for_stop, step)
    dies(nodes, stopped)


@pytest.mark.parametrize("step", AT_SENDING)
@DYING
async def test_d6_a_message_is_received_once(
    nodes: TwoNodes, place: Place, dies: Dies, step: SendingStep
) -> None:
    await asyncio.to_thread(nodes.whole)
    async with talking(nodes, place) as talk:
        nodes.accepting.stop_at(step)
        sending = asyncio.create_task(talk.send())
        last = ("it is committed", "this worker's sockets have it")
        if dies is the_worker and step not in last:
            # The next message takes the place in the log that this one would have had: a device
            # that had this one already would miss the next.
            await asyncio.to_thread(nodes.accepting.wait_for_stop, step)
            nodes.accepting.kill()
            await talk.send(by=1)
            nodes.accepting.start()
        else:
            await dying(nodes, nodes.accepting, step, dies)
        await sending


@pytest.mark.parametrize("step", AT_HEARING[1:])
@DYING
async def test_a_message_and_its_cursors_are_heard(
    nodes: TwoNodes, place: Place, dies: Dies, step: HearingStep
) -> None:
    await asyncio.to_thread(nodes.whole)
    async with talking(nodes, place) as talk:
        nodes.hearing.stop_at(step)
        await talk.send()
        await dying(nodes, nodes.hearing, step, dies)


@pytest.mark.parametrize("step", [*AT_KEYS, *AT_HEARING[:1]])
@DYING
async def test_s5_a_key_reaches_everybody(
    nodes: TwoNodes, dies: Dies, step: KeyStep | HearingStep
) -> None:
    await asyncio.to_thread(nodes.whole)
    place = await asyncio.to_thread(nodes.keyless)
    stopped = nodes.accepting if step in AT_KEYS else nodes.hearing
    async with talking(nodes, place) as talk:
        stopped.stop_at(step)
        making = asyncio.create_task(talk.new_key(place.phones[0]))
        await dying(nodes, stopped, step, dies)
        await making
        await talk.send()
        await talk.send(by=1)


async def test_several_in_one_transaction_are_received_once(nodes: TwoNodes) -> None:
    """Two phones send all the time, by both workers, while one is killed at each step. (A phone
    whose message is cut off at the end does not know its chain's: this conversation ends here.)"""
    await asyncio.to_thread(nodes.whole)
    place = await asyncio.to_thread(nodes.place)
    addresses = [f"127.0.0.1:{worker.port}" for worker in nodes.workers]
    async with streaming(addresses, place) as stream:
        for step in AT_SENDING:
            nodes.accepting.stop_at(step)
            await asyncio.to_thread(nodes.accepting.wait_for_stop, step)
            nodes.accepting.restart()
            await stream.all_online()
    assert sum(one.repeats for one in stream.posters) > 0


# --- Partitions -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("up", "down"),
    [(0, 0), (0, None), (None, 0)],
    ids=["both ways", "it is not heard", "it does not hear"],
)
@pytest.mark.parametrize("lonely", ["accepting", "hearing"])
async def test_a_worker_is_cut_off_from_nats(
    nodes: TwoNodes, place: Place, lonely: str, up: int | None, down: int | None
) -> None:
    """In one direction or both; the other worker is not. Its connection stays open, as where
    packets are lost on the way: nothing arrives, and when the line is back what was held comes
    late. Messages come all the same meanwhile, and nobody loses a connection."""
    line = nodes.accepting_line if lonely == "accepting" else nodes.hearing_line
    await asyncio.to_thread(nodes.whole)
    async with talking(nodes, place) as talk:
        before = talk.connections
        line.hold(up=up, down=down)
        try:
            for _ in range(2):
                await talk.send()
                await talk.send(by=1)
                await talk.stream.received()
        finally:
            line.release()
        await asyncio.to_thread(nodes.whole)
        await talk.send()
        await everybody_has_it(talk)
        assert talk.connections == before


async def everybody_has_it(talk: Talk) -> None:
    """Wait for messages and cursors."""
    await talk.stream.received()
    await talk.cursors_stored()
