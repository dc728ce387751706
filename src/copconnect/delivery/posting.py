"""Messages of conversations of one cell into the log."""

from copconnect import wire
from copconnect.delivery import rules
from copconnect.delivery.accepting import Accepting, Post
from copconnect.delivery.parts import Parts
from copconnect.ids import CellId, ConversationId
from copconnect.principals import Caller


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
