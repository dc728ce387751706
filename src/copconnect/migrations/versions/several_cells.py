"""Conversations of several cells: keys, sealed messages, kept roster heads, audiences."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    zero: dict[str, Any] = {"nullable": False, "server_default": "0"}
    one: dict[str, Any] = {"nullable": False, "server_default": "1"}
    op.add_column("conversations", sa.Column("cells", sa.Integer(), **one))
    op.add_column("conversations", sa.Column("shared_seq", sa.BigInteger(), **zero))
    op.add_column("conversations", sa.Column("key_version", sa.BigInteger(), **zero))
    op.add_column("cells", sa.Column("last_seq", sa.BigInteger(), **zero))
    op.add_column("cells", sa.Column("key_id", sa.LargeBinary(), nullable=True))
    op.add_column("cells", sa.Column("previous_key_id", sa.LargeBinary(), nullable=True))
    op.add_column("cells", sa.Column("previous_until_ms", sa.BigInteger(), **zero))
    op.create_table(
        "cell_keys",
        sa.Column("cell_id", sa.String(length=32), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("key_id", sa.LargeBinary(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("signer_certificate_hash", sa.String(length=64), nullable=False),
        sa.Column("signer_proof", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("cell_id", "epoch", name=op.f("pk_cell_keys")),
        sa.UniqueConstraint(
            "conversation_id", "version", name=op.f("uq_cell_keys_conversation_id_version")
        ),
    )
    op.create_table(
        "roster_heads",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("roster_epoch", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "roster_epoch", name=op.f("pk_roster_heads")),
    )
    op.create_index(op.f("ix_roster_heads_created_ms"), "roster_heads", ["created_ms"])
    op.execute(
        "INSERT INTO roster_heads (conversation_id, roster_epoch, head, created_ms) "
        "SELECT conversation_id, roster_epoch, roster_head, created_ms FROM conversations "
        "WHERE roster_epoch > 0"
    )
    op.create_table(
        "audiences",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("rule", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_audiences")),
    )
    op.create_table(
        "sealed_seals",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("seals", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "seq", name=op.f("pk_sealed_seals")),
    )
    op.create_table(
        "missing_seals",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("cell_id", sa.String(length=32), nullable=False),
        sa.Column("sender", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "seq", "cell_id", name=op.f("pk_missing_seals")),
    )
    op.create_index(op.f("ix_missing_seals_cell_id"), "missing_seals", ["cell_id"])
    op.create_table(
        "sender_chains",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("client_id", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("header_hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "client_id", name=op.f("pk_sender_chains")),
    )
