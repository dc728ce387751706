"""Accounts after registration: devices, renewal, revocation, approvals.

Invariant: revoking commits in one transaction: client, certificates, token, the version of
Trust, the client's places in conversations, and the wake-ups that sign it out everywhere.
"""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.auth_service import registration_store, rules, store
from copconnect.auth_service.parts import Parts
from copconnect.auth_service.ports import Conduct, EndReason, LossReason
from copconnect.bus import AccountWakeup, AnyWakeup
from copconnect.ids import ApprovalId, ClientId, PersonId
from copconnect.principals import Caller
from copconnect.wakeup_log import WakeupLog


class Accounts:
    """Acts on registered accounts."""

    def __init__(self, parts: Parts, conduct: Conduct, wakeup_log: WakeupLog) -> None:
        self._parts = parts
        self._conduct = conduct
        self._log = wakeup_log

    async def me(self, caller: Caller) -> wire.Me:
        """Return the caller's account. Raises Suspended for somebody the roster lost."""
        async with self._parts.database.reading() as connection:
            person = await self._parts.people.card(connection, caller.person_id)
            if person is None:
                raise errors.Suspended
            clients = await self._clients(connection, caller.person_id)
            accepted = await self._conduct.accepted(connection, [caller.person_id])
            unit_admin = await self._parts.people.is_unit_admin(connection, caller.person_id)
        return wire.Me(
            person=person,
            client_id=caller.client_id,
            clients=clients,
            conduct_version=accepted.get(caller.person_id),
            conduct_current=self._conduct.current,
            unit_admin=unit_admin,
        )

    async def clients(self, person_id: PersonId) -> list[wire.ClientInfo]:
        """Return a person's devices, revoked ones included."""
        async with self._parts.database.reading() as connection:
            return await self._clients(connection, person_id)

    async def renew(self, caller: Caller, body: wire.RenewCertificate) -> wire.CertificateRenewed:
        """Renew a certificate near its end (rules.renewal_due); earlier, and on a retry, answer the
        one there is. Raises ClockWrong, ProofInvalid."""
        now = self._parts.clock.now_ms()
        message = rules.renewal_proof(caller.client_id, body.created_ms)
        rules.check_clock(body.created_ms, now)
        wakeups: list[AnyWakeup] = []
        async with self._parts.database.transaction() as connection:
            client = await store.lock_client(connection, caller.client_id)
            if client is None:
                raise errors.Unauthenticated
            rules.check_proof(client.public_key, body.proof, message)
            newest = (await store.newest_certificates(connection, [caller.client_id]))[
                caller.client_id
            ]
            certificate: bytes = newest.certificate
            days = self._parts.settings.certificate_days
            if rules.renewal_due(newest.expires_ms, now, days):
                renewed = await self._parts.issue(
                    connection, caller.person_id, caller.client_id, client.public_key, now
                )
                certificate = renewed.certificate
                wakeups = await self._parts.memberships.certificate_renewed(connection, renewed)
        await self._parts.bus.publish(wakeups)
        return wire.CertificateRenewed(certificate=certificate)

    async def revoke_client(self, caller: Caller, client_id: str) -> wire.Me:
        """Revoke one of one's own devices; again is fine. Raises NotFound."""
        async with self._parts.database.transaction() as connection:
            client = await store.client(connection, ClientId(client_id))
            if client is None or client.person_id != caller.person_id:
                raise errors.NotFound
            wakeups = await self.revoke(connection, {ClientId(client_id): "device_removed"})
        await self._parts.bus.publish(wakeups)
        return await self.me(caller)

    async def sign_out(self, caller: Caller) -> None:
        """Revoke the caller's device."""
        async with self._parts.database.transaction() as connection:
            wakeups = await self.revoke(connection, {caller.client_id: "signed_out"})
        await self._parts.bus.publish(wakeups)

    async def revoke(
        self, connection: AsyncConnection, reasons: Mapping[ClientId, EndReason]
    ) -> list[AnyWakeup]:
        """Revoke clients in the caller's transaction. Publish the wake-ups after it commits."""
        revoked = await store.revoke(connection, reasons, self._parts.clock.now_ms())
        if not revoked:
            return []
        fresh = sorted(ClientId(row.client_id) for row in revoked)
        owners = {PersonId(row.person_id) for row in revoked}
        await store.bump_trust(connection)
        wakeups: list[AnyWakeup] = []
        for ended in sorted({reasons[client_id] for client_id in fresh}):
            signed_out = [client_id for client_id in fresh if reasons[client_id] == ended]
            wakeups.append(
                AccountWakeup(
                    event="signed_out", person_ids=[], client_ids=signed_out, reason=ended
                )
            )
        lost = any(reasons[client_id] in ("suspended", "removed") for client_id in fresh)
        wakeups += [
            *await self._parts.memberships.clients_removed(
                connection, fresh, "department" if lost else "device_removed"
            ),
            AccountWakeup(event="clients", person_ids=sorted(owners), client_ids=[]),
            AccountWakeup(event="trust", person_ids=[], client_ids=[]),
        ]
        await self._log.record(connection, wakeups)
        return wakeups

    async def prune(self) -> None:
        """Forget why tokens ended, for those that ended long ago."""
        before_ms = self._parts.clock.now_ms() - rules.ENDED_TOKEN_KEPT_MS
        async with self._parts.database.transaction() as connection:
            await store.forget_ended_tokens(connection, before_ms)

    async def people_lost(
        self, connection: AsyncConnection, lost: Mapping[PersonId, LossReason]
    ) -> list[AnyWakeup]:
        """Sign out people who were suspended or removed, in the caller's transaction."""
        await registration_store.refuse_open_tickets(connection, lost)
        owners = await store.open_clients(connection, lost)
        return await self.revoke(connection, {one: lost[owner] for one, owner in owners.items()})

    async def store_enrolment_codes(
        self, connection: AsyncConnection, codes: dict[PersonId, str]
    ) -> None:
        """Replace the enrolment codes of these people; only hashes are stored."""
        secret = self._parts.authority.secret
        await registration_store.set_enrolment_codes(
            connection,
            {person: rules.enrolment_hash(secret, person, code) for person, code in codes.items()},
        )

    # --- Approvals ------------------------------------------------------------------------

    async def approvals(self, caller: Caller) -> wire.PendingApprovals:
        """Return the registrations that the caller may decide. Raises NotUnitAdmin."""
        async with self._parts.database.reading() as connection:
            if not await self._parts.people.is_unit_admin(connection, caller.person_id):
                raise errors.NotUnitAdmin
            return await self._approvals(connection, caller.person_id)

    async def decide(
        self, caller: Caller, approval_id: str, body: wire.DecideApproval
    ) -> wire.PendingApprovals:
        """Decide a registration; one that is decided already stays so.

        Raises NotFound, NotUnitAdmin.
        """
        async with self._parts.database.transaction() as connection:
            row = await registration_store.approval(connection, approval_id)
            if row is None:
                raise errors.NotFound
            person_id = PersonId(row.person_id)
            may = await self._parts.people.administered(connection, caller.person_id, [person_id])
            # Nobody vouches for themselves: their other device could be the stolen one.
            if person_id not in may or person_id == caller.person_id:
                raise errors.NotUnitAdmin
            wakeups = await self.decide_approval(
                connection, approval_id, body.approve, caller.person_id
            )
            remaining = await self._approvals(connection, caller.person_id)
        await self._parts.bus.publish(wakeups)
        return remaining

    async def decide_approval(
        self, connection: AsyncConnection, approval_id: str, approve: bool, by: str
    ) -> list[AnyWakeup]:
        """Decide in the caller's transaction, without asking who decides."""
        now = self._parts.clock.now_ms()
        row = await registration_store.approval(connection, approval_id)
        state = "approved" if approve else "refused"
        if row is None or not await registration_store.decide(
            connection, approval_id, state, by, now
        ):
            return []
        await registration_store.change_tickets_of_approval(
            connection,
            approval_id,
            step="device" if approve else "refused",
            expires_ms=now + rules.APPROVAL_LIFETIME_MS,
        )
        admins = await self._parts.people.admins_for(connection, PersonId(row.person_id))
        if not admins:
            return []
        wakeups: list[AnyWakeup] = [
            AccountWakeup(event="approvals", person_ids=admins, client_ids=[])
        ]
        await self._log.record(connection, wakeups)
        return wakeups

    async def pending_of(
        self, connection: AsyncConnection, person_id: PersonId
    ) -> list[ApprovalId]:
        """Return the open approvals about one person."""
        now = self._parts.clock.now_ms()
        rows = await registration_store.pending_approvals(connection, now, [person_id])
        return [ApprovalId(row.approval_id) for row in rows]

    async def _approvals(
        self, connection: AsyncConnection, admin: PersonId
    ) -> wire.PendingApprovals:
        now = self._parts.clock.now_ms()
        may = await self._parts.people.all_administered(connection, admin)
        rows = await registration_store.pending_approvals(connection, now, may)
        people = {PersonId(row.person_id) for row in rows} - {admin}
        cards = await self._parts.people.cards(connection, people)
        return wire.PendingApprovals(
            approvals=[
                wire.PendingApproval(
                    approval_id=row.approval_id,
                    person=cards[row.person_id],
                    requested_ms=row.requested_ms,
                )
                for row in rows
                if row.person_id in cards
            ]
        )

    async def _clients(
        self, connection: AsyncConnection, person_id: PersonId
    ) -> list[wire.ClientInfo]:
        rows = await store.clients_of_person(connection, person_id)
        newest = await store.newest_certificates(connection, [row.client_id for row in rows])
        return [
            wire.ClientInfo(
                client_id=row.client_id,
                label=row.label,
                created_ms=row.created_ms,
                last_seen_ms=row.last_seen_ms,
                certificate_hash=newest[row.client_id].certificate_hash,
                certificate_expires_ms=newest[row.client_id].expires_ms,
                revoked=row.revoked_ms is not None,
            )
            for row in rows
        ]
