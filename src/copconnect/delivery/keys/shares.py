"""Key shares: what devices lack, and secrets that other devices seal to them (D4).

The server keeps a request until its device says that the secret opened, and a share until none of
its secrets is asked for any more; it opens none. The sockets choose the devices to ask
(delivery/live); wake-ups after commit tell them. Asking, sharing and saying done may each be
repeated. Requests are limited by their asker, shares by what waits for one device: of each helper
and in all, so that no helper keeps out another's.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from copconnect import errors, wire
from copconnect.bus import ShareAskedWakeup, ShareDoneWakeup, ShareWakeup
from copconnect.database.engine import Transaction
from copconnect.delivery.dependencies import Dependencies
from copconnect.delivery.rosters.reading import require_listed
from copconnect.delivery.rules.limits import MOST_WAITING_REFERENCES, SHARES_WAITING
from copconnect.delivery.rules.roster_plan import PlacedLeaf
from copconnect.delivery.store import conversations, leaves, receipts, shares
from copconnect.delivery.store.shares import Asker, WaitingShare
from copconnect.ids import ConversationId, PersonId
from copconnect.principals import Caller
from copconnect.records.conversation.key_share import KeyShare, SecretKind, SecretName
from copconnect.records.primitives.fields import Refused, sha256

# Shares of one person that wait for one device: at 512 secrets each, all that it may ask for.
SHARES_OF_ONE_HELPER = 8


class KeyShares:
    """Takes requests and shares, and hands shares out. Holds only its limits."""

    def __init__(self, deps: Dependencies) -> None:
        self._deps = deps
        limits = deps.options.limits
        requests, answers = limits.share_requests_per_minute, limits.shares_per_minute
        self._requests = deps.rates.limit("share_requests_per_minute", requests, requests)
        self._answers = deps.rates.limit("shares_per_minute", answers, answers)

    async def ask(
        self, caller: Caller, conversation_id: ConversationId, body: wire.ShareRequest
    ) -> None:
        """Keep what the calling device lacks and have other devices asked.

        Raises NotMember, RateLimited."""
        self._requests.take(caller.person_id)
        deps, names = self._deps, _names(body.references)
        async with deps.database.transaction() as connection:
            own = await require_listed(connection, caller, conversation_id)
            known = await shares.requested(connection, conversation_id, caller.device)
            if len(known | names) > MOST_WAITING_REFERENCES:
                raise errors.RateLimited(retry_after_ms=60_000, limit="waiting_references")
            asker = _asker(own)
            await shares.ask(connection, conversation_id, asker, names, deps.clock.now_ms())
            await _tell(connection, caller, conversation_id, names - known)
            connection.after_commit(
                ShareAskedWakeup(
                    conversation_id=conversation_id,
                    device=caller.device.hex(),
                    client_id=caller.client_id,
                    person_id=caller.person_id,
                    cell_id=own.cell_id,
                    lacks=_lacks(known | names),
                )
            )

    async def done(
        self, caller: Caller, conversation_id: ConversationId, body: wire.ShareRequest
    ) -> None:
        """Forget what the calling device no longer lacks, and the shares of that alone."""
        deps, names = self._deps, _names(body.references)
        async with deps.database.transaction() as connection:
            known = await shares.requested(connection, conversation_id, caller.device)
            await shares.done(connection, conversation_id, caller.device, names)
            await _tell(connection, caller, conversation_id, names & known)
            left = known - names
            waiting = await shares.waiting(connection, conversation_id, caller.device)
            held = await conversations.read(connection, [conversation_id])
            kem = held[0].kem if held else deps.options.kem
            used = [one.share_hash for one in waiting if not _serves(one.share, kem, left)]
            await shares.forget(connection, conversation_id, caller.device, used)
            connection.after_commit(
                ShareDoneWakeup(
                    conversation_id=conversation_id,
                    device=caller.device.hex(),
                    opened=_lacks(names),
                    lacks=_lacks(left),
                )
            )

    async def post(
        self, caller: Caller, conversation_id: ConversationId, body: wire.PostShare
    ) -> None:
        """Keep a share for the device that asked, and tell it.

        Raises NotMember, NotAsked, RecordInvalid, RateLimited."""
        self._answers.take(caller.person_id)
        deps, device = self._deps, bytes.fromhex(body.device)
        async with deps.database.transaction() as connection:
            await require_listed(connection, caller, conversation_id)
            asker = await leaves.current_of_device(connection, conversation_id, device)
            if asker is None:
                raise errors.NotAsked
            (held,) = await conversations.read(connection, [conversation_id])
            share = _read(body.share, held.kem, conversation_id)
            wanted = await shares.requested(connection, conversation_id, device)
            if wanted.isdisjoint(share.names):
                raise errors.NotAsked
            owners = await deps.devices.devices_of_keys(connection, [share.recipient])
            if owners.get(share.recipient) != device:
                raise errors.RecordInvalid(rule="H1", reason="sealed to another's key")
            waiting = WaitingShare(sha256(body.share), caller.device, body.share)
            kept = await shares.helpers(connection, conversation_id, device)
            if waiting.share_hash in kept:
                return
            pushed_out = _pushed_out(kept, caller.person_id)
            await shares.forget(connection, conversation_id, device, pushed_out)
            new = await shares.add(
                connection, conversation_id, _asker(asker), waiting, deps.clock.now_ms()
            )
            if new:
                connection.after_commit(
                    ShareWakeup(
                        conversation_id=conversation_id,
                        client_id=asker.leaf.client_id,
                        share=body.share,
                    )
                )

    async def waiting(self, caller: Caller, conversation_id: ConversationId) -> wire.Shares:
        """Return the shares that wait for the calling device."""
        async with self._deps.database.reading() as connection:
            await require_listed(connection, caller, conversation_id)
            found = await shares.waiting(connection, conversation_id, caller.device)
        return wire.Shares(shares=[one.share for one in found])


async def _tell(
    connection: Transaction,
    caller: Caller,
    conversation_id: ConversationId,
    names: Iterable[SecretName],
) -> None:
    """Messages under these keys are delivered to the caller's person no more, or now (R9)."""
    if any(name.kind == SecretKind.CONVERSATION_KEY for name in names):
        await receipts.tell(connection, [(conversation_id, caller.person_id)])


