"""Accounts after registration: devices, labels, renewal, signing out.

Invariant: a certificate, its expiry and the rosters that list its device change in one transaction.
"""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.auth_service import rules, store
from copconnect.auth_service.dependencies import Dependencies
from copconnect.auth_service.ports import Conduct, LossReason
from copconnect.auth_service.registration import registration_store
from copconnect.auth_service.trust import device_store, record_store
from copconnect.auth_service.trust.administered import client_info
from copconnect.auth_service.trust.changes import Changes
from copconnect.auth_service.trust.revoking import Revoking
from copconnect.auth_service.trust.verdicts.confirmers import Confirmers
from copconnect.database.engine import Transaction
from copconnect.ids import ClientId, PersonId
from copconnect.principals import Caller
from copconnect.rights import Permit

LAPSED_TOGETHER = 500


class Accounts:
    """Acts on registered accounts."""

    def __init__(
        self,
        deps: Dependencies,
        conduct: Conduct,
        changes: Changes,
        confirmers: Confirmers,
        revoking: Revoking,
    ) -> None:
        self._deps = deps
        self._conduct = conduct
        self._changes = changes
        self._confirmers = confirmers
        self._revoking = revoking

    async def me(self, caller: Caller) -> wire.Me:
        """Return the caller's account. Raises Suspended for somebody whom the Directory lost."""
        async with self._deps.database.reading() as connection:
            person = await self._deps.people.card(connection, caller.person_id)
            if person is None:
                raise errors.Suspended
            clients = await self._clients(connection, caller.person_id)
            accepted = await self._conduct.accepted(connection, [caller.person_id])
            required, newest = await self._conduct.versions(connection)
            unit_admin = await self._deps.people.is_unit_admin(connection, caller.person_id)
            confirmers = await self._confirmers.of(connection, caller.person_id)
        own = next((one for one in clients if one.client_id == caller.client_id), None)
        if own is None:
            raise errors.Unauthenticated
        acceptance = accepted.get(caller.person_id)
        return wire.Me(
            person=person,
            client_id=caller.client_id,
            device=own.device,
            confirmed=own.confirmed,
            confirmers=confirmers,
            clients=clients,
            conduct_version=None if acceptance is None else acceptance.version,
            conduct_accepted_ms=None if acceptance is None else acceptance.accepted_ms,
            conduct_required=required,
            conduct_current=newest,
            unit_admin=unit_admin,
        )

    async def clients(self, person_id: PersonId) -> list[wire.ClientInfo]:
        """Return a person's devices, revoked ones included."""
        async with self._deps.database.reading() as connection:
            return await self._clients(connection, person_id)

    async def renew(self, caller: Caller, body: wire.RenewCertificate) -> wire.CertificateRenewed:
        """Renew a certificate near its end (rules.renewal_due); earlier, and on a retry, answer the
        one there is. Raises ClockWrong, ProofInvalid."""
        now = self._deps.clock.now_ms()
        message = rules.renewal_proof(caller.client_id, body.created_ms)
        rules.check_clock(body.created_ms, now)
        async with self._deps.database.transaction() as connection:
            client = await store.lock_client(connection, caller.client_id)
            if client is None:
                raise errors.Unauthenticated
            rules.check_proof(client.public_key, body.proof, message)
            newest = (await store.newest_certificates(connection, [caller.client_id]))[
                caller.client_id
            ]
            certificate: bytes = newest.certificate
            days = self._deps.settings.certificate_days
            if rules.renewal_due(newest.expires_ms, now, days):
                await record_store.touch(connection, [caller.person_id])
                renewed = await self._deps.issue(
                    connection, caller.person_id, caller.client_id, client.public_key, now
                )
                certificate = renewed.der
                await device_store.set_expiry(connection, caller.client_id, renewed.not_after_ms)
                if client.lapsed:
                    await self._changes.judge(connection, [], also=[caller.person_id])
        return wire.CertificateRenewed(certificate=certificate)

    async def rename(self, caller: Caller, client_id: str, body: wire.RenameClient) -> wire.Me:
        """Give one of one's own devices another name. Raises NotFound, DeviceUnconfirmed."""
        async with self._deps.database.transaction() as connection:
            client = await store.client(connection, ClientId(client_id))
            if client is None or client.person_id != caller.person_id:
                raise errors.NotFound
            _require_confirmed(caller, client.client_id)
            await record_store.touch(connection, [caller.person_id])
            await store.set_label(connection, client.client_id, rules.clean_label(body.label))
            self._changes.tell(connection, [caller.person_id])
        return await self.me(caller)

    async def revoke_client(self, caller: Caller, client_id: str) -> wire.Me:
        """Revoke one of one's own devices by the roster authority; again is fine. Raises
        NotFound, DeviceUnconfirmed."""
        async with self._deps.database.transaction() as connection:
            client = await store.client(connection, ClientId(client_id))
            if client is None or client.person_id != caller.person_id:
                raise errors.NotFound
            _require_confirmed(caller, client.client_id)
            await self._revoking.by_authority(connection, {client.client_id: "device_removed"})
        return await self.me(caller)

    async def sign_out(self, caller: Caller) -> None:
        """Revoke the caller's device by the roster authority."""
        async with self._deps.database.transaction() as connection:
            await self._revoking.by_authority(connection, {caller.client_id: "signed_out"})

    async def lapse(self) -> None:
        """Let rosters lose the devices whose certificate has expired, some in each transaction."""
        while True:
            async with self._deps.database.transaction() as connection:
                rows = await device_store.lapse(
                    connection, self._deps.clock.now_ms(), LAPSED_TOGETHER
                )
                people = {PersonId(row.person_id) for row in rows if row.revoked_ms is None}
                await self._changes.judge(connection, [], also=people)
            if not rows:
                return

    async def prune(self) -> None:
        """Forget what nothing needs any more: why tokens ended, certificates, DeviceKeys."""
        before_ms = self._deps.clock.now_ms() - rules.ENDED_TOKEN_KEPT_MS
        async with self._deps.database.transaction() as connection:
            await store.forget_ended_tokens(connection, before_ms)
            # A device that reads the log needs the certificate of that time.
            kept_ms = self._deps.settings.log_retention_days * rules.DAY_MS
            now = self._deps.clock.now_ms()
            signers = self._deps.audit.signers()
            await device_store.forget_certificates(connection, now - kept_ms, signers)
            await device_store.forget_keys(connection, now - rules.FORMER_KEYS_KEPT_MS)

    async def people_lost(
        self, connection: Transaction, lost: Mapping[PersonId, LossReason]
    ) -> None:
        """Sign out people who were suspended or removed, in the caller's transaction."""
        await registration_store.refuse_open_tickets(connection, lost)
        owners = await store.open_clients(connection, lost)
        await self._revoking.by_authority(
            connection, {one: lost[owner] for one, owner in owners.items()}
        )

    async def store_enrolment_codes(
        self, connection: AsyncConnection, permit: Permit, codes: dict[PersonId, str]
    ) -> None:
        """Replace the enrolment codes of these people; only hashes are stored."""
        secret = self._deps.authority.secret
        await registration_store.set_enrolment_codes(
            connection,
            permit,
            {person: rules.enrolment_hash(secret, person, code) for person, code in codes.items()},
        )

    async def _clients(
        self, connection: AsyncConnection, person_id: PersonId
    ) -> list[wire.ClientInfo]:
        rows = await store.clients_of_person(connection, person_id)
        return [client_info(row) for row in rows]


def _require_confirmed(caller: Caller, client_id: ClientId) -> None:
    """A device that is not confirmed acts on itself alone: whoever intercepts one SMS has one, and
    would sign the officer's phones out with it. Raises DeviceUnconfirmed."""
    if not caller.confirmed and client_id != caller.client_id:
        raise errors.DeviceUnconfirmed
