"""The connections of one node, and messages to some of them that concern no conversation.

Bookkeeping that never awaits.
"""

from collections.abc import Collection
from typing import TypeVar

import msgspec
import structlog

from copconnect import wire
from copconnect.bus import AccountWakeup, EnteredWakeup
from copconnect.ids import ClientId, PersonId
from copconnect.sockets.connections import framing
from copconnect.sockets.connections.connection import Connection

log = structlog.get_logger()
K = TypeVar("K")


class Present:
    """The clients that have entered: ``clients`` with their connections; a client has more than
    one while one replaces another."""

    def __init__(self) -> None:
        self.clients: dict[ClientId, set[Connection]] = {}
        self._people: dict[PersonId, set[Connection]] = {}
        self._devices: dict[bytes, ClientId] = {}

    @property
    def connections(self) -> list[Connection]:
        """Every connection."""
        return [one for those in self.clients.values() for one in those]

    def of_person(self, person_id: PersonId) -> list[Connection]:
        """Return the connections of a person's devices."""
        return list(self._people.get(person_id, ()))

    def of_device(self, device: bytes) -> list[Connection]:
        """Return the connections of a device."""
        client_id = self._devices.get(device)
        return [] if client_id is None else list(self.clients.get(client_id, ()))

    def add(self, connection: Connection) -> None:
        """Take in a connection; it ends the client's earlier ones."""
        caller = connection.client
        for older in self.clients.get(caller.client_id, ()):
            older.close(wire.CLOSE_REPLACED)
        self.clients.setdefault(caller.client_id, set()).add(connection)
        self._people.setdefault(caller.person_id, set()).add(connection)
        self._devices[caller.device] = caller.client_id

    def discard(self, connection: Connection) -> None:
        """Forget a connection."""
        _discard(self.clients, connection.client.client_id, connection)
        _discard(self._people, connection.client.person_id, connection)
        if connection.client.client_id not in self.clients:
            self._devices.pop(connection.client.device, None)

    def account(self, wakeup: AccountWakeup, among: Collection[Connection] | None = None) -> None:
        """Tell whom it concerns, among these (None: all), that something about accounts changed."""
        if wakeup.person_ids or wakeup.client_ids:
            concerned = {one for p in wakeup.person_ids for one in self._people.get(p, ())}
            concerned |= {one for c in wakeup.client_ids for one in self.clients.get(c, ())}
        else:
            concerned = set(self.connections)
        if among is not None:
            concerned &= set(among)
        try:
            frame = framing.frame(
                msgspec.convert({"t": "account", "event": wakeup.event}, wire.AccountFrame)
            )
        except msgspec.ValidationError:
            log.error("unknown_account_event", account_event=wakeup.event)
            return
        for connection in concerned:
            if connection.client.client_id == wakeup.answered:
                continue
            connection.push(frame)
            if wakeup.event == "signed_out":
                connection.close(wire.CLOSE_SIGNED_OUT, wakeup.reason)

    def entered(self, wakeup: EnteredWakeup) -> None:
        """End the connections that these clients had here before they connected elsewhere."""
        for client_id in self.clients.keys() & wakeup.clients.keys():
            for connection in self.clients[client_id]:
                if connection.hello_ms < wakeup.clients[client_id]:
                    connection.close(wire.CLOSE_REPLACED)


def _discard(index: dict[K, set[Connection]], key: K, connection: Connection) -> None:
    those = index.get(key)
    if those is not None:
        those.discard(connection)
        if not those:
            del index[key]
