"""Conversations, their members, their log. Messages and records are bytes of docs/keys.md.

A conversation's log holds messages and nothing else: ``seq`` counts them from 1 without gaps and is
docs/keys.md's log position. A message's id is the one in its header.
"""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from copconnect.ids import (
    AttachmentId,
    ChangeId,
    ConversationId,
    DeviceId,
    Epoch,
    HoldId,
    KeyId,
    PersonId,
    Seq,
    UnitId,
)
from copconnect.limits import (
    CELL_SIZE,
    HEADER_BYTES,
    LISTED_PEOPLE,
    LISTING_PURPOSE,
    LISTING_TITLE,
    MAX_JOIN_REQUEST_BYTES,
    MAX_MESSAGE_BYTES,
    WAKES,
)
from copconnect.wire.audiences import Audience, Standing
from copconnect.wire.base import HEX16, HEX32, AdminAct, Hex16, Wire
from copconnect.wire.directory import Names, Person
from copconnect.wire.keys import CellKeyItem, KeyItem, ShareReference
from copconnect.wire.orders import OrderChange, OrderTerms
from copconnect.wire.trust import PersonTrust

ConversationKind = Literal["direct", "group", "unit", "announcement"]
WhoMaySend = Literal["everyone", "admins"]
ListedPeople = Annotated[list[Annotated[PersonId, HEX16]], Meta(max_length=LISTED_PEOPLE)]


class CreateConversation(Wire, frozen=True, kw_only=True):
    """Create a conversation. Idempotent by id. ``person_ids`` may name people who have not
    registered yet, and names the caller only in the conversation of a person with oneself.

    A direct conversation's id is that of its two people (R10), its ``history_days`` is None
    (everything). A group's ``history_days`` is 0 or 30: what new members see. Kinds "unit" and
    "announcement" have an ``audience``, 30 days of history and no ``person_ids``; only a person who
    manages groups over all of the audience creates one (``not_allowed``).
    """

    conversation_id: Annotated[ConversationId, HEX16]
    kind: ConversationKind
    person_ids: ListedPeople
    who_may_send: WhoMaySend
    history_days: Annotated[int, Meta(ge=0, le=30)] | None
    audience: Audience | None


class Preferences(Wire, frozen=True, kw_only=True):
    """This person's own settings for a conversation. ``muted_until_ms`` of -1 means always."""

    muted_until_ms: int | None


class RosterState(Wire, frozen=True, kw_only=True):
    """The newest roster head, a stamp on it, and the calling device's leaf ‖ proof under it."""

    head: bytes
    stamp: bytes
    proof: bytes


class LogEntry(Wire, frozen=True, kw_only=True):
    """One message: header ‖ signature ‖ body, which is absent once it was deleted (R11).
    ``sent_ms``: when the server accepted it."""

    conversation_id: ConversationId
    seq: Seq
    sent_ms: int
    message: bytes


class Conversation(Wire, frozen=True, kw_only=True):
    """A conversation as one device of one person sees it."""

    conversation_id: ConversationId
    kind: ConversationKind
    created_by: PersonId | None  # None: the department, by its policy or an operator.
    created_ms: int
    last_seq: Seq
    members: int  # People, registered or not.
    unregistered: int  # Members without a confirmed device.
    devices: int  # Listed under the newest head.
    cells: int
    who_may_send: WhoMaySend
    admin: bool  # Whether the caller is one.
    admins: list[PersonId] | None  # At most 200; None where several conversations are listed.
    audience: Audience | None  # None: its people are chosen by hand.
    standing: Standing | None  # The name that the department gave it; None: a person made it.
    direct_person_id: PersonId | None  # The other person of a direct conversation.
    history_days: int | None
    history_from_ms: int  # The caller's: nothing before it is readable.
    roster: RosterState | None  # None: the calling device is not listed.
    state: LogEntry | None  # The newest state message; None where several are listed.
    state_seq: Seq | None
    delivered_seq: Seq  # The calling device's own, as stored.
    read_seq: Seq  # The caller's, over all their devices, as stored.
    preferences: Preferences
    # Another one whenever anything of this but the last message, the roster and the cursors may be
    # another for the caller. Opaque.
    info_version: str


class Conversations(Wire, frozen=True, kw_only=True):
    conversations: list[Conversation]


class LackedKey(Wire, frozen=True, kw_only=True):
    """A conversation key that some of a person's devices ask for (D4, R9), named by the first 16
    bytes of its id. Messages under it have come to the person up to ``delivered_seq`` alone: as far
    as devices have come that do not ask for it."""

    key: Hex16
    delivered_seq: Seq


class Member(Wire, frozen=True, kw_only=True):
    person_id: PersonId
    admin: bool
    added_ms: int
    history_from_ms: int
    devices: int  # Listed devices of this person.
    registered: bool
    delivered_seq: Seq
    read_seq: Seq
    lacks: list[LackedKey]


