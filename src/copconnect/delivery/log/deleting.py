"""A deletion (M3) drops body, edits and files of a message, in the transaction of its mark.

Headers stay, so that the log's hash and each sender's chain still verify. The header of a mark
names, signed, the message that it deletes or edits. Every device judges the mark again by signed
records; this module judges by the server's rows, so that nobody drops another person's words. A
message that may be part of a report stays whole, with its edits and files, for as long as the log
is kept. If the conversation is held (holding.py), body, edits and files move to rows that no
request reads, until the hold is over: to members it is a deletion like any other.
"""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors
from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.rules.deletion import check_deletion
from copconnect.delivery.store import holds, log
from copconnect.delivery.store.log import NewEntry
from copconnect.delivery.store.tables import LEAVES
from copconnect.records.conversation.message import MessageKind
from copconnect.records.conversation.roster import LeafRights

_L = LEAVES.c


async def apply_mark(
    connection: AsyncConnection, deps: DeliveryDependencies, mark: NewEntry
) -> None:
    """Drop the words and the files of a deleted message, or refuse the edit of one whose words
    are gone. Raises NotAdmin, MessageInvalid. A message that the log has no more is no error:
    devices may have it. Nothing of a kept one goes: its sender alone said that it is one, so an
    admin's deletion of it is not refused."""
    if mark.marked is None:
        return
    c = mark.conversation_id
    message = await log.marked(connection, c, mark.marked)
    if message is None:
        return
    if mark.kind == MessageKind.EDIT:
        if message.dropped:
            raise errors.MessageInvalid(rule="M2", reason="the message was deleted")
        return
    if message.kept:
        return
    rights = await connection.scalar(
        select(_L.rights).where(
            _L.conversation_id == c, _L.device == mark.device, _L.to_epoch.is_(None)
        )
    )
    admin = bool(LeafRights(rights or 0) & LeafRights.ADMINISTER)
    check_deletion(message, mark.person_id, mark.sent_ms, admin=admin)
    if await deps.sanctions.reported_since(connection, c, message.sent_ms):
        return
    held = await holds.is_held(connection, c, deps.clock.now_ms())
    if held:
        await log.hold_words(connection, c, mark.marked)
    await log.drop_words(connection, c, mark.marked)
    await deps.attachments.drop(connection, c, message.seq, held=held)
