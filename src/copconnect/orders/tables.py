"""Tables of orders. Ids are hex; times ms since 1970.

``acknowledgements`` has at most one row for each order and person: the record that counts. Rows of
people who left stay, and count again if they return.
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
    text,
)

from copconnect.database.engine import METADATA

ORDERS = Table(
    "orders",
    METADATA,
    Column("order_id", String(32), primary_key=True),  # The id of its message.
    Column("conversation_id", String(32), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("header_hash", LargeBinary(32), nullable=False),
    Column("issuer_id", String(32), nullable=False),
    Column("issued_ms", BigInteger, nullable=False, index=True),
    Column("priority", String(16), nullable=False),
    Column("choices", SmallInteger, nullable=False),
    Column("items", SmallInteger, nullable=False),
    Column("answers", Boolean, nullable=False),
    Column("photo", Boolean, nullable=False),
    Column("valid_until_ms", BigInteger),
    Column("readers", String(300), nullable=False),  # By commas.
    Column("remind_minutes", String(64), nullable=False),  # By commas.
    Column("escalate_minutes", Integer),
    Column("escalate_below", SmallInteger, nullable=False),
    Column("texts", LargeBinary, nullable=False),  # rules.packed: the order's, and corrections'.
    Column("asked_seq", BigInteger, nullable=False),  # Its newest text asks everybody.
    Column("asked_ms", BigInteger, nullable=False),
    Column("withdrawn_ms", BigInteger),
    Column("escalated_ms", BigInteger),
    Column("reminded_ms", BigInteger),  # When somebody last asked for a reminder.
    Column("due_ms", BigInteger),  # When somebody is to be woken next; NULL: nobody any more.
    Index(None, "conversation_id", "issued_ms"),
    Index(
        "ix_orders_due",
        "due_ms",
        sqlite_where=text("due_ms IS NOT NULL"),
        postgresql_where=text("due_ms IS NOT NULL"),
    ),
)
ACKNOWLEDGEMENTS = Table(
    "acknowledgements",
    METADATA,
    Column("order_id", String(32), primary_key=True),
    Column("person_id", String(32), primary_key=True),
    Column("signer_id", String(32), nullable=False),  # The person whose device signed.
    Column("told", Boolean, nullable=False),  # In person, by the signer.
    Column("choice", SmallInteger, nullable=False),
    Column("done", SmallInteger, nullable=False),  # Items, bit n - 1 for the nth.
    Column("photo", Boolean, nullable=False),  # It names one.
    Column("text_seq", BigInteger, nullable=False),  # The text that it answers.
    Column("created_ms", BigInteger, nullable=False),  # As the record says.
    Column("received_ms", BigInteger, nullable=False),
    # The first record that acknowledged the text asked now: a tick replaces the record.
    Column("first_created_ms", BigInteger, nullable=False),
    Column("first_received_ms", BigInteger, nullable=False),
    Column("record", LargeBinary, nullable=False),
    # A count reads every row of an order: from this index alone.
    Index(
        "ix_acknowledgements_counted",
        *("order_id", "person_id", "told", "choice", "done", "photo", "text_seq"),
    ),
)
# The sealed answers of the records that count.
ANSWERS = Table(
    "acknowledgement_answers",
    METADATA,
    Column("order_id", String(32), primary_key=True),
    Column("person_id", String(32), primary_key=True),
    Column("answer", LargeBinary, nullable=False),
)
# The sealed photos of the records that count, each with the attachment that it points to.
PHOTOS = Table(
    "acknowledgement_photos",
    METADATA,
    Column("order_id", String(32), primary_key=True),
    Column("person_id", String(32), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("attachment_id", String(32), nullable=False),
)
# Texts by SMS, one at most for each order and person. copconnect.orders.texting tells the states.
TEXTS = Table(
    "order_texts",
    METADATA,
    Column("order_id", String(32), primary_key=True),
    Column("person_id", String(32), primary_key=True),
    Column("state", String(8), nullable=False),
    Column("asked_ms", BigInteger, nullable=False),  # When it was last decided to ask the gateway.
    Column("due_ms", BigInteger),  # When a text that waits is tried again.
    Column("attempts", Integer, nullable=False),
    Index(None, "asked_ms"),
    Index(None, "person_id", "asked_ms"),
)
