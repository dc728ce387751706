"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
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
        "auth_approvals",
        sa.Column("approval_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("requested_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("decided_by", sa.String(length=32), nullable=True),
        sa.Column("decided_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("approval_id", name=op.f("pk_auth_approvals")),
    )
    op.create_index(
        op.f("ix_auth_approvals_person_id"), "auth_approvals", ["person_id"], unique=False
    )
    op.create_index(
        op.f("ix_auth_approvals_state_auth_approvals_requested_ms"),
        "auth_approvals",
        ["state", "requested_ms"],
        unique=False,
    )
    op.create_table(
        "auth_certificates",
        sa.Column("certificate_hash", sa.String(length=64), nullable=False),
        sa.Column("client_id", sa.String(length=32), nullable=False),
        sa.Column("serial", sa.String(length=40), nullable=False),
        sa.Column("certificate", sa.LargeBinary(), nullable=False),
        sa.Column("issued_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("revoked_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("certificate_hash", name=op.f("pk_auth_certificates")),
        sa.UniqueConstraint("serial", name=op.f("uq_auth_certificates_serial")),
    )
    op.create_index(
        op.f("ix_auth_certificates_client_id"), "auth_certificates", ["client_id"], unique=False
    )
    op.create_index(
        op.f("ix_auth_certificates_revoked_ms"), "auth_certificates", ["revoked_ms"], unique=False
    )
    op.create_table(
        "auth_challenges",
        sa.Column("challenge_id", sa.String(length=32), nullable=False),
        sa.Column("number_hash", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=True),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("closed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("challenge_id", name=op.f("pk_auth_challenges")),
    )
    op.create_index(
        op.f("ix_auth_challenges_created_ms"), "auth_challenges", ["created_ms"], unique=False
    )
    op.create_index(
        op.f("ix_auth_challenges_number_hash_auth_challenges_created_ms"),
        "auth_challenges",
        ["number_hash", "created_ms"],
        unique=False,
    )
    op.create_table(
        "auth_clients",
        sa.Column("client_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("public_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_ms", sa.BigInteger(), nullable=True),
        sa.Column("revoked_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_auth_clients")),
        sa.UniqueConstraint("public_key", name=op.f("uq_auth_clients_public_key")),
    )
    op.create_index(op.f("ix_auth_clients_person_id"), "auth_clients", ["person_id"], unique=False)
    op.create_table(
        "auth_demo_outbox",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("sent_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auth_demo_outbox")),
    )
    op.create_table(
        "auth_enrolment_codes",
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("used_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_auth_enrolment_codes")),
    )
    op.create_table(
        "auth_numbers",
        sa.Column("number_hash", sa.String(length=64), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number_hash", name=op.f("pk_auth_numbers")),
    )
    op.create_table(
        "auth_tickets",
        sa.Column("ticket_hash", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("step", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("approval_id", sa.String(length=32), nullable=True),
        sa.Column("client_id", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("ticket_hash", name=op.f("pk_auth_tickets")),
    )
    op.create_index(
        op.f("ix_auth_tickets_approval_id"), "auth_tickets", ["approval_id"], unique=False
    )
    op.create_index(
        op.f("ix_auth_tickets_expires_ms"), "auth_tickets", ["expires_ms"], unique=False
    )
    op.create_index(op.f("ix_auth_tickets_person_id"), "auth_tickets", ["person_id"], unique=False)
    op.create_table(
        "auth_tokens",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("client_id", sa.String(length=32), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_auth_tokens")),
    )
    op.create_index(op.f("ix_auth_tokens_client_id"), "auth_tokens", ["client_id"], unique=False)
    op.create_table(
        "auth_trust",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("issuing_hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auth_trust")),
    )
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
        "conduct_acceptances",
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("accepted_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "version", name=op.f("pk_conduct_acceptances")),
    )
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
        "roster_directory",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster_directory")),
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
        "roster_levels",
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("name_te", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_roster_levels")),
    )
    op.create_table(
        "roster_people",
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("name_te", sa.Text(), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("rank", sa.String(length=32), nullable=False),
        sa.Column("post_en", sa.Text(), nullable=False),
        sa.Column("post_te", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("unit_id", sa.String(length=64), nullable=False),
        sa.Column("unit_admin", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("search", sa.Text(), nullable=False),
        sa.Column(
            "sort_key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_roster_people")),
        sa.UniqueConstraint("code", name=op.f("uq_roster_people_code")),
    )
    op.create_index(op.f("ix_roster_people_number"), "roster_people", ["number"], unique=False)
    op.create_index(op.f("ix_roster_people_sort_key"), "roster_people", ["sort_key"], unique=False)
    op.create_index(op.f("ix_roster_people_unit_id"), "roster_people", ["unit_id"], unique=False)
    op.create_table(
        "roster_ranks",
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("name_te", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_roster_ranks")),
    )
    op.create_table(
        "roster_roles",
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("name_te", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_roster_roles")),
    )
    op.create_table(
        "roster_units",
        sa.Column("unit_id", sa.String(length=64), nullable=False),
        sa.Column("parent_id", sa.String(length=64), nullable=True),
        sa.Column("level", sa.String(length=32), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("name_te", sa.Text(), nullable=False),
        sa.Column(
            "path", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False
        ),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("unit_id", name=op.f("pk_roster_units")),
    )
    op.create_table(
        "wakeups",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("node", sa.String(length=16), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wakeups")),
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


def downgrade() -> None:
    op.drop_table("welcomes")
    op.drop_index(op.f("ix_welcome_clients_client_id"), table_name="welcome_clients")
    op.drop_table("welcome_clients")
    op.drop_table("wakeups")
    op.drop_table("roster_units")
    op.drop_table("roster_roles")
    op.drop_table("roster_ranks")
    op.drop_index(op.f("ix_roster_people_unit_id"), table_name="roster_people")
    op.drop_index(op.f("ix_roster_people_sort_key"), table_name="roster_people")
    op.drop_index(op.f("ix_roster_people_number"), table_name="roster_people")
    op.drop_table("roster_people")
    op.drop_table("roster_levels")
    op.drop_index(op.f("ix_roster_leaves_client_id"), table_name="roster_leaves")
    op.drop_table("roster_leaves")
    op.drop_table("roster_directory")
    op.drop_table("roster_certificates")
    op.drop_table("pending_removals")
    op.drop_index(op.f("ix_members_person_id"), table_name="members")
    op.drop_table("members")
    op.drop_index(
        "uq_log_entries_commit",
        table_name="log_entries",
        sqlite_where=sa.text("kind = 'commit'"),
        postgresql_where=sa.text("kind = 'commit'"),
    )
    op.drop_index(op.f("ix_log_entries_sent_ms"), table_name="log_entries")
    op.drop_table("log_entries")
    op.drop_table("key_packages")
    op.drop_table("key_package_claims")
    op.drop_table("cursors")
    op.drop_table("conversations")
    op.drop_table("conduct_acceptances")
    op.drop_index(op.f("ix_cells_conversation_id"), table_name="cells")
    op.drop_table("cells")
    op.drop_table("cell_groups")
    op.drop_table("auth_trust")
    op.drop_index(op.f("ix_auth_tokens_client_id"), table_name="auth_tokens")
    op.drop_table("auth_tokens")
    op.drop_index(op.f("ix_auth_tickets_person_id"), table_name="auth_tickets")
    op.drop_index(op.f("ix_auth_tickets_expires_ms"), table_name="auth_tickets")
    op.drop_index(op.f("ix_auth_tickets_approval_id"), table_name="auth_tickets")
    op.drop_table("auth_tickets")
    op.drop_table("auth_numbers")
    op.drop_table("auth_enrolment_codes")
    op.drop_table("auth_demo_outbox")
    op.drop_index(op.f("ix_auth_clients_person_id"), table_name="auth_clients")
    op.drop_table("auth_clients")
    op.drop_index(
        op.f("ix_auth_challenges_number_hash_auth_challenges_created_ms"),
        table_name="auth_challenges",
    )
    op.drop_index(op.f("ix_auth_challenges_created_ms"), table_name="auth_challenges")
    op.drop_table("auth_challenges")
    op.drop_index(op.f("ix_auth_certificates_revoked_ms"), table_name="auth_certificates")
    op.drop_index(op.f("ix_auth_certificates_client_id"), table_name="auth_certificates")
    op.drop_table("auth_certificates")
    op.drop_index(
        op.f("ix_auth_approvals_state_auth_approvals_requested_ms"), table_name="auth_approvals"
    )
    op.drop_index(op.f("ix_auth_approvals_person_id"), table_name="auth_approvals")
    op.drop_table("auth_approvals")
    op.drop_index(op.f("ix_attachments_created_ms"), table_name="attachments")
    op.drop_table("attachments")
    op.drop_table("attachment_shares")
    op.drop_table("attachment_quotas")
    op.drop_table("attachment_chunks")
