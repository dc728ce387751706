"""Tables of the Authentication Service.

Records are kept whole, as they were signed; the columns beside them are for finding them. The
verdict of E0 on a device is kept with its client, because a verdict changes only with a record:
reading who is confirmed costs no signature, and every node reads the same. Secrets rest hashed:
OTPs and enrolment codes under the server's secret, tickets and access tokens by SHA-256.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, Text

from copconnect.database.engine import METADATA

challenges = Table(
    "auth_challenges",
    METADATA,
    Column("challenge_id", String(32), primary_key=True),
    Column("number_hash", String(64), nullable=False),
    Column("address_hash", String(64), nullable=False),  # The number and the caller's address.
    Column("person_id", String(32), nullable=True),  # None: an unknown number.
    Column("code_hash", String(64), nullable=False),
    Column("digits", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("closed", Integer, nullable=False),  # 1: used.
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
    # Hash of the enrolment code that was given for it, which the registration uses up.
    Column("code_hash", String(64), nullable=True),
    Column("attempts", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("client_id", String(32), nullable=True),
    Index(None, "person_id"),
    Index(None, "expires_ms"),
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
    Column("device", LargeBinary(32), nullable=False, unique=True),
    Column("public_key", LargeBinary(32), nullable=False, unique=True),
    Column("label", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("last_seen_ms", BigInteger, nullable=True),
    Column("app", String(32), nullable=False, server_default=""),  # As in wire.Hello.
    Column("revoked_ms", BigInteger, nullable=True),
    # As in ports.EndReason. None: the device may act; set without revoked_ms: it is locked.
    Column("ended_reason", String(16), nullable=True),
    Column("locked_ms", BigInteger, nullable=True),  # Since when, of one that is or was locked.
    Column("locked_by", String(32), nullable=True),  # The person who asked for that.
    Column("confirmed", String(16), nullable=False),  # As in wire.Confirmed.
    Column("expires_ms", BigInteger, nullable=False),  # Expiry of the newest certificate.
    Column("lapsed", Integer, nullable=False),  # 1: conversations know that it has expired.
    # People with devices are counted in this index and not in the table.
    Index("ix_auth_clients_by_person", "person_id", "revoked_ms", "created_ms"),
    Index(None, "confirmed", "created_ms"),
    Index(None, "lapsed", "expires_ms"),
)
certificates = Table(
    "auth_certificates",
    METADATA,
    Column("certificate_hash", String(64), primary_key=True),
    Column("client_id", String(32), nullable=False),
    Column("certificate", LargeBinary, nullable=False),
    Column("issued_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Index(None, "client_id"),
    Index(None, "expires_ms"),
)
tokens = Table(
    "auth_tokens",
    METADATA,
    Column("token_hash", String(64), primary_key=True),
    Column("client_id", String(32), nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Index(None, "client_id"),
    Index(None, "expires_ms"),
)
trust = Table(
    "auth_trust",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
    Column("issuing_hash", String(64), nullable=False),
    # The version of the data bank up to which registered people have their cards.
    Column("cards_ms", BigInteger, nullable=False),
)
# Wrong codes of all numbers together, by the slots of rules.failure_slot.
code_failures = Table(
    "auth_code_failures",
    METADATA,
    Column("slot", BigInteger, primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False),
)
# --- Records of docs/keys.md ------------------------------------------------------------------

departments = Table(
    "auth_departments",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("record", LargeBinary, nullable=False),
)
incarnations = Table(  # One row for each restored backup (S8).
    "auth_incarnations",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("record", LargeBinary, nullable=False),
)
# One row for each person who has a record: each change of the person's records locks this row.
people = Table(
    "auth_people",
    METADATA,
    Column("person_id", String(32), primary_key=True),
    # Grows with every record; `version` is its value when one other than a DeviceKey came last.
    Column("keys_version", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("card", String(64), nullable=True),  # Hash of what the newest card says.
)
person_devices = Table(
    "auth_person_devices",
    METADATA,
    Column("person_id", String(32), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("record", LargeBinary, nullable=False),
)
person_cards = Table(
    "auth_person_cards",
    METADATA,
    Column("person_id", String(32), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("record", LargeBinary, nullable=False),
)
device_keys = Table(
    "auth_device_keys",
    METADATA,
    Column("device", LargeBinary(32), primary_key=True),
    Column("kem", Integer, primary_key=True, autoincrement=False),
    Column("generation", BigInteger, primary_key=True, autoincrement=False),
    Column("person_id", String(32), nullable=False),
    Column("key_id", LargeBinary(16), nullable=False),
    Column("record", LargeBinary, nullable=False),
    Column("stored_ms", BigInteger, nullable=False),
    Column("replaced_ms", BigInteger, nullable=True),
    Index(None, "person_id"),
    Index(None, "key_id"),
    Index(None, "replaced_ms"),
)
endorsements = Table(
    "auth_endorsements",
    METADATA,
    Column("hash", LargeBinary(32), primary_key=True),
    Column("person_id", String(32), nullable=False),
    Column("endorsed", LargeBinary(32), nullable=False),
    Column("endorser", LargeBinary(32), nullable=False),
    Column("endorser_person_id", String(32), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("record", LargeBinary, nullable=False),
    Index(None, "person_id"),
    Index(None, "endorser"),
)
grants = Table(
    "auth_grants",
    METADATA,
    Column("hash", LargeBinary(32), primary_key=True),
    Column("person_id", String(32), nullable=False),  # To whom.
    Column("grantor", LargeBinary(32), nullable=False),
    Column("grantor_person_id", String(32), nullable=False),
    Column("path", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("not_after_ms", BigInteger, nullable=False),
    Column("record", LargeBinary, nullable=False),
    Index(None, "person_id"),
    Index(None, "grantor"),
    Index(None, "path"),
)
revocations = Table(
    "auth_revocations",
    METADATA,
    Column("hash", LargeBinary(32), primary_key=True),
    Column("person_id", String(32), nullable=False),  # The device's owner.
    Column("device", LargeBinary(32), nullable=False),
    Column("signer", LargeBinary(32), nullable=False),  # Zeros: the roster authority.
    Column("signer_person_id", String(32), nullable=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("record", LargeBinary, nullable=False),
    Index(None, "person_id"),
    Index(None, "device"),
)
authenticators = Table(  # Proofs that a person is there.
    "auth_authenticators",
    METADATA,
    Column("key", LargeBinary(32), primary_key=True),  # Hash of the public key.
    Column("person_id", String(32), nullable=False),
    Column("device", LargeBinary(32), nullable=False),  # On which it was made.
    Column("state", String(16), nullable=False),  # As trust/authenticators.py says.
    Column("record", LargeBinary, nullable=False),  # Empty for a PIN.
    Column("created_ms", BigInteger, nullable=False),
    Index(None, "person_id"),
    Index(None, "state", "created_ms"),
)
confirmations = Table(  # Comparisons of digits under way (E3).
    "auth_confirmations",
    METADATA,
    Column("confirmation_id", String(32), primary_key=True),
    Column("endorser_person_id", String(32), nullable=False),
    Column("endorser_client_id", String(32), nullable=False),
    Column("endorser", LargeBinary(32), nullable=False),
    Column("new_person_id", String(32), nullable=False),
    Column("new_client_id", String(32), nullable=False),
    Column("new_device", LargeBinary(32), nullable=False),
    Column("commitment", LargeBinary(32), nullable=False),
    Column("answer", LargeBinary(16), nullable=True),
    Column("secret", LargeBinary(16), nullable=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Index(None, "endorser_client_id"),
    Index(None, "new_client_id"),
    Index(None, "expires_ms"),
)
