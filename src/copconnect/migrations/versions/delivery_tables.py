"""Tables of the Delivery Service and of attachments."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attachment_chunks",
        sa.Column("attachment_id", sa.String(length=32), nullable=False),
        sa.Column("chunk", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("attachment_id", "chunk", name=op.f("pk_attachment_chunks")),
    )
    op.create_table(
        "attachment_quotas",
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "day", name=op.f("pk_attachment_quotas")),
    )
    op.create_table(
        "attachment_shares",
        sa.Column("attachment_id", sa.String(length=32), nullable=False),
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint(
            "attachment_id", "conversation_id", name=op.f("pk_attachment_shares")
        ),
    )
    op.create_table(
        "attachments",
        sa.Column("attachment_id", sa.String(length=32), nullable=False),
        sa.Column("uploader", sa.String(length=32), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("chunks", sa.Integer(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("posted_ms", sa.BigInteger(), nullable=True),
        sa.Column("doomed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("attachment_id", name=op.f("pk_attachments")),
    )
    op.create_index(op.f("ix_attachments_created_ms"), "attachments", ["created_ms"], unique=False)
    op.create_table(
        "cell_groups",
        sa.Column("cell_id", sa.String(length=32), nullable=False),
        sa.Column("group_info", sa.LargeBinary(), nullable=False),
        sa.Column("leaves", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("cell_id", name=op.f("pk_cell_groups")),
    )
    op.create_table(
        "cells",
        sa.Column("cell_id", sa.String(length=32), nullable=False),
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=True),
        sa.Column("removals", sa.Integer(), nullable=False),
        sa.Column("clients", sa.Integer(), nullable=False),
        sa.Column("lease_client", sa.String(length=32), nullable=True),
        sa.Column("lease_until_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("cell_id", name=op.f("pk_cells")),
    )
    op.create_index(op.f("ix_cells_conversation_id"), "cells", ["conversation_id"], unique=False)
    op.create_table(
        "conversations",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("suite", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(length=32), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_message_ms", sa.BigInteger(), nullable=True),
        sa.Column("who_may_post", sa.String(length=16), nullable=False),
        sa.Column("members", sa.Integer(), nullable=False),
        sa.Column("direct_key", sa.String(length=65), nullable=True),
        sa.Column("roster_epoch", sa.BigInteger(), nullable=False),
        sa.Column("roster_head", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_conversations")),
        sa.UniqueConstraint("direct_key", name=op.f("uq_conversations_direct_key")),
    )
    op.create_table(
        "cursors",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("client_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("delivered_seq", sa.BigInteger(), nullable=False),
        sa.Column("read_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "client_id", name=op.f("pk_cursors")),
    )
    op.create_table(
        "key_package_claims",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("claimer", sa.String(length=32), nullable=False),
        sa.Column("client_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("claimed_ms", sa.BigInteger(), nullable=False),
        sa.Column("key_package", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(
            "conversation_id", "claimer", "client_id", name=op.f("pk_key_package_claims")
        ),
    )
    op.create_table(
        "key_packages",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("client_id", sa.String(length=32), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("last_resort", sa.Boolean(), nullable=False),
        sa.Column("key_package", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_key_packages")),
        sa.UniqueConstraint(
            "client_id", "reference", name=op.f("uq_key_packages_client_id_reference")
        ),
    )
    op.create_table(
        "log_entries",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("cell_id", sa.String(length=32), nullable=True),
        sa.Column("epoch", sa.BigInteger(), nullable=True),
        sa.Column("sender", sa.String(length=32), nullable=True),
        sa.Column("entry_id", sa.String(length=32), nullable=False),
        sa.Column("sent_ms", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "seq", name=op.f("pk_log_entries")),
        sa.UniqueConstraint(
            "conversation_id", "entry_id", name=op.f("uq_log_entries_conversation_id_entry_id")
        ),
    )
    op.create_index(op.f("ix_log_entries_sent_ms"), "log_entries", ["sent_ms"], unique=False)
    op.create_index(
        "uq_log_entries_commit",
        "log_entries",
        ["cell_id", "epoch"],
        unique=True,
        sqlite_where=sa.text("kind = 'commit'"),
        postgresql_where=sa.text("kind = 'commit'"),
    )
    op.create_table(
        "members",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("admin", sa.Boolean(), nullable=False),
        sa.Column("added_ms", sa.BigInteger(), nullable=False),
        sa.Column("muted_until_ms", sa.BigInteger(), nullable=True),
        sa.Column("pinned", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "person_id", name=op.f("pk_members")),
    )
    op.create_index(op.f("ix_members_person_id"), "members", ["person_id"], unique=False)
    op.create_table(
        "pending_removals",
        sa.Column("cell_id", sa.String(length=32), nullable=False),
        sa.Column("leaf_index", sa.Integer(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("cell_id", "leaf_index", name=op.f("pk_pending_removals")),
    )
    op.create_table(
        "roster_certificates",
        sa.Column("certificate_hash", sa.String(length=64), nullable=False),
        sa.Column("certificate", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("certificate_hash", name=op.f("pk_roster_certificates")),
    )
    op.create_table(
        "roster_leaves",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("cell_id", sa.String(length=32), nullable=False),
        sa.Column("certificate_hash", sa.String(length=64), nullable=False),
        sa.Column("client_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint(
            "conversation_id", "cell_id", "certificate_hash", name=op.f("pk_roster_leaves")
        ),
    )
    op.create_index(
        op.f("ix_roster_leaves_client_id"), "roster_leaves", ["client_id"], unique=False
    )
    op.create_table(
        "welcome_clients",
        sa.Column("cell_id", sa.String(length=32), nullable=False),
        sa.Column("client_id", sa.String(length=32), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("cell_id", "client_id", name=op.f("pk_welcome_clients")),
    )
    op.create_index(
        op.f("ix_welcome_clients_client_id"), "welcome_clients", ["client_id"], unique=False
    )
    op.create_table(
        "welcomes",
        sa.Column("cell_id", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("welcome", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("cell_id", "seq", name=op.f("pk_welcomes")),
    )
