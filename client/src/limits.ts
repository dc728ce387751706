// Generated from src/copconnect/limits.py by `python -m copconnect.wire.typescript`.
// Do not edit: change limits.py and run `make types`.

export const WIRE_VERSION = 2;

export const APP_CHARACTERS = 32;

export const MAX_MESSAGE_BYTES = 262144;

export const HEADER_BYTES = 307;

export const MAX_RECORD_BYTES = 4096;

export const MAX_REVOCATION_BYTES = 65536;

export const GROUP_POLICY_LINES = 200;

export const MAX_ACT_BYTES = 131072;

export const CONDUCT_RULES = 30;

export const CONDUCT_RULE_CHARACTERS = 300;

export const CONDUCT_TITLE_CHARACTERS = 100;

export const GUARD_POLICY_CHARACTERS = 3000;

export const PICTURE_HASH_BYTES = 32;

export const KNOWN_PICTURES = 20000;

export const MAX_PRESENCE_BYTES = 4096;

export const MAX_CREDENTIAL_BYTES = 1023;

export const ACT_PEOPLE = 500;

export const REORGANISATION_STEPS = 500;

export const REORGANISED_PEOPLE = 2000;

export const MAX_IMPORT_BYTES = 67108864;

export const IMPORT_CHUNK_BYTES = 1048576;

export const MAX_SEALS_BYTES = 2097152;

export const CELL_SIZE = 256;

export const KNOWN_DEVICES = 1024;

export const SEALS_ASKED = 64;

export const SHARE_SECRETS = 512;

export const SHARES_AT_ONCE = 16;

export const KEY_MESSAGES = 10000;

export const LOG_HASHES = 1000;

export const RECEIPT_PEOPLE = 256;

export const LACKED_KEYS = 256;

export const DEVICES_PER_PERSON = 8;

export const GROUP_PEOPLE = 1024;

export const LISTED_PEOPLE = 5000;

export const POSITIONS_IN_HELLO = 1000;

export const POSITION_BYTES = 512;

export const CURSORS_IN_FRAME = 1000;

export const MAX_ATTACHMENT_BYTES = 2147483648;

export const LINK_TITLE = 200;

export const LINK_DESCRIPTION = 300;

export const LINK_PICTURE_BYTES = 4096;

export const EVERYBODY_DEVICES = 50;

export const WAKES = 20;

export const ORDER_CHOICES = 6;

export const ORDER_ITEMS = 12;

export const ORDER_READERS = 8;

export const ORDER_UNITS = 50;

export const UNREADABLE = 255;

export const REMINDERS = 5;

export const REMIND_AGAIN_MS = 1800000;

export const ACKNOWLEDGEMENTS = 500;

export const MAX_ANSWER_BYTES = 32768;

export const MAX_REPORT_BYTES = 2097152;

export const MAX_APPEAL_BYTES = 98304;

export const LISTING_TITLE = 100;

export const LISTING_PURPOSE = 300;

export const LISTED_GROUPS = 200;

export const JOIN_REASON_BYTES = 1000;

export const MAX_JOIN_REQUEST_BYTES = 81920;

export const REPORT_SEALS = 64;

export const REPORT_ADDED_SEALS = 256;

export const REPORTS_PER_DAY = 20;

export const REPORT_BYTES_PER_DAY = 4194304;

export const SANCTION_DAYS = 90;

export const ATTACHMENT_CHUNK_BYTES = 1048576;

export const MAX_LESSON_BYTES = 24576;

export const LESSON_PICTURE_BYTES = 262144;

export const LESSON_PICTURES = 12;

export const CLOCK_LEEWAY_MS = 600000;

export const KEY_AGE_MS = 86400000;

export const CELL_KEY_AGE_MS = 604800000;

export const CELL_KEY_SHARED_MS = 93600000;

export const AWAITED_MS = 30000;

export const DEVICE_KEY_AGE_MS = 1209600000;

export const GRANT_LIMIT_MS = 15552000000;

export const CARDS_IN_FORCE_MS = 604800000;

export const LOSS_LIMIT_MS = 2592000000;

export const ACTS_OF_WEIGHT = ["apply_import", "approve_act", "enrol_authenticator", "export_part", "give_grant", "make_enrolment_codes", "publish_conduct", "reorganise_units", "revoke_device", "set_group_policy", "set_guard_policy", "set_rights", "undo_import", "undo_reorganisation", "withdraw_grant"] as const;
