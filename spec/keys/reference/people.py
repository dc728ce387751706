"""Records about people and their devices, and what a device holds of them. Pure.

:class:`Trust` refuses a record that is wrong alone; :mod:`spec.keys.reference.confirmed` judges the
rest.
"""

from collections.abc import Iterable, Mapping
from typing import Self

from spec.keys.reference.basics import ZEROS, H, Record, T, hkdf, require
from spec.keys.reference.certificates import Certificate

MINUTE_MS, DAY_MS = 60_000, 86_400_000
GRANT_MS, LOSS_MS, CARDS_MS = 180 * DAY_MS, 30 * DAY_MS, 7 * DAY_MS
RANGE_BITS = 45  # Each roster authority has as many numbers.
NONE, APPROVAL = 0, 1  # The department's policies.
OWN_DEVICE, ADMIN = 1, 2  # The kinds of an endorsement.


class Department(Record):
    """``lowest_app``: the lowest version of the app, three numbers of 2 bytes."""

    label, rule, version = "copconnect department v2", "E0", 2
    layout = """
        number:u8 created:u8 authority_number:u1 authority:32 kem:kem policy:u1 lowest_app:app
        issuers:hashes admins:hashes
    """

    def check(self, root_key: bytes, former: int = 0) -> None:
        """Check a record that shall replace the one with the number ``former``."""
        self.verify(root_key)
        require(self.policy in (NONE, APPROVAL), self.rule, "unknown policy")
        require(self.number > former, self.rule, "not newer than the record before")

    def check_follows(self, former: Self) -> None:
        """Check a record against the one that it replaces."""
        require(self.created > former.created, self.rule, "not dated after the record before")
        same = self.authority == former.authority
        step = self.authority_number - former.authority_number
        require(step == 0 if same else step > 0, self.rule, "another roster authority's number")


class Grant(Record):
    label, rule = "copconnect grant v1", "E0"
    layout = "grantor:32 person:16 created:u8 not_after:u8 path:text"

    def check(self) -> None:
        """Convention: a path is names between single slashes."""
        require(all(self.path.split("/")), self.rule, "unit path has an empty part")
        lasts = self.not_after - self.created
        require(0 <= lasts <= GRANT_MS, self.rule, "a grant lasts at most 180 days")

    def withdraws(self) -> bool:
        return bool(self.not_after == self.created)


class Endorsement(Record):
    label, rule = "copconnect endorsement v1", "E0"
    layout = "endorsed:32 endorser:32 kind:u1 created:u8"


class Revocation(Record):
    """``signer``: zeros for the roster authority."""

    label, rule = "copconnect revocation v1", "E4"
    layout = "device:32 lost:u8 created:u8 signer:32 standing:hashes2"

    def check(self) -> None:
        require(self.lost <= self.created, self.rule, "lost after the revocation was made")
        require(self.device != self.signer, self.rule, "a device cannot revoke itself")

    def lets_stand(self, record: Record) -> bool:
        """Return whether an endorsement or grant by the revoked device outlives this. Convention:
        one that is listed must be dated before the loss too."""
        if self.signer == ZEROS:
            return bool(record.created < self.created)
        return record.created < self.lost and record.hash() in self.standing


class PersonDevices(Record):
    """``devices`` in the order of registration, former ones too."""

    label, rule = "copconnect person-devices v1", "E0"
    layout = "person:16 number:u8 previous:32 created:u8 devices:ordered"

    def check(self, former: Self | None) -> None:
        first = self.number >= 1 and (self.number == 1) == (self.previous == ZEROS)
        require(first, self.rule, "wrong number or previous record")
        if former is not None:
            kept = self.devices[: len(former.devices)] == former.devices
            require(kept, self.rule, "a device was taken out or moved")
            follows = self.number > former.number + 1 or self.previous == former.hash()
            require(self.number > former.number and follows, self.rule, "does not follow")


class PersonCard(Record):
    label, rule, version = "copconnect person v2", "E0", 2
    layout = """
        person:16 number:u8 created:u8 names:names rank:names post:names unit:names path:text
    """


class Incarnation(Record):
    """A backup of the server was restored (S8)."""

    label, rule = "copconnect incarnation v1", "S8"
    layout = "created:u8 number:u8"

    def check(self) -> None:
        require(self.number >= 1, self.rule, "an incarnation without a number")


class TimeRecord(Record):
    """The time for a device's nonce, and the audit log's size and root (RFC 6962)."""

    label, rule, version = "copconnect time v2", "T1", 0
    layout = "nonce:16 time:u8 log_size:u8 log_root:32"


class GuardRecord(Record):
    label, rule = "copconnect guard v1", "G1"
    layout = """
        number:u8 size:u4 weights:32 policy_number:u8 policy:text pictures_number:u8 pictures:32
    """


