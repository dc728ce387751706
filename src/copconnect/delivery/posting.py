"""Messages into the log, and the log out to members."""

from copconnect import errors, wire
from copconnect.delivery import cell_store, log_store, rules, store
from copconnect.delivery.parts import Parts, wakeup_of
from copconnect.delivery.standing import KnownEntry
from copconnect.ids import AttachmentId, CellId, ConversationId, EntryId, Epoch, Seq
from copconnect.principals import Caller

LOG_PAGE = 200
MOST_LOG_PAGE = 500


class AlreadyAccepted(Exception):
    """Leaves the transaction, undoing it, with what was answered the first time."""

    def __init__(self, accepted: wire.Accepted) -> None:
        super().__init__()
        self.accepted = accepted


def check_known(known: KnownEntry | None, caller: Caller, kind: wire.EntryKind) -> None:
    """Raise AlreadyAccepted for an entry of this caller's, BadRequest for a foreign one."""
    if known is None:
        return
    if known.sender != caller.client_id or known.kind != kind:
        raise errors.BadRequest(reason="entry_id is taken")
    epoch = (known.epoch or 0) + (1 if kind == "commit" else 0)
    raise AlreadyAccepted(wire.Accepted(seq=known.seq, sent_ms=known.sent_ms, epoch=Epoch(epoch)))


class Posting:
    """Orders messages. One message is one log entry, whatever the number of members."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def post(
        self, caller: Caller, conversation_id: ConversationId, body: wire.PostMessage
    ) -> wire.Accepted:
        """Append an application message. Three statements, four with attachments."""
        parts = self._parts
        cell_id = CellId(body.cell_id)
        group = rules.group_id(conversation_id, cell_id)
        rules.check_private_message(body.payload, group, body.epoch)
        now_ms = parts.clock.now_ms()
        try:
            async with parts.database.transaction() as connection:
                # Undone by the rollback of whatever is refused below.
                seq = await store.advance(connection, conversation_id, now_ms)
                found = await store.standing(
                    connection,
                    conversation_id,
                    cell_id,
                    caller,
                    EntryId(body.entry_id),
                    advanced=True,
                )
                if seq is None or found is None:
                    raise errors.NotMember
                standing, known, _suite = found
                check_known(known, caller, "message")
                rules.check_message(standing, body.epoch)
                if body.attachment_ids:
                    await parts.attachments.ready(
                        connection,
                        [AttachmentId(one) for one in body.attachment_ids],
                        conversation_id,
                    )
                entry = wire.LogEntry(
                    conversation_id=conversation_id,
                    seq=seq,
                    kind="message",
                    cell_id=cell_id,
                    epoch=body.epoch,
                    sender=caller.client_id,
                    entry_id=EntryId(body.entry_id),
                    sent_ms=now_ms,
                    payload=body.payload,
                )
                await log_store.add_entries(connection, [entry])
        except AlreadyAccepted as already:
            return already.accepted
        await parts.bus.publish([wakeup_of(entry)])
        return wire.Accepted(seq=seq, sent_ms=now_ms, epoch=body.epoch)

    async def log(
        self, caller: Caller, conversation_id: ConversationId, after: int, limit: int
    ) -> wire.LogPage:
        """Return the entries after a seq that concern the caller's cells, for rostered clients."""
        async with self._parts.database.reading() as connection:
            cells = await cell_store.cells_of_client(connection, conversation_id, caller.client_id)
            last_seq = await store.last_seq(connection, conversation_id)
            if not cells or last_seq is None:
                raise errors.NotMember
            entries, more = await log_store.log_page(
                connection, conversation_id, cells, after, max(1, min(limit, MOST_LOG_PAGE))
            )
        return wire.LogPage(entries=entries, last_seq=Seq(last_seq), more=more)
