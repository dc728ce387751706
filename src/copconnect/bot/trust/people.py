"""Signed records about people: verified, kept in the state file, judged by E0 to E4.

Judging is ``copconnect.records.trust``'s; this store feeds it and asks the server. Invariants: a
record that is refused is neither kept nor judged; a record once kept stays, so that nothing that
the server leaves out later is taken back; generations of DeviceKeys never go back (S3). A crash
loses at most an answer, which its version asks for again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from msgspec.structs import replace

from copconnect import wire
from copconnect.bot.net.api import Api, known
from copconnect.bot.state.rows import PersonRow
from copconnect.bot.state.stores import Stores
from copconnect.bot.trust.department import DepartmentTrust
from copconnect.ids import PersonId
from copconnect.records.primitives.fields import Refused, require
from copconnect.records.primitives.kem import PUBLIC_KEY_BYTES
from copconnect.records.trust.confirmed import Confirmed, confirmed
from copconnect.records.trust.device import Certificate
from copconnect.records.trust.device_key import DeviceKey
from copconnect.records.trust.endorsement import Endorsement
from copconnect.records.trust.grant import Grant
from copconnect.records.trust.person_card import PersonCard
from copconnect.records.trust.person_devices import PersonDevices
from copconnect.records.trust.revocation import Revocation
from copconnect.records.trust.trust import Trust

_ASK_AGAIN_MS = 60_000  # The server is not asked again before about what it could not mend.
_ASKED_AT_ONCE = 500
_KINDS = ("certificates", "cards", "endorsements", "grants", "revocations")


class People:
    """People's records. ``refresh_department`` asks for a newer department record or issuing CA,
    at most every few seconds; ``on_changed`` is told of the people whose records are others."""

    def __init__(
        self,
        api: Api,
        stores: Stores,
        department: DepartmentTrust,
        *,
        now: Callable[[], int],
        refresh_department: Callable[[], Awaitable[bool]],
    ) -> None:
        self._api = api
        self._stores = stores
        self._now = now
        self._refresh_department = refresh_department
        self._issuing = department.issuing_keys
        self._incarnation = department.incarnation
        self.trust = Trust(department.root_key, department.departments)
        self._rows: dict[PersonId, PersonRow] = {}
        self._keys: dict[tuple[bytes, int], DeviceKey] = {}  # By device and KEM.
        self._asked: dict[tuple[PersonId, bool], int] = {}
        self._turn = asyncio.Lock()
        self.on_changed: Callable[[set[PersonId]], None] = lambda _: None
        for row in stores.people.all():
            self._restore(row)

    def department_changed(self, department: DepartmentTrust) -> None:
        """Take over newer department records and issuing CAs."""
        self._issuing = department.issuing_keys
        self._incarnation = department.incarnation
        for record in department.departments:
            self.trust.add_department(record)
        self.on_changed(set(self._rows))

    @property
    def authority(self) -> bytes:
        """The roster authority's public key: the newest department record's."""
        return self.trust.department.authority

    @property
    def incarnation(self) -> int:
        """The number of the newest Incarnation that was taken (S8); 0: none."""
        return self._incarnation.number if self._incarnation else 0

    async def ask_incarnation(self) -> None:
        """Ask whether there is a newer one."""
        await self._refresh_department()

    # --- Asking the server ----------------------------------------------------------------------

    async def ensure(
        self, people: Iterable[bytes], *, keys: bool = False, fresh: bool = False
    ) -> None:
        """Have the records of these people; ``fresh``: as new as the server's. Raises what the
        API raises."""
        ids = sorted({PersonId(one.hex()) for one in people})
        wanted = [one for one in ids if fresh or self._lacks(one, keys=keys)]
        for at in range(0, len(wanted), _ASKED_AT_ONCE):
            part = wanted[at : at + _ASKED_AT_ONCE]
            await self._fetch(part, keys=keys, whole=False)

    async def renew(self, person_id: bytes) -> bool:
        """Ask anew about somebody whom a rule refused, once a minute. Returns whether it did."""
        person = PersonId(person_id.hex())
        if self._was_asked(person, keys=False):
            return False
        await self._fetch([person], keys=False, whole=True)
        return True

    async def _fetch(self, people: list[PersonId], *, keys: bool, whole: bool) -> None:
        async with self._turn:
            asked = [known(one, 0 if whole else self._version(one, keys=keys)) for one in people]
            found = await self._api.people_trust(asked, keys=keys)
            for one in people:
                self._asked[one, keys] = self._now()
            await self._take(found, keys=keys)

    async def learn(self, bundles: list[wire.PersonTrust]) -> None:
        """Take in records that came beside a message."""
        async with self._turn:
            await self._take(bundles, keys=False)

    def learn_keys(self, person_id: bytes, records: Iterable[bytes]) -> None:
        """Take in DeviceKeys that came with a request for shares."""
        person = PersonId(person_id.hex())
        row = self._rows.get(person, PersonRow(person_id=person))
        self._store(replace(row, keys=self._take_keys(row, records)))

    def _lacks(self, person: PersonId, *, keys: bool) -> bool:
        known_version = self._version(person, keys=keys)
        return known_version == 0 and not self._was_asked(person, keys=keys)

    def _version(self, person: PersonId, *, keys: bool) -> int:
        row = self._rows.get(person)
        return 0 if row is None else row.keys_version if keys else row.version

    def _was_asked(self, person: PersonId, *, keys: bool) -> bool:
        asked = self._asked.get((person, keys))
        return asked is not None and abs(self._now() - asked) < _ASK_AGAIN_MS

    # --- Taking answers in ----------------------------------------------------------------------

    async def _take(self, bundles: list[wire.PersonTrust], *, keys: bool) -> None:
        unknown = [one for one in bundles if not self._take_one(one, keys=keys)]
        if unknown and await self._refresh_department():
            for one in unknown:
                self._take_one(one, keys=keys)

    def _take_one(self, bundle: wire.PersonTrust, *, keys: bool) -> bool:
        """Return whether every certificate was of a known issuing CA."""
        person = bundle.person_id
        row = self._rows.get(person, PersonRow(person_id=person))
        lists: dict[str, list[bytes]] = {}
        refused_certificates = 0
        for kind in _KINDS:
            held: list[bytes] = getattr(row, kind)
            given: list[bytes] = getattr(bundle, kind)
            taken = [one for one in given if one not in held and self._accept(kind, one, person)]
            if kind == "certificates":
                refused_certificates = len([one for one in given if one not in held]) - len(taken)
            lists[kind] = [*held, *taken]
        devices = [one for one in bundle.devices if self._accept("devices", one, person)]
        # Version 0 asks for the same answer again while a certificate's issuer is not known.
        version = 0 if refused_certificates else max(row.version, bundle.version)
        new = replace(
            row,
            version=version,
            keys_version=version if keys else row.keys_version,
            devices=devices[-1:] or row.devices,
            keys=self._take_keys(row, bundle.keys),
            **lists,
        )
        if new != row:
            self._store(new)
            self.on_changed({person})
        return refused_certificates == 0

    def _accept(self, kind: str, data: bytes, person: PersonId) -> bool:
        owner = bytes.fromhex(person)
        try:
            if kind == "certificates":
                certificate = Certificate.parse(data, self._issuing)
                require(certificate.person_id == owner, "E0", "another person's certificate")
                self.trust.add_certificate(certificate)
            elif kind == "devices":
                devices = PersonDevices.parse(data)
                require(devices.person_id == owner, "E0", "another person's devices")
                self.trust.add_person_devices(devices)
            elif kind == "cards":
                card = PersonCard.parse(data)
                require(card.person_id == owner, "E0", "another person's card")
                self.trust.add_card(card)
            elif kind == "endorsements":
                self.trust.add_endorsement(Endorsement.parse(data))
            elif kind == "grants":
                grant = Grant.parse(data)
                require(grant.person_id == owner, "E0", "another person's grant")
                self.trust.add_grant(grant)
            else:
                self.trust.add_revocation(Revocation.parse(data))
        except Refused:
            return False
        return True

    def _take_keys(self, row: PersonRow, records: Iterable[bytes]) -> list[bytes]:
        for data in records:
            try:
                key = DeviceKey.parse(data)
                certificates = self.trust.certificates.get(key.device)
                person = self.trust.person_of(key.device)
                owned = bool(certificates) and person == bytes.fromhex(row.person_id)
                if not certificates or not owned:
                    continue
                key.check(key.device, certificates[0].public_key, key.kem)
                former = self._keys.get((key.device, key.kem))
                if former is None or key.generation > former.generation:
                    self._keys[key.device, key.kem] = key
            except Refused:
                continue
        return [key.encode() for key in self.keys_of(bytes.fromhex(row.person_id))]

    def _restore(self, row: PersonRow) -> None:
        """Put what the file kept back into memory, verified again: the disk may be damaged."""
        for kind in ("devices", *_KINDS):
            for data in getattr(row, kind):
                self._accept(kind, data, row.person_id)
        self._take_keys(row, row.keys)
        self._rows[row.person_id] = row

    def _store(self, row: PersonRow) -> None:
        self._stores.people.put(row.person_id, row)
        self._rows[row.person_id] = row

    # --- Answers --------------------------------------------------------------------------------

    async def confirmed(self, person_id: bytes, device: bytes, at: int, rule: str) -> Confirmed:
        """Return how a device is confirmed; what is missing is asked for once a minute. Raises
        Refused by ``rule``, and what the API raises."""
        await self.ensure([person_id])
        try:
            return self._judged(person_id, device, at, rule)
        except Refused:
            if not await self.renew(person_id):
                raise
        return self._judged(person_id, device, at, rule)

    def _judged(self, person_id: bytes, device: bytes, at: int, rule: str) -> Confirmed:
        found = confirmed(self.trust, device, at, rule)
        require(found.person_id == person_id, rule, "another person's device")
        return found

    def device_key(self, device: bytes, kem: int, now: int) -> DeviceKey:
        """Return the newest key of a device, to seal to (S3, H2). Raises Refused."""
        key = self._keys.get((device, kem))
        if key is None:
            raise Refused("S3", "device key is unknown")
        key.check_usable(now)
        return key

    def keys_of(self, person_id: bytes) -> list[DeviceKey]:
        """Return every DeviceKey that is held of a person's devices (E5 looks at one's own)."""
        devices = self.trust.devices_of(person_id)
        names = [(device, kem) for device in devices for kem in PUBLIC_KEY_BYTES]
        return [self._keys[name] for name in names if name in self._keys]

    def card(self, person_id: bytes) -> PersonCard | None:
        """Return the newest card of a person."""
        cards = self.trust.cards.get(person_id)
        return cards[-1] if cards else None
