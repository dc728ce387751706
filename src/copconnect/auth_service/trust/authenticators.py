"""Authenticators of people, and the proof of presence that acts of weight need.

Invariants: a device enrols authenticators itself only before it is confirmed; afterwards another
admin does, by a signed act. From a person's first enrolled authenticator on, no PIN of theirs
proves anything again, also when every authenticator is lost. A device has one PIN key for ever: the
one of its first act of weight. An authenticator of a device that was revoked counts no more. The
host name and the web origins come from settings, never from a request.

States of a row: ``pin``; ``asked``, then ``enrolled``.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.audit.acts import AuthenticatorEnrolled
from copconnect.auth_service.dependencies import AuthDependencies
from copconnect.auth_service.tables import authenticators, clients
from copconnect.auth_service.trust import device_store, record_store
from copconnect.auth_service.trust.verdicts.judged_records import check_sent
from copconnect.database.engine import Transaction
from copconnect.ids import PersonId
from copconnect.principals import Caller, Signer
from copconnect.records.primitives.fields import Refused, require
from copconnect.records.trust.authenticator import Authenticator
from copconnect.records.trust.presence import PIN, RULE, Presence, check_enrolment

_A = authenticators.c
_MOST = 4  # Authenticators that a device may enrol before an admin confirms it.
_PIN, _ASKED, _ENROLLED = "pin", "asked", "enrolled"


class Authenticators:
    """Enrols authenticators and checks presence. Stateless."""

    def __init__(self, deps: AuthDependencies) -> None:
        self._deps = deps

    async def of(self, caller: Caller) -> wire.Authenticators:
        """Return the caller's authenticators."""
        async with self._deps.database.reading() as connection:
            rows = await _rows(connection, caller.person_id)
            client = await device_store.by_device(connection, caller.device)
        asked = [row for row in rows if row.state == _ASKED and row.device == caller.device]
        return wire.Authenticators(
            host=self._deps.settings.authenticator_host,
            enrolled=[row.record for row in rows if _counts(row)],
            ever=any(row.state == _ENROLLED for row in rows),
            asked=asked[0].record if asked else None,
            enrols=client is not None and client.confirmed == device_store.NOT_CONFIRMED,
        )

    async def add(self, caller: Caller, body: wire.AddAuthenticator) -> None:
        """Enrol a credential of the calling device, or ask another admin to, once the device is
        confirmed. Raises RecordInvalid, AuthenticatorsFull."""
        record = self._checked(body)
        now = self._deps.clock.now_ms()
        async with self._deps.database.transaction() as connection:
            await record_store.hold(connection, [caller.person_id])
            client = await device_store.by_device(connection, caller.device)
            if client is None:
                raise errors.Unauthenticated
            check_sent(record.device, caller.device, record.created, now, errors.RecordInvalid)
            try:
                record.verify(client.public_key)
            except Refused as error:
                raise errors.RecordInvalid(rule=error.rule, reason=error.message) from error
            rows = await _rows(connection, caller.person_id)
            if any(row.key == record.key() for row in rows):
                return
            enrols = client.confirmed == device_store.NOT_CONFIRMED
            own = [row for row in rows if row.device == caller.device]
            if enrols and sum(row.state == _ENROLLED for row in own) >= _MOST:
                raise errors.AuthenticatorsFull
            if not enrols:
                same = (_A.device == caller.device, _A.state == _ASKED)
                await connection.execute(delete(authenticators).where(*same))
            await connection.execute(
                authenticators.insert().values(
                    key=record.key(),
                    person_id=caller.person_id,
                    device=caller.device,
                    state=_ENROLLED if enrols else _ASKED,
                    record=body.authenticator,
                    created_ms=now,
                )
            )
            if enrols:
                plates = await self._deps.people.plates(connection, [caller.person_id])
                path = plates[caller.person_id].path
                data = body.authenticator
                by = Signer(caller.person_id, caller.device, "authenticator", data, path)
                await self._record(connection, by, caller.person_id, record)

    # --- For administration, in its transaction -----------------------------------------------

    async def asked(self, connection: AsyncConnection) -> Sequence[tuple[PersonId, str, bytes]]:
        """Return the authenticators that wait for another admin: person, label of the device and
        record, the oldest first."""
        rows = await connection.execute(
            select(_A.person_id, clients.c.label, _A.record)
            .join(clients, clients.c.device == _A.device)
            .where(_A.state == _ASKED, clients.c.revoked_ms.is_(None))
            .order_by(_A.created_ms)
            .limit(500)
        )
        return [(PersonId(row.person_id), row.label, row.record) for row in rows]

    async def enrol(
        self, connection: Transaction, by: Signer, person_id: PersonId, data: bytes
    ) -> None:
        """Enrol an authenticator that a person's device asked for. Raises NotFound."""
        changed = await connection.execute(
            update(authenticators)
            .where(_A.person_id == person_id, _A.record == data, _A.state == _ASKED)
            .values(state=_ENROLLED)
        )
        if changed.rowcount == 0:
            raise errors.NotFound
        await self._record(connection, by, person_id, Authenticator.parse(data))

    async def check_presence(
        self,
        connection: Transaction,
        person_id: PersonId,
        device: bytes,
        act: bytes,
        presence: bytes,
    ) -> None:
        """Check that the person who signs this act by this device is there. Raises PresenceNeeded,
        PresenceInvalid."""
        rows = await _rows(connection, person_id)
        ever = any(row.state == _ENROLLED for row in rows)
        if not presence:
            raise errors.PresenceNeeded(by="authenticator" if ever else "pin")
        try:
            proof = Presence.parse(presence)
            proof.verify(act)
            if proof.algorithm != PIN:
                self._check_authenticator(proof, rows)
                return
            require(not ever, RULE, "is a PIN's, and the person has an authenticator")
            known = [row.key for row in rows if row.device == device and row.state == _PIN]
            require(not known or known == [proof.key()], RULE, "is by another PIN's key")
        except Refused as error:
            raise errors.PresenceInvalid(reason=error.message) from error
        if not known:
            await connection.execute(
                authenticators.insert().values(
                    key=proof.key(),
                    person_id=person_id,
                    device=device,
                    state=_PIN,
                    record=b"",
                    created_ms=self._deps.clock.now_ms(),
                )
            )

    def _check_authenticator(self, proof: Presence, rows: Sequence[Any]) -> None:
        found = [row.record for row in rows if _counts(row) and row.key == proof.key()]
        require(bool(found), RULE, "is by an authenticator that is not enrolled")
        record = Authenticator.parse(found[0])
        same = (proof.algorithm, proof.rp_id) == (record.algorithm, record.rp_id)
        require(same, RULE, "is for another host or algorithm than the enrolled one")
        require(proof.rp_id == self._deps.settings.authenticator_host, RULE, "is for another host")
        self._check_origin(proof.origin)

    def _check_origin(self, origin: str) -> None:
        allowed = self._deps.settings.authenticator_origins.split(",")
        require(origin in allowed, RULE, "was asked for by another web page")

    def _checked(self, body: wire.AddAuthenticator) -> Authenticator:
        try:
            record = Authenticator.parse(body.authenticator)
            host = self._deps.settings.authenticator_host
            require(host != "" and record.rp_id == host, RULE, "is for another host")
            self._check_origin(check_enrolment(record, body.attestation, body.client_data))
        except Refused as error:
            raise errors.RecordInvalid(rule=error.rule, reason=error.message) from error
        return record

    async def _record(
        self, connection: Transaction, by: Signer, person_id: PersonId, record: Authenticator
    ) -> None:
        done = AuthenticatorEnrolled(person_id, record.device.hex(), record.key().hex())
        await self._deps.audit.record(connection, by, done)


def _counts(row: Any) -> bool:
    return row.state == _ENROLLED and row.revoked_ms is None


async def _rows(connection: AsyncConnection, person_id: PersonId) -> Sequence[Any]:
    found = await connection.execute(
        select(authenticators, clients.c.revoked_ms)
        .join(clients, clients.c.device == _A.device)
        .where(_A.person_id == person_id)
        .order_by(_A.created_ms, _A.key)
    )
    return list(found)
