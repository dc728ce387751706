"""Which devices are confirmed, how and by whom (E0, E4). Pure; nothing is remembered.

Conventions where docs/keys.md leaves a choice: an endorser or grantor must have been confirmed
strictly before what it signs, so that no circle confirms itself. A device is above another's person
if its person is among the grantors of the chain. Several revocations of one device all count. If
revocations void each other in a circle, the one whose signer ranks higher counts: a root admin, the
roster authority, another person's admin, an own device; then the earlier; then the lower hash.
"""

from dataclasses import dataclass
from typing import NamedTuple

from spec.keys.reference.basics import ZEROS, Record, Refused, require
from spec.keys.reference.certificates import Certificate
from spec.keys.reference.people import (
    ADMIN,
    LOSS_MS,
    NONE,
    OWN_DEVICE,
    Endorsement,
    Grant,
    Revocation,
    Trust,
    order,
)

CHAIN_LIMIT = 4
EVER = 2**63


@dataclass(frozen=True)
class Confirmed:
    """``how``: in words; ``by``: the endorser's device."""

    certificate: Certificate
    how: str
    by: bytes | None = None


class Chain(NamedTuple):
    """How many grants down from a root admin, and the people who are above."""

    links: int
    above: frozenset[bytes]


def confirmed(device: bytes, at: int, trust: Trust, rule: str = "E0") -> Confirmed:
    """Return how a device is confirmed at a time. Raises Refused with this rule."""
    try:
        return _confirmed(device, at, trust)
    except Refused as refused:
        raise Refused(rule, f"not confirmed: {refused}") from refused


def _confirmed(device: bytes, at: int, trust: Trust) -> Confirmed:
    judge = Judge(trust)
    certificate = trust.certificate(device, at)
    require(all(at < one.lost for one in judge.revocations_of(device)), "E0", "revoked")
    listed = device in trust.devices_of(certificate.person)
    require(listed, "E0", "not among its person's devices")
    if device in trust.department.admins:
        return Confirmed(certificate, "root admin")
    if one := judge.endorsement(device, EVER, frozenset()):
        return Confirmed(certificate, "admin" if one.kind == ADMIN else "own device", one.endorser)
    first = trust.department.policy == NONE and judge.is_first(device)
    require(first, "E0", "nobody endorsed it")
    return Confirmed(certificate, "not approved")


