"""Messages of the log as somebody reports them: sender, hash, and whether they could be read."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.delivery.store.tables import LOG, MEMBERS
from copconnect.ids import ConversationId, MessageId, PersonId
from copconnect.principals import LoggedMessage

_E, _M = LOG.c, MEMBERS.c


async def logged(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    message_id: MessageId,
    reader: PersonId,
) -> LoggedMessage | None:
    """Return a message. A person could read it who belongs now, or left after it came, and whose
    history had begun then."""
    entry = (
        await connection.execute(
            select(_E.person_id, _E.header_hash, _E.sent_ms).where(
                _E.conversation_id == conversation_id, _E.message_id == message_id
            )
        )
    ).first()
    if entry is None:
        return None
    member = (
        await connection.execute(
            select(_M.history_from_ms, _M.removed_ms).where(
                _M.conversation_id == conversation_id, _M.person_id == reader
            )
        )
    ).first()
    readable = (
        member is not None
        and member.history_from_ms <= entry.sent_ms
        and (member.removed_ms is None or entry.sent_ms < member.removed_ms)
    )
    return LoggedMessage(entry.person_id, entry.header_hash, entry.sent_ms, readable)
