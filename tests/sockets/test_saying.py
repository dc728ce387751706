"""Frames beside messages: versions in Ready, receipts, counts, shares, account frames."""

from collections.abc import Collection, Mapping, Sequence

import msgspec
import pytest

from copconnect import wire
from copconnect.bus import (
    AccountWakeup,
    ConversationWakeup,
    ReceiptCountsWakeup,
    ReceiptsWakeup,
    ShareWakeup,
)
from copconnect.ids import ClientId, Epoch, Seq
from copconnect.sockets.feed import LeafState, SeenCursor
from tests.sockets.live_world import Live


async def test_a_head_says_what_need_not_be_asked(live: Live) -> None:
    a, b = live.officer(), live.officer()
    made = live.group(a, b)
    await live.change(made, add=[live.officer()])
    await live.post(made, a)
    live.sockets.cursors.add(
        SeenCursor(made.conversation_id, b.client_id, b.person_id, Seq(1), Seq(1))
    )
    await live.sockets.cursors.flush()
    async with live.client(b) as bob:
        assert bob.ready.heads == [
            wire.ConversationHead(
                conversation_id=made.conversation_id,
                last_seq=Seq(1),
                follows=False,
                roster_epoch=Epoch(2),
                info_version="i2",
                receipts_version=1,
                delivered_seq=Seq(1),
                read_seq=Seq(1),
                shares=0,
            )
        ]


async def test_what_is_said_while_one_comes_in_comes_after_ready(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The places were read before it, the seats are given after it: it must not fall between."""
    a, b, c = live.officer(), live.officer(), live.officer()
    made = live.group(a, b, c)
    here, places = made.conversation_id, live.feed.places

    async def slow(client_ids: Collection[ClientId]) -> Mapping[ClientId, Sequence[LeafState]]:
        found = await places(client_ids)
        monkeypatch.setattr(live.feed, "places", places)
        receipts = wire.Receipts(conversation_id=here, receipts=[], receipts_version=1)
        frame = msgspec.msgpack.encode(receipts)
        await live.bus.publish(
            [
                ConversationWakeup(conversation_id=here, person_ids=[]),
                ConversationWakeup(conversation_id=here, person_ids=[c.person_id]),
                ReceiptsWakeup(conversation_id=here, frame=frame),
            ]
        )
        return found

    monkeypatch.setattr(live.feed, "places", slow)
    async with live.client(b) as bob:
        assert await bob.next() == wire.ConversationFrame(conversation_id=here)
        assert isinstance(await bob.next(), wire.Receipts)
        await bob.nothing()


async def test_counts_of_receipts_go_to_the_devices_of_their_sender(live: Live) -> None:
    a, b = live.officer(), live.officer()
    made, other = live.group(a, b), live.group(b, live.officer())
    one = wire.ReceiptCount(seq=Seq(2), people=9, phones=8, delivered=5, read=1)
    async with live.client(a) as alice, live.client(b) as bob:
        for here in (made.conversation_id, other.conversation_id):
            counts = wire.ReceiptCounts(conversation_id=here, counts=[one])
            frame = msgspec.msgpack.encode(counts)
            await live.bus.publish(
                [ReceiptCountsWakeup(conversation_id=here, person_id=a.person_id, frame=frame)]
            )
        assert await alice.next() == wire.ReceiptCounts(
            conversation_id=made.conversation_id, counts=[one]
        )
        for client in (alice, bob):
            await client.nothing()


async def test_d4_a_share_goes_to_its_device_alone(live: Live) -> None:
    a, b = live.officer(), live.officer()
    second = live.officer(b.person_id)
    made = live.group(a, b, second)
    async with live.client(b) as bob, live.client(second) as other:
        share = ShareWakeup(
            conversation_id=made.conversation_id,
            device=b.device.hex(),
            client_id=b.client_id,
            share=b"share",
        )
        await live.bus.publish([share])
        assert await bob.next() == wire.ShareFrame(
            conversation_id=made.conversation_id, share=b"share"
        )
        await other.nothing()


@pytest.mark.parametrize("event", ["unconfirmed", "confirmation", "directory"])
async def test_account_events_reach_unconfirmed_devices_too(live: Live, event: str) -> None:
    a, b = live.officer(), live.officer(confirmed=False)
    async with live.client(a) as alice, live.client(b) as bob:
        await live.bus.publish(
            [AccountWakeup(event=event, person_ids=[], client_ids=[b.client_id])]
        )
        assert await bob.next() == msgspec.convert(
            {"t": "account", "event": event}, wire.AccountFrame
        )
        await alice.nothing()


async def test_a_device_that_is_signed_out_is_told_and_cut(live: Live) -> None:
    a, b = live.officer(), live.officer()
    made = live.group(a, b)
    async with live.client(b) as bob:
        gone = live.feed.change(made, remove=[b])
        ended = AccountWakeup(
            event="signed_out", person_ids=[], client_ids=[b.client_id], reason="device_removed"
        )
        await live.bus.publish([gone, ended])
        assert isinstance(await bob.next(), wire.ConversationGone)
        assert await bob.next() == wire.AccountFrame(event="signed_out")
        assert await bob.close_code() == wire.CLOSE_SIGNED_OUT
        assert bob.socket.close_reason == "device_removed"
