"""Later keys and messages that removed devices could open: asked of the server's own database.

A removed device holds its DeviceKey and the cell keys of its former cell. It could open a later
conversation key if one of those were among the seals' recipients, and a later message if that were
still under a key from before its removal.
"""

import asyncio
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bench.force.conversations import Conversation
from bench.force.device import Device
from bench.measures.transfers import Side
from copconnect.database.engine import open_database
from copconnect.delivery.store.tables import CONVERSATIONS, KEYS, LEAVES, LOG
from copconnect.ids import ConversationId
from copconnect.records.conversation.roster import RosterHead
from copconnect.records.primitives.kem import seal_bytes

ROUND_S = 0.1


@dataclass(slots=True)
class Removals:
    """When the devices of a side were cut off, and when they were unlisted (monotonic ns)."""

    cut_off: list[int] = field(default_factory=list)
    unlisted: list[int] = field(default_factory=list)


async def watch_removals(url: str, side: Side, found: Removals, limit_s: float) -> None:
    """Note when each of the moved is cut off: from that commit on the server takes no message under
    a key that the device may hold (D1, D6), and when the roster does not list it any more."""
    database = open_database(url)
    c = side.conversation.conversation_id
    wanted = {one.device for one in side.moved}
    before = RosterHead.parse(side.conversation.head).epoch
    deadline = time.monotonic() + limit_s
    query = select(LEAVES.c.device).where(
        LEAVES.c.conversation_id == c, LEAVES.c.to_epoch.is_not(None)
    )
    rekey = select(CONVERSATIONS.c.rekey_epoch).where(CONVERSATIONS.c.conversation_id == c)
    try:
        while wanted and time.monotonic() < deadline:
            async with database.reading() as connection:
                shut = (await connection.scalar(rekey) or 0) > before
                ended = wanted.intersection(await connection.scalars(query)) if shut else set()
            now = time.monotonic_ns()
            if shut and not found.cut_off:
                found.cut_off = [now] * len(wanted)
            found.unlisted += [now] * len(ended)
            wanted -= ended
            await asyncio.sleep(ROUND_S)
    finally:
        await database.close()


async def roster_epoch(url: str, conversation_id: ConversationId) -> int:
    """Return the epoch of a conversation's newest head."""
    database = open_database(url)
    try:
        async with database.reading() as connection:
            query = select(CONVERSATIONS.c.roster_epoch)
            found = query.where(CONVERSATIONS.c.conversation_id == conversation_id)
            return int(await connection.scalar(found) or 0)
    finally:
        await database.close()


async def openable(
    url: str, conversation: Conversation, removed: Collection[Device]
) -> tuple[int, int]:
    """Return how often the keys of the removed open something of before, which shows that this
    question can be answered otherwise than by nothing, and of after."""
    held = {one.key_id for one in removed}
    devices = {one.device for one in removed}
    database = open_database(url)
    try:
        async with database.reading() as connection:
            rows = await connection.execute(
                select(LEAVES.c.cell_id, LEAVES.c.to_epoch).where(
                    LEAVES.c.conversation_id == conversation.conversation_id,
                    LEAVES.c.device.in_(devices),
                    LEAVES.c.to_epoch.is_not(None),
                )
            )
            ended = {row.cell_id: row.to_epoch for row in rows}
            if not ended:
                return 0, 0
            held |= {cell.key_id for cell in conversation.cells if cell.cell_id in ended}
            return await _count(connection, conversation.conversation_id, held, ended)
    finally:
        await database.close()


async def _count(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    held: Collection[bytes],
    ended: Mapping[str, int],
) -> tuple[int, int]:
    last = max(ended.values())  # The epoch of the head that took the last of them out.
    before = after = 0
    keys: dict[bytes, int] = {}
    for row in await connection.execute(
        select(KEYS).where(KEYS.c.conversation_id == conversation_id)
    ):
        keys[row.key_id] = row.epoch
        size = seal_bytes(row.kem)
        sealed_to = {row.seals[at : at + 16] for at in range(0, len(row.seals), size)}
        if row.epoch >= last:
            after += len(sealed_to & set(held))
        else:
            before += len(sealed_to & set(held))
    # A message whose header names the last head or a later one must not be under an older key.
    rekey = await connection.scalar(
        select(CONVERSATIONS.c.rekey_epoch).where(
            CONVERSATIONS.c.conversation_id == conversation_id
        )
    )
    for row in await connection.execute(
        select(LOG.c.epoch, LOG.c.key_id).where(
            LOG.c.conversation_id == conversation_id, LOG.c.epoch >= rekey
        )
    ):
        after += keys[row.key_id] < last
    return before, after
