"""Accounts after registration: devices, labels, renewal, signing out.

Invariant: a certificate, its expiry and the rosters that list its device change in one transaction.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.auth_service import rules, store
from copconnect.auth_service.dependencies import AuthDependencies
from copconnect.auth_service.ports import Conduct, LossReason
from copconnect.auth_service.registration import registration_store
from copconnect.auth_service.registration.sliding_window import SlidingWindow
from copconnect.auth_service.trust import device_store, record_store
from copconnect.auth_service.trust.administered import client_info
from copconnect.auth_service.trust.changes import Changes
from copconnect.auth_service.trust.locking import Endings
from copconnect.auth_service.trust.revoking import Revoking
from copconnect.auth_service.trust.verdicts.confirmers import Confirmers
from copconnect.database.engine import Transaction
from copconnect.ids import ClientId, PersonId
from copconnect.principals import Caller
from copconnect.rights import Permit

LAPSED_TOGETHER = 500
TOKENS_PER_MINUTE = 10  # One device asks for so many.


class Accounts:
    """Acts on registered accounts."""

    def __init__(
        self,
        deps: AuthDependencies,
        conduct: Conduct,
        changes: Changes,
        confirmers: Confirmers,
        revoking: Revoking,
        endings: Endings,
    ) -> None:
        self._endings = endings
        self._deps = deps
        self._conduct = conduct
        self._changes = changes
        self._confirmers = confirmers
        self._revoking = revoking
        self._renewals = SlidingWindow(TOKENS_PER_MINUTE, 60_000)

    async def me(self, caller: Caller) -> wire.Me:
        """Return the caller's account. Raises Suspended for somebody whom the Directory lost."""
        async with self._deps.database.reading() as connection:
            person = await self._deps.people.card(connection, caller.person_id)
            if person is None:
                raise errors.Suspended
            clients = await self._clients(connection, caller.person_id)
            accepted = await self._conduct.accepted(connection, [caller.person_id])
            required = await self._conduct.required(connection)
            unit_admin = await self._deps.people.heads_own_unit(connection, caller.person_id)
            confirmers = [] if caller.confirmed else await self._who_confirms(connection, caller)
        own = next((one for one in clients if one.client_id == caller.client_id), None)
        if own is None:
            raise errors.Unauthenticated
        acceptance = accepted.get(caller.person_id)
        version = None if acceptance is None else acceptance.version
        return wire.Me(
            # The caller was read before: a device that holds less than this version asks again.
            version=rules.me_version(caller.records_version, version),
            person=person,
            client_id=caller.client_id,
            device=own.device,
            confirmed=own.confirmed,
            confirmers=confirmers,
            clients=clients,
            conduct_version=version,
            conduct_accepted_ms=None if acceptance is None else acceptance.accepted_ms,
            conduct_required=required,
            unit_admin=unit_admin,
        )

    async def _who_confirms(
        self, connection: AsyncConnection, caller: Caller
    ) -> list[wire.Confirmer]:
        """Return whom a waiting device's person asks, with the numbers that the person is shown."""
        found = await self._confirmers.of(connection, caller.person_id)
        cards = await self._deps.people.cards(connection, found, caller.person_id)
        return [
            wire.Confirmer(person_id=one, number=cards[one].number) for one in found if one in cards
        ]

    async def clients(self, person_id: PersonId) -> list[wire.ClientInfo]:
        """Return a person's devices, revoked ones included."""
        async with self._deps.database.reading() as connection:
            return await self._clients(connection, person_id)

    async def renew(self, body: wire.RenewCertificate) -> wire.CertificateRenewed:
        """Take an access token by its hash, and renew a certificate near its end
        (rules.renewal_due); earlier, and on a retry, answer the one there is.

        The device's former tokens hold until they expire, so that an answer may be lost. Raises
        ClockWrong, Unauthenticated, ProofInvalid, SignedOut, RateLimited.
        """
        message = rules.renewal_proof(body.client_id, body.created_ms, body.token_hash)
        device = await self._proven(body, message)
        now, settings = self._deps.clock.now_ms(), self._deps.settings
        self._renewals.spend(device.client_id, now, "tokens_per_device")
        client_id, person_id = ClientId(device.client_id), PersonId(device.person_id)
        expires_ms = body.created_ms + settings.token_hours * rules.HOUR_MS
        async with self._deps.database.transaction() as connection:
            client = await store.lock_client(connection, client_id)
            if client is None:
                raise errors.Unauthenticated
            newest = (await store.newest_certificates(connection, [client_id]))[client_id]
            certificate: bytes = newest.certificate
            if rules.renewal_due(newest.expires_ms, now, settings.certificate_days):
                await record_store.touch(connection, [person_id])
                renewed = await self._deps.issue(
                    connection, person_id, client_id, client.public_key, now
                )
                certificate = renewed.der
                await device_store.set_expiry(connection, client_id, renewed.not_after_ms)
                if client.lapsed:
                    await self._changes.judge(connection, [], also=[person_id])
            await store.add_token(
                connection, client_id, body.token_hash.hex(), expires_ms, rules.TOKENS_OF_DEVICE
            )
        return wire.CertificateRenewed(certificate=certificate, token_expires_ms=expires_ms)

    async def rename(self, caller: Caller, client_id: ClientId, body: wire.RenameClient) -> wire.Me:
        """Give one of one's own devices another name. Raises NotFound, DeviceUnconfirmed."""
        async with self._deps.database.transaction() as connection:
            client = await store.client(connection, client_id)
            if client is None or client.person_id != caller.person_id:
                raise errors.NotFound
            _require_confirmed(caller, client.client_id)
            await record_store.touch(connection, [caller.person_id])
            await store.set_label(connection, client.client_id, rules.clean_label(body.label))
            self._changes.tell(connection, [caller.person_id])
        return await self.me(caller)

    async def sign_out(self, body: wire.SignOut) -> None:
        """Revoke the device that signed, by the roster authority. Raises ClockWrong,
        Unauthenticated, ProofInvalid, SignedOut."""
        device = await self._proven(body, rules.sign_out_proof(body.client_id, body.created_ms))
        async with self._deps.database.transaction() as connection:
            await self._revoking.by_authority(
                connection, {ClientId(device.client_id): "signed_out"}
            )

    async def _proven(self, body: wire.RenewCertificate | wire.SignOut, message: bytes) -> Any:
        """Return the client whose device key signed a message. Only the key's holder learns why
        the client ended."""
        rules.check_clock(body.created_ms, self._deps.clock.now_ms())
        async with self._deps.database.reading() as connection:
            client = await store.client(connection, body.client_id)
            if client is None:
                raise errors.Unauthenticated
            rules.check_proof(client.public_key, body.proof, message)
            ended = await self._endings.of(connection, [client])
            if client.device in ended:
                raise rules.signed_out(ended[client.device])
        return client

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
        """Forget what nothing needs any more: expired tokens, certificates, DeviceKeys."""
        now = self._deps.clock.now_ms()
        async with self._deps.database.transaction() as connection:
            await store.forget_tokens(connection, now)
            # A device that reads the log needs the certificate of that time.
            kept_ms = self._deps.settings.log_retention_days * rules.DAY_MS
            signers = self._deps.audit.signers()
            if not await self._deps.memberships().any_held(connection):
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
    """A device that is not confirmed acts on itself alone: a thief who intercepts one SMS has one,
    and would sign the officer's phones out with it. Raises DeviceUnconfirmed."""
    if not caller.confirmed and client_id != caller.client_id:
        raise errors.DeviceUnconfirmed
