"""A deletion (M3) drops body and files of a message, in the transaction of its mark.

The header stays, so that the log's hash and its sender's chain still verify. Every device judges
the mark again by signed records; this module judges by the server's rows, so that nobody drops
another person's words. A message that may be part of a report stays whole, with its files, for as
long as the log is kept.
"""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.rules.deletion import check_deletion
from copconnect.delivery.store import log
from copconnect.delivery.store.log import NewEntry
from copconnect.delivery.store.tables import LEAVES
from copconnect.ids import MessageId
from copconnect.records.conversation.roster import LeafRights

_L = LEAVES.c


async def drop(
    connection: AsyncConnection, deps: DeliveryDependencies, mark: NewEntry, message_id: MessageId
) -> None:
    """Drop the body and the files of the deleted message. Raises NotAdmin. A message that the log
    has no more is no error: devices may have it. Nothing of a kept one goes: only its sender
    said in the clear that it is quiet or an order, so an admin's deletion of it is not refused."""
    c = mark.conversation_id
    message = await log.deleted(connection, c, message_id)
    if message is None or message.kept:
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
    await log.drop_body(connection, c, message.seq)
    await deps.attachments.drop(connection, c, message.seq)
