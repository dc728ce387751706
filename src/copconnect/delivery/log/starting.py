"""The start of a device in a conversation that it joins: one answer with all that it begins with.

The server finds out which keys of the newest page the device cannot open, and asks for shares of
them at once (D4): the device asks for nothing. Devices that join with one head start within the
same moments, so that one question is about many of them. A start may be repeated.
"""

from copconnect import errors, wire
from copconnect.delivery.keys.cell_keys import CellKeys
from copconnect.delivery.keys.shares import KeyShares
from copconnect.delivery.log.reading import LogReading
from copconnect.delivery.rosters.conversations import Conversations
from copconnect.ids import ConversationId
from copconnect.principals import Caller
from copconnect.records.conversation.cell_key import CellKey
from copconnect.records.conversation.conversation_key import ConversationKey
from copconnect.records.conversation.key_share import SecretName, secret_name
from copconnect.records.primitives.fields import KEY_ID_BYTES

_END = 2**53 - 1  # Past every position.


class Starting:
    """Starts devices. It keeps nothing between requests."""

    def __init__(
        self,
        conversations: Conversations,
        log: LogReading,
        cell_keys: CellKeys,
        shares: KeyShares,
    ) -> None:
        self._conversations = conversations
        self._log = log
        self._cell_keys = cell_keys
        self._shares = shares

    async def start(
        self, caller: Caller, conversation_id: ConversationId, body: wire.StartConversation
    ) -> wire.Start:
        """Return a conversation, the newest page of its log and the own cell's keys, and have other
        devices asked for what the calling device cannot open. Raises NotMember."""
        shown = await self._conversations.conversation(caller, conversation_id)
        if shown.roster is None:
            raise errors.NotMember
        page = await self._log.page(
            caller, conversation_id, after=None, before=_END, limit=body.entries
        )
        own, closed = await self._cell_keys.of_device(caller, conversation_id)
        names = sorted(lacking(page.keys, own.keys, closed))
        asked = [
            wire.ShareReference(kind=name.kind.value, reference=name.reference.hex())
            for name in names[: wire.SHARE_SECRETS]
        ]
        if asked:
            try:
                await self._shares.ask(caller, conversation_id, wire.ShareRequest(references=asked))
            except errors.RateLimited:
                asked = []  # The device asks for them later.
        return wire.Start(conversation=shown, page=page, cell_keys=own.keys, asked=asked)


def lacking(
    keys: list[wire.KeyItem], own: list[wire.CellKeyItem], closed: set[bytes]
) -> set[SecretName]:
    """Return the secrets that a device lacks: of conversation keys without a seal for it or its
    cell, or that are sealed to a key of its cell that it cannot open (``closed``), and of the key
    of its cell that is in use."""
    found = {
        secret_name(ConversationKey.parse(one.record))
        for one in keys
        if one.seal is None or one.seal[:KEY_ID_BYTES] in closed
    }
    return found | {secret_name(CellKey.parse(one.record)) for one in own if one.seal is None}
