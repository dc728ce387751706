"""Every structure that crosses the wire, in one place.

HTTP bodies and WebSocket frames are MessagePack maps of these structs, with camelCase keys
(JSON is accepted and produced too, by Content-Type and Accept, except that binary fields are
base64 there). ``client/src/wire.ts`` is generated from this module by
``python -m copconnect.wire_typescript``; a test fails when the two differ.

Conventions: ids are 32 lowercase hex digits; times are integer milliseconds since 1970 UTC with
the suffix ``_ms``; sizes are bytes; a missing value is ``None``, never a missing key. A field with
a default is one that older apps do not send, or that older log entries lack.
Imports only :mod:`copconnect.ids`.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from copconnect.ids import (
    ApprovalId,
    AttachmentId,
    CellId,
    ChallengeId,
    ClientId,
    ConversationId,
    EntryId,
    Epoch,
    PersonId,
    Seq,
    UnitId,
)

WIRE_VERSION = 1

# Limits that both sides must agree on.
MAX_MESSAGE_BYTES = 256 * 1024  # One PrivateMessage or sealed body.
MAX_HANDSHAKE_BYTES = 2 * 1024 * 1024  # One commit, welcome or group info.
MAX_ATTACHMENT_BYTES = 2 * 1024**3  # Plaintext size.
ATTACHMENT_CHUNK_BYTES = 1024 * 1024  # Plaintext bytes in one chunk; each gains a 16-byte tag.
CELL_SIZE = 256  # Clients in one cell at most: with X25519. A suite may hold fewer (128).
MAX_SEALS_BYTES = 2 * 1024 * 1024  # All seals of one message: 1,700 cells with X-Wing.
MAX_PROOF_BYTES = 4096  # A Merkle proof: 32 bytes for each level of the tree, twice for a range.
SEALED_BYTES = 327  # Header and signature of a sealed message.
MAX_RECORD_BYTES = 1405  # A cell key record with X-Wing; 221 with X25519.

Hex16 = Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
Hex32 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
KeyRecord = Annotated[bytes, Meta(max_length=MAX_RECORD_BYTES)]
Proof = Annotated[bytes, Meta(max_length=MAX_PROOF_BYTES)]
Suite = Annotated[int, Meta(ge=1, le=65535)]  # Number of an MLS cipher suite.
Language = Literal["en", "te", "ur", "hi"]


class Wire(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Base of every wire struct: immutable, keyword-only, camelCase, closed."""


# --- Errors -----------------------------------------------------------------------------------


class ErrorBody(Wire, frozen=True, kw_only=True):
    """What a refused request answers. ``code`` is stable; the texts are English for logs."""

    code: str
    message: str
    remedy: str
    retry: bool
    retry_after_ms: int | None
    details: dict[str, str | int]


# --- Registration (Authentication Service) ----------------------------------------------------


class RequestCode(Wire, frozen=True, kw_only=True):
    """Ask for an OTP. The answer is the same, in content and time, for every number."""

    number: Annotated[str, Meta(max_length=32)]
    language: Language


class CodeRequested(Wire, frozen=True, kw_only=True):
    challenge_id: ChallengeId
    code_length: int
    expires_in_ms: int
    resend_after_ms: int


class SubmitCode(Wire, frozen=True, kw_only=True):
    challenge_id: Hex16
    code: Annotated[str, Meta(max_length=16)]


class SubmitEnrolmentCode(Wire, frozen=True, kw_only=True):
    ticket: Annotated[str, Meta(max_length=128)]
    enrolment_code: Annotated[str, Meta(max_length=32)]


class CheckRegistration(Wire, frozen=True, kw_only=True):
    ticket: Annotated[str, Meta(max_length=128)]


class RegistrationStep(Wire, frozen=True, kw_only=True):
    """What the holder of ``ticket`` must do next. ``refused`` is final."""

    ticket: str
    next: Literal["enrolment_code", "approval", "device", "refused"]
    names: "Names | None"
    expires_in_ms: int


