"""Trust: the known records of a department's people and devices, indexed for judging
(``confirmed``).

Pure: a value that the caller feeds. Invariants: a record once added stays; each ``add_…`` costs the
same however much is known, and returns the devices whose verdict it may have changed (those judged
before that depended on it, and the device it is about). Verdicts are remembered with what they were
derived from, so adding one record forgets only those. Not safe for several threads at once.

Signatures of the roster authority are checked when a record is added, those of devices when a
verdict first needs them. A server that checked a record when it stored it says
``already_verified``. Cards, lists of devices and revocations count only by the newest authority: a
department record that names another one takes all that the former signed away.
"""

from bisect import insort
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from copconnect.limits import CARDS_IN_FORCE_MS
from copconnect.records.primitives.fields import Refused, require
from copconnect.records.primitives.signed import SignedRecord
from copconnect.records.trust.department import Department, authority_number_of, authority_of
from copconnect.records.trust.device import Certificate
from copconnect.records.trust.endorsement import Endorsement
from copconnect.records.trust.grant import Grant
from copconnect.records.trust.person_card import PersonCard
from copconnect.records.trust.person_devices import PersonDevices
from copconnect.records.trust.revocation import Revocation

_Record = TypeVar("_Record", Endorsement, Grant, Revocation)
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True, order=True)
class Dated(Generic[_Record]):
    """A record with its date and hash, by which records are ordered."""

    created: int
    hash: bytes
    record: _Record = field(compare=False)


class GrantChain(NamedTuple):
    """The origin of a grant's right: how many grants down from a root admin; who is above."""

    links: int
    above: frozenset[bytes]  # People.


class EndorsementSearch(NamedTuple):
    """The first endorsement of a device that counts; None: no one made before ``until`` does."""

    found: Dated[Endorsement] | None
    until: int