class Members(Wire, frozen=True, kw_only=True):
    """``receipts_version``: these cursors are at least as new."""

    members: list[Member]
    next: Annotated[PersonId, HEX16] | None
    receipts_version: int


class ChangeMembers(Wire, frozen=True, kw_only=True):
    """Change who belongs. Admins only, except that anybody may remove themselves (leave).

    Idempotent by ``change_id``. The rows, the new roster head and the refusal of older keys are one
    transaction. ``asked``: nothing changes unless each person in ``add`` has an open request to
    join (``not_found``).
    """

    change_id: Annotated[ChangeId, HEX16]
    add: ListedPeople
    remove: ListedPeople
    make_admin: ListedPeople
    revoke_admin: ListedPeople
    asked: bool = False


class ChangeWhoMaySend(Wire, frozen=True, kw_only=True):
    who_may_send: WhoMaySend


class SetPreferences(Wire, frozen=True, kw_only=True):
    muted_until_ms: int | None


# --- Requests to join -------------------------------------------------------------------------


class GroupListing(Wire, frozen=True, kw_only=True):
    """The words under which people at or below ``unit_id`` find a group. That is the unit of the
    admin who lists the group, or one above it. The server reads them."""

    title: Annotated[str, Meta(min_length=1, max_length=LISTING_TITLE)]
    purpose: Annotated[str, Meta(max_length=LISTING_PURPOSE)]
    unit_id: Annotated[UnitId, Meta(max_length=64)]


class SetListing(Wire, frozen=True, kw_only=True):
    """``listing``: None takes the group off the list, and drops the requests to join it."""

    listing: GroupListing | None


class ListedGroup(Wire, frozen=True, kw_only=True):
    """A listed group as one person sees it. ``admins``: at most 32, to whose devices a reason is
    sealed. ``mine``: the person is an admin of it; ``asked_ms``: an open request of the person's;
    ``refused_ms``: it was refused then, and the person may ask again a day later."""

    conversation_id: ConversationId
    listing: GroupListing
    members: int
    admins: list[PersonId]
    mine: bool
    asked_ms: int | None
    refused_ms: int | None


class JoinRequest(Wire, frozen=True, kw_only=True):
    """A request to join a group, which its admins see. ``sealed``: the reason (F4)."""

    conversation_id: ConversationId
    person_id: PersonId
    asked_ms: int
    sealed: bytes


class Joining(Wire, frozen=True, kw_only=True):
    """The groups that the caller may ask to join or has listed, and the open requests to join
    groups of which the caller is an admin."""

    groups: list[ListedGroup]
    requests: list[JoinRequest]


class AskToJoin(Wire, frozen=True, kw_only=True):
    """Ask to join a listed group. Asked again while it is open, the reason alone changes, and
    nobody is notified."""

    sealed: Annotated[bytes, Meta(min_length=1, max_length=MAX_JOIN_REQUEST_BYTES)]


class RefuseToJoin(Wire, frozen=True, kw_only=True):
    """Refuse a request to join. (An admin who accepts one adds the person.)"""

    person_id: Annotated[PersonId, HEX16]


# --- Rosters ----------------------------------------------------------------------------------


class Head(Wire, frozen=True, kw_only=True):
    """One signed head that is still kept."""

    head: bytes


class AskProofs(Wire, frozen=True, kw_only=True):
    """``epoch`` 0 asks for the newest head."""

    epoch: Epoch
    devices: Annotated[list[Annotated[DeviceId, HEX32]], Meta(max_length=CELL_SIZE)]


class Proofs(Wire, frozen=True, kw_only=True):
    """Leaf ‖ proof of each asked device under ``head``, in the asked order; None: not listed there.
    ``stamp``: of the newest head alone."""

    head: bytes
    stamp: bytes | None
    proofs: list[bytes | None]


class CellLeaves(Wire, frozen=True, kw_only=True):
    """All leaves of the calling device's cell under the newest head (74 bytes each, ascending by
    device), the cell's line, and the line's path."""

    head: bytes
    stamp: bytes
    leaves: bytes
    line: bytes
    path: bytes


# --- Messages ---------------------------------------------------------------------------------


class ConversationExported(Wire, frozen=True, kw_only=True):
    """The contents of a file that a device made of this conversation (docs/export.md): positions of
    the log, messages, and whether their files are in it. ``sha256``: of the file, hex."""

    first: Seq
    last: Seq
    messages: Annotated[int, Meta(ge=0)]
    files: bool
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class SendMessage(Wire, frozen=True, kw_only=True):
    """``state``: the message is the conversation's newest state (name, photo); admins only.
    ``quiet``: it wakes nobody (a vote, a pin); devices show no row for it.
    ``exported``: the message tells of an export, which the audit log records with it.
    ``order``: the message is an order, or changes one; flash orders are for admins only.
    ``wakes``: members whom the message names, whose phones it wakes although they muted the
    conversation. ``everybody``: it wakes all, as a flash order does; for admins, and in small
    groups for each member (M5). A repeat of the same bytes answers what the first answered."""

    message: Annotated[bytes, Meta(min_length=HEADER_BYTES + 80, max_length=MAX_MESSAGE_BYTES)]
    attachment_ids: Annotated[list[Annotated[AttachmentId, HEX16]], Meta(max_length=32)]
    wakes: Annotated[list[Annotated[PersonId, HEX16]], Meta(max_length=WAKES)]
    state: bool
    order: OrderTerms | OrderChange | None
    everybody: bool = False
    quiet: bool = False
    exported: ConversationExported | None = None


