"""The Delivery Service's tables.

Invariants the schema holds: a seq is used once in its conversation; an entry id is used once in
its conversation; two people have one direct conversation; one commit entry for each (cell, epoch).
Foreign keys are left out on purpose: every row is reached through its conversation, which is never
deleted, and the hot insert into the log must touch nothing else.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    text,
)

from copconnect.database import METADATA

_Id = String(32)
_AutoId = BigInteger().with_variant(Integer(), "sqlite")

CONVERSATIONS = Table(
    "conversations",
    METADATA,
    Column("conversation_id", _Id, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("suite", Integer, nullable=False),
    Column("created_by", _Id, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("last_message_ms", BigInteger),
    Column("who_may_post", String(16), nullable=False),
    Column("members", Integer, nullable=False),
    Column("direct_key", String(65), unique=True),
    Column("roster_epoch", BigInteger, nullable=False),
    Column("roster_head", LargeBinary, nullable=False),  # The newest of ROSTER_HEADS.
    Column("cells", Integer, nullable=False),  # More than one: messages are sealed.
    Column("shared_seq", BigInteger, nullable=False),  # Newest entry for every cell, if several.
    Column("key_version", BigInteger, nullable=False),  # Grows with each key record.
    # How many somebody has created within an hour.
    Index("ix_conversations_created", "created_by", "created_ms"),
)

_ADMIN = text("admin")
MEMBERS = Table(
    "members",
    METADATA,
    Column("conversation_id", _Id, primary_key=True),
    Column("person_id", _Id, primary_key=True, index=True),
    Column("admin", Boolean, nullable=False),
    Column("added_ms", BigInteger, nullable=False),
    Column("muted_until_ms", BigInteger),
    Column("pinned", Boolean, nullable=False),
    # Few of many: who may change a conversation is asked for by everybody who comes in.
    Index("ix_members_admins", "conversation_id", sqlite_where=_ADMIN, postgresql_where=_ADMIN),
)

CELLS = Table(
    "cells",
    METADATA,
    Column("cell_id", _Id, primary_key=True),
    Column("conversation_id", _Id, nullable=False, index=True),
    Column("epoch", BigInteger),
    Column("removals", Integer, nullable=False),
    Column("clients", Integer, nullable=False),
    Column("lease_client", _Id),
    Column("lease_until_ms", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),  # Newest entry of this cell alone, if several.
    Column("key_id", LargeBinary),  # Of the current epoch's key record.
    Column("previous_key_id", LargeBinary),  # Good until previous_until_ms, if there is one.
    Column("previous_until_ms", BigInteger, nullable=False),
    Column("lease_since_ms", BigInteger, nullable=False),  # When its client took it first in a row.
    Column("lease_asked_ms", BigInteger, nullable=False),  # When another was last turned away.
)

# The key records of the cells' epochs; only the current one of each counts.
CELL_KEYS = Table(
    "cell_keys",
    METADATA,
    Column("cell_id", _Id, primary_key=True),
    Column("epoch", BigInteger, primary_key=True),
    Column("conversation_id", _Id, nullable=False),
    Column("key_id", LargeBinary, nullable=False),
    Column("record", LargeBinary, nullable=False),
    Column("signer_certificate_hash", String(64), nullable=False),
    Column("signer_proof", LargeBinary, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    # When the signer's certificate expires; records of before it was kept lack it.
    Column("signer_until_ms", BigInteger),
    UniqueConstraint("conversation_id", "version"),
)

CELL_GROUPS = Table(
    "cell_groups",
    METADATA,
    Column("cell_id", _Id, primary_key=True),
    Column("group_info", LargeBinary, nullable=False),
    Column("leaves", LargeBinary, nullable=False),  # MessagePack of rules.CellLeaf.
)

PENDING_REMOVALS = Table(
    "pending_removals",
    METADATA,
    Column("cell_id", _Id, primary_key=True),
    Column("leaf_index", Integer, primary_key=True),
    Column("created_ms", BigInteger, nullable=False),
)

CERTIFICATES = Table(
    "roster_certificates",
    METADATA,
    Column("certificate_hash", String(64), primary_key=True),
    Column("certificate", LargeBinary, nullable=False),
)

ROSTER_LEAVES = Table(
    "roster_leaves",
    METADATA,
    Column("conversation_id", _Id, primary_key=True),
    Column("cell_id", _Id, primary_key=True),
    Column("certificate_hash", String(64), primary_key=True),
    Column("client_id", _Id, nullable=False, index=True),
    Column("person_id", _Id, nullable=False, index=True),
    # The roster epoch with which the client got its place; leaves of before it was kept lack it.
    Column("named_epoch", BigInteger),
)

# Where clients were whose cell was given up or merged: until that seq the log is theirs by the
# cell that is gone.
FORMER_PLACES = Table(
    "former_places",
    METADATA,
    Column("conversation_id", _Id, primary_key=True),
    Column("client_id", _Id, primary_key=True),
    Column("cell_id", _Id, primary_key=True),
    Column("until_seq", BigInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)

ROSTER_HEADS = Table(
    "roster_heads",
    METADATA,
    Column("conversation_id", _Id, primary_key=True),
    Column("roster_epoch", BigInteger, primary_key=True),
    Column("head", LargeBinary, nullable=False),
    Column("created_ms", BigInteger, nullable=False, index=True),
)

# The rule of a conversation whose people follow the data bank.
AUDIENCES = Table(
    "audiences",
    METADATA,
    Column("conversation_id", _Id, primary_key=True),
    Column("rule", LargeBinary, nullable=False),  # MessagePack of wire.Audience.
)

# People whose clients have changed since their audiences' rosters were last looked at.
AUDIENCE_CHANGES = Table(
    "audience_changes",
    METADATA,
    Column("person_id", _Id, primary_key=True),
    Column("mark", _Id, nullable=False),  # Another for each change: none made meanwhile is lost.
)

LOG_ENTRIES = Table(
    "log_entries",
    METADATA,
    Column("conversation_id", _Id, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("cell_id", _Id),
    Column("epoch", BigInteger),
    Column("sender", _Id),
    Column("entry_id", _Id, nullable=False),
    Column("sent_ms", BigInteger, nullable=False, index=True),
    Column("payload", LargeBinary, nullable=False),
    UniqueConstraint("conversation_id", "entry_id"),
    Index(
        "uq_log_entries_commit",
        "cell_id",
        "epoch",
        unique=True,
        sqlite_where=text("kind = 'commit'"),
        postgresql_where=text("kind = 'commit'"),
    ),
)

# The seals of a log entry of kind "sealed", concatenated, ascending by cell id.
SEALED_SEALS = Table(
    "sealed_seals",
    METADATA,
    Column("conversation_id", _Id, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("seals", LargeBinary, nullable=False),
)

# Cells that an entry was not sealed for, and the client that can still do it.
MISSING_SEALS = Table(
    "missing_seals",
    METADATA,
    Column("conversation_id", _Id, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("cell_id", _Id, primary_key=True, index=True),
    Column("sender", _Id, nullable=False),
)

# Where each client's sealed messages in a conversation stand.
SENDER_CHAINS = Table(
    "sender_chains",
    METADATA,
    Column("conversation_id", _Id, primary_key=True),
    Column("client_id", _Id, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("header_hash", LargeBinary, nullable=False),  # SHA-256 of header and signature.
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

# Grows whenever cursors of a conversation move whose members are told receipts.
RECEIPT_VERSIONS = Table(
    "receipt_versions",
    METADATA,
    Column("conversation_id", _Id, primary_key=True),
    Column("version", BigInteger, nullable=False),
)

WELCOMES = Table(
    "welcomes",
    METADATA,
    Column("cell_id", _Id, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("welcome", LargeBinary, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)

WELCOME_CLIENTS = Table(
    "welcome_clients",
    METADATA,
    Column("cell_id", _Id, primary_key=True),
    Column("client_id", _Id, primary_key=True, index=True),
    Column("epoch", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
)

KEY_PACKAGES = Table(
    "key_packages",
    METADATA,
    Column("id", _AutoId, primary_key=True, autoincrement=True),
    Column("client_id", _Id, nullable=False),
    Column("reference", String(64), nullable=False),  # SHA-256 of the bytes: uploads repeat.
    Column("last_resort", Boolean, nullable=False),
    Column("key_package", LargeBinary, nullable=False),
    Column("suite", Integer, nullable=False),
    UniqueConstraint("client_id", "reference"),
)

KEY_PACKAGE_CLAIMS = Table(
    "key_package_claims",
    METADATA,
    Column("conversation_id", _Id, primary_key=True),
    Column("claimer", _Id, primary_key=True),
    Column("client_id", _Id, primary_key=True),
    Column("person_id", _Id, nullable=False),
    Column("claimed_ms", BigInteger, nullable=False),
    Column("key_package", LargeBinary, nullable=False),
)