class Trust:
    """Records that a device holds about people and devices, each right alone."""

    def __init__(self, root_key: bytes, certificates: Mapping[bytes, Iterable[Certificate]]):
        """``certificates``: by device, former ones too."""
        self.root_key = root_key
        self.certificates = {
            device: sorted(several, key=lambda one: one.not_before)
            for device, several in certificates.items()
        }
        self.departments: list[Department] = []
        self.cards: dict[bytes, list[PersonCard]] = {}
        self.person_devices: dict[bytes, PersonDevices] = {}
        self.endorsements: list[Endorsement] = []
        self.grants: list[Grant] = []
        self.revocations: list[Revocation] = []

    def add(self, record: Record) -> None:
        """Take a record. Raises Refused for one that is wrong alone."""
        match record:
            case Department():
                record.check(self.root_key, self.departments[-1].number if self.departments else 0)
                if self.departments:
                    record.check_follows(self.department)
                    if record.authority != self.department.authority:
                        self._forget_authority()
                self.departments.append(record)
            case PersonCard():
                record.verify(authority_of([self.department], record.number, "E0"))
                known = self.cards.setdefault(record.person, [])
                if record in known:
                    return
                if known:
                    last = known[-1]
                    later = record.number > last.number and record.created > last.created
                    require(later, "E4", "a card that does not follow the one before")
                known.append(record)
            case PersonDevices():
                record.verify(authority_of([self.department], record.number, "E0"))
                record.check(self.person_devices.get(record.person))
                self.person_devices[record.person] = record
            case Endorsement():
                self.endorsements.append(record)
                self.endorsements.sort(key=order)
            case Grant():
                record.check()
                self.grants.append(record)
                self.grants.sort(key=order)
            case Revocation():
                record.check()
                if record.signer == ZEROS:
                    record.verify(self.department.authority)
                self.revocations.append(record)
            case _:
                raise TypeError(record)

    def _forget_authority(self) -> None:
        self.cards.clear()
        self.person_devices.clear()
        self.revocations = [one for one in self.revocations if one.signer != ZEROS]

    @property
    def department(self) -> Department:
        return self.departments[-1]

    def department_at(self, at: int) -> Department:
        """Return the record in force then; before the first, the first."""
        return ([one for one in self.departments if one.created <= at] or self.departments[:1])[-1]

    def read(self, device: bytes) -> list[Certificate]:
        """Return the certificates of a device, the oldest first."""
        found = self.certificates.get(device, [])
        require(bool(found), "E0", "certificate is unknown: fetch it")
        require({one.device for one in found} == {device}, "E0", "another device's certificate")
        return found

    def certificate(self, device: bytes, at: int) -> Certificate:
        found = [one for one in self.read(device) if one.not_before <= at <= one.not_after]
        require(bool(found), "E0", "certificate is not valid then")
        return found[-1]

    def paths(self, person: bytes, at: int) -> set[str]:
        """Return the unit paths on a person's cards that were in force in the 7 days before a
        time. Convention: before the first card, the first one's."""
        own = self.cards.get(person, [])
        at_first = [one for one in own if one.created <= at - CARDS_MS][-1:]
        since = [one for one in own if at - CARDS_MS < one.created <= at]
        return {one.path for one in (*at_first, *since)} or {one.path for one in own[:1]}

    def devices_of(self, person: bytes) -> tuple[bytes, ...]:
        found = self.person_devices.get(person)
        return found.devices if found else ()


def authority_of(departments: Iterable[Department], number: int, rule: str) -> bytes:
    """Return the key of the roster authority in whose range a number is."""
    found = [one.authority for one in departments if one.authority_number == number >> RANGE_BITS]
    require(bool(found), rule, "a number of no roster authority")
    return bytes(found[0])


def order(record: Record) -> tuple[int, bytes]:
    """Return by what endorsements, grants and revocations are ordered."""
    return record.created, record.hash()


def sas_commitment(secret: bytes, endorser: bytes) -> bytes:
    """Return c, which the endorser sends before it reveals its 16 bytes a (E3)."""
    return H(T("copconnect sas v1") + secret + endorser)


def digits(c: bytes, a: bytes, b: bytes, endorser: bytes, new: bytes, root_key: bytes) -> str:
    """Return E3's six digits."""
    require(c == sas_commitment(a, endorser), "E3", "not what was committed to")
    info = T("copconnect sas v1") + endorser + new + H(root_key)
    return f"{int.from_bytes(hkdf(a + b, b'', info)[:8], 'big') % 10**6:06}"


def beginning(newest: Incarnation | None) -> tuple[int, bytes]:
    """Return the first number of a PersonDevices or epoch of a head that is signed for the first
    time, and its ``previous`` ("Restoring a backup")."""
    return (newest.number + 1, newest.hash()) if newest else (1, ZEROS)


def next_number(former: Incarnation | None, authority_number: int, now: int) -> int:
    """Return the number of the incarnation after ``former``, by this roster authority."""
    return max(former.number + 1 if former else 0, (authority_number << RANGE_BITS) + now)