class RegisterClient(Wire, frozen=True, kw_only=True):
    """Ask for a device certificate. Idempotent under retry with the same ticket and key.

    ``proof`` is an Ed25519 signature by the device key over
    ``b"copconnect register v1\\0" + ticket (ASCII) + client id (16) + public key (32)``.
    """

    ticket: Annotated[str, Meta(max_length=128)]
    client_id: Hex16
    signature_public_key: Annotated[bytes, Meta(min_length=32, max_length=32)]
    proof: Annotated[bytes, Meta(min_length=64, max_length=64)]
    label: Annotated[str, Meta(max_length=64)]


class ClientRegistered(Wire, frozen=True, kw_only=True):
    person_id: PersonId
    client_id: ClientId
    certificate: bytes  # DER, X.509, Ed25519, 90 days.
    access_token: str  # Sent as "Authorization: Bearer …".
    trust: "Trust"


class RenewCertificate(Wire, frozen=True, kw_only=True):
    """``proof`` signs ``b"copconnect renew v1\\0" + client id (16) + created_ms (8)``."""

    created_ms: int
    proof: Annotated[bytes, Meta(min_length=64, max_length=64)]


class CertificateRenewed(Wire, frozen=True, kw_only=True):
    certificate: bytes


class Trust(Wire, frozen=True, kw_only=True):
    """What a client needs to judge certificates. ``version`` grows with every change.

    ``root`` is pinned at registration; everything else must verify under it.
    """

    version: int
    root: bytes  # DER.
    issuing: list[bytes]  # DER, issued by the root.
    roster_authority: bytes  # DER, issued by the root; its key signs roster heads and Removes.
    crl: bytes  # DER X.509 CRL, for what all of the issuing CAs issued.


class ClientInfo(Wire, frozen=True, kw_only=True):
    client_id: ClientId
    label: str
    created_ms: int
    last_seen_ms: int | None
    certificate_hash: str  # SHA-256 of the DER, hex.
    certificate_expires_ms: int
    revoked: bool


class Me(Wire, frozen=True, kw_only=True):
    person: "Person"
    client_id: ClientId
    clients: list[ClientInfo]
    conduct_version: str | None  # The version this account accepted, if any.
    conduct_current: str
    unit_admin: bool


class ConductCode(Wire, frozen=True, kw_only=True):
    version: str
    language: Language
    title: str
    rules: list[str]  # Plain sentences, in order.


class AcceptConduct(Wire, frozen=True, kw_only=True):
    version: Annotated[str, Meta(max_length=32)]
    language: Language


class PendingApproval(Wire, frozen=True, kw_only=True):
    approval_id: ApprovalId
    person: "Person"
    requested_ms: int


class PendingApprovals(Wire, frozen=True, kw_only=True):
    approvals: list[PendingApproval]


class DecideApproval(Wire, frozen=True, kw_only=True):
    approve: bool


# --- Roster -----------------------------------------------------------------------------------


class Names(Wire, frozen=True, kw_only=True):
    """A name in the scripts the data bank holds; Telugu may be empty, English never is."""

    en: str
    te: str


class Unit(Wire, frozen=True, kw_only=True):
    unit_id: UnitId
    parent_id: UnitId | None
    level: str  # Code of a Level.
    names: Names


class Level(Wire, frozen=True, kw_only=True):
    """Kind of unit ("state", "commissionerate", "station", …), in order from the top."""

    code: str
    names: Names


class Rank(Wire, frozen=True, kw_only=True):
    code: str
    names: Names
    order: int  # Higher is more senior.


class Role(Wire, frozen=True, kw_only=True):
    code: str
    names: Names


class Directory(Wire, frozen=True, kw_only=True):
    """The organisation without its people. ``version`` serves as ETag."""

    version: str
    units: list[Unit]
    levels: list[Level]
    ranks: list[Rank]
    roles: list[Role]


class Person(Wire, frozen=True, kw_only=True):
    person_id: PersonId
    names: Names
    number: str  # E.164.
    rank: str  # Code of a Rank.
    post: Names  # "SHO, Charminar PS".
    roles: list[str]  # Codes of Roles.
    unit_id: UnitId
    registered: bool
    status: Literal["active", "suspended", "removed"]


class People(Wire, frozen=True, kw_only=True):
    people: list[Person]
    next: str | None  # Pass as ?after= for the next page.
    total: int


class LookUpPeople(Wire, frozen=True, kw_only=True):
    person_ids: Annotated[list[Hex16], Meta(max_length=500)]


# --- Key packages -----------------------------------------------------------------------------


