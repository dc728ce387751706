"""The devices that are connected to a node, as callers that ask them see it."""

from collections.abc import Iterable
from typing import cast

from copconnect import wire
from copconnect.delivery.live.asking import HelpRequests
from copconnect.ids import CellId, ClientId, ConversationId, DeviceId, PersonId
from copconnect.principals import Caller
from copconnect.sockets.dispatch.fanout import Fanout
from copconnect.sockets.feed import Online
from tests.live.rows import Rows
from tests.live.world import World


class Node:
    """A node; ``there`` is connected, the longest connected first. ``frames`` are what was pushed,
    in order; ``looked_at``: how many devices were yielded."""

    def __init__(self, rows: Rows, *there: Caller) -> None:
        self.rows = rows
        self.looked_at = 0
        self.there = list(there)
        self.frames: list[tuple[Caller, wire.ServerFrame]] = []

    def online(
        self, conversation_id: ConversationId, cell_id: CellId | None = None
    ) -> Iterable[Online]:
        """See Fanout."""
        assert conversation_id == self.rows.conversation_id
        cells = {one.caller: one.cell_id for one in self.rows.placed if one.until is None}
        for one in self.there:
            if one in cells and cell_id in (None, cells[one]):
                self.looked_at += 1
                yield Online(one.client_id, one.person_id, one.device, cells[one])

    def online_of_person(
        self, conversation_id: ConversationId, person_id: PersonId
    ) -> Iterable[Online]:
        """See Fanout."""
        return (one for one in self.online(conversation_id) if one.person_id == person_id)

    def here(self, client_id: ClientId) -> bool:
        """See Fanout."""
        return any(one.client_id == client_id for one in self.there)

    def push_to(self, client_id: ClientId, frame: wire.ServerFrame) -> bool:
        """See Fanout."""
        to = [one for one in self.there if one.client_id == client_id]
        self.frames += [(one, frame) for one in to]
        return bool(to)

    def questions(self) -> list[tuple[Caller, list[DeviceId]]]:
        """Return who was asked for shares for which devices since the last call, in order."""
        found = [
            (one, [asker.device for asker in frame.askers])
            for one, frame in self.frames
            if isinstance(frame, wire.ShareWanted)
        ]
        self.frames.clear()
        return found

    def asked(self) -> list[Caller]:
        """Return who was asked since the last call, in order."""
        found = [one for one, _ in self.frames]
        self.frames.clear()
        return found


class AskingWorld(World):
    """A world of one conversation, whose nodes ask connected devices for help."""

    rows: Rows

    def node(self, *there: Caller) -> tuple[Node, HelpRequests]:
        """Return a node at which these are connected."""
        node = Node(self.rows, *there)
        asking = HelpRequests(self.deps, lambda: 0.0)
        asking.attach(cast(Fanout, node))
        return node, asking
