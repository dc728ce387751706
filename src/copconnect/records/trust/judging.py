"""Rules by which endorsements, grants and revocations count (E0, E4). Pure; judges a ``Trust``.

This module decides points that the rules leave open:

- An endorser or grantor must have been confirmed strictly before what it signs; so no circle of
  endorsements confirms itself, and judging ends.
- A grant is judged by the grants in force when it was made: an admin's later expiry undoes neither
  its endorsements nor its grants. Withdrawing a grant is for the grantor's person, people above it
  in its chain, and root admins; a withdrawal by others is ignored.
- A device is above another's person if its person is among the grantors of the chain.
- An admin's endorsement or revocation needs a grant over each unit that the person's cards named in
  the 7 days before it. The roster authority's revocation of a person's other device does not count
  for an admin's endorsement (E4), nor does one made after it: no endorsement wakes later.
- Several revocations of one device all count: it is lost from the earliest on, and what it signed
  counts only if each leaves it valid. The roster authority's revocation voids nothing made
  before it.
- When revocations void each other in a circle, the one whose signer ranks higher counts (a root
  admin, the roster authority, another person's admin, an own device), then the earlier, then the
  lower hash.
"""

from copconnect.limits import LOSS_LIMIT_MS
from copconnect.records.primitives.fields import MAX_INTEGER
from copconnect.records.trust.department import Policy
from copconnect.records.trust.device import Certificate
from copconnect.records.trust.endorsement import Endorsement, EndorsementKind
from copconnect.records.trust.grant import CHAIN_LIMIT, Grant, is_under
from copconnect.records.trust.revocation import Revocation
from copconnect.records.trust.trust import Dated, EndorsementSearch, GrantChain, Trust

EVER = MAX_INTEGER + 1  # After every date.
_NOBODY: frozenset[bytes] = frozenset()


def _confirmed_before(trust: Trust, device: bytes, at: int, without: frozenset[bytes]) -> bool:
    """Return whether a device was confirmed before a time; ``without``: whose word counts not."""
    trust.memory.read(device)
    person_id = trust.person_of(device)
    if device in without or person_id is None:
        return False
    department = trust.department_at(at)
    if device in department.admins:
        return True
    if department.policy == Policy.NONE and is_first(trust, device, person_id):
        return True
    return endorsement_before(trust, device, at, without) is not None


def is_first(trust: Trust, device: bytes, person_id: bytes) -> bool:
    """Return whether a device is the first of its person that was registered, revoked or not."""
    trust.memory.read(person_id)
    return trust.devices_of(person_id)[:1] == (device,)


def _is_removed(trust: Trust, device: bytes, at: int) -> bool:
    """Return whether somebody other than the roster authority had revoked a device by a time."""
    trust.memory.read(device)
    return any(
        not one.record.by_authority and one.created <= at and counts(trust, one)
        for one in trust.revocations.get(device, ())
    )


# --- Endorsements ---------------------------------------------------------------------------------


def endorsement_before(
    trust: Trust, device: bytes, at: int, without: frozenset[bytes] = _NOBODY
) -> Dated[Endorsement] | None:
    """Return the first endorsement of a device, made before a time, that counts."""
    memory = trust.memory
    if without:
        return _first_endorsement(trust, device, at, without)
    search = memory.searches.get(device)
    if search is None or (search.found is None and search.until < at):
        search = memory.derive(
            memory.searches,
            device,
            lambda: EndorsementSearch(_first_endorsement(trust, device, at, without), at),
        )
    else:
        memory.read(device)
    found = search.found
    return found if found is not None and found.created < at else None


def _first_endorsement(
    trust: Trust, device: bytes, at: int, without: frozenset[bytes]
) -> Dated[Endorsement] | None:
    trust.memory.read(device)
    for one in trust.endorsements.get(device, ()):
        if one.created >= at:
            return None
        if _endorsement_counts(trust, one, without):
            return one
    return None


