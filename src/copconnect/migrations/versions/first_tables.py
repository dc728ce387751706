"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
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
        "conduct_acceptances",
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("accepted_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "version", name=op.f("pk_conduct_acceptances")),
    )
    op.create_table(
        "roster_directory",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster_directory")),
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


def downgrade() -> None:
    op.drop_table("wakeups")
    op.drop_table("roster_units")
    op.drop_table("roster_roles")
    op.drop_table("roster_ranks")
    op.drop_index(op.f("ix_roster_people_unit_id"), table_name="roster_people")
    op.drop_index(op.f("ix_roster_people_sort_key"), table_name="roster_people")
    op.drop_index(op.f("ix_roster_people_number"), table_name="roster_people")
    op.drop_table("roster_people")
    op.drop_table("roster_levels")
    op.drop_table("roster_directory")
    op.drop_table("conduct_acceptances")
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