class Trust:
    """Departments, certificates, cards, devices of people, endorsements, grants and revocations."""

    def __init__(self, root_key: bytes, departments: Iterable[Department]) -> None:
        """``departments``: the record in force, and the former ones held. Raises Refused."""
        self.root_key = root_key
        self.departments: list[Department] = []
        self.certificates: dict[bytes, list[Certificate]] = {}
        self.cards: dict[bytes, list[PersonCard]] = {}
        self.person_devices: dict[bytes, PersonDevices] = {}
        self.endorsements: dict[bytes, list[Dated[Endorsement]]] = {}  # By endorsed device.
        self.grants: dict[bytes, list[Dated[Grant]]] = {}  # By grantee.
        self.revocations: dict[bytes, list[Dated[Revocation]]] = {}  # By revoked device.
        self.memory = Memory()
        self._signatures: dict[bytes, bool] = {}  # By hash of the record.
        for record in sorted(departments, key=lambda one: one.number):
            self.add_department(record)
        require(bool(self.departments), "E0", "no department record")

    # --- what is known ------------------------------------------------------------------------

    @property
    def department(self) -> Department:
        """The record with the highest number."""
        return self.departments[-1]

    def authority_of(self, number: int, rule: str = "E0") -> bytes:
        """Return the key of the roster authority that may have signed this number. Raises
        Refused."""
        return authority_of(self.departments, number, rule)

    def department_at(self, at: int) -> Department:
        """Return the record in force at a time; before the first, the first."""
        for record in reversed(self.departments):
            if record.created <= at:
                return record
        return self.departments[0]

    def person_of(self, device: bytes) -> bytes | None:
        """Return the person of a device whose certificate is known."""
        found = self.certificates.get(device)
        return found[0].person_id if found else None

    def certificate(self, device: bytes, at: int) -> Certificate | None:
        """Return the certificate of a device that covers a time, the latest of several."""
        for one in reversed(self.certificates.get(device, ())):
            if one.covers(at):
                return one
        return None

    def unit_paths(self, person_id: bytes, at: int) -> set[str]:
        """Return the unit paths on a person's cards that were in force in the 7 days before a time,
        so that one who moves a person gives nobody a right over the person at once.

        Before the first card it is the first's, because cards may be signed after endorsements.
        """
        paths = set[str]()
        cards = self.cards.get(person_id, ())
        for card in reversed(cards):
            if card.created <= at:
                paths.add(card.path)
                if card.created <= at - CARDS_IN_FORCE_MS:
                    break
        return paths or {card.path for card in cards[:1]}

    def devices_of(self, person_id: bytes) -> tuple[bytes, ...]:
        """Return the devices in a person's newest PersonDevices, the first first."""
        found = self.person_devices.get(person_id)
        return found.devices if found else ()

    def signature_verifies(self, dated: Dated[_Record], signer: bytes) -> bool:
        """Return whether a device signed the record; its key never changes."""
        known = self._signatures.get(dated.hash)
        if known is None:
            certificates = self.certificates.get(signer)
            if not certificates:
                return False
            known = _verifies(dated.record, certificates[0].public_key)
            self._signatures[dated.hash] = known
        return known

    # --- what becomes known -------------------------------------------------------------------

    def add_department(self, record: Department) -> set[bytes]:
        """Add a record with a higher number. Every verdict is forgotten. Raises Refused."""
        if record in self.departments:
            return set()
        record.check(self.root_key)
        if self.departments:
            record.check_follows(self.department)
            if record.authority != self.department.authority:
                self._forget_authority()
        self.departments.append(record)
        self.memory = Memory()
        return set(self.certificates)

    def add_certificate(self, certificate: Certificate) -> set[bytes]:
        """Add a certificate, which the caller verified (Certificate.parse)."""
        known = self.certificates.setdefault(certificate.device, [])
        if certificate in known:
            return set()
        insort(known, certificate, key=lambda one: one.not_before)
        return self._forget_device(certificate.device)

    def add_card(self, card: PersonCard, *, already_verified: bool = False) -> set[bytes]:
        """Add a card. Each card of a person must have a higher number and a later date than the one
        added before. Raises Refused."""
        known = self.cards.get(card.person_id, [])
        if card in known:
            return set()
        self._check_authority(card, card.number, already_verified=already_verified)
        if known:
            last = known[-1]
            follows = card.number > last.number and card.created > last.created
            require(follows, "E4", "a card that does not follow the one before")
        self.cards.setdefault(card.person_id, known).append(card)
        return self._forget_person(card.person_id)

    def add_person_devices(
        self, record: PersonDevices, *, already_verified: bool = False
    ) -> set[bytes]:
        """Take the record if it is newer than the one known. Raises Refused."""
        former = self.person_devices.get(record.person_id)
        if former is not None and former.number >= record.number:
            forked = former.number == record.number and former != record
            require(not forked, "E0", "two records with one number")
            return set()
        self._check_authority(record, record.number, already_verified=already_verified)
        if former is not None:
            record.check_follows(former)
        self.person_devices[record.person_id] = record
        return self._forget_person(record.person_id)

    def add_endorsement(self, record: Endorsement, *, already_verified: bool = False) -> set[bytes]:
        """Add an endorsement."""
        known = self.endorsements.setdefault(record.endorsed, [])
        if not self._insert(known, record, already_verified=already_verified):
            return set()
        return self._forget_device(record.endorsed)

    def add_grant(self, record: Grant, *, already_verified: bool = False) -> set[bytes]:
        """Add a grant or a withdrawal. Raises Refused for one that lasts too long."""
        record.check_limits()
        known = self.grants.setdefault(record.person_id, [])
        if not self._insert(known, record, already_verified=already_verified):
            return set()
        return self._forget_person(record.person_id)

    def add_revocation(self, record: Revocation, *, already_verified: bool = False) -> set[bytes]:
        """Add a revocation. Raises Refused for a wrong signature of the roster authority."""
        if record.by_authority:
            self._check_authority(record, None, already_verified=already_verified)
        known = self.revocations.setdefault(record.device, [])
        if not self._insert(known, record, already_verified=already_verified):
            return set()
        return self._forget_device(record.device)

    def _insert(
        self, known: list[Dated[_Record]], record: _Record, *, already_verified: bool
    ) -> bool:
        dated = Dated(record.created, record.hash(), record)
        if dated in known:
            return False
        insort(known, dated)
        if already_verified:
            self._signatures[dated.hash] = True
        return True

    def _check_authority(
        self, record: SignedRecord, number: int | None, *, already_verified: bool
    ) -> None:
        """Check that the newest roster authority signed this record, by its own number."""
        if already_verified:
            return
        if number is not None:
            own = authority_number_of(number) == self.department.authority_number
            require(own, record.RULE, "another roster authority's number")
        record.verify(self.department.authority)

    def _forget_authority(self) -> None:
        self.cards.clear()
        self.person_devices.clear()
        for known in self.revocations.values():
            known[:] = [one for one in known if not one.record.by_authority]

    def _forget_person(self, person_id: bytes) -> set[bytes]:
        devices = self.devices_of(person_id)
        return self.memory.forget([person_id, *devices]).union(devices)

    def _forget_device(self, device: bytes) -> set[bytes]:
        person_id = self.person_of(device)
        devices = self.devices_of(person_id) if person_id else ()
        return self.memory.forget([device, *devices]).union([device], devices)