class UploadKeyPackages(Wire, frozen=True, kw_only=True):
    """MLS KeyPackages (RFC 9420 section 10) of one cipher suite. Each claim hands out a one-time
    package once."""

    suite: Suite = 1
    one_time: Annotated[list[Annotated[bytes, Meta(max_length=16384)]], Meta(max_length=100)]
    last_resort: Annotated[bytes, Meta(max_length=16384)] | None


class KeyPackageCount(Wire, frozen=True, kw_only=True):
    suite: Suite
    one_time: int
    last_resort: bool


class KeyPackageCounts(Wire, frozen=True, kw_only=True):
    """What the caller's client has left, for each suite that it should have key packages of: that
    of new conversations, and those of the conversations that its person is in."""

    counts: list[KeyPackageCount]


class ClaimKeyPackages(Wire, frozen=True, kw_only=True):
    """One key package, of the conversation's suite, for each named client in its roster."""

    conversation_id: Hex16
    client_ids: Annotated[list[Hex16], Meta(max_length=CELL_SIZE)]


class ClaimedKeyPackage(Wire, frozen=True, kw_only=True):
    client_id: ClientId
    person_id: PersonId
    key_package: bytes


class ClaimedKeyPackages(Wire, frozen=True, kw_only=True):
    """Clients without any package are left out: they enter by external commit themselves."""

    key_packages: list[ClaimedKeyPackage]


# --- Conversations (Delivery Service) ---------------------------------------------------------

ConversationKind = Literal["direct", "group", "unit", "announcement"]
WhoMayPost = Literal["everyone", "admins"]
EntryKind = Literal["message", "commit", "proposal", "roster", "sealed"]


class CreateConversation(Wire, frozen=True, kw_only=True):
    """Create a conversation. Idempotent by id; a second direct conversation with the same person
    answers the existing one. ``person_ids`` excludes the caller.

    Kinds "unit" and "announcement" have an ``audience`` and no ``person_ids``; the others the other
    way round. Only who administers all of the audience creates one (``not_unit_admin``).
    """

    conversation_id: Hex16
    kind: ConversationKind
    cell_id: Hex16  # Of the first cell.
    person_ids: Annotated[list[Hex16], Meta(max_length=5000)]
    who_may_post: WhoMayPost
    audience: "Audience | None" = None


class Audience(Wire, frozen=True, kw_only=True):
    """Who belongs to a conversation that follows the data bank: everyone, or these units (with
    all units below them when ``deep``). People come and go with their posts."""

    everyone: bool
    unit_ids: Annotated[list[Annotated[UnitId, Meta(max_length=64)]], Meta(max_length=100)]
    deep: bool


class CellInfo(Wire, frozen=True, kw_only=True):
    """``epoch`` is None until the cell has been founded. ``named_epoch``: the roster epoch with
    which the calling client got its place in the conversation, and has had one since; None: it
    has none, or got it before this was kept."""

    cell_id: CellId
    epoch: Epoch | None
    removal_pending: bool
    clients: int
    named_epoch: Epoch | None = None


class Preferences(Wire, frozen=True, kw_only=True):
    """This person's own settings for a conversation. ``muted_until_ms`` of -1 means always."""

    muted_until_ms: int | None
    pinned: bool


class Conversation(Wire, frozen=True, kw_only=True):
    conversation_id: ConversationId
    kind: ConversationKind
    suite: Suite
    created_by: PersonId
    created_ms: int
    last_seq: Seq
    last_message_ms: int | None
    members: int
    who_may_post: WhoMayPost
    admin: bool  # Whether the caller is one.
    admins: list[PersonId] | None  # At most 200; None where several conversations are listed.
    cells: list[CellInfo]  # The caller's own cell; of one cell that one.
    cells_total: int  # More than one: messages are sealed.
    cells_ready: int  # Founded, and with several cells also keyed.
    roster_epoch: Epoch
    audience: Audience | None  # None: its people are chosen by hand.
    direct_person_id: PersonId | None  # The other person of a direct conversation.
    delivered_seq: Seq  # The calling client's own, as stored.
    read_seq: Seq  # The caller's, over all their clients, as stored.
    preferences: Preferences
    # Another one whenever anything of this but ``last_seq``, ``last_message_ms``, ``cells``,
    # ``cells_ready`` and the cursors may be another for the caller. Opaque.
    info_version: str = ""


