"""The systems that may change people by SCIM, each with a bearer token."""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Literal

from copconnect.audit import Audit
from copconnect.audit.acts import ScimTokenMade, ScimTokenRemoved
from copconnect.clock import Clock
from copconnect.database.engine import Database
from copconnect.directory.scim import scim_store
from copconnect.principals import Principal

LONGEST_NAME = 64
DAYS, MOST_DAYS = 90, 400
DAY_MS = 86_400_000
Scope = Literal["read", "change"]


@dataclass(frozen=True, slots=True)
class System:
    """A system and what its token is for: to read people, or to change them too."""

    name: str
    scope: Scope


class ScimTokens:
    """Only hashes of tokens are stored: a token is shown once."""

    def __init__(self, database: Database, clock: Clock, audit: Audit) -> None:
        self._database = database
        self._clock = clock
        self._audit = audit

    async def make(self, by: Principal, name: str, scope: Scope, days: int = DAYS) -> str:
        """Return a new token of a system, which ends after so many days; one that it had before
        ends. Raises ValueError for a name or days out of range."""
        if not 0 < len(name) <= LONGEST_NAME:
            raise ValueError("a name has 1 to 64 characters")
        if not 0 < days <= MOST_DAYS:
            raise ValueError(f"a token holds for 1 to {MOST_DAYS} days")
        token, now_ms = secrets.token_urlsafe(32), self._clock.now_ms()
        expires_ms = now_ms + days * DAY_MS
        async with self._database.transaction() as connection:
            await scim_store.add(connection, name, _hash(token), scope, now_ms, expires_ms)
            await self._audit.record(connection, by, ScimTokenMade(name, scope, expires_ms))
        return token

    async def remove(self, by: Principal, name: str) -> bool:
        """End a system's token; return whether there was one."""
        async with self._database.transaction() as connection:
            removed = await scim_store.remove(connection, name)
            if removed:
                await self._audit.record(connection, by, ScimTokenRemoved(name))
        return removed

    async def system(self, token: str) -> System | None:
        """Return the system that a token belongs to; None also for a token that has expired."""
        async with self._database.reading() as connection:
            row = await scim_store.by_token(connection, _hash(token), self._clock.now_ms())
        return None if row is None else System(row.name, row.scope)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
