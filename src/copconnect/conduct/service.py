"""Serves the code of conduct, publishes its versions, and records who accepted which.

The first version is the text that is shipped; the database keeps it from the first start on, so
that a later version of the program changes nothing that people accepted. A version that asks again
makes everybody owe an acceptance from its commit on; a correction does not.
"""

from collections.abc import Collection, Sequence
from importlib.resources import files
from typing import Any, Protocol

import msgspec
from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.audit import Audit
from copconnect.audit.acts import ConductPublished
from copconnect.bus import AccountWakeup
from copconnect.clock import Clock
from copconnect.conduct import rules, store
from copconnect.database.engine import Database, Transaction
from copconnect.ids import PersonId
from copconnect.principals import Acceptance, Caller, Operator, Principal, Signer
from copconnect.records.primitives.fields import sha256

_TEXTS = msgspec.json.Decoder(list[wire.ConductText])


class CallerAccount(Protocol):
    """The account that an acceptance answers; the Authentication Service knows it."""

    async def me(self, caller: Caller) -> wire.Me:
        """Return the caller's account."""


def shipped() -> list[wire.ConductText]:
    """Read the texts that ship with the package. Raises ValueError for a malformed file."""
    folder = files("copconnect.conduct") / "code"
    return [
        rules.parse((folder / f"{language}.md").read_text("utf-8"), language)
        for language in wire.LANGUAGES
    ]


def parse(content: bytes) -> list[wire.ConductText]:
    """Return the texts of a file, a JSON list of wire.ConductText. Raises ActInvalid."""
    try:
        return _TEXTS.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise errors.ActInvalid(reason=str(error)) from error


class ConductService:
    """The code of conduct and its acceptances."""

    def __init__(
        self, database: Database, clock: Clock, accounts: CallerAccount, audit: Audit
    ) -> None:
        self._database = database
        self._clock = clock
        self._accounts = accounts
        self._audit = audit

    async def start(self) -> None:
        """Keep the shipped text as the first version, unless there is one."""
        async with self._database.transaction() as connection:
            await self._keep_first(connection)

    async def current(self) -> int:
        """Return the newest version."""
        async with self._database.reading() as connection:
            version: int = (await self._code(connection)).version
        return version

    async def code(self, language: str = "en", version: int | None = None) -> wire.ConductCode:
        """Return a version of the text, in English for a language it does not exist in; None: the
        newest. Raises NotFound."""
        async with self._database.reading() as connection:
            row = await self._code(connection, version)
        text = rules.in_language(_TEXTS.decode(row.texts), language)
        return wire.ConductCode(
            version=row.version,
            created_ms=row.created_ms,
            language=text.language,
            title=text.title,
            rules=text.rules,
        )

    async def accept(self, caller: Caller, body: wire.AcceptConduct) -> wire.Me:
        """Record that the caller accepts. Raises ConductChanged for a version that counts no more,
        BadRequest for one that is not there."""
        async with self._database.transaction() as connection:
            newest = (await self._code(connection)).version
            if body.version > newest:
                raise errors.BadRequest(reason="there is no such version")
            if body.version < await store.required(connection):
                raise errors.ConductChanged(version=newest)
            await store.record(
                connection, caller.person_id, body.version, body.language, self._clock.now_ms()
            )
            connection.after_commit(
                AccountWakeup(
                    event="clients",
                    person_ids=[caller.person_id],
                    client_ids=[],
                    answered=caller.client_id,
                )
            )
        return await self._accounts.me(caller)

    # --- Publishing ---------------------------------------------------------------------------

    async def check(
        self, connection: AsyncConnection, texts: Sequence[wire.ConductText], after: int
    ) -> None:
        """Raise ConductIncomplete, ConductTooLong, or ConductChanged where ``after`` is not the
        newest version."""
        rules.check(texts)
        newest = (await self._code(connection)).version
        if after != newest:
            raise errors.ConductChanged(version=newest)

    async def publish(
        self,
        connection: Transaction,
        by: Principal,
        texts: Sequence[wire.ConductText],
        after: int,
        *,
        asks_again: bool,
    ) -> int:
        """Store the next version and return its number. Raises as :meth:`check`."""
        await self._keep_first(connection)
        await self.check(connection, texts, after)
        encoded = msgspec.json.encode(texts)
        version = after + 1
        row = {
            "version": version,
            "created_ms": self._clock.now_ms(),
            "person_id": by.person_id if isinstance(by, Signer) else None,
            "asks_again": asks_again,
            "texts": encoded.decode(),
        }
        if not await store.add_code(connection, row):
            raise errors.ConductChanged(version=version)
        if asks_again:
            connection.after_commit(AccountWakeup(event="conduct", person_ids=[], client_ids=[]))
        published = ConductPublished(version, asks_again, sha256(encoded).hex())
        await self._audit.record(connection, by, published)
        return version

    async def publish_file(
        self, by: Operator, texts: Sequence[wire.ConductText], *, asks_again: bool
    ) -> int:
        """Publish for an operator what a file says. Raises as :meth:`publish`."""
        async with self._database.transaction() as connection:
            newest = (await self._code(connection)).version
            return await self.publish(connection, by, texts, newest, asks_again=asks_again)

    async def texts(
        self, connection: AsyncConnection, version: int | None = None
    ) -> wire.ConductTexts:
        """Return a version in every language; None: the newest. Raises NotFound."""
        row = await self._code(connection, version)
        return wire.ConductTexts(version=row.version, texts=_TEXTS.decode(row.texts))

    async def versions(self, connection: AsyncConnection) -> Sequence[Any]:
        """Return the rows of all versions without their texts, the newest first."""
        return await store.versions(connection)

    async def required(self, connection: AsyncConnection) -> int:
        """Return the version from which acceptances count."""
        return await store.required(connection)

    def accepted_people(self) -> Select[tuple[PersonId]]:
        """Return a statement of the people whose acceptance counts."""
        return store.accepted_people()

    async def _code(self, connection: AsyncConnection, version: int | None = None) -> Any:
        """Return the row of a version. Before the first start there is the shipped text alone."""
        row = await store.code(connection, version)
        if row is not None:
            return row
        if version in (None, store.FIRST):
            return _First(msgspec.json.encode(shipped()).decode())
        raise errors.NotFound

    async def _keep_first(self, connection: AsyncConnection) -> None:
        if await store.code(connection) is not None:
            return
        row = {
            "version": store.FIRST,
            "created_ms": self._clock.now_ms(),
            "person_id": None,
            "asks_again": True,
            "texts": msgspec.json.encode(shipped()).decode(),
        }
        await store.add_code(connection, row)


class _First(msgspec.Struct, frozen=True):
    """The row of the shipped text before it is stored."""

    texts: str
    version: int = store.FIRST
    created_ms: int = 0


class Acceptances:
    """Tells the Authentication Service what people accepted."""

    async def accepted(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> dict[PersonId, Acceptance]:
        """Return the newest acceptance of each of these people who has any."""
        return await store.newest_of(connection, person_ids)

    async def required(self, connection: AsyncConnection) -> int:
        """Return the version from which acceptances count."""
        return await store.required(connection)
