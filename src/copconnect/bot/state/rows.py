"""The rows of the state file, each a struct; ``stores.py`` says which lies where. Pure."""

import msgspec

from copconnect import wire
from copconnect.ids import ClientId, ConversationId, DeviceId, MessageId, PersonId


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every row: immutable; ``msgspec.structs.replace`` makes another."""


class RegistrationRow(Row, frozen=True, kw_only=True):
    """A registration under way: the key is stored before it is sent, so that a lost answer is
    asked for again with the same key."""

    ticket: str
    client_id: ClientId
    private_key: bytes


class AccountRow(Row, frozen=True, kw_only=True):
    """The bot's identity. ``pinned_root``: DER; ``departments``: every department record that was
    ever taken, ascending; ``incarnation``: the highest Incarnation that was taken."""

    server: str
    person_id: PersonId
    client_id: ClientId
    device: DeviceId
    private_key: bytes
    access_token: str
    token_expires_ms: int
    certificate: bytes
    registered_ms: int
    pinned_root: bytes
    trust: wire.Trust
    departments: list[bytes]
    once_key: bytes  # Makes message ids from what a program calls a message.
    incarnation: bytes | None = None
    me_version: str = ""
    connected_ms: int = 0  # When the last connection was known to stand; server's time.


class TimeRow(Row, frozen=True, kw_only=True):
    """The highest time that the roster authority has signed for this bot (T1)."""

    highest_ms: int


class OwnKeyRow(Row, frozen=True, kw_only=True):
    """A DeviceKey of this bot; ``private_key`` is empty once it is destroyed (K1)."""

    key_id: bytes
    kem: int
    generation: int
    created_ms: int
    record: bytes
    private_key: bytes
    published: bool
    former_since_ms: int | None


class PersonRow(Row, frozen=True, kw_only=True):
    """The verified records of one person. ``keys_version``: the version when keys were asked."""

    person_id: PersonId
    version: int = 0
    keys_version: int = 0
    devices: list[bytes] = []
    certificates: list[bytes] = []
    cards: list[bytes] = []
    endorsements: list[bytes] = []
    grants: list[bytes] = []
    revocations: list[bytes] = []
    keys: list[bytes] = []


class LogPlace(Row, frozen=True, kw_only=True):
    """How far the log was taken, L there, and the highest epoch that an accepted entry named."""

    cursor: int
    hash: bytes
    epoch: int


class Profile(Row, frozen=True, kw_only=True):
    """The newest state message of a conversation, with what proves and opens it."""

    version: int
    seq: int
    title: str
    description: str
    message_id: MessageId
    header: bytes
    key: bytes


class StateRow(Row, frozen=True, kw_only=True):
    """A conversation's newest state message, checked but for its key, which is asked for."""

    position: int
    message: bytes


class ConversationRow(Row, frozen=True, kw_only=True):
    """A conversation as the bot knows it. ``log``: None until the bot follows it;
    ``begun_ms``: messages signed earlier are none of the bot's."""

    conversation_id: ConversationId
    kind: wire.ConversationKind
    listed: bool
    name: str
    direct_person_id: PersonId | None
    may_post: bool
    cells: int
    members: int
    info_version: str
    head_epoch: int = 0
    named_epoch: int = 0
    history_from_ms: int = 0
    log: LogPlace | None = None
    begun_ms: int = 0
    chain_seq: int = 0
    chain_hash: bytes = bytes(32)
    alarm: str = ""
    standstill: bool = False  # The log has lost entries without an Incarnation (S8).
    incarnation: int = 0  # Under which the bot has compared the log last.
    profile: Profile | None = None


class HeadRow(Row, frozen=True, kw_only=True):
    """A checked roster head."""

    head: bytes


class KeyRow(Row, frozen=True, kw_only=True):
    """A conversation key. ``secret`` is empty where the bot lacks S; ``first_seq``: 0 if unused."""

    record: bytes
    secret: bytes
    author_proof: bytes = b""
    first_seq: int = 0


class CellKeyRow(Row, frozen=True, kw_only=True):
    """A key of the bot's own cell. ``secret`` is empty where the bot lacks C."""

    record: bytes
    secret: bytes


class CellTableRow(Row, frozen=True, kw_only=True):
    """The server's last answer about the keys of all cells: (record, author's proof) by cell."""

    version: int
    keys: list[tuple[bytes, bytes]]


class AcceptedRow(Row, frozen=True, kw_only=True):
    """The link of an accepted message in its sender's chain (R5). ``name``: the row's."""

    name: str
    message_id: bytes
    attempt: int
    previous: bytes
    hash: bytes
    position: int


class LogRow(Row, frozen=True, kw_only=True):
    """L at a position."""

    position: int
    hash: bytes


class PendingRow(Row, frozen=True, kw_only=True):
    """An entry that shows nothing yet: its key is missing (R9), or it was refused by ``rule``."""

    position: int
    sent_ms: int
    message: bytes
    floor: int
    key_id: bytes  # Empty: refused.
    person_id: str
    rule: str
    reason: str


class InboxRow(Row, frozen=True, kw_only=True):
    """A message that was opened and that no handler has finished with."""

    conversation_id: ConversationId
    position: int
    sent_ms: int
    signed_ms: int
    message_id: MessageId
    person_id: PersonId
    device: DeviceId
    plaintext: bytes
    header_hash: bytes = b""  # H(header ‖ signature), which acknowledgements name.
    tries: int = 0
    gap: bool = False
    failed: str = ""


class OutgoingRow(Row, frozen=True, kw_only=True):
    """A message on its way. ``signed``: a PostMessage, whose bytes are repeated until they are
    refused (S5); ``key``: the PostKey that must go before it."""

    message_id: MessageId
    conversation_id: ConversationId
    order: int
    content: bytes
    attachment_ids: list[str]
    attempt: int = 0
    signed: bytes = b""
    key: bytes = b""
    state: bool = False


class OnceRow(Row, frozen=True, kw_only=True):
    """A message id that was used: what a program calls the same is not posted again. ``code``: why
    the message was given up; ``seq``: its place in the log, 0 while on its way."""

    message_id: MessageId
    seq: int = 0
    code: str = ""
    header_hash: bytes = b""  # H(header ‖ signature) of the message that was accepted.


class UploadRow(Row, frozen=True, kw_only=True):
    """An attachment that is not posted yet; its sealed chunks are ``ChunkRow``s."""

    attachment_id: str
    size: int
    chunks: int
    begun: bool = False


class ChunkRow(Row, frozen=True, kw_only=True):
    """One sealed chunk."""

    sealed: bytes


class AlarmRow(Row, frozen=True, kw_only=True):
    """Something that people must hear of: a fork of a roster or log, a device nobody endorsed."""

    at_ms: int
    text: str


class ComparisonRow(Row, frozen=True, kw_only=True):
    """The bot's half of a comparison of digits (E3); stored before it is sent, used once."""

    confirmation_id: str
    commitment: bytes
    endorser: DeviceId
    answer: bytes
