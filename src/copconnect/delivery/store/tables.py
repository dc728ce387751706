"""Tables of the Delivery Service.

Ids of people, clients, conversations, cells and messages are 32 hex digits; devices, hashes and key
ids are bytes. Leaves and cell lines are intervals of roster epochs (``to_epoch`` is exclusive;
NULL: current), so that a leaf can be proven under every head that is kept.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    text,
)

from copconnect.database.engine import METADATA

_Id = String(32)
_Hash = LargeBinary(32)

CONVERSATIONS = Table(
    "conversations",
    METADATA,
    Column("conversation_id", _Id, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("created_by", _Id),  # None: the department.
    Column("created_ms", BigInteger, nullable=False),
    Column("who_may_send", String(16), nullable=False),
    Column("history_days", Integer),  # None: new members read everything.
    Column("direct_people", String(65)),  # The two of a direct conversation, by ":".
    # The log.
    Column("last_seq", BigInteger, nullable=False),
    Column("last_message_ms", BigInteger),
    Column("log_hash", _Hash, nullable=False),  # L of last_seq.
    Column("named_epoch", BigInteger, nullable=False),  # The highest that a message names (R2).
    Column("state_seq", BigInteger),  # The seq of the newest state message.
    # People: the members, and the members that have a listed device.
    Column("members", Integer, nullable=False),
    Column("listed_people", Integer, nullable=False),
    Column("info_number", BigInteger, nullable=False),  # Grows with what rules.versions names.
    # The roster.
    Column("kem", Integer, nullable=False),
    Column("roster_epoch", BigInteger, nullable=False),
    Column("rekey_epoch", BigInteger, nullable=False),
    Column("head", LargeBinary, nullable=False),
    Column("head_hash", _Hash, nullable=False),
    Column("head_ms", BigInteger, nullable=False),
    Column("devices", Integer, nullable=False),
    Column("cells", Integer, nullable=False),
    Index(None, "created_by", "created_ms"),
    Index(None, "last_message_ms"),
    Index(None, "head_ms"),
)

# Former members stay, so that the return is known (history_from) and receipts count who belonged.
MEMBERS = Table(
    "members",
    METADATA,
    Column("conversation_id", _Id, primary_key=True),
    Column("person_id", _Id, primary_key=True),
    Column("admin", Boolean, nullable=False),
    Column("added_ms", BigInteger, nullable=False),
    Column("added_by", _Id),  # None: a rule of the data bank.
    Column("history_from_ms", BigInteger, nullable=False),
    Column("removed_ms", BigInteger),  # None: belongs now.
    Column("removed_by", _Id),  # The person themselves: left. None: a rule, or belongs now.
    Column("muted_until_ms", BigInteger),
    Index(None, "person_id"),
    Index(
        "ix_members_admins",
        "conversation_id",
        "person_id",
        sqlite_where=text("admin"),
        postgresql_where=text("admin"),
    ),
)

# Legal holds (log/holding.py), each on a conversation or on a person; former ones stay.
LEGAL_HOLDS = Table(
    "legal_holds",
    METADATA,
    Column("hold_id", _Id, primary_key=True),
    Column("conversation_id", _Id),
    Column("person_id", _Id),
    Column("case_number", String(100), nullable=False),
    Column("reason", String(500), nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger),  # None: until it is lifted.
    # A held person's memberships that ended before do not count.
    Column("members_from_ms", BigInteger, nullable=False),
    Column("set_by", _Id, nullable=False),
    Column("second_by", _Id),
    Column("lifted_ms", BigInteger, index=True),  # None: it may be in force.
    Column("lifted_by", _Id),
)

# Answers by change_id, so that a repeat changes nothing.
MEMBER_CHANGES = Table(
    "member_changes",
    METADATA,
    Column("conversation_id", _Id, primary_key=True),
    Column("change_id", _Id, primary_key=True),
    Column("person_id", _Id, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Column("left", Boolean, nullable=False),  # The person removed themselves.
    Index(None, "person_id", "changed_ms"),
    Index(None, "changed_ms"),
)

LEAVES = Table(
    "leaves",
    METADATA,
    Column("conversation_id", _Id, primary_key=True),
    Column("device", _Hash, primary_key=True),
    Column("from_epoch", BigInteger, primary_key=True),
    Column("to_epoch", BigInteger),
    Column("client_id", _Id, nullable=False),
    Column("person_id", _Id, nullable=False),
    Column("cell_id", _Id, nullable=False),
    Column("history_from_ms", BigInteger, nullable=False),
    Column("rights", SmallInteger, nullable=False),
    # No index begins with conversation and to_epoch: SQLite would take it, and read a whole
    # conversation to find a few people or cells.
    Index("ix_leaves_cell", "conversation_id", "cell_id", "to_epoch"),
    Index(
        "ix_leaves_client",
        "client_id",
        sqlite_where=text("to_epoch IS NULL"),
        postgresql_where=text("to_epoch IS NULL"),
    ),
    # Leaves that may issue orders: few. The condition is that of leaves.issuers.
    Index(
        "ix_leaves_issuer",
        "conversation_id",
        sqlite_where=text("rights >= 4 AND to_epoch IS NULL"),
        postgresql_where=text("rights >= 4 AND to_epoch IS NULL"),
    ),
    Index(
        "ix_leaves_person",
        "person_id",
        "conversation_id",
        sqlite_where=text("to_epoch IS NULL"),
        postgresql_where=text("to_epoch IS NULL"),
    ),
)

CELL_LINES = Table(
    "cell_lines",
    METADATA,
    Column("conversation_id", _Id, primary_key=True),
    Column("cell_id", _Id, primary_key=True),
    Column("from_epoch", BigInteger, primary_key=True),
    Column("to_epoch", BigInteger),
    Column("devices", Integer, nullable=False),
    Column("rekey_epoch", BigInteger, nullable=False),
    Column("root", _Hash, nullable=False),
    Column("latest_history_ms", BigInteger, nullable=False),  # The highest of its leaves.
    Index(None, "conversation_id", "to_epoch"),
)

HEADS = Table(
    "heads",
    METADATA,
    Column("conversation_id", _Id, primary_key=True),
    Column("epoch", BigInteger, primary_key=True),
    Column("head", LargeBinary, nullable=False),
    Column("hash", _Hash, nullable=False),
    Column("created_ms", BigInteger, nullable=False, index=True),
)

KEYS = Table(
    "conversation_keys",
    METADATA,
    Column("conversation_id", _Id, primary_key=True),
    Column("key_id", _Hash, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),  # As its record says.
    Column("stored_ms", BigInteger, nullable=False, index=True),
    Column("author", _Hash, nullable=False),
    Column("author_person", _Id, nullable=False),
    Column("free", Boolean, nullable=False),  # Not one of its author's three a day (D2).
    Column("kem", Integer, nullable=False),  # The KEM of its seals.
    Column("record", LargeBinary, nullable=False),
    Column("seals", LargeBinary, nullable=False),
    Column("messages", Integer, nullable=False),
    Column("last_seq", BigInteger),  # The seq of the newest message under it.
    Index(None, "conversation_id", "epoch", "created_ms"),
    Index(None, "author_person", "stored_ms"),
)

# Devices that were asked for the next conversation key (D7).
KEY_ASKS = Table(
    "key_asks",
    METADATA,
    Column("conversation_id", _Id, primary_key=True),
    Column("device", _Hash, primary_key=True),
    Column("asked_ms", BigInteger, nullable=False, index=True),
)

CELL_KEYS = Table(
    "cell_keys",
    METADATA,
    Column("conversation_id", _Id, primary_key=True),
    Column("key_id", LargeBinary(16), primary_key=True),
    Column("cell_id", _Id, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("stored_ms", BigInteger, nullable=False),
    Column("author", _Hash, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("kem", Integer, nullable=False),
    Column("record", LargeBinary, nullable=False),
    Column("seals", LargeBinary, nullable=False),
    UniqueConstraint("conversation_id", "cell_id", "epoch", "generation"),
    Index(None, "conversation_id", "stored_ms"),
    Index(None, "created_ms"),
)

# Devices that were asked for a cell's next key (C1): records of others are refused.
CELL_KEY_ASKS = Table(
    "cell_key_asks",
    METADATA,
    Column("conversation_id", _Id, primary_key=True),
    Column("cell_id", _Id, primary_key=True),
    Column("epoch", BigInteger, primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("device", _Hash, primary_key=True),
    Column("asked_ms", BigInteger, nullable=False, index=True),
)

# People with a device that cannot open a cell's key (C2).
CELL_KEY_FLAGS = Table(
    "cell_key_flags",
    METADATA,
    Column("conversation_id", _Id, primary_key=True),
    Column("key_id", LargeBinary(16), primary_key=True),
    Column("person_id", _Id, primary_key=True),
    Column("flagged_ms", BigInteger, nullable=False, index=True),
)

# Late seals of conversation keys to cell keys (S9), one for each pair.
LATE_SEALS = Table(
    "late_seals",
    METADATA,
    Column("conversation_id", _Id, primary_key=True),
    Column("key_id", _Hash, primary_key=True),
    Column("cell_key_id", LargeBinary(16), primary_key=True),
    Column("seal", LargeBinary, nullable=False),
    Column("stored_ms", BigInteger, nullable=False, index=True),
)

# Devices that were asked to seal a conversation key to a cell key (S9): no other may.
LATE_SEAL_ASKS = Table(
    "late_seal_asks",
    METADATA,
    Column("conversation_id", _Id, primary_key=True),
    Column("key_id", _Hash, primary_key=True),
    Column("cell_key_id", LargeBinary(16), primary_key=True),
    Column("device", _Hash, primary_key=True),
    Column("asked_ms", BigInteger, nullable=False, index=True),
)

# Secrets that a device lacks, until it says that they opened (D4). No other helper is asked for one
# before ``helped_until_ms``.
SHARE_REQUESTS = Table(
    "share_requests",
    METADATA,
    Column("conversation_id", _Id, primary_key=True),
    Column("device", _Hash, primary_key=True),
    Column("kind", SmallInteger, primary_key=True),
    Column("reference", LargeBinary(16), primary_key=True),
    Column("client_id", _Id, nullable=False),
    Column("person_id", _Id, nullable=False),
    Column("asked_ms", BigInteger, nullable=False, index=True),
    Column("helped_until_ms", BigInteger, nullable=False),
    Index(None, "client_id"),
)

# Key shares on their way to a device.
SHARES = Table(
    "shares",
    METADATA,
    Column("conversation_id", _Id, primary_key=True),
    Column("device", _Hash, primary_key=True),
    Column("share_hash", _Hash, primary_key=True),
    Column("client_id", _Id, nullable=False),
    Column("helper", _Hash, nullable=False),  # The device that shares.
    Column("share", LargeBinary, nullable=False),
    Column("created_ms", BigInteger, nullable=False, index=True),
    Index(None, "client_id"),
)

LOG = Table(
    "log_entries",
    METADATA,
    Column("conversation_id", _Id, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("message_id", _Id, nullable=False),
    Column("device", _Hash, nullable=False),
    Column("person_id", _Id, nullable=False),
    Column("sent_ms", BigInteger, nullable=False, index=True),  # When it was accepted.
    Column("epoch", BigInteger, nullable=False),  # The epoch of the header's head.
    Column("named_epoch", BigInteger, nullable=False),  # The highest up to and with this one.
    Column("key_id", _Hash, nullable=False),
    Column("header_hash", _Hash, nullable=False),
    Column("before_hash", _Hash, nullable=False),  # L of the seq before, which may be trimmed.
    Column("message", LargeBinary, nullable=False),
    Column("quiet", Boolean, nullable=False),  # It wakes nobody.
    # A flash order, or a message that mentions everybody: it wakes all, also past mute.
    Column("calls_all", Boolean, nullable=False),
    Column("kind", SmallInteger, nullable=False),  # MessageKind, as the server takes it (M3).
    Column("marked", _Id),  # The message that it edits or deletes.
    UniqueConstraint("conversation_id", "message_id"),
    Index(None, "conversation_id", "sent_ms"),
    Index(
        "ix_log_marked",
        "conversation_id",
        "marked",
        sqlite_where=text("marked IS NOT NULL"),
        postgresql_where=text("marked IS NOT NULL"),
    ),
)

# Messages of held conversations as they were before a deletion (log/deleting.py); the log has their
# headers alone.
HELD_MESSAGES = Table(
    "held_messages",
    METADATA,
    Column("conversation_id", _Id, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("message", LargeBinary, nullable=False),
)

# The end of each device's chain of messages in a conversation.
CHAINS = Table(
    "sender_chains",
    METADATA,
    Column("conversation_id", _Id, primary_key=True),
    Column("device", _Hash, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("header", LargeBinary, nullable=False),  # Header ‖ signature of the last one.
    Column("header_hash", _Hash, nullable=False),
)

CURSORS = Table(
    "cursors",
    METADATA,
    Column("conversation_id", _Id, primary_key=True),
    Column("client_id", _Id, primary_key=True),
    Column("person_id", _Id, nullable=False),
    Column("delivered_seq", BigInteger, nullable=False),
    Column("read_seq", BigInteger, nullable=False),
    Index("ix_cursors_person", "conversation_id", "person_id"),
)

# Grows whenever cursors move in a conversation that is small enough to have receipts.
RECEIPT_VERSIONS = Table(
    "receipt_versions",
    METADATA,
    Column("conversation_id", _Id, primary_key=True),
    Column("version", BigInteger, nullable=False),
)

# The rule of a conversation whose people follow the data bank.
AUDIENCES = Table(
    "audiences",
    METADATA,
    Column("conversation_id", _Id, primary_key=True),
    Column("rule", LargeBinary, nullable=False),  # MessagePack of wire.Audience.
    Column("standing", LargeBinary),  # MessagePack of wire.Standing; None: a person made it.
    Column("post_id", _Id),  # That of a conversation with a post; there may be many for each.
    # Grows with each change of this row, and of who may send there. Rows are never deleted, so that
    # the sum over many grows with each change of any of them.
    Column("changes", BigInteger, nullable=False),
    Index(None, "post_id", "changes"),
)

# People whose devices a conversation's roster must be compared with, once it is due.
ROSTER_ROUNDS = Table(
    "roster_rounds",
    METADATA,
    Column("id", SmallInteger, primary_key=True),  # 1
    Column("people_version", BigInteger, nullable=False),  # Up to it, all rosters are up to date.
)

ROSTER_PENDING = Table(
    "roster_pending",
    METADATA,
    Column("conversation_id", _Id, primary_key=True),
    Column("person_id", _Id, primary_key=True),
    Column("change", _Id, nullable=False),  # Another for each change: none made meanwhile is lost.
    Column("since_ms", BigInteger, nullable=False),
)
