"""Messages into the log, and the log out to members."""

from copconnect import errors, wire
from copconnect.delivery import leaf_store, log_store, rules, store
from copconnect.delivery.accepting import Accepting, Post
from copconnect.delivery.parts import Parts
from copconnect.ids import CellId, ConversationId, Seq
from copconnect.principals import Caller

LOG_PAGE = 200
MOST_LOG_PAGE = 500


class Posting:
    """Orders messages. One message is one log entry, whatever the number of members."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._accepting = Accepting(parts)

    async def post(
        self, caller: Caller, conversation_id: ConversationId, body: wire.PostMessage
    ) -> wire.Accepted:
        """Append an application message. Three statements, four with attachments."""
        group = rules.group_id(conversation_id, CellId(body.cell_id))
        rules.check_private_message(body.payload, group, body.epoch)
        return await self._accepting.accept(Post(caller, conversation_id, body))

    async def log(
        self, caller: Caller, conversation_id: ConversationId, after: int, limit: int
    ) -> wire.LogPage:
        """Return the entries after a seq that concern the caller's cells, for rostered clients."""
        async with self._parts.database.reading() as connection:
            places = await leaf_store.places_of_client(
                connection, conversation_id, caller.client_id
            )
            last_seq = await store.last_seq(connection, conversation_id)
            if not places.now or last_seq is None:
                raise errors.NotMember
            entries, more = await log_store.log_page(
                connection, conversation_id, places.cells, after, max(1, min(limit, MOST_LOG_PAGE))
            )
        return wire.LogPage(entries=entries, last_seq=Seq(last_seq), more=more)