class Judge:
    """Judges by what is held; remembers only which revocations are being judged."""

    def __init__(self, trust: Trust) -> None:
        self.trust = trust
        self.judging: list[Revocation] = []

    def person(self, device: bytes) -> bytes | None:
        found = self.trust.certificates.get(device)
        return found[0].person if found else None

    def is_first(self, device: bytes) -> bool:
        person = self.person(device)
        return person is not None and self.trust.devices_of(person)[:1] == (device,)

    def before(self, device: bytes, at: int, without: frozenset[bytes] = frozenset()) -> bool:
        """Return whether a device was confirmed before a time; ``without``: the devices whose word
        does not count, because the question is about them."""
        if device in without or self.person(device) is None:
            return False
        department = self.trust.department_at(at)
        if device in department.admins or (department.policy == NONE and self.is_first(device)):
            return True
        return self.endorsement(device, at, without) is not None

    # --- Endorsements ---

    def endorsement(self, device: bytes, at: int, without: frozenset[bytes]) -> Endorsement | None:
        """Return the first endorsement of a device before a time that counts."""
        for one in self.trust.endorsements:
            if one.endorsed == device and one.created < at and self._endorses(one, without):
                return one
        return None

    def _endorses(self, one: Endorsement, without: frozenset[bytes]) -> bool:
        person = self.person(one.endorsed)
        known = one.kind in (OWN_DEVICE, ADMIN) and one.endorser != one.endorsed
        if not known or person is None:
            return False
        if one.created < self.trust.certificates[one.endorsed][0].not_before:
            return False
        endorser = self._signer(one, one.endorser, without)
        if endorser is None:
            return False
        if one.kind == OWN_DEVICE:
            return endorser.person == person
        if not self._administers(endorser, person, one.created):
            return False
        aside = without | {one.endorsed}  # E4: the others, so far as they do not rest on this one.
        devices = self.trust.devices_of(person)
        return bool(devices) and not any(
            other != one.endorsed
            and self.before(other, one.created + 1, aside)
            and not self._removed(other, one.created)
            for other in devices
        )

    def _removed(self, device: bytes, at: int) -> bool:
        """Return whether somebody other than the roster authority had revoked a device by then."""
        return any(one.signer != ZEROS and one.created <= at for one in self.revocations_of(device))

    def _signer(
        self, record: Record, device: bytes, without: frozenset[bytes] = frozenset()
    ) -> Certificate | None:
        """Return the certificate of the signer of an endorsement or grant that counts."""
        at: int = record.created
        if not self._signed(record, device):
            return None
        if not all(one.lets_stand(record) for one in self.revocations_of(device)):
            return None
        return self.trust.certificate(device, at) if self.before(device, at, without) else None

    def _signed(self, record: Record, device: bytes) -> bool:
        try:
            record.verify(self.trust.certificate(device, record.created).public_key)
        except Refused:
            return False
        return True

    def _administers(self, signer: Certificate, person: bytes, at: int) -> bool:
        if signer.device in self.trust.department_at(at).admins:
            return True
        return bool(self._over(signer.person, person, at))

    def _over(self, signer: bytes, person: bytes, at: int) -> list[Chain]:
        """Return the chains of a person's grants over another's units of the last 7 days; none
        where one of these units has none."""
        over = [self.grants(signer, path, at) for path in self.trust.paths(person, at)]
        return [chain for chains in over for chain in chains] if all(over) else []

    # --- Grants ---

    def grants(self, person: bytes, path: str, at: int) -> list[Chain]:
        """Return the chains of the grants to a person that are in force over a unit path. The
        newest grant for each path counts."""
        newest: dict[str, tuple[Grant, Chain]] = {}
        for one in self.trust.grants:
            under = f"{path}/".startswith(f"{one.path}/")
            if one.person == person and under and one.created <= at and (chain := self.chain(one)):
                newest[one.path] = (one, chain)
        return [
            chain
            for one, chain in newest.values()
            if at <= one.not_after and not one.withdraws()
        ]  # fmt: skip

    def chain(self, one: Grant) -> Chain | None:
        """Return the chain of a grant or withdrawal that was its grantor's to make."""
        grantor = self._signer(one, one.grantor)
        if grantor is None:
            return None
        own = frozenset({grantor.person})
        if grantor.device in self.trust.department_at(one.created).admins:
            return Chain(1, own)
        if one.withdraws():
            ended = self._ended(one)
            return Chain(1, own) if ended is not None and grantor.person in ended.above else None
        chains = self.grants(grantor.person, one.path, one.created - 1)
        links = 1 + min((chain.links for chain in chains), default=CHAIN_LIMIT)
        above = own.union(*(chain.above for chain in chains))
        return Chain(links, above) if links <= CHAIN_LIMIT else None

    def _ended(self, withdrawal: Grant) -> Chain | None:
        """Return the chain of the newest grant that a withdrawal would end."""
        place = (withdrawal.person, withdrawal.path)
        for one in reversed(self.trust.grants):
            earlier = order(one) < order(withdrawal) and (one.person, one.path) == place
            if earlier and not one.withdraws() and (chain := self.chain(one)):
                return chain
        return None

    # --- Revocations ---

    def revocations_of(self, device: bytes) -> list[Revocation]:
        """Return the revocations of a device that count."""
        return [one for one in self.trust.revocations if one.device == device and self.counts(one)]

    def counts(self, one: Revocation) -> bool:
        if one in self.judging:
            circle = self.judging[self.judging.index(one) :]
            return one == min(circle, key=self._rank)
        self.judging.append(one)
        try:
            return self._revokes(one)
        finally:
            self.judging.pop()

    def _revokes(self, one: Revocation) -> bool:
        long_ago = one.created - one.lost > LOSS_MS
        if one.signer == ZEROS:
            return not long_ago
        person = self.person(one.device)
        if person is None or not self._signed(one, one.signer):
            return False
        for other in self.trust.revocations:
            by_authority = other.signer == ZEROS
            voids = other.created <= one.created if by_authority else other.lost < one.created
            if other.device == one.signer and voids and self.counts(other):
                return False
        if not self.before(one.signer, one.created):
            return False
        if one.signer in self.trust.department_at(one.created).admins:
            return True
        signer = self.trust.certificate(one.signer, one.created)
        if long_ago or signer.person == person:
            return not long_ago
        chains = self._over(signer.person, person, one.created)
        return bool(chains) and not any(person in chain.above for chain in chains)

    def _rank(self, one: Revocation) -> tuple[int, int, bytes]:
        root = one.signer in self.trust.department_at(one.created).admins
        own = self.person(one.signer) == self.person(one.device)
        kind = 1 if one.signer == ZEROS else 0 if root else 2 + own
        return kind, *order(one)
