"""Comparing digits (E3): the server passes the halves on between two devices and decides nothing.

The endorser begins with its commitment, the new device answers, the endorser reveals. The digits
are read from the new device and typed on the endorser's, which alone judges them and counts the
tries. Invariants: each half is given once and stays; a comparison ends after ten minutes; a device
takes part in a bounded number. A comparison may be lost: both sides begin again.
"""

import hmac
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.auth_service.dependencies import AuthDependencies
from copconnect.auth_service.trust import confirmation_store, device_store
from copconnect.auth_service.trust.verdicts.holding import covers, held_paths
from copconnect.bus import AccountWakeup
from copconnect.database.engine import Transaction
from copconnect.database.rows import of_row
from copconnect.ids import ClientId, ConfirmationId, PersonId
from copconnect.principals import Caller
from copconnect.records.trust.sas import sas_commitment

LIFETIME_MS = 10 * 60_000
MOST_OPEN = 20  # That one device has begun.


class Confirming:
    """Relays comparisons."""

    def __init__(self, deps: AuthDependencies) -> None:
        self._deps = deps

    async def begin(self, caller: Caller, body: wire.BeginConfirmation) -> wire.Confirmation:
        """Begin to compare. Idempotent by id. Raises DeviceUnconfirmed, EndorsementInvalid,
        RateLimited, BadRequest for the id of another comparison."""
        if not caller.confirmed:
            raise errors.DeviceUnconfirmed
        now = self._deps.clock.now_ms()
        device = bytes.fromhex(body.new_device)
        async with self._deps.database.transaction() as connection:
            known = await confirmation_store.find(connection, body.confirmation_id)
            if known is not None:
                same = (known.endorser, known.new_device, known.commitment)
                if same != (caller.device, device, body.commitment):
                    raise errors.BadRequest(reason="confirmationId")
                return _wire(known)
            new = await device_store.by_device(connection, device)
            if new is None or new.ended_reason is not None or device == caller.device:
                raise errors.EndorsementInvalid(rule="E0", reason="no such device")
            await self._check_may(connection, caller, PersonId(new.person_id), now)
            if await confirmation_store.count_begun(connection, caller.client_id, now) >= MOST_OPEN:
                raise errors.RateLimited(limit="confirmations", retry_after_ms=LIFETIME_MS)
            await confirmation_store.add(
                connection,
                {
                    "confirmation_id": body.confirmation_id,
                    "endorser_person_id": caller.person_id,
                    "endorser_client_id": caller.client_id,
                    "endorser": caller.device,
                    "new_person_id": new.person_id,
                    "new_client_id": new.client_id,
                    "new_device": device,
                    "commitment": body.commitment,
                    "created_ms": now,
                    "expires_ms": now + LIFETIME_MS,
                },
            )
            row = await confirmation_store.find(connection, body.confirmation_id)
            _tell(connection, row)
        return _wire(row)

    async def answer(
        self, caller: Caller, confirmation_id: ConfirmationId, body: wire.AnswerConfirmation
    ) -> wire.Confirmation:
        """Give the new device's half; the same again is fine. Raises NotFound, ConfirmationOver,
        BadRequest for another half."""
        async with self._deps.database.transaction() as connection:
            row = await self._open(connection, confirmation_id)
            if row.new_device != caller.device:
                raise errors.NotFound
            row = await confirmation_store.give(connection, confirmation_id, answer=body.answer)
            if row.answer != body.answer:
                raise errors.BadRequest(reason="answered already")
            _tell(connection, row)
        return _wire(row)

    async def reveal(
        self, caller: Caller, confirmation_id: ConfirmationId, body: wire.RevealConfirmation
    ) -> wire.Confirmation:
        """Reveal the endorser's half; the same again is fine. Raises NotFound, ConfirmationOver,
        BadRequest for one that was not committed to, or before the answer."""
        async with self._deps.database.transaction() as connection:
            row = await self._open(connection, confirmation_id)
            if row.endorser != caller.device:
                raise errors.NotFound
            committed = sas_commitment(body.secret, caller.device)
            if row.answer is None or not hmac.compare_digest(committed, row.commitment):
                raise errors.BadRequest(reason="not answered yet, or not what was committed to")
            row = await confirmation_store.give(connection, confirmation_id, secret=body.secret)
            _tell(connection, row)
        return _wire(row)

    async def cancel(self, caller: Caller, confirmation_id: ConfirmationId) -> None:
        """End a comparison that the calling device takes part in; again is fine."""
        async with self._deps.database.transaction() as connection:
            row = await confirmation_store.find(connection, confirmation_id)
            if row is None or caller.device not in (row.endorser, row.new_device):
                return
            await confirmation_store.remove(connection, confirmation_id)
            _tell(connection, row)

    async def own(self, caller: Caller) -> wire.Confirmations:
        """Return the comparisons that the calling device takes part in."""
        now = self._deps.clock.now_ms()
        async with self._deps.database.reading() as connection:
            rows = await confirmation_store.of_client(connection, caller.client_id, now)
        return wire.Confirmations(confirmations=[_wire(row) for row in rows])

    async def prune(self) -> None:
        """Delete what has expired."""
        async with self._deps.database.transaction() as connection:
            await confirmation_store.prune(connection, self._deps.clock.now_ms())

    async def _check_may(
        self, connection: AsyncConnection, caller: Caller, person_id: PersonId, now_ms: int
    ) -> None:
        """Check that the caller may endorse a person's device as far as grants tell, so that nobody
        is asked to compare digits in vain. Raises EndorsementInvalid."""
        if person_id == caller.person_id:
            return
        paths = await held_paths(connection, caller.person_id, now_ms)
        plates = await self._deps.people.plates(connection, [person_id])
        if person_id not in plates or not covers(paths, plates[person_id].path):
            raise errors.EndorsementInvalid(rule="E0", reason="no grant over the person's unit")

    async def _open(self, connection: AsyncConnection, confirmation_id: ConfirmationId) -> Any:
        row = await confirmation_store.find(connection, confirmation_id)
        if row is None or row.expires_ms <= self._deps.clock.now_ms():
            raise errors.ConfirmationOver
        return row


def _tell(connection: Transaction, row: Any) -> None:
    clients = [ClientId(row.endorser_client_id), ClientId(row.new_client_id)]
    connection.after_commit(
        AccountWakeup(event="confirmation", person_ids=[], client_ids=sorted(clients))
    )


def _wire(row: Any) -> wire.Confirmation:
    return of_row(
        wire.Confirmation,
        row,
        endorser_person_id=PersonId(row.endorser_person_id),
        endorser_device=row.endorser.hex(),
        new_device=row.new_device.hex(),
    )