class Accepted(Wire, frozen=True, kw_only=True):
    seq: Seq
    sent_ms: int


class SenderChain(Wire, frozen=True, kw_only=True):
    """Header ‖ signature of the calling device's last accepted message here."""

    header: bytes | None


class EpochProof(Wire, frozen=True, kw_only=True):
    """A sender's leaf ‖ proof under the head of an epoch."""

    epoch: Epoch
    proof: bytes


class Supplement(Wire, frozen=True, kw_only=True):
    """The parts that a reader needs beside an entry and may lack: heads, proofs, and people's
    records."""

    heads: list[bytes]
    proofs: list[EpochProof]
    people: list[PersonTrust]


class LogPage(Wire, frozen=True, kw_only=True):
    """Entries ascending, with every head, proof (R2: under the header's head, and under the highest
    that an earlier entry names) and key that they use. ``log_hash``: L before the first entry.
    ``more``: the page was cut (by ``after``: newer ones follow; by ``before``: older ones)."""

    entries: list[LogEntry]
    heads: list[bytes]
    proofs: list[EpochProof]
    keys: list[KeyItem]
    log_hash: bytes
    last_seq: Seq
    more: bool


class StartConversation(Wire, frozen=True, kw_only=True):
    """``entries``: how many of the newest the page has, at most."""

    entries: Annotated[int, Meta(ge=1, le=200)]


class Start(Wire, frozen=True, kw_only=True):
    """All that a device begins to follow a conversation with. ``cell_keys``: every kept key of its
    cell, oldest first. ``asked``: what it lacks to open the page, of which the server asks
    other devices for shares already (D4). ``awaited``: conversation keys that it lacks too, and
    that holders are to seal to its cell (S9)."""

    conversation: Conversation
    page: LogPage
    cell_keys: list[CellKeyItem]
    asked: list[ShareReference]
    awaited: list[Annotated[KeyId, HEX32]]


class ReceiptCount(Wire, frozen=True, kw_only=True):
    """How many have received and read a message, of the people it is for: the members when it was
    sent, registered or not, but its sender. ``phones``: those of them who have a listed
    device, or have received it."""

    seq: Seq
    people: int
    phones: int
    delivered: int
    read: int


class CountedReceipts(Wire, frozen=True, kw_only=True):
    """Counts of messages of the caller's person, newest first."""

    counts: list[ReceiptCount]


# --- Legal holds, which keep messages that the server would delete ------------------------------

HoldReason = Annotated[str, Meta(min_length=1, max_length=500)]


class HoldMessages(AdminAct, frozen=True, kw_only=True):
    """Keep the messages of a conversation, or of all conversations of a person, by order of a court
    or an inquiry: exactly one of the two is given. The signer chooses the id. At ``until_ms`` the
    hold ends without an act. Always needs a second admin."""

    recorded_as: ClassVar = "messages_held"
    always_second: ClassVar = True
    hold_id: Annotated[HoldId, HEX16]
    conversation_id: Annotated[ConversationId, HEX16] | None
    person_id: Annotated[PersonId, HEX16] | None
    case_number: Annotated[str, Meta(min_length=1, max_length=100)]
    reason: HoldReason
    until_ms: Annotated[int, Meta(ge=0, le=2**53 - 1)] | None


class LiftHold(AdminAct, frozen=True, kw_only=True):
    """End a hold; messages that are past their time go with the next cleaning. Always needs a
    second admin."""

    recorded_as: ClassVar = "hold_lifted"
    always_second: ClassVar = True
    hold_id: Annotated[HoldId, HEX16]
    reason: Annotated[str, Meta(max_length=500)]


class LegalHold(Wire, frozen=True, kw_only=True):
    """A hold. ``title``: of a department's conversation; ``by`` and ``second``: the admins who set
    it; ``lifted_by``: the admin who asked for its end; ``in_force``: now."""

    hold_id: HoldId
    conversation_id: ConversationId | None
    title: Names | None
    person: Person | None
    case_number: str
    reason: str
    from_ms: int
    until_ms: int | None
    by: Person | None
    second: Person | None
    lifted_ms: int | None
    lifted_by: Person | None
    in_force: bool


class TitledGroup(Wire, frozen=True, kw_only=True):
    """A conversation of the department with its name."""

    conversation_id: ConversationId
    title: Names


class LegalHolds(Wire, frozen=True, kw_only=True):
    """``groups``: conversations of the department that may be held, ended ones too."""

    holds: list[LegalHold]
    groups: list[TitledGroup]
