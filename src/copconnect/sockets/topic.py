"""A conversation as this node's connections see it: who sits in which cell, how far it has come.

Pure bookkeeping: no I/O, no encoding.
"""

from collections.abc import Iterable

from copconnect import wire
from copconnect.bus import EntryWakeup
from copconnect.ids import CellId, ClientId
from copconnect.sockets.connection import Connection


class Topic:
    """Connections of one conversation. ``head`` is the last seq passed on; ``held`` are entries
    that arrived before their turn; ``wanted`` is the newest seq that is known to be in the log."""

    __slots__ = ("_seats", "cells", "head", "held", "repairing", "wanted")

    def __init__(self, head: int) -> None:
        self.head = head
        self.wanted = head
        self.held: dict[int, EntryWakeup] = {}
        self.repairing = False
        self.cells: dict[CellId, set[Connection]] = {}
        self._seats: dict[Connection, set[tuple[CellId, str]]] = {}

    @property
    def empty(self) -> bool:
        """Whether no connection of this node belongs."""
        return not self._seats

    @property
    def connections(self) -> Iterable[Connection]:
        """Everybody here."""
        return self._seats.keys()

    def has(self, connection: Connection) -> bool:
        """Whether a connection belongs."""
        return connection in self._seats

    def targets(self, cell_id: CellId | None) -> Iterable[Connection]:
        """Return whom an entry of this cell (None: of every cell) goes to."""
        return self._seats.keys() if cell_id is None else self.cells.get(cell_id, ())

    def seat(self, connection: Connection, cell_id: CellId, certificate_hash: str) -> bool:
        """Give a connection a seat; return whether it had none."""
        seats = self._seats.setdefault(connection, set())
        new = not seats
        seats.add((cell_id, certificate_hash))
        self.cells.setdefault(cell_id, set()).add(connection)
        return new

    def unseat(self, connection: Connection, cell_id: CellId, certificate_hash: str) -> None:
        """Take one seat away; the connection stays in the cell while it has another there."""
        seats = self._seats.get(connection)
        if seats is None:
            return
        seats.discard((cell_id, certificate_hash))
        if not any(cell == cell_id for cell, _ in seats):
            self._leave_cell(connection, cell_id)

    def drop(self, connection: Connection) -> None:
        """Take every seat of a connection away."""
        for cell_id in {cell for cell, _ in self._seats.pop(connection, set())}:
            self._leave_cell(connection, cell_id)

    def _leave_cell(self, connection: Connection, cell_id: CellId) -> None:
        there = self.cells.get(cell_id)
        if there is not None:
            there.discard(connection)
            if not there:
                del self.cells[cell_id]

    def change(
        self, change: wire.RosterChange, clients: dict[ClientId, set[Connection]]
    ) -> tuple[list[Connection], list[Connection]]:
        """Apply a roster change; return the connections that came and those that left."""
        concerned = {
            connection
            for leaf in (*change.removed, *change.added)
            for connection in clients.get(leaf.client_id, ())
        }
        before = {connection for connection in concerned if connection in self._seats}
        for leaf in change.removed:
            for connection in clients.get(leaf.client_id, ()):
                self.unseat(connection, leaf.cell_id, leaf.certificate_hash)
        for leaf in change.added:
            for connection in clients.get(leaf.client_id, ()):
                self.seat(connection, leaf.cell_id, leaf.certificate_hash)
        left = [connection for connection in before if not self._seats[connection]]
        for connection in left:
            del self._seats[connection]
        came = [one for one in concerned if one in self._seats and one not in before]
        return came, left
