"""Limits that both sides hold, each in one place."""

WIRE_VERSION = 2

MAX_MESSAGE_BYTES = 256 * 1024  # Header, signature and body of one message.
HEADER_BYTES = 290  # The header of a message, before its signature.
MAX_RECORD_BYTES = 4096  # Any record of KEYS.md but a revocation.
MAX_REVOCATION_BYTES = 64 * 1024  # It lists 2,000 endorsements and grants that still stand.
MAX_PROOF_BYTES = 4096  # A leaf with its proof.
MAX_SEALS_BYTES = 2 * 1024 * 1024  # All seals of one record: 1,700 with X-Wing.
CELL_SIZE = 256  # Devices in one cell at most.
DIRECT_SEALS = 1024  # Direct seals of one record at most.
SHARE_SECRETS = 512  # Secrets in one key share at most.
KEY_MESSAGES = 10_000  # Messages under one conversation key at most.
RECEIPT_PEOPLE = 256  # In larger conversations receipts are counted, not told by person.
DEVICES_PER_PERSON = 8
GROUP_PEOPLE = 1024  # In a group made without a grant.
MAX_ATTACHMENT_BYTES = 2 * 1024**3  # Plaintext size.
ATTACHMENT_CHUNK_BYTES = 1024 * 1024  # Plaintext bytes in one chunk; each gains a 16-byte tag.
