"""What happens while the places of clients that come in are being read. Pure bookkeeping."""

from collections.abc import Collection
from dataclasses import dataclass, field

import msgspec

from copconnect import wire
from copconnect.bus import EntryWakeup
from copconnect.ids import CellId, ClientId, ConversationId, PersonId
from copconnect.sockets.feed import Place

_ENTRY = msgspec.msgpack.Decoder(wire.EntryFrame)
_CHANGE = msgspec.msgpack.Decoder(wire.RosterChange)


@dataclass(slots=True)
class Entering:
    """Clients that come in together. The places of ``roster_changed`` are to be read again; the
    cells in ``proposed`` got Removes; what else is said meanwhile about their conversations they
    are told once they are in."""

    clients: set[ClientId]
    roster_changed: set[ClientId] = field(default_factory=set)
    proposed: set[CellId | None] = field(default_factory=set)
    _seen: dict[ConversationId, int] = field(default_factory=dict)
    _seen_of: dict[tuple[ConversationId, CellId | None], int] = field(default_factory=dict)
    _said: dict[ConversationId, list[tuple[Collection[PersonId], bytes]]] = field(
        default_factory=dict
    )

    def note(self, wakeup: EntryWakeup) -> None:
        """An entry came."""
        conversation_id = wakeup.conversation_id
        of_cell = conversation_id, wakeup.cell_id
        self._seen[conversation_id] = max(wakeup.seq, self._seen.get(conversation_id, 0))
        self._seen_of[of_cell] = max(wakeup.seq, self._seen_of.get(of_cell, 0))
        if wakeup.kind == "roster":
            self.roster_changed |= _named(wakeup, self.clients)
        elif wakeup.kind == "proposal":
            self.proposed.add(wakeup.cell_id)

    def note_said(
        self, conversation_id: ConversationId, person_ids: Collection[PersonId], frame: bytes
    ) -> None:
        """A frame went to these people (none: to all) of a conversation."""
        self._said.setdefault(conversation_id, []).append((person_ids, frame))

    def said_to(self, person_id: PersonId, conversation_id: ConversationId) -> list[bytes]:
        """Return the frames that a person of a conversation would have been sent."""
        said = self._said.get(conversation_id, ())
        return [frame for people, frame in said if not people or person_id in people]

    def head(self, place: Place) -> int:
        """Return the newest seq of the conversation."""
        return max(place.last_seq, self._seen.get(place.conversation_id, 0))

    def own_head(self, place: Place) -> int:
        """Return the newest seq of what concerns the cell."""
        return max(
            place.own_seq,
            self._seen_of.get((place.conversation_id, None), 0),
            self._seen_of.get((place.conversation_id, place.cell_id), 0),
        )


def roster_change(wakeup: EntryWakeup) -> wire.RosterChange:
    """Return what a roster entry says."""
    return _CHANGE.decode(_ENTRY.decode(wakeup.frame).entry.payload)


def _named(wakeup: EntryWakeup, clients: set[ClientId]) -> set[ClientId]:
    """Return which of these clients a roster entry concerns; an unread one may concern each."""
    if not wakeup.frame:
        return clients
    change = roster_change(wakeup)
    if not change.whole:
        return clients
    return clients & {leaf.client_id for leaf in (*change.added, *change.removed)}
