"""Whether an entry of the log may be taken: R1 to R7, R9 and R10 over what the state file holds.

Here what the checks look at is gathered, from the state file first, from the server where something
is missing; ``copconnect.sealing.receiving.check_message`` judges. A record that the server does not
have refuses the entry; without network gathering raises Unreachable and the entry is judged later.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from copconnect.bot.context import Context
from copconnect.bot.conversation.place import Place
from copconnect.records.conversation.message import (
    LOG_START,
    SIGNED_HEADER_BYTES,
    ChainLink,
    MessageHeader,
    check_chain,
)
from copconnect.records.conversation.roster import Leaf
from copconnect.records.primitives.fields import Refused
from copconnect.sealing.messages import body_key
from copconnect.sealing.receiving import check_message

LOST = "lost/"


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry on its way through the checks. ``floor``: the highest epoch that the sender must be
    listed under, beside the header's (R2)."""

    position: int
    sent_ms: int
    message: bytes
    floor: int


@dataclass(frozen=True, slots=True)
class Opened:
    """A message that passed; ``alarm``: its sender saw another log (R4); ``gap``: R5."""

    header: MessageHeader
    header_hash: bytes
    leaf: Leaf
    plaintext: bytes
    key: bytes  # Its k.
    gap: bool
    alarm: bool


@dataclass(frozen=True, slots=True)
class Keyless:
    """Everything but the key is right: it waits (R9)."""

    header: MessageHeader
    leaf: Leaf
    gap: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """An entry that was refused. ``person``: its sender, where that is proven."""

    refusal: Refused
    person: bytes | None


def accepted_name(sender: bytes, seq: int) -> str:
    """Return the name of a row of accepted messages."""
    return f"{sender.hex()}/{seq}"


def lost_name(message_id: bytes) -> str:
    """Return the name of the row of a message whose position a restored server has lost."""
    return f"{LOST}{message_id.hex()}"


class Holding:
    """The ``Held`` of ``copconnect.sealing.receiving``, for one header."""

    def __init__(self, context: Context, place: Place, entry: Entry) -> None:
        self._stores = context.stores
        self._place = place
        self._entry = entry
        self._seq = MessageHeader.parse(entry.message[:SIGNED_HEADER_BYTES], "R1").seq

    def floor(self, _position: int) -> int:
        return self._entry.floor

    def accepted(self, sender: bytes) -> Mapping[int, ChainLink]:
        found: dict[int, ChainLink] = {}
        seq = self._seq
        for at in (seq - 1, seq, seq + 1):
            row = self._stores.accepted.get(accepted_name(sender, at), self._place.id)
            # The very entry, judged again once its key has come, is no other message.
            if row is not None and not (at == seq and row.position == self._entry.position):
                found[at] = ChainLink(row.message_id, row.attempt, row.previous, row.hash)
        return found

    def log_hash(self, position: int) -> bytes | None:
        if position == 0:
            return LOG_START
        row = self._stores.log.get(str(position), self._place.id)
        return None if row is None else row.hash

    def secret(self, key_id: bytes) -> bytes | None:
        held = self._place.keys.find(key_id)
        return held.secret or None if held is not None else None

    def body_key(self, _message_id: bytes) -> bytes | None:
        return None


async def judge(context: Context, place: Place, entry: Entry) -> Opened | Keyless | Judged:
    """Judge an entry; a sender whom a rule refuses is asked about anew, once a minute. Raises what
    the API raises. Inside the conversation's lock."""
    first = await _judge_once(context, place, entry)
    if not isinstance(first, Judged) or first.refusal.rule != "R2" or first.person is None:
        return first
    renewed = await context.people.renew(first.person)
    return await _judge_once(context, place, entry) if renewed else first


async def _judge_once(context: Context, place: Place, entry: Entry) -> Opened | Keyless | Judged:
    person: bytes | None = None
    try:
        header = MessageHeader.parse(entry.message[:SIGNED_HEADER_BYTES], "R1")
        knowledge = place.knowledge
        under = max(header.epoch, entry.floor)
        await knowledge.head(header.epoch)
        await knowledge.head(under)
        leaf, _ = await knowledge.leaf(under, header.sender, "R2")
        person = leaf.person_id
        await context.people.confirmed(person, header.sender, header.sent, "R2")
        held = await place.keys.fetch(header.key_id)
        knowledge.view.add_record(held.row.record)
        await knowledge.head(held.record.epoch)
        holding = Holding(context, place, entry)
        now = context.time.best_now()
        try:
            found = check_message(knowledge.view, holding, entry.message, entry.position, now)
        except Refused as refused:
            if refused.rule != "R9":
                raise
            return Keyless(header, leaf, check_chain(header, holding.accepted(header.sender)))
        key = body_key(header, held.secret)
        alarm = found.alarm
        return Opened(header, found.header_hash, leaf, found.plaintext, key, found.gap, alarm)
    except Refused as refused:
        return Judged(refused, person)
