"""A guard's policy by which groups of a hundred people are large."""

from sqlalchemy.ext.asyncio import AsyncConnection


class LargeFrom:
    """The policy's part that sanctions ask about."""

    async def large_from_in(self, _connection: AsyncConnection) -> int:
        """A hundred."""
        return 100
