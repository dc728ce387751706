"""Signed acts as they arrive: read, begun once, their signature and their person checked.

:meth:`Signing.begin` is the one way to an act: nothing is done before it. Authenticators, by which
people sign, are enrolled by other admins.
"""

from dataclasses import dataclass

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.admin import rules, store
from copconnect.admin.rights import RightsTable
from copconnect.auth_service.registry import DeviceRegistry
from copconnect.auth_service.trust.authenticators import Authenticators
from copconnect.clock import Clock
from copconnect.database.engine import Database, Transaction
from copconnect.directory.editing import DirectoryEditor
from copconnect.directory.service import DirectoryService
from copconnect.ids import PersonId
from copconnect.limits import ACTS_OF_WEIGHT
from copconnect.principals import Caller, Signer
from copconnect.records.primitives.fields import Refused
from copconnect.records.trust.admin_act import SignedAct

_ACT: msgspec.json.Decoder[wire.Act] = msgspec.json.Decoder(wire.Act)


@dataclass(frozen=True, slots=True)
class Sent:
    """A signed act, and the proof that its person was there."""

    record: SignedAct
    presence: bytes

    def signer(self, person_id: PersonId, path: str) -> Signer:
        """Return the person who signed it, as the audit log records that."""
        record = self.record
        return Signer(person_id, record.device, "act", record.encode(), path, self.presence)


def decoded(body: bytes) -> wire.Act:
    """Return the act that a body says. Raises ActInvalid."""
    try:
        return _ACT.decode(body)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise errors.ActInvalid(reason=str(error)[:200]) from error


def sent_by(caller: Caller, body: wire.SubmitAct) -> SignedAct:
    """Return the record of an act that its signer sends. Raises ActInvalid."""
    try:
        record = SignedAct.parse(body.act)
    except Refused as error:
        raise errors.ActInvalid(reason=error.message) from error
    if record.device != caller.device:
        raise errors.ActInvalid(reason="signed by another device than the one that sends it")
    return record


@dataclass(eq=False)
class Signing:
    """Begins acts. Stateless."""

    _clock: Clock
    _editor: DirectoryEditor
    _devices: DeviceRegistry
    _authenticators: Authenticators

    async def begin(
        self,
        connection: Transaction,
        caller: Caller,
        record: SignedAct,
        presence: bytes,
        tag: str,
    ) -> bool:
        """Begin an act that this record asks for, and hold the data bank; return whether its id is
        new. Every act passes here: nothing is done before its signature and, for an act of weight,
        its person were checked. Raises ActStale, DeviceUnconfirmed, ActInvalid, PresenceNeeded,
        PresenceInvalid."""
        now = self._clock.now_ms()
        row = {
            "act_id": record.act_id.hex(),
            "hash": record.hash(),
            "record": record.encode(),
            "presence": presence,
            "person_id": caller.person_id,
            "device": record.device,
            "state": "done",
            "entry": 0,
            "people": 0,
            "paths": "",
            "taken_ms": now,
            "preview": "",
        }
        if not await store.begin(connection, row):
            return False
        rules.check_fresh(record.created, now)
        await self.check_signature(connection, record)
        await self._editor.hold(connection)
        if tag in ACTS_OF_WEIGHT:
            await self._authenticators.check_presence(
                connection, caller.person_id, record.device, record.encode(), presence
            )
        elif presence:
            raise errors.ActInvalid(reason="a proof of presence that nothing asked for")
        return True

    async def check_signature(self, connection: AsyncConnection, record: SignedAct) -> None:
        """Check that the device signed the act and may act now, by the database and not by what
        this node remembers."""
        key = await self._devices.acting(connection, record.device)
        if key is None:
            raise errors.DeviceUnconfirmed
        try:
            record.verify(key)
        except Refused as error:
            raise errors.ActInvalid(reason=error.message) from error


@dataclass(eq=False)
class Enrolling:
    """Reads for the console. Stateless."""

    _database: Database
    _rights: RightsTable
    _directory: DirectoryService
    _authenticators: Authenticators

    async def asked(self, caller: Caller) -> wire.AuthenticatorsAsked:
        """Return the authenticators that the caller may enrol for other people."""
        async with self._database.reading() as connection:
            held = await self._rights.of(connection, caller.person_id)
            asked = await self._authenticators.asked(connection)
            people = {person_id for person_id, _, _ in asked} - {caller.person_id}
            bases = await self._directory.rights_bases(connection, sorted(people))
            mine = [
                one
                for one, basis in bases.items()
                if held.lacking("confirm_devices", [basis.path]) is None
            ]
            cards = await self._directory.cards(connection, mine, caller.person_id)
        return wire.AuthenticatorsAsked(
            asked=[
                wire.AuthenticatorAsked(person=cards[person_id], label=label, authenticator=record)
                for person_id, label, record in asked
                if person_id in cards
            ]
        )
