"""Registered clients as other roles see them; and the version of Trust with its revocation list.

It depends on no other role, so that ``app.py`` can hand it to the roles that the Authentication
Service itself depends on.
"""

import asyncio
import hashlib
from collections.abc import Collection

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.auth_service import store
from copconnect.auth_service.authority import CertificateAuthority
from copconnect.clock import Clock
from copconnect.database import Database
from copconnect.ids import ClientId, PersonId
from copconnect.principals import RegisteredClient

CRL_REBUILT_MS = 24 * 3_600_000


class ClientRegistry:
    """Who has which valid certificate."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def clients_of(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> list[RegisteredClient]:
        """Return the unrevoked clients of people, one for each valid certificate.

        A client that renewed early is there twice, its newest certificate last. The people's
        clients are revoked in the transaction that suspends them, so all of these are active.
        """
        rows = await store.valid_clients(connection, person_ids, self._clock.now_ms())
        return [
            RegisteredClient(
                client_id=ClientId(row.client_id),
                person_id=PersonId(row.person_id),
                certificate_hash=row.certificate_hash,
                certificate=row.certificate,
            )
            for row in rows
        ]

    async def certificates(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> dict[str, tuple[ClientId, PersonId]]:
        """Return whose every valid certificate of these people is, by hash, and others' too where
        they are many; a client's newest comes last."""
        rows = await store.valid_certificates(connection, self._clock.now_ms(), person_ids)
        return {row.certificate_hash: (row.client_id, row.person_id) for row in rows}

    async def registered(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> set[PersonId]:
        """Return which of these people have an unrevoked client."""
        return await store.registered(connection, person_ids)


class TrustPublisher:
    """Answers Trust. The revocation list is built once for each version, and daily."""

    def __init__(self, database: Database, clock: Clock, authority: CertificateAuthority) -> None:
        self._database = database
        self._clock = clock
        self._authority = authority
        self._built: tuple[int, wire.Trust] | None = None
        self._building = asyncio.Lock()

    async def start(self) -> None:
        """Record the issuing certificates; the version grows when they changed."""
        digest = hashlib.sha256(b"".join(sorted(self._authority.issuing))).hexdigest()
        async with self._database.transaction() as connection:
            await store.set_issuing(connection, digest)

    async def version(self) -> int:
        """Return the version of Trust."""
        async with self._database.reading() as connection:
            row = await store.trust_row(connection)
        return row.version if row is not None else 1

    async def trust(self) -> wire.Trust:
        """Return what clients need to judge certificates."""
        known = self._known(await self.version())
        if known is not None:
            return known
        # After a revocation everybody asks at once: one builds, the others wait for it.
        async with self._building:
            return await self._build()

    def _known(self, version: int) -> wire.Trust | None:
        if self._built is None:
            return None
        built_ms, trust = self._built
        fresh = self._clock.now_ms() - built_ms < CRL_REBUILT_MS
        return trust if fresh and trust.version == version else None

    async def _build(self) -> wire.Trust:
        now = self._clock.now_ms()
        async with self._database.reading() as connection:
            row = await store.trust_row(connection)
            version = row.version if row is not None else 1
            known = self._known(version)
            if known is not None:
                return known
            revoked = await store.revoked_serials(connection, now)
        trust = wire.Trust(
            version=version,
            root=self._authority.root,
            issuing=self._authority.issuing,
            roster_authority=self._authority.roster.certificate,
            crl=self._authority.crl(revoked, version, now),
        )
        self._built = (now, trust)
        return trust
