"""Many small groups of a force, each with a conversation key, through the server's own code."""

from pathlib import Path

import msgspec

from bench.figures import say
from bench.force import caching
from bench.force.caching import Force
from bench.force.making import settings_of
from bench.force.sealing import sealed_to
from bench.machine import copying
from copconnect import wire
from copconnect.app import Container, command_line
from copconnect.ids import ConversationId, new_id
from copconnect.records.conversation.roster import RosterHead
from copconnect.sealing.keys import make_conversation_key, new_secret

GROUPS = "groups.msgpack"
DAYS = 0.8  # A conversation key is usable for one.


class Group(msgspec.Struct, frozen=True, array_like=True):
    """A group with its head and key. ``members`` are indices of the force's devices; the first
    made the key."""

    conversation_id: ConversationId
    head: bytes
    key_id: bytes
    secret: bytes
    members: list[int]


def groups(force: Force, count: int, size: int) -> tuple[Path, list[Group]]:
    """Return the database and so many groups of this size, made now if they are not kept."""
    if len(force.devices) < count * size:
        raise ValueError("the force is too small")

    async def make(folder: Path) -> None:
        await _make(force, folder, count, size)

    name = f"groups-{count}-{size}-of-{force.folder.name}"
    folder = caching.kept(force.folder.parent, name, make, DAYS)
    found = msgspec.msgpack.decode((folder / GROUPS).read_bytes(), type=list[Group])
    return folder / caching.DATABASE, found


async def _make(force: Force, folder: Path, count: int, size: int) -> None:
    database = folder / caching.DATABASE
    copying.to_file(force.database, database)
    settings = settings_of(force.folder, database_url=f"sqlite+aiosqlite:///{database}")
    made: list[Group] = []
    async with command_line(settings) as container:
        for number in range(count):
            members = list(range(number * size, (number + 1) * size))
            made.append(await _group(container, force, members))
            if (number + 1) % 200 == 0:
                say(f"{number + 1} groups are made.")
    (folder / GROUPS).write_bytes(msgspec.msgpack.encode(made))


async def _group(container: Container, force: Force, members: list[int]) -> Group:
    author, *others = [force.devices[one] for one in members]
    body = wire.CreateConversation(
        conversation_id=ConversationId(new_id()),
        kind="group",
        person_ids=[one.person_id for one in others],
        who_may_send="everyone",
        history_days=0,
        audience=None,
    )
    made = await container.delivery.conversations.create(author.caller, body)
    if made.roster is None:
        raise RuntimeError("the author is not listed")
    head, secret = RosterHead.parse(made.roster.head), new_secret()
    record = make_conversation_key(
        secret, author.signer, head=head, author=author.device, now=container.clock.now_ms()
    )
    key = wire.SubmitKey(
        record=record.encode(),
        seals=sealed_to(secret, record.seal_info, [author, *others]),
        left_out=[],
    )
    await container.delivery.keys.submit(author.caller, made.conversation_id, key)
    return Group(made.conversation_id, head.encode(), record.hash(), secret, members)
