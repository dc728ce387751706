"""Events that make the server send a frame of each kind."""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from copconnect import wire
from copconnect.bus import (
    AccountWakeup,
    AcknowledgedWakeup,
    CellKeyWakeup,
    ConversationWakeup,
    EntryWakeup,
    KeyWakeup,
    PositionWakeup,
    ReceiptCountsWakeup,
    ReceiptsWakeup,
    ShareWakeup,
)
from copconnect.bus.wakeups import AnyWakeup
from copconnect.ids import (
    CellId,
    ChangeId,
    ClientId,
    DeviceId,
    Epoch,
    KeyId,
    PersonId,
    Seq,
    new_id,
)
from copconnect.principals import NOTHING, Caller
from tests.identity.running import Device
from tests.rights import examples
from tests.rights.world import Account, World

Event = Callable[[World], Awaitable[None]]


async def _publish(world: World, wakeup: AnyWakeup) -> None:
    await world.whole.bus.publish([wakeup])


async def _entry(world: World) -> None:
    head = world.devices[Account.HEAD]
    entry = wire.LogEntry(conversation_id=world.group, seq=Seq(1), sent_ms=0, message=b"m")
    await _publish(
        world,
        EntryWakeup(
            conversation_id=world.group,
            seq=1,
            device=head.device.hex(),
            person_id=PersonId(head.person_id),
            epoch=1,
            named_epoch=1,
            key_id="0" * 64,
            deletes=False,
            frame=msgspec.msgpack.encode(wire.EntryFrame(entry=entry, supplement=None)),
        ),
    )


async def _change(
    world: World, *, add: Sequence[Device] = (), remove: Sequence[Device] = ()
) -> None:
    """Let the head change who belongs to the group."""
    body = wire.ChangeMembers(
        change_id=ChangeId(new_id()),
        add=[PersonId(one.person_id) for one in add],
        remove=[PersonId(one.person_id) for one in remove],
        make_admin=[],
        revoke_admin=[],
    )
    path = f"/v1/conversations/{world.group}/members"
    assert (await world.post(path, world.devices[Account.HEAD], body)).is_success


async def _roster(world: World) -> None:
    await _change(world, add=[world.subject])


async def _conversation(world: World) -> None:
    await _publish(world, ConversationWakeup(conversation_id=world.group, person_ids=[]))


async def _receipts(world: World) -> None:
    frame = wire.Receipts(conversation_id=world.group, receipts=[], receipts_version=1)
    encoded = msgspec.msgpack.encode(frame)
    await _publish(world, ReceiptsWakeup(conversation_id=world.group, frame=encoded))


async def _position(world: World) -> None:
    client_id = world.devices[Account.HEAD].client_id
    await _publish(
        world, PositionWakeup(conversation_id=world.group, client_id=client_id, data=b"position")
    )


async def _receipt_counts(world: World) -> None:
    frame = wire.ReceiptCounts(conversation_id=world.group, counts=[])
    await _publish(
        world,
        ReceiptCountsWakeup(
            conversation_id=world.group,
            person_id=PersonId(world.devices[Account.HEAD].person_id),
            frame=msgspec.msgpack.encode(frame),
        ),
    )


async def _key(world: World) -> None:
    await _publish(
        world,
        KeyWakeup(
            conversation_id=world.group,
            key_id="0" * 64,
            record=examples.key(world, world.devices[Account.HEAD]),
            seals=world.seals,
            size=17,
        ),
    )


async def _cell_key(world: World) -> None:
    await _publish(
        world,
        CellKeyWakeup(
            conversation_id=world.group,
            cell_id=CellId(world.cell),
            record=examples.cell_key(world, world.devices[Account.HEAD]),
            seals=world.seals,
            size=17,
            devices=[device for _, device in sorted(world.key_ids.items())],
        ),
    )


async def _share(world: World) -> None:
    officer = world.devices[Account.OFFICER]
    share = ShareWakeup(
        conversation_id=world.group,
        device=officer.device.hex(),
        client_id=officer.client_id,
        share=b"s",
    )
    await _publish(world, share)


async def _account(world: World) -> None:
    person_id = PersonId(world.devices[Account.OFFICER].person_id)
    await _publish(world, AccountWakeup(event="clients", person_ids=[person_id], client_ids=[]))


async def _acknowledged(world: World) -> None:
    person_id = PersonId(world.devices[Account.OFFICER].person_id)
    other = ClientId(new_id())
    await _publish(
        world,
        AcknowledgedWakeup(
            conversation_id=world.group, order_id=world.order, people={person_id: other}
        ),
    )


async def _progress(world: World) -> None:
    """Let the head's and the officer's devices watch, as their sockets ask."""
    watching = world.whole.orders.watching
    for account in (Account.HEAD, Account.OFFICER):
        device = world.devices[account]
        caller = Caller(
            PersonId(device.person_id), device.client_id, device.device, outstanding=NOTHING
        )
        watching.watch(account, caller, world.order, None)
    await watching.round()
    for account in (Account.HEAD, Account.OFFICER):
        watching.gone(account)


async def _gone(world: World) -> None:
    await _change(world, remove=[world.devices[Account.OFFICER]])


def _asked(frame: Callable[[World], wire.ServerFrame]) -> Event:
    """Return what asks the officer's device, as the Delivery Service does."""

    async def ask(world: World) -> None:
        client_id = world.devices[Account.OFFICER].client_id
        assert world.whole.sockets.fanout.push_to(client_id, frame(world))

    return ask


EVENTS: dict[str, Event] = {
    "entry": _entry,
    "roster": _roster,
    "conversation": _conversation,
    "receipts": _receipts,
    "position": _position,
    "receipt_counts": _receipt_counts,
    "key": _key,
    "cell_key": _cell_key,
    "share": _share,
    "account": _account,
    "order_acknowledged": _acknowledged,
    "order_progress": _progress,
    "key_wanted": _asked(lambda world: wire.KeyWanted(conversation_id=world.group)),
    "cell_key_wanted": _asked(
        lambda world: wire.CellKeyWanted(
            conversation_id=world.group, cell_id=CellId(world.cell), epoch=Epoch(1), generation=1
        )
    ),
    "share_wanted": _asked(
        lambda world: wire.ShareWanted(
            conversation_id=world.group,
            head=b"",
            stamp=b"",
            references=[],
            askers=[
                wire.ShareAsker(
                    device=DeviceId("0" * 64), person_id=PersonId("0" * 32), proof=b"", keys=[]
                )
            ],
        )
    ),
    "seals_wanted": _asked(
        lambda world: wire.SealsWanted(
            conversation_id=world.group, key_id=KeyId("0" * 64), head=b"", stamp=b"", cell_keys=[]
        )
    ),
    "gone": _gone,  # The last: it takes the officer out.
}
