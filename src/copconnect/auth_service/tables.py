"""Tables of the Authentication Service.

Secrets rest hashed: OTPs and enrolment codes under the server's secret, tickets and access tokens
by SHA-256.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, Text

from copconnect.database import METADATA

challenges = Table(
    "auth_challenges",
    METADATA,
    Column("challenge_id", String(32), primary_key=True),
    Column("number_hash", String(64), nullable=False),
    Column("person_id", String(32), nullable=True),  # None: an unknown number.
    Column("code_hash", String(64), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("closed", Integer, nullable=False),  # 1: used, or replaced by a newer one.
    Index(None, "number_hash", "created_ms"),
    Index(None, "created_ms"),
)
numbers = Table(  # One row for each number that ever asked, known or not: its lock.
    "auth_numbers",
    METADATA,
    Column("number_hash", String(64), primary_key=True),
    Column("asked_ms", BigInteger, nullable=False),
)
tickets = Table(
    "auth_tickets",
    METADATA,
    Column("ticket_hash", String(64), primary_key=True),
    Column("person_id", String(32), nullable=False),
    Column("step", String(16), nullable=False),  # As in wire.RegistrationStep, or "done".
    Column("attempts", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("approval_id", String(32), nullable=True),
    Column("client_id", String(32), nullable=True),
    Index(None, "person_id"),
    Index(None, "approval_id"),
    Index(None, "expires_ms"),
)
approvals = Table(
    "auth_approvals",
    METADATA,
    Column("approval_id", String(32), primary_key=True),
    Column("person_id", String(32), nullable=False),
    Column("requested_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),  # pending, approved, refused, withdrawn
    Column("decided_by", String(32), nullable=True),
    Column("decided_ms", BigInteger, nullable=True),
    Index(None, "person_id"),
    Index(None, "state", "requested_ms"),
)
enrolment_codes = Table(
    "auth_enrolment_codes",
    METADATA,
    Column("person_id", String(32), primary_key=True),
    Column("code_hash", String(64), nullable=False),
    Column("used_ms", BigInteger, nullable=True),
)
clients = Table(
    "auth_clients",
    METADATA,
    Column("client_id", String(32), primary_key=True),
    Column("person_id", String(32), nullable=False),
    Column("public_key", LargeBinary(32), nullable=False, unique=True),
    Column("label", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("last_seen_ms", BigInteger, nullable=True),
    Column("revoked_ms", BigInteger, nullable=True),
    Index(None, "person_id"),
)
certificates = Table(
    "auth_certificates",
    METADATA,
    Column("certificate_hash", String(64), primary_key=True),
    Column("client_id", String(32), nullable=False),
    Column("serial", String(40), nullable=False, unique=True),
    Column("certificate", LargeBinary, nullable=False),
    Column("issued_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("revoked_ms", BigInteger, nullable=True),
    Index(None, "client_id"),
    Index(None, "revoked_ms"),
)
tokens = Table(
    "auth_tokens",
    METADATA,
    Column("token_hash", String(64), primary_key=True),
    Column("client_id", String(32), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger, nullable=True),  # A revoked one is kept to say why.
    Column("ended_reason", String(16), nullable=True),  # As in ports.EndReason.
    Index(None, "client_id"),
    Index(None, "ended_ms"),
)
trust = Table(
    "auth_trust",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
    Column("issuing_hash", String(64), nullable=False),
)
# Wrong codes of all numbers together, by the slots of rules.failure_slot.
code_failures = Table(
    "auth_code_failures",
    METADATA,
    Column("slot", BigInteger, primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False),
)
demo_outbox = Table(
    "auth_demo_outbox",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("number", String(20), nullable=False),
    Column("text", Text, nullable=False),
    Column("sent_ms", BigInteger, nullable=False),
)
