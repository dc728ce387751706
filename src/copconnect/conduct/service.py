"""Serves the code of conduct and records who accepted it.

Invariant: an acceptance counts for exactly one version; a new version asks everybody again.
"""

from collections.abc import Collection
from importlib.resources import files
from typing import Protocol, get_args

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.bus import AccountWakeup
from copconnect.clock import Clock
from copconnect.conduct import rules, store
from copconnect.database.engine import Database
from copconnect.ids import PersonId
from copconnect.principals import Caller

LANGUAGES: tuple[wire.Language, ...] = get_args(wire.Language)


class Accounts(Protocol):
    """The account that an acceptance answers; the Authentication Service knows it."""

    async def me(self, caller: Caller) -> wire.Me:
        """Return the caller's account."""
        ...


def load_codes() -> dict[str, wire.ConductCode]:
    """Read the texts that ship with the package. Raises ValueError when versions differ."""
    folder = files("copconnect.conduct") / "code"
    codes: dict[str, wire.ConductCode] = {
        language: rules.parse((folder / f"{language}.md").read_text("utf-8"), language)
        for language in LANGUAGES
    }
    if len({code.version for code in codes.values()}) != 1:
        raise ValueError("the translations of the code of conduct differ in version")
    return codes


class ConductService:
    """The code of conduct and its acceptances."""

    def __init__(self, database: Database, clock: Clock, accounts: Accounts) -> None:
        self._database = database
        self._clock = clock
        self._accounts = accounts
        self._codes = load_codes()

    @property
    def current(self) -> str:
        """The version that people must have accepted."""
        return self._codes["en"].version

    def code(self, language: str) -> wire.ConductCode:
        """Return the text, in English for a language it does not exist in."""
        return self._codes.get(language, self._codes["en"])

    async def accept(self, caller: Caller, body: wire.AcceptConduct) -> wire.Me:
        """Record that the caller accepts. Raises BadRequest for another version."""
        if body.version != self.current:
            raise errors.BadRequest(reason="this is not the current version")
        async with self._database.transaction() as connection:
            await store.record(
                connection, caller.person_id, body.version, body.language, self._clock.now_ms()
            )
            connection.after_commit(
                AccountWakeup(event="clients", person_ids=[caller.person_id], client_ids=[])
            )
        return await self._accounts.me(caller)


class Acceptances:
    """Tells the Authentication Service what people accepted."""

    def __init__(self) -> None:
        self.current = load_codes()["en"].version

    async def accepted(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> dict[PersonId, str]:
        """Return the version that each of these people accepted last, if any."""
        return await store.newest(connection, person_ids)
