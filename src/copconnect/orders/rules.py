"""Rules of orders: valid terms, acknowledgements that count, counts up the tree. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from copconnect import errors, wire
from copconnect.ids import ConversationId, MessageId, PersonId, UnitId
from copconnect.limits import CLOCK_LEEWAY_MS
from copconnect.records.conversation.acknowledgement import (
    NOTHING,
    Acknowledgement,
    Told,
    hash_of,
)

MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
LONGEST_MS = 366 * DAY_MS  # An order is valid no longer.
MOST_TEXTS = 64  # An order's own text and those of its corrections.
OVERSEE: wire.Right = "oversee_orders"
ISSUE: Mapping[wire.OrderPriority, wire.Right] = {
    "routine": "issue_routine",
    "urgent": "issue_urgent",
    "flash": "issue_flash",
}
STATES: tuple[wire.OrderState, ...] = (
    "waiting",
    "received",
    "read",
    "acknowledged",
    "unreadable",
)


@dataclass(frozen=True, slots=True)
class KnownOrder:
    """An order as acknowledgements are judged by it. ``header_hash``: of its message."""

    order_id: MessageId
    conversation_id: ConversationId
    seq: int
    header_hash: bytes
    issuer_id: PersonId
    issued_ms: int
    choices: int
    items: int
    answers: bool
    photo: bool
    valid_until_ms: int | None
    withdrawn_ms: int | None
    texts: Mapping[bytes, int]  # H(header ‖ signature) and seq of each text's message.
    asked_seq: int


def packed(texts: Mapping[bytes, int]) -> bytes:
    """Return the texts of an order as its row keeps them: hash (32) and seq (8), one after the
    other."""
    return b"".join(hashed + seq.to_bytes(8) for hashed, seq in texts.items())


def unpacked(data: bytes) -> dict[bytes, int]:
    """Return what :func:`packed` was given."""
    rows = (data[at : at + 40] for at in range(0, len(data), 40))
    return {row[:32]: int.from_bytes(row[32:]) for row in rows}


@dataclass(frozen=True, slots=True)
class OrderReader:
    """A person who belongs to the order's conversation now."""

    person_id: PersonId
    added_ms: int
    history_from_ms: int


def check_terms(terms: wire.OrderTerms, now_ms: int) -> None:
    """Raise OrderInvalid for terms that no order can have."""
    if terms.items and terms.answers:
        # A tick replaces the record, and would take the answer with it.
        raise errors.OrderInvalid(reason="a checklist and a short answer")
    minutes = terms.remind_minutes
    if any(later <= one for one, later in pairwise(minutes)):
        raise errors.OrderInvalid(reason="reminders do not ascend")
    until_ms = terms.valid_until_ms
    if until_ms is None:
        return
    if not now_ms < until_ms <= now_ms + LONGEST_MS:
        raise errors.OrderInvalid(reason="validity is over, or longer than a year")
    last = max([*minutes, terms.escalate_minutes or 0])
    if last and now_ms + last * MINUTE_MS >= until_ms:
        raise errors.OrderInvalid(reason="a reminder comes after the validity")


def next_due(terms: wire.OrderTerms, issued_ms: int, after_ms: int) -> int | None:
    """Return when somebody is to be woken next after a time; None: never again."""
    minutes = [*terms.remind_minutes]
    if terms.escalate_minutes is not None:
        minutes.append(terms.escalate_minutes)
    times = (issued_ms + one * MINUTE_MS for one in minutes)
    return min((one for one in times if one > after_ms), default=None)


def owes(order: KnownOrder, reader: OrderReader | None) -> bool:
    """Return whether a person who belongs now is asked for an acknowledgement: everybody but the
    issuer who can read the order, and who came before its validity ended."""
    if reader is None or reader.person_id == order.issuer_id:
        return False
    in_time = order.valid_until_ms is None or reader.added_ms <= order.valid_until_ms
    return in_time and reader.history_from_ms <= order.issued_ms


@dataclass(frozen=True, slots=True)
class SealedParts:
    """The sealed parts that came with a record, and the hashes by which the person's record that
    counts so far names the ones here."""

    answer: bytes | None
    photo: bytes | None
    kept_answer: bytes = NOTHING
    kept_photo: bytes = NOTHING


def judge(
    record: Acknowledgement, parts: SealedParts, order: KnownOrder, now_ms: int
) -> wire.AcknowledgementOutcome:
    """Return "counted" for a record that can count by what it says, else why not (O1)."""
    named = (
        record.conversation_id.hex() == order.conversation_id
        and record.message_id.hex() == order.order_id
        and record.header_hash == order.header_hash
        and record.text_hash in order.texts
    )
    if not named:
        return "wrong_order"
    # An order with choices asks for one of them; somebody who was told in person chose nothing.
    least = int(order.choices > 0 and record.told == Told.OWN)
    most = 0 if record.told == Told.IN_PERSON else order.choices
    chosen = record.unreadable or least <= record.choice <= most
    if not chosen or record.done >= 1 << order.items:
        return "wrong_choice"
    may_answer = order.answers and record.told == Told.OWN and not record.unreadable
    if not _is_here(record.answer_hash, parts.answer, parts.kept_answer, may=may_answer):
        return "wrong_answer"
    if not _is_here(record.photo_hash, parts.photo, parts.kept_photo, may=order.photo):
        return "wrong_photo"
    return _judge_time(record.created, order, now_ms)


def _is_here(named: bytes, given: bytes | None, kept: bytes, *, may: bool) -> bool:
    """Return whether the server has the sealed part that a record names, if it names one: it came
    with the record, or the record that is replaced names the same."""
    if named == NOTHING:
        return given is None
    return may and named == (kept if given is None else hash_of(given))


