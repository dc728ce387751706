"""The log out to members."""

from copconnect import errors, wire
from copconnect.delivery import leaf_store, log_store
from copconnect.delivery.parts import Parts
from copconnect.ids import ConversationId, Seq
from copconnect.principals import Caller

LOG_PAGE = 200
MOST_LOG_PAGE = 500


class LogReading:
    """Reads the log for clients that the roster names. Holds no state of its own."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def page(
        self, caller: Caller, conversation_id: ConversationId, after: int, limit: int
    ) -> wire.LogPage:
        """Return the entries after a seq that concern the caller's client. Raises NotMember.

        Who lacks nothing but recent entries for every cell costs one statement.
        """
        limit = max(1, min(limit, MOST_LOG_PAGE))
        tails = self._parts.tails
        async with self._parts.database.reading() as connection:
            view = await log_store.view_of(connection, conversation_id, caller.client_id)
            if view is None or not view.places.now:
                raise errors.NotMember
            found: list[wire.LogEntry] | None = None
            more = False
            if view.several and view.own_seq <= after and not view.places.before:
                found = await tails.shared(connection, conversation_id, after, view.shared_seq)
                if found is not None:
                    found, more = log_store.cut(found, limit)
            if found is None:
                found, more = await log_store.log_page(
                    connection, conversation_id, view.places.cells, after, limit
                )
            found = await tails.with_seals(connection, found, view.places)
        return wire.LogPage(entries=found, last_seq=view.last_seq, more=more)

    async def sealed(
        self, caller: Caller, conversation_id: ConversationId, seq: Seq
    ) -> wire.LogEntry:
        """Return one sealed entry with the seal of the caller's cell, if it has come.

        Raises NotMember, NotFound.
        """
        async with self._parts.database.reading() as connection:
            places = await leaf_store.places_of_client(
                connection, conversation_id, caller.client_id
            )
            if not places.now:
                raise errors.NotMember
            entry = await log_store.entry_at(connection, conversation_id, seq)
            if entry is None or entry.kind != "sealed":
                raise errors.NotFound
            # Who asks for one entry waits for another seal than it has.
            await self._parts.tails.read_seals(connection, [entry])
            (found,) = await self._parts.tails.with_seals(connection, [entry], places)
        return found
