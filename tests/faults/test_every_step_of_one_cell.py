"""A worker dies at the steps of a message of one cell, which other code takes into the log: several
in one transaction (delivery/accepting.py). Two clients post all the time, by both workers."""

import asyncio

import httpx
import msgspec
import pytest

from copconnect import wire
from copconnect.ids import new_id
from tests.faults.conftest import found
from tests.faults.steps import AT_POSTING, PostingStep
from tests.faults.stream import Place, streaming_to
from tests.faults.two_nodes import TwoNodes
from tests.harness.officer import MSGPACK

pytestmark = [pytest.mark.postgresql, pytest.mark.nats, pytest.mark.timeout(400)]
CLIENTS = 6


@pytest.fixture(scope="module")
def tokens(nodes: TwoNodes) -> list[str]:
    """Clients that are in no stream of the other tests."""
    return [device.token for device in nodes.devices[-CLIENTS:]]


@pytest.fixture
async def place(nodes: TwoNodes, tokens: list[str]) -> Place:
    """A new group of theirs."""
    body = wire.CreateConversation(
        conversation_id=new_id(),
        kind="group",
        cell_id=new_id(),
        person_ids=[device.person_id for device in nodes.devices[1 - CLIENTS :]],
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
async def test_everybody_receives_once(
    nodes: TwoNodes, tokens: list[str], place: Place, step: PostingStep
) -> None:
    addresses = [f"127.0.0.1:{worker.port}" for worker in nodes.workers]
    async with streaming_to(addresses, tokens, place) as stream:
        nodes.posting.stop_at(step)
        await asyncio.to_thread(nodes.posting.wait_for_stop, step)
        nodes.posting.restart()
        await stream.all_online()
    assert sum(one.repeats for one in stream.posters) > 0
