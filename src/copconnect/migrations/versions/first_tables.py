"""The first tables."""

import sqlalchemy as sa
from alembic import op

from copconnect.database import word_index

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "acknowledgement_answers",
        sa.Column("order_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", "person_id", name=op.f("pk_acknowledgement_answers")),
    )
    op.create_table(
        "acknowledgements",
        sa.Column("order_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("signer_id", sa.String(length=32), nullable=False),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.Column("choice", sa.SmallInteger(), nullable=False),
        sa.Column("text_seq", sa.BigInteger(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", "person_id", name=op.f("pk_acknowledgements")),
    )
    op.create_index(
        "ix_acknowledgements_counted",
        "acknowledgements",
        ["order_id", "person_id", "told", "choice", "text_seq"],
        unique=False,
    )
    op.create_table(
        "admin_acts",
        sa.Column("act_id", sa.String(length=32), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("presence", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("device", sa.LargeBinary(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("paths", sa.Text(), nullable=False),
        sa.Column("taken_ms", sa.BigInteger(), nullable=False),
        sa.Column("preview", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("act_id", name=op.f("pk_admin_acts")),
    )
    op.create_index(
        op.f("ix_admin_acts_state_admin_acts_taken_ms"),
        "admin_acts",
        ["state", "taken_ms"],
        unique=False,
    )
    op.create_table(
        "admin_rights",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_admin_rights")),
    )
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
        "audiences",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("rule", sa.LargeBinary(), nullable=False),
        sa.Column("standing", sa.LargeBinary(), nullable=True),
        sa.Column("post_id", sa.String(length=32), nullable=True),
        sa.Column("changes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_audiences")),
    )
    op.create_index(
        op.f("ix_audiences_post_id_audiences_changes"),
        "audiences",
        ["post_id", "changes"],
        unique=False,
    )
    op.create_table(
        "audit_entries",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("salt", sa.LargeBinary(length=16), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("signed_as", sa.String(length=16), nullable=False),
        sa.Column("signed", sa.LargeBinary(), nullable=False),
        sa.Column("presence", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("act_id", sa.String(length=32), nullable=True),
        sa.Column("device", sa.LargeBinary(length=32), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_entries")),
    )
    op.create_index(op.f("ix_audit_entries_act_id"), "audit_entries", ["act_id"], unique=False)
    op.create_index(op.f("ix_audit_entries_kind"), "audit_entries", ["kind"], unique=False)
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("edge", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )
    op.create_table(
        "audit_nodes",
        sa.Column("place", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_audit_nodes")),
    )
    op.create_table(
        "auth_authenticators",
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("device", sa.LargeBinary(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_auth_authenticators")),
    )
    op.create_index(
        op.f("ix_auth_authenticators_person_id"),
        "auth_authenticators",
        ["person_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_auth_authenticators_state_auth_authenticators_created_ms"),
        "auth_authenticators",
        ["state", "created_ms"],
        unique=False,
    )
    op.create_table(
        "auth_certificates",
        sa.Column("certificate_hash", sa.String(length=64), nullable=False),
        sa.Column("client_id", sa.String(length=32), nullable=False),
        sa.Column("certificate", sa.LargeBinary(), nullable=False),
        sa.Column("issued_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("certificate_hash", name=op.f("pk_auth_certificates")),
    )
    op.create_index(
        op.f("ix_auth_certificates_client_id"), "auth_certificates", ["client_id"], unique=False
    )
    op.create_index(
        op.f("ix_auth_certificates_expires_ms"), "auth_certificates", ["expires_ms"], unique=False
    )
    op.create_table(
        "auth_challenges",
        sa.Column("challenge_id", sa.String(length=32), nullable=False),
        sa.Column("number_hash", sa.String(length=64), nullable=False),
        sa.Column("address_hash", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=True),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("digits", sa.Integer(), nullable=False),
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
        sa.Column("device", sa.LargeBinary(length=32), nullable=False),
        sa.Column("public_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_ms", sa.BigInteger(), nullable=True),
        sa.Column("app", sa.String(length=32), server_default="", nullable=False),
        sa.Column("revoked_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_reason", sa.String(length=16), nullable=True),
        sa.Column("locked_ms", sa.BigInteger(), nullable=True),
        sa.Column("locked_by", sa.String(length=32), nullable=True),
        sa.Column("confirmed", sa.String(length=16), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("lapsed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_auth_clients")),
        sa.UniqueConstraint("device", name=op.f("uq_auth_clients_device")),
        sa.UniqueConstraint("public_key", name=op.f("uq_auth_clients_public_key")),
    )
    op.create_index(
        "ix_auth_clients_by_person",
        "auth_clients",
        ["person_id", "revoked_ms", "created_ms"],
        unique=False,
    )
    op.create_index(
        op.f("ix_auth_clients_confirmed_auth_clients_created_ms"),
        "auth_clients",
        ["confirmed", "created_ms"],
        unique=False,
    )
    op.create_index(
        op.f("ix_auth_clients_lapsed_auth_clients_expires_ms"),
        "auth_clients",
        ["lapsed", "expires_ms"],
        unique=False,
    )
    op.create_table(
        "auth_code_failures",
        sa.Column("slot", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("slot", name=op.f("pk_auth_code_failures")),
    )
    op.create_table(
        "auth_confirmations",
        sa.Column("confirmation_id", sa.String(length=32), nullable=False),
        sa.Column("endorser_person_id", sa.String(length=32), nullable=False),
        sa.Column("endorser_client_id", sa.String(length=32), nullable=False),
        sa.Column("endorser", sa.LargeBinary(length=32), nullable=False),
        sa.Column("new_person_id", sa.String(length=32), nullable=False),
        sa.Column("new_client_id", sa.String(length=32), nullable=False),
        sa.Column("new_device", sa.LargeBinary(length=32), nullable=False),
        sa.Column("commitment", sa.LargeBinary(length=32), nullable=False),
        sa.Column("answer", sa.LargeBinary(length=16), nullable=True),
        sa.Column("secret", sa.LargeBinary(length=16), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("confirmation_id", name=op.f("pk_auth_confirmations")),
    )
    op.create_index(
        op.f("ix_auth_confirmations_endorser_client_id"),
        "auth_confirmations",
        ["endorser_client_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_auth_confirmations_expires_ms"), "auth_confirmations", ["expires_ms"], unique=False
    )
    op.create_index(
        op.f("ix_auth_confirmations_new_client_id"),
        "auth_confirmations",
        ["new_client_id"],
        unique=False,
    )
    op.create_table(
        "auth_departments",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_auth_departments")),
    )
    op.create_table(
        "auth_device_keys",
        sa.Column("device", sa.LargeBinary(length=32), nullable=False),
        sa.Column("kem", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("generation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("key_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("stored_ms", sa.BigInteger(), nullable=False),
        sa.Column("replaced_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("device", "kem", "generation", name=op.f("pk_auth_device_keys")),
    )
    op.create_index(
        op.f("ix_auth_device_keys_key_id"), "auth_device_keys", ["key_id"], unique=False
    )
    op.create_index(
        op.f("ix_auth_device_keys_person_id"), "auth_device_keys", ["person_id"], unique=False
    )
    op.create_index(
        op.f("ix_auth_device_keys_replaced_ms"), "auth_device_keys", ["replaced_ms"], unique=False
    )
    op.create_table(
        "auth_endorsements",
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("endorsed", sa.LargeBinary(length=32), nullable=False),
        sa.Column("endorser", sa.LargeBinary(length=32), nullable=False),
        sa.Column("endorser_person_id", sa.String(length=32), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_auth_endorsements")),
    )
    op.create_index(
        op.f("ix_auth_endorsements_endorser"), "auth_endorsements", ["endorser"], unique=False
    )
    op.create_index(
        op.f("ix_auth_endorsements_person_id"), "auth_endorsements", ["person_id"], unique=False
    )
    op.create_table(
        "auth_enrolment_codes",
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("used_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_auth_enrolment_codes")),
    )
    op.create_table(
        "auth_grants",
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("grantor", sa.LargeBinary(length=32), nullable=False),
        sa.Column("grantor_person_id", sa.String(length=32), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("not_after_ms", sa.BigInteger(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_auth_grants")),
    )
    op.create_index(op.f("ix_auth_grants_grantor"), "auth_grants", ["grantor"], unique=False)
    op.create_index(op.f("ix_auth_grants_path"), "auth_grants", ["path"], unique=False)
    op.create_index(op.f("ix_auth_grants_person_id"), "auth_grants", ["person_id"], unique=False)
    op.create_table(
        "auth_incarnations",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_auth_incarnations")),
    )
    op.create_table(
        "auth_numbers",
        sa.Column("number_hash", sa.String(length=64), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number_hash", name=op.f("pk_auth_numbers")),
    )
    op.create_table(
        "auth_people",
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("keys_version", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("card", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_auth_people")),
    )
    op.create_table(
        "auth_person_cards",
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "number", name=op.f("pk_auth_person_cards")),
    )
    op.create_table(
        "auth_person_devices",
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "number", name=op.f("pk_auth_person_devices")),
    )
    op.create_table(
        "auth_revocations",
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("device", sa.LargeBinary(length=32), nullable=False),
        sa.Column("signer", sa.LargeBinary(length=32), nullable=False),
        sa.Column("signer_person_id", sa.String(length=32), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_auth_revocations")),
    )
    op.create_index(
        op.f("ix_auth_revocations_device"), "auth_revocations", ["device"], unique=False
    )
    op.create_index(
        op.f("ix_auth_revocations_person_id"), "auth_revocations", ["person_id"], unique=False
    )
    op.create_table(
        "auth_tickets",
        sa.Column("ticket_hash", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("step", sa.String(length=16), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("ticket_hash", name=op.f("pk_auth_tickets")),
    )
    op.create_index(
        op.f("ix_auth_tickets_expires_ms"), "auth_tickets", ["expires_ms"], unique=False
    )
    op.create_index(op.f("ix_auth_tickets_person_id"), "auth_tickets", ["person_id"], unique=False)
    op.create_table(
        "auth_tokens",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("client_id", sa.String(length=32), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_auth_tokens")),
    )
    op.create_index(op.f("ix_auth_tokens_client_id"), "auth_tokens", ["client_id"], unique=False)
    op.create_index(op.f("ix_auth_tokens_expires_ms"), "auth_tokens", ["expires_ms"], unique=False)
    op.create_table(
        "auth_trust",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("issuing_hash", sa.String(length=64), nullable=False),
        sa.Column("cards_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auth_trust")),
    )
    op.create_table(
        "cell_key_asks",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("cell_id", sa.String(length=32), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("device", sa.LargeBinary(length=32), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "conversation_id",
            "cell_id",
            "epoch",
            "generation",
            "device",
            name=op.f("pk_cell_key_asks"),
        ),
    )
    op.create_index(op.f("ix_cell_key_asks_asked_ms"), "cell_key_asks", ["asked_ms"], unique=False)
    op.create_table(
        "cell_key_marks",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("key_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("marked_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "conversation_id", "key_id", "person_id", name=op.f("pk_cell_key_marks")
        ),
    )
    op.create_index(
        op.f("ix_cell_key_marks_marked_ms"), "cell_key_marks", ["marked_ms"], unique=False
    )
    op.create_table(
        "cell_key_versions",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_cell_key_versions")),
    )
    op.create_table(
        "cell_keys",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("key_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("cell_id", sa.String(length=32), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("author", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("kem", sa.Integer(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("seals", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "key_id", name=op.f("pk_cell_keys")),
        sa.UniqueConstraint(
            "conversation_id",
            "cell_id",
            "epoch",
            "generation",
            name=op.f("uq_cell_keys_conversation_id_cell_id_epoch_generation"),
        ),
    )
    op.create_index(
        op.f("ix_cell_keys_conversation_id_cell_keys_version"),
        "cell_keys",
        ["conversation_id", "version"],
        unique=False,
    )
    op.create_index(op.f("ix_cell_keys_created_ms"), "cell_keys", ["created_ms"], unique=False)
    op.create_table(
        "cell_lines",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("cell_id", sa.String(length=32), nullable=False),
        sa.Column("from_epoch", sa.BigInteger(), nullable=False),
        sa.Column("to_epoch", sa.BigInteger(), nullable=True),
        sa.Column("devices", sa.Integer(), nullable=False),
        sa.Column("rekey_epoch", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("latest_history_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "conversation_id", "cell_id", "from_epoch", name=op.f("pk_cell_lines")
        ),
    )
    op.create_index(
        op.f("ix_cell_lines_conversation_id_cell_lines_to_epoch"),
        "cell_lines",
        ["conversation_id", "to_epoch"],
        unique=False,
    )
    op.create_table(
        "conduct_acceptances",
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("accepted_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "version", name=op.f("pk_conduct_acceptances")),
    )
    op.create_table(
        "conduct_codes",
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=True),
        sa.Column("asks_again", sa.Boolean(), nullable=False),
        sa.Column("texts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_conduct_codes")),
    )
    op.create_table(
        "conversation_keys",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("key_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("stored_ms", sa.BigInteger(), nullable=False),
        sa.Column("author", sa.LargeBinary(length=32), nullable=False),
        sa.Column("author_person", sa.String(length=32), nullable=False),
        sa.Column("free", sa.Boolean(), nullable=False),
        sa.Column("kem", sa.Integer(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("seals", sa.LargeBinary(), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("conversation_id", "key_id", name=op.f("pk_conversation_keys")),
    )
    op.create_index(
        op.f("ix_conversation_keys_author_person_conversation_keys_stored_ms"),
        "conversation_keys",
        ["author_person", "stored_ms"],
        unique=False,
    )
    op.create_index(
        op.f(
            "ix_conversation_keys_conversation_id_conversation_keys_epoch_conversation_keys_created_ms"
        ),
        "conversation_keys",
        ["conversation_id", "epoch", "created_ms"],
        unique=False,
    )
    op.create_index(
        op.f("ix_conversation_keys_stored_ms"), "conversation_keys", ["stored_ms"], unique=False
    )
    op.create_table(
        "conversations",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("created_by", sa.String(length=32), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("who_may_post", sa.String(length=16), nullable=False),
        sa.Column("history_days", sa.Integer(), nullable=True),
        sa.Column("direct_people", sa.String(length=65), nullable=True),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_message_ms", sa.BigInteger(), nullable=True),
        sa.Column("log_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("named_epoch", sa.BigInteger(), nullable=False),
        sa.Column("state_seq", sa.BigInteger(), nullable=True),
        sa.Column("members", sa.Integer(), nullable=False),
        sa.Column("listed_people", sa.Integer(), nullable=False),
        sa.Column("info_number", sa.BigInteger(), nullable=False),
        sa.Column("kem", sa.Integer(), nullable=False),
        sa.Column("roster_epoch", sa.BigInteger(), nullable=False),
        sa.Column("rekey_epoch", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.Column("head_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("head_ms", sa.BigInteger(), nullable=False),
        sa.Column("devices", sa.Integer(), nullable=False),
        sa.Column("cells", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_conversations")),
    )
    op.create_index(
        op.f("ix_conversations_created_by_conversations_created_ms"),
        "conversations",
        ["created_by", "created_ms"],
        unique=False,
    )
    op.create_index(op.f("ix_conversations_head_ms"), "conversations", ["head_ms"], unique=False)
    op.create_index(
        op.f("ix_conversations_last_message_ms"), "conversations", ["last_message_ms"], unique=False
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
    op.create_index("ix_cursors_person", "cursors", ["conversation_id", "person_id"], unique=False)
    op.create_table(
        "directory_former_units",
        sa.Column("unit_id", sa.String(length=64), nullable=False),
        sa.Column("parent_id", sa.String(length=64), nullable=True),
        sa.Column("level", sa.String(length=32), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("name_te", sa.Text(), nullable=False),
        sa.Column("name_ur", sa.Text(), nullable=False),
        sa.Column("name_hi", sa.Text(), nullable=False),
        sa.Column("into_id", sa.String(length=64), nullable=True),
        sa.Column("ended_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("unit_id", name=op.f("pk_directory_former_units")),
    )
    op.create_table(
        "directory_group_policy",
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("line", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_directory_group_policy")),
    )
    op.create_table(
        "directory_import_aliases",
        sa.Column("part", sa.String(length=32), nullable=False),
        sa.Column("field", sa.String(length=16), nullable=False),
        sa.Column("typed", sa.String(length=200), nullable=False),
        sa.Column("paths", sa.Text(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("part", "field", "typed", name=op.f("pk_directory_import_aliases")),
    )
    op.create_table(
        "directory_import_mappings",
        sa.Column("part", sa.String(length=32), nullable=False),
        sa.Column("fingerprint", sa.String(length=32), nullable=False),
        sa.Column("paths", sa.Text(), nullable=False),
        sa.Column("mapping", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("part", "fingerprint", name=op.f("pk_directory_import_mappings")),
    )
    op.create_table(
        "directory_import_parts",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("part", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", "part", name=op.f("pk_directory_import_parts")),
    )
    op.create_table(
        "directory_import_turn",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_import_turn")),
    )
    op.create_table(
        "directory_imports",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("organisation", sa.String(length=64), nullable=False),
        sa.Column("undoes", sa.Integer(), nullable=True),
        sa.Column("undone_ms", sa.BigInteger(), nullable=True),
        sa.Column("paths", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_directory_imports")),
    )
    op.create_table(
        "directory_levels",
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("name_te", sa.Text(), nullable=False),
        sa.Column("name_ur", sa.Text(), nullable=False),
        sa.Column("name_hi", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_directory_levels")),
    )
    op.create_table(
        "directory_people",
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("name_te", sa.Text(), nullable=False),
        sa.Column("name_ur", sa.Text(), nullable=False),
        sa.Column("name_hi", sa.Text(), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("rank", sa.String(length=32), nullable=False),
        sa.Column("post_id", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column(
            "sort_key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False
        ),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.Column("posted_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_directory_people")),
        sa.UniqueConstraint("code", name=op.f("uq_directory_people_code")),
    )
    op.create_index(
        "ix_directory_people_by_post",
        "directory_people",
        ["post_id", "status", "person_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_directory_people_number"), "directory_people", ["number"], unique=False
    )
    op.create_index(
        op.f("ix_directory_people_sort_key"), "directory_people", ["sort_key"], unique=False
    )
    op.create_table(
        "directory_planned_transfers",
        sa.Column("planned_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("place", sa.LargeBinary(), nullable=False),
        sa.Column("unit_id", sa.String(length=64), nullable=False),
        sa.Column("rank", sa.String(length=32), nullable=True),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("planner_id", sa.String(length=32), nullable=True),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("planned_id", name=op.f("pk_directory_planned_transfers")),
    )
    op.create_index(
        op.f("ix_directory_planned_transfers_state_directory_planned_transfers_due_ms"),
        "directory_planned_transfers",
        ["state", "due_ms"],
        unique=False,
    )
    op.create_table(
        "directory_post_search",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("post_id", sa.String(length=32), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_post_search")),
        sa.UniqueConstraint("post_id", name=op.f("uq_directory_post_search_post_id")),
    )
    op.create_table(
        "directory_postings",
        sa.Column(
            "posting_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("post_id", sa.String(length=32), nullable=False),
        sa.Column("charge", sa.String(length=16), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("posting_id", name=op.f("pk_directory_postings")),
    )
    op.create_index(
        "ix_directory_postings_open",
        "directory_postings",
        ["post_id"],
        unique=False,
        sqlite_where=sa.text("until_ms IS NULL"),
        postgresql_where=sa.text("until_ms IS NULL"),
    )
    op.create_index(
        op.f("ix_directory_postings_person_id"), "directory_postings", ["person_id"], unique=False
    )
    op.create_table(
        "directory_posts",
        sa.Column("post_id", sa.String(length=32), nullable=False),
        sa.Column("unit_id", sa.String(length=64), nullable=False),
        sa.Column("post_en", sa.Text(), nullable=False),
        sa.Column("post_te", sa.Text(), nullable=False),
        sa.Column("post_ur", sa.Text(), nullable=False),
        sa.Column("post_hi", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("head", sa.Boolean(), nullable=False),
        sa.Column("abolished_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("post_id", name=op.f("pk_directory_posts")),
    )
    op.create_index(
        "ix_directory_posts_by_unit", "directory_posts", ["unit_id", "post_id"], unique=False
    )
    op.create_table(
        "directory_ranks",
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("name_te", sa.Text(), nullable=False),
        sa.Column("name_ur", sa.Text(), nullable=False),
        sa.Column("name_hi", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_directory_ranks")),
    )
    op.create_table(
        "directory_reorganisations",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("paths", sa.Text(), nullable=False),
        sa.Column("kept", sa.LargeBinary(), nullable=False),
        sa.Column("undoes", sa.Integer(), nullable=True),
        sa.Column("undone_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_directory_reorganisations")),
    )
    op.create_table(
        "directory_roles",
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("name_te", sa.Text(), nullable=False),
        sa.Column("name_ur", sa.Text(), nullable=False),
        sa.Column("name_hi", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_directory_roles")),
    )
    op.create_table(
        "directory_scim_external_ids",
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("external_id", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_directory_scim_external_ids")),
    )
    op.create_index(
        op.f("ix_directory_scim_external_ids_external_id"),
        "directory_scim_external_ids",
        ["external_id"],
        unique=False,
    )
    op.create_table(
        "directory_scim_systems",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.String(length=8), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_directory_scim_systems")),
        sa.UniqueConstraint("token", name=op.f("uq_directory_scim_systems_token")),
    )
    op.create_table(
        "directory_search",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column(
            "sort_key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False
        ),
        sa.Column("words", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_search")),
        sa.UniqueConstraint("person_id", name=op.f("uq_directory_search_person_id")),
    )
    op.create_index(
        op.f("ix_directory_search_sort_key"), "directory_search", ["sort_key"], unique=False
    )
    op.create_table(
        "directory_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.Column("organisation_ms", sa.BigInteger(), nullable=False),
        sa.Column("rights_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_state")),
    )
    op.create_table(
        "directory_units",
        sa.Column("unit_id", sa.String(length=64), nullable=False),
        sa.Column("parent_id", sa.String(length=64), nullable=True),
        sa.Column("level", sa.String(length=32), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("name_te", sa.Text(), nullable=False),
        sa.Column("name_ur", sa.Text(), nullable=False),
        sa.Column("name_hi", sa.Text(), nullable=False),
        sa.Column(
            "path", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False
        ),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("unit_id", name=op.f("pk_directory_units")),
    )
    op.create_table(
        "directory_upload_chunks",
        sa.Column("upload_id", sa.String(length=32), nullable=False),
        sa.Column("chunk", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("upload_id", "chunk", name=op.f("pk_directory_upload_chunks")),
    )
    op.create_table(
        "directory_upload_pages",
        sa.Column("upload_id", sa.String(length=32), nullable=False),
        sa.Column("shown", sa.String(length=16), nullable=False),
        sa.Column("page", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(
            "upload_id", "shown", "page", name=op.f("pk_directory_upload_pages")
        ),
    )
    op.create_table(
        "directory_uploads",
        sa.Column("upload_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("part", sa.String(length=16), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("beat_ms", sa.BigInteger(), nullable=False),
        sa.Column("problem", sa.String(length=32), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("choices", sa.Text(), nullable=False),
        sa.Column("preview", sa.Text(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("upload_id", name=op.f("pk_directory_uploads")),
    )
    op.create_table(
        "guard_pictures",
        sa.Column("marked_number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("unmarked_number", sa.BigInteger(), nullable=True),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("claimed", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("report_id", sa.String(length=32), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("marked_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("marked_number", name=op.f("pk_guard_pictures")),
        sa.UniqueConstraint("unmarked_number", name=op.f("uq_guard_pictures_unmarked_number")),
    )
    op.create_index(
        "ix_guard_pictures_hash",
        "guard_pictures",
        ["hash"],
        unique=True,
        sqlite_where=sa.text("unmarked_number IS NULL"),
        postgresql_where=sa.text("unmarked_number IS NULL"),
    )
    op.create_table(
        "guard_policies",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=True),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_guard_policies")),
    )
    op.create_table(
        "heads",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "epoch", name=op.f("pk_heads")),
    )
    op.create_index(op.f("ix_heads_created_ms"), "heads", ["created_ms"], unique=False)
    op.create_table(
        "admin_made",
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("by_id", sa.String(length=32), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "by_id", name=op.f("pk_admin_made")),
    )
    op.create_table(
        "budgets_spent",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("spender", sa.String(length=80), nullable=False),
        sa.Column("step_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", "spender", "step_ms", name=op.f("pk_budgets_spent")),
    )
    op.create_index(op.f("ix_budgets_spent_step_ms"), "budgets_spent", ["step_ms"], unique=False)
    op.create_table(
        "key_asks",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("device", sa.LargeBinary(length=32), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "device", name=op.f("pk_key_asks")),
    )
    op.create_index(op.f("ix_key_asks_asked_ms"), "key_asks", ["asked_ms"], unique=False)
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("holder", sa.String(length=16), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "late_seal_asks",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("key_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("cell_key_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("device", sa.LargeBinary(length=32), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "conversation_id", "key_id", "cell_key_id", "device", name=op.f("pk_late_seal_asks")
        ),
    )
    op.create_index(
        op.f("ix_late_seal_asks_asked_ms"), "late_seal_asks", ["asked_ms"], unique=False
    )
    op.create_table(
        "late_seals",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("key_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("cell_key_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("seal", sa.LargeBinary(), nullable=False),
        sa.Column("stored_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "conversation_id", "key_id", "cell_key_id", name=op.f("pk_late_seals")
        ),
    )
    op.create_index(op.f("ix_late_seals_stored_ms"), "late_seals", ["stored_ms"], unique=False)
    op.create_table(
        "leaves",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("device", sa.LargeBinary(length=32), nullable=False),
        sa.Column("from_epoch", sa.BigInteger(), nullable=False),
        sa.Column("to_epoch", sa.BigInteger(), nullable=True),
        sa.Column("client_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("cell_id", sa.String(length=32), nullable=False),
        sa.Column("history_from_ms", sa.BigInteger(), nullable=False),
        sa.Column("rights", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "device", "from_epoch", name=op.f("pk_leaves")),
    )
    op.create_index(
        "ix_leaves_cell", "leaves", ["conversation_id", "cell_id", "to_epoch"], unique=False
    )
    op.create_index(
        "ix_leaves_client",
        "leaves",
        ["client_id"],
        unique=False,
        sqlite_where=sa.text("to_epoch IS NULL"),
        postgresql_where=sa.text("to_epoch IS NULL"),
    )
    op.create_index(
        "ix_leaves_issuer",
        "leaves",
        ["conversation_id"],
        unique=False,
        sqlite_where=sa.text("rights >= 4 AND to_epoch IS NULL"),
        postgresql_where=sa.text("rights >= 4 AND to_epoch IS NULL"),
    )
    op.create_index(
        "ix_leaves_person",
        "leaves",
        ["person_id", "conversation_id"],
        unique=False,
        sqlite_where=sa.text("to_epoch IS NULL"),
        postgresql_where=sa.text("to_epoch IS NULL"),
    )
    op.create_table(
        "lesson_images",
        sa.Column("lesson_id", sa.String(length=80), nullable=False),
        sa.Column("source", sa.String(length=8), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("lesson_id", "source", "name", name=op.f("pk_lesson_images")),
    )
    op.create_table(
        "lesson_problems",
        sa.Column("lesson_id", sa.String(length=80), nullable=False),
        sa.Column("problems", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("lesson_id", name=op.f("pk_lesson_problems")),
    )
    op.create_table(
        "lesson_texts",
        sa.Column("lesson_id", sa.String(length=80), nullable=False),
        sa.Column("source", sa.String(length=8), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("lesson_id", "source", "language", name=op.f("pk_lesson_texts")),
    )
    op.create_table(
        "lesson_uploads",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("kept_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_lesson_uploads")),
    )
    op.create_index(op.f("ix_lesson_uploads_kept_ms"), "lesson_uploads", ["kept_ms"], unique=False)
    op.create_table(
        "lessons",
        sa.Column("lesson_id", sa.String(length=80), nullable=False),
        sa.Column("source", sa.String(length=8), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("lesson_id", "source", name=op.f("pk_lessons")),
    )
    op.create_table(
        "log_entries",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.String(length=32), nullable=False),
        sa.Column("device", sa.LargeBinary(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("sent_ms", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("named_epoch", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("header_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("before_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("message", sa.LargeBinary(), nullable=False),
        sa.Column("quiet", sa.Boolean(), nullable=False),
        sa.Column("flash", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "seq", name=op.f("pk_log_entries")),
        sa.UniqueConstraint(
            "conversation_id", "message_id", name=op.f("uq_log_entries_conversation_id_message_id")
        ),
    )
    op.create_index(
        op.f("ix_log_entries_conversation_id_log_entries_sent_ms"),
        "log_entries",
        ["conversation_id", "sent_ms"],
        unique=False,
    )
    op.create_index(op.f("ix_log_entries_sent_ms"), "log_entries", ["sent_ms"], unique=False)
    op.create_table(
        "member_changes",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("change_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.Column("left", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "change_id", name=op.f("pk_member_changes")),
    )
    op.create_index(
        op.f("ix_member_changes_changed_ms"), "member_changes", ["changed_ms"], unique=False
    )
    op.create_index(
        op.f("ix_member_changes_person_id_member_changes_changed_ms"),
        "member_changes",
        ["person_id", "changed_ms"],
        unique=False,
    )
    op.create_table(
        "members",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("admin", sa.Boolean(), nullable=False),
        sa.Column("added_ms", sa.BigInteger(), nullable=False),
        sa.Column("added_by", sa.String(length=32), nullable=True),
        sa.Column("history_from_ms", sa.BigInteger(), nullable=False),
        sa.Column("removed_ms", sa.BigInteger(), nullable=True),
        sa.Column("removed_by", sa.String(length=32), nullable=True),
        sa.Column("muted_until_ms", sa.BigInteger(), nullable=True),
        sa.Column("pinned", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "person_id", name=op.f("pk_members")),
    )
    op.create_index(
        "ix_members_admins",
        "members",
        ["conversation_id", "person_id"],
        unique=False,
        sqlite_where=sa.text("admin"),
        postgresql_where=sa.text("admin"),
    )
    op.create_index(op.f("ix_members_person_id"), "members", ["person_id"], unique=False)
    op.create_table(
        "order_texts",
        sa.Column("order_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", "person_id", name=op.f("pk_order_texts")),
    )
    op.create_index(op.f("ix_order_texts_asked_ms"), "order_texts", ["asked_ms"], unique=False)
    op.create_index(
        op.f("ix_order_texts_person_id_order_texts_asked_ms"),
        "order_texts",
        ["person_id", "asked_ms"],
        unique=False,
    )
    op.create_table(
        "orders",
        sa.Column("order_id", sa.String(length=32), nullable=False),
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("header_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("issuer_id", sa.String(length=32), nullable=False),
        sa.Column("issued_ms", sa.BigInteger(), nullable=False),
        sa.Column("priority", sa.String(length=16), nullable=False),
        sa.Column("choices", sa.SmallInteger(), nullable=False),
        sa.Column("answers", sa.Boolean(), nullable=False),
        sa.Column("valid_until_ms", sa.BigInteger(), nullable=True),
        sa.Column("readers", sa.String(length=300), nullable=False),
        sa.Column("remind_minutes", sa.String(length=64), nullable=False),
        sa.Column("escalate_minutes", sa.Integer(), nullable=True),
        sa.Column("escalate_below", sa.SmallInteger(), nullable=False),
        sa.Column("texts", sa.LargeBinary(), nullable=False),
        sa.Column("asked_seq", sa.BigInteger(), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn_seq", sa.BigInteger(), nullable=True),
        sa.Column("withdrawn_ms", sa.BigInteger(), nullable=True),
        sa.Column("escalated_ms", sa.BigInteger(), nullable=True),
        sa.Column("due_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_orders")),
    )
    op.create_index(
        op.f("ix_orders_conversation_id_orders_issued_ms"),
        "orders",
        ["conversation_id", "issued_ms"],
        unique=False,
    )
    op.create_index(
        "ix_orders_due",
        "orders",
        ["due_ms"],
        unique=False,
        sqlite_where=sa.text("due_ms IS NOT NULL"),
        postgresql_where=sa.text("due_ms IS NOT NULL"),
    )
    op.create_index(op.f("ix_orders_issued_ms"), "orders", ["issued_ms"], unique=False)
    op.create_table(
        "push_planned",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_push_planned")),
    )
    op.create_table(
        "push_queue",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("client_id", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("origin", sa.String(length=255), nullable=False),
        sa.Column("queued_ms", sa.BigInteger(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=True),
        sa.Column("sent_ms", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "client_id", name=op.f("pk_push_queue")),
    )
    op.create_index(op.f("ix_push_queue_client_id"), "push_queue", ["client_id"], unique=False)
    op.create_index(
        "ix_push_queue_due",
        "push_queue",
        ["origin", "due_ms"],
        unique=False,
        sqlite_where=sa.text("due_ms IS NOT NULL"),
        postgresql_where=sa.text("due_ms IS NOT NULL"),
    )
    op.create_index(op.f("ix_push_queue_sent_ms"), "push_queue", ["sent_ms"], unique=False)
    op.create_table(
        "push_subscriptions",
        sa.Column("client_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("origin", sa.String(length=255), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("success_ms", sa.BigInteger(), nullable=True),
        sa.Column("failing_since_ms", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_push_subscriptions")),
    )
    op.create_table(
        "receipt_versions",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_receipt_versions")),
    )
    op.create_table(
        "report_proofs",
        sa.Column("report_id", sa.String(length=32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("report_id", name=op.f("pk_report_proofs")),
    )
    op.create_table(
        "report_readers",
        sa.Column("report_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("key_ids", sa.LargeBinary(), nullable=False),
        sa.Column("devices", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("report_id", "person_id", name=op.f("pk_report_readers")),
    )
    op.create_index(
        op.f("ix_report_readers_person_id"), "report_readers", ["person_id"], unique=False
    )
    op.create_table(
        "report_seals",
        sa.Column("report_id", sa.String(length=32), nullable=False),
        sa.Column("envelope", sa.String(length=6), nullable=False),
        sa.Column("key_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("by_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("device", sa.LargeBinary(length=32), nullable=False),
        sa.Column("kem", sa.Integer(), nullable=False),
        sa.Column("seal", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(
            "report_id", "envelope", "key_id", "by_id", name=op.f("pk_report_seals")
        ),
    )
    op.create_table(
        "reports",
        sa.Column("report_id", sa.String(length=32), nullable=False),
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("message_id", sa.String(length=32), nullable=False),
        sa.Column("header_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("reporter_id", sa.String(length=32), nullable=False),
        sa.Column("reported_id", sa.String(length=32), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("clause", sa.SmallInteger(), nullable=False),
        sa.Column("messages", sa.SmallInteger(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("assignee_id", sa.String(length=32), nullable=True),
        sa.Column("decider_id", sa.String(length=32), nullable=True),
        sa.Column("second_id", sa.String(length=32), nullable=True),
        sa.Column("finding", sa.String(length=9), nullable=True),
        sa.Column("decided_clause", sa.SmallInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("sanction", sa.String(length=9), nullable=True),
        sa.Column("days", sa.SmallInteger(), nullable=True),
        sa.Column("decided_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("report_id", name=op.f("pk_reports")),
    )
    op.create_index(op.f("ix_reports_message_id"), "reports", ["message_id"], unique=False)
    op.create_index(op.f("ix_reports_reported_id"), "reports", ["reported_id"], unique=False)
    op.create_index(
        op.f("ix_reports_reporter_id_reports_created_ms"),
        "reports",
        ["reporter_id", "created_ms"],
        unique=False,
    )
    op.create_index(
        op.f("ix_reports_state_reports_created_ms"),
        "reports",
        ["state", "created_ms"],
        unique=False,
    )
    op.create_table(
        "roster_marks",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("mark", sa.String(length=32), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "person_id", name=op.f("pk_roster_marks")),
    )
    op.create_table(
        "roster_rounds",
        sa.Column("id", sa.SmallInteger(), nullable=False),
        sa.Column("people_version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster_rounds")),
    )
    op.create_table(
        "sanction_appeals",
        sa.Column("report_id", sa.String(length=32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("devices", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(length=6), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decider_id", sa.String(length=32), nullable=True),
        sa.Column("decided_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("report_id", name=op.f("pk_sanction_appeals")),
    )
    op.create_table(
        "sanctions",
        sa.Column("report_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=9), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.Column("acknowledged_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("in_rosters", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("report_id", name=op.f("pk_sanctions")),
    )
    op.create_index(
        "ix_sanctions_in_rosters",
        "sanctions",
        ["until_ms"],
        unique=False,
        sqlite_where=sa.text("in_rosters"),
        postgresql_where=sa.text("in_rosters"),
    )
    op.create_index(op.f("ix_sanctions_person_id"), "sanctions", ["person_id"], unique=False)
    op.create_table(
        "sender_chains",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("device", sa.LargeBinary(length=32), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("header", sa.LargeBinary(), nullable=False),
        sa.Column("header_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "device", name=op.f("pk_sender_chains")),
    )
    op.create_table(
        "share_requests",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("device", sa.LargeBinary(length=32), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("reference", sa.LargeBinary(length=16), nullable=False),
        sa.Column("client_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.Column("helped_until_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "conversation_id", "device", "kind", "reference", name=op.f("pk_share_requests")
        ),
    )
    op.create_index(
        op.f("ix_share_requests_asked_ms"), "share_requests", ["asked_ms"], unique=False
    )
    op.create_index(
        op.f("ix_share_requests_client_id"), "share_requests", ["client_id"], unique=False
    )
    op.create_table(
        "shares",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("device", sa.LargeBinary(length=32), nullable=False),
        sa.Column("share_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("client_id", sa.String(length=32), nullable=False),
        sa.Column("helper", sa.LargeBinary(length=32), nullable=False),
        sa.Column("share", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "device", "share_hash", name=op.f("pk_shares")),
    )
    op.create_index(op.f("ix_shares_client_id"), "shares", ["client_id"], unique=False)
    op.create_index(op.f("ix_shares_created_ms"), "shares", ["created_ms"], unique=False)
    op.create_table(
        "trainees",
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_trainees")),
    )
    op.create_table(
        "training_begun",
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("course", sa.String(length=16), nullable=False),
        sa.Column("completed_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("person_id", "course", name=op.f("pk_training_begun")),
    )
    op.create_index(
        "ix_training_begun_by_course",
        "training_begun",
        ["course", "person_id", "completed_ms"],
        unique=False,
    )
    op.create_table(
        "training_done",
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("lesson_id", sa.String(length=80), nullable=False),
        sa.Column("course", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("right_first", sa.Integer(), nullable=False),
        sa.Column("done_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "lesson_id", name=op.f("pk_training_done")),
    )
    op.create_table(
        "training_reminders",
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=True),
        sa.Column("asked_course", sa.String(length=16), nullable=True),
        sa.Column("reminded_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_training_reminders")),
    )
    op.create_table(
        "wakeups",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("node", sa.String(length=16), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wakeups")),
    )
    for statement in word_index.statements(
        op.get_bind().dialect.name, "directory_post_search", "words"
    ):
        op.get_bind().exec_driver_sql(statement)
    for statement in word_index.statements(op.get_bind().dialect.name, "directory_search", "words"):
        op.get_bind().exec_driver_sql(statement)
