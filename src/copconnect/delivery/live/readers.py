"""People of conversations as orders join them: who belongs, and how far each has come.

:class:`Readers` is the Delivery Service's part of
``copconnect.orders.ports.OrderConversations``. It states queries and runs none.
"""

from typing import Any

from sqlalchemy import CompoundSelect, Select, func, select

from copconnect.delivery.store import holds, receipts
from copconnect.delivery.store.tables import CURSORS, MEMBERS
from copconnect.ids import ConversationId, PersonId

_M, _U = MEMBERS.c, CURSORS.c


class Readers:
    """Statements on members and cursors. Holds no state."""

    def readers(self, conversation_id: ConversationId) -> Select[Any]:
        """Return a statement of everybody who belongs now: ``person_id``, ``admin``, ``added_ms``,
        ``history_from_ms``."""
        return select(_M.person_id, _M.admin, _M.added_ms, _M.history_from_ms).where(
            _M.conversation_id == conversation_id, _M.removed_ms.is_(None)
        )

    def reached(self, conversation_id: ConversationId, seq: int) -> Select[Any]:
        """Return a statement of how far people have come, over all their devices except devices
        that ask for the key of the message at ``seq``: ``person_id``, ``delivered_seq``,
        ``read_seq``."""
        return (
            select(
                _U.person_id,
                func.max(_U.delivered_seq).label("delivered_seq"),
                func.max(_U.read_seq).label("read_seq"),
            )
            .where(
                _U.conversation_id == conversation_id,
                _U.client_id.not_in(receipts.askers(conversation_id, seq)),
            )
            .group_by(_U.person_id)
        )

    def places(self, person_id: PersonId) -> Select[Any]:
        """Return a statement of where a person belongs now: ``conversation_id``, ``admin``,
        ``added_ms``, ``history_from_ms``."""
        return select(_M.conversation_id, _M.admin, _M.added_ms, _M.history_from_ms).where(
            _M.person_id == person_id, _M.removed_ms.is_(None)
        )

    def held(self, now_ms: int) -> CompoundSelect[tuple[ConversationId]]:
        """Return a statement of the conversations of which a legal hold keeps everything."""
        return holds.held(now_ms)
