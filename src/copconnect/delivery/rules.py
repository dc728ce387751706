"""The Delivery Service's ordering and membership rules: pure functions over plain values.

Rules, in the order they are asked (docs/protocol.md):

1. a known entry id answers what it answered first, whatever else changed (the service does this);
2. the client belongs to the cell by the roster, and may do this by the policy;
3. nothing but a member's commit enters a cell while Removes are pending;
4. a message or commit is for the cell's current epoch;
5. after a commit the tree holds exactly clients that the roster names, each once, none that was
   to be removed; it removes nobody else; an external commit changes only the joiner's own leaves.

Imports only ids, errors, wire and the MLS readers.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from copconnect import errors, wire
from copconnect.delivery.mls import codec
from copconnect.delivery.mls.codec import MalformedMls, vector
from copconnect.delivery.mls.external_remove import external_sender
from copconnect.delivery.mls.group_info import GroupInfo, read_group_info
from copconnect.delivery.mls.message import (
    PublicHeader,
    read_private_header,
    read_public_header,
)
from copconnect.delivery.standing import CellLeaf, Standing
from copconnect.ids import CellId, ClientId, ConversationId, Epoch, PersonId

LEASE_MS = 5_000
LEASES_IN_A_ROW_MS = 3 * LEASE_MS
WAITING_MS = 2 * LEASE_MS  # Who was turned away asks again within one lease.
# A Remove that no member committed for this long, while somebody waits to come in: nobody who is
# online can commit it.
STUCK_MS = 60_000
NO_ROSTER = Epoch(0)  # Before the first signed head.
RECEIPT_PEOPLE = 256  # Conversations of more people get no per-person receipts.


@dataclass(frozen=True, slots=True)
class CommitEffect:
    """What an accepted commit makes of its cell."""

    leaves: tuple[CellLeaf, ...]
    added: frozenset[ClientId]
    epoch: Epoch


@dataclass(frozen=True, slots=True)
class MembershipPlan:
    """The real effect of a ChangeMembers: what is left after dropping what is already so."""

    add: tuple[PersonId, ...]
    remove: tuple[PersonId, ...]
    make_admin: tuple[PersonId, ...]
    revoke_admin: tuple[PersonId, ...]

    @property
    def empty(self) -> bool:
        """Whether nothing changes."""
        return not (self.add or self.remove or self.make_admin or self.revoke_admin)


def group_id(conversation_id: ConversationId, cell_id: CellId) -> bytes:
    """Return the MLS group id of a cell."""
    return bytes.fromhex(conversation_id) + bytes.fromhex(cell_id)


def direct_key(one: PersonId, other: PersonId) -> str:
    """Return the key that two people's only direct conversation is unique by."""
    return ":".join(sorted((one, other)))


# --- Messages ---------------------------------------------------------------------------------


def check_message(standing: Standing, epoch: Epoch) -> None:
    """Raise the first rule that forbids this client to post at ``epoch``."""
    check_placed(standing)
    if standing.who_may_post == "admins" and not standing.admin:
        raise errors.MayNotPost
    if standing.cells != 1:
        raise errors.WrongMode(cells=standing.cells)
    check_settled(standing)
    check_epoch(standing, epoch)


def check_placed(standing: Standing) -> None:
    """Raise NotMember unless the client belongs to the cell."""
    if not (standing.member and standing.placed):
        raise errors.NotMember


def check_settled(standing: Standing) -> None:
    """Raise RemovalPending while Removes wait for a commit."""
    if standing.removals:
        raise errors.RemovalPending(epoch=standing.epoch or 0, last_seq=standing.last_seq)


def check_epoch(standing: Standing, epoch: Epoch) -> None:
    """Raise unless the cell is founded and at ``epoch``."""
    if standing.epoch is None:
        raise errors.CellUnfounded
    if standing.epoch != epoch:
        raise errors.StaleEpoch(epoch=standing.epoch, last_seq=standing.last_seq)


def check_private_message(payload: bytes, group: bytes, epoch: Epoch) -> None:
    """Raise BadRequest unless ``payload`` is an application message of this group and epoch."""
    try:
        header = read_private_header(payload)
    except MalformedMls as error:
        raise errors.BadRequest(reason=f"payload: {error}") from error
    if header.content_type != codec.CONTENT_APPLICATION:
        raise errors.BadRequest(reason="payload: not an application message")
    if header.group_id != group or header.epoch != epoch:
        raise errors.BadRequest(reason="payload: another group or epoch")


# --- Joining ----------------------------------------------------------------------------------


