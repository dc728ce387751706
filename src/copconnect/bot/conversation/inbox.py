"""Receiving. Entries of the log are taken in the order of their positions, each with its chain, its
place and its plaintext in one transaction (R8); nothing that is wrong with one entry, its sender or
its key stops those that follow.

- The next position is processed, a lower one is a duplicate, a higher one means that something was
  not pushed: the log is asked.
- A message whose key is missing waits (R9), and is judged again when the key has come.
- A refused message is kept with its cause, shown to no handler, and judged again when its sender's
  records change.
- An opened message lies in the inbox until a handler has finished with it (``dispatch.py``).

A bot follows a conversation from when it could first have seen it: messages signed before are not
answered, even if a server shows them later. A crash repeats what was not stored.
"""

from collections.abc import Callable, Iterable

from msgspec.structs import replace

from copconnect import wire
from copconnect.bot import content
from copconnect.bot.context import LOG, Context
from copconnect.bot.conversation.judging import (
    Entry,
    Judged,
    Keyless,
    Opened,
    accepted_name,
    judge,
    lost_name,
)
from copconnect.bot.conversation.place import Place
from copconnect.bot.conversation.rewinding import is_another_log, rewind
from copconnect.bot.state.rows import (
    AcceptedRow,
    InboxRow,
    LogPlace,
    LogRow,
    PendingRow,
    Profile,
    StateRow,
)
from copconnect.ids import DeviceId, MessageId, PersonId
from copconnect.limits import CLOCK_LEEWAY_MS, LOG_HASHES
from copconnect.records.conversation.message import (
    SIGNED_HEADER_BYTES,
    MessageHeader,
    message_hash,
    next_log_hash,
)
from copconnect.records.primitives.fields import Refused
from copconnect.sealing.messages import open_body

_PAGE = 200
_MOST_REFUSED = 500  # Kept to be judged again.
_MOST_BEGUN = 10  # Pages that a bot goes back in a conversation that is new to it.


