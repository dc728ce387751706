"""A message that tells of an export is recorded once, and only from people who may export."""

from dataclasses import replace
from typing import Literal

import msgspec
import pytest

from copconnect import errors, wire
from copconnect.audit import store
from copconnect.database.engine import Database
from copconnect.delivery.rules.limits import PersonLimits
from copconnect.ids import Seq
from tests.contract.delivery_world import World
from tests.contract.device import Device
from tests.contract.test_sending import Room

TOLD = wire.ConversationExported(
    first=Seq(1), last=Seq(1), messages=7, files=True, sha256="ab" * 32
)


@pytest.fixture
async def room(database: Database) -> Room:
    """Alice made the group, so that she is its admin, and said something."""
    room = await Room.of(World(database))
    await room.talk.say(room.alice, room.key_id)
    return room


async def tell(room: Room, by: Device, told: wire.ConversationExported = TOLD) -> wire.SendMessage:
    message = by.message(await room.talk.head(by), room.key_id, b"exported")
    body = msgspec.structs.replace(message, exported=told)
    await room.post(by, body)
    return body


async def recorded(room: Room) -> list[dict[str, object]]:
    async with room.world.database.reading() as connection:
        entries = await store.after(connection, 0, 100)
        acts = [msgspec.json.decode(one.content.act) for one in entries]
    return [one for one in acts if one["act"] == "conversation_exported"]


def allow(room: Room, who: Literal["admins", "nobody"]) -> None:
    """Let the department say who may export, and start another server."""
    room.world.options = replace(room.world.options, exports=who)
    room.service = room.world.node()


async def test_it_is_recorded_once_however_often_it_is_posted(room: Room) -> None:
    body = await tell(room, room.bob)
    await room.post(room.bob, body)
    (act,) = await recorded(room)
    assert act["conversation_id"] == room.c
    assert (act["messages"], act["sha256"]) == (7, "ab" * 32)


@pytest.mark.databases("sqlite")
async def test_the_department_says_who_may(room: Room) -> None:
    allow(room, "admins")
    with pytest.raises(errors.NotAdmin):
        await tell(room, room.bob)
    await tell(room, room.alice)
    allow(room, "nobody")
    with pytest.raises(errors.ExportsOff):
        await tell(room, room.alice)
    assert len(await recorded(room)) == 1


@pytest.mark.databases("sqlite")
async def test_it_names_positions_that_the_log_has(room: Room) -> None:
    for first, last in ((2, 1), (0, 1), (1, 2)):
        told = msgspec.structs.replace(TOLD, first=Seq(first), last=Seq(last))
        with pytest.raises(errors.MessageInvalid):
            await tell(room, room.alice, told)
    assert await recorded(room) == []


async def test_one_person_tells_of_so_many_in_an_hour(room: Room) -> None:
    room.world.options = replace(room.world.options, limits=PersonLimits(exports_per_hour=1))
    room.service = room.world.node()
    await tell(room, room.alice)
    with pytest.raises(errors.RateLimited) as caught:
        await tell(room, room.alice)
    assert caught.value.details == {"limit": "exports_per_hour"}