def _endorsement_counts(trust: Trust, one: Dated[Endorsement], without: frozenset[bytes]) -> bool:
    record, at = one.record, one.created
    trust.memory.read(record.endorser)
    person_id, own = trust.person_of(record.endorsed), record.kind == EndorsementKind.OWN_DEVICE
    if person_id is None or record.endorser == record.endorsed:
        return False
    if at < trust.certificates[record.endorsed][0].not_before:
        return False
    if own and trust.person_of(record.endorser) != person_id:
        return False
    endorser = _signer(trust, record.endorser, one.hash, at, without)
    if endorser is None or not trust.signature_verifies(one, record.endorser):
        return False
    if own:
        return True
    if not _may_administer(trust, endorser, person_id, at):
        return False
    # E4: the person's other devices, so far as they were confirmed without this one, are revoked.
    # Two that were endorsed at one time exclude each other.
    devices = trust.devices_of(person_id)
    trust.memory.read(person_id)
    aside = without | {record.endorsed}
    return bool(devices) and not any(
        other != record.endorsed
        and _confirmed_before(trust, other, at + 1, aside)
        and not _is_removed(trust, other, at)
        for other in devices
    )


def _signer(
    trust: Trust, device: bytes, record_hash: bytes, at: int, without: frozenset[bytes] = _NOBODY
) -> Certificate | None:
    """Return the certificate of a device whose endorsement or grant of that time counts."""
    trust.memory.read(device)
    certificate = trust.certificate(device, at)
    if certificate is None:
        return None
    for one in trust.revocations.get(device, ()):
        if not one.record.lets_stand(record_hash, at) and counts(trust, one):
            return None
    return certificate if _confirmed_before(trust, device, at, without) else None


def _may_administer(trust: Trust, signer: Certificate, person_id: bytes, at: int) -> bool:
    """Return whether a device is a root admin's, or its person has grants over a person's units."""
    if signer.device in trust.department_at(at).admins:
        return True
    return bool(_grants_over_person(trust, signer.person_id, person_id, at))


def _grants_over_person(trust: Trust, admin: bytes, person_id: bytes, at: int) -> list[GrantChain]:
    """Return the chains of an admin's grants over a person's units of the last 7 days; none where
    the admin has no grant over one of them."""
    trust.memory.read(person_id)
    over = [_grants_over(trust, admin, path, at) for path in trust.unit_paths(person_id, at)]
    return [chain for chains in over for chain in chains] if all(over) else []


# --- Grants ---------------------------------------------------------------------------------------


def _grants_over(trust: Trust, person_id: bytes, path: str, at: int) -> list[GrantChain]:
    """Return the chains of the grants to a person that are in force over a unit path.

    The newest grant of each path counts.
    """
    trust.memory.read(person_id)
    found, seen = list[GrantChain](), set[str]()
    for one in reversed(trust.grants.get(person_id, ())):
        grant = one.record
        if one.created > at or grant.path in seen or not is_under(path, grant.path):
            continue
        chain = _chain(trust, one)
        if chain is not None:
            seen.add(grant.path)
            if grant.covers(at):
                found.append(chain)
    return found


def _chain(trust: Trust, one: Dated[Grant]) -> GrantChain | None:
    """Return the chain of a grant (or withdrawal) that its grantor had the right to make."""
    memory = trust.memory
    if one.hash in memory.chains:
        memory.read(one.hash)
        return memory.chains[one.hash]
    return memory.derive(memory.chains, one.hash, lambda: _judge_grant(trust, one))


