"""Counts of conversations by size and of messages by time, for charts."""

from itertools import zip_longest

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.rows import PeopleSelect
from copconnect.delivery.store.tables import CONVERSATIONS, LOG, MEMBERS

SIZES = (2, 10, 50, 100, 500, 1_000, 10_000)
"""The least members of each step."""
SPAN_MS = 30 * 60_000
"""Messages are counted by half hours: time zones differ by those."""
_C, _L, _M = CONVERSATIONS.c, LOG.c, MEMBERS.c


class Traffic:
    """Reads counts. Holds no state."""

    async def sizes(
        self, connection: AsyncConnection, people: PeopleSelect | None
    ) -> list[tuple[int, int | None, int]]:
        """Return, for each step of sizes, its least and most members and how many groups are of
        it; of those alone in which these people are, None: of all."""
        steps = list(zip_longest(SIZES, (more - 1 for more in SIZES[1:])))
        step = case(*((_C.members <= most, least) for least, most in steps[:-1]), else_=SIZES[-1])
        query = select(step, func.count()).where(_C.kind != "direct", _C.members >= SIZES[0])
        if people is not None:
            theirs = select(_M.conversation_id).where(
                _M.removed_ms.is_(None), _M.person_id.in_(people)
            )
            query = query.where(_C.conversation_id.in_(theirs))
        many = {row[0]: row[1] for row in await connection.execute(query.group_by(step))}
        return [(least, most, many.get(least, 0)) for least, most in steps]

    async def activity(
        self, connection: AsyncConnection, people: PeopleSelect | None, since_ms: int
    ) -> list[tuple[int, int]]:
        """Return how many messages these people sent in each half hour since then, by its start,
        oldest first; None: everybody. Quiet messages are left out."""
        start = _L.sent_ms - _L.sent_ms % SPAN_MS
        query = select(start, func.count()).where(_L.sent_ms >= since_ms, ~_L.quiet)
        if people is not None:
            query = query.where(_L.person_id.in_(people))
        rows = await connection.execute(query.group_by(start).order_by(start))
        return [(at, many) for at, many in rows]
