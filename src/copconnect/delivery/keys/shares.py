"""Key shares: what devices lack, and secrets that other devices seal to them (D4).

The server keeps a request until its device says that the secret opened, and a share until none of
its secrets is asked for any more; it opens none. The sockets choose the devices to ask
(delivery/live); wake-ups after commit tell them. Asking, sharing and saying done may each be
repeated. Requests are limited by their asker, shares by how many wait for one device: of each
helper and in all, so that no helper keeps out another's.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from copconnect import errors, wire
from copconnect.batch_loader import BatchLoader
from copconnect.bus import ShareAskedWakeup, ShareDoneWakeup, ShareWakeup
from copconnect.database.engine import Transaction
from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.ports import ListableDevices
from copconnect.delivery.rosters.reading import require_listed
from copconnect.delivery.rules.limits import (
    HELPED_MS,
    MOST_WAITING_REFERENCES,
    SHARES_WAITING,
)
from copconnect.delivery.rules.roster_plan import PlacedLeaf
from copconnect.delivery.store import conversations, leaves, receipts, shares
from copconnect.delivery.store.conversations import ConversationRow
from copconnect.delivery.store.shares import Asker
from copconnect.ids import ConversationId, PersonId
from copconnect.principals import Caller
from copconnect.records.conversation.key_share import KeyShare, SecretKind, SecretName
from copconnect.records.primitives.fields import Refused, sha256

_RECIPIENT = slice(17, 33)  # The recipient's key id in a KeyShare.
# Shares of one person that wait for one device: at 512 secrets each, all that it may ask for.
SHARES_OF_ONE_HELPER = 8


@dataclass(frozen=True, slots=True)
class _LackedSecrets:
    """Secrets that a device lacks, or lacks no more, as one request says."""

    conversation_id: ConversationId
    device: bytes
    person_id: PersonId
    names: frozenset[SecretName]

    @property
    def asker(self) -> Asker:
        """Return the conversation and the device."""
        return self.conversation_id, self.device


class KeyShares:
    """Takes requests and shares, and hands shares out. Holds only its limits, and requests that
    wait for the transaction of others."""

    def __init__(self, deps: DeliveryDependencies) -> None:
        self._deps = deps
        limits = deps.options.limits
        requests, answers = limits.share_requests_per_minute, limits.shares_per_minute
        self._requests = deps.rates.limit("share_requests_per_minute", requests, requests)
        self._answers = deps.rates.limit("shares_per_minute", answers, answers)
        self._asking: BatchLoader[_LackedSecrets, errors.CopConnectError] = BatchLoader(self._ask)
        self._opening: BatchLoader[_LackedSecrets, None] = BatchLoader(self._done)

    async def ask(
        self, caller: Caller, conversation_id: ConversationId, body: wire.ShareRequest
    ) -> None:
        """Keep what the calling device lacks and have other devices asked.

        Raises NotMember, RateLimited."""
        self._requests.spend(caller.person_id)
        names = frozenset(_names(body.references))
        asked = _LackedSecrets(conversation_id, caller.device, caller.person_id, names)
        refusal = await self._asking.load(asked)
        if refusal is not None:
            raise refusal

    async def _ask(
        self, asked: Collection[_LackedSecrets]
    ) -> dict[_LackedSecrets, errors.CopConnectError]:
        """Keep what many devices lack at once; return why some are refused. Six statements, however
        many ask at the same time: of a key that opens for nobody everybody does."""
        deps = self._deps
        lacking = _by_asker(asked)
        refused: dict[Asker, errors.CopConnectError] = {}
        async with deps.database.transaction() as connection:
            listed = await leaves.current_of_devices(connection, lacking)
            known = await shares.requested(connection, listed)
            for asker in lacking:
                if asker not in listed:
                    refused[asker] = errors.NotMember()
                elif len(known.get(asker, set()) | lacking[asker]) > MOST_WAITING_REFERENCES:
                    refused[asker] = errors.RateLimited(
                        retry_after_ms=60_000, limit="waiting_references"
                    )
            for asker in refused:
                del lacking[asker]
            if lacking:
                await self._keep(connection, lacking, listed, known)
        return {one: refused[one.asker] for one in asked if one.asker in refused}

    async def _keep(
        self,
        connection: Transaction,
        lacking: Mapping[Asker, set[SecretName]],
        listed: Mapping[Asker, PlacedLeaf],
        known: Mapping[Asker, set[SecretName]],
    ) -> None:
        await shares.ask(connection, lacking, listed, self._deps.clock.now_ms())
        changed = [
            ((asker[0], listed[asker].leaf.person_id), names - known.get(asker, set()))
            for asker, names in lacking.items()
        ]
        await _tell(connection, changed)
        for asker, names in lacking.items():
            leaf = listed[asker].leaf
            connection.after_commit(
                ShareAskedWakeup(
                    conversation_id=asker[0],
                    device=leaf.device.hex(),
                    client_id=leaf.client_id,
                    person_id=leaf.person_id,
                    cell_id=listed[asker].cell_id,
                    lacks=_lacks(known.get(asker, set()) | names),
                )
            )

    async def done(
        self, caller: Caller, conversation_id: ConversationId, body: wire.ShareRequest
    ) -> None:
        """Forget what the calling device no longer lacks, and the shares of that alone."""
        names = frozenset(_names(body.references))
        said = _LackedSecrets(conversation_id, caller.device, caller.person_id, names)
        await self._opening.load(said)

    async def _done(self, said: Collection[_LackedSecrets]) -> dict[_LackedSecrets, None]:
        """Forget what many devices no longer lack. Seven statements."""
        opened = _by_asker(said)
        people = {one.asker: one.person_id for one in said}
        async with self._deps.database.transaction() as connection:
            known = await shares.requested(connection, opened)
            await shares.done(connection, opened)
            changed = [((c, people[c, d]), opened[c, d] & names) for (c, d), names in known.items()]
            await _tell(connection, changed)
            left = {one: known.get(one, set()) - names for one, names in opened.items()}
            waiting = await shares.waiting(connection, opened)
            held = await conversations.read(connection, {c for c, _ in waiting}) if waiting else []
            kems = {one.conversation_id: one.kem for one in held}
            used = [
                (*asker, sha256(share))
                for asker, found in waiting.items()
                for share in found
                if not _serves(share, kems[asker[0]], left[asker])
            ]
            await shares.forget(connection, used)
            for (c, device), names in opened.items():
                connection.after_commit(
                    ShareDoneWakeup(
                        conversation_id=c,
                        device=device.hex(),
                        opened=_lacks(names),
                        lacks=_lacks(left[c, device]),
                    )
                )
        return {}

    async def submit(
        self, caller: Caller, conversation_id: ConversationId, body: wire.SubmitShares
    ) -> None:
        """Keep shares for the devices that asked, and tell them. A share that is refused keeps no
        other from its device; if all are, the first refusal is raised. Eight statements.

        Raises NotMember, NotAsked, RecordInvalid, RateLimited."""
        self._answers.spend(caller.person_id, len(body.shares))
        deps = self._deps
        answers = {bytes.fromhex(one.device): one.share for one in body.shares}
        if len(answers) < len(body.shares):
            raise errors.RecordInvalid(rule="H1", reason="two shares for one device")
        async with deps.database.transaction() as connection:
            await require_listed(connection, caller, conversation_id)
            (held,) = await conversations.read(connection, [conversation_id])
            taking = await _Taking.read(connection, held, answers, deps.devices, caller.person_id)
            pushed_out: list[tuple[ConversationId, bytes, bytes]] = []
            taken: list[tuple[PlacedLeaf, bytes]] = []
            refusals: list[errors.CopConnectError] = []
            for device, share in answers.items():
                try:
                    asker, ended = taking.check(device, share)
                except errors.CopConnectError as refusal:
                    refusals.append(refusal)
                else:
                    taken.append((asker, share))
                    pushed_out += [(conversation_id, device, one) for one in ended]
            if not taken:
                raise refusals[0]
            await shares.forget(connection, pushed_out)
            now_ms = deps.clock.now_ms()
            helped = {(conversation_id, asker.leaf.device) for asker, _ in taken}
            await shares.hold(connection, helped, now_ms + HELPED_MS)
            new = await shares.add(connection, conversation_id, caller.device, taken, now_ms)
            for asker, share in taken:
                if asker.leaf.device in new:
                    connection.after_commit(
                        ShareWakeup(
                            conversation_id=conversation_id,
                            device=asker.leaf.device.hex(),
                            client_id=asker.leaf.client_id,
                            share=share,
                        )
                    )

    async def waiting(self, caller: Caller, conversation_id: ConversationId) -> wire.Shares:
        """Return the shares that wait for the calling device."""
        async with self._deps.database.reading() as connection:
            await require_listed(connection, caller, conversation_id)
            asker = conversation_id, caller.device
            found = await shares.waiting(connection, [asker])
        return wire.Shares(shares=found.get(asker, []))


@dataclass(frozen=True, slots=True)
class _Taking:
    """Judges the shares of one answer, by what was read of their devices. ``kept``: by device
    whose shares wait for it."""

    held: ConversationRow
    helper: PersonId
    askers: Mapping[Asker, PlacedLeaf]
    wanted: Mapping[Asker, set[SecretName]]
    owners: Mapping[bytes, bytes]  # Devices, by the id of their key.
    kept: Mapping[bytes, Mapping[bytes, PersonId | None]]

    @classmethod
    async def read(
        cls,
        connection: Transaction,
        held: ConversationRow,
        answers: Mapping[bytes, bytes],
        devices: ListableDevices,
        helper: PersonId,
    ) -> "_Taking":
        """Read what shares for these devices are judged by. Four statements."""
        places = [(held.conversation_id, one) for one in answers]
        return cls(
            held,
            helper,
            await leaves.current_of_devices(connection, places),
            await shares.requested(connection, places),
            await devices.devices_of_keys(
                connection, {one[_RECIPIENT] for one in answers.values()}
            ),
            await shares.helpers(connection, held.conversation_id, answers),
        )

    def check(self, device: bytes, data: bytes) -> tuple[PlacedLeaf, list[bytes]]:
        """Return the leaf of a share's device, and the waiting shares that must go for it. Raises
        NotAsked, RecordInvalid, RateLimited."""
        c = self.held.conversation_id
        asker, wanted = self.askers.get((c, device)), self.wanted.get((c, device), set())
        if asker is None:
            raise errors.NotAsked
        share = _read(data, self.held.kem, c)
        if wanted.isdisjoint(share.names):
            raise errors.NotAsked
        if self.owners.get(share.recipient) != device:
            raise errors.RecordInvalid(rule="H1", reason="sealed to another's key")
        kept = self.kept[device]
        return asker, [] if sha256(data) in kept else _pushed_out(kept, self.helper)


async def _tell(
    connection: Transaction,
    changed: Iterable[tuple[tuple[ConversationId, PersonId], Collection[SecretName]]],
) -> None:
    """Messages under these keys are delivered to these people no more, or now (R9)."""
    places = {
        place
        for place, names in changed
        if any(name.kind == SecretKind.CONVERSATION_KEY for name in names)
    }
    if places:
        await receipts.tell(connection, places)


def _by_asker(asked: Iterable[_LackedSecrets]) -> dict[Asker, set[SecretName]]:
    found: dict[Asker, set[SecretName]] = {}
    for one in asked:
        found.setdefault(one.asker, set()).update(one.names)
    return found


def _lacks(names: Collection[SecretName]) -> list[bytes]:
    return [name.encode() for name in sorted(names)[: wire.SHARE_SECRETS]]


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
