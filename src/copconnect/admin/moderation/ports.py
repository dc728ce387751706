"""Interfaces that the acts and the page about known pictures need; ``app.py`` passes them in."""

from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.database.engine import Transaction
from copconnect.principals import Signer


class Pictures(Protocol):
    """The list of known pictures."""

    async def check(self, connection: AsyncConnection, act: wire.MarkPicture) -> None:
        """Raise ActInvalid, PictureKnown, PicturesFull."""
        ...

    async def path_of(self, connection: AsyncConnection, hash_: str) -> str:
        """Return the unit whose moderators marked a picture. Raises NotFound."""
        ...

    async def mark(
        self, connection: Transaction, by: Signer, act: wire.MarkPicture, path: str
    ) -> None:
        """Put a picture on the list. Raises as ``check``."""
        ...

    async def unmark(self, connection: Transaction, by: Signer, act: wire.UnmarkPicture) -> None:
        """Take a picture off the list. Raises NotFound."""
        ...

    async def page(
        self, connection: AsyncConnection, before: int | None, limit: int
    ) -> Sequence[Any]:
        """Return rows of marked pictures, the newest first."""
        ...

    async def count(self, connection: AsyncConnection) -> int:
        """Return how many pictures are marked."""
        ...
