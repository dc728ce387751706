"""Events while the places of clients that come in are being read. Pure bookkeeping."""

from collections.abc import Collection
from dataclasses import dataclass, field

from copconnect.bus import RosterWakeup
from copconnect.ids import ClientId, ConversationId, PersonId


@dataclass(slots=True)
class Entering:
    """Clients that come in together. The places of ``roster_changed`` are to be read again; other
    frames about their conversations meanwhile reach them once they are in."""

    clients: set[ClientId]
    roster_changed: set[ClientId] = field(default_factory=set)
    _seen: dict[ConversationId, int] = field(default_factory=dict)
    _said: dict[ConversationId, list[tuple[Collection[PersonId], bytes]]] = field(
        default_factory=dict
    )

    def note_entry(self, conversation_id: ConversationId, seq: int) -> None:
        """A message was announced."""
        self._seen[conversation_id] = max(seq, self._seen.get(conversation_id, 0))

    def note_roster(self, wakeup: RosterWakeup) -> None:
        """A roster changed; one whose lists are elsewhere may name everybody."""
        if wakeup.whole:
            self.roster_changed |= self.clients & (wakeup.added.keys() | set(wakeup.removed))
        else:
            self.roster_changed |= self.clients

    def note_said(
        self, conversation_id: ConversationId, person_ids: Collection[PersonId], frame: bytes
    ) -> None:
        """A frame went to these people (none: to all) of a conversation."""
        self._said.setdefault(conversation_id, []).append((person_ids, frame))

    def said_to(self, person_id: PersonId, conversation_id: ConversationId) -> list[bytes]:
        """Return the frames that a person of a conversation would have been sent."""
        said = self._said.get(conversation_id, ())
        return [frame for people, frame in said if not people or person_id in people]

    def seen(self, conversation_id: ConversationId) -> int:
        """Return the newest seq that was announced."""
        return self._seen.get(conversation_id, 0)