def _judge_grant(trust: Trust, one: Dated[Grant]) -> GrantChain | None:
    grant, at = one.record, one.created
    grantor = _signer(trust, grant.grantor, one.hash, at)
    if grantor is None or not trust.signature_verifies(one, grant.grantor):
        return None
    own = frozenset({grantor.person_id})
    if grantor.device in trust.department_at(at).admins:
        return GrantChain(1, own)
    if grant.withdraws:
        ended = _before(trust, one)
        return (
            GrantChain(1, own) if ended is not None and grantor.person_id in ended.above else None
        )
    chains = _grants_over(trust, grantor.person_id, grant.path, at - 1)
    links = 1 + min((chain.links for chain in chains), default=CHAIN_LIMIT)
    if links > CHAIN_LIMIT:
        return None
    return GrantChain(links, own.union(*(chain.above for chain in chains)))


def _before(trust: Trust, withdrawal: Dated[Grant]) -> GrantChain | None:
    """Return the chain of the newest grant before a withdrawal, for its person and path."""
    grant = withdrawal.record
    trust.memory.read(grant.person_id)
    for one in reversed(trust.grants.get(grant.person_id, ())):
        earlier = one < withdrawal and one.record.path == grant.path
        if earlier and not one.record.withdraws:
            chain = _chain(trust, one)
            if chain is not None:
                return chain
    return None


# --- Revocations ----------------------------------------------------------------------------------


def counts(trust: Trust, one: Dated[Revocation]) -> bool:
    """Return whether a revocation counts: its signer had the right and was not lost before."""
    memory = trust.memory
    if one.hash in memory.counting:
        memory.read(one.hash)
        return memory.counting[one.hash]
    if one in memory.stack:
        place = memory.stack.index(one)
        memory.assume(place)
        return one == min(memory.stack[place:], key=lambda other: _rank(trust, other))

    def judge() -> bool:
        memory.stack.append(one)
        try:
            return _judge_revocation(trust, one)
        finally:
            memory.stack.pop()

    return memory.derive(memory.counting, one.hash, judge)


def _judge_revocation(trust: Trust, one: Dated[Revocation]) -> bool:
    record, at = one.record, one.created
    long_ago = at - record.lost > LOSS_LIMIT_MS
    if record.by_authority:
        return not long_ago  # Its signature was checked when it was added.
    trust.memory.read(record.signer)
    trust.memory.read(record.device)
    signer, person_id = trust.certificate(record.signer, at), trust.person_of(record.device)
    if signer is None or person_id is None or not trust.signature_verifies(one, record.signer):
        return False
    for other in trust.revocations.get(record.signer, ()):
        voids = other.created <= at if other.record.by_authority else other.record.lost < at
        if voids and counts(trust, other):
            return False
    if not _confirmed_before(trust, record.signer, at, _NOBODY):
        return False
    if record.signer in trust.department_at(at).admins:
        return True
    if long_ago or signer.person_id == person_id:
        return not long_ago
    chains = _grants_over_person(trust, signer.person_id, person_id, at)
    return bool(chains) and not any(person_id in chain.above for chain in chains)


def _rank(trust: Trust, one: Dated[Revocation]) -> tuple[int, int, bytes]:
    record = one.record
    if record.by_authority:
        rank = 1
    elif record.signer in trust.department_at(one.created).admins:
        rank = 0
    else:
        rank = 2 + (trust.person_of(record.signer) == trust.person_of(record.device))
    return rank, one.created, one.hash


# --- What a server asks before it takes a record --------------------------------------------------


def grant_counts(trust: Trust, grant: Grant) -> bool:
    """Return whether a grant or withdrawal, which was added, was its grantor's to make."""
    for one in trust.grants.get(grant.person_id, ()):
        if one.record == grant:
            return _chain(trust, one) is not None
    return False


def holds(trust: Trust, person_id: bytes, path: str, at: int) -> bool:
    """Return whether a person has a grant in force over a unit path, without being a root admin."""
    return bool(_grants_over(trust, person_id, path, at))


def revocation_counts(trust: Trust, revocation: Revocation) -> bool:
    """Return whether a revocation, which was added, counts."""
    known = trust.revocations.get(revocation.device, ())
    return any(one.record == revocation and counts(trust, one) for one in known)
