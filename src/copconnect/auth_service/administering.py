"""Operators' acts on accounts: enrolment codes, revoked devices. Each act is audited with it."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from copconnect.audit.acts import DeviceRevoked, EnrolmentCodesMade
from copconnect.auth_service import store
from copconnect.auth_service.accounts import Accounts
from copconnect.auth_service.dependencies import AuthDependencies
from copconnect.auth_service.trust.revoking import Revoking
from copconnect.database.engine import Transaction
from copconnect.ids import ClientId, PersonId
from copconnect.principals import Operator, Principal
from copconnect.rights import Permit, principal_of

# No 0/O, 1/I/L: people read these aloud and copy them from paper.
LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
CODE_LENGTH = 12  # 59 bits.


@dataclass(frozen=True, slots=True)
class NamedClient:
    """A device as an operator chooses it."""

    client_id: ClientId
    person_id: PersonId
    label: str
    revoked: bool


class Administering:
    """Acts of administrators. Stateless."""

    def __init__(self, deps: AuthDependencies, accounts: Accounts, revoking: Revoking) -> None:
        self._deps = deps
        self._accounts = accounts
        self._revoking = revoking

    async def make_enrolment_codes(self, by: Operator, people: Sequence[PersonId]) -> list[str]:
        """Do :meth:`make_codes` in its own transaction."""
        async with self._deps.database.transaction() as connection:
            return await self.make_codes(connection, by, people)

    async def make_codes(
        self, connection: Transaction, permit: Permit, people: Sequence[PersonId]
    ) -> list[str]:
        """Give each a new enrolment code in place of any other; return them as letters show them.
        Only hashes are stored."""
        codes = ["".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH)) for _ in people]
        await self._accounts.store_enrolment_codes(
            connection, permit, dict(zip(people, codes, strict=True))
        )
        await self._deps.audit.record(
            connection, principal_of(permit), EnrolmentCodesMade(list(people))
        )
        return ["-".join((code[:4], code[4:8], code[8:])) for code in codes]

    async def clients_beginning(self, prefix: str, limit: int) -> list[NamedClient]:
        """Return devices whose id begins with these hexadecimal digits, ``limit`` at most."""
        async with self._deps.database.reading() as connection:
            rows = await store.clients_beginning(connection, prefix, limit)
        return [
            NamedClient(
                ClientId(row.client_id),
                PersonId(row.person_id),
                row.label,
                revoked=row.revoked_ms is not None,
            )
            for row in rows
        ]

    async def revoke_client(self, by: Principal, client_id: ClientId) -> bool:
        """Revoke a device by the roster authority; return whether it was there and not revoked."""
        async with self._deps.database.transaction() as connection:
            owners = await store.owners_of_open(connection, [client_id])
            if client_id not in owners:
                return False
            await self._revoking.by_authority(connection, {client_id: "device_removed"})
            act = DeviceRevoked(owners[client_id], client_id)
            await self._deps.audit.record(connection, by, act)
        return True