def check_lease(standing: Standing, client_id: ClientId, now_ms: int) -> None:
    """Raise unless the cell can be joined; JoinBusy while it is another's turn.

    One client that renews its lease and never commits would keep everybody else out. So while
    somebody else waits (was turned away a moment ago), a lease in a row ends after a while and the
    next who asks gets it.
    """
    check_placed(standing)
    if standing.epoch is None:
        raise errors.CellUnfounded
    check_settled(standing)
    lease = standing.lease
    if lease.client_id == client_id:
        used_up = now_ms + LEASE_MS > lease.since_ms + LEASES_IN_A_ROW_MS
        if used_up and now_ms < lease.asked_ms + WAITING_MS:
            raise errors.JoinBusy(retry_after_ms=LEASE_MS)
    elif lease.client_id is not None and lease.until_ms > now_ms:
        raise errors.JoinBusy(retry_after_ms=lease.until_ms - now_ms)


# --- Commits ----------------------------------------------------------------------------------


def check_place_of_commit(standing: Standing, upload: wire.UploadCommit) -> None:
    """Raise what the cell's state alone decides, before the commit's bytes are looked at."""
    check_placed(standing)
    with_key = upload.key_record is not None and upload.signer_proof is not None
    if with_key != (standing.cells > 1):
        raise errors.WrongMode(cells=standing.cells)
    if not upload.founding:
        check_epoch(standing, upload.epoch)
    elif standing.epoch is not None:
        raise errors.CellFounded


@dataclass(frozen=True, slots=True)
class ParsedCommit:
    """An upload whose bytes were read and fit each other and the cell; no state was looked at."""

    external: bool
    sender_leaf: int | None
    after: GroupInfo
    leaves: tuple[CellLeaf, ...]


def parse_commit(
    upload: wire.UploadCommit, group: bytes, suite: int, authority: tuple[bytes, bytes]
) -> ParsedCommit:
    """Read commit and group info. ``authority`` is the roster authority's (key, certificate).

    Raises CommitInvalid for anything that does not fit.
    """
    try:
        header = read_public_header(upload.commit)
        after = read_group_info(upload.group_info)
    except MalformedMls as error:
        raise _invalid(str(error)) from error
    external = _is_external(header)
    if header.group_id != group or after.group_id != group:
        raise _invalid("another group")
    if header.epoch != upload.epoch or after.epoch != upload.epoch + 1:
        raise _invalid("epoch does not follow")
    if after.cipher_suite != suite:
        raise _invalid("another cipher suite")
    if not after.external_pub:
        raise _invalid("group info without external_pub")
    if upload.founding and (upload.epoch != 0 or external):
        raise _invalid("founding is a member's commit at epoch 0")
    if external and (upload.welcome is not None or upload.welcome_clients):
        raise _invalid("an external commit welcomes nobody")
    if (upload.welcome is None) != (not upload.welcome_clients):
        raise _invalid("welcome and welcome_clients go together")
    _check_external_senders(after, authority)
    leaves = tuple(
        CellLeaf(
            leaf.index,
            hashlib.sha256(leaf.certificate).hexdigest(),
            hashlib.sha256(leaf.encryption_key).digest()[:8],
        )
        for leaf in after.leaves
    )
    return ParsedCommit(external, header.sender_index, after, leaves)


def judge_commit(
    parsed: ParsedCommit,
    upload: wire.UploadCommit,
    standing: Standing,
    caller: ClientId,
    before: Sequence[CellLeaf],
    roster: Mapping[str, ClientId],
    pending: Collection[int],
) -> CommitEffect:
    """Decide whether the commit is the cell's next.

    ``before``: the cell's leaves now (empty when unfounded); ``roster``: certificate hash →
    client of this cell; ``pending``: leaf indexes that wait for their Remove. Raises the first
    broken rule.
    """
    check_place_of_commit(standing, upload)
    if parsed.external:
        check_settled(standing)
        if standing.lease.client_id != caller:
            raise errors.JoinBusy(retry_after_ms=0)
    before_at = {leaf.index: leaf for leaf in before}
    owner = _owners(parsed, roster, standing, before_at, pending)
    previous = {index: roster.get(leaf.certificate_hash) for index, leaf in before_at.items()}
    if parsed.external:
        committer = next((i for i, c in owner.items() if c == caller), None)
        if committer is None:
            raise _invalid("the joiner is not the caller")
    else:
        committer = parsed.sender_leaf
        if committer is None or owner.get(committer) != caller or committer in pending:
            raise _invalid("the committer is not the caller")
        if not upload.founding and previous.get(committer) != caller:
            raise _invalid("the committer was not in the cell")
    added = _added(parsed.leaves, before_at, committer, owner)
    if parsed.external and added:
        raise _invalid("an external commit changes another leaf")
    _check_gone(before_at, owner, previous, pending, caller if parsed.external else None)
    if frozenset(upload.welcome_clients) != added:
        raise _invalid("welcome_clients are not those added")
    return CommitEffect(parsed.leaves, added, Epoch(upload.epoch + 1))


