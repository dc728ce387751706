"""Limits that several parts hold, server and client, each in one place. Imports nothing.

:mod:`copconnect.wire` passes them on, and ``client/src/limits.ts`` is generated from here. Limits
that the server alone holds are beside the rules that use them; limits that an operator may change
are settings.
"""

_MINUTE_MS, _DAY_MS = 60_000, 86_400_000

WIRE_VERSION = 2

APP_CHARACTERS = 32  # The version of a program that runs on a device.
MAX_MESSAGE_BYTES = 256 * 1024  # Header, signature and body of one message.
HEADER_BYTES = 307  # The header of a message, before its signature.
MAX_RECORD_BYTES = 4096  # Any record of docs/keys.md but a revocation.
MAX_REVOCATION_BYTES = 64 * 1024  # It lists 2,000 endorsements and grants that still stand.
GROUP_POLICY_LINES = 200
MAX_ACT_BYTES = 128 * 1024  # The JSON of an administrative act, a revocation in base64 included.
CONDUCT_RULES = 30  # Rules of the code of conduct at most.
CONDUCT_RULE_CHARACTERS = 300  # One rule in one language has at most so many.
CONDUCT_TITLE_CHARACTERS = 100
GUARD_POLICY_CHARACTERS = 3_000  # The JSON of the guard's policy has to fit into its record.
PICTURE_HASH_BYTES = 32  # The perceptual hash of a picture.
KNOWN_PICTURES = 20_000  # Pictures that moderators marked, at most.
# Acts that ask for the person who signs them (Presence), by their tags.
ACTS_OF_WEIGHT = (
    "apply_import",
    "approve_act",
    "enrol_authenticator",
    "export_part",
    "give_grant",
    "make_enrolment_codes",
    "publish_conduct",
    "reorganise_units",
    "revoke_device",
    "set_group_policy",
    "set_guard_policy",
    "set_rights",
    "undo_import",
    "undo_reorganisation",
    "withdraw_grant",
)
MAX_PRESENCE_BYTES = 4096  # A proof of presence.
MAX_CREDENTIAL_BYTES = 1023  # The id of an authenticator's credential, as WebAuthn limits it.
ACT_PEOPLE = 500  # People whom one administrative act names.
REORGANISATION_STEPS = 500  # Steps of one reorganisation.
REORGANISED_PEOPLE = 2_000  # People whom one reorganisation names.
MAX_IMPORT_BYTES = 64 * 1024 * 1024  # A file that the data bank is imported from.
IMPORT_CHUNK_BYTES = 1024 * 1024  # Bytes in one chunk of it.
MAX_SEALS_BYTES = 2 * 1024 * 1024  # Seals in one request: 1,700 with X-Wing. More: S9.
CELL_SIZE = 256  # Devices in one cell at most.
KNOWN_DEVICES = 1024  # Up to so many, every device of a conversation knows all leaves.
SEALS_ASKED = 64  # S9: seals that one request asks a device for, at most.
SHARE_SECRETS = 512  # Secrets in one key share at most.
SHARES_AT_ONCE = 16  # D4: devices that one question and one answer are about, at most.
KEY_MESSAGES = 10_000  # Messages under one conversation key at most.
LOG_HASHES = 1_000  # R4: a device keeps the log's hashes of so many newest entries.
RECEIPT_PEOPLE = 256  # In larger conversations receipts are counted, not told by person.
LACKED_KEYS = 256  # Keys that one receipt names, the newest ones.
DEVICES_PER_PERSON = 8
GROUP_PEOPLE = 1024  # In a group made without a grant.
LISTED_PEOPLE = 5000  # In one request that makes or changes a conversation.
POSITIONS_IN_HELLO = 1_000
POSITION_BYTES = 512  # A live position at most.
CURSORS_IN_FRAME = 1_000
MAX_ATTACHMENT_BYTES = 2 * 1024**3  # Plaintext size.
LINK_TITLE = 200  # Characters of a preview's lines.
LINK_DESCRIPTION = 300
LINK_PICTURE_BYTES = 4_096  # The small picture of a preview, in the message.
EVERYBODY_DEVICES = 50  # M5: in a group of no more, each member may mention everybody.
WAKES = 20  # People whom one message wakes although they muted its conversation.
ORDER_CHOICES = 6  # Texts that an order gives to choose from, at most.
ORDER_ITEMS = 12  # Items of an order's checklist, at most.
ORDER_READERS = 8  # People whom an order appoints beside its issuer, at most.
ORDER_UNITS = 50  # Units to which somebody issues an order at once, at most.
UNREADABLE = 255  # The choice of a record by which somebody says: I cannot read the order.
REMINDERS = 5  # One order has no more.
REMIND_AGAIN_MS = 30 * 60 * 1000  # Between reminders of an order that somebody asks for.
ACKNOWLEDGEMENTS = 500  # In one request.
MAX_ANSWER_BYTES = 32 * 1024  # A sealed answer to an order.
MAX_REPORT_BYTES = 2 * 1024 * 1024  # A sealed proof: six of the largest messages, and its seals.
MAX_APPEAL_BYTES = 96 * 1024  # A sealed appeal.
LISTING_TITLE = 100  # Characters of the name under which people find a group.
LISTING_PURPOSE = 300
LISTED_GROUPS = 200  # Groups, and requests to join groups, in one answer.
JOIN_REASON_BYTES = 1_000  # UTF-8, of the reason for which somebody asks to join.
MAX_JOIN_REQUEST_BYTES = 80 * 1024  # The sealed reason.
REPORT_SEALS = 64  # Devices that a report or an appeal is sealed to, at most.
REPORT_ADDED_SEALS = 256  # Seals that moderators add to a report for later ones (F3), at most.
REPORTS_PER_DAY = 20  # A person may report no more.
REPORT_BYTES_PER_DAY = 4 * 1024 * 1024  # The sealed proofs of a person's reports together.
SANCTION_DAYS = 90  # A sanction is no longer.
ATTACHMENT_CHUNK_BYTES = 1024 * 1024  # Plaintext bytes in one chunk; each gains a 16-byte tag.

MAX_LESSON_BYTES = 24 * 1024  # The text of a lesson in one language.
LESSON_PICTURE_BYTES = 256 * 1024  # A picture of a lesson at most.
LESSON_PICTURES = 12  # Pictures of one lesson at most.
LESSON_NAME = "^(officer|head|admin|moderator)\\.[a-z0-9]+(-[a-z0-9]+)*$"

# Spans of docs/keys.md.
CLOCK_LEEWAY_MS = 10 * _MINUTE_MS  # How far ahead of this clock another's may be.
KEY_AGE_MS = _DAY_MS  # S2: a sender uses no older conversation key.
CELL_KEY_AGE_MS = 7 * _DAY_MS  # S4.
CELL_KEY_SHARED_MS = 26 * 60 * _MINUTE_MS  # H3: no older cell key is shared: after history_from.
# S9: a device waits so long for a seal that a holder is asked for, and up to twice as long.
AWAITED_MS = 30_000
DEVICE_KEY_AGE_MS = 14 * _DAY_MS  # S3: nothing is sealed to an older device key.
GRANT_LIMIT_MS = 180 * _DAY_MS
CARDS_IN_FORCE_MS = 7 * _DAY_MS  # An admin needs grants over a person's units of so long before.
LOSS_LIMIT_MS = 30 * _DAY_MS  # How far back anybody but a root admin may date a loss.
