"""A conversation as this node's connections see it: who sits in which cell, how far it has come.

Pure bookkeeping: no I/O, no encoding.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from copconnect import wire
from copconnect.bus import EntryWakeup
from copconnect.ids import CellId, ClientId
from copconnect.sockets.connection import Connection
from copconnect.sockets.feed import Seat


class Topic:
    """Connections of one conversation. ``head`` is the last seq passed on; ``held`` are entries
    that arrived before their turn; ``wanted`` is the newest seq that is known to be in the log.
    While ``reloading`` nothing is passed on: who sits where is being read."""

    __slots__ = (
        "_heads",
        "_seats",
        "cells",
        "head",
        "held",
        "reloading",
        "repairing",
        "wanted",
    )

    def __init__(self, head: int) -> None:
        self.head = head
        self.wanted = head
        self.held: dict[int, EntryWakeup] = {}
        self.repairing = False
        self.reloading = False
        self._heads: dict[CellId | None, int] = {}
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

    def passed_on(self, seq: int, cell_id: CellId | None) -> None:
        """An entry of this cell (None: of every cell) has been passed on."""
        self.head = self._heads[cell_id] = seq
        self.held.pop(seq, None)

    def head_for(self, cell_id: CellId) -> int:
        """Return the newest seq passed on that concerns a cell; 0 for none."""
        return max(self._heads.get(None, 0), self._heads.get(cell_id, 0))

    def has(self, connection: Connection) -> bool:
        """Whether a connection belongs."""
        return connection in self._seats

    def cells_of(self, connection: Connection) -> set[CellId]:
        """Return the cells that a connection sits in."""
        return {cell_id for cell_id, _ in self._seats.get(connection, ())}

    def targets(self, cell_id: CellId | None) -> Iterable[Connection]:
        """Return whom an entry of this cell (None: of every cell) goes to."""
        return self._seats.keys() if cell_id is None else self.cells.get(cell_id, ())

    def by_connection(self) -> Iterable[tuple[Connection, Iterable[CellId]]]:
        """Return everybody here with their cells, in the order in which they came in.

        What belongs to a connection lies in memory, the kernel's too, roughly in that order, and
        tens of thousands of sockets are written to sooner in it than cell by cell.
        """
        for connection, seats in self._seats.items():
            if len(seats) == 1:
                for cell_id, _ in seats:
                    yield connection, (cell_id,)
            else:
                yield connection, {cell_id for cell_id, _ in seats}

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

    def unseated_by(
        self, cells: Collection[CellId] | None, seats: Mapping[ClientId, Sequence[Seat]]
    ) -> set[ClientId]:
        """Return the clients that sit in these cells here (None: in any), though ``seats`` does not
        say so."""
        return {
            connection.client.client_id
            for cell_id in (self.cells if cells is None else cells)
            for connection in self.cells.get(cell_id, ())
            if connection.client.client_id not in seats
        }

    def reseat(
        self,
        cells: Collection[CellId] | None,
        seats: Mapping[ClientId, Sequence[Seat]],
        clients: dict[ClientId, set[Connection]],
    ) -> tuple[list[Connection], list[Connection]]:
        """Give the seats of these cells (None: of all) anew; return the connections that came and
        that left."""
        cells = set(self.cells) if cells is None else cells
        concerned = {one for cell_id in cells for one in self.cells.get(cell_id, ())}
        for client_id in seats.keys() & clients.keys():
            concerned |= clients[client_id]
        before = {connection for connection in concerned if connection in self._seats}
        for connection in concerned:
            new = set(seats.get(connection.client.client_id, ()))
            old = {seat for seat in self._seats.get(connection, ()) if seat[0] in cells}
            for cell_id, certificate_hash in old - new:
                self.unseat(connection, cell_id, certificate_hash)
            for cell_id, certificate_hash in new:
                self.seat(connection, cell_id, certificate_hash)
        left = [connection for connection in before if not self._seats[connection]]
        for connection in left:
            del self._seats[connection]
        return [one for one in concerned if one in self._seats and one not in before], left
