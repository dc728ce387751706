"""Tables of reports. Ids are hex; times ms since 1970.

``reports`` is one row for each case, with its decision; ``report_proofs`` the sealed bytes, which
queues never read; ``report_readers`` the people whose devices they are sealed to;
``report_seals`` seals that a moderator added for the devices of later ones (F3).
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    text,
)

from copconnect.database.engine import METADATA

REPORTS = Table(
    "reports",
    METADATA,
    Column("report_id", String(32), primary_key=True),
    Column("conversation_id", String(32), nullable=False),
    Column("message_id", String(32), nullable=False, index=True),
    Column("header_hash", LargeBinary(32), nullable=False),
    Column("reporter_id", String(32), nullable=False),
    Column("reported_id", String(32), nullable=False, index=True),
    Column("path", Text, nullable=False),  # The reported person's unit, as cards write it.
    Column("clause", SmallInteger, nullable=False),
    Column("messages", SmallInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("state", String(8), nullable=False),
    Column("assignee_id", String(32)),
    Column("decider_id", String(32)),
    Column("second_id", String(32)),  # The moderator who agreed, where two were needed.
    Column("finding", String(9)),
    Column("decided_clause", SmallInteger),
    Column("reason", Text, nullable=False),
    Column("sanction", String(9)),
    Column("days", SmallInteger),
    Column("decided_ms", BigInteger),
    Index(None, "reporter_id", "created_ms"),
    Index(None, "state", "created_ms"),
)
PROOFS = Table(
    "report_proofs",
    METADATA,
    Column("report_id", String(32), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)
READERS = Table(
    "report_readers",
    METADATA,
    Column("report_id", String(32), primary_key=True),
    Column("person_id", String(32), primary_key=True),
    Column("key_ids", LargeBinary, nullable=False),  # The person's own, 16 bytes each.
    Column("devices", LargeBinary, nullable=False),  # Whose keys these are, 32 bytes each.
    Index(None, "person_id"),
)
SEALS = Table(
    "report_seals",
    METADATA,
    Column("report_id", String(32), primary_key=True),
    Column("envelope", String(6), primary_key=True),  # report: the proof; appeal.
    Column("key_id", LargeBinary(16), primary_key=True),
    Column("by_id", String(32), primary_key=True),  # The moderator whose device sealed it.
    Column("person_id", String(32), nullable=False),
    Column("device", LargeBinary(32), nullable=False),
    Column("kem", Integer, nullable=False),
    Column("seal", LargeBinary, nullable=False),
)
SANCTIONS = Table(
    "sanctions",
    METADATA,
    Column("report_id", String(32), primary_key=True),
    Column("person_id", String(32), nullable=False, index=True),
    Column("path", Text, nullable=False),
    Column("kind", String(9), nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("acknowledged_ms", BigInteger),
    Column("ended_ms", BigInteger),  # Lifted before its time.
    Column("in_rosters", Boolean, nullable=False),  # Leaves lack the right to send because of it.
    Index(
        "ix_sanctions_in_rosters",
        "until_ms",
        sqlite_where=text("in_rosters"),
        postgresql_where=text("in_rosters"),
    ),
)
APPEALS = Table(
    "sanction_appeals",
    METADATA,
    Column("report_id", String(32), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("devices", LargeBinary, nullable=False),  # That it is sealed to, 32 bytes each.
    Column("created_ms", BigInteger, nullable=False),
    Column("outcome", String(6)),
    Column("reason", Text, nullable=False),
    Column("decider_id", String(32)),
    Column("decided_ms", BigInteger),
)