class Conversations(Wire, frozen=True, kw_only=True):
    conversations: list[Conversation]


class Member(Wire, frozen=True, kw_only=True):
    person_id: PersonId
    admin: bool
    added_ms: int
    delivered_seq: Seq
    read_seq: Seq


class Members(Wire, frozen=True, kw_only=True):
    """``receipts_version``: these cursors are at least as new."""

    members: list[Member]
    next: str | None
    receipts_version: int = 0


class ChangeMembers(Wire, frozen=True, kw_only=True):
    """Change who belongs. Admins only, except that anybody may remove themselves (leave).

    Idempotent by ``change_id``. The DS writes a signed roster head to the log; clients that lose
    their place are removed by the roster authority's external Remove in the same transaction.
    """

    change_id: Hex16
    add: Annotated[list[Hex16], Meta(max_length=5000)]
    remove: Annotated[list[Hex16], Meta(max_length=5000)]
    make_admin: Annotated[list[Hex16], Meta(max_length=5000)]
    revoke_admin: Annotated[list[Hex16], Meta(max_length=5000)]


class ChangePolicy(Wire, frozen=True, kw_only=True):
    who_may_post: WhoMayPost


class RosterLeaf(Wire, frozen=True, kw_only=True):
    """One client that belongs: which cell, whose certificate."""

    cell_id: CellId
    certificate_hash: str
    client_id: ClientId
    person_id: PersonId


class SignedRoster(Wire, frozen=True, kw_only=True):
    """The newest roster head with all its leaves. ``head`` is the byte string of
    docs/protocol.md, "Roster head"; ``certificates`` are the DER of the leaves, in their order."""

    head: bytes
    leaves: list[RosterLeaf]
    certificates: list[bytes]


class RosterChange(Wire, frozen=True, kw_only=True):
    """Payload of a log entry of kind "roster" (MessagePack in ``LogEntry.payload``).

    ``whole``: ``added`` and ``removed`` are all that changed. Otherwise both are empty, and a
    client whose cell is among ``cells`` fetches its cell's roster; the lists of people are then
    filled only for up to 50 people in total, the counts always. Entries written before there were
    several cells have none of ``cells``, ``whole`` and the counts: they are whole.
    """

    head: bytes
    added: list[RosterLeaf]
    removed: list[RosterLeaf]
    added_people: list[PersonId]
    removed_people: list[PersonId]
    made_admin: list[PersonId]
    revoked_admin: list[PersonId]
    by: PersonId | None  # None: the department (a transfer, a suspension).
    # "renewed": a client's certificate was replaced; nobody came or went.
    # "refounded": nobody could commit the cell's Removes; everybody moves to a fresh cell.
    reason: Literal[
        "created",
        "members",
        "left",
        "device_added",
        "device_removed",
        "renewed",
        "refounded",
        "department",
    ]
    # All cells with changed leaves, those that are gone too.
    cells: list[CellId] = msgspec.field(default_factory=list)
    whole: bool = True
    people_added: int = 0
    people_removed: int = 0


class CellRoster(Wire, frozen=True, kw_only=True):
    """The leaves of one cell under the newest head. In the tree's order they are those from index
    ``first`` on; ``proof`` (docs/protocol.md, "Range proof") shows it."""

    head: bytes
    cell_id: CellId
    first: int
    leaves: list[RosterLeaf]
    proof: bytes


class RosterCell(Wire, frozen=True, kw_only=True):
    """One cell as the signed roster has it: how many leaves, the certificate hashes of the first
    and the last of them, and whoever signed the cell's current key: the place among them from 0,
    and the certificate hash. Both are None when there is no key, or its signer is not named for
    the cell any more."""

    cell_id: CellId
    count: int
    first: bytes
    last: bytes
    signer_place: int | None
    signer: bytes | None


class RosterCells(Wire, frozen=True, kw_only=True):
    """All cells of the newest head, in the tree's order, one after another without a gap.
    ``proof`` (docs/protocol.md, "Cells proof") shows the leaves that they name."""

    head: bytes
    cells: list[RosterCell]
    proof: bytes


class RosterHeads(Wire, frozen=True, kw_only=True):
    """Signed heads of consecutive roster epochs, ascending; at most 256, only those kept."""

    heads: list[bytes]


