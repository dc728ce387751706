"""Counts connections that have not sent Hello, or that were refused and are still open.

Anybody can open one, so their number is bounded, in all and for one address. A client that has sent
Hello no longer counts: thousands that reconnect at once wait for :mod:`.admission`.
"""

from collections import Counter

from copconnect.sockets.connections.connection import Connection


class Unauthenticated:
    """The unauthenticated connections of one process, by address."""

    def __init__(self, most: int, most_per_address: int) -> None:
        self._most = most
        self._most_per_address = most_per_address
        self._there: set[Connection] = set()
        self._addresses: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._there)

    def full(self, address: str) -> bool:
        """Whether one more from this address is too many."""
        return len(self._there) >= self._most or self._addresses[address] >= self._most_per_address

    def add(self, connection: Connection) -> None:
        """Count a connection, once."""
        if connection not in self._there:
            self._there.add(connection)
            self._addresses[connection.address] += 1

    def discard(self, connection: Connection) -> None:
        """Stop counting a connection that sent Hello or closed."""
        if connection in self._there:
            self._there.remove(connection)
            self._addresses[connection.address] -= 1
            if not self._addresses[connection.address]:
                del self._addresses[connection.address]