class Inbox:
    """Takes entries in. ``on_missing``: a key of a conversation is missing; ``on_message``: a
    message lies in the inbox; ``on_own``: one of the bot's own is in the log."""

    def __init__(
        self,
        context: Context,
        *,
        on_missing: Callable[[Place], None],
        on_message: Callable[[Place], None],
        on_own: Callable[[Place, MessageId, int], None],
    ) -> None:
        self._context = context
        self._stores = context.stores
        self._on_missing = on_missing
        self._on_message = on_message
        self._on_own = on_own

    # --- The log --------------------------------------------------------------------------------

    async def begin(self, place: Place, since_ms: int) -> None:
        """Begin to follow a log with the first entry that the server took at ``since_ms`` or later.
        Inside the lock."""
        if place.row.log is not None:
            return
        page = await self._context.api.log_before(place.id, _PAGE)
        last = page.last_seq
        for _ in range(_MOST_BEGUN):
            oldest = page.entries[0] if page.entries else None
            if oldest is None or oldest.sent_ms < since_ms or not page.more:
                break
            page = await self._context.api.log_before(place.id, _PAGE, oldest.seq)
        hash_, cursor = page.log_hash, page.entries[0].seq - 1 if page.entries else last
        for entry in page.entries:
            if entry.sent_ms >= since_ms:
                break
            hash_, cursor = next_log_hash(hash_, message_hash(entry.message)), entry.seq
        # Earlier entries of the page name epochs that count for later ones (R2); an epoch that
        # nothing proves is a malformed entry's.
        proven = {one.epoch for one in page.proofs}
        named = [_epoch_of(one.message) for one in page.entries if one.seq <= cursor]
        epoch = max((one for one in named if one in proven), default=0)
        with self._stores.transaction():
            place.set(
                log=LogPlace(cursor=cursor, hash=hash_, epoch=epoch),
                begun_ms=since_ms,
                incarnation=self._context.people.incarnation,
            )
            self._put_hash(place, cursor, hash_)
        LOG.info("conversation %s: following from entry %d", place.id, cursor)

    async def receive(
        self, place: Place, entry: wire.LogEntry, supplement: wire.Supplement | None
    ) -> None:
        """Take a pushed entry. Inside the lock."""
        log = place.row.log
        if log is None or entry.seq <= log.cursor:
            return
        if entry.seq != log.cursor + 1 or place.in_doubt:
            await self.catch_up(place)
            return
        if supplement is not None:
            await self._learn(place, supplement.heads, supplement.proofs, supplement.people)
        await self._process(place, [entry], place.knowledge.settled_epoch())

    async def catch_up(self, place: Place) -> None:
        """Take the log from the bot's place to its end. Inside the lock."""
        people = self._context.people
        while (log := place.row.log) is not None:
            if place.row.incarnation < people.incarnation:
                await rewind(self._context, place)
            log = place.row.log or log
            page = await self._context.api.log_after(place.id, log.cursor, _PAGE)
            if is_another_log(log, page):
                await people.ask_incarnation()
                if place.row.incarnation < people.incarnation:
                    continue
                self._context.alarm(f"the log of conversation {place.id} has lost entries")
                place.set(standstill=True)
                return
            if place.row.standstill:
                place.set(standstill=False)
            entries = [one for one in page.entries if one.seq > log.cursor]
            if entries and entries[0].seq > log.cursor + 1:
                # The log was trimmed while the bot was away.
                jumped = replace(log, cursor=entries[0].seq - 1, hash=page.log_hash)
                place.set(log=jumped)
            await self._learn(place, page.heads, page.proofs, [])
            for item in page.keys:
                try:
                    place.keys.learn(item.record, item.seal)
                except Refused:
                    continue
            await self._process(place, entries, 0)
            if not page.more or not entries:
                return

    async def _learn(
        self,
        place: Place,
        heads: Iterable[bytes],
        proofs: list[wire.EpochProof],
        people: list[wire.PersonTrust],
    ) -> None:
        """Take in what comes beside entries; what is wrong is asked for when it is needed."""
        for head in heads:
            try:
                place.take_head(head)
            except Refused:
                continue
        if people:
            await self._context.people.learn(people)
        await place.knowledge.learn_proofs(proofs)

    async def _process(self, place: Place, entries: list[wire.LogEntry], floor: int) -> None:
        waits = False
        for one in entries:
            log = place.row.log
            if log is None:
                return
            entry = Entry(one.seq, one.sent_ms, one.message, max(floor, log.epoch))
            found = await judge(self._context, place, entry)
            own_hash = next_log_hash(log.hash, _hash_of(one.message))
            named = 0 if isinstance(found, Judged) else found.header.epoch
            with self._stores.transaction():
                self._accept(place, entry, found, None)
                self._put_hash(place, entry.position, own_hash)
                epoch = max(log.epoch, named)
                place.set(log=LogPlace(cursor=entry.position, hash=own_hash, epoch=epoch))
            waits = waits or isinstance(found, Keyless)
            self._on_message(place)
        if waits:
            self._on_missing(place)

    def _put_hash(self, place: Place, position: int, hash_: bytes) -> None:
        row = LogRow(position=position, hash=hash_)
        self._stores.log.put(str(position), row, place.id, place=position)
        self._stores.log.delete_below(position - LOG_HASHES + 1, place.id)

    async def take_state(self, place: Place, logged: wire.LogEntry) -> None:
        """Take the newest state message of a conversation that the bot does not follow from there:
        the group's name. One that does not hold is left out; a missing key is asked for."""
        log, profile = place.row.log, place.row.profile
        if log is None or logged.seq > log.cursor:
            return  # The log brings it.
        if profile is not None and profile.seq >= logged.seq:
            return
        entry = Entry(logged.seq, logged.sent_ms, logged.message, 0)
        found = await judge(self._context, place, entry)
        if isinstance(found, Keyless) and found.leaf.may_administer:
            row = StateRow(position=logged.seq, message=logged.message)
            self._stores.states.put(place.id, row)
        elif isinstance(found, Opened) and found.leaf.may_administer:
            self._set_profile(place, logged.seq, found.header, found.plaintext, found.key)

    def missing_state(self, place: Place) -> bytes | None:
        """Return the id of the newest state message if its key is missing."""
        row = self._stores.states.get(place.id)
        return None if row is None else _header_of(row.message).message_id

    def open_state(self, place: Place, message_id: bytes, k: bytes) -> bool:
        """Open the newest state by its k, from a share; return whether it is that message's.
        Raises Refused (R7)."""
        row = self._stores.states.get(place.id)
        if row is None or self.missing_state(place) != message_id:
            return False
        header = _header_of(row.message)
        plaintext = open_body(header, row.message[SIGNED_HEADER_BYTES:], k)
        with self._stores.transaction():
            self._stores.states.delete(place.id)
            self._set_profile(place, row.position, header, plaintext, k)
        return True

    # --- Judged entries -------------------------------------------------------------------------

    def _accept(
        self,
        place: Place,
        entry: Entry,
        found: Opened | Keyless | Judged,
        before: PendingRow | None,
    ) -> None:
        """Take in a judged entry, inside a transaction."""
        if isinstance(found, Judged):
            self._refuse(place, entry, found, before)
            return
        header = found.header
        name = accepted_name(header.sender, header.seq)
        row = AcceptedRow(
            name=name,
            message_id=header.message_id,
            attempt=header.attempt,
            previous=header.previous,
            hash=header.hash(),
            position=entry.position,
        )
        lost = self._stores.accepted.get(lost_name(header.message_id), place.id)
        former = self._stores.accepted.get(name, place.id)
        self._stores.accepted.put(name, row, place.id, place=entry.position)
        if header.epoch > place.row.named_epoch:
            place.set(named_epoch=header.epoch)
        if header.sender == self._context.identity.device and header.seq > place.row.chain_seq:
            place.set(chain=(header.seq, row.hash))  # S7: forgotten by a state of before.
        if isinstance(found, Keyless):
            self._keep(place, entry, header.key_id, found.leaf.person_id, Refused("R9", ""))
            return
        if before is not None:
            self._stores.pending.delete(str(entry.position), place.id)
        if found.alarm:
            self._context.alarm(
                f"conversation {place.id}: {found.leaf.person_id.hex()} was shown another log"
            )
        place.keys.seen(header.key_id, entry.position)
        message_id = MessageId(header.message_id.hex())
        if header.sender == self._context.identity.device:
            self._on_own(place, message_id, entry.position)
        self._take(place, entry, found, again=self._was_opened(place, entry, former, lost))

    def _was_opened(
        self, place: Place, entry: Entry, former: AcceptedRow | None, lost: AcceptedRow | None
    ) -> bool:
        """Return whether a message that comes again had opened in its former place: it was posted
        again, or its position was lost and is back."""
        if former is not None and former.position == entry.position:
            former = None
        before = lost or former
        if before is None:
            return False
        pending = self._stores.pending.get(str(before.position), place.id)
        return pending is None or not pending.key_id

    def _take(self, place: Place, entry: Entry, found: Opened, *, again: bool) -> None:
        decoded = content.decode(found.plaintext)
        if isinstance(decoded, content.State):
            if found.leaf.may_administer:
                at, header = entry.position, found.header
                self._set_profile(place, at, header, found.plaintext, found.key)
            return
        own = found.leaf.person_id == self._context.identity.person
        # A message that was posted again keeps its id, and was handled.
        early = found.header.sent < place.row.begun_ms - CLOCK_LEEWAY_MS
        if own or again or early or decoded is None:
            return
        row = InboxRow(
            conversation_id=place.id,
            position=entry.position,
            sent_ms=entry.sent_ms,
            signed_ms=found.header.sent,
            message_id=MessageId(found.header.message_id.hex()),
            person_id=PersonId(found.leaf.person_id.hex()),
            device=DeviceId(found.leaf.device.hex()),
            plaintext=found.plaintext,
            header_hash=found.header_hash,
            gap=found.gap,
        )
        self._stores.inbox.put(str(entry.position), row, place.id, place=entry.position)

    def _set_profile(
        self, place: Place, position: int, header: MessageHeader, plaintext: bytes, key: bytes
    ) -> None:
        """Take over a state by a device with the admin right; the highest version counts."""
        state, row = content.decode(plaintext), place.row
        if not isinstance(state, content.State) or row.kind == "direct":
            return
        known = row.profile
        if known is not None and (state.version, position) <= (known.version, known.seq):
            return
        profile = Profile(
            version=state.version,
            seq=position,
            title=state.title,
            description=state.description,
            message_id=MessageId(header.message_id.hex()),
            header=header.encode(),
            key=key,
        )
        place.set(profile=profile)

    def _refuse(self, place: Place, entry: Entry, found: Judged, before: PendingRow | None) -> None:
        refusal = found.refusal
        if before is None or before.key_id:
            LOG.warning("conversation %s, entry %d: %s", place.id, entry.position, refusal)
        if "alarm" in refusal.message:
            self._context.alarm(f"conversation {place.id}, entry {entry.position}: {refusal}")
        refused = [one for one in self._stores.pending.all(place.id) if not one.key_id]
        if before is not None or len(refused) < _MOST_REFUSED:
            self._keep(place, entry, b"", found.person, refusal)

    def _keep(
        self, place: Place, entry: Entry, key_id: bytes, person: bytes | None, refusal: Refused
    ) -> None:
        row = PendingRow(
            position=entry.position,
            sent_ms=entry.sent_ms,
            message=entry.message,
            floor=entry.floor,
            key_id=key_id,
            person_id=(person or b"").hex(),
            rule=refusal.rule,
            reason=refusal.message,
        )
        self._stores.pending.put(str(entry.position), row, place.id, place=entry.position)

    # --- What waits -----------------------------------------------------------------------------

    def missing_keys(self, place: Place) -> list[bytes]:
        """Return the ids of keys that waiting messages need."""
        wanted = dict.fromkeys(one.key_id for one in self._stores.pending.all(place.id))
        held = {one: place.keys.find(one) for one in wanted if one}
        return [one for one, key in held.items() if key is None or not key.secret]

    async def keys_came(self, place: Place) -> set[bytes]:
        """Judge again what waits for keys that are here now; return their ids. Inside the lock."""
        here: set[bytes] = set()
        for row in self._stores.pending.all(place.id):
            held = place.keys.find(row.key_id) if row.key_id else None
            if held is not None and held.secret:
                await self._again(place, row)
                here.add(row.key_id)
        return here

    async def people_changed(self, place: Place, people: set[PersonId]) -> None:
        """Judge again what was refused for its sender's records. Inside the lock."""
        for row in self._stores.pending.all(place.id):
            if not row.key_id and (not row.person_id or row.person_id in people):
                await self._again(place, row)

    async def _again(self, place: Place, row: PendingRow) -> None:
        entry = Entry(row.position, row.sent_ms, row.message, row.floor)
        found = await judge(self._context, place, entry)
        with self._stores.transaction():
            self._accept(place, entry, found, row)
        self._on_message(place)


def _header_of(message: bytes) -> MessageHeader:
    return MessageHeader.parse(message[:SIGNED_HEADER_BYTES], "R1")


def _epoch_of(message: bytes) -> int:
    try:
        return _header_of(message).epoch
    except Refused:
        return 0


def _hash_of(message: bytes) -> bytes:
    """Return H(header ‖ signature); of what is too short to have one, nothing that repeats."""
    try:
        return message_hash(message)
    except Refused:
        return bytes(32)
