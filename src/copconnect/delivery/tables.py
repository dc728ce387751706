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
    Column("roster_head", LargeBinary, nullable=False),
)

MEMBERS = Table(
    "members",
    METADATA,
    Column("conversation_id", _Id, primary_key=True),
    Column("person_id", _Id, primary_key=True, index=True),
    Column("admin", Boolean, nullable=False),
    Column("added_ms", BigInteger, nullable=False),
    Column("muted_until_ms", BigInteger),
    Column("pinned", Boolean, nullable=False),
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
    Column("person_id", _Id, nullable=False),
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

CURSORS = Table(
    "cursors",
    METADATA,
    Column("conversation_id", _Id, primary_key=True),
    Column("client_id", _Id, primary_key=True),
    Column("person_id", _Id, nullable=False),
    Column("delivered_seq", BigInteger, nullable=False),
    Column("read_seq", BigInteger, nullable=False),
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
