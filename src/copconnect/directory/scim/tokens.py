"""The systems that may change people by SCIM, each with a bearer token."""

import hashlib
import secrets

from copconnect.audit import Audit
from copconnect.audit.acts import ScimTokenMade, ScimTokenRemoved
from copconnect.clock import Clock
from copconnect.database.engine import Database
from copconnect.directory.scim import scim_store
from copconnect.principals import Principal

LONGEST_NAME = 64


class ScimTokens:
    """Only hashes of tokens are stored: a token is shown once."""

    def __init__(self, database: Database, clock: Clock, audit: Audit) -> None:
        self._database = database
        self._clock = clock
        self._audit = audit

    async def make(self, by: Principal, name: str) -> str:
        """Return a new token of a system; one that it had before ends. Raises ValueError for a
        name that is empty or too long."""
        if not 0 < len(name) <= LONGEST_NAME:
            raise ValueError("a name has 1 to 64 characters")
        token = secrets.token_urlsafe(32)
        async with self._database.transaction() as connection:
            await scim_store.add(connection, name, _hash(token), self._clock.now_ms())
            await self._audit.record(connection, by, ScimTokenMade(name))
        return token

    async def remove(self, by: Principal, name: str) -> bool:
        """End a system's token; return whether there was one."""
        async with self._database.transaction() as connection:
            removed = await scim_store.remove(connection, name)
            if removed:
                await self._audit.record(connection, by, ScimTokenRemoved(name))
        return removed

    async def system(self, token: str) -> str | None:
        """Return the name of the system that a token belongs to."""
        async with self._database.reading() as connection:
            return await scim_store.by_token(connection, _hash(token))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
