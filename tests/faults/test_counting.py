"""Counts of an order equal what was signed, whichever step of counting the server is killed at.

Devices repeat what was not answered, with identical bytes, as the app does. The database is SQLite:
the transaction is the same on both, and nothing but this worker is killed.
"""

import asyncio
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import msgspec
import pytest

from copconnect import wire
from copconnect.app import command_line
from copconnect.ids import MessageId, Seq, new_id
from copconnect.principals import AcceptedMessage
from copconnect.records.conversation.acknowledgement import NOTHING, Acknowledgement, Told
from copconnect.records.primitives.kem import XWING
from copconnect.settings import Settings
from tests.contract.delivery_world import Commanders
from tests.contract.device import order_terms
from tests.faults.phones import Phone, Place, call, keyless, now_ms, phone_of
from tests.faults.steps import AT_COUNTING, CountingStep
from tests.faults.stopping import StoppingWorker
from tests.harness import databank
from tests.harness.officer import Device

pytestmark = pytest.mark.timeout(300)
OFFICERS = 6
CHOICES = 2
HEADER_HASH = bytes(range(32))
Posted = tuple[Phone, wire.SubmitAcknowledgements]


@pytest.fixture(scope="module")
def worker(department: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoppingWorker]:
    """A server that a test can kill at a step."""
    data = tmp_path_factory.mktemp("counting") / "data"
    shutil.copytree(department, data)
    made = StoppingWorker(data, "counting")
    try:
        made.start()
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def place(worker: StoppingWorker) -> Iterator[Place]:
    """A conversation of an issuer and officers."""
    devices = [Device(worker, one) for one in databank.officers()[: OFFICERS + 1]]
    try:
        yield keyless(worker.url, [phone_of(one.register(), XWING) for one in devices])
    finally:
        for one in devices:
            one.http.close()


async def issue(worker: StoppingWorker, place: Place) -> MessageId:
    """Store an order; its message is not needed to count."""
    order_id = MessageId(new_id())
    async with command_line(Settings(data_dir=worker.data)) as container:
        message = AcceptedMessage(
            message_id=order_id,
            conversation_id=place.conversation_id,
            seq=Seq(1),
            header_hash=HEADER_HASH,
            person_id=place.phones[0].keys.caller.person_id,
            sent_ms=now_ms(),
        )
        async with container.database.transaction() as connection:
            terms = order_terms(choices=CHOICES)
            container.issuing.attach(Commanders())
            await container.issuing.accepted(connection, message, terms)
    return order_id


def signed(place: Place, order_id: MessageId, at: int) -> Posted:
    """Return an officer's acknowledgement."""
    phone = place.phones[1 + at]
    record = Acknowledgement(
        conversation_id=bytes.fromhex(place.conversation_id),
        message_id=bytes.fromhex(order_id),
        header_hash=HEADER_HASH,
        text_hash=HEADER_HASH,
        device=phone.keys.device,
        person_id=bytes.fromhex(phone.person_id),
        told=Told.OWN,
        choice=1 + at % CHOICES,
        done=0,
        answer_hash=NOTHING,
        photo_hash=NOTHING,
        created=now_ms(),
    ).signed(phone.keys.signer)
    item = wire.AcknowledgementItem(record=record.encode(), answer=None, photo=None)
    return phone, wire.SubmitAcknowledgements(acknowledgements=[item])


async def post(worker: StoppingWorker, order_id: MessageId, posted: Posted) -> str:
    """Send the same bytes until they are answered; return the outcome."""
    phone, body = posted
    path = f"/v1/orders/{order_id}/acknowledgements"
    while True:
        try:
            answer = await asyncio.to_thread(
                call, worker.url, phone, path, body, wire.AcknowledgementOutcomes
            )
        except httpx.TransportError:
            continue
        (outcome,) = answer.outcomes
        return outcome


def counted(
    worker: StoppingWorker, order_id: MessageId, issuer: Phone
) -> tuple[Sequence[int], set[bytes]]:
    """Return the counts and the records as the issuer reads them."""
    path = f"{worker.url}/v1/orders/{order_id}"
    with httpx.Client(headers=issuer.headers, timeout=20) as http:
        progress = msgspec.msgpack.decode(
            http.get(f"{path}/progress").content, type=wire.OrderProgress
        )
        records = msgspec.msgpack.decode(
            http.get(f"{path}/acknowledgements").content, type=wire.OrderRecords
        )
    return progress.total, {one.record for one in records.records}


@pytest.mark.parametrize("step", AT_COUNTING)
async def test_counts_equal_what_was_signed(
    worker: StoppingWorker, place: Place, step: CountingStep
) -> None:
    order_id = await issue(worker, place)
    posted = [signed(place, order_id, at) for at in range(OFFICERS)]
    worker.stop_at(step)
    waiting = [asyncio.create_task(post(worker, order_id, one)) for one in posted]
    await asyncio.to_thread(worker.wait_for_stop, step)
    worker.restart()
    assert await asyncio.gather(*waiting) == ["counted"] * OFFICERS
    # A device whose answer was lost says it again: nothing is counted twice.
    assert await post(worker, order_id, posted[0]) == "counted"
    total, records = await asyncio.to_thread(counted, worker, order_id, place.phones[0])
    assert records == {body.acknowledgements[0].record for _, body in posted}
    half = OFFICERS // CHOICES
    assert total == [OFFICERS, OFFICERS, OFFICERS, OFFICERS, 0, 0, 0, half, half]