class GroupInfoLease(Wire, frozen=True, kw_only=True):
    """The cell's group info (MLSMessage) and a lease to join it by external commit."""

    epoch: Epoch
    group_info: bytes
    expires_in_ms: int


class UploadCommit(Wire, frozen=True, kw_only=True):
    """A commit that the DS orders if ``epoch`` is the cell's current epoch.

    ``founding``: the first upload for a cell; ``epoch`` is 0 and ``commit`` takes the group from
    0 to 1. ``group_info`` is an MLSMessage(GroupInfo) of the new epoch with external_pub and
    ratchet_tree. Idempotent by ``entry_id``. ``key_record`` is the cell key record of the new
    epoch and ``signer_proof`` the inclusion proof of the committer's leaf under the head of the
    record's roster epoch: both in a conversation of several cells, neither in one of one cell
    (``wrong_mode`` otherwise).
    """

    entry_id: Hex16
    epoch: Epoch
    founding: bool
    commit: Annotated[bytes, Meta(max_length=MAX_HANDSHAKE_BYTES)]
    group_info: Annotated[bytes, Meta(max_length=MAX_HANDSHAKE_BYTES)]
    welcome: Annotated[bytes, Meta(max_length=MAX_HANDSHAKE_BYTES)] | None
    welcome_clients: Annotated[list[Hex16], Meta(max_length=CELL_SIZE)]
    key_record: KeyRecord | None = None
    signer_proof: Proof | None = None


class UploadKeyRecord(Wire, frozen=True, kw_only=True):
    """The cell key record of the cell's current epoch, which has none yet."""

    record: KeyRecord
    signer_proof: Proof


class CellKey(Wire, frozen=True, kw_only=True):
    """A cell's newest key record with what a sender checks it by: the signer's certificate (DER)
    and the inclusion proof of the signer's leaf under the answer's head. The proof is empty when
    that head names the signer for this cell no more: nobody may seal for the key then."""

    cell_id: CellId
    epoch: Epoch
    key_id: bytes
    record: bytes
    certificate: bytes
    signer_proof: bytes


class CellKeys(Wire, frozen=True, kw_only=True):
    """``cells``: all that a message needs a seal for now. ``keys``: the newest record of each of
    the conversation's cells that changed after the asked version. ``version``: ask with it next.
    ``head``: the newest signed roster head."""

    version: int
    head: bytes
    cells: list[CellId]
    keys: list[CellKey]


class Accepted(Wire, frozen=True, kw_only=True):
    """The entry is in the log. A retry of an accepted entry answers the same."""

    seq: Seq
    sent_ms: int
    epoch: Epoch


class PendingWelcome(Wire, frozen=True, kw_only=True):
    """``seq`` is the commit's: the joiner reads the log after it."""

    cell_id: CellId
    epoch: Epoch
    seq: Seq
    welcome: bytes


class PostMessage(Wire, frozen=True, kw_only=True):
    """An application message for one cell: an MLS PrivateMessage. Idempotent by ``entry_id``."""

    entry_id: Hex16
    cell_id: Hex16
    epoch: Epoch
    payload: Annotated[bytes, Meta(min_length=1, max_length=MAX_MESSAGE_BYTES)]
    attachment_ids: Annotated[list[Hex16], Meta(max_length=32)]


class PostSealed(Wire, frozen=True, kw_only=True):
    """A message for every cell (docs/protocol.md, "Sealed messages"). The entry id is the header's
    message id; idempotent by it. ``seals`` are concatenated, ascending by cell id.
    ``sender_proof``: inclusion proof of the sender's leaf under the header's roster head."""

    sealed: Annotated[bytes, Meta(min_length=SEALED_BYTES, max_length=SEALED_BYTES)]
    body: Annotated[bytes, Meta(min_length=1, max_length=MAX_MESSAGE_BYTES)]
    seals: Annotated[bytes, Meta(max_length=MAX_SEALS_BYTES)]
    certificate: Annotated[bytes, Meta(max_length=16384)]
    sender_proof: Proof
    attachment_ids: Annotated[list[Hex16], Meta(max_length=32)]