def _lacks(names: Collection[SecretName]) -> list[bytes]:
    return [name.encode() for name in sorted(names)[: wire.SHARE_SECRETS]]


def _asker(leaf: PlacedLeaf) -> Asker:
    return Asker(leaf.leaf.device, leaf.leaf.client_id, leaf.leaf.person_id)


def _pushed_out(kept: Mapping[bytes, PersonId | None], helper: PersonId) -> list[bytes]:
    """Return which of the waiting shares, oldest first, must go for one more of this helper.

    The server cannot tell rubbish from a good share, which only its recipient opens. It counts how
    many shares each helper has there already: when all places are taken, one with fewer takes the
    place of one with most, whose shares are the likeliest to be meant to fill the queue. Raises
    RateLimited.
    """
    counts = Counter(kept.values())
    most = max(counts.values(), default=0)
    full = len(kept) >= SHARES_WAITING
    if counts[helper] >= SHARES_OF_ONE_HELPER or (full and counts[helper] >= most):
        raise errors.RateLimited(retry_after_ms=60_000, limit="waiting_shares")
    if not full:
        return []
    return [next(share_hash for share_hash, person_id in kept.items() if counts[person_id] == most)]


def _names(references: Iterable[wire.ShareReference]) -> set[SecretName]:
    return {SecretName(SecretKind(one.kind), bytes.fromhex(one.reference)) for one in references}


def _read(data: bytes, kem: int, conversation_id: ConversationId) -> KeyShare:
    try:
        share = KeyShare.parse(kem, data)
    except Refused as refused:
        raise errors.RecordInvalid(rule=refused.rule, reason=refused.message) from refused
    if share.conversation_id != bytes.fromhex(conversation_id):
        raise errors.RecordInvalid(rule="H1", reason="another conversation's share")
    return share


def _serves(data: bytes, kem: int, wanted: Collection[SecretName]) -> bool:
    """Return whether a stored share carries anything that is still wanted; one that cannot be read
    any more, because the conversation's KEM has risen, does not."""
    try:
        return not set(wanted).isdisjoint(KeyShare.parse(kem, data).names)
    except Refused:
        return False
