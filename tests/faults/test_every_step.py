"""Whatever is killed at whatever step of a message's path, or cut off: everybody receives it once.

Sealed messages are the real core's, for several cells; the simulated devices open them. Something
dies when a message has just come to a step, and comes back. All of it is one file, because what it
runs on takes long to start.
"""

import asyncio
from collections.abc import Callable

import httpx
import msgspec
import pytest

from copconnect import wire
from copconnect.ids import new_id
from tests.faults.conftest import found
from tests.faults.steps import AT_HEARING, AT_POSTING, PostingStep, Step
from tests.faults.stopping import StoppingWorker
from tests.faults.stream import Place, streaming_to
from tests.faults.two_nodes import TwoNodes
from tests.harness.officer import MSGPACK

pytestmark = [pytest.mark.postgresql, pytest.mark.nats, pytest.mark.timeout(400)]
Dies = Callable[[TwoNodes, StoppingWorker, Step], None]


def the_worker(nodes: TwoNodes, stopped: StoppingWorker, step: Step) -> None:
    """The process that is at the step. Where nobody has committed, the next message takes the place
    in the log that this one would have had; who was told of it already would miss that one."""
    stopped.kill()
    if step in AT_POSTING and step != "it is committed":
        nodes.reader_sends(f"While the worker is away at {step}")
    stopped.start()  # After a commit nothing follows that would show the gap: healing must.


def postgresql(nodes: TwoNodes, stopped: StoppingWorker, _: Step) -> None:
    """Each node has lost its connections, whatever they were used for."""
    nodes.crash_postgresql()
    stopped.go_on()
    nodes.database.start()


def nats(nodes: TwoNodes, stopped: StoppingWorker, _: Step) -> None:
    """No node hears another until it is back."""
    nodes.nats.kill()
    stopped.go_on()
    nodes.nats.start()


@pytest.mark.parametrize("step", [*AT_POSTING, *AT_HEARING])
@pytest.mark.parametrize("dies", [the_worker, postgresql, nats], ids=lambda one: one.__name__)
def test_a_sealed_message_is_received_once(nodes: TwoNodes, dies: Dies, step: Step) -> None:
    stopped = nodes.posting if step in AT_POSTING else nodes.hearing
    nodes.whole()
    stopped.stop_at(step)
    nodes.begin_to_send(f"{dies.__name__} dies when {step}")
    stopped.wait_for_stop(step)
    dies(nodes, stopped, step)
    nodes.received_once()
    nodes.cursor_stored()


# --- Messages of one cell ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def tokens(nodes: TwoNodes) -> list[str]:
    """Those of the streams' clients."""
    return [device.token for device in nodes.idle]


@pytest.fixture
async def place(nodes: TwoNodes, tokens: list[str]) -> Place:
    """A new group of theirs."""
    body = wire.CreateConversation(
        conversation_id=new_id(),
        kind="group",
        cell_id=new_id(),
        person_ids=[device.person_id for device in nodes.idle[1:]],
        who_may_post="everyone",
    )
    headers = {"authorization": f"Bearer {tokens[0]}", "accept": MSGPACK, "content-type": MSGPACK}
    async with httpx.AsyncClient(headers=headers) as http:
        answer = await http.post(
            f"{nodes.posting.url}/v1/conversations", content=msgspec.msgpack.encode(body)
        )
    answer.raise_for_status()
    made = msgspec.msgpack.decode(answer.content, type=wire.Conversation)
    return await found(nodes.database.host, made)


@pytest.mark.parametrize("step", AT_POSTING)
async def test_messages_of_one_cell_are_received_once(
    nodes: TwoNodes, tokens: list[str], place: Place, step: PostingStep
) -> None:
    """Other code takes them into the log than sealed ones: several in one transaction
    (delivery/accepting.py). Two clients post all the time, by both workers."""
    addresses = [f"127.0.0.1:{worker.port}" for worker in nodes.workers]
    async with streaming_to(addresses, tokens, place) as stream:
        nodes.posting.stop_at(step)
        await asyncio.to_thread(nodes.posting.wait_for_stop, step)
        nodes.posting.restart()
        await stream.all_online()
    assert sum(one.repeats for one in stream.posters) > 0


# --- Partitions -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("up", "down"),
    [(0, 0), (0, None), (None, 0)],
    ids=["both ways", "it is not heard", "it does not hear"],
)
@pytest.mark.parametrize("lonely", ["posting", "hearing"])
def test_a_worker_is_cut_off_from_nats(
    nodes: TwoNodes, lonely: str, up: int | None, down: int | None
) -> None:
    """In one direction or both; the other worker is not. Its connection stays open, as where
    packets are lost on the way: nothing arrives, and when the line is back what was held comes
    late. Messages come all the same meanwhile, and nobody loses a connection."""
    line = nodes.posting_line if lonely == "posting" else nodes.hearing_line
    texts = [f"{lonely} {up} {down} {number}" for number in range(3)]
    nodes.whole()
    before = nodes.connections_lost()
    line.hold(up=up, down=down)
    try:
        nodes.begin_to_send(texts[0])
        nodes.received_once()
        nodes.begin_to_send(texts[1])
        nodes.received_once()
    finally:
        line.release()
    nodes.whole()
    nodes.begin_to_send(texts[2])
    nodes.received_once()
    nodes.cursor_stored()
    assert nodes.connections_lost() == before