class SealedPayload(Wire, frozen=True, kw_only=True):
    """Payload of a log entry of kind "sealed" as the members of one cell get it (MessagePack in
    ``LogEntry.payload``). ``seal`` is None while the cell's seal is still to come."""

    sealed: bytes
    seal: bytes | None
    certificate: bytes
    proof: bytes
    body: bytes


class SenderChain(Wire, frozen=True, kw_only=True):
    """The caller's client's last accepted sealed message here: its header's seq, and
    SHA-256(header ‖ signature). 0 and zeros before the first."""

    seq: int
    prev: bytes


class LateSeals(Wire, frozen=True, kw_only=True):
    """Seals of a message for cells that it was not sealed for; in the form of PostSealed."""

    seals: Annotated[bytes, Meta(max_length=MAX_SEALS_BYTES)]


class WantedSeals(Wire, frozen=True, kw_only=True):
    """One of the caller's messages, and the cells that have a key now and still lack a seal."""

    seq: Seq
    cell_ids: list[CellId]


class SealsWanted(Wire, frozen=True, kw_only=True):
    """``later``: the caller's messages that lack the seal of a cell whose key cannot be used now,
    as it has none yet or a Remove is pending: their keys are still needed."""

    wanted: list[WantedSeals]
    later: list[Seq]


class LogEntry(Wire, frozen=True, kw_only=True):
    """One entry of a conversation's log. ``cell_id`` and ``epoch`` are None for entries that
    concern every cell; a sealed one names the cell whose seal it carries. ``sender`` is None for
    the roster authority."""

    conversation_id: ConversationId
    seq: Seq
    kind: EntryKind
    cell_id: CellId | None
    epoch: Epoch | None
    sender: ClientId | None
    entry_id: EntryId
    sent_ms: int
    payload: bytes


class LogPage(Wire, frozen=True, kw_only=True):
    """Entries after the asked seq, ascending; ``more`` when the page was cut."""

    entries: list[LogEntry]
    last_seq: Seq
    more: bool


class ReceiptCount(Wire, frozen=True, kw_only=True):
    """How many have received and read a message, of the people it is for: those with a device who
    belonged when it was sent, but its sender."""

    seq: Seq
    people: int
    delivered: int
    read: int


class CountedReceipts(Wire, frozen=True, kw_only=True):
    """Of messages of the caller's person, newest first."""

    counts: list[ReceiptCount]


class SetPreferences(Wire, frozen=True, kw_only=True):
    muted_until_ms: int | None
    pinned: bool


# --- Attachments ------------------------------------------------------------------------------


class BeginAttachment(Wire, frozen=True, kw_only=True):
    """Reserve space for an encrypted attachment. Idempotent by id.

    ``size`` is the ciphertext's: plaintext + 16 for each chunk. Chunk i is PUT to
    ``/v1/attachments/{id}/chunks/{i}``; all but the last are ATTACHMENT_CHUNK_BYTES + 16.
    """

    attachment_id: Hex16
    conversation_id: Hex16
    size: Annotated[int, Meta(ge=16, le=MAX_ATTACHMENT_BYTES + 16 * 2049)]


class AttachmentStatus(Wire, frozen=True, kw_only=True):
    attachment_id: AttachmentId
    size: int
    chunks: int
    received: list[int]  # Indexes that are stored, so that an upload can resume.
    complete: bool


class ShareAttachment(Wire, frozen=True, kw_only=True):
    """Let the members of another conversation fetch it too (forwarding)."""

    conversation_id: Hex16


class Usage(Wire, frozen=True, kw_only=True):
    """The caller's attachment quota, bytes in the current day."""

    used: int
    limit: int


# --- WebSocket /v1/socket: MessagePack frames, tagged by "t" -----------------------------------


class Frame(msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag_field="t"):
    """Base of every WebSocket frame; the tag is the class name in snake case."""


class Position(Wire, frozen=True, kw_only=True):
    """How far a client has come in a conversation."""

    conversation_id: Hex16
    seq: Seq


class Hello(Frame, frozen=True, kw_only=True, tag="hello"):
    """First frame of a client. Anything else first, or a bad token, closes with 4401.

    ``positions`` may leave conversations out: those are fetched from the log, as ever.
    """

    version: int
    access_token: Annotated[str, Meta(max_length=200)]
    positions: Annotated[list[Position], Meta(max_length=1000)] = []