def replaced_certificates(
    client_id: ClientId,
    before: Iterable[CellLeaf],
    after: Iterable[CellLeaf],
    roster: Mapping[str, ClientId],
) -> set[str]:
    """Return the certificate under which a client was in the tree, if another took its place."""
    own = {name for name, client in roster.items() if client == client_id}
    old = own & {leaf.certificate_hash for leaf in before}
    new = own & {leaf.certificate_hash for leaf in after}
    return old if new and not old & new else set()


def _owners(
    parsed: ParsedCommit,
    roster: Mapping[str, ClientId],
    standing: Standing,
    before_at: Mapping[int, CellLeaf],
    pending: Collection[int],
) -> dict[int, ClientId]:
    """Map each leaf to its client: all in the roster, each client once, no removed one left."""
    owner: dict[int, ClientId] = {}
    for leaf in parsed.leaves:
        if leaf.index in pending and before_at.get(leaf.index) == leaf:
            raise errors.RemovalPending(epoch=standing.epoch or 0, last_seq=standing.last_seq)
        client = roster.get(leaf.certificate_hash)
        if client is None:
            raise _invalid("a leaf is not in the roster")
        owner[leaf.index] = client
    if len(set(owner.values())) != len(owner):
        raise _invalid("a client has two leaves")
    return owner


def _added(
    after: Iterable[CellLeaf],
    before_at: Mapping[int, CellLeaf],
    committer: int,
    owner: Mapping[int, ClientId],
) -> frozenset[ClientId]:
    return frozenset(
        owner[leaf.index]
        for leaf in after
        if leaf.index != committer and before_at.get(leaf.index) != leaf
    )


def _check_gone(
    before_at: Mapping[int, CellLeaf],
    owner: Mapping[int, ClientId],
    previous: Mapping[int, ClientId | None],
    pending: Collection[int],
    joiner: ClientId | None,
) -> None:
    """Only pending Removes and the joiner's own old leaf may lose their place."""
    for index in before_at:
        if index in pending or (index in owner and owner[index] == previous[index]):
            continue
        if joiner is None or previous[index] != joiner:
            raise _invalid("a member was removed without a Remove by the roster authority")


def _is_external(header: PublicHeader) -> bool:
    if header.content_type != codec.CONTENT_COMMIT:
        raise _invalid("not a commit")
    if header.sender_type == codec.SENDER_NEW_MEMBER_COMMIT:
        return True
    if header.sender_type == codec.SENDER_MEMBER:
        return False
    raise _invalid("wrong sender type")


def _check_external_senders(after: GroupInfo, authority: tuple[bytes, bytes]) -> None:
    found = [d for k, d in after.context_extensions if k == codec.EXTENSION_EXTERNAL_SENDERS]
    if found != [vector(external_sender(*authority))]:
        raise _invalid("external_senders is not the roster authority alone")


def _invalid(reason: str) -> errors.CommitInvalid:
    return errors.CommitInvalid(reason=reason)


# --- Membership -------------------------------------------------------------------------------


def plan_members(
    change: wire.ChangeMembers,
    kind: wire.ConversationKind,
    members: Mapping[PersonId, bool],
    caller: PersonId,
) -> MembershipPlan:
    """Return the effective change. ``members`` maps each member to whether they are an admin.

    Raises NotMember, NotAdmin, LastAdmin or BadRequest.
    """
    if caller not in members:
        raise errors.NotMember
    if kind != "group":
        raise errors.BadRequest(reason=f"members of a {kind} conversation do not change by hand")
    add, remove = _people(change.add), _people(change.remove)
    promote, demote = _people(change.make_admin), _people(change.revoke_admin)
    leaving = remove == {caller} and not (add or promote or demote)
    if not leaving and not members[caller]:
        raise errors.NotAdmin
    if add & remove or promote & demote or promote & remove:
        raise errors.BadRequest(reason="contradicts itself")
    after = {p: a for p, a in members.items() if p not in remove}
    added = add - after.keys()
    after |= dict.fromkeys(added, False)
    if not (promote | demote) <= after.keys() | remove:
        raise errors.BadRequest(reason="admins must be members")
    promoted = {p for p in promote if not after[p]}
    demoted = {p for p in demote if after.get(p)}
    admins = ({p for p, a in after.items() if a} | promoted) - demoted
    if after and not admins:
        raise errors.LastAdmin
    return MembershipPlan(
        add=tuple(sorted(added)),
        remove=tuple(sorted(remove & members.keys())),
        make_admin=tuple(sorted(promoted)),
        revoke_admin=tuple(sorted(demoted)),
    )


def _people(ids: Iterable[str]) -> set[PersonId]:
    return {PersonId(one) for one in ids}
