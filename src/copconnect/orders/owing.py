"""The people who owe an acknowledgement, as a statement that others add columns to."""

from typing import Any

from sqlalchemy import Select, and_, select

from copconnect.orders.rules import KnownOrder
from copconnect.orders.tables import ACKNOWLEDGEMENTS

_A = ACKNOWLEDGEMENTS.c


def owing(
    order: KnownOrder, readers: Select[Any], reached: Select[Any], beside: Select[Any]
) -> tuple[Any, Any, Any, Any]:
    """Return a statement, yet without columns, of everybody who owes or has given an
    acknowledgement, and who is in the statement ``beside``: with the columns of readers, of how far
    each has come, and of ``beside``. Acknowledgements of a text before the one that everybody was
    asked about last are left out."""
    reader, seen, also = readers.subquery(), reached.subquery(), beside.subquery()
    source = (
        reader.join(also, also.c.person_id == reader.c.person_id)
        .outerjoin(seen, seen.c.person_id == reader.c.person_id)
        .outerjoin(
            ACKNOWLEDGEMENTS,
            and_(
                _A.order_id == order.order_id,
                _A.person_id == reader.c.person_id,
                _A.text_seq >= order.asked_seq,
            ),
        )
    )
    owes = [reader.c.person_id != order.issuer_id, reader.c.history_from_ms <= order.issued_ms]
    if order.valid_until_ms is not None:
        owes.append(reader.c.added_ms <= order.valid_until_ms)
    return select().select_from(source).where(*owes), reader.c, seen.c, also.c
