"""Dependencies of registration and accounts, and the one place where certificates are issued."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.audit import Audit
from copconnect.auth_service import store
from copconnect.auth_service.keys.authority import CertificateAuthority, IssuedCertificate
from copconnect.auth_service.ports import AccountDirectory, Memberships
from copconnect.clock import Clock
from copconnect.database.engine import Database
from copconnect.ids import ClientId, PersonId
from copconnect.settings import Settings


@dataclass(frozen=True, slots=True)
class AuthDependencies:
    """Dependencies that the Authentication Service's parts share; immutable after start."""

    database: Database
    clock: Clock
    settings: Settings
    authority: CertificateAuthority
    people: AccountDirectory
    memberships: Callable[[], Memberships]
    audit: Audit

    async def issue(
        self,
        connection: AsyncConnection,
        person_id: PersonId,
        client_id: ClientId,
        public_key: bytes,
        now_ms: int,
    ) -> IssuedCertificate:
        """Issue and store a device certificate."""
        days = self.settings.certificate_days
        issued = self.authority.issue(person_id, client_id, public_key, now_ms, days)
        await store.add_certificate(
            connection,
            {
                "certificate_hash": issued.hash,
                "client_id": client_id,
                "certificate": issued.der,
                "issued_ms": now_ms,
                "expires_ms": issued.not_after_ms,
            },
        )
        return issued