class Memory:
    """Verdicts, and from which devices, people and records each was derived.

    While a verdict is derived, others that it needs may be assumed, where revocations void each
    other: a result derived from an assumption is not remembered, but its reads count for the
    verdict that made the assumption.
    """

    def __init__(self) -> None:
        self.searches: dict[bytes, EndorsementSearch] = {}  # By endorsed device.
        self.losses: dict[bytes, int | None] = {}  # By device: since when it is lost.
        self.chains: dict[bytes, GrantChain | None] = {}  # By hash of a grant.
        self.counting: dict[bytes, bool] = {}  # By hash of a revocation.
        self.stack: list[Dated[Revocation]] = []  # Revocations that are being judged.
        self._assumed = _NOTHING  # The lowest place on the stack that was assumed.
        self._reads: list[set[bytes]] = []
        self._readers: dict[bytes, set[bytes]] = {}

    def read(self, source: bytes) -> None:
        """Note that the present verdict depends on a device, person or record."""
        if self._reads:
            self._reads[-1].add(source)

    def assume(self, place: int) -> None:
        """Note that the present verdict rests on the revocation at this place of the stack."""
        self._assumed = min(self._assumed, place)

    def derive(
        self, memo: dict[bytes, _Result], name: bytes, make: Callable[[], _Result]
    ) -> _Result:
        """Return ``make()``, and remember it under this name unless it rests on an assumption."""
        outer, self._assumed = self._assumed, _NOTHING
        self._reads.append(set())
        try:
            result = make()
        finally:
            reads = self._reads.pop()
            sound = self._assumed >= len(self.stack)
            self._assumed = outer if sound else min(outer, self._assumed)
        if sound:
            memo[name] = result
            reads.discard(name)
            for source in reads:
                self._readers.setdefault(source, set()).add(name)
            self.read(name)
        elif self._reads:
            self._reads[-1] |= reads
        return result

    def forget(self, sources: Iterable[bytes]) -> set[bytes]:
        """Forget all that was derived from these. Returns the devices among what was forgotten."""
        pending, gone = list(sources), set[bytes]()
        while pending:
            name = pending.pop()
            if name in self.searches or name in self.losses:
                gone.add(name)
            self.searches.pop(name, None)
            self.losses.pop(name, None)
            self.chains.pop(name, None)
            self.counting.pop(name, None)
            pending.extend(self._readers.pop(name, ()))
        return gone


_NOTHING = 1 << 30


def _verifies(record: SignedRecord, public_key: bytes) -> bool:
    try:
        record.verify(public_key)
    except Refused:
        return False
    return True