def _judge_time(created_ms: int, order: KnownOrder, now_ms: int) -> wire.AcknowledgementOutcome:
    earliest, latest = order.issued_ms - CLOCK_LEEWAY_MS, now_ms + CLOCK_LEEWAY_MS
    if not earliest <= created_ms <= latest:
        return "wrong_time"
    # A device without a connection may send later what it signed in time.
    if order.withdrawn_ms is not None and created_ms > order.withdrawn_ms:
        return "withdrawn"
    if order.valid_until_ms is not None and created_ms > order.valid_until_ms:
        return "too_late"
    return "counted"


@dataclass(frozen=True, slots=True)
class Counted:
    """The record that counts for a person, as far as another one is compared with it."""

    told: bool
    choice: int
    text_seq: int
    created_ms: int
    first_created_ms: int
    first_received_ms: int
    record: bytes

    def beats(self, other: "Counted | None") -> bool:
        """Return whether this one counts rather than another: that of a newer text, then an
        acknowledgement rather than that the person cannot read the order, then the person's own
        rather than what somebody else signed, then the newer one, then whichever has the higher
        bytes, so that the order of arrival never decides."""
        return other is None or _rank(self) > _rank(other)

    def acknowledges(self, asked_seq: int) -> bool:
        """Return whether it acknowledges what the order asks now."""
        return self.text_seq >= asked_seq and self.choice != wire.UNREADABLE


def first_times(new: Counted, former: Counted | None, asked_seq: int) -> tuple[int, int]:
    """Return when a person acknowledged what is asked now, by the first record's word and by the
    server's clock, where ``new`` replaces ``former``: a tick does not move the time. The first
    record's word is the former one's only if the same signed it: the person, or somebody else."""
    if former is None or not former.acknowledges(asked_seq):
        return new.first_created_ms, new.first_received_ms
    created_ms = former.first_created_ms if former.told == new.told else new.first_created_ms
    return created_ms, former.first_received_ms


def _rank(counted: Counted) -> tuple[int, bool, bool, int, bytes]:
    readable = counted.choice != wire.UNREADABLE
    return counted.text_seq, readable, not counted.told, counted.created_ms, counted.record


# --- Counts -----------------------------------------------------------------------------------

OWED, RECEIVED, READ, ACKNOWLEDGED, TOLD, UNREADABLE, PHOTO = range(7)
FIRST_CHOICE = 7  # The place of the first choice's count.


@dataclass(frozen=True, slots=True)
class OrderCount:
    """So many people of a unit have come so far. ``state``: as in STATES; ``items``: how many of
    them have done each item of the checklist."""

    unit_id: UnitId
    state: int
    told: bool
    choice: int
    photo: bool
    people: int
    items: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Tree:
    """The counts of every unit with people who owe, itself and with all below it. ``paths``: of
    units, as cards write them."""

    counted_ms: int
    choices: int
    items: int
    paths: Mapping[UnitId, str]
    own: dict[UnitId, list[int]] = field(default_factory=dict)
    below: dict[UnitId, list[int]] = field(default_factory=dict)

    def of(
        self, unit_id: UnitId | None, seen: Collection[UnitId] | None
    ) -> tuple[list[int], dict[UnitId, list[int]]]:
        """Return the counts of a unit, None being everybody, and of the units below it, people of
        the unit itself under its own id. ``seen``: of people in these units alone; None: all."""
        if seen is not None:
            kept = {unit: counts for unit, counts in self.own.items() if unit in seen}
            narrowed = Tree(self.counted_ms, self.choices, self.items, self.paths, kept)
            narrowed.sum()
            return narrowed.of(unit_id, None)
        parts = {
            unit: counts
            for unit, counts in self.below.items()
            if _parent(self.paths[unit]) == unit_id
        }
        if unit_id is None:
            total = self.zeros()
            for counts in self.own.values():
                _add(total, counts)
            return total, parts
        if unit_id in self.own:
            parts[unit_id] = self.own[unit_id]
        return self.below.get(unit_id, self.zeros()), parts

    def zeros(self) -> list[int]:
        """Return counts of nobody."""
        return [0] * (FIRST_CHOICE + self.choices + self.items)

    def sum(self) -> None:
        """Add the counts of each unit to those above it."""
        for unit, counts in self.own.items():
            for above in self.paths[unit].split("/"):
                _add(self.below.setdefault(UnitId(above), self.zeros()), counts)


def _parent(path: str) -> UnitId | None:
    above = path.split("/")[-2:-1]
    return UnitId(above[0]) if above else None


def _add(total: list[int], counts: list[int]) -> None:
    for at, count in enumerate(counts):
        total[at] += count


def tree(
    standings: Iterable[OrderCount],
    choices: int,
    items: int,
    paths: Mapping[UnitId, str],
    counted_ms: int,
) -> Tree:
    """Count by unit. People of a unit that is not there any more are counted at the top, under
    their unit's id."""
    known = dict(paths)
    found = Tree(counted_ms, choices, items, known)
    first_item = FIRST_CHOICE + choices
    for one in standings:
        known.setdefault(one.unit_id, one.unit_id)
        counts = found.own.setdefault(one.unit_id, found.zeros())
        # An order that cannot be read was received all the same.
        unreadable = one.choice == wire.UNREADABLE
        for at in range(OWED, RECEIVED + 1 if unreadable else one.state + 1):
            counts[at] += one.people
        counts[UNREADABLE] += one.people if unreadable else 0
        counts[TOLD] += one.people if one.told else 0
        counts[PHOTO] += one.people if one.photo else 0
        if 0 < one.choice <= choices:
            counts[FIRST_CHOICE - 1 + one.choice] += one.people
        for item, people in enumerate(one.items):
            counts[first_item + item] += people
    found.sum()
    return found