class CursorUpdate(Wire, frozen=True, kw_only=True):
    conversation_id: Hex16
    delivered_seq: Seq
    read_seq: Seq


class Cursors(Frame, frozen=True, kw_only=True, tag="cursors"):
    """How far this client has come; never goes back. Coalesced on both sides."""

    updates: Annotated[list[CursorUpdate], Meta(max_length=1000)]


class ConversationHead(Wire, frozen=True, kw_only=True):
    """``follows``: whatever comes after the client's position follows on this socket, so the log
    need not be asked. Else everything up to ``last_seq`` is fetched from the log.

    The rest says what need not be asked either: ``info_version`` as in Conversation (empty: of an
    older server, which says nothing), ``receipts_version`` as in Members, and the cursors that are
    stored as in Conversation."""

    conversation_id: ConversationId
    last_seq: Seq
    follows: bool = False
    info_version: str = ""
    receipts_version: int = 0
    delivered_seq: Seq = Seq(0)
    read_seq: Seq = Seq(0)


class Ready(Frame, frozen=True, kw_only=True, tag="ready"):
    """Answer to Hello: where every conversation of this client stands. ``me_version`` is another
    one whenever the devices of this person or their acceptance of the code of conduct are others;
    empty: of an older server, which says nothing."""

    server_time_ms: int
    trust_version: int
    directory_version: str
    heads: list[ConversationHead]
    me_version: str = ""


class EntryFrame(Frame, frozen=True, kw_only=True, tag="entry"):
    entry: LogEntry


class ConversationFrame(Frame, frozen=True, kw_only=True, tag="conversation"):
    """The conversation is new to this client or its state changed: fetch it again."""

    conversation_id: ConversationId


class ConversationGone(Frame, frozen=True, kw_only=True, tag="gone"):
    conversation_id: ConversationId


class Receipt(Wire, frozen=True, kw_only=True):
    person_id: PersonId
    delivered_seq: Seq
    read_seq: Seq


class Receipts(Frame, frozen=True, kw_only=True, tag="receipts"):
    """How far these people have come. ``receipts_version`` grows by one with each."""

    conversation_id: ConversationId
    receipts: list[Receipt]
    receipts_version: int = 0


class ReceiptCounts(Frame, frozen=True, kw_only=True, tag="receipt_counts"):
    """To the devices of whoever sent these messages, in conversations of more people than
    Receipts are told of: what has changed of the newest 8."""

    conversation_id: ConversationId
    counts: list[ReceiptCount]


class Duty(Frame, frozen=True, kw_only=True, tag="duty"):
    """The DS asks this client to commit the cell's pending Removes."""

    conversation_id: ConversationId
    cell_id: CellId


class SealWanted(Frame, frozen=True, kw_only=True, tag="seal_wanted"):
    """A cell got a key, and messages of this client lack its seal: send late seals."""

    conversation_id: ConversationId
    cell_id: CellId


class LateSeal(Frame, frozen=True, kw_only=True, tag="late_seal"):
    """The seal of this client's cell for an earlier entry."""

    conversation_id: ConversationId
    seq: Seq
    seal: bytes


class AccountFrame(Frame, frozen=True, kw_only=True, tag="account"):
    """Something about this account changed. ``signed_out`` is followed by a close with 4403."""

    event: Literal["clients", "trust", "directory", "approvals", "signed_out"]


ClientFrame = Hello | Cursors
ServerFrame = (
    Ready
    | EntryFrame
    | ConversationFrame
    | ConversationGone
    | Receipts
    | ReceiptCounts
    | Duty
    | SealWanted
    | LateSeal
    | AccountFrame
)

# Close codes of the socket.
CLOSE_UNAUTHENTICATED = 4401
CLOSE_SIGNED_OUT = 4403
CLOSE_CONDUCT_NOT_ACCEPTED = 4406  # Accept the code of conduct, then connect again.
CLOSE_REPLACED = 4409  # This device has connected anew; do not come back for it.
CLOSE_TOO_SLOW = 4408  # The reader fell behind; reconnect and catch up from the log.
CLOSE_BAD_FRAME = 4400
CLOSE_RESTART = 1012  # The server restarts; reconnect.
CLOSE_TRY_AGAIN = 1013  # The server cannot answer now; reconnect.
